//! Editing sets.

use super::{Place, Transaction};
use crate::op::Edit;
use crate::state::{Data, Members};
use crate::value::{Ordered, Value};

/// A set, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut tags = tx.set("tags");
///     tags.insert("new");
///     tags.insert("draft");
///     tags.remove("new");
/// });
/// assert_eq!(doc.set("tags").len(), 1);
/// ```
#[derive(Debug)]
pub struct SetMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
}

impl SetMut<'_, '_> {
    fn read(&self) -> Option<&Members> {
        if let Some(Data::Set(members)) = self.tx.data(self.place) { Some(members) } else { None }
    }

    /// Puts a value in. Others who take it out at the same time do not take this one.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// ada.transact(|tx| tx.set("tags").insert("new"));
    /// bob.merge(&ada)?;
    /// ada.transact(|tx| tx.set("tags").insert("new"));
    /// bob.transact(|tx| tx.set("tags").remove("new"));
    /// ada.merge(&bob)?;
    /// assert!(ada.set("tags").contains("new"));
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn insert(&mut self, value: impl Into<Value>) {
        self.tx.push(self.place, Edit::Include(value.into()));
    }

    /// Takes a value out. Does nothing if it is not in.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.set("tags").insert("new"));
    /// doc.transact(|tx| tx.set("tags").remove("new"));
    /// assert!(!doc.set("tags").contains("new"));
    /// ```
    pub fn remove(&mut self, value: impl Into<Value>) {
        let value = Ordered(value.into());
        if self.read().is_some_and(|members| members.values.contains_key(&value)) {
            self.tx.push(self.place, Edit::Exclude(value.0));
        }
    }
}
