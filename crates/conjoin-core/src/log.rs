//! The operations a document has applied, by their numbers, for those who lack them and for looking
//! back.
//!
//! The order of the numbers is a causal one, so a piece dropped from the front leaves a history that
//! still holds together: everybody who has seen the dropped piece can be brought up to date.

mod packed;

use std::borrow::Cow;
use std::ops::Range;
use std::slice;
use std::sync::{Arc, OnceLock};

use crate::numbers::Lv;
use crate::op::Edit;
use crate::snapshot::history;
use crate::strings::StrId;

pub(crate) use packed::Packed;

/// The changes somebody lacks are not kept any more: a state is needed.
///
/// ```
/// use conjoin_core::{Doc, HistoryGone, ReplicaId, VersionVector};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.set_history_limit(0);
/// doc.transact(|tx| tx.counter("clicks").increment());
/// doc.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!(doc.delta_since(&VersionVector::new()), Err(HistoryGone));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history since that version is not kept any more; a snapshot is needed")]
pub struct HistoryGone;

/// About how many bytes of operations are kept unless said otherwise.
const DEFAULT_LIMIT: usize = 64 << 20;

/// So many entries are packed at a time, and as many or more stay as they are.
pub(crate) const BLOCK: usize = if cfg!(test) { 3 } else { 64 };

/// An edit as a document keeps it.
pub(crate) type Local = Edit<Lv, StrId>;

/// Consecutive operations of one replica that are one edit: a word typed, a word deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) lv: Lv,
    pub(crate) len: u32,
    /// The value that was edited, by its number in the state.
    pub(crate) container: u32,
    /// By which of the operations that made it its author named that value; `NONE` of a root.
    pub(crate) named: Lv,
    /// In a sequence, the index at which it was done here, or [`SCATTERED`].
    pub(crate) at: u32,
    pub(crate) edit: Local,
}

/// The index of an edit that was not done at one place, or did nothing.
pub(crate) const SCATTERED: u32 = u32::MAX;

impl Entry {
    pub(crate) const fn end(&self) -> Lv {
        self.lv + self.len
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.edit.heap()
    }

    /// The part of it that has numbers from this one on, if there is any.
    fn from(self, lv: Lv) -> Option<Self> {
        match self.end() {
            end if end <= lv => None,
            _ if self.lv >= lv => Some(self),
            end => {
                let edit = self.part(lv, end);
                // What is inserted follows what was before it; what is deleted has its lowest index all along.
                let inserts = matches!(edit, Edit::Insert { .. } | Edit::InsertItems { .. });
                let at = if inserts && self.at != SCATTERED { self.at + (lv - self.lv) } else { self.at };
                Some(Self { lv, len: end - lv, at, edit, ..self })
            }
        }
    }

    /// The part of it that has numbers from `from` up to `to`, at least one.
    pub(crate) fn part(&self, from: Lv, to: Lv) -> Local {
        let (from, to) = (from.max(self.lv), to.min(self.end()));
        let head = if to < self.end() { &self.edit.before(to - self.lv) } else { &self.edit };
        if from == self.lv {
            return head.clone();
        }
        head.after(from - self.lv, |nth| self.lv + nth, |lv, by, down| if down { lv - by } else { lv + by })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// What was read and not asked for yet.
    cold: Option<Cold>,
    /// All that came since, but for the latest.
    packed: Vec<Packed>,
    /// The latest.
    entries: Vec<Entry>,
    /// The numbers of operations that are not kept: at the front, and what came by states.
    gaps: Vec<Range<Lv>>,
    size: usize,
    limit: usize,
}

/// Text that was inserted last, to which more may be added.
pub(crate) struct Typed<'l> {
    entry: &'l mut Entry,
    size: &'l mut usize,
}

impl Typed<'_> {
    /// The index behind it.
    pub(crate) const fn end(&self) -> u32 {
        self.entry.at.wrapping_add(self.entry.len)
    }

    /// Adds so many characters.
    #[inline]
    pub(crate) fn push(self, text: &str, len: u32) {
        let Edit::Insert { text: before, .. } = &mut self.entry.edit else { return };
        match text.as_bytes() {
            [byte @ ..0x80] => before.push(char::from(*byte)),
            _ => before.push_str(text),
        }
        self.entry.len += len;
        *self.size += text.len();
    }
}

/// Items are added to those of an entry up to so many bytes: to find the latest, all before it are passed over.
const ITEMS: usize = 512;

