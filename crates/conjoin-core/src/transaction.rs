//! Editing: all edits of one transaction become one change.

use std::sync::Arc;

use crate::doc::{Commit, Doc};
use crate::op::{Edit, Name, Op};
use crate::size;
use crate::value::{Changed, Value};

/// A float that is infinite or not a number, which a sum would not survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only finite numbers can be added to a counter")]
pub struct NotFinite;

/// Edits in progress, from [`Doc::transact`].
#[derive(Debug)]
pub struct Transaction<'a> {
    doc: &'a mut Doc,
    ops: Vec<Op>,
    changed: Changed,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(doc: &'a mut Doc) -> Self {
        Self { doc, ops: Vec::new(), changed: Changed::default() }
    }

    /// The counter of this name.
    pub fn counter<'t>(&'t mut self, name: &'t str) -> CounterMut<'t, 'a> {
        CounterMut { tx: self, name }
    }

    /// The floating-point counter of this name.
    pub fn float_counter<'t>(&'t mut self, name: &'t str) -> FloatCounterMut<'t, 'a> {
        FloatCounterMut { tx: self, name }
    }

    /// The register of this name.
    pub fn register<'t>(&'t mut self, name: &'t str) -> RegisterMut<'t, 'a> {
        RegisterMut { tx: self, name }
    }

    /// The map of this name.
    pub fn map<'t>(&'t mut self, name: &'t str) -> MapMut<'t, 'a> {
        MapMut { tx: self, name }
    }

    /// The document with the edits so far.
    pub const fn doc(&self) -> &Doc {
        self.doc
    }

    fn name(&mut self, name: &str) -> Name {
        self.doc.own_name(name)
    }

    fn push(&mut self, name: &str, edit: impl FnOnce(&mut Self) -> Edit) {
        let op = Op { name: self.name(name), edit: edit(self) };
        self.doc.apply_own(&op, self.ops.len() as u64, &mut self.changed);
        self.ops.push(op);
    }

    pub(crate) fn commit(mut self) -> Commit {
        let ops = std::mem::take(&mut self.ops);
        let changed = std::mem::take(&mut self.changed);
        Commit { delta: self.doc.commit(ops), changed }
    }
}

impl Drop for Transaction<'_> {
    /// The edits are in the document already, so they are committed even when a panic unwinds.
    fn drop(&mut self) {
        self.doc.commit(std::mem::take(&mut self.ops));
    }
}

/// A counter, to be edited.
#[derive(Debug)]
pub struct CounterMut<'t, 'a> {
    tx: &'t mut Transaction<'a>,
    name: &'t str,
}

impl CounterMut<'_, '_> {
    /// Adds; a negative amount subtracts.
    pub fn add(&mut self, amount: i64) {
        if amount != 0 {
            self.tx.push(self.name, |_| Edit::AddInt(amount));
        }
    }

    /// Adds one.
    pub fn increment(&mut self) {
        self.add(1);
    }

    /// Subtracts one.
    pub fn decrement(&mut self) {
        self.add(-1);
    }
}

/// A floating-point counter, to be edited.
#[derive(Debug)]
pub struct FloatCounterMut<'t, 'a> {
    tx: &'t mut Transaction<'a>,
    name: &'t str,
}

impl FloatCounterMut<'_, '_> {
    /// Adds; a negative amount subtracts.
    ///
    /// # Errors
    /// If the amount is infinite or not a number; nothing is added then.
    pub fn add(&mut self, amount: f64) -> Result<(), NotFinite> {
        if !amount.is_finite() {
            return Err(NotFinite);
        }
        if amount != 0.0 {
            self.tx.push(self.name, |_| Edit::AddFloat(amount));
        }
        Ok(())
    }
}

/// A register, to be edited.
#[derive(Debug)]
pub struct RegisterMut<'t, 'a> {
    tx: &'t mut Transaction<'a>,
    name: &'t str,
}

impl RegisterMut<'_, '_> {
    /// Replaces the value.
    pub fn set(&mut self, value: impl Into<Value>) {
        let value = value.into();
        self.tx.push(self.name, |_| Edit::Set(value));
    }
}

/// A map, to be edited.
#[derive(Debug)]
pub struct MapMut<'t, 'a> {
    tx: &'t mut Transaction<'a>,
    name: &'t str,
}

impl MapMut<'_, '_> {
    /// Gives a key a value.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        self.tx.push(self.name, |tx| Edit::Put { key: tx.name(key), value });
    }

    /// Takes a key and its value out. Does nothing if it has none.
    pub fn remove(&mut self, key: &str) {
        if self.tx.doc.map(self.name).get(key).is_some() {
            self.tx.push(self.name, |tx| Edit::Remove { key: tx.name(key) });
        }
    }
}

impl Doc {
    /// How this replica names a string: by its number, or by introducing it.
    fn own_name(&mut self, name: &str) -> Name {
        if let Some(&index) = self.own_names.get(name) {
            return Name::Known(index as u32);
        }
        let name: Arc<str> = name.into();
        let table = self.names.entry(self.replica).or_default();
        self.state.size += size::string(&name);
        self.own_names.insert(name.clone(), table.len() as u64);
        table.push(name.clone());
        Name::New(name)
    }
}
