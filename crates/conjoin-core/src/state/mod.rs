//! The values themselves: state-based CRDTs, so that two states can be joined as well as
//! operations be applied (Shapiro et al., *A comprehensive study of Convergent and Commutative
//! Replicated Data Types*, 2011).
//!
//! Each value is a *container*, known inside by its place in a list. A root is found by its kind and
//! name; a nested one by the operations that made it.

mod containers;
mod contents;
mod list;
mod map;
mod set;
mod small;
mod sums;
mod text;

use std::ops::Range;

use crate::doc::ApplyError;
use crate::items::Items;
use crate::log::{Local, SCATTERED};
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE, Numbers, Stamp, lies_in};
use crate::op::Edit;
use crate::order::{in_order, number, place};
use crate::sequence::{self, Sequence};
use crate::size;
use crate::strings::{StrId, Strings};
use crate::value::{Kind, Value};
use crate::version::ReplicaId;

pub(crate) use containers::{Container, Containers, empty};
pub(crate) use contents::Contents;
pub(crate) use list::List;
pub(crate) use map::{Held, Map, Slot};
pub(crate) use set::{Adds, Members, size_of as size_of_member};
pub(crate) use sums::{Sums, bits, float, read_sum, write_sum};
pub(crate) use text::{MarkRecord, Spans, Text, Values};

/// What one value holds.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// 128 bits cannot overflow: fewer than 2^48 operations a replica add 64 bits each.
    Counter(Sums),
    FloatCounter(Sums),
    /// The writes that no other one here had seen, the latest first.
    Register(Vec<(Lv, Value)>),
    Map(Map),
    Set(Members),
    List(Box<List>),
    Text(Box<Text>),
}

impl Data {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter(Sums::default()),
            Kind::FloatCounter => Self::FloatCounter(Sums::default()),
            Kind::Register => Self::Register(Vec::new()),
            Kind::Map => Self::Map(Map::default()),
            Kind::Set => Self::Set(Members::default()),
            Kind::List => Self::List(Box::default()),
            Kind::Text => Self::Text(Box::default()),
        }
    }

    /// The characters of a text, or the slots of a list.
    pub(crate) fn sequence(&self) -> Option<&Sequence> {
        match self {
            Self::Text(text) => Some(&text.sequence),
            Self::List(list) => Some(&list.sequence),
            _ => None,
        }
    }

    /// Applies one edit, or refuses it and changes nothing. `nested` is the container that it makes.
    #[expect(clippy::too_many_arguments, reason = "it is the innermost step of all edits")]
    fn apply(
        &mut self,
        container: u32,
        lv: Lv,
        edit: &Local,
        nested: Option<u32>,
        author: &Author<'_>,
        strings: &Strings,
        size: &mut usize,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        match (self, edit) {
            (Self::Counter(sums), Edit::AddInt(amount)) => {
                let sum = sums.of(author.replica, size);
                raw.push(Raw::Sum { container, replica: author.replica, before: *sum });
                *sum += i128::from(*amount);
            }
            (Self::FloatCounter(sums), Edit::AddFloat(amount)) => {
                let sum = sums.of(author.replica, size);
                raw.push(Raw::Sum { container, replica: author.replica, before: *sum });
                *sum = bits(float(*sum) + amount);
            }
            (Self::Register(writes), Edit::Write(value)) => {
                *size -= size_of_writes(writes);
                let before = std::mem::take(writes);
                // Mostly one is left.
                writes.reserve_exact(1);
                for write in &before {
                    if !author.saw(write.0) {
                        writes.push(write.clone());
                    }
                }
                put_write(writes, lv, value, &|lv| author.stamp(lv));
                *size += size_of_writes(writes);
                raw.push(Raw::Writes { container, before });
            }
            (Self::Map(map), Edit::Put { key, .. } | Edit::Remove { key } | Edit::Make { key, .. }) => {
                let held = match (edit.value(), nested) {
                    (Some(value), _) => Held::Value(value.clone()),
                    (None, Some(nested)) => Held::Container(nested),
                    (None, None) => Held::Nothing,
                };
                if let Some(before) = map.put(*key, lv, held, author, strings, size) {
                    raw.push(Raw::Held { container, at: *key, before });
                }
            }
            (Self::Set(members), Edit::Include(value) | Edit::Exclude(value)) => {
                let unseen = |add| !author.saw(add);
                let differs = match edit {
                    Edit::Include(_) => members.include(value, lv, &unseen, size),
                    _ => members.exclude(value, &unseen, size),
                };
                if differs {
                    raw.push(Raw::Member { container, value: value.clone() });
                }
            }
            (Self::Text(text), edit) => return text.apply(container, lv, edit, author, size, raw),
            (Self::List(list), edit) => return list.apply(container, lv, edit, author, size, raw),
            _ => return Err(ApplyError::WrongKind),
        }
        Ok(SCATTERED)
    }
}

