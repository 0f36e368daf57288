//! What is in documents, made to hold what a `Serialize` type holds, by as few edits as that takes.

use serde::ser::Serialize;

use super::SerdeError;
use super::tree::Tree;
use crate::read::{Item, ListRef};
use crate::transaction::{ListMut, MapMut, RegisterMut, SetMut, TextMut};
use crate::value::Value;

impl MapMut<'_, '_> {
    /// Makes the map hold what a struct or map holds, and nothing else: what differs is written, what is not
    /// in it goes. Counters, texts and sets that are there stay, and are changed to hold the same.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Card { title: String, done: bool, tags: Vec<String> }
    ///
    /// let mut card = Card { title: "Tea".into(), done: false, tags: vec!["kitchen".into()] };
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("card").reconcile(&card).expect("it is a struct"));
    /// card.done = true;
    /// let commit = doc.transact(|tx| tx.map("card").reconcile(&card).expect("it is a struct"));
    /// assert_eq!(commit.delta().operations(), 1);
    /// assert_eq!(doc.map("card").hydrate::<Card>()?, card);
    /// # Ok::<(), conjoin_core::SerdeError>(())
    /// ```
    ///
    /// # Errors
    /// If it is no struct or map, or holds what a document cannot. Nothing is done then.
    pub fn reconcile<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let Tree::Map(entries) = Tree::of(value)? else { return Err(SerdeError::WrongKind("a map")) };
        map(self, entries);
        Ok(())
    }

    /// Makes a key hold what a value holds, as by [`reconcile`](Self::reconcile): structs and maps become maps,
    /// sequences lists, all else plain values.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, SerdeError};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut card = tx.map("card");
    ///     assert_eq!(card.reconcile_key("tags", &["hot", "sweet"]), Ok(()));
    ///     assert_eq!(card.reconcile_key("price", &Some(3)), Ok(()));
    ///     assert_eq!(card.reconcile_key("price", &u64::MAX), Err(SerdeError::Unsigned(u64::MAX.into())));
    /// });
    /// assert_eq!(doc.map("card").to_json(), r#"{"price":3,"tags":["hot","sweet"]}"#);
    /// ```
    ///
    /// # Errors
    /// If it holds what a document cannot. Nothing is done then.
    pub fn reconcile_key<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), SerdeError> {
        entry(self, key, Tree::of(value)?);
        Ok(())
    }
}

impl ListMut<'_, '_> {
    /// Makes the list hold the items of a sequence, and no others. Items that are equal at the start and the
    /// end stay, those between are changed in their order.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, SerdeError};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("todo").insert_all(0, ["tea", "jam"]).expect("it is the start"));
    /// let commit = doc.transact(|tx| {
    ///     let mut todo = tx.list("todo");
    ///     assert_eq!(todo.reconcile(&["tea", "milk", "jam"]), Ok(()));
    ///     assert_eq!(todo.reconcile("tea"), Err(SerdeError::WrongKind("a list")));
    /// });
    /// assert_eq!(commit.delta().operations(), 1); // only the milk is new
    /// ```
    ///
    /// # Errors
    /// If it is no sequence, or holds what a document cannot. Nothing is done then.
    pub fn reconcile<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let Tree::List(items) = Tree::of(value)? else { return Err(SerdeError::WrongKind("a list")) };
        list(self, items);
        Ok(())
    }
}

impl RegisterMut<'_, '_> {
    /// Sets the register to a plain value, if it does not hold that already.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, SerdeError};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     assert_eq!(tx.register("price").reconcile(&3), Ok(()));
    ///     assert_eq!(tx.register("price").reconcile(&[3]), Err(SerdeError::WrongKind("a register")));
    /// });
    /// assert_eq!(doc.register("price"), Some(&3.into()));
    /// ```
    ///
    /// # Errors
    /// If it is none, or one that a document cannot hold. Nothing is done then.
    pub fn reconcile<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let Tree::Value(value) = Tree::of(value)? else { return Err(SerdeError::WrongKind("a register")) };
        register(self, value);
        Ok(())
    }
}

impl SetMut<'_, '_> {
    /// Makes the set hold the values of a sequence, and no others.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, SerdeError};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.set("tags").insert("cold"));
    /// doc.transact(|tx| {
    ///     assert_eq!(tx.set("tags").reconcile(&["hot", "sweet"]), Ok(()));
    ///     assert_eq!(tx.set("tags").reconcile(&[["hot"]]), Err(SerdeError::WrongKind("a set")));
    /// });
    /// assert_eq!(doc.to_json(), r#"{"tags":["hot","sweet"]}"#);
    /// ```
    ///
    /// # Errors
    /// If it is no sequence of plain values, or holds what a document cannot. Nothing is done then.
    pub fn reconcile<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let values = if let Tree::List(items) = Tree::of(value)? { plain(items) } else { None };
        set(self, values.ok_or(SerdeError::WrongKind("a set"))?);
        Ok(())
    }
}

/// All of them, if they are plain values.
fn plain(items: Vec<Tree>) -> Option<Vec<Value>> {
    let value = |item| if let Tree::Value(value) = item { Some(value) } else { None };
    items.into_iter().map(value).collect()
}

