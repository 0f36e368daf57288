//! Reading sets.

use std::fmt;

use crate::changed::ContainerId;
use crate::doc::Doc;
use crate::state::{Data, Members};
use crate::value::{Ordered, Value};

reference! {
    /// A set, to be read.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.set("tags").insert("new"));
    /// let tags = doc.set("tags");
    /// assert!(tags.contains("new"));
    /// assert_eq!(format!("{tags:?}"), r#"{Str("new")}"#);
    /// ```
    SetRef, Set, Members
}

impl<'a> SetRef<'a> {
    /// Whether a value is in.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.set("tags").insert(1));
    /// assert!(doc.set("tags").contains(1));
    /// assert!(!doc.set("tags").contains("1"));
    /// ```
    pub fn contains(&self, value: impl Into<Value>) -> bool {
        self.data().is_some_and(|members| members.values.contains_key(&Ordered(value.into())))
    }

    /// The values: null, false, true, whole numbers, fractions, texts, bytes, each by size.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.set("s").insert("text");
    ///     tx.set("s").insert(2);
    ///     tx.set("s").insert(1);
    /// });
    /// let values: Vec<_> = doc.set("s").iter().cloned().collect();
    /// assert_eq!(values, [Value::from(1), Value::from(2), Value::from("text")]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &'a Value> + 'a {
        const NONE: &Members = &Members::new();
        self.data().unwrap_or(NONE).values.keys().map(|value| &value.0)
    }

    /// The number of values.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.set("tags").insert("new");
    ///     tx.set("tags").insert("new");
    /// });
    /// assert_eq!(doc.set("tags").len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.data().map_or(0, |members| members.values.len())
    }

    /// Whether no value is in.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.set("tags").is_empty());
    /// doc.transact(|tx| tx.set("tags").insert("new"));
    /// assert!(!doc.set("tags").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PartialEq for SetRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for SetRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
