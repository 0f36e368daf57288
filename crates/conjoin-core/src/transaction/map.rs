//! Editing maps.

use super::{CounterMut, FloatCounterMut, ListMut, Place, RegisterMut, SetMut, TextMut, Transaction, Unit};
use crate::op::Edit;
use crate::state::{Data, Held, Map};
use crate::value::{Kind, Value};

/// A map, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut page = tx.map("page");
///     page.set("title", "Atlas");
///     page.text("body").push("Once");
/// });
/// assert_eq!(doc.map("page").get("title"), Some(&Value::from("Atlas")));
/// assert_eq!(doc.map("page").text("body").to_string(), "Once");
/// ```
#[derive(Debug)]
pub struct MapMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
}

macro_rules! children {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $handle:ident $(, $unit:ident)?;)*) => {
        $($(#[$doc])*
        pub fn $name(&mut self, key: &str) -> $handle<'_, 'a> {
            let place = Place::Made(self.tx.child(self.place, key, Kind::$kind));
            $handle { tx: self.tx, place $(, unit: Unit::$unit)? }
        })*
    };
}

impl<'a> MapMut<'_, 'a> {
    fn read(&self) -> Option<&Map> {
        if let Some(Data::Map(map)) = self.tx.data(self.place) { Some(map) } else { None }
    }

    /// Gives a key a value.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// doc.transact(|tx| tx.map("colors").set("sky", "grey"));
    /// assert_eq!(doc.map("colors").get("sky"), Some(&Value::from("grey")));
    /// ```
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let key = self.tx.name(key);
        self.tx.push(self.place, Edit::Put { key, value: value.into() });
    }

    /// Takes a key and what it holds out. Does nothing if it holds nothing.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// doc.transact(|tx| tx.map("colors").remove("sky"));
    /// assert_eq!(doc.map("colors").get("sky"), None);
    /// ```
    pub fn remove(&mut self, key: &str) {
        let Some(key) = self.tx.doc.strings.find(key) else { return };
        let slot = self.read().and_then(|map| map.slots.get(&key));
        if slot.is_some_and(|slot| slot.held != Held::Nothing) {
            self.tx.push(self.place, Edit::Remove { key });
        }
    }

    children! {
        /// The counter under a key, made if the key does not hold one. Replicas that make it at once make
        /// one and the same.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
        /// ada.transact(|tx| tx.map("page").counter("visits").add(1));
        /// bob.transact(|tx| tx.map("page").counter("visits").add(2));
        /// ada.merge(&bob)?;
        /// assert_eq!(ada.map("page").counter("visits"), 3);
        /// # Ok::<(), conjoin_core::ApplyError>(())
        /// ```
        counter, Counter, CounterMut;
        /// The floating-point counter under a key, made as by [`counter`](Self::counter).
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| tx.map("tank").float_counter("litres").add(1.5).unwrap());
        /// assert_eq!(doc.map("tank").float_counter("litres"), 1.5);
        /// ```
        float_counter, FloatCounter, FloatCounterMut;
        /// The register under a key, made as by [`counter`](Self::counter).
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId, Value};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| tx.map("page").register("title").set("Atlas"));
        /// assert_eq!(doc.map("page").register("title").get(), Some(&Value::from("Atlas")));
        /// ```
        register, Register, RegisterMut;
        /// The map under a key, made as by [`counter`](Self::counter).
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId, Value};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| tx.map("people").map("ada").set("born", 1815));
        /// assert_eq!(doc.map("people").map("ada").get("born"), Some(&Value::from(1815)));
        /// ```
        map, Map, MapMut;
        /// The set under a key, made as by [`counter`](Self::counter).
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| tx.map("page").set_of("tags").insert("new"));
        /// assert!(doc.map("page").set("tags").contains("new"));
        /// ```
        set_of, Set, SetMut;
        /// The list under a key, made as by [`counter`](Self::counter).
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| tx.map("board").list("todo").push("write"));
        /// assert_eq!(doc.map("board").list("todo").len(), 1);
        /// ```
        list, List, ListMut;
        /// The text under a key, made as by [`counter`](Self::counter).
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| tx.map("page").text("body").push("Once"));
        /// assert_eq!(doc.map("page").text("body").to_string(), "Once");
        /// ```
        text, Text, TextMut, Scalar;
    }
}