/// Whether an item holds the same.
fn same(item: Item<'_>, tree: &Tree) -> bool {
    match (item, tree) {
        (Item::Value(here), Tree::Value(value)) => here == value,
        (Item::Counter(here), Tree::Value(Value::Int(value))) => here == *value,
        (Item::FloatCounter(here), Tree::Value(Value::Float(value))) => here == *value,
        (Item::Register(here), Tree::Value(value)) => here.get() == Some(value),
        (Item::Text(here), Tree::Value(Value::Str(value))) => here.to_string() == *value,
        (Item::Map(here), Tree::Map(entries)) => {
            let equal = |(key, tree): &(String, Tree)| here.item(key).is_some_and(|item| same(item, tree));
            here.len() == entries.len() && entries.iter().all(equal)
        }
        (Item::List(here), Tree::List(items)) => {
            here.len() == items.len() && here.iter().zip(items).all(|(item, tree)| same(item, tree))
        }
        (Item::Set(here), Tree::List(items)) => {
            let is_in = |tree: &Tree| matches!(tree, Tree::Value(value) if here.contains(value.clone()));
            here.len() == items.len() && items.iter().all(is_in)
        }
        _ => false,
    }
}

fn map(map: &mut MapMut<'_, '_>, entries: Vec<(String, Tree)>) {
    let gone: Vec<String> = (map.here().iter())
        .filter(|(key, _)| !entries.iter().any(|entry| entry.0 == *key))
        .map(|(key, _)| key.to_owned())
        .collect();
    gone.iter().for_each(|key| map.remove(key));
    for (key, tree) in entries {
        entry(map, &key, tree);
    }
}

fn entry(of: &mut MapMut<'_, '_>, key: &str, tree: Tree) {
    let here = of.here();
    let here = here.item(key);
    if here.is_some_and(|item| same(item, &tree)) {
        return;
    }
    match (here, tree) {
        (Some(Item::Counter(now)), Tree::Value(Value::Int(value))) if value.checked_sub(now).is_some() => {
            of.counter(key).add(value - now);
        }
        (Some(Item::Register(_)), Tree::Value(value)) => register(&mut of.register(key), value),
        (Some(Item::Text(_)), Tree::Value(Value::Str(value))) => text(&mut of.text(key), &value),
        (Some(Item::Set(_)), Tree::List(items))
            if items.iter().all(|item| matches!(item, Tree::Value(_))) =>
        {
            set(&mut of.set_of(key), plain(items).unwrap_or_default());
        }
        (_, Tree::Value(value)) => of.set(key, value),
        (_, Tree::List(items)) => list(&mut of.list(key), items),
        (_, Tree::Map(entries)) => map(&mut of.map(key), entries),
    }
}

fn list(of: &mut ListMut<'_, '_>, mut items: Vec<Tree>) {
    let here = of.here();
    let alike = |(item, tree): (Item<'_>, &Tree)| same(item, tree);
    let start = here.iter().zip(&items).take_while(|&(item, tree)| alike((item, tree))).count();
    let most = here.len().min(items.len()) - start;
    let behind = |nth: &usize| {
        let item = here.item(here.len() - 1 - nth);
        item.is_some_and(|item| same(item, &items[items.len() - 1 - nth]))
    };
    let end = (0..most).take_while(behind).count();
    let between = here.len() - start - end;
    items.truncate(items.len() - end);
    let items = items.split_off(start);
    let within = "it lies between what is alike";
    if between > items.len() {
        of.remove(start + items.len()..start + between).expect(within);
    }
    for (nth, tree) in items.into_iter().enumerate() {
        let at = start + nth;
        let there = nth < between;
        if there && of.here().item(at).is_some_and(|item| same(item, &tree)) {
            continue;
        }
        match (kind_at(of.here(), at).filter(|_| there), tree) {
            (Some(There::Counter(now)), Tree::Value(Value::Int(value)))
                if value.checked_sub(now).is_some() =>
            {
                of.counter(at).expect(within).add(value - now);
            }
            (Some(There::Register), Tree::Value(value)) => {
                register(&mut of.register(at).expect(within), value);
            }
            (Some(There::Text), Tree::Value(Value::Str(value))) => {
                text(&mut of.text(at).expect(within), &value);
            }
            (Some(There::Map), Tree::Map(entries)) => map(&mut of.map(at).expect(within), entries),
            (Some(There::List), Tree::List(items)) => list(&mut of.list(at).expect(within), items),
            (Some(_), Tree::Value(value)) => of.set(at, value).expect(within),
            (was, tree) => {
                if was.is_some() {
                    of.remove(at..=at).expect(within);
                }
                match tree {
                    Tree::Value(value) => of.insert(at, value).expect(within),
                    Tree::List(items) => list(&mut of.insert_list(at).expect(within), items),
                    Tree::Map(entries) => map(&mut of.insert_map(at).expect(within), entries),
                }
            }
        }
    }
}

/// What stands at an index of a list.
enum There {
    Plain,
    Counter(i64),
    Register,
    Text,
    Map,
    List,
}

fn kind_at(list: ListRef<'_>, at: usize) -> Option<There> {
    Some(match list.item(at)? {
        Item::Counter(value) => There::Counter(value),
        Item::Register(_) => There::Register,
        Item::Text(_) => There::Text,
        Item::Map(_) => There::Map,
        Item::List(_) => There::List,
        _ => There::Plain,
    })
}

fn register(of: &mut RegisterMut<'_, '_>, value: Value) {
    if of.here().get() != Some(&value) {
        of.set(value);
    }
}

fn set(of: &mut SetMut<'_, '_>, values: Vec<Value>) {
    let here: Vec<Value> = of.here().iter().cloned().collect();
    for value in here.iter().filter(|value| !values.contains(value)) {
        of.remove(value.clone());
    }
    for value in values {
        if !of.here().contains(value.clone()) {
            of.insert(value);
        }
    }
}

/// Changes what lies between what is alike at the start and the end.
fn text(of: &mut TextMut<'_, '_>, new: &str) {
    let old: Vec<char> = of.here().to_string().chars().collect();
    let new: Vec<char> = new.chars().collect();
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let behind = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = behind.take_while(|(a, b)| a == b).count();
    let between: String = new[start..new.len() - end].iter().collect();
    of.replace(start..old.len() - end, &between).expect("it lies between what is alike");
}
