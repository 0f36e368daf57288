//! Automerge.

use anyhow::{Context as _, Result};
use automerge::{
    ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc as _, ScalarValue,
    transaction::{CommitOptions, Transactable as _},
};

use crate::{
    engine::{Records, Slow, Text},
    trace::Patch,
};

/// A document, and the values in it.
pub struct Automerge {
    doc: AutoCommit,
    text: ObjId,
    map: ObjId,
}

impl Automerge {
    fn over(mut doc: AutoCommit, replica: u64) -> Result<Self> {
        doc.set_actor(ActorId::from(replica.to_be_bytes()));
        let find = |name| -> Result<ObjId> { Ok(doc.get(ROOT, name)?.context("a value is lacking")?.1) };
        let (text, map) = (find("t")?, find("m")?);
        Ok(Self { doc, text, map })
    }

    fn commit(&mut self) {
        // No clock: what is measured must not depend on the hour.
        self.doc.commit_with(CommitOptions::default().with_time(0));
    }

    fn commit_and_encode(&mut self, update: &mut Vec<u8>) -> Result<()> {
        self.commit();
        let change = self.doc.get_last_local_change().context("an edit makes a change")?;
        update.extend_from_slice(change.raw_bytes());
        Ok(())
    }

    fn splice(&mut self, patch: Patch<'_>) -> Result<()> {
        let Patch(at, deleted, inserted) = patch;
        self.doc.splice_text(&self.text, at, deleted as isize, inserted)?;
        Ok(())
    }

    /// What all replicas begin with: the same change, by an actor of its own.
    fn origin() -> Result<AutoCommit> {
        let mut doc = AutoCommit::new().with_actor(ActorId::from([0_u8; 8]));
        doc.put_object(ROOT, "t", ObjType::Text)?;
        doc.put_object(ROOT, "m", ObjType::Map)?;
        doc.put(ROOT, "c", ScalarValue::counter(0))?;
        doc.commit_with(CommitOptions::default().with_time(0));
        Ok(doc)
    }
}

impl Text for Automerge {
    const NAME: &'static str = "Automerge";
    const SLOW: &'static [Slow] = &[Slow::Edits, Slow::Live, Slow::Concurrent];
    const KEEPS_DELETED: bool = true;

    fn new(replica: u64) -> Self {
        Self::origin().and_then(|doc| Self::over(doc, replica)).expect("the origin holds all values")
    }

    fn edit(&mut self, patch: Patch<'_>) -> Result<()> {
        self.splice(patch)?;
        self.commit();
        Ok(())
    }

    fn edit_and_encode(&mut self, patch: Patch<'_>, update: &mut Vec<u8>) -> Result<()> {
        self.splice(patch)?;
        self.commit_and_encode(update)
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        self.doc.load_incremental(update)?;
        Ok(())
    }

    fn text(&self) -> String {
        self.doc.text(&self.text).expect("the text is one")
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.save())
    }

    fn load(replica: u64, bytes: &[u8]) -> Result<Self> {
        Self::over(AutoCommit::load(bytes)?, replica)
    }
}

impl Records for Automerge {
    const NAME: &'static str = <Self as Text>::NAME;
    const SLOW: &'static [Slow] = &[Slow::Sets, Slow::Increments];
    const COUNTS: bool = true;

    fn new(replica: u64) -> Self {
        <Self as Text>::new(replica)
    }

    fn set(&mut self, key: &str, value: i64, update: &mut Vec<u8>) -> Result<()> {
        self.doc.put(&self.map, key, value)?;
        self.commit_and_encode(update)
    }

    fn increment(&mut self, update: &mut Vec<u8>) -> Result<()> {
        self.doc.increment(ROOT, "c", 1)?;
        self.commit_and_encode(update)
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        Text::apply(self, update)
    }

    fn get(&self, key: &str) -> Option<i64> {
        self.doc.get(&self.map, key).ok()??.0.as_i64()
    }

    fn count(&self) -> i64 {
        let counter = self.doc.get(ROOT, "c").ok().flatten();
        counter.and_then(|(value, _)| value.as_i64()).unwrap_or(0)
    }
}