/// Where a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Parent {
    Root(StrId),
    /// Under a key of a map. Those who made the same kind there having seen the same write, or none
    /// ([`NONE`]), made one and the same.
    Key {
        map: u32,
        key: StrId,
        base: Lv,
    },
    /// An item of a list.
    Item {
        list: u32,
        item: Lv,
    },
}

/// All values of a document.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) containers: Containers,
    /// About how many bytes they take, see `size.rs`.
    pub(crate) size: usize,
    /// The container that was edited last: nearly always the next one, too.
    recent: Option<(u32, Container)>,
}

/// Who made an operation that is applied, and what they had seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author<'a> {
    pub(crate) numbers: &'a Numbers,
    pub(crate) replica: ReplicaId,
    /// What they had not seen of all that was here.
    pub(crate) unseen: &'a [Range<Lv>],
    /// The number and the logical time of the first operation of the change.
    pub(crate) start: Lv,
    pub(crate) lamport: u32,
}

impl Author<'_> {
    pub(crate) fn stamp(&self, lv: Lv) -> Stamp {
        if lv >= self.start {
            (self.lamport + (lv - self.start), self.replica)
        } else {
            self.numbers.stamp(lv)
        }
    }

    pub(crate) fn saw(&self, lv: Lv) -> bool {
        self.unseen.is_empty() || !lies_in(self.unseen, lv)
    }

    /// Whether they had seen all of so many from `first` on.
    pub(crate) fn saw_all(&self, first: Lv, count: u32) -> bool {
        self.unseen.iter().all(|range| range.end <= first || range.start >= first + count)
    }
}

impl sequence::Author for Author<'_> {
    fn has_seen(&self, lv: Lv) -> bool {
        self.saw(lv)
    }

    fn precedes(&self, other: Lv) -> bool {
        self.replica < if other >= self.start { self.replica } else { self.numbers.author(other) }
    }

    fn may_have_seen(&self, from: Lv, to: Lv) -> bool {
        let range = self.unseen.partition_point(|range| range.end < to);
        self.unseen.get(range).is_none_or(|range| from < range.start)
    }
}

/// Whoever has the number of a container has it from here.
const HERE: &str = "the container is here";

impl State {
    pub(crate) const fn new() -> Self {
        Self { containers: Containers::from(0), size: 0, recent: None }
    }

    pub(crate) fn root(&self, kind: Kind, name: StrId) -> Option<u32> {
        self.at(Parent::Root(name), kind)
    }

    pub(crate) fn at(&self, parent: Parent, kind: Kind) -> Option<u32> {
        match &self.recent {
            Some((number, recent)) if (recent.parent, recent.kind) == (parent, kind) => Some(*number),
            _ => self.containers.at(parent, kind),
        }
    }

    /// What a container is, which is here.
    pub(crate) fn container(&self, container: u32) -> Container {
        match self.recent {
            Some((number, recent)) if number == container => recent,
            _ => self.containers.get(container).expect(HERE),
        }
    }

