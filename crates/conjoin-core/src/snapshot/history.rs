//! The document as its history: every operation, by columns.
//!
//! After M. Kleppmann's column encoding for Automerge: what is alike in operations that follow each other
//! stands together (`rows.rs`) and is [deflated](super::columns). Reading does the operations again
//! (`replay.rs`), so all is checked as a delta is.
//!
//! A text operation is told by its index, as how far it is from where the one before ended, and is *plain*
//! where what stands at that index is what it names; else it names elements by number. Deletions that follow
//! each other at one place are one row. Characters stand apart: those that are visible as the text they are,
//! the others in the order in which they were typed. So a text is there without most of the history having
//! been put together, which the log does when somebody asks for it.

mod head;
mod replay;
mod rows;

use std::sync::Arc;

use super::columns;
use crate::codec::{DecodeError, Header, Reader};
use crate::doc::{ApplyError, Doc};
use crate::log::{Entry, SCATTERED};
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::sequence::{self, Content, Sequence};
use crate::state::Data;
use crate::version::ReplicaId;
use replay::Replay;
use rows::{COLUMNS, Columns, MALFORMED, Rows};

/// While a history is read, the state may take twice its limit, or this if that is more.
const LEAST_LIMIT: usize = 1 << 20;

/// What a history is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// The values alone: the history stays as it is until it is asked for.
    Values,
    /// The operations.
    Log,
}

impl Doc {
    /// The whole history, if it is kept.
    pub(super) fn history(&self) -> Option<Vec<u8>> {
        if let Some(bytes) = self.log.untouched(self.numbers.next()) {
            return Some(bytes.to_vec());
        }
        if !self.log.holds(0, self.numbers.next()) {
            return None;
        }
        let mut out = Vec::new();
        Header::History.write(&mut out);
        let mut head = Vec::new();
        self.write_head(&mut head);
        columns::write(&head, &mut out);
        // What stands at an index when an operation is done shows when all before it are done again.
        let mut again = Self::new(ReplicaId::new(0));
        again.state_limit = usize::MAX;
        let head = again.take_head(&mut Reader::new(&head)).ok()?;
        let mut replay = Replay::new(usize::MAX, None);
        let mut columns = Columns::default();
        let mut log = self.log.iter();
        for (replica, len, deps) in &head.spans {
            let mut deps = again.resolve_deps(*replica, deps).ok()?;
            let (mut done, mut row) = (0, None);
            while done < *len {
                let entry = light(log.next()?);
                done += entry.len;
                again.make_roots(&head.roots);
                let plain = replay.is_plain(&again, &entry);
                Deletion::take_on(&mut row, &entry, plain, &mut columns);
                replay.redo(&mut again, (*replica, &std::mem::take(&mut deps)), entry, plain).ok()?;
            }
            Deletion::finish(&mut row, &mut columns);
        }
        columns.write(&mut out);
        let (visible, hidden) = self.split_texts(&mut replay);
        columns::write(visible.as_bytes(), &mut out);
        columns::write(hidden.as_bytes(), &mut out);
        Some(out)
    }

    /// All visible text, by container, and what was typed and is hidden, in that order.
    fn split_texts(&self, replay: &mut Replay) -> (String, String) {
        let (mut visible, mut hidden) = (String::new(), String::new());
        let mut shown: Vec<(Lv, u32)> = Vec::new();
        for (container, nth) in self.state.containers.iter().zip(0..) {
            if let Data::Text(text) = &container.data {
                visible.extend(text.sequence.chunks(0..text.sequence.len()));
                let runs = replay.text(nth).runs().filter(|run| run.visible);
                shown.extend(runs.map(|run| (run.lv, run.len)));
            }
        }
        shown.sort_unstable();
        let mut shown = shown.into_iter().peekable();
        for entry in self.log.iter() {
            let Edit::Insert { text, .. } = &entry.edit else { continue };
            for (lv, char) in (entry.lv..).zip(text.chars()) {
                while shown.next_if(|run| run.0 + run.1 <= lv).is_some() {}
                if shown.peek().is_none_or(|run| lv < run.0) {
                    hidden.push(char);
                }
            }
        }
        (visible, hidden)
    }

