//! Where what comes back goes.
//!
//! It cannot be put beside what it was: an operation may name only what its author sees, since others may have
//! [let go](crate::Doc::compact) of what is gone. So it goes right of what is visible there. What is visible
//! may itself have come back, and then it stands for what it was first.

use std::collections::BTreeMap;
use std::ops::Range;

use super::reverse::Reverse;
use crate::numbers::Lv;
use crate::op::Anchor;
use crate::sequence::{Content, Sequence};
use crate::version::OpId;

/// Where the elements of a sequence stand, those that are gone included.
pub(super) struct Order {
    /// The runs by their first element: how long each is, and where it begins.
    runs: BTreeMap<Lv, (u32, u32)>,
    len: u32,
}

impl Order {
    pub(super) fn of_all<C: Content>(sequence: &Sequence<C>) -> Self {
        let mut order = Self { runs: BTreeMap::new(), len: 0 };
        for run in sequence.runs() {
            order.runs.insert(run.lv, (run.len, order.len));
            order.len += run.len;
        }
        order
    }

    pub(super) fn of(&self, lv: Lv) -> Option<u32> {
        let (first, (len, at)) = self.runs.range(..=lv).next_back()?;
        (lv - first < *len).then(|| at + (lv - first))
    }

    pub(super) fn beside(&self, anchor: Anchor<Lv>) -> u32 {
        match anchor.element.and_then(|lv| self.of(lv)) {
            Some(at) => at + u32::from(anchor.after),
            None if anchor.after => 0,
            None => self.len,
        }
    }

    pub(super) fn between(&self, start: Anchor<Lv>, end: Anchor<Lv>) -> Range<u32> {
        let start = self.beside(start);
        start..self.beside(end).max(start)
    }
}

impl Reverse<'_, '_> {
    /// Where an element stood first, as far as that is known. `before` says for those that came back what they
    /// were.
    pub(super) fn first_place(&self, order: &Order, before: &BTreeMap<OpId, OpId>, lv: Lv) -> Option<u32> {
        let numbers = &self.doc().numbers;
        let before = |lv: &Lv| numbers.lv(*before.get(&numbers.id(*lv))?);
        std::iter::successors(Some(lv), before).filter_map(|lv| order.of(lv)).last()
    }

    /// The visible element right of which something goes that stood where this element stands.
    pub(super) fn left_of<C: Content>(
        &self,
        sequence: &Sequence<C>,
        order: &Order,
        before: &BTreeMap<OpId, OpId>,
        lv: Lv,
    ) -> Option<Lv> {
        let place = |lv| self.first_place(order, before, lv);
        let at = place(lv);
        let mut index = sequence.find(lv)?.index;
        while index > 0 && sequence.at(index - 1).is_some_and(|left| place(left) > at) {
            index -= 1;
        }
        while sequence.at(index).is_some_and(|right| place(right) < at) {
            index += 1;
        }
        sequence.at(index.checked_sub(1)?)
    }
}
