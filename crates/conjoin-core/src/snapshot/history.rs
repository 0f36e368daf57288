//! The document as its history: every operation, by columns.
//!
//! After M. Kleppmann's column encoding for Automerge: what is alike in operations that follow each other
//! stands together and is [deflated](super::columns).
//!
//! Texts stand as they are, visible text and [runs](sequence::Stored), so that they are there at once, after
//! Loro's snapshots. What else was done (`rows.rs`) is done again (`replay.rs`), so that it is checked as a delta
//! is. How the texts came to be (`edits.rs`) and what was typed and is hidden stay as they are until the log is
//! asked for it. Then all is done again: a history that does not lead to the texts is none.

mod edits;
mod head;
mod kept;
mod replay;
pub(crate) mod rows;

use std::borrow::Cow;
use std::sync::Arc;

use super::columns::{self, Packed};
use crate::codec::{DecodeError, Header, Reader};
use crate::doc::{ApplyError, Doc};
use crate::log::{Entry, Packed as Entries, SCATTERED};
use crate::numbers::{Lv, Span};
use crate::op::Edit;
use crate::order::sort_by_number;
use crate::sequence::{self, Resting, Runs};
use crate::size;
use crate::state::Data;
use crate::value::Kind;
use crate::version::ReplicaId;
use head::Head;
use kept::{Kept, cut};
use replay::Replay;
use rows::{MALFORMED, Rows};

/// While a history is read, the state may take twice its limit, or this if that is more.
const LEAST_LIMIT: usize = 1 << 20;

/// A history as it is stored.
struct Parts<'a> {
    /// The head, the rows, the runs of the texts, and what is visible of these.
    columns: Vec<Cow<'a, [u8]>>,
    /// What need not be inflated: what is hidden, and the edits.
    packed: Vec<Packed<'a>>,
}

