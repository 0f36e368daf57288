//! The opposite of single operations.

use std::ops::Range;

use super::copy::{For, item_of};
use super::past::{Past, Subject};
use super::place::Order;
use super::{Again, last, stands_for};
use crate::doc::Doc;
use crate::items::{Item, Items};
use crate::log::Local;
use crate::numbers::{Lv, NONE, lies_in};
use crate::op::Edit;
use crate::state::{Data, Held, Members, Parent};
use crate::strings::StrId;
use crate::transaction::Transaction;
use crate::value::{Ordered, Value};
use crate::version::{OpId, ReplicaId};

/// Takes back the operations of a replica with these sequence numbers, the last first. What was made from
/// `start` on takes back other ones of theirs.
pub(super) fn reverse(
    tx: &mut Transaction<'_>,
    replica: ReplicaId,
    seqs: Range<u64>,
    start: Lv,
    again: &mut Again,
) {
    let doc = tx.doc();
    let mut parts: Vec<(Lv, u32, Local)> = Vec::new();
    let mut seq = seqs.start;
    while seq < seqs.end {
        let Some(from) = doc.numbers.lv(OpId { replica, seq }) else { break };
        let len = u64::from(doc.numbers.run(from, false)).min(seqs.end - seq);
        let to = from + len as u32;
        for entry in doc.log.range(from, to) {
            parts.push((entry.lv.max(from), entry.container, entry.part(from, to)));
        }
        seq += len;
    }
    let past = Past::of(doc, &parts);
    let mut reverse = Reverse {
        tx,
        again,
        past: &past,
        to: None,
        lv: NONE,
        home: NONE,
        container: NONE,
        start,
        orders: [(NONE, Order::default()), (NONE, Order::default())],
        back: Vec::new(),
    };
    while let Some((lv, home, edit)) = parts.pop() {
        reverse.turn_to(lv, home, &edit);
        reverse.edit(&edit);
    }
    reverse.finish();
}

/// The value as which one was last brought back.
fn container_now(doc: &Doc, again: &Again, container: u32) -> u32 {
    match doc.state.container(container).made {
        NONE => container,
        made => {
            let made = doc.numbers.lv(last(&again.containers, doc.numbers.id(made)));
            made.and_then(|made| doc.state.containers.made(made)).unwrap_or(container)
        }
    }
}

/// One operation, or several in a row, to be taken back.
pub(super) struct Reverse<'r, 'a> {
    tx: &'r mut Transaction<'a>,
    pub(super) again: &'r mut Again,
    past: &'r Past,
    /// What it was done to, if it replaced what others did to the same.
    to: Option<Subject>,
    pub(super) lv: Lv,
    /// The value that was edited, and the one as which it came back if it did.
    home: u32,
    container: u32,
    start: Lv,
    /// How all stood in two values that were edited last, a list and what is nested in it: what comes back stands for
    /// what was there, so this stays.
    orders: [(u32, Order); 2],
    /// The characters that came back and have not got their marks yet. Nobody has marked anything between the edits
    /// that deleted them.
    back: Vec<Lv>,
}

impl Reverse<'_, '_> {
    /// Goes on with an operation before those that have been taken back.
    fn turn_to(&mut self, lv: Lv, home: u32, edit: &Local) {
        let types = match edit {
            Edit::Insert { .. } => self.form_before(&self.again.was, lv).is_none(),
            edit => matches!(edit, Edit::Delete { .. }),
        };
        if !types || (home, lv + edit.len()) != (self.home, self.lv) {
            self.finish();
        }
        self.container = container_now(self.doc(), self.again, home);
        (self.lv, self.home, self.to) = (lv, home, Subject::of(home, edit));
    }

    /// Gives what came back its marks.
    fn finish(&mut self) {
        let back = std::mem::take(&mut self.back);
        if !back.is_empty() {
            self.marks_of(&back);
        }
    }

    /// How all stand where what is edited was. It is to be [kept](Self::keep_order).
    pub(super) fn take_order(&mut self) -> Order {
        for (home, order) in &mut self.orders {
            if *home == self.home {
                *home = NONE;
                return std::mem::take(order);
            }
        }
        Order::of_all(self.home())
    }