    /// The root that was edited last, and its name, if it is of this kind and nothing else was edited since.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub(crate) fn recent_root(&self, kind: Kind) -> Option<(u32, StrId)> {
        match self.recent {
            Some((number, Container { kind: of, parent: Parent::Root(name), .. })) if of == kind => {
                Some((number, name))
            }
            _ => None,
        }
    }

    /// The text of this name, which is edited now.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub(crate) fn edited_text(&mut self, name: StrId) -> Option<u32> {
        match self.recent_root(Kind::Text) {
            Some((container, recent)) if recent == name => Some(container),
            _ => {
                let container = self.root(Kind::Text, name)?;
                self.focus(container);
                Some(container)
            }
        }
    }

    /// Takes note that a container is edited, which is here.
    pub(crate) fn focus(&mut self, container: u32) {
        if self.recent.is_none_or(|recent| recent.0 != container) {
            self.recent = Some((container, self.container(container)));
        }
    }

    /// What a container holds, which is here.
    pub(crate) fn data(&self, container: u32) -> &Data {
        self.containers.data(container).expect(HERE)
    }

    /// What all hold.
    pub(crate) fn all_data(&self) -> impl Iterator<Item = &Data> {
        (0..self.containers.next()).map(|container| self.data(container))
    }

    /// The container that something holds, which stands in an item of a list, if it does.
    pub(crate) fn held(&self, held: &Held, item: Lv) -> Option<u32> {
        match held {
            Held::Container(container) => Some(*container),
            Held::Nested => self.containers.made(item),
            _ => None,
        }
    }

    /// The container at a place, made if it is missing. `made` is the operation that makes it.
    pub(crate) fn make(&mut self, kind: Kind, parent: Parent, made: Lv, strings: &Strings) -> u32 {
        let is_new = made != NONE && self.containers.made(made).is_none();
        let container = match self.at(parent, kind) {
            Some(container) => container,
            None => {
                self.size += match parent {
                    Parent::Root(name) => size::entry(strings.get(name)),
                    _ => size::ENTRY,
                };
                self.containers.push(Container { kind, parent, made })
            }
        };
        if made != NONE {
            self.containers.make(made, container);
        }
        if is_new {
            self.size += size::SUM;
        }
        container
    }

    /// Whether an edit can be applied: what it names is there and was seen by its author. `made` are
    /// the elements that operations before it in the same change make, and whether they are items.
    pub(crate) fn check(
        &self,
        container: u32,
        edit: &Local,
        author: &Author<'_>,
        made: &[(u32, Range<Lv>, bool)],
    ) -> Result<(), ApplyError> {
        let here = |lv: Lv, count: u32, item: bool| {
            let Some(end) = lv.checked_add(count) else { return false };
            if lv >= author.start {
                // They may have been made by several operations, which stand in the order of their numbers.
                let mut at = lv;
                for (of, range, items) in &made[made.partition_point(|made| made.1.end <= lv)..] {
                    if at >= end || range.start > at || *of != container || (item && !items) {
                        break;
                    }
                    at = range.end;
                }
                return at >= end;
            }
            end <= author.start
                && author.saw_all(lv, count)
                && match self.containers.peek(container).as_deref() {
                    Some(Data::Text(text)) => text.holds(lv, count),
                    Some(Data::List(list)) if item => list.holds_items(lv, count),
                    Some(Data::List(list)) => list.holds(lv),
                    _ => false,
                }
        };
        let beside = |left: &Option<Lv>| left.is_none_or(|left| here(left, 1, false));
        let ok = match edit {
            Edit::Insert { left, .. } | Edit::InsertItems { left, .. } => beside(left),
            Edit::Delete { first, count, down } => {
                let lowest = if *down { first.checked_sub(count - 1) } else { Some(*first) };
                lowest.is_some_and(|lowest| here(lowest, *count, true))
            }
            Edit::Move { item, left } => here(*item, 1, true) && beside(left),
            Edit::Assign { item, .. } => here(*item, 1, true),
            Edit::Mark(mark) => beside(&mark.start.element) && beside(&mark.end.element),
            Edit::Make { base, .. } => base.is_none_or(|base| author.saw(base)),
            _ => true,
        };
        if ok { Ok(()) } else { Err(ApplyError::UnknownElement) }
    }

    /// Applies one edit, or refuses it and changes nothing. Returns the index at which it was done, in a
    /// sequence.
    pub(crate) fn apply(
        &mut self,
        container: u32,
        lv: Lv,
        edit: &Local,
        author: &Author<'_>,
        strings: &Strings,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        let mut nested = None;
        if let Edit::Make { key, kind, base } = edit {
            let base = base.unwrap_or(NONE);
            if base != NONE && (base >= lv || !author.saw(base)) {
                return Err(ApplyError::UnknownElement);
            }
            if self.containers.kind(container) != Some(Kind::Map) {
                return Err(ApplyError::WrongKind);
            }
            let parent = Parent::Key { map: container, key: *key, base };
            nested = Some(self.make(*kind, parent, lv, strings));
        }
        let (data, is_new) = self.containers.open(container);
        let wakes = matches!(data, Data::List(_) | Data::Text(_));
        let at = data.apply(container, lv, edit, nested, author, strings, &mut self.size, raw)?;
        if is_new {
            self.containers.close(container);
        } else if wakes {
            self.containers.wake(container);
        }
        if let Edit::InsertItems { items, .. } = edit {
            self.make_items(container, lv, items, strings);
        }
        Ok(at)
    }

    /// Applies an insert of so many characters, as [`apply`](Self::apply) does.
    pub(crate) fn insert_text(
        &mut self,
        container: u32,
        lv: Lv,
        left: Option<Lv>,
        text: (&str, u32),
        author: &Author<'_>,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        let (Data::Text(whole), is_new) = self.containers.open(container) else {
            return Err(ApplyError::WrongKind);
        };
        let at = whole.insert(container, lv, left, text, author, &mut self.size, raw)?;
        if is_new {
            self.containers.close(container);
        } else {
            self.containers.wake(container);
        }
        Ok(at)
    }

    /// Applies a delete of so many elements of a text, as [`apply`](Self::apply) does.
    pub(crate) fn delete_text(
        &mut self,
        container: u32,
        elements: (Lv, u32, bool),
        author: &Author<'_>,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        let Data::Text(text) = self.containers.data_mut(container) else { return Err(ApplyError::WrongKind) };
        let at = text.delete(container, elements, author, raw)?;
        self.containers.wake(container);
        Ok(at)
    }

    /// Gives the containers other numbers. Says whether each still comes after the one that it is in.
    pub(crate) fn renumber(&mut self, numbers: &[u32]) -> bool {
        let to = |container: u32| numbers[container as usize];
        let rehold = |held: &mut Held| {
            if let Held::Container(container) = held {
                *container = to(*container);
            }
        };
        self.recent = None;
        let mut containers = std::mem::take(&mut self.containers);
        let mut is_sound = true;
        for entry in in_order(numbers.len(), &|before| numbers[before]) {
            let (number, before) = (number(entry), place(entry) as u32);
            let mut container = containers.get(before).expect(HERE);
            match &mut container.parent {
                Parent::Root(_) => {}
                Parent::Key { map: outer, .. } | Parent::Item { list: outer, .. } => {
                    *outer = to(*outer);
                    is_sound &= *outer < number;
                }
            }
            self.containers.push(container);
            if containers.holds(before) {
                let data = std::mem::replace(containers.data_mut(before), Data::Register(Vec::new()));
                let now = self.containers.data_mut(number);
                *now = data;
                if let Data::Map(map) = now {
                    map.slots.values_mut().for_each(|slot| rehold(&mut slot.held));
                }
            }
        }
        for (made, container) in containers.makers() {
            self.containers.make(made, to(container));
        }
        is_sound
    }

    /// Makes the containers among new items.
    pub(crate) fn make_items(&mut self, list: u32, lv: Lv, items: &Items, strings: &Strings) {
        for (item, (_, kind)) in (lv..).zip(items.measures()) {
            if let Some(kind) = kind {
                self.make(kind, Parent::Item { list, item }, item, strings);
            }
        }
    }
}

/// Puts a write among others, the latest first.
pub(crate) fn put_write(writes: &mut Vec<(Lv, Value)>, lv: Lv, value: &Value, stamp: &dyn Fn(Lv) -> Stamp) {
    let own = stamp(lv);
    let at = writes.partition_point(|write| stamp(write.0) > own);
    writes.insert(at, (lv, value.clone()));
}

pub(crate) fn size_of_writes(writes: &[(Lv, Value)]) -> usize {
    writes.iter().map(|write| write.1.size()).sum()
}
