//! Editing registers.

use super::{Place, Transaction};
use crate::op::Edit;
use crate::value::Value;

/// A register, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.register("title").set("Atlas"));
/// assert_eq!(doc.register("title"), Some(&Value::from("Atlas")));
/// ```
#[derive(Debug)]
pub struct RegisterMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
}

impl RegisterMut<'_, '_> {
    /// Replaces the value.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.register("ready").set(false));
    /// doc.transact(|tx| tx.register("ready").set(true));
    /// assert_eq!(doc.register("ready"), Some(&Value::from(true)));
    /// ```
    pub fn set(&mut self, value: impl Into<Value>) {
        self.tx.push(self.place, Edit::Write(value.into()));
    }
}
