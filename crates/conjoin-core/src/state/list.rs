//! Lists: items in an order in which they can be moved.
//!
//! After M. Kleppmann, *Moving Elements in List CRDTs* (2020): an item stands in a slot of a sequence.
//! Moving it makes a new slot; of concurrent moves the latest counts, so that an item is never doubled.
//! Removing an item wins over moving and assigning it.

use super::{Author, Contents, Held};
use crate::doc::ApplyError;
use crate::items::{Item, Items};
use crate::log::{Local, SCATTERED};
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::sequence::Sequence;
use crate::size;
use crate::sorted::Sorted;

#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    /// The slots. That an item was removed shows in the one it stands in.
    pub(crate) sequence: Sequence,
    /// What the items hold, by the operation that inserted each, which is its first slot.
    pub(crate) items: Contents,
    /// The items for which further slots were made, by these.
    pub(crate) moved: Sorted<Lv, Lv>,
    /// Where items stand, if not in their first slot: the latest move of each.
    pub(crate) slots: Sorted<Lv, Lv>,
    /// The operations that wrote what items hold, if not those that inserted them.
    pub(crate) written: Sorted<Lv, Lv>,
}

/// What an item counts for.
pub(super) fn size_of(item: &Item) -> usize {
    size::ELEMENT + size::ENTRY + if let Item::Value(value) = item { value.size() } else { 0 }
}

impl List {
    /// Whether this is a slot.
    pub(super) fn holds(&self, lv: Lv) -> bool {
        self.sequence.holds(lv, 1)
    }

    /// Whether all of so many from `lv` on are items.
    pub(super) fn holds_items(&self, lv: Lv, count: u32) -> bool {
        let Some(end) = lv.checked_add(count) else { return false };
        (lv..end).all(|lv| self.items.get(lv).is_some())
    }

    /// The item in a slot.
    pub(crate) fn item_of(&self, slot: Lv) -> Lv {
        self.moved.get(&slot).copied().unwrap_or(slot)
    }

    /// The slot of an item.
    pub(crate) fn slot_of(&self, item: Lv) -> Lv {
        self.slots.get(&item).copied().unwrap_or(item)
    }

    /// The operation that wrote what an item holds.
    pub(crate) fn written(&self, item: Lv) -> Lv {
        self.written.get(&item).copied().unwrap_or(item)
    }

    /// Whether an item is there.
    pub(crate) fn shows(&self, item: Lv) -> bool {
        self.sequence.shows(self.slot_of(item))
    }

    /// The item at an index, and what it holds.
    pub(crate) fn at(&self, index: usize) -> Option<(Lv, &Held)> {
        let item = self.item_of(self.sequence.at(index)?);
        Some((item, self.items.get(item)?))
    }

    /// Whether every slot is of one item, and every item that is not removed stands in a slot of its own, to
    /// be told of states from others.
    pub(crate) fn is_sound(&self) -> bool {
        let mut shown = 0;
        for (item, _) in self.items.iter() {
            let (first, slot) = (self.sequence.find(item), self.slot_of(item));
            let Some(first) = first.filter(|_| self.item_of(slot) == item) else { return false };
            shown += usize::from(if slot == item { first.visible } else { self.sequence.shows(slot) });
        }
        let is_move = |(slot, item): (&Lv, &Lv)| {
            self.holds(*slot) && self.items.get(*slot).is_none() && self.items.get(*item).is_some()
        };
        shown == self.sequence.len() && self.moved.iter().all(is_move)
    }

    pub(crate) fn add_items(&mut self, lv: Lv, items: &Items, size: &mut usize) {
        for (lv, item) in (lv..).zip(items.iter()) {
            *size += size_of(&item);
            let held = match item {
                Item::Value(value) => Held::Value(value),
                Item::Nested(_) => Held::Nested,
            };
            self.items.put(lv, held);
        }
    }

