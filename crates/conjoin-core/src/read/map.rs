//! Reading maps.

use std::fmt;

use super::{Item, ListRef, RegisterRef, SetRef, TextRef};
use crate::changed::ContainerId;
use crate::doc::Doc;
use crate::numbers::Lv;
use crate::state::{Data, Held, Map};
use crate::strings::StrId;
use crate::value::{Kind, Value};

reference! {
    /// A map, to be read.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// let colors = doc.map("colors");
    /// assert_eq!(colors.get("sky"), Some(&Value::from("blue")));
    /// assert_eq!(format!("{colors:?}"), r#"{"sky": Value(Str("blue"))}"#);
    /// ```
    MapRef, Map, Map
}

impl<'a> MapRef<'a> {
    fn held(&self, key: &str) -> Option<(Lv, &'a Held)> {
        let slot = self.data()?.slots.get(&self.doc.strings.find(key)?)?;
        Some((slot.lv, &slot.held))
    }

    /// The plain value of a key.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// assert_eq!(doc.map("colors").get("sky"), Some(&Value::from("blue")));
    /// assert_eq!(doc.map("colors").get("sea"), None);
    /// ```
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        if let Some((_, Held::Value(value))) = self.held(key) { Some(value) } else { None }
    }

    /// What a key holds.
    ///
    /// ```
    /// use conjoin_core::{Doc, Item, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("page").text("body").push("Hello"));
    /// let Some(Item::Text(body)) = doc.map("page").item("body") else { panic!("it is a text") };
    /// assert_eq!(body.to_string(), "Hello");
    /// ```
    pub fn item(&self, key: &str) -> Option<Item<'a>> {
        let (lv, held) = self.held(key)?;
        self.doc.held(held, lv)
    }

    fn entries(&self) -> impl Iterator<Item = (StrId, Item<'a>)> + 'a {
        let doc = self.doc;
        const NONE: &Map = &Map::new();
        let slots = self.data().unwrap_or(NONE).slots.iter();
        slots.filter_map(move |(&key, slot)| Some((key, doc.held(&slot.held, slot.lv)?)))
    }

    /// The keys and what they hold, by key.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.map("colors").set("sky", "blue");
    ///     tx.map("colors").set("grass", "green");
    /// });
    /// let keys: Vec<_> = doc.map("colors").iter().map(|(key, _)| key).collect();
    /// assert_eq!(keys, ["grass", "sky"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> + 'a {
        let doc = self.doc;
        let mut entries: Vec<_> = self.entries().map(|(key, item)| (&**doc.strings.get(key), item)).collect();
        entries.sort_unstable_by_key(|entry| entry.0);
        entries.into_iter()
    }

    /// The number of keys that hold something.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.map("colors").set("sky", "blue");
    ///     tx.map("colors").set("sea", "green");
    ///     tx.map("colors").remove("sea");
    /// });
    /// assert_eq!(doc.map("colors").len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.entries().count()
    }

    /// Whether no key holds anything.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.map("colors").is_empty());
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// assert!(!doc.map("colors").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    nested!(key: &str);
}

impl PartialEq for MapRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for MapRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
