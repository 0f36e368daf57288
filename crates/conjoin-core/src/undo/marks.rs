//! Marks, taken back and brought back with the text they were on.
//!
//! A mark says nothing of what counted before it, and what was beside it may have been deleted and come
//! back as other characters since. So each character gets back what would count on it had nothing been
//! done with the manager since: of the marks from before, and of those of others from since, the latest
//! that covers the character, or what it was then.

use std::ops::Range;

use super::place::Order;
use super::reverse::Reverse;
use crate::numbers::Lv;
use crate::op::{Anchor, Edit, Mark};
use crate::order::{firsts_in_order, number};
use crate::sorted::Sorted;
use crate::state::{Data, MarkRecord, Text};
use crate::strings::StrId;
use crate::value::Value;

/// Takes the entries in a range out of a map.
fn take(of: &mut Sorted<u32, u32>, range: Range<u32>) -> Vec<u32> {
    let keys: Vec<u32> = of.range(range).map(|entry| *entry.0).collect();
    keys.iter().filter_map(|key| of.remove(key)).collect()
}

/// Visible characters of a text, by index.
type Chars = Sorted<u32, Lv>;

/// The ends of marks that give visible characters back their value.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// What is typed beside the characters goes with them as with the marks that count there now.
    AsMarked,
    /// At the characters.
    Exact,
}

impl Reverse<'_, '_> {
    /// Gives the characters under a mark the values they had before.
    pub(super) fn mark(&mut self, mark: &Mark<Lv, StrId>) {
        let (Data::Text(text), Data::Text(home)) = (self.data(), self.home()) else { return };
        let order = Order::of_all(&mut home.sequence.runs());
        let over = order.between(mark.start, mark.end);
        let mut chars = Chars::new();
        let mut at = 0;
        for run in home.sequence.runs() {
            let part = over.start.clamp(at, at + run.len) - at..over.end.clamp(at, at + run.len) - at;
            for lv in part.map(|nth| self.now(run.lv + nth)) {
                let was_under = || {
                    let then = self.forms(&self.again.was, lv).last().and_then(|lv| order.of(lv));
                    then.is_some_and(|at| over.contains(&at))
                };
                if let Some(place) = text.sequence.find(lv).filter(|place| place.visible)
                    && was_under()
                {
                    chars.insert(place.index as u32, lv);
                }
            }
            at += run.len;
        }
        self.restore_marks(mark.key, &chars, Ends::AsMarked);
    }

    /// Gives characters that came back the marks they had, in place of those they got where they stand.
    pub(super) fn marks_of(&mut self, elements: &[Lv]) {
        let (Data::Text(text), Data::Text(home)) = (self.data(), self.home()) else { return };
        let keys = firsts_in_order(text.marks.iter().chain(&home.marks).map(|mark| mark.key));
        let index = |&lv: &Lv| text.sequence.find(lv).map(|place| (place.index as u32, lv));
        let chars: Chars = elements.iter().filter_map(index).collect();
        for key in keys {
            self.restore_marks(number(key), &chars, Ends::Exact);
        }
    }

    fn restore_marks(&mut self, key: StrId, chars: &Chars, ends: Ends) {
        let (Data::Text(text), Data::Text(home)) = (self.data(), self.home()) else { return };
        let numbers = &self.doc().numbers;
        let (order, order_then) =
            (Order::of_all(&mut text.sequence.runs()), Order::of_all(&mut home.sequence.runs()));
        // Where each character stands now, stood when the operation was made, and stood since.
        let (mut now, mut then, mut since) = (Sorted::new(), Sorted::new(), Sorted::new());
        for (&lv, nth) in chars.values().zip(0..) {
            now.extend(order.of(lv).map(|at| (at, nth)));
            let mut forms = self.forms(&self.again.was, lv).peekable();
            while let Some(form) = forms.next() {
                match forms.peek() {
                    Some(_) => since.extend(order.of(form).map(|at| (at, nth))),
                    None => then.extend(order_then.of(form).map(|at| (at, nth))),
                }
            }
        }
        // The latest first.
        let latest = |text: &'_ Text| {
            let mut marks: Vec<MarkRecord> = Vec::new();
            for mark in text.marks.iter().filter(|mark| mark.key == key) {
                let stamp = numbers.stamp(mark.lv);
                let at = marks.partition_point(|other| numbers.stamp(other.lv) < stamp);
                marks.insert(at, mark.clone());
            }
            marks.reverse();
            marks
        };
        let (marks, marks_then) = (latest(text), latest(home));
        let mut counts: Vec<Option<&MarkRecord>> = vec![None; chars.len()];
        let mut should = counts.clone();
        let others = |mark: &MarkRecord| mark.lv >= self.lv && !self.is_recorded(mark.lv);
        for mark in &marks_then {
            if mark.lv < self.lv || others(mark) {
                for nth in take(&mut then, order_then.between(mark.start, mark.end)) {
                    should[nth as usize] = Some(mark);
                }
            }
        }
        let is_later = |mark: &MarkRecord, than: Option<&MarkRecord>| {
            than.is_none_or(|than| numbers.stamp(mark.lv) > numbers.stamp(than.lv))
        };
        for mark in &marks {
            let over = order.between(mark.start, mark.end);
            for nth in take(&mut now, over.clone()) {
                counts[nth as usize] = Some(mark);
            }
            if others(mark) {
                for nth in take(&mut since, over) {
                    let should = &mut should[nth as usize];
                    if is_later(mark, *should) {
                        *should = Some(mark);
                    }
                }
            }
        }
        let value = |mark: &Option<&MarkRecord>| mark.map_or(Value::Null, |mark| mark.value.clone());
        let mut edits: Vec<Mark<Lv, StrId>> = Vec::new();
        let mut end_of_last = None;
        for (nth, (&index, &lv)) in chars.iter().enumerate() {
            let index = index as usize;
            let wanted = value(&should[nth]);
            if value(&counts[nth]) == wanted {
                continue;
            }
            let (mut start, mut end) =
                (Anchor { element: Some(lv), after: false }, Anchor { element: Some(lv), after: true });
            if let Some(counts) = counts[nth].filter(|_| ends == Ends::AsMarked) {
                if text.position(counts.start) == index {
                    start = counts.start;
                }
                end = match text.position(counts.end) == index + 1 {
                    true => counts.end,
                    false => Anchor { element: text.sequence.at(index + 1), after: false },
                };
            }
            match edits.last_mut() {
                Some(last) if end_of_last == Some(index) && last.value == wanted => last.end = end,
                _ => edits.push(Mark { start, end, key, value: wanted }),
            }
            end_of_last = Some(index + 1);
        }
        for edit in edits {
            self.push(Edit::Mark(Box::new(edit)));
        }
    }
}
