//! What is made again stands for what was there before, and what is nested in it is copied: what comes back as an
//! item of a list is made anew.

use super::Again;
use crate::doc::Doc;
use crate::items::{Item, Items};
use crate::log::Local;
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit, Mark};
use crate::state::{Data, Held};
use crate::transaction::Transaction;

/// What an operation stands for: an element, a write and a slot of an item, by their numbers; and the value of
/// which what it makes is a copy. Each may be [`NONE`].
#[derive(Clone, Copy)]
pub(super) struct For {
    pub(super) element: Lv,
    pub(super) write: Lv,
    pub(super) slot: Lv,
    pub(super) nested: u32,
}

impl For {
    pub(super) const NOTHING: Self = Self { element: NONE, write: NONE, slot: NONE, nested: NONE };

    pub(super) const fn write(write: Lv) -> Self {
        Self { write, ..Self::NOTHING }
    }
}

/// An item that holds what an element does, or a key, and what is nested in it.
pub(super) fn item_of(doc: &Doc, held: &Held, element: Lv) -> Option<(Item, u32)> {
    match held {
        Held::Value(value) => Some((Item::Value(value.clone()), NONE)),
        held => {
            let nested = doc.state.held(held, element)?;
            Some((Item::Nested(doc.state.container(nested).kind), nested))
        }
    }
}

impl Again {
    /// Takes note of what an operation stands for.
    pub(super) fn stands_for(&mut self, doc: &Doc, new: Lv, old: For) {
        let id = |lv| doc.numbers.id(lv);
        if old.element != NONE {
            self.elements.insert(id(old.element), id(new));
            self.was.insert(id(new), id(old.element));
        }
        if old.write != NONE {
            self.writes.insert(id(new), id(old.write));
        }
        if old.slot != NONE {
            self.slots.insert(id(new), id(old.slot));
        }
    }
}

impl Transaction<'_> {
    /// Edits for what was there before: says for each number of the edit what it stands for. Copies what is nested
    /// in that.
    pub(super) fn edit_for(&mut self, to: u32, edit: Local, old: &[For], again: &mut Again) -> Option<Lv> {
        let mut copies = Vec::new();
        let lv = self.edit_open(to, edit, old, again, &mut copies);
        while let Some((from, to)) = copies.pop() {
            for (edit, old) in edits_of(self.doc(), from) {
                self.edit_open(to, edit, &old, again, &mut copies);
            }
        }
        lv
    }

    /// The same, but what is to be copied is only told: from where and to where.
    fn edit_open(
        &mut self,
        to: u32,
        edit: Local,
        old: &[For],
        again: &mut Again,
        copies: &mut Vec<(u32, u32)>,
    ) -> Option<Lv> {
        let lv = self.edit(to, edit)?;
        let doc = self.doc();
        let made = |container: u32| doc.numbers.id(doc.state.container(container).made);
        for (&old, new) in old.iter().zip(lv..) {
            again.stands_for(doc, new, old);
            if old.nested != NONE
                && let Some(copy) = doc.state.containers.made(new)
            {
                again.containers.insert(made(old.nested), made(copy));
                copies.push((old.nested, copy));
            }
        }
        Some(lv)
    }
}

/// The edits that put what a value holds into an empty one of its kind, and what they stand for.
fn edits_of(doc: &Doc, from: u32) -> Vec<(Local, Vec<For>)> {
    let mut edits = Vec::new();
    let mut add = |edit: Local, old: &[For]| edits.push((edit, old.to_vec()));
    match doc.state.data(from) {
        Data::Counter(sums) => add(Edit::AddInt(sums.total()), &[]),
        Data::FloatCounter(sums) => add(Edit::AddFloat(sums.float_total()), &[]),
        Data::Register(writes) => {
            if let Some((lv, value)) = writes.first() {
                add(Edit::Write(value.clone()), &[For::write(*lv)]);
            }
        }
        Data::Map(map) => {
            for (&key, slot) in &map.slots {
                let (edit, nested) = match item_of(doc, &slot.held, NONE) {
                    None => continue,
                    Some((Item::Value(value), _)) => (Edit::Put { key, value }, NONE),
                    Some((Item::Nested(kind), nested)) => (Edit::Make { key, kind, base: None }, nested),
                };
                add(edit, &[For { nested, ..For::write(slot.lv) }]);
            }
        }
        Data::Set(members) => {
            for (value, adds) in &members.values {
                let add_of = adds.last().copied().unwrap_or(NONE);
                add(Edit::Include(value.0.clone()), &[For::write(add_of)]);
            }
        }
        Data::List(list) => {
            let (mut items, mut old) = (Items::default(), Vec::new());
            for at in 0..list.sequence.len() {
                let Some((element, held)) = list.at(at) else { continue };
                let Some((item, nested)) = item_of(doc, held, element) else { continue };
                items.push(&item);
                let (write, slot) = (list.written(element), list.slot_of(element));
                old.push(For { element, write, slot, nested });
            }
            if !old.is_empty() {
                add(Edit::InsertItems { left: None, items }, &old);
            }
        }
        Data::Text(text) => {
            let whole = text.sequence.slice(0..text.sequence.len());
            if !whole.is_empty() {
                let mut old = Vec::new();
                for element in text.sequence.elements(true) {
                    old.push(For { element, ..For::NOTHING });
                }
                add(Edit::Insert { left: None, text: whole }, &old);
            }
            // The marks stand beside the new characters, which get the next numbers.
            let mut at = doc.numbers.next();
            for (len, marks) in text.spans(&doc.numbers) {
                let start = Anchor { element: Some(at), after: false };
                at += len as u32;
                let end = Anchor { element: Some(at - 1), after: true };
                for (key, value) in marks {
                    let value = value.clone();
                    add(Edit::Mark(Box::new(Mark { start, end, key, value })), &[]);
                }
            }
        }
    }
    edits
}