    pub(super) fn keep_order(&mut self, order: Order) {
        self.orders[1] = std::mem::replace(&mut self.orders[0], (self.home, order));
    }

    pub(super) fn doc(&self) -> &Doc {
        self.tx.doc()
    }

    pub(super) fn data(&self) -> &Data {
        self.doc().state.data(self.container)
    }

    /// What was edited, as it is where it was.
    pub(super) fn home(&self) -> &Data {
        self.doc().state.data(self.home)
    }

    pub(super) fn push(&mut self, edit: Local) -> Option<Lv> {
        self.push_for(edit, &[])
    }

    /// Edits for what was there before.
    fn push_for(&mut self, edit: Local, old: &[For]) -> Option<Lv> {
        self.tx.edit_for(self.container, edit, old, self.again)
    }

    /// Whether an operation is one of those that this is for, or takes them back.
    pub(super) fn is_recorded(&self, lv: Lv) -> bool {
        lv >= self.start || self.again.recorded.contains(self.doc().numbers.id(lv))
    }

    /// Whether a write is the one that is taken back, or brought it back.
    fn is_own(&self, write: Lv) -> bool {
        let numbers = &self.doc().numbers;
        stands_for(&self.again.writes, numbers.id(write), numbers.id(self.lv))
    }

    /// The latest operation that did the same to the same before, or [`NONE`]; nothing if the log does not reach
    /// back.
    fn before(&self) -> Option<Lv> {
        let to = self.to.filter(|_| self.doc().log.holds(0, self.lv))?;
        Some(self.past.before(to, self.lv))
    }

    /// Tells of all that was done to a member of a set before, if the log reaches back.
    fn each_before(&self, value: &Value, tell: &mut dyn FnMut(Lv, bool)) -> Option<()> {
        let to = self.to.filter(|_| self.doc().log.holds(0, self.lv))?;
        for lv in self.past.all_before(to, self.lv) {
            match self.edit_at(lv) {
                Some(Edit::Include(other)) if is_same(&other, value) => tell(lv, true),
                Some(Edit::Exclude(other)) if is_same(&other, value) => tell(lv, false),
                _ => {}
            }
        }
        Some(())
    }

    /// What an operation did, if it is in the log.
    fn edit_at(&self, lv: Lv) -> Option<Local> {
        let end = lv.checked_add(1)?;
        self.doc().log.range(lv, end).next().map(|entry| entry.part(lv, end))
    }

    fn edit(&mut self, edit: &Local) {
        match edit {
            Edit::AddInt(amount) => match amount.checked_neg() {
                Some(amount) => _ = self.push(Edit::AddInt(amount)),
                None => {
                    self.push(Edit::AddInt(i64::MAX));
                    self.push(Edit::AddInt(1));
                }
            },
            Edit::AddFloat(amount) => _ = self.push(Edit::AddFloat(-amount)),
            Edit::Write(_) => self.write(),
            Edit::Put { key, .. } | Edit::Remove { key } | Edit::Make { key, .. } => self.put(*key),
            Edit::Include(value) => self.include(value),
            Edit::Exclude(value) => self.exclude(value),
            Edit::Insert { text, .. } => self.insert(text.chars().count() as u32),
            Edit::InsertItems { items, .. } => self.insert(items.len() as u32),
            Edit::Delete { first, count, down } => {
                let lowest = if *down { first + 1 - count } else { *first };
                match self.data() {
                    Data::List(_) => self.remove(lowest..lowest + count),
                    _ => self.delete(lowest..lowest + count),
                }
            }
            Edit::Move { item, .. } => self.move_item(*item),
            Edit::Assign { item, .. } => self.assign(*item),
            Edit::Mark(mark) => self.mark(mark),
        }
    }

