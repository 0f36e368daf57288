//! Marks, taken back and brought back with the text they were on.
//!
//! A mark says nothing of what counted before it, and what was beside it may have been deleted and come
//! back as other characters since. So each character gets back what would count on it had nothing been
//! done with the manager since: of the marks from before, and of those of others from since, the latest
//! that covers the character, or what it was then.

use super::place::Order;
use super::reverse::Reverse;
use crate::numbers::{Lv, Numbers};
use crate::op::{Anchor, Edit, Mark};
use crate::sorted::Sorted;
use crate::state::{Data, MarkRecord, Text};
use crate::strings::StrId;
use crate::value::Value;

/// The mark of a key that counts on each stretch of places in a text, with where the stretch ends.
type Counting<'t> = Vec<(usize, Option<&'t MarkRecord>)>;

fn mark_at<'t>(marks: &Counting<'t>, place: Option<u32>) -> Option<&'t MarkRecord> {
    let place = place? as usize;
    marks.get(marks.partition_point(|stretch| stretch.0 <= place))?.1
}

fn value_of(mark: Option<&MarkRecord>) -> &Value {
    mark.map_or(&Value::Null, |mark| &mark.value)
}

/// Those of these marks that count, along a text in this order.
fn counting<'t>(
    text: &'t Text,
    key: StrId,
    order: &Order,
    numbers: &Numbers,
    is_there: &dyn Fn(&MarkRecord) -> bool,
) -> Counting<'t> {
    let (mut all, mut end) = (Counting::new(), 0);
    text.walk(
        numbers,
        &|mark| mark.key == key && is_there(mark),
        &|anchor| order.beside(anchor) as usize,
        &mut |len, marks| {
            end += len;
            all.push((end, marks.first().copied()));
        },
    );
    all
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
    /// The text as it is now, and as it is where it was.
    fn texts(&self) -> Option<(&Text, &Text)> {
        match (self.data(), self.home()) {
            (Data::Text(text), Data::Text(home)) => Some((text, home)),
            _ => None,
        }
    }

    /// Gives the characters under a mark the values they had before.
    pub(super) fn mark(&mut self, mark: &Mark<Lv, StrId>) {
        let Some((text, home)) = self.texts() else { return };
        let order = Order::of_all(self.home());
        let over = order.between(mark.start, mark.end);
        let mut chars = Chars::new();
        let mut at = 0;
        for run in home.sequence.runs() {
            let part = over.start.clamp(at, at + run.len) - at..over.end.clamp(at, at + run.len) - at;
            for lv in part.map(|nth| self.now(run.lv + nth)) {
                let was_under =
                    || order.of(self.form_then(&self.again.was, lv)).is_some_and(|at| over.contains(&at));
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
        let Some((text, home)) = self.texts() else { return };
        let mut keys: Vec<StrId> = Vec::new();
        for marks in [&text.marks, &home.marks] {
            for mark in marks {
                if !keys.contains(&mark.key) {
                    keys.push(mark.key);
                }
            }
        }
        let mut chars = Chars::new();
        for &lv in elements {
            if let Some(place) = text.sequence.find(lv) {
                chars.insert(place.index as u32, lv);
            }
        }
        for key in keys {
            self.restore_marks(key, &chars, Ends::Exact);
        }
    }

    fn restore_marks(&mut self, key: StrId, chars: &Chars, ends: Ends) {
        let order_then = self.take_order();
        let Some((text, home)) = self.texts() else { return };
        let numbers = &self.doc().numbers;
        let order = Order::of_all(self.data());
        let others = |mark: &MarkRecord| mark.lv >= self.lv && !self.is_recorded(mark.lv);
        let now = counting(text, key, &order, numbers, &|_| true);
        let since = counting(text, key, &order, numbers, &others);
        let then = counting(home, key, &order_then, numbers, &|mark| mark.lv < self.lv || others(mark));
        let mut edits: Vec<Box<Mark<Lv, StrId>>> = Vec::new();
        let mut end_of_last = None;
        for (&index, &lv) in chars {
            let index = index as usize;
            let counts = mark_at(&now, order.of(lv));
            let mut should: Option<&MarkRecord> = None;
            let mut form = Some(lv);
            while let Some(lv) = form {
                form = self.form_before(&self.again.was, lv);
                let mark = match form {
                    Some(_) => mark_at(&since, order.of(lv)),
                    None => mark_at(&then, order_then.of(lv)),
                };
                if let Some(mark) = mark
                    && should.is_none_or(|than| numbers.stamp(mark.lv) > numbers.stamp(than.lv))
                {
                    should = Some(mark);
                }
            }
            let wanted = value_of(should);
            if value_of(counts) == wanted {
                continue;
            }
            let (mut start, mut end) =
                (Anchor { element: Some(lv), after: false }, Anchor { element: Some(lv), after: true });
            if let Some(counts) = counts.filter(|_| ends == Ends::AsMarked) {
                if text.position(counts.start) == index {
                    start = counts.start;
                }
                end = match text.position(counts.end) == index + 1 {
                    true => counts.end,
                    false => Anchor { element: text.sequence.at(index + 1), after: false },
                };
            }
            match edits.last_mut() {
                Some(last) if end_of_last == Some(index) && last.value == *wanted => last.end = end,
                _ => edits.push(Box::new(Mark { start, end, key, value: wanted.clone() })),
            }
            end_of_last = Some(index + 1);
        }
        self.keep_order(order_then);
        for edit in edits {
            self.push(Edit::Mark(edit));
        }
    }
}
