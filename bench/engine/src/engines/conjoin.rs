//! Conjoin.

use anyhow::Result;
use conjoin_core::{Commit, Doc, ReplicaId, Transaction, codec::Reader};

use crate::{
    engine::{READER, REPLICAS, Records, Text},
    trace::Patch,
};

/// A document.
pub struct Conjoin {
    doc: Doc,
}

/// Who takes part in the session, in the order in which both sides number them.
const SESSION: [ReplicaId; 3] =
    [ReplicaId::new(REPLICAS[0]), ReplicaId::new(REPLICAS[1]), ReplicaId::new(READER)];

impl Text for Conjoin {
    const NAME: &'static str = "Conjoin";
    const KEEPS_DELETED: bool = true;

    fn new(replica: u64) -> Self {
        Self { doc: Doc::new(ReplicaId::new(replica)) }
    }

    fn edit(&mut self, patch: Patch<'_>) -> Result<()> {
        let mut result = Ok(());
        self.doc.transact(|tx| result = splice(tx, patch));
        result
    }

    fn edit_and_encode(&mut self, patch: Patch<'_>, update: &mut Vec<u8>) -> Result<()> {
        let mut result = Ok(());
        encode(&self.doc.transact(|tx| result = splice(tx, patch)), update);
        result
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        let resolve = |number| SESSION.get(usize::try_from(number).ok()?).copied();
        self.doc.apply_with(0, &mut Reader::new(update), &resolve)?;
        Ok(())
    }

    fn text(&self) -> String {
        self.doc.text("t").to_string()
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.snapshot())
    }

    fn load(replica: u64, bytes: &[u8]) -> Result<Self> {
        let mut doc = Doc::new(ReplicaId::new(replica));
        doc.merge_snapshot(bytes)?;
        Ok(Self { doc })
    }
}

impl Records for Conjoin {
    const NAME: &'static str = <Self as Text>::NAME;
    const COUNTS: bool = true;

    fn new(replica: u64) -> Self {
        <Self as Text>::new(replica)
    }

    fn set(&mut self, key: &str, value: i64, update: &mut Vec<u8>) -> Result<()> {
        encode(&self.doc.transact(|tx| tx.map("m").set(key, value)), update);
        Ok(())
    }

    fn increment(&mut self, update: &mut Vec<u8>) -> Result<()> {
        encode(&self.doc.transact(|tx| tx.counter("c").increment()), update);
        Ok(())
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        Text::apply(self, update)
    }

    fn get(&self, key: &str) -> Option<i64> {
        match self.doc.map("m").get(key)? {
            conjoin_core::Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    fn count(&self) -> i64 {
        self.doc.counter("c")
    }
}

fn splice(tx: &mut Transaction<'_>, Patch(at, deleted, inserted): Patch<'_>) -> Result<()> {
    let mut text = tx.text("t");
    if deleted > 0 {
        text.delete(at..at + deleted)?;
    }
    if !inserted.is_empty() {
        text.insert(at, inserted)?;
    }
    Ok(())
}

/// As in a session that is under way.
fn encode(commit: &Commit<'_>, update: &mut Vec<u8>) {
    commit.encode_with(update, &mut |replica| {
        let number = SESSION.iter().position(|known| *known == replica);
        number.expect("the session numbers all who take part") as u64
    });
}