    /// Reads what [`history`](Self::history) wrote into an empty document.
    pub(super) fn read_history(&mut self, bytes: &[u8]) -> Result<(), ApplyError> {
        let limit = self.state_limit;
        // On the way values may have been there that are not any more.
        self.state_limit = limit.saturating_mul(2).max(LEAST_LIMIT);
        let done = self.replay(bytes, For::Values);
        self.state_limit = limit;
        done.map_err(|error| match error {
            ApplyError::TooLarge { .. } => ApplyError::TooLarge { limit },
            error => error,
        })?;
        self.room(0)?;
        self.log.put_cold(Arc::from(bytes), self.numbers.next());
        Ok(())
    }

    fn replay(&mut self, bytes: &[u8], what: For) -> Result<Vec<Entry>, ApplyError> {
        let reader = &mut Reader::new(bytes);
        Header::History.read(reader)?;
        let head = columns::read(reader)?;
        let head = self.take_head(&mut Reader::new(&head))?;
        let mut all: [Vec<u8>; COLUMNS] = Default::default();
        for column in &mut all {
            *column = columns::read(reader)?;
        }
        let visible = columns::read(reader)?;
        let visible = std::str::from_utf8(&visible).map_err(|_| MALFORMED)?;
        let hidden = columns::Packed::read(reader)?;
        reader.end()?;
        let kept = (what == For::Log).then(Vec::new);
        let mut replay = Replay::new(visible.len() + hidden.len, kept);
        let mut rows = Rows::new(&all);
        for (replica, len, deps) in &head.spans {
            let (mut done, mut deps) = (0, self.resolve_deps(*replica, deps)?);
            while done < *len {
                self.make_roots(&head.roots);
                let (entry, plain) = rows.next(self.numbers.next(), &self.state, self.strings.len())?;
                if entry.len > len - done {
                    return Err(MALFORMED.into());
                }
                done += entry.len;
                replay.redo(self, (*replica, &std::mem::take(&mut deps)), entry, plain)?;
            }
        }
        rows.end()?;
        self.make_roots(&head.roots);
        if !head.roots.iter().all(|root| (root.0 as usize) < self.state.containers.len()) {
            return Err(MALFORMED.into());
        }
        let mut shown: Vec<(Lv, u32, &str)> = Vec::new();
        let mut rest = visible;
        for (container, nth) in self.state.containers.iter_mut().zip(0..) {
            let Data::Text(text) = &mut container.data else { continue };
            let plain = replay.text(nth);
            let (mut mine, after) = cut(rest, plain.len() as u32)?;
            rest = after;
            text.sequence = Sequence::from_runs(plain.runs(), mine).map_err(|_| MALFORMED)?;
            if what == For::Log {
                for run in plain.runs().filter(|run| run.visible) {
                    let (slice, after) = cut(mine, run.len)?;
                    shown.push((run.lv, run.len, slice));
                    mine = after;
                }
            }
        }
        if !rest.is_empty() {
            return Err(MALFORMED.into());
        }
        let mut kept = replay.kept.take().unwrap_or_default();
        if what == For::Log {
            shown.sort_unstable();
            let hidden = hidden.unpack()?;
            fill(&mut kept, shown, std::str::from_utf8(&hidden).map_err(|_| MALFORMED)?)?;
        }
        Ok(kept)
    }
}

/// The operations of a history that was read once, or none if what was not looked at then is damaged.
pub(crate) fn operations(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut doc = Doc::new(ReplicaId::new(0));
    // It was within the limit when it was read.
    doc.state_limit = usize::MAX;
    doc.replay(bytes, For::Log).ok()
}

fn cut(text: &str, chars: u32) -> Result<(&str, &str), DecodeError> {
    sequence::Text::cut_at(text, chars).ok_or(MALFORMED)
}

