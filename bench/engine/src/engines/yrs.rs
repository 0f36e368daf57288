//! Yrs.

use anyhow::Result;
use yrs::{
    ClientID, Doc, GetString as _, Map as _, MapRef, Options, Out, ReadTxn as _, StateVector, Text as _,
    TextRef, Transact as _, TransactionMut, Update, updates::decoder::Decode as _,
};

use crate::{
    engine::{Records, Slow, Text},
    trace::Patch,
};

/// A document, and the values in it.
pub struct Yrs {
    doc: Doc,
    text: TextRef,
    map: MapRef,
}

impl Yrs {
    fn splice(&self, transaction: &mut TransactionMut<'_>, patch: Patch<'_>) {
        let Patch(at, deleted, inserted) = patch;
        if deleted > 0 {
            self.text.remove_range(transaction, at as u32, deleted as u32);
        }
        if !inserted.is_empty() {
            self.text.insert(transaction, at as u32, inserted);
        }
    }
}

impl Text for Yrs {
    const NAME: &'static str = "Yrs";
    // It looks for each position from the start of the text.
    const SLOW: &'static [Slow] = &[Slow::Edits, Slow::Live];
    // It could be told to, but is used as it comes.
    const KEEPS_DELETED: bool = false;

    fn new(replica: u64) -> Self {
        let doc = Doc::with_options(Options::with_client_id(ClientID::new(replica)));
        let (text, map) = (doc.get_or_insert_text("t"), doc.get_or_insert_map("m"));
        Self { doc, text, map }
    }

    fn edit(&mut self, patch: Patch<'_>) -> Result<()> {
        self.splice(&mut self.doc.transact_mut(), patch);
        Ok(())
    }

    fn edit_and_encode(&mut self, patch: Patch<'_>, update: &mut Vec<u8>) -> Result<()> {
        let mut transaction = self.doc.transact_mut();
        self.splice(&mut transaction, patch);
        update.extend_from_slice(&transaction.encode_update_v1());
        Ok(())
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        self.doc.transact_mut().apply_update(Update::decode_v1(update)?)?;
        Ok(())
    }

    fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.transact().encode_state_as_update_v2(&StateVector::default()))
    }

    fn load(replica: u64, bytes: &[u8]) -> Result<Self> {
        let loaded = <Self as Text>::new(replica);
        loaded.doc.transact_mut().apply_update(Update::decode_v2(bytes)?)?;
        Ok(loaded)
    }
}

impl Records for Yrs {
    const NAME: &'static str = <Self as Text>::NAME;
    const COUNTS: bool = false;

    fn new(replica: u64) -> Self {
        <Self as Text>::new(replica)
    }

    fn set(&mut self, key: &str, value: i64, update: &mut Vec<u8>) -> Result<()> {
        let mut transaction = self.doc.transact_mut();
        self.map.insert(&mut transaction, key, value);
        update.extend_from_slice(&transaction.encode_update_v1());
        Ok(())
    }

    fn increment(&mut self, _: &mut Vec<u8>) -> Result<()> {
        anyhow::bail!("Yrs has no counters")
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        Text::apply(self, update)
    }

    fn get(&self, key: &str) -> Option<i64> {
        match self.map.get(&self.doc.transact(), key)? {
            Out::Any(value) => i64::try_from(value).ok(),
            _ => None,
        }
    }

    fn count(&self) -> i64 {
        0
    }
}
