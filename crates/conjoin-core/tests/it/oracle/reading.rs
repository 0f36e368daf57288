//! What operations say together, from the definitions.

use std::collections::{BTreeMap, BTreeSet};

use conjoin_core::{Kind, OpId, ReplicaId, Value};

use super::tree::Tree;
use super::{Act, Anchor, Filling, Op, Place, Written};

/// What a value reads, nested values included.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Value(Value),
    Counter(i64),
    FloatCounter(f64),
    /// The winner first.
    Register(Vec<Value>),
    Map(BTreeMap<String, Content>),
    /// The values, each as it is printed: they have no order that all languages share.
    Set(BTreeSet<String>),
    List(Vec<Content>),
    /// Characters, each with the marks on it.
    Text(Vec<(char, BTreeMap<String, Value>)>),
}

/// The operations that somebody has seen, each after those that its author had seen.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    ops: BTreeMap<&'a Place, Vec<&'a Op>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(ops: impl Iterator<Item = &'a Op>) -> Self {
        let mut by_place: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for op in ops {
            by_place.entry(&op.place).or_default().push(op);
        }
        Self { ops: by_place }
    }

    fn of(&self, place: &Place) -> &[&'a Op] {
        self.ops.get(place).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn content(&self, place: &Place) -> Content {
        match place.kind() {
            Kind::Counter => Content::Counter(self.counter(place)),
            Kind::FloatCounter => Content::FloatCounter(self.float_counter(place)),
            Kind::Register => Content::Register(self.register(place)),
            Kind::Map => Content::Map(self.map(place)),
            Kind::Set => Content::Set(self.set(place).iter().map(|value| format!("{value:?}")).collect()),
            Kind::List => Content::List(self.list(place)),
            Kind::Text => Content::Text(self.text(place)),
        }
    }

    pub(crate) fn counter(&self, place: &Place) -> i64 {
        let add = |op: &&Op| if let Act::Add(by) = op.act { Some(by) } else { None };
        self.of(place).iter().filter_map(add).sum()
    }

    /// Replica by replica, each in its own order: the definition of the float sum.
    pub(crate) fn float_counter(&self, place: &Place) -> f64 {
        let mut sums: BTreeMap<ReplicaId, f64> = BTreeMap::new();
        for op in self.of(place) {
            if let Act::AddFloat(by) = op.act {
                *sums.entry(op.id.replica).or_default() += by;
            }
        }
        sums.into_values().fold(0.0, |sum, of_one| sum + of_one)
    }

    /// The values that nobody had seen when writing another, the latest first.
    pub(crate) fn register(&self, place: &Place) -> Vec<Value> {
        let ops = self.of(place);
        let mut writes: Vec<_> =
            ops.iter().filter(|op| !ops.iter().any(|other| other.saw.contains(op.id))).collect();
        writes.sort_by_key(|op| std::cmp::Reverse(op.stamp()));
        let value = |op: &&&Op| if let Act::Set(value) = &op.act { Some(value.clone()) } else { None };
        writes.iter().filter_map(value).collect()
    }

    /// The write that won at a key: the latest.
    fn winner(&self, map: &Place, key: &str) -> Option<(&'a Op, &'a Written)> {
        let write = |op: &&'a Op| match &op.act {
            Act::Write(own, written) if own == key => Some((*op, written)),
            _ => None,
        };
        self.of(map).iter().filter_map(write).max_by_key(|write| write.0.stamp())
    }

    pub(super) fn base(&self, map: &Place, key: &str) -> Option<OpId> {
        self.winner(map, key).map(|write| write.0.id)
    }

    fn keys(&self, map: &Place) -> BTreeSet<&'a str> {
        let key = |op: &&'a Op| if let Act::Write(key, _) = &op.act { Some(&**key) } else { None };
        self.of(map).iter().filter_map(key).collect()
    }

    pub(crate) fn holds_key(&self, map: &Place, key: &str) -> bool {
        self.winner(map, key).is_some_and(|(_, written)| *written != Written::Nothing)
    }

    /// The nested value at a key.
    pub(crate) fn child(&self, map: &Place, key: &str) -> Option<Place> {
        match self.winner(map, key)?.1 {
            &Written::Nested(kind, base) => {
                Some(Place::Child { map: Box::new(map.clone()), key: key.to_owned(), kind, base })
            }
            _ => None,
        }
    }

    /// The nested values of a map, by key.
    pub(crate) fn children(&self, map: &Place) -> Vec<(String, Place)> {
        let keys = self.keys(map).into_iter();
        keys.filter_map(|key| Some((key.to_owned(), self.child(map, key)?))).collect()
    }

    fn map(&self, place: &Place) -> BTreeMap<String, Content> {
        let content = |key: &str| match self.winner(place, key)?.1 {
            Written::Nothing => None,
            Written::Value(value) => Some(Content::Value(value.clone())),
            Written::Nested(..) => self.child(place, key).map(|child| self.content(&child)),
        };
        self.keys(place).into_iter().filter_map(|key| Some((key.to_owned(), content(key)?))).collect()
    }

    /// The values that were added by somebody whom nobody had seen who removed them.
    pub(crate) fn set(&self, place: &Place) -> Vec<Value> {
        let ops = self.of(place);
        let is_undone = |add: &Op, value: &Value| {
            ops.iter()
                .any(|op| matches!(&op.act, Act::Exclude(out) if out == value && op.saw.contains(add.id)))
        };
        let mut values: Vec<Value> = Vec::new();
        for op in ops {
            if let Act::Include(value) = &op.act
                && !is_undone(op, value)
                && !values.contains(value)
            {
                values.push(value.clone());
            }
        }
        values
    }

    /// All elements of a text or slots of a list, hidden ones included.
    pub(super) fn tree(&self, place: &Place) -> Tree {
        let mut tree = Tree::new();
        for op in self.of(place) {
            if let Act::Char(hook, _) | Act::Item(hook, _) | Act::Move(hook, _) = op.act {
                tree.insert(op.id, hook);
            }
        }
        tree
    }

    /// The elements that somebody took out.
    fn taken(&self, place: &Place) -> BTreeSet<OpId> {
        let taken = |op: &&Op| if let Act::Take(element) = op.act { Some(element) } else { None };
        self.of(place).iter().filter_map(taken).collect()
    }

    /// The items of a list, each with the slot it stands in.
    pub(super) fn items(&self, place: &Place) -> Vec<(OpId, OpId)> {
        let mut slots: BTreeMap<OpId, &Op> = BTreeMap::new();
        for op in self.of(place) {
            let item = match op.act {
                Act::Item(..) => op.id,
                Act::Move(_, item) => item,
                _ => continue,
            };
            let slot = slots.entry(item).or_insert(op);
            if op.stamp() > slot.stamp() {
                *slot = op;
            }
        }
        let taken = self.taken(place);
        let shown = slots.into_iter().filter(|(item, _)| !taken.contains(item));
        let items: BTreeMap<OpId, OpId> = shown.map(|(item, op)| (op.id, item)).collect();
        let item_in = |slot: OpId| items.get(&slot).map(|&item| (item, slot));
        self.tree(place).elements().into_iter().filter_map(item_in).collect()
    }

    fn filling(&self, place: &Place, item: OpId) -> Filling {
        let write = |op: &&Op| match &op.act {
            Act::Item(_, filling) if op.id == item => Some((op.stamp(), filling.clone())),
            Act::Assign(to, value) if *to == item => Some((op.stamp(), Filling::Value(value.clone()))),
            _ => None,
        };
        let writes = self.of(place).iter().filter_map(write);
        writes.max_by_key(|write| write.0).expect("an item is made with something").1
    }

    /// The nested value in an item.
    pub(crate) fn nested(&self, place: &Place, item: OpId) -> Option<Place> {
        match self.filling(place, item) {
            Filling::Nested(kind) => Some(Place::Item(kind, item)),
            Filling::Value(_) => None,
        }
    }

    /// The nested values of a list, by index.
    pub(crate) fn nested_items(&self, place: &Place) -> Vec<(usize, Place)> {
        let items = self.items(place).into_iter().enumerate();
        items.filter_map(|(at, (item, _))| Some((at, self.nested(place, item)?))).collect()
    }

    fn list(&self, place: &Place) -> Vec<Content> {
        let content = |(item, _)| match self.filling(place, item) {
            Filling::Value(value) => Content::Value(value),
            Filling::Nested(kind) => self.content(&Place::Item(kind, item)),
        };
        self.items(place).into_iter().map(content).collect()
    }

    /// The characters of a text that are left, each with its id.
    pub(super) fn chars(&self, place: &Place) -> Vec<(OpId, char)> {
        let inserted = |op: &&Op| if let Act::Char(_, char) = op.act { Some((op.id, char)) } else { None };
        let chars: BTreeMap<_, _> = self.of(place).iter().filter_map(inserted).collect();
        let taken = self.taken(place);
        let order = self.tree(place).elements().into_iter();
        order.filter(|id| !taken.contains(id)).map(|id| (id, chars[&id])).collect()
    }

    /// How many elements there are: characters or items.
    pub(crate) fn len(&self, place: &Place) -> usize {
        if place.kind() == Kind::List { self.items(place).len() } else { self.chars(place).len() }
    }

    pub(crate) fn is_gone(&self, place: &Place, element: OpId) -> bool {
        self.taken(place).contains(&element)
    }

    /// What stands at an index: a character, or an item.
    pub(crate) fn element(&self, place: &Place, at: usize) -> Option<OpId> {
        match place.kind() {
            Kind::List => self.items(place).get(at).map(|(item, _)| *item),
            _ => self.chars(place).get(at).map(|(id, _)| *id),
        }
    }

    /// The index of the place beside an element, gone or not, if it was seen: right of it if `after`. `None`
    /// for an item that was removed.
    pub(crate) fn index_beside(&self, place: &Place, element: OpId, after: bool) -> Option<usize> {
        if place.kind() == Kind::List {
            let at = self.items(place).iter().position(|(item, _)| *item == element)?;
            return Some(at + usize::from(after));
        }
        let order = self.tree(place).elements();
        let at = order.iter().position(|own| *own == element)?;
        let taken = self.taken(place);
        let before = &order[..at + usize::from(after)];
        Some(before.iter().filter(|own| !taken.contains(own)).count())
    }

    fn text(&self, place: &Place) -> Vec<(char, BTreeMap<String, Value>)> {
        let order = self.tree(place).elements().into_iter();
        let positions: BTreeMap<OpId, usize> = order.enumerate().map(|(at, id)| (id, at)).collect();
        // A mark is at what its author had seen.
        let position = |id: OpId| positions[&id];
        // Twice the position, so that there is room on both sides.
        let place_of = |anchor| match anchor {
            Anchor::RightOf(None) => 0,
            Anchor::LeftOf(None) => usize::MAX,
            Anchor::RightOf(Some(id)) => 2 * position(id) + 2,
            Anchor::LeftOf(Some(id)) => 2 * position(id),
        };
        let mut marks = Vec::new();
        for op in self.of(place) {
            if let Act::Mark { from, to, key, value } = &op.act {
                marks.push((op.stamp(), place_of(*from)..place_of(*to), key, value));
            }
        }
        marks.sort_by_key(|mark| mark.0);
        let marked = |(id, char)| {
            let at = 2 * position(id) + 1;
            let on_it = marks.iter().filter(|mark| mark.1.contains(&at));
            let mut latest: BTreeMap<_, _> = on_it.map(|mark| (mark.2.clone(), mark.3.clone())).collect();
            latest.retain(|_, value| *value != Value::Null);
            (char, latest)
        };
        self.chars(place).into_iter().map(marked).collect()
    }
}
