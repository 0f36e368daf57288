//! Loro.

use anyhow::Result;
use loro::{ExportMode, LoroCounter, LoroDoc, LoroMap, LoroText};

use crate::{
    engine::{Records, Text},
    trace::Patch,
};

/// A document, and the values in it.
pub struct Loro {
    doc: LoroDoc,
    text: LoroText,
    map: LoroMap,
    counter: LoroCounter,
}

impl Loro {
    fn over(doc: LoroDoc, replica: u64) -> Result<Self> {
        doc.set_peer_id(replica)?;
        let (text, map, counter) = (doc.get_text("t"), doc.get_map("m"), doc.get_counter("c"));
        Ok(Self { doc, text, map, counter })
    }

    fn encoded(&self, update: &mut Vec<u8>, edit: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let before = self.doc.oplog_vv();
        edit(self)?;
        self.doc.commit();
        update.extend_from_slice(&self.doc.export(ExportMode::updates(&before))?);
        Ok(())
    }

    fn splice(&self, patch: Patch<'_>) -> Result<()> {
        let Patch(at, deleted, inserted) = patch;
        if deleted > 0 {
            self.text.delete(at, deleted)?;
        }
        if !inserted.is_empty() {
            self.text.insert(at, inserted)?;
        }
        Ok(())
    }
}

impl Text for Loro {
    const NAME: &'static str = "Loro";
    const KEEPS_DELETED: bool = true;

    fn new(replica: u64) -> Self {
        Self::over(LoroDoc::new(), replica).expect("a new document takes any id")
    }

    fn edit(&mut self, patch: Patch<'_>) -> Result<()> {
        self.splice(patch)?;
        self.doc.commit();
        Ok(())
    }

    fn edit_and_encode(&mut self, patch: Patch<'_>, update: &mut Vec<u8>) -> Result<()> {
        self.encoded(update, |loro| loro.splice(patch))
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        self.doc.import(update)?;
        Ok(())
    }

    fn text(&self) -> String {
        self.text.to_string()
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.export(ExportMode::Snapshot)?)
    }

    fn load(replica: u64, bytes: &[u8]) -> Result<Self> {
        Self::over(LoroDoc::from_snapshot(bytes)?, replica)
    }
}

impl Records for Loro {
    const NAME: &'static str = <Self as Text>::NAME;
    const COUNTS: bool = true;

    fn new(replica: u64) -> Self {
        <Self as Text>::new(replica)
    }

    fn set(&mut self, key: &str, value: i64, update: &mut Vec<u8>) -> Result<()> {
        self.encoded(update, |loro| Ok(loro.map.insert(key, value)?))
    }

    fn increment(&mut self, update: &mut Vec<u8>) -> Result<()> {
        self.encoded(update, |loro| Ok(loro.counter.increment(1.0)?))
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        Text::apply(self, update)
    }

    fn get(&self, key: &str) -> Option<i64> {
        self.map.get(key)?.into_value().ok()?.into_i64().ok()
    }

    fn count(&self) -> i64 {
        self.counter.get() as i64
    }
}