/// Operations as bytes, from the first on.
#[derive(Debug, Clone)]
struct Cold {
    bytes: Arc<[u8]>,
    /// The number after the last.
    end: Lv,
    /// The entries, once somebody asked; none if the bytes are damaged.
    entries: OnceLock<Option<Vec<Packed>>>,
}

impl Cold {
    fn entries(&self) -> Option<&[Packed]> {
        self.entries.get_or_init(|| history::operations(&self.bytes)).as_deref()
    }
}

impl Log {
    /// Takes the operations up to `end` as bytes, into an empty log.
    pub(crate) fn put_cold(&mut self, bytes: Arc<[u8]>, end: Lv) {
        self.size += bytes.len();
        self.cold = Some(Cold { bytes, end, entries: OnceLock::new() });
        self.trim(end);
    }

    /// The bytes of all operations, if none came since they were read, and they are not known to be damaged.
    pub(crate) fn untouched(&self, next: Lv) -> Option<&[u8]> {
        let whole = |cold: &&Cold| cold.end == next && !matches!(cold.entries.get(), Some(None));
        self.cold.as_ref().filter(whole).map(|cold| &*cold.bytes)
    }

    fn cold(&self) -> &[Packed] {
        self.cold.as_ref().and_then(Cold::entries).unwrap_or_default()
    }