    /// Puts something else into an item; tells what it held.
    pub(crate) fn assign(&mut self, item: Lv, written: Lv, held: Held, size: &mut usize) -> Option<Held> {
        *size += held.size();
        self.written.insert(item, written);
        let before = self.items.put(item, held)?;
        *size -= before.size();
        Some(before)
    }

    pub(super) fn apply(
        &mut self,
        container: u32,
        lv: Lv,
        edit: &Local,
        author: &Author<'_>,
        size: &mut usize,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        let left_of = |left: &Option<Lv>| match *left {
            Some(left) if !author.saw(left) => Err(ApplyError::UnknownElement),
            Some(left) => Ok(left),
            None => Ok(NONE),
        };
        match edit {
            Edit::InsertItems { left, items } => {
                let count = items.len() as u32;
                let at = self.sequence.insert(lv, left_of(left)?, count.into(), author);
                let at = at.map_err(|_| ApplyError::UnknownElement)? as u32;
                self.add_items(lv, items, size);
                raw.splice(container, at, 0, count);
                Ok(at)
            }
            Edit::Delete { first, count, down } => {
                let lowest = if *down {
                    first.checked_sub(count - 1).ok_or(ApplyError::UnknownElement)?
                } else {
                    *first
                };
                if !self.holds_items(lowest, *count) || !author.saw_all(lowest, *count) {
                    return Err(ApplyError::UnknownElement);
                }
                let moved = self.slots.range(lowest..lowest + count).next().is_some();
                let mut place = SCATTERED;
                if moved {
                    for item in lowest..lowest + count {
                        place = self.hide(self.slot_of(item), 1, container, raw);
                    }
                } else {
                    place = self.hide(lowest, *count, container, raw);
                }
                Ok(if *count == 1 { place } else { SCATTERED })
            }
            Edit::Move { item, left } => {
                let (item, left) = (*item, left_of(left)?);
                if self.items.get(item).is_none() || !author.saw(item) {
                    return Err(ApplyError::UnknownElement);
                }
                let old = self.slot_of(item);
                let wins = author.stamp(lv) > author.stamp(old);
                let shown = wins && self.shows(item);
                // The old slot goes first: indexes are told as they are when each step is done.
                if !(left == NONE || self.holds(left)) {
                    return Err(ApplyError::UnknownElement);
                }
                if shown {
                    self.hide(old, 1, container, raw);
                }
                let at = self
                    .sequence
                    .insert(lv, left, 1.into(), author)
                    .map_err(|_| ApplyError::UnknownElement)? as u32;
                *size += size::ELEMENT + size::ENTRY;
                self.moved.insert(lv, item);
                if wins {
                    self.slots.insert(item, lv);
                }
                if shown {
                    raw.splice(container, at, 0, 1);
                } else {
                    self.sequence.hide(lv, 1, &mut |_, _| ()).map_err(|_| ApplyError::UnknownElement)?;
                }
                Ok(SCATTERED)
            }
            Edit::Assign { item, value } => {
                if self.items.get(*item).is_none() || !author.saw(*item) {
                    return Err(ApplyError::UnknownElement);
                }
                if author.stamp(lv) > author.stamp(self.written(*item))
                    && let Some(before) = self.assign(*item, lv, Held::Value(value.clone()), size)
                {
                    raw.push(Raw::Held { container, at: *item, before });
                }
                Ok(SCATTERED)
            }
            _ => Err(ApplyError::WrongKind),
        }
    }

    /// Hides slots; says at which index the last of them stood.
    pub(crate) fn hide(&mut self, slot: Lv, count: u32, container: u32, raw: &mut Noted) -> u32 {
        let mut place = SCATTERED;
        let hidden = self.sequence.hide(slot, count, &mut |at, deleted| {
            place = at as u32;
            raw.splice(container, place, deleted, 0);
        });
        debug_assert!(hidden.is_ok(), "the slot of an item is in the sequence");
        place
    }
}
