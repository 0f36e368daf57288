//! Where what comes back goes.
//!
//! It cannot be put beside what it was: an operation may name only what its author sees, since others may have
//! [let go](crate::Doc::compact) of what is gone. So it goes right of what is visible there. What is visible
//! may itself have come back since, and then counts as what it was when both were there.

use std::ops::Range;

use super::reverse::Reverse;
use crate::numbers::Lv;
use crate::op::Anchor;
use crate::order::{number, place};
use crate::sorted::Sorted;
use crate::state::Data;
use crate::version::OpId;

/// Where the elements of a sequence stand, those that are gone included.
#[derive(Default)]
pub(super) struct Order {
    /// The first element of each run and which run that is, in the order of the elements.
    runs: Vec<u64>,
    /// Where each run begins, and where the last one ends.
    starts: Vec<u32>,
}

#[cfg(test)]
thread_local! {
    /// How many runs were put in order.
    pub(super) static ORDERED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Order {
    pub(super) fn of_all(data: &Data) -> Self {
        let mut order = Self::default();
        let Some(sequence) = data.sequence() else { return order };
        let mut len = 0;
        for (nth, run) in sequence.runs().enumerate() {
            order.runs.push(u64::from(run.lv) << 32 | nth as u64);
            order.starts.push(len);
            len += run.len;
        }
        order.starts.push(len);
        order.runs.sort_unstable();
        #[cfg(test)]
        ORDERED.set(ORDERED.get() + order.runs.len());
        order
    }

    pub(super) fn of(&self, lv: Lv) -> Option<u32> {
        let run = self.runs[..self.runs.partition_point(|&run| number(run) <= lv)].last()?;
        let at = self.starts[place(*run)] + (lv - number(*run));
        (at < self.starts[place(*run) + 1]).then_some(at)
    }

    pub(super) fn beside(&self, anchor: Anchor<Lv>) -> u32 {
        match anchor.element.and_then(|lv| self.of(lv)) {
            Some(at) => at + u32::from(anchor.after),
            None if anchor.after => 0,
            None => self.starts.last().copied().unwrap_or_default(),
        }
    }

    pub(super) fn between(&self, start: Anchor<Lv>, end: Anchor<Lv>) -> Range<u32> {
        let start = self.beside(start);
        start..self.beside(end).max(start)
    }
}

/// After so many steps it is supposed that what is left stands in order: what came back before, mostly.
const FAR: usize = if cfg!(test) { 3 } else { 32 };

impl Reverse<'_, '_> {
    /// What an element was before it came back, if that was after the operation was made. `before` says for those
    /// that came back what they were.
    pub(super) fn form_before(&self, before: &Sorted<OpId, OpId>, lv: Lv) -> Option<Lv> {
        let numbers = &self.doc().numbers;
        match before.get(&numbers.id(lv)) {
            Some(&id) if lv >= self.lv => numbers.lv(id),
            _ => None,
        }
    }

    /// What an element was when the operation was made.
    pub(super) fn form_then(&self, before: &Sorted<OpId, OpId>, mut lv: Lv) -> Lv {
        while let Some(before) = self.form_before(before, lv) {
            lv = before;
        }
        lv
    }

    /// The visible element right of which something goes that stood where `was` stands, in the order of the time
    /// when the operation was made. `near` is an element to look around.
    pub(super) fn left_of(&self, near: Lv, order: &Order, was: Lv) -> Option<Lv> {
        let sequence = self.data().sequence()?;
        let before = match self.data() {
            Data::Text(_) => &self.again.was,
            _ => &self.again.slots,
        };
        let at = order.of(was);
        let place = |index: usize| order.of(self.form_then(before, sequence.at(index)?));
        // What came back with all around it may not stand here at all.
        let mut index = sequence.find(near).map_or(0, |near| near.index);
        let mut steps = 0;
        while index > 0 && place(index - 1) > at {
            (index, steps) = (index - 1, steps + 1);
            let mut left = 0;
            while steps % FAR == 0 && left < index {
                let middle = left.midpoint(index);
                (left, index) = if place(middle) > at { (left, middle) } else { (middle + 1, index) };
            }
        }
        while index < sequence.len() && place(index) < at {
            index += 1;
        }
        sequence.at(index.checked_sub(1)?)
    }
}