    pub(crate) const fn new() -> Self {
        Self {
            cold: None,
            packed: Vec::new(),
            entries: Vec::new(),
            gaps: Vec::new(),
            size: 0,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Whether all operations with numbers from `from` up to `to` are kept.
    pub(crate) fn holds(&self, from: Lv, to: Lv) -> bool {
        let cold = self.cold.as_ref().filter(|cold| from < cold.end && from < to);
        self.gaps.iter().all(|gap| gap.end <= from || to <= gap.start)
            && cold.is_none_or(|cold| cold.entries().is_some())
    }

    /// Takes note that these operations came without their edits, by a state.
    pub(crate) fn skip(&mut self, from: Lv, to: Lv) {
        if from < to {
            add(&mut self.gaps, from..to);
        }
    }

    /// Gives the values that the entries which came since it was read are of other numbers.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn renumber(&mut self, numbers: &[u32]) {
        let renumber = |entry: &mut Entry| entry.container = numbers[entry.container as usize];
        for packed in &mut self.packed {
            let mut entries = Vec::new();
            for mut entry in packed.entries() {
                renumber(&mut entry);
                entries.push(entry);
            }
            self.size -= packed.size();
            *packed = Packed::of(&entries);
            self.size += packed.size();
        }
        self.entries.iter_mut().for_each(renumber);
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// The latest entry that came since the log was read.
    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The entry of the last operation, if it is one of this value and `next` the number after it.
    pub(crate) fn last_of(&self, container: u32, next: Lv) -> Option<&Entry> {
        self.last().filter(|last| last.container == container && last.end() == next)
    }

    /// Appends an entry, to the last one if it goes on with it. `joins` says whether their authors and
    /// what they had seen allow it.
    pub(crate) fn push(&mut self, entry: Entry, joins: bool) {
        if let Edit::Delete { first, count, down } = entry.edit {
            let Entry { lv, container, named, at, .. } = entry;
            return self.push_delete(lv, (container, named), at, (first, count, down), joins);
        }
        if joins
            && let Some(last) = self.entries.last_mut()
            && (last.container, last.named, last.end()) == (entry.container, entry.named, entry.lv)
            && last.take_on(&entry)
        {
            self.size += entry.edit.heap();
            return;
        }
        self.put(entry);
    }

    /// As [`push`](Self::push) of a delete of these elements.
    pub(crate) fn push_delete(
        &mut self,
        lv: Lv,
        (container, named): (u32, Lv),
        at: u32,
        elements: (Lv, u32, bool),
        joins: bool,
    ) {
        if joins
            && let Some(last) = self.entries.last_mut()
            && (last.container, last.named, last.end()) == (container, named, lv)
            && last.deletes_on(at, elements)
        {
            return;
        }
        let (first, count, down) = elements;
        self.put(Entry { lv, len: count, container, named, at, edit: Edit::Delete { first, count, down } });
    }

    /// As [`push`](Self::push) of an insertion, of which the text stands beside it.
    pub(crate) fn push_text(&mut self, mut entry: Entry, text: &str, joins: bool) {
        if joins
            && let Edit::Insert { left: Some(left), .. } = entry.edit
            && left + 1 == entry.lv
            && let Some(last) = self.typed(entry.container, entry.lv)
            && last.end() == entry.at
            && last.entry.named == entry.named
        {
            return last.push(text, entry.len);
        }
        if let Edit::Insert { text: whole, .. } = &mut entry.edit {
            whole.push_str(text);
        }
        self.put(entry);
    }

    fn put(&mut self, entry: Entry) {
        self.size += entry.size();
        self.entries.push(entry);
        if self.entries.len() > 2 * BLOCK {
            self.pack();
        }
    }

    /// Packs the oldest of the latest.
    #[inline(never)]
    fn pack(&mut self) {
        let packed = Packed::of(&self.entries[..BLOCK]);
        self.size += packed.size();
        self.size -= self.entries.drain(..BLOCK).map(|entry| entry.size()).sum::<usize>();
        self.packed.push(packed);
    }

    /// What the last operation inserted, if it inserted text in this value and `next` is the number after it.
    pub(crate) fn typed(&mut self, container: u32, next: Lv) -> Option<Typed<'_>> {
        let entry = self.entries.last_mut()?;
        let fits = entry.container == container && entry.end() == next && entry.at != SCATTERED;
        (fits && matches!(entry.edit, Edit::Insert { .. })).then_some(Typed { entry, size: &mut self.size })
    }

    /// Drops the oldest entries when the limit is passed, down to half of it, so that the work is
    /// spread. `next` is the number after the last operation.
    #[inline]
    pub(crate) fn trim(&mut self, next: Lv) {
        if self.size > self.limit {
            self.shorten(next);
        }
    }

    fn shorten(&mut self, next: Lv) {
        if let Some(cold) = self.cold.take() {
            self.size -= cold.bytes.len();
            add(&mut self.gaps, 0..cold.end);
        }
        let (mut gone, mut end) = (0, 0);
        while self.size > self.limit / 2
            && let Some(packed) = self.packed.get(gone)
        {
            self.size -= packed.size();
            (gone, end) = (gone + 1, packed.end);
        }
        self.packed.drain(..gone);
        gone = 0;
        while self.size > self.limit / 2
            && let Some(entry) = self.entries.get(gone)
        {
            self.size -= entry.size();
            (gone, end) = (gone + 1, entry.end());
        }
        self.entries.drain(..gone);
        add(&mut self.gaps, 0..end);
        if self.entries.is_empty() {
            add(&mut self.gaps, 0..next);
        }
    }

    /// Drops everything below `lv`.
    pub(crate) fn drop_below(&mut self, lv: Lv) {
        if let Some(cold) = self.cold.take() {
            self.size -= cold.bytes.len();
            let entries = cold.entries().unwrap_or_default();
            if entries.is_empty() {
                add(&mut self.gaps, 0..cold.end);
            }
            let kept = &entries[entries.partition_point(|packed| packed.end <= lv)..];
            self.size += kept.iter().map(Packed::size).sum::<usize>();
            self.packed.splice(..0, kept.iter().cloned());
        }
        let below = self.packed.partition_point(|packed| packed.end <= lv);
        self.size -= self.packed.drain(..below).map(|packed| packed.size()).sum::<usize>();
        if let Some(first) = self.packed.first_mut().filter(|first| first.lv < lv) {
            self.size -= first.size();
            let rest: Vec<Entry> = first.entries().filter_map(|entry| entry.from(lv)).collect();
            *first = Packed::of(&rest);
            self.size += first.size();
        }
        let below = self.entries.partition_point(|entry| entry.lv < lv);
        let mut rest = None;
        for entry in self.entries.drain(..below) {
            self.size -= entry.size();
            rest = entry.from(lv);
        }
        if let Some(rest) = rest {
            self.size += rest.size();
            self.entries.insert(0, rest);
        }
        add(&mut self.gaps, 0..lv);
    }

    /// Everything kept, in order.
    pub(crate) fn iter(&self) -> Entries<'_> {
        self.range(0, Lv::MAX)
    }

    /// The entries that have numbers from `from` up to `to`, in order; the first and last may reach
    /// beyond.
    pub(crate) fn range(&self, from: Lv, to: Lv) -> Entries<'_> {
        let cold = match &self.cold {
            Some(cold) if from < cold.end => self.cold(),
            _ => &[],
        };
        let cold = &cold[cold.partition_point(|packed| packed.end <= from)..];
        let start = match self.packed.last() {
            Some(last) if last.end > from => self.packed.partition_point(|packed| packed.end <= from),
            _ => self.packed.len(),
        };
        let packed = self.packed[start..].iter();
        let start = match self.entries.last() {
            Some(last) if last.lv <= from => self.entries.len() - usize::from(last.end() > from),
            _ => self.entries.partition_point(|entry| entry.end() <= from),
        };
        Entries { from, to, cold: cold.iter(), packed, open: None, entries: self.entries[start..].iter() }
    }
}