    fn write(&mut self) {
        let Data::Register(writes) = self.data() else { return };
        if !writes.first().is_some_and(|write| self.is_own(write.0)) {
            return;
        }
        let Some(write) = self.before() else { return };
        let edit = self.edit_at(write).unwrap_or(Edit::Write(Value::Null));
        self.push_for(edit, &[For::write(write)]);
    }

    fn put(&mut self, key: StrId) {
        let (Data::Map(here), Data::Map(home)) = (self.data(), self.home()) else { return };
        // A key that held nothing did not come along with a map that came back.
        let slot = here.slots.get(&key);
        let Some(last) = slot.or_else(|| home.slots.get(&key)).filter(|slot| self.is_own(slot.lv)) else {
            return;
        };
        let holds = slot.is_some() && last.held != Held::Nothing;
        let Some(write) = self.before() else { return };
        let edit = self.edit_at(write).unwrap_or(Edit::Remove { key });
        // Made where it was made before, it is the same one, with all that is in it; in a map that came back
        // it is a copy.
        let mut nested = NONE;
        if let Edit::Make { kind, base, .. } = edit {
            let at = |map| self.doc().state.at(Parent::Key { map, key, base: base.unwrap_or(NONE) }, kind);
            if at(self.container).is_none() {
                nested = at(self.home).unwrap_or(NONE);
            }
        }
        if holds || !matches!(edit, Edit::Remove { .. }) {
            self.push_for(edit, &[For { nested, ..For::write(write) }]);
        }
    }

    fn include(&mut self, value: &Value) {
        let Data::Set(members) = self.data() else { return };
        let adds = members.values.get(&Ordered(value.clone()));
        // Somebody else's adding keeps it in.
        if !adds.is_some_and(|adds| adds.iter().all(|&add| self.is_own(add))) {
            return;
        }
        match self.added_before(value) {
            Some(NONE) => _ = self.push(Edit::Exclude(value.clone())),
            Some(before) => self.again.stands_for(self.tx.doc(), self.lv, For::write(before)),
            None => {}
        }
    }

    /// The adding that kept a value in the set when the operation was made, or [`NONE`] if it was not in; nothing if
    /// the log does not reach back.
    fn added_before(&self, value: &Value) -> Option<Lv> {
        let numbers = &self.doc().numbers;
        let mut adds: Vec<Lv> = Vec::new();
        self.each_before(value, &mut |lv, includes| {
            if includes {
                adds.push(lv);
            } else if !adds.is_empty() {
                let unseen = numbers.unseen_by(lv);
                for add in std::mem::take(&mut adds) {
                    if lies_in(&unseen, add) {
                        adds.push(add);
                    }
                }
            }
        })?;
        Some(adds.last().copied().unwrap_or(NONE))
    }

    fn exclude(&mut self, value: &Value) {
        let Data::Set(Members { values, .. }) = self.data() else { return };
        if values.contains_key(&Ordered(value.clone())) {
            return;
        }
        // It stands for the own adding that was taken out, if it was one.
        let numbers = &self.doc().numbers;
        let mut before = NONE;
        self.each_before(value, &mut |lv, includes| {
            if includes && (before == NONE || numbers.stamp(lv) > numbers.stamp(before)) {
                before = lv;
            }
        });
        self.push_for(Edit::Include(value.clone()), &[For::write(before)]);
    }

    /// What an element, a character or an item, is now: itself, or what it came back as.
    pub(super) fn now(&self, element: Lv) -> Lv {
        let numbers = &self.doc().numbers;
        let id = self.again.element(numbers.id(element));
        numbers.lv(id).unwrap_or(element)
    }

    /// Takes out what is left of elements that were inserted.
    fn insert(&mut self, len: u32) {
        let mut runs: Vec<(Lv, u32)> = Vec::new();
        for original in self.lv..self.lv + len {
            let element = self.now(original);
            let there = match self.data() {
                Data::List(list) => list.shows(element),
                data => data.sequence().is_some_and(|characters| characters.shows(element)),
            };
            match runs.last_mut() {
                _ if !there => {}
                Some((first, count)) if *first + *count == element => *count += 1,
                _ => runs.push((element, 1)),
            }
        }
        for (first, count) in runs {
            self.push(Edit::Delete { first, count, down: false });
        }
    }

