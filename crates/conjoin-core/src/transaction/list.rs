//! Editing lists.

use std::ops::RangeBounds;

use super::{
    CounterMut, FloatCounterMut, MapMut, OutOfBounds, Place, RegisterMut, SetMut, TextMut, Transaction, Unit,
    bounds, some,
};
use crate::items::{Item, Items};
use crate::numbers::Lv;
use crate::op::Edit;
use crate::state::{Data, Held, List, Parent};
use crate::value::{Kind, Value};

/// A list, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut shopping = tx.list("shopping");
///     shopping.push("milk");
///     shopping.push("bread");
///     shopping.move_to(1, 0).unwrap();
/// });
/// assert_eq!(doc.list("shopping").get(0), Some(&Value::from("bread")));
/// ```
#[derive(Debug)]
pub struct ListMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
}

macro_rules! items {
    ($($insert:ident, $get:ident, $kind:ident, $handle:ident $(, $unit:ident)?, $what:literal;)*) => {
        $(#[doc = concat!(
            "Makes ", $what, " at an index.\n\n```\nuse conjoin_core::{Doc, Item, ReplicaId};\n\n",
            "let mut doc = Doc::new(ReplicaId::new(1));\n",
            "doc.transact(|tx| _ = tx.list(\"l\").", stringify!($insert), "(0).expect(\"it is the end\"));\n",
            "assert!(matches!(doc.list(\"l\").item(0), Some(Item::", stringify!($kind), "(_))));\n```\n\n",
            "# Errors\nIf the index is past the end.",
        )]
        pub fn $insert(&mut self, at: usize) -> Result<$handle<'_, 'a>, OutOfBounds> {
            let place = self.insert_nested(at, Kind::$kind)?;
            Ok($handle { tx: self.tx, place $(, unit: Unit::$unit)? })
        }

        #[doc = concat!(
            "The item at an index, if it is ", $what, ".\n\n```\nuse conjoin_core::{Doc, ReplicaId};\n\n",
            "let mut doc = Doc::new(ReplicaId::new(1));\n",
            "doc.transact(|tx| {\n    let mut list = tx.list(\"l\");\n",
            "    list.push(\"a plain value\");\n",
            "    list.", stringify!($insert), "(1).expect(\"it is the end\");\n",
            "    assert!(list.", stringify!($get), "(0).is_none() && list.", stringify!($get), "(1).is_some());\n",
            "});\n```",
        )]
        pub fn $get(&mut self, at: usize) -> Option<$handle<'_, 'a>> {
            let place = self.nested(at, Kind::$kind)?;
            Some($handle { tx: self.tx, place $(, unit: Unit::$unit)? })
        })*
    };
}

