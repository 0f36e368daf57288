//! Marks, taken back and brought back with the text they were on.

use std::collections::BTreeMap;
use std::ops::Range;

use super::reverse::Reverse;
use crate::log::Local;
use crate::numbers::Lv;
use crate::op::{Anchor, Edit, Mark};
use crate::state::{Data, MarkRecord, Text};
use crate::strings::StrId;
use crate::value::Value;

/// Where the elements of a text stand, those that are gone included.
pub(super) struct Order {
    /// The runs by their first element: how long each is, and where it begins.
    runs: BTreeMap<Lv, (u32, u32)>,
    len: u32,
}

impl Order {
    pub(super) fn of_all(text: &Text) -> Self {
        let mut order = Self { runs: BTreeMap::new(), len: 0 };
        for run in text.sequence.runs() {
            order.runs.insert(run.lv, (run.len, order.len));
            order.len += run.len;
        }
        order
    }

    pub(super) fn of(&self, lv: Lv) -> Option<u32> {
        let (first, (len, at)) = self.runs.range(..=lv).next_back()?;
        (lv - first < *len).then(|| at + (lv - first))
    }
}

impl Reverse<'_, '_> {
    /// The marks over elements that are gone, in the order in which they count, each with the part of the
    /// elements that it covers.
    pub(super) fn marks_over(&self, elements: &[Lv], order: &Order) -> Vec<(Range<u32>, MarkRecord)> {
        let Data::Text(text) = self.data() else { return Vec::new() };
        if text.marks.is_empty() {
            return Vec::new();
        }
        let position = |anchor: Anchor<Lv>| match anchor.element.and_then(|lv| order.of(lv)) {
            Some(at) => at + u32::from(anchor.after),
            None if anchor.after => 0,
            None => order.len,
        };
        let mut marks: Vec<&MarkRecord> = text.marks.iter().collect();
        marks.sort_unstable_by_key(|mark| self.doc().numbers.stamp(mark.lv));
        let mut found = Vec::new();
        for mark in marks {
            let over = position(mark.start)..position(mark.end);
            let covers = |element: &Lv| order.of(*element).is_some_and(|at| over.contains(&at));
            let Some(from) = elements.iter().position(covers) else { continue };
            let count = elements[from..].iter().take_while(|element| covers(element)).count();
            found.push((from as u32..(from + count) as u32, mark.clone()));
        }
        found
    }

    /// Whether a write came before, or brought back one that did.
    fn is_earlier(&self, write: Lv) -> bool {
        let numbers = &self.doc().numbers;
        let mut id = numbers.id(write);
        while numbers.lv(id).is_none_or(|lv| lv >= self.lv) {
            match self.again.writes.get(&id) {
                Some(&before) => id = before,
                None => return false,
            }
        }
        true
    }

    /// Gives each part of the marked stretch where this mark still counts the value it had before.
    pub(super) fn mark(&mut self, mark: &Mark<Lv, StrId>) {
        let doc = self.doc();
        let Data::Text(text) = self.data() else { return };
        let now = |anchor: Anchor<Lv>| Anchor { element: anchor.element.map(|lv| self.now(lv)), ..anchor };
        let (start, end) = (now(mark.start), now(mark.end));
        let (from, to) = (text.position(start), text.position(end));
        let same: Vec<_> = (text.marks.iter().filter(|other| other.key == mark.key))
            .map(|other| (text.position(other.start), text.position(other.end), other))
            .collect();
        let mut turns: Vec<usize> = same.iter().flat_map(|other| [other.0, other.1]).collect();
        turns.extend([from, to]);
        turns.retain(|turn| (from..=to).contains(turn));
        turns.sort_unstable();
        turns.dedup();
        let mut edits: Vec<(Local, Option<Lv>)> = Vec::new();
        for turn in turns.windows(2) {
            let over = same.iter().filter(|other| other.0 <= turn[0] && turn[1] <= other.1);
            let over = over.map(|other| other.2);
            let Some(latest) = over.clone().max_by_key(|other| doc.numbers.stamp(other.lv)) else { continue };
            if !self.is_own(latest.lv) {
                continue;
            }
            let before = over
                .filter(|other| !self.is_own(other.lv) && self.is_earlier(other.lv))
                .max_by_key(|other| doc.numbers.stamp(other.lv));
            let left_of = |index| Anchor { element: text.sequence.at(index), after: false };
            let mark = Mark {
                start: if turn[0] == from { start } else { left_of(turn[0]) },
                end: if turn[1] == to { end } else { left_of(turn[1]) },
                key: mark.key,
                value: before.map_or(Value::Null, |before| before.value.clone()),
            };
            edits.push((Edit::Mark(Box::new(mark)), before.map(|before| before.lv)));
        }
        for (edit, before) in edits {
            self.push_for(edit, before);
        }
    }
}