    /// Brings characters back where they stood.
    fn delete(&mut self, elements: Range<Lv>) {
        let order = self.take_order();
        let Data::Text(text) = self.data() else { return };
        let mut gone: Vec<(u32, Lv, Lv)> = Vec::new();
        for original in elements {
            let element = self.now(original);
            if let Some(at) = order.of(original)
                && !text.sequence.shows(element)
                && self.doc().log.holds(element, element + 1)
            {
                gone.push((at, original, element));
            }
        }
        // Those between which nothing stands, not even what is gone, come back in one go.
        for stretch in gone.chunk_by(|a, b| a.0 + 1 == b.0) {
            let mut old = Vec::new();
            for &(_, _, element) in stretch {
                old.push(For { element, ..For::NOTHING });
            }
            let (_, was, first) = stretch[0];
            let left = self.left_of(first, &order, was);
            let text = self.text_of(&old);
            let Some(first) = self.push_for(Edit::Insert { left, text }, &old) else { continue };
            self.back.extend(first..first + old.len() as u32);
        }
        self.keep_order(order);
    }

    /// The characters of elements that are gone.
    fn text_of(&self, old: &[For]) -> String {
        let mut text = String::new();
        for run in old.chunk_by(|a, b| a.element + 1 == b.element) {
            let (from, to) = (run[0].element, run[0].element + run.len() as u32);
            for entry in self.doc().log.range(from, to) {
                if let Edit::Insert { text: part, .. } = entry.part(from, to) {
                    text.push_str(&part);
                }
            }
        }
        text
    }

    /// Brings items back where they stood, with what they held.
    fn remove(&mut self, items: Range<Lv>) {
        let order = self.take_order();
        for original in items {
            let item = self.now(original);
            let (Data::List(list), Data::List(home)) = (self.data(), self.home()) else { return };
            let known = if list.items.get(item).is_some() { list } else { home };
            let Some(held) = known.items.get(item).filter(|_| !known.shows(item)) else { continue };
            let (slot, written) = (known.slot_of(item), known.written(item));
            let was = home.items.get(original).map_or(slot, |_| home.slot_of(original));
            let Some((content, nested)) = item_of(self.doc(), held, item) else { continue };
            let items = Items::one(&content);
            let left = self.left_of(slot, &order, was);
            let old = For { element: item, write: written, slot, nested };
            self.push_for(Edit::InsertItems { left, items }, &[old]);
        }
        self.keep_order(order);
    }

    fn move_item(&mut self, original: Lv) {
        let item = self.now(original);
        let Data::List(list) = self.data() else { return };
        let numbers = &self.doc().numbers;
        let is_own = || stands_for(&self.again.slots, numbers.id(list.slot_of(item)), numbers.id(self.lv));
        if !list.shows(item) || !is_own() {
            return;
        }
        let Some(before) = self.before() else { return };
        let slot = if before == NONE { original } else { before };
        let order = self.take_order();
        let left = self.left_of(slot, &order, slot);
        self.keep_order(order);
        self.push_for(Edit::Move { item, left }, &[For { slot, ..For::NOTHING }]);
    }

    fn assign(&mut self, original: Lv) {
        let item = self.now(original);
        let Data::List(list) = self.data() else { return };
        if !list.shows(item) || !self.is_own(list.written(item)) {
            return;
        }
        let Some(before) = self.before() else { return };
        let before = if before == NONE { original } else { before };
        let value = match self.edit_at(before) {
            Some(Edit::Assign { value, .. }) => value,
            Some(Edit::InsertItems { items, .. }) => match items.get(0) {
                Some(Item::Value(value)) => value,
                // An item cannot be made one that is edited again.
                _ => return,
            },
            _ => return,
        };
        self.push_for(Edit::Assign { item, value }, &[For::write(before)]);
    }
}

/// Whether two values are the same in a set.
fn is_same(a: &Value, b: &Value) -> bool {
    Ordered(a.clone()) == Ordered(b.clone())
}