impl<'a> ListMut<'_, 'a> {
    fn read(&self) -> Option<&List> {
        if let Some(Data::List(list)) = self.tx.data(self.place) { Some(list) } else { None }
    }

    /// The number of items.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.list("l").push(1);
    ///     assert_eq!(tx.list("l").len(), 1);
    /// });
    /// ```
    pub fn len(&self) -> usize {
        self.read().map_or(0, |list| list.sequence.len())
    }

    /// Whether there are no items.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| assert!(tx.list("l").is_empty()));
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Inserts an item before the one at `at`.
    ///
    /// ```
    /// use conjoin_core::{Doc, OutOfBounds, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut list = tx.list("l");
    ///     assert_eq!(list.insert(0, "first"), Ok(()));
    ///     assert_eq!(list.insert(2, "third"), Err(OutOfBounds { index: 2, len: 1 }));
    /// });
    /// assert_eq!(doc.list("l").get(0), Some(&Value::from("first")));
    /// ```
    ///
    /// # Errors
    /// If the index is past the end.
    pub fn insert(&mut self, at: usize, value: impl Into<Value>) -> Result<(), OutOfBounds> {
        self.insert_item(at, Item::Value(value.into())).map(|_| ())
    }

    /// Inserts items before the one at `at`.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("l").insert_all(0, [1, 2, 4]).unwrap());
    /// doc.transact(|tx| tx.list("l").insert_all(2, [3]).unwrap());
    /// assert_eq!(doc.list("l").get(2), Some(&Value::from(3)));
    /// ```
    ///
    /// # Errors
    /// If the index is past the end.
    pub fn insert_all<V: Into<Value>>(
        &mut self,
        at: usize,
        values: impl IntoIterator<Item = V>,
    ) -> Result<(), OutOfBounds> {
        let items: Items = values.into_iter().map(|value| Item::Value(value.into())).collect();
        match items.len() as u32 {
            0 => bounds(at..at, self.len()).map(|_| ()),
            count => self.insert_items(at, items, count).map(|_| ()),
        }
    }

    /// Appends an item.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("l").push("last"));
    /// assert_eq!(doc.list("l").get(0), Some(&Value::from("last")));
    /// ```
    pub fn push(&mut self, value: impl Into<Value>) {
        let done = self.insert(self.len(), value);
        debug_assert!(done.is_ok(), "the length is an index");
    }

    fn insert_item(&mut self, at: usize, item: Item) -> Result<(u32, Lv), OutOfBounds> {
        self.insert_items(at, Items::one(&item), 1)
    }

    fn insert_items(&mut self, at: usize, items: Items, count: u32) -> Result<(u32, Lv), OutOfBounds> {
        bounds(at..at, self.len())?;
        let (container, lv) = self.tx.begin(self.place, count);
        let doc = &mut *self.tx.doc;
        let Data::List(list) = doc.state.containers.data_mut(container) else {
            unreachable!("a handle edits a value of its own kind");
        };
        let left = list.sequence.insert_at(at, lv, count.into()).left;
        list.add_items(lv, &items, &mut doc.state.size);
        doc.state.make_items(container, lv, &items, &doc.strings);
        doc.raw.splice(container, at as u32, 0, count);
        let edit = Edit::InsertItems { left: some(left), items };
        let entry = self.tx.entry(lv, count, container, at as u32, edit);
        self.tx.doc.log.push(entry, self.tx.joins);
        Ok((container, lv))
    }

    fn insert_nested(&mut self, at: usize, kind: Kind) -> Result<Place<'static>, OutOfBounds> {
        let (list, item) = self.insert_item(at, Item::Nested(kind))?;
        let nested = self.tx.doc.state.at(Parent::Item { list, item }, kind);
        Ok(Place::Made(nested.expect("it was just made")))
    }

    fn nested(&self, at: usize, kind: Kind) -> Option<Place<'static>> {
        let (item, held) = self.read()?.at(at)?;
        let state = &self.tx.doc.state;
        let child = state.held(held, item)?;
        (state.container(child).kind == kind).then_some(Place::Made(child))
    }

    /// Replaces what an item holds.
    ///
    /// ```
    /// use conjoin_core::{Doc, OutOfBounds, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut list = tx.list("l");
    ///     list.push("milk");
    ///     assert_eq!(list.set(0, "oat milk"), Ok(()));
    ///     assert_eq!(list.set(1, "bread"), Err(OutOfBounds { index: 1, len: 1 }));
    /// });
    /// assert_eq!(doc.list("l").get(0), Some(&Value::from("oat milk")));
    /// ```
    ///
    /// # Errors
    /// If there is no item at the index.
    pub fn set(&mut self, at: usize, value: impl Into<Value>) -> Result<(), OutOfBounds> {
        let (item, _) = self.at(at)?;
        self.tx.push(self.place, Edit::Assign { item, value: value.into() });
        Ok(())
    }

    /// Removes items.
    ///
    /// ```
    /// use conjoin_core::{Doc, OutOfBounds, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut list = tx.list("l");
    ///     list.insert_all(0, 0..5).unwrap();
    ///     assert_eq!(list.remove(3..), Ok(()));
    ///     assert_eq!(list.remove(0..4), Err(OutOfBounds { index: 4, len: 3 }));
    /// });
    /// assert_eq!(doc.list("l").len(), 3);
    /// ```
    ///
    /// # Errors
    /// If the range reaches past the end.
    pub fn remove(&mut self, range: impl RangeBounds<usize>) -> Result<(), OutOfBounds> {
        let (start, end) = bounds(range, self.len())?;
        // Consecutive items go by one operation.
        let mut at = start;
        let mut left = end - start;
        while left > 0 {
            let (first, _) = self.at(at)?;
            let follows = |nth: &usize| self.at(at + nth).is_ok_and(|(item, _)| item == first + *nth as u32);
            let count = 1 + (1..left).take_while(follows).count();
            self.tx.push(self.place, Edit::Delete { first, count: count as u32, down: false });
            left -= count;
            at = start;
        }
        Ok(())
    }

    /// Moves an item to where it shall stand afterwards. Others who move it at the same time do not
    /// double it: the latest move counts.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("l").insert_all(0, ["a", "b", "c"]).unwrap());
    /// doc.transact(|tx| tx.list("l").move_to(0, 2).unwrap());
    /// let items: Vec<_> = doc.list("l").iter().filter_map(|item| item.value().cloned()).collect();
    /// assert_eq!(items, ["b", "c", "a"].map(Value::from));
    /// ```
    ///
    /// # Errors
    /// If either index is past the last item.
    pub fn move_to(&mut self, from: usize, to: usize) -> Result<(), OutOfBounds> {
        let (item, _) = self.at(from)?;
        self.at(to)?;
        if from == to {
            return Ok(());
        }
        // It stands right of what is before its place once it is gone from the old one.
        let before = if to > from { Some(to) } else { to.checked_sub(1) };
        let left = before.and_then(|before| self.read()?.sequence.at(before));
        self.tx.push(self.place, Edit::Move { item, left });
        Ok(())
    }

    fn at(&self, at: usize) -> Result<(Lv, &Held), OutOfBounds> {
        self.read().and_then(|list| list.at(at)).ok_or(OutOfBounds { index: at, len: self.len() })
    }

    items! {
        insert_counter, counter, Counter, CounterMut, "a counter";
        insert_float_counter, float_counter, FloatCounter, FloatCounterMut, "a floating-point counter";
        insert_register, register, Register, RegisterMut, "a register";
        insert_map, map, Map, MapMut, "a map";
        insert_set, set_of, Set, SetMut, "a set";
        insert_list, list, List, ListMut, "a list";
        insert_text, text, Text, TextMut, Scalar, "a text";
    }
}