/// Where the columns of the runs begin, behind the head and the rows.
const RUNS: usize = 1 + rows::COLUMNS;
const VISIBLE: usize = RUNS + 4;

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(bytes);
        Header::History.read(reader)?;
        let mut parts = Self { columns: Vec::new(), packed: Vec::new() };
        for _ in 0..=VISIBLE {
            parts.columns.push(columns::read(reader)?);
        }
        for _ in 0..=edits::COLUMNS {
            parts.packed.push(Packed::read(reader)?);
        }
        reader.end()?;
        Ok(parts)
    }

    fn column(&self, nth: usize) -> Reader<'_> {
        Reader::new(&self.columns[nth])
    }

    fn rows(&self) -> Rows<Reader<'_>> {
        let mut columns = Vec::new();
        for nth in 1..RUNS {
            columns.push(self.column(nth));
        }
        Rows::new(columns, 0)
    }

    fn visible(&self) -> Result<&str, DecodeError> {
        std::str::from_utf8(&self.columns[VISIBLE]).map_err(|_| MALFORMED)
    }
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
        let mut head = Vec::new();
        self.write_head(&mut head);
        let (rows, edits) = self.write_operations(&head)?;
        let mut runs = sequence::Stored::<Vec<u8>>::default();
        for data in self.state.all_data() {
            if let Data::Text(text) = data {
                runs.push(&text.sequence);
            }
        }
        let (visible, hidden) = self.split_texts();
        let mut out = Vec::new();
        Header::History.write(&mut out);
        columns::write(&head, &mut out);
        rows.write(&mut out);
        columns::write_dense(&runs.heads, &mut out);
        columns::write(&runs.lengths, &mut out);
        columns::write_dense(&runs.numbers, &mut out);
        columns::write(&runs.origins, &mut out);
        columns::write(visible.as_bytes(), &mut out);
        columns::write(hidden.as_bytes(), &mut out);
        edits.write(&mut out);
        Some(out)
    }

    /// What was done. What stands at an index when an operation is done shows when all before it are done again.
    fn write_operations(&self, head: &[u8]) -> Option<(Rows<Vec<u8>>, edits::Written)> {
        let mut again = Self::new(ReplicaId::new(0));
        again.state_limit = usize::MAX;
        let head = again.take_head(&mut Reader::new(head)).ok()?;
        let mut replay = Replay::default();
        let (mut rows, mut edits) = (Rows::empty(), edits::Written::new());
        let mut log = self.log.iter();
        for (at, span) in head.numbers.spans().iter().enumerate() {
            let mut deps = head.numbers.deps(at);
            let end = head.numbers.span_end(at);
            while again.numbers.next() < end {
                again.make_roots(&head.roots);
                let entry = &*log.next()?;
                let plain = replay.is_plain(&again, entry);
                let seen = std::mem::take(&mut deps);
                let done = replay.redo(&mut again, (span.replica, seen), light(entry), plain);
                let at = done.ok()?;
                let is_text = again.state.container(entry.container).kind == Kind::Text;
                match &entry.edit {
                    Edit::Insert { .. } if at != entry.at => return None,
                    Edit::Insert { .. } => edits.inserted(entry, at, &again.state),
                    Edit::Delete { .. } if is_text => edits.deleted(entry, plain, &again.state),
                    _ => {
                        edits.finish(true);
                        rows.push(entry);
                    }
                }
            }
            edits.finish(true);
        }
        Some((rows, edits))
    }

    /// All visible text, by container, and what was typed and is hidden, in that order.
    fn split_texts(&self) -> (String, String) {
        let (mut visible, mut hidden) = (String::new(), String::new());
        let mut shown: Vec<(Lv, u32)> = Vec::new();
        for data in self.state.all_data() {
            if let Data::Text(text) = data {
                visible.extend(text.sequence.chunks(0..text.sequence.len()));
                for run in text.sequence.runs() {
                    if run.visible {
                        shown.push((run.lv, run.len));
                    }
                }
            }
        }
        sort_by_number(&mut shown, |run| run.0);
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
        let parts = Parts::read(bytes)?;
        let done = self.take_parts(&parts, Replay::whole());
        self.state_limit = limit;
        done?;
        self.room(0)?;
        self.log.put_cold(Arc::from(bytes), self.numbers.next());
        Ok(())
    }

    fn take_parts(&mut self, parts: &Parts<'_>, mut replay: Replay<'_>) -> Result<(), ApplyError> {
        let head = self.take_head(&mut parts.column(0))?;
        self.redo_all(&head, &mut parts.rows(), &mut replay, None)?;
        let mut stored = sequence::Stored {
            heads: parts.column(RUNS),
            lengths: parts.column(RUNS + 1),
            numbers: parts.column(RUNS + 2),
            origins: parts.column(RUNS + 3),
        };
        let mut rest = parts.visible()?;
        let mut hidden = 0;
        self.state.containers.rest();
        for at in 0..self.state.containers.next() {
            if self.state.container(at).kind != Kind::Text {
                continue;
            }
            let runs = self.read_runs(&mut stored)?;
            self.state.size += runs.len as usize * size::ELEMENT;
            self.room(0)?;
            hidden += runs.len - runs.visible;
            let (mine, after) = cut(rest, runs.visible as u32)?;
            rest = after;
            if runs.len == 0 && !self.state.containers.holds(at) {
                continue;
            }
            let sequence = Resting::new(runs, mine).map_err(|_| MALFORMED)?;
            let (Data::Text(text), is_new) = self.state.containers.open(at) else {
                return Err(MALFORMED.into());
            };
            text.sequence = sequence;
            let mut anchors = text.marks.iter().flat_map(|mark| [mark.start.element, mark.end.element]);
            if !anchors.all(|element| element.is_none_or(|lv| text.sequence.holds(lv, 1))) {
                return Err(MALFORMED.into());
            }
            if is_new {
                self.state.containers.close(at);
            }
        }
        stored.end()?;
        // A character takes a byte at least.
        if !rest.is_empty() || hidden > parts.packed[0].len as u64 {
            return Err(MALFORMED.into());
        }
        Ok(())
    }

    /// Does all operations again that were not edits of texts; if the edits are given, those, too.
    fn redo_all(
        &mut self,
        head: &Head,
        rows: &mut Rows<Reader<'_>>,
        replay: &mut Replay<'_>,
        mut edits: Option<&mut edits::Read<'_>>,
    ) -> Result<(), ApplyError> {
        let mut next = rows.peek()?;
        for (at, &Span { replica, .. }) in head.numbers.spans().iter().enumerate() {
            let mut deps = head.numbers.deps(at);
            let end = head.numbers.span_end(at);
            while self.numbers.next() < end {
                let lv = self.numbers.next();
                let until = next.map_or(end, |next| next.min(end));
                let seen = std::mem::take(&mut deps);
                if lv < until {
                    let Some(edits) = &mut edits else {
                        self.numbers.push(replica, until - lv, seen);
                        continue;
                    };
                    self.make_roots(&head.roots);
                    let (entry, plain) = edits.next(lv, until, &self.state)?;
                    let inserted = matches!(entry.edit, Edit::Insert { .. }).then(|| light(&entry));
                    let at = replay.redo(self, (replica, seen), entry, plain)?;
                    if let Some(entry) = inserted {
                        edits.inserted(&entry, at);
                    }
                    continue;
                }
                self.make_roots(&head.roots);
                let entry = rows.next(Some(&self.state))?;
                if entry.len > end - lv {
                    return Err(MALFORMED.into());
                }
                replay.redo(self, (replica, seen), entry, false)?;
                next = rows.peek()?;
            }
        }
        self.make_roots(&head.roots);
        if next.is_some() || !head.roots.iter().all(|root| root.0 < self.state.containers.next()) {
            return Err(MALFORMED.into());
        }
        Ok(rows.end()?)
    }

    /// The operations of a history that was read once.
    fn read_log(bytes: &[u8]) -> Result<Vec<Entries>, ApplyError> {
        let parts = Parts::read(bytes)?;
        let [mut doc, mut again] = [0, 0].map(|_| Self::new(ReplicaId::new(0)));
        // It was within the limit when it was read.
        (doc.state_limit, again.state_limit) = (usize::MAX, usize::MAX);
        doc.take_parts(&parts, Replay::default())?;
        // Only the texts are held against what comes of doing all again.
        let mut texts: Vec<(u32, Runs)> = Vec::new();
        for nth in 0..doc.state.containers.next() {
            if doc.state.container(nth).kind == Kind::Text
                && doc.state.containers.holds(nth)
                && let Data::Text(text) = doc.state.containers.data_mut(nth)
            {
                texts.push((nth, std::mem::take(&mut text.sequence).into_runs()));
            }
        }
        drop(doc);
        let mut shown: Vec<(Lv, u32, u32)> = Vec::new();
        let visible = parts.visible()?;
        let mut rest = visible;
        for (_, text) in &texts {
            for run in text.iter().filter(|run| run.visible) {
                let at = u32::try_from(visible.len() - rest.len()).map_err(|_| MALFORMED)?;
                shown.push((run.lv, run.len, at));
                rest = cut(rest, run.len)?.1;
            }
        }
        let hidden = parts.packed[0].unpack()?;
        let hidden = std::str::from_utf8(&hidden).map_err(|_| MALFORMED)?;
        let mut replay = Replay::keeping(Kept::new(shown, visible, hidden));
        let head = again.take_head(&mut parts.column(0))?;
        let mut columns = Vec::new();
        for packed in &parts.packed[1..] {
            columns.push(packed.unpack()?);
        }
        let mut edits = edits::Read::new(&columns, &texts)?;
        again.redo_all(&head, &mut parts.rows(), &mut replay, Some(&mut edits))?;
        edits.end()?;
        let mut again = |nth| std::mem::take(replay.text(nth));
        if !texts.iter().all(|(nth, text)| again(*nth).runs().eq(text.iter())) {
            return Err(MALFORMED.into());
        }
        Ok(replay.kept.map_or(Ok(Vec::new()), Kept::finish)?)
    }
}

/// The operations of a history that was read once, or none if what was not looked at then is damaged.
pub(crate) fn operations(bytes: &[u8]) -> Option<Vec<Entries>> {
    Doc::read_log(bytes).ok()
}

/// An entry without its text.
fn light(entry: &Entry) -> Entry {
    let edit = match &entry.edit {
        Edit::Insert { left, .. } => Edit::Insert { left: *left, text: String::new() },
        edit => edit.clone(),
    };
    Entry { edit, ..*entry }
}

impl Replay<'_> {
    /// Whether the index of a deletion from a text tells all that it names.
    fn is_plain(&mut self, doc: &Doc, entry: &Entry) -> bool {
        let container = doc.state.containers.get(entry.container);
        if entry.at == SCATTERED || container.is_none_or(|container| container.kind != Kind::Text) {
            return false;
        }
        let (at, text) = (entry.at as usize, self.text(entry.container));
        match entry.edit {
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
