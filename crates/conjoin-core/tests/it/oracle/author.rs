//! What users do, by index, turned into operations.

use std::ops::Range;

use conjoin_core::{Kind, OpId, ReplicaId, VersionVector};

use super::{Act, Anchor, Filling, Op, Oracle, Place, Reading, Written};
use crate::edits::{Deed, Hop, Reach};

/// Somebody who edits, with what it has seen so far, its own operations included.
#[derive(Debug)]
pub(crate) struct Author<'a> {
    pub(super) oracle: &'a mut Oracle,
    pub(super) replica: ReplicaId,
    pub(super) saw: VersionVector,
    lamport: u64,
}

impl<'a> Author<'a> {
    pub(super) fn new(oracle: &'a mut Oracle, replica: ReplicaId, saw: VersionVector) -> Self {
        let seen = oracle.ops.iter().filter(|op| saw.contains(op.id));
        let lamport = seen.map(|op| op.lamport).max().unwrap_or(0);
        Self { oracle, replica, saw, lamport }
    }

    /// What it reads now.
    pub(crate) fn read(&self) -> Reading<'_> {
        self.oracle.read(&self.saw)
    }

    /// What it has seen, its own operations included.
    pub(crate) fn version(&self) -> &VersionVector {
        &self.saw
    }

    /// The value at the end of a way.
    pub(crate) fn place(&self, way: &[Hop]) -> Place {
        let [Hop::Root(kind, name), way @ ..] = way else { panic!("a way starts at a root: {way:?}") };
        let read = self.read();
        way.iter().fold(Place::Root(*kind, (*name).to_owned()), |place, hop| {
            let child = match hop {
                Hop::Key(key, _) => read.child(&place, key),
                Hop::Item(at, _) => read.nested(&place, read.items(&place)[*at].0),
                Hop::Root(..) => None,
            };
            child.unwrap_or_else(|| panic!("{hop:?} is on a way that is there"))
        })
    }

    pub(super) fn push(&mut self, place: &Place, act: Act) -> OpId {
        let id = OpId { replica: self.replica, seq: self.saw.get(self.replica) };
        self.lamport += 1;
        let op = Op { id, lamport: self.lamport, saw: self.saw.clone(), place: place.clone(), act };
        self.oracle.ops.push(op);
        self.saw.advance(self.replica, id.seq + 1);
        id
    }

    /// Does what a user does to the value at the end of a way.
    pub(crate) fn act(&mut self, way: &[Hop], deed: &Deed) {
        let place = &self.place(way);
        match deed {
            Deed::Add(by) => {
                if *by != 0 {
                    self.push(place, Act::Add(*by));
                }
            }
            Deed::AddFloat(by) => {
                if *by != 0.0 {
                    self.push(place, Act::AddFloat(*by));
                }
            }
            Deed::Set(value) => {
                self.push(place, Act::Set(value.clone()));
            }
            Deed::Put(key, value) => {
                self.push(place, Act::Write((*key).to_owned(), Written::Value(value.clone())));
            }
            Deed::Remove(key) => {
                if self.read().holds_key(place, key) {
                    self.push(place, Act::Write((*key).to_owned(), Written::Nothing));
                }
            }
            Deed::Make(key, kind) => self.make(place, key, *kind),
            Deed::Include(value) => {
                self.push(place, Act::Include(value.clone()));
            }
            Deed::Exclude(value) => {
                if self.read().set(place).contains(value) {
                    self.push(place, Act::Exclude(value.clone()));
                }
            }
            Deed::Insert(at, filling) => self.insert_item(place, *at, filling),
            Deed::Assign(at, value) => {
                let item = self.read().items(place)[*at].0;
                self.push(place, Act::Assign(item, value.clone()));
            }
            Deed::Take(range) => self.take(place, range),
            Deed::Move(from, to) => self.move_item(place, *from, *to),
            Deed::Write(at, text) => self.write(place, *at, text),
            Deed::Replace(range, text) => {
                self.take(place, range);
                self.write(place, range.start, text);
            }
            Deed::Mark(range, key, value, reach) => {
                self.mark(
                    place,
                    range,
                    Act::Mark {
                        from: Anchor::LeftOf(None),
                        to: Anchor::LeftOf(None),
                        key: (*key).to_owned(),
                        value: value.clone(),
                    },
                    *reach,
                );
            }
        }
    }

    fn make(&mut self, place: &Place, key: &str, kind: Kind) {
        let read = self.read();
        if read.child(place, key).is_none_or(|child| child.kind() != kind) {
            let base = read.base(place, key);
            self.push(place, Act::Write(key.to_owned(), Written::Nested(kind, base)));
        }
    }

    /// The elements of a list or text that users see, each by where it stands.
    fn elements(&self, place: &Place) -> Vec<OpId> {
        match place.kind() {
            Kind::List => self.read().items(place).into_iter().map(|(_, slot)| slot).collect(),
            _ => self.read().chars(place).into_iter().map(|(id, _)| id).collect(),
        }
    }

    fn insert_item(&mut self, place: &Place, at: usize, filling: &Filling) {
        let left = at.checked_sub(1).map(|before| self.elements(place)[before]);
        let hook = self.read().tree(place).hook_after(left);
        self.push(place, Act::Item(hook, filling.clone()));
    }

    fn write(&mut self, place: &Place, at: usize, text: &str) {
        let mut left = at.checked_sub(1).map(|before| self.elements(place)[before]);
        let mut tree = self.read().tree(place);
        for char in text.chars() {
            let hook = tree.hook_after(left);
            let id = self.push(place, Act::Char(hook, char));
            tree.insert(id, hook);
            left = Some(id);
        }
    }

    fn take(&mut self, place: &Place, range: &Range<usize>) {
        let elements: Vec<_> = match place.kind() {
            Kind::List => self.read().items(place).into_iter().map(|(item, _)| item).collect(),
            _ => self.elements(place),
        };
        for element in &elements[range.clone()] {
            self.push(place, Act::Take(*element));
        }
    }

    /// Moves an item so that it has index `to` afterwards.
    fn move_item(&mut self, place: &Place, from: usize, to: usize) {
        if from == to {
            return;
        }
        let mut items = self.read().items(place);
        let (item, _) = items.remove(from);
        let left = to.checked_sub(1).map(|before| items[before].1);
        let hook = self.read().tree(place).hook_after(left);
        self.push(place, Act::Move(hook, item));
    }

    fn mark(&mut self, place: &Place, range: &Range<usize>, mut mark: Act, reach: Reach) {
        let elements = self.elements(place);
        if let Act::Mark { from, to, .. } = &mut mark {
            *from = match reach.before {
                true => Anchor::RightOf(range.start.checked_sub(1).map(|before| elements[before])),
                false => Anchor::LeftOf(Some(elements[range.start])),
            };
            *to = match reach.after {
                true => Anchor::LeftOf(elements.get(range.end).copied()),
                false => Anchor::RightOf(Some(elements[range.end - 1])),
            };
        }
        self.push(place, mark);
    }
}
