//! Texts: a sequence of characters, and marks over stretches of it.
//!
//! Marks follow Litt et al., *Peritext* (2022): each end of a mark is anchored beside a character, so that
//! what is typed at the end of a mark comes to stand inside or outside as its author wished. Where marks
//! of one key overlap, the latest one counts.

use super::{Author, UNKNOWN_ELEMENT, WRONG_KIND};
use crate::doc::ApplyError;
use crate::log::{Local, SCATTERED};
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE, Numbers};
use crate::op::{Anchor, Edit};
use crate::sequence::Resting;
use crate::size;
use crate::sorted::Sorted;
use crate::strings::StrId;
use crate::value::Value;

#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub(crate) sequence: Resting,
    pub(crate) marks: Vec<MarkRecord>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MarkRecord {
    pub(crate) lv: Lv,
    pub(crate) start: Anchor<Lv>,
    pub(crate) end: Anchor<Lv>,
    pub(crate) key: StrId,
    pub(crate) value: Value,
}

/// The values of marks that count on a stretch of text, in the order of their keys.
pub(crate) type Values<'a> = Vec<(StrId, &'a Value)>;

/// Stretches of text, each with its length.
pub(crate) type Spans<'a> = Vec<(usize, Values<'a>)>;

impl MarkRecord {
    pub(crate) fn size(&self) -> usize {
        size::ENTRY + self.value.size()
    }
}

impl Text {
    /// Whether all of so many elements from `lv` on are here.
    pub(super) fn holds(&self, lv: Lv, count: u32) -> bool {
        self.sequence.holds(lv, count)
    }

    #[expect(clippy::too_many_arguments, reason = "it is the innermost step of all that comes from others")]
    pub(super) fn insert(
        &mut self,
        container: u32,
        lv: Lv,
        left: Option<Lv>,
        (text, inserted): (&str, u32),
        author: &Author<'_>,
        size: &mut usize,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        if left.is_some_and(|left| !author.saw(left)) {
            return Err(UNKNOWN_ELEMENT);
        }
        let at = self.sequence.insert(lv, left.unwrap_or(NONE), text.into(), author);
        let at = at.map_err(|_| UNKNOWN_ELEMENT)? as u32;
        *size += size::ELEMENT * inserted as usize;
        raw.splice(container, at, 0, inserted);
        Ok(at)
    }

    pub(super) fn delete(
        &mut self,
        container: u32,
        (first, count, down): (Lv, u32, bool),
        author: &Author<'_>,
        raw: &mut Noted,
    ) -> Result<u32, ApplyError> {
        let lowest = if down { first.checked_sub(count - 1).ok_or(UNKNOWN_ELEMENT)? } else { first };
        let end = lowest.checked_add(count).ok_or(UNKNOWN_ELEMENT)?;
        if end > author.start && lowest < author.start || !author.saw_all(lowest, count) {
            return Err(UNKNOWN_ELEMENT);
        }
        let (mut place, mut done) = (SCATTERED, 0);
        let hidden = self.sequence.hide(lowest, count, |at, deleted| {
            let at = at as u32;
            place = if done == 0 || place == at { at } else { SCATTERED };
            done += deleted;
            raw.splice(container, at, deleted, 0);
        });
        hidden.map_err(|_| UNKNOWN_ELEMENT)?;
        Ok(if done == count { place } else { SCATTERED })
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
        match edit {
            Edit::Insert { left, text } => {
                self.insert(container, lv, *left, (text, edit.len()), author, size, raw)
            }
            Edit::Delete { first, count, down } => {
                self.delete(container, (*first, *count, *down), author, raw)
            }
            Edit::Mark(mark) => {
                let known =
                    |anchor: Anchor<Lv>| anchor.element.is_none_or(|lv| author.saw(lv) && self.holds(lv, 1));
                if !known(mark.start) || !known(mark.end) {
                    return Err(UNKNOWN_ELEMENT);
                }
                let record = MarkRecord {
                    lv,
                    start: mark.start,
                    end: mark.end,
                    key: mark.key,
                    value: mark.value.clone(),
                };
                self.add_mark(container, record, size, raw);
                Ok(SCATTERED)
            }
            _ => Err(WRONG_KIND),
        }
    }

    pub(crate) fn add_mark(&mut self, container: u32, record: MarkRecord, size: &mut usize, raw: &mut Noted) {
        let (from, to) = (self.position(record.start), self.position(record.end));
        if from < to {
            raw.push(Raw::Format { container, mark: record.lv });
        }
        *size += record.size();
        self.marks.push(record);
    }

    /// The index an anchor stands at.
    pub(crate) fn position(&self, anchor: Anchor<Lv>) -> usize {
        match anchor.element.and_then(|lv| self.sequence.find(lv)) {
            Some(place) => place.index + usize::from(anchor.after && place.visible),
            None if anchor.after => 0,
            None => self.sequence.len(),
        }
    }

    /// Stretches of text with the marks that count on each, in order, without gaps. A `Null` takes a mark
    /// away.
    pub(crate) fn spans(&self, numbers: &Numbers) -> Spans<'_> {
        self.spans_without(&[], numbers)
    }

    /// As [`spans`](Self::spans), had these marks not been made.
    pub(crate) fn spans_without(&self, without: &[Lv], numbers: &Numbers) -> Spans<'_> {
        let len = self.sequence.len();
        if self.marks.is_empty() {
            return if len == 0 { Vec::new() } else { vec![(len, Vec::new())] };
        }
        // Where a mark begins or ends to count, and which.
        let mut turns: Vec<u64> = Vec::new();
        let mut without = without.to_vec();
        without.sort_unstable();
        for (nth, mark) in (0..).zip(&self.marks) {
            let (from, to) = (self.position(mark.start), self.position(mark.end));
            if from < to && without.binary_search(&mark.lv).is_err() {
                turns.extend([from, to].map(|at| (at as u64) << 32 | nth));
            }
        }
        turns.sort_unstable();
        // The marks that count, the latest last, by their keys.
        let mut active: Sorted<StrId, Vec<u32>> = Sorted::new();
        let mut spans = Spans::new();
        let mut from = 0;
        for turn in turns {
            let (at, nth) = ((turn >> 32) as usize, turn as u32);
            self.close(at - from, &active, &mut spans);
            from = at;
            let mark = &self.marks[nth as usize];
            let of_key = active.entry(mark.key, Vec::new);
            let stamp = numbers.stamp(mark.lv);
            let before = of_key.partition_point(|&nth| numbers.stamp(self.marks[nth as usize].lv) < stamp);
            if of_key.get(before) == Some(&nth) {
                of_key.remove(before);
            } else {
                of_key.insert(before, nth);
            }
        }
        self.close(len - from, &active, &mut spans);
        spans
    }

    /// Ends a stretch on which these marks count.
    fn close<'t>(&'t self, len: usize, active: &Sorted<StrId, Vec<u32>>, spans: &mut Spans<'t>) {
        if len == 0 {
            return;
        }
        let mut values = Values::new();
        for (&key, marks) in active {
            if let Some(&last) = marks.last() {
                let value = &self.marks[last as usize].value;
                if *value != Value::Null {
                    values.push((key, value));
                }
            }
        }
        match spans.last_mut() {
            Some(last) if last.1 == values => last.0 += len,
            _ => spans.push((len, values)),
        }
    }
}
