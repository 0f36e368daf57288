//! Reading lists.

use std::fmt;

use super::{Item, MapRef, RegisterRef, SetRef, TextRef};
use crate::changed::ContainerId;
use crate::doc::Doc;
use crate::numbers::Lv;
use crate::state::{Data, Held, List};
use crate::value::{Kind, Value};

reference! {
    /// A list, to be read.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("shopping").insert_all(0, ["milk", "bread"]).unwrap());
    /// let shopping = doc.list("shopping");
    /// assert_eq!(shopping.len(), 2);
    /// assert_eq!(format!("{shopping:?}"), r#"[Value(Str("milk")), Value(Str("bread"))]"#);
    /// ```
    ListRef, List, List
}

impl<'a> ListRef<'a> {
    fn held(&self, at: usize) -> Option<(Lv, &'a Held)> {
        self.data()?.at(at)
    }

    /// The plain value of an item.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("shopping").push("milk"));
    /// assert_eq!(doc.list("shopping").get(0), Some(&Value::from("milk")));
    /// assert_eq!(doc.list("shopping").get(1), None);
    /// ```
    pub fn get(&self, at: usize) -> Option<&'a Value> {
        if let Some((_, Held::Value(value))) = self.held(at) { Some(value) } else { None }
    }

    /// What an item is.
    ///
    /// ```
    /// use conjoin_core::{Doc, Item, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("l").insert_counter(0).unwrap().add(2));
    /// assert_eq!(doc.list("l").item(0), Some(Item::Counter(2)));
    /// assert_eq!(doc.list("l").item(1), None);
    /// ```
    pub fn item(&self, at: usize) -> Option<Item<'a>> {
        let (item, held) = self.held(at)?;
        self.doc.held(held, item)
    }

    /// The items.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("shopping").insert_all(0, ["milk", "bread"]).unwrap());
    /// let items: Vec<_> = doc.list("shopping").iter().filter_map(|item| item.value()).collect();
    /// assert_eq!(items, [&Value::from("milk"), &Value::from("bread")]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Item<'a>> + 'a {
        let (doc, list) = (self.doc, self.data());
        let mut slots = list.map(|list| (list, list.sequence.elements(true)));
        std::iter::from_fn(move || {
            let (list, slots) = slots.as_mut()?;
            slots.find_map(|slot| {
                let item = list.item_of(slot);
                doc.held(list.items.get(item)?, item)
            })
        })
    }

    /// The number of items.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("l").insert_all(0, 0..5).unwrap());
    /// doc.transact(|tx| tx.list("l").remove(1..3).unwrap());
    /// assert_eq!(doc.list("l").len(), 3);
    /// ```
    pub fn len(&self) -> usize {
        self.data().map_or(0, |list| list.sequence.len())
    }

    /// Whether there are no items.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.list("l").is_empty());
    /// doc.transact(|tx| tx.list("l").push(1));
    /// assert!(!doc.list("l").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    nested!(at: usize);
}

impl PartialEq for ListRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ListRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
