//! Doing the operations of a history again, each as its author had made it, so that nothing a history says
//! need be believed.
//!
//! Texts are done without their characters.

use super::kept::Kept;
use super::rows::MALFORMED;
use crate::codec::DecodeError;
use crate::doc::{ApplyError, Doc};
use crate::log::{Entry, Local};
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit};
use crate::sequence::Resting;
use crate::sorted::Sorted;
use crate::state::{Author, Data, MarkRecord, Parent};
use crate::value::Kind;

/// The texts of a document that is made again, without their characters.
#[derive(Default)]
pub(super) struct Replay<'a> {
    texts: Vec<Resting>,
    /// Which of them each is, by its number.
    numbers: Sorted<u32, u32>,
    /// Whether the document is to hold what was done, and not just what later operations are checked by.
    whole: bool,
    /// The operations as the log keeps them, if they are wanted.
    pub(super) kept: Option<Kept<'a>>,
    /// What the last plain deletion took, in document order.
    taken: Vec<(Lv, u32)>,
}

impl<'a> Replay<'a> {
    /// One that leaves the whole document, but for its texts.
    pub(super) fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// One that keeps the operations.
    pub(super) fn keeping(kept: Kept<'a>) -> Self {
        Self { kept: Some(kept), ..Self::default() }
    }

    pub(super) fn text(&mut self, container: u32) -> &mut Resting {
        let next = self.texts.len();
        let at = *self.numbers.entry(container, || next as u32) as usize;
        if at == next {
            self.texts.push(Resting::default());
        }
        &mut self.texts[at]
    }

    /// Does the next operation again, made by a replica that had seen `deps` of others. Tells the index at which
    /// it was done, of an insertion into a text.
    pub(super) fn redo(
        &mut self,
        doc: &mut Doc,
        (replica, deps): (u32, &[Lv]),
        entry: Entry,
        plain: bool,
    ) -> Result<u32, ApplyError> {
        let unseen = doc.numbers.unseen(Some(replica), deps);
        let at = entry.container;
        let container = doc.state.containers.get(at).ok_or(MALFORMED)?;
        let named = match container.parent {
            Parent::Root(name) => {
                check_name(doc, replica, name)?;
                entry.named == NONE
            }
            _ => doc.state.containers.made(entry.named) == Some(entry.container),
        };
        if !named || !entry.edit.edits(container.kind) {
            return Err(MALFORMED.into());
        }
        if let Some(&key) = entry.edit.key() {
            check_name(doc, replica, key)?;
        }
        let author = Author {
            numbers: &doc.numbers,
            replica: doc.numbers.replica(replica),
            unseen: &unseen,
            start: entry.lv,
            lamport: doc.numbers.lamport_after(Some(replica), deps),
        };
        let (len, mut placed) = (entry.len, entry.at);
        if container.kind == Kind::Text {
            match (&entry.edit, plain) {
                (Edit::Insert { .. }, _) => placed = self.insert(entry, &author)?,
                (_, true) => self.delete_plain(entry, &author)?,
                (Edit::Delete { .. }, false) => self.delete(entry, &author)?,
                _ => {
                    let record = self.mark(entry, &author)?;
                    doc.state.size += record.size();
                    if let (true, Data::Text(text)) = (self.whole, doc.state.containers.data_mut(at)) {
                        text.put_mark(record);
                    }
                }
            }
        } else {
            doc.state.check(entry.container, &entry.edit, &author, &[])?;
            let hollow = if self.whole { None } else { Some(hollow(&entry.edit)) };
            if let Some(edit) = hollow.as_ref().map_or(Some(&entry.edit), Option::as_ref) {
                doc.raw.clear();
                doc.state.apply(entry.container, entry.lv, edit, &author, &doc.strings, &mut doc.raw)?;
                doc.raw.clear();
            }
            self.keep(|| entry)?;
        }
        doc.room(0)?;
        doc.numbers.push(replica, len, deps);
        doc.numbers.made(len);
        Ok(placed)
    }

    fn keep(&mut self, entry: impl FnOnce() -> Entry) -> Result<(), DecodeError> {
        match &mut self.kept {
            Some(kept) => kept.push(entry()),
            None => Ok(()),
        }
    }