/// Puts the characters into insertions: of the visible stretches, by their numbers, and the hidden ones.
fn fill(entries: &mut [Entry], shown: Vec<(Lv, u32, &str)>, hidden: &str) -> Result<(), DecodeError> {
    let (mut shown, mut hidden) = (shown.into_iter().peekable(), hidden);
    for entry in entries {
        let end = entry.end();
        let Edit::Insert { text, .. } = &mut entry.edit else { continue };
        let mut at = entry.lv;
        while at < end {
            match shown.peek_mut() {
                Some(run) if run.0 == at => {
                    let count = run.1.min(end - at);
                    let (slice, rest) = cut(run.2, count)?;
                    text.push_str(slice);
                    at += count;
                    *run = (at, run.1 - count, rest);
                    shown.next_if(|run| run.1 == 0);
                }
                next => {
                    let count = next.map_or(end, |run| run.0.clamp(at, end)) - at;
                    let (slice, rest) = cut(hidden, count)?;
                    text.push_str(slice);
                    at += count;
                    hidden = rest;
                    if count == 0 {
                        return Err(MALFORMED);
                    }
                }
            }
        }
    }
    if hidden.is_empty() { Ok(()) } else { Err(MALFORMED) }
}

/// An entry without its text.
fn light(entry: &Entry) -> Entry {
    let edit = match &entry.edit {
        Edit::Insert { left, .. } => Edit::Insert { left: *left, text: String::new() },
        edit => edit.clone(),
    };
    Entry { edit, ..*entry }
}

impl Replay {
    /// Whether the index of a text operation tells all that it names.
    fn is_plain(&mut self, doc: &Doc, entry: &Entry) -> bool {
        let container = doc.state.containers.get(entry.container as usize);
        if entry.at == SCATTERED
            || !container.is_some_and(|container| matches!(container.data, Data::Text(_)))
        {
            return false;
        }
        let (at, text) = (entry.at as usize, self.text(entry.container));
        match entry.edit {
            Edit::Insert { left, .. } if at == 0 => left.is_none(),
            Edit::Insert { left, .. } => left.is_some() && at <= text.len() && text.at(at - 1) == left,
            // One element is told as deleted upwards.
            Edit::Delete { count: 1, down: true, .. } => false,
            Edit::Delete { first, count, down } => {
                let lowest = if down { first - (count - 1) } else { first };
                (0..count).all(|nth| text.at(at + nth as usize) == Some(lowest + nth))
            }
            _ => false,
        }
    }
}

/// Plain deletions that follow each other at one place.
struct Deletion {
    row: Entry,
    /// The elements of the last one.
    last: (Lv, u32),
    /// Whether it goes downwards, when that is settled.
    down: Option<bool>,
}

impl Deletion {
    /// Appends an entry to the columns, later if others may go on with it.
    fn take_on(open: &mut Option<Self>, entry: &Entry, plain: bool, columns: &mut Columns) {
        let (true, Edit::Delete { first, count, down }) = (plain, &entry.edit) else {
            Self::finish(open, columns);
            return columns.push(entry, plain);
        };
        let lowest = if *down { first - (count - 1) } else { *first };
        let settled = (*count > 1).then_some(*down);
        if let Some(open) = open {
            let row = &mut open.row;
            let same = (row.container, row.named) == (entry.container, entry.named);
            let goes =
                |down: bool| [open.down, settled].iter().all(|other| other.is_none_or(|other| other == down));
            // What goes on in the numbers, too, would be read as one.
            let up = entry.at == row.at && goes(false) && lowest != open.last.0 + open.last.1;
            let downwards = entry.at + entry.len == row.at && goes(true) && lowest + count != open.last.0;
            if same && (up || downwards) {
                row.len += entry.len;
                row.at = entry.at;
                (open.last, open.down) = ((lowest, *count), Some(downwards));
                return;
            }
        }
        Self::finish(open, columns);
        *open = Some(Self { row: entry.clone(), last: (lowest, *count), down: settled });
    }

    fn finish(open: &mut Option<Self>, columns: &mut Columns) {
        if let Some(Self { mut row, down, .. }) = open.take() {
            row.edit = Edit::Delete { first: NONE, count: row.len, down: down == Some(true) };
            columns.push(&row, true);
        }
    }
}
