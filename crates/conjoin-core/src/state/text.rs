//! Texts: a sequence of characters, and marks over stretches of it.
//!
//! Marks follow Litt et al., *Peritext* (2022): each end of a mark is anchored beside a character, so that
//! what is typed at the end of a mark comes to stand inside or outside as its author wished. Where marks
//! of one key overlap, the latest one counts.

use super::Author;
use crate::doc::ApplyError;
use crate::log::{Local, SCATTERED};
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE, Numbers};
use crate::op::{Anchor, Edit};
use crate::sequence::Resting;
use crate::size::{self, make_room};
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
            return Err(ApplyError::UnknownElement);
        }
        let at = if left.is_none() && self.sequence.begin(lv, text.into()) {
            0
        } else {
            let at = self.sequence.insert(lv, left.unwrap_or(NONE), text.into(), author);
            at.map_err(|_| ApplyError::UnknownElement)? as u32
        };
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
        let lowest =
            if down { first.checked_sub(count - 1).ok_or(ApplyError::UnknownElement)? } else { first };
        let end = lowest.checked_add(count).ok_or(ApplyError::UnknownElement)?;
        if end > author.start && lowest < author.start || !author.saw_all(lowest, count) {
            return Err(ApplyError::UnknownElement);
        }
        let (mut place, mut done) = (SCATTERED, 0);
        let hidden = self.sequence.hide(lowest, count, &mut |at, deleted| {
            let at = at as u32;
            place = if done == 0 || place == at { at } else { SCATTERED };
            done += deleted;
            raw.splice(container, at, deleted, 0);
        });
        hidden.map_err(|_| ApplyError::UnknownElement)?;
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
                    return Err(ApplyError::UnknownElement);
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
            _ => Err(ApplyError::WrongKind),
        }
    }

    pub(crate) fn add_mark(&mut self, container: u32, record: MarkRecord, size: &mut usize, raw: &mut Noted) {
        let (from, to) = (self.position(record.start), self.position(record.end));
        if from < to {
            raw.push(Raw::Format { container, mark: record.lv });
        }
        *size += record.size();
        self.put_mark(record);
    }

    pub(crate) fn put_mark(&mut self, record: MarkRecord) {
        make_room(&mut self.marks, 1);
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
        self.spans_of(&|_| true, numbers)
    }

    /// As [`spans`](Self::spans), were there no other marks than those of which this is said.
    pub(crate) fn spans_of(&self, is_there: &dyn Fn(&MarkRecord) -> bool, numbers: &Numbers) -> Spans<'_> {
        let mut spans = Spans::new();
        self.walk(numbers, is_there, &|anchor| self.position(anchor), &mut |len, marks| {
            let mut values = Values::new();
            for mark in marks {
                if !matches!(mark.value, Value::Null) {
                    values.push((mark.key, &mark.value));
                }
            }
            match spans.last_mut() {
                Some(last) if last.1 == values => last.0 += len,
                _ => spans.push((len, values)),
            }
        });
        spans
    }

    /// Walks along all places of the text, as `position` counts them, and tells of each stretch how long it is and
    /// which marks count on it, in the order of their keys. `is_there` says which marks there are.
    pub(crate) fn walk<'t>(
        &'t self,
        numbers: &Numbers,
        is_there: &dyn Fn(&MarkRecord) -> bool,
        position: &dyn Fn(Anchor<Lv>) -> usize,
        tell: &mut dyn FnMut(usize, &[&'t MarkRecord]),
    ) {
        // Where a mark begins or ends to count, and which; and the end of the text.
        let len = position(Anchor { element: None, after: false });
        let mut turns: Vec<u64> = vec![(len as u64) << 32 | u64::from(NONE)];
        for (nth, mark) in (0..).zip(&self.marks) {
            let (from, to) = (position(mark.start), position(mark.end));
            if from < to && is_there(mark) {
                turns.push((from as u64) << 32 | nth);
                turns.push((to as u64) << 32 | nth);
            }
        }
        turns.sort_unstable();
        // Those that count by their keys, the latest of a key last.
        let mut active: Vec<&MarkRecord> = Vec::new();
        let order = |mark: &MarkRecord| (mark.key, numbers.stamp(mark.lv));
        let mut from = 0;
        for turn in turns {
            let (at, nth) = ((turn >> 32) as usize, turn as u32);
            if at > from {
                let (mut latest, mut rest) = (Vec::new(), active.as_slice());
                while let Some(first) = rest.first() {
                    let of_key;
                    (of_key, rest) = rest.split_at(rest.partition_point(|mark| mark.key <= first.key));
                    latest.extend(of_key.last());
                }
                tell(at - from, &latest);
                from = at;
            }
            let Some(mark) = self.marks.get(nth as usize) else { break };
            let at = active.partition_point(|other| order(other) < order(mark));
            if active.get(at).is_some_and(|other| other.lv == mark.lv) {
                active.remove(at);
            } else {
                active.insert(at, mark);
            }
        }
    }
}
