//! Lists: items in an order in which they can be moved.
//!
//! After M. Kleppmann, *Moving Elements in List CRDTs* (2020): an item stands in a slot of a sequence.
//! Moving it makes a new slot; of concurrent moves the latest counts, so that an item is never doubled.
//! Removing an item wins over moving and assigning it.

use super::{Author, Held, UNKNOWN_ELEMENT, WRONG_KIND};
use crate::doc::ApplyError;
use crate::items::{Item, Items};
use crate::log::{Local, SCATTERED};
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::sequence::{self, Sequence};
use crate::size;
use crate::sorted::Sorted;

#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    /// The slots.
    pub(crate) sequence: Sequence<sequence::Plain>,
    /// The items, by the operation that inserted them, which is their first slot.
    pub(crate) items: Sorted<Lv, ListItem>,
    /// The items for which further slots were made.
    pub(crate) moved: Sorted<Lv, Lv>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListItem {
    pub(crate) held: Held,
    /// The operation that wrote what it holds.
    pub(crate) written: Lv,
    /// Where it stands: the latest move of it, or its insertion.
    pub(crate) slot: Lv,
    pub(crate) removed: bool,
}

impl List {
    /// Whether this is a slot.
    pub(super) fn holds(&self, lv: Lv) -> bool {
        self.sequence.holds(lv, 1)
    }

    /// Whether all of so many from `lv` on are items.
    pub(super) fn holds_items(&self, lv: Lv, count: u32) -> bool {
        let Some(end) = lv.checked_add(count) else { return false };
        self.items.range(lv..end).count() == count as usize
    }

    /// The item in a slot.
    pub(crate) fn item_of(&self, slot: Lv) -> Lv {
        self.moved.get(&slot).copied().unwrap_or(slot)
    }

    /// The item at an index.
    pub(crate) fn at(&self, index: usize) -> Option<(Lv, &ListItem)> {
        let item = self.item_of(self.sequence.at(index)?);
        Some((item, self.items.get(&item)?))
    }

    /// Takes note of the container in an item.
    pub(super) fn hold(&mut self, item: Lv, container: u32) {
        if let Some(item) = self.items.get_mut(&item) {
            item.held = Held::Container(container);
        }
    }

    /// Whether every slot is of one item, and every item that is not removed stands in a slot of its own, to
    /// be told of states from others.
    pub(crate) fn is_sound(&self) -> bool {
        let stands = |(&lv, item): (&Lv, &ListItem)| {
            let visible = self.sequence.find(item.slot).is_some_and(|place| place.visible);
            self.item_of(item.slot) == lv && visible != item.removed
        };
        let shown = self.items.values().filter(|item| !item.removed).count();
        self.items.iter().all(stands) && shown == self.sequence.len()
    }

    pub(crate) fn add_items(&mut self, lv: Lv, items: &Items, size: &mut usize) {
        for (lv, item) in (lv..).zip(items.iter()) {
            let held = match item {
                Item::Value(value) => Held::Value(value),
                Item::Nested(_) => Held::Nothing,
            };
            *size += size::ELEMENT + size::ENTRY + held.size();
            self.items.insert(lv, ListItem { held, written: lv, slot: lv, removed: false });
        }
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
            Some(left) if !author.saw(left) => Err(UNKNOWN_ELEMENT),
            Some(left) => Ok(left),
            None => Ok(NONE),
        };
        match edit {
            Edit::InsertItems { left, items } => {
                let count = items.len() as u32;
                let at = self.sequence.insert(lv, left_of(left)?, count, author);
                let at = at.map_err(|_| UNKNOWN_ELEMENT)? as u32;
                self.add_items(lv, items, size);
                raw.push(Raw::Splice { container, at, deleted: 0, inserted: count });
                Ok(at)
            }
            Edit::Delete { first, count, down } => {
                let lowest =
                    if *down { first.checked_sub(count - 1).ok_or(UNKNOWN_ELEMENT)? } else { *first };
                if !self.holds_items(lowest, *count) || !author.saw_all(lowest, *count) {
                    return Err(UNKNOWN_ELEMENT);
                }
                let mut place = SCATTERED;
                for nth in 0..*count {
                    let item = if *down { first - nth } else { first + nth };
                    let at = self.remove(item, container, raw);
                    place = if nth == 0 { at } else { SCATTERED };
                }
                Ok(place)
            }
            Edit::Move { item, left } => {
                let left = left_of(left)?;
                let known = self.items.get(item).filter(|_| author.saw(*item)).ok_or(UNKNOWN_ELEMENT)?;
                let wins = author.stamp(lv) > author.stamp(known.slot);
                let shown = wins && !known.removed;
                let old = known.slot;
                // The old slot goes first: indexes are told as they are when each step is done.
                if !(left == NONE || self.holds(left)) {
                    return Err(UNKNOWN_ELEMENT);
                }
                if shown {
                    self.hide(old, container, raw);
                }
                let at = self.sequence.insert(lv, left, 1, author).map_err(|_| UNKNOWN_ELEMENT)? as u32;
                *size += size::ELEMENT + size::ENTRY;
                self.moved.insert(lv, *item);
                if wins {
                    self.items.get_mut(item).expect("it was found above").slot = lv;
                }
                if shown {
                    raw.push(Raw::Splice { container, at, deleted: 0, inserted: 1 });
                } else {
                    self.sequence.hide(lv, 1, |_, _| ()).map_err(|_| UNKNOWN_ELEMENT)?;
                }
                Ok(SCATTERED)
            }
            Edit::Assign { item, value } => {
                let known = self.items.get_mut(item).filter(|_| author.saw(*item)).ok_or(UNKNOWN_ELEMENT)?;
                if author.stamp(lv) > author.stamp(known.written) {
                    let held = Held::Value(value.clone());
                    *size = *size + held.size() - known.held.size();
                    known.written = lv;
                    let before = std::mem::replace(&mut known.held, held);
                    raw.push(Raw::Assigned { container, item: *item, before });
                }
                Ok(SCATTERED)
            }
            _ => Err(WRONG_KIND),
        }
    }

    /// Removes an item; says at which index it stood.
    pub(crate) fn remove(&mut self, item: Lv, container: u32, raw: &mut Noted) -> u32 {
        let Some(known) = self.items.get_mut(&item).filter(|item| !item.removed) else { return SCATTERED };
        known.removed = true;
        let slot = known.slot;
        self.hide(slot, container, raw)
    }

    pub(crate) fn hide(&mut self, slot: Lv, container: u32, raw: &mut Noted) -> u32 {
        let mut place = SCATTERED;
        let hidden = self.sequence.hide(slot, 1, |at, _| {
            place = at as u32;
            raw.push(Raw::Splice { container, at: place, deleted: 1, inserted: 0 });
        });
        debug_assert!(hidden.is_ok(), "the slot of an item is in the sequence");
        place
    }
}