    fn insert(&mut self, entry: Entry, author: &Author<'_>) -> Result<u32, ApplyError> {
        let Edit::Insert { left, .. } = entry.edit else { return Err(MALFORMED.into()) };
        if left.is_some_and(|left| left >= entry.lv || !author.saw(left)) {
            return Err(ApplyError::UnknownElement);
        }
        let text = self.text(entry.container);
        let at = if left.is_none() && text.begin(entry.lv, entry.len.into()) {
            0
        } else {
            let at = text.insert(entry.lv, left.unwrap_or(NONE), entry.len.into(), author);
            at.map_err(|_| ApplyError::UnknownElement)? as u32
        };
        self.keep(|| Entry { at, ..entry })?;
        Ok(at)
    }

    /// A deletion of what is visible at an index. In the log it is as many as it took stretches.
    fn delete_plain(&mut self, entry: Entry, author: &Author<'_>) -> Result<(), ApplyError> {
        let (at, count) = (entry.at as usize, entry.len as usize);
        let mut taken = std::mem::take(&mut self.taken);
        taken.clear();
        let text = self.text(entry.container);
        if at > text.len() || count > text.len() - at {
            return Err(MALFORMED.into());
        }
        let wanted = self.kept.is_some() || !author.unseen.is_empty();
        self.text(entry.container).delete_at(at, count, &mut |lv, len| match taken.last_mut() {
            Some(last) if last.0 + last.1 == lv => last.1 += len,
            _ if wanted => taken.push((lv, len)),
            _ => {}
        });
        if !taken.iter().all(|&(lv, len)| author.saw_all(lv, len)) {
            return Err(ApplyError::UnknownElement);
        }
        if let (Some(kept), Edit::Delete { down, .. }) = (&mut self.kept, &entry.edit) {
            if *down {
                taken.reverse();
            }
            let (mut lv, mut rest) = (entry.lv, entry.len);
            for &(lowest, len) in &taken {
                rest -= len;
                let first = if *down { lowest + (len - 1) } else { lowest };
                let at = if *down { entry.at + rest } else { entry.at };
                let edit = Edit::Delete { first, count: len, down: *down && len > 1 };
                kept.push(Entry { lv, len, at, edit, ..entry })?;
                lv += len;
            }
        }
        self.taken = taken;
        Ok(())
    }

    fn delete(&mut self, entry: Entry, author: &Author<'_>) -> Result<(), ApplyError> {
        let Edit::Delete { first, count, down } = entry.edit else { return Err(MALFORMED.into()) };
        let lowest =
            if down { first.checked_sub(count - 1).ok_or(ApplyError::UnknownElement)? } else { first };
        let end = lowest.checked_add(count).ok_or(ApplyError::UnknownElement)?;
        if end > author.start || !author.saw_all(lowest, count) {
            return Err(ApplyError::UnknownElement);
        }
        self.text(entry.container)
            .hide(lowest, count, &mut |_, _| ())
            .map_err(|_| ApplyError::UnknownElement)?;
        self.keep(|| entry)?;
        Ok(())
    }

    fn mark(&mut self, entry: Entry, author: &Author<'_>) -> Result<MarkRecord, ApplyError> {
        let Edit::Mark(mark) = &entry.edit else { return Err(MALFORMED.into()) };
        // Whether the text has these elements is told by its runs.
        let known = |anchor: Anchor<Lv>| anchor.element.is_none_or(|lv| author.saw(lv));
        if !known(mark.start) || !known(mark.end) {
            return Err(ApplyError::UnknownElement);
        }
        let (start, end, key, value) = (mark.start, mark.end, mark.key, mark.value.clone());
        let record = MarkRecord { lv: entry.lv, start, end, key, value };
        self.keep(|| entry)?;
        Ok(record)
    }
}

/// An edit without the values in it, as far as others can depend on it.
fn hollow(edit: &Local) -> Option<Local> {
    match edit {
        Edit::InsertItems { left, items } => Some(Edit::InsertItems { left: *left, items: items.hollow() }),
        Edit::Make { .. } | Edit::Delete { .. } | Edit::Move { .. } => Some(edit.clone()),
        _ => None,
    }
}

/// Whether a replica had introduced a string when it made its next operation.
fn check_name(doc: &Doc, replica: u32, string: u32) -> Result<(), DecodeError> {
    let (_, introduced) = doc.names[replica as usize].number(string).ok_or(MALFORMED)?;
    if introduced <= doc.numbers.count(replica) { Ok(()) } else { Err(MALFORMED) }
}