/// Entries in order, see [`Log::range`]. Many ask for them, so it is no chain of adaptors, which a browser would
/// load anew for each of them.
pub(crate) struct Entries<'l> {
    from: Lv,
    to: Lv,
    cold: slice::Iter<'l, Packed>,
    packed: slice::Iter<'l, Packed>,
    open: Option<packed::Entries<'l>>,
    entries: slice::Iter<'l, Entry>,
}

impl<'l> Iterator for Entries<'l> {
    type Item = Cow<'l, Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = loop {
            if let Some(open) = &mut self.open {
                match open.next() {
                    Some(entry) if entry.end() <= self.from => continue,
                    Some(entry) => break Cow::Owned(entry),
                    None => self.open = None,
                }
            }
            match self.cold.next().or_else(|| self.packed.next()) {
                Some(packed) => self.open = Some(packed.entries()),
                None => break Cow::Borrowed(self.entries.next()?),
            }
        };
        (entry.lv < self.to).then_some(entry)
    }
}

/// Adds a range that begins at the front or behind all others.
fn add(gaps: &mut Vec<Range<Lv>>, gap: Range<Lv>) {
    if gap.is_empty() {
        return;
    }
    if gap.start == 0 {
        let end = gaps
            .iter()
            .filter(|other| other.start <= gap.end)
            .map(|other| other.end)
            .max()
            .unwrap_or(0)
            .max(gap.end);
        gaps.retain(|other| other.start > end);
        gaps.insert(0, 0..end);
    } else {
        match gaps.last_mut() {
            Some(last) if last.end == gap.start => last.end = gap.end,
            _ => gaps.push(gap),
        }
    }
}

impl Entry {
    /// Appends the next entry to this one if the two are one edit.
    fn take_on(&mut self, next: &Self) -> bool {
        let joined = match (&mut self.edit, &next.edit) {
            (Edit::Insert { text, .. }, Edit::Insert { left, text: more }) => {
                let on = *left == Some(self.lv + self.len - 1) && next.at == self.at.wrapping_add(self.len);
                if on {
                    text.push_str(more);
                }
                on
            }
            (Edit::InsertItems { items, .. }, Edit::InsertItems { left, items: more }) => {
                let on = items.as_bytes().len() < ITEMS
                    && *left == Some(self.lv + self.len - 1)
                    && next.at == self.at.wrapping_add(self.len);
                if on {
                    items.append(more);
                }
                on
            }
            _ => false,
        };
        if joined {
            self.len += next.len;
        }
        joined
    }

    /// Appends a delete to this one if the two are one.
    fn deletes_on(&mut self, next_at: u32, (next_first, more, next_down): (Lv, u32, bool)) -> bool {
        let Self { len, at, edit: Edit::Delete { first, count, down }, .. } = self else { return false };
        let up = (*count == 1 || !*down)
            && (more == 1 || !next_down)
            && next_first == *first + *count
            && next_at == *at;
        let downwards = (*count == 1 || *down)
            && more == 1
            && next_first.checked_add(*count) == Some(*first)
            && next_at.checked_add(1) == Some(*at);
        if *at == SCATTERED || next_at == SCATTERED || !(up || downwards) {
            return false;
        }
        *down = downwards;
        *count += more;
        *len += more;
        if downwards {
            *at = next_at;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Doc;
    use crate::version::ReplicaId;

    #[test]
    fn what_is_pushed_one_by_one_is_found_without_passing_over_all() {
        let mut doc = Doc::new(ReplicaId::new(1));
        (0..2000i64).for_each(|nth| _ = doc.transact(|tx| tx.list("l").push(nth)));
        let (mut entries, mut items) = (0, 0);
        for entry in doc.log.iter() {
            let Edit::InsertItems { items: some, .. } = &entry.edit else { panic!("all were inserted") };
            assert!(some.as_bytes().len() < ITEMS + 9, "{} bytes in one entry", some.as_bytes().len());
            (entries, items) = (entries + 1, items + some.len());
        }
        assert_eq!(items, 2000);
        assert!(entries < 20, "they stand together as far as they may: {entries} entries");
    }
}
