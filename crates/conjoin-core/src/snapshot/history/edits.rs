//! What was inserted into texts and deleted from them: all that nobody needs who only reads and goes on.
//!
//! Which elements there are, and right of which each was inserted, the runs of the texts tell, and their numbers
//! tell when. What lies between them in the numbers are deletions: those are told here, each by its index, as how
//! far it is from where the edit before ended. It is *plain* where what stands at that index is what it names;
//! else it names elements by number. Plain deletions that follow each other at one place are one row.

use super::rows::{MALFORMED, back};
use crate::codec::{DecodeError, Reader, Writer};
use crate::log::{Entry, SCATTERED};
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::order::sort_by_number;
use crate::sequence::Runs;
use crate::snapshot::columns;
use crate::sorted::Sorted;
use crate::state::State;
use crate::value::Kind;
use std::borrow::Cow;

/// A delete downwards.
const DOWN: u8 = 1;
/// It was done at an index.
const PLACED: u8 = 2;
/// The elements at that index are those it takes.
const PLAIN: u8 = 4;
/// It is of another text than the edit before.
const OTHER: u8 = 8;
/// It takes all numbers up to the next operation that is told elsewhere.
const REST: u8 = 16;

/// How many columns there are.
pub(super) const COLUMNS: usize = 6;

/// Deletions, as they are written or read.
struct Deletions<Column> {
    tags: Column,
    /// The texts they are of, where that is another one.
    containers: Column,
    /// How many elements they take, where that is not the rest.
    lengths: Column,
    places: Column,
    /// The first element, by how far back it lies.
    elements: Column,
    /// Where the name of a nested text changes by which its authors call it: how far on that is, the text, and
    /// how far back the operation lies that made it for them.
    names: Column,
    /// The text that the edit before was of.
    container: u32,
    /// Where it ended.
    cursor: i64,
}

impl<Column> Deletions<Column> {
    fn new([tags, containers, lengths, places, elements, names]: [Column; COLUMNS]) -> Self {
        Self { tags, containers, lengths, places, elements, names, container: 0, cursor: 0 }
    }

    const fn columns(&self) -> [&Column; COLUMNS] {
        let Self { tags, containers, lengths, places, elements, names, .. } = self;
        [tags, containers, lengths, places, elements, names]
    }

    fn inserted(&mut self, entry: &Entry, at: u32) {
        self.container = entry.container;
        self.cursor = i64::from(at) + i64::from(entry.len);
    }
}

/// By which operation a nested text is called that was made by this one, unless another was named since.
fn name_of(names: &Sorted<u32, Lv>, state: &State, container: u32) -> Lv {
    match names.get(&container) {
        Some(&named) => named,
        None => state.containers.get(container).map_or(NONE, |container| container.made),
    }
}

/// Edits of texts as they are written.
pub(super) struct Written {
    rows: Deletions<Vec<u8>>,
    open: Option<Deletion>,
    names: Sorted<u32, Lv>,
    /// The number at which a name changed last.
    renamed: Lv,
}

/// Deletions that follow each other at one place, or one that is not plain.
struct Deletion {
    row: Entry,
    plain: bool,
    /// The elements of the last one.
    last: (Lv, u32),
    /// Whether it goes downwards, when that is settled.
    down: Option<bool>,
}

impl Written {
    pub(super) fn new() -> Self {
        let rows = Deletions::new(Default::default());
        Self { rows, open: None, names: Sorted::new(), renamed: 0 }
    }

    /// Takes note of an insertion, which was done at an index.
    pub(super) fn inserted(&mut self, entry: &Entry, at: u32, state: &State) {
        self.finish(true);
        self.rename(entry, state);
        self.rows.inserted(entry, at);
    }

    /// Appends a deletion, later if others may go on with it.
    pub(super) fn deleted(&mut self, entry: &Entry, plain: bool, state: &State) {
        let Edit::Delete { first, count, down } = entry.edit else { return };
        let lowest = if down { first - (count - 1) } else { first };
        let settled = (count > 1).then_some(down);
        if let Some(open) = self.open.as_mut().filter(|open| open.plain && plain) {
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
                (open.last, open.down) = ((lowest, count), Some(downwards));
                return;
            }
        }
        self.finish(false);
        self.rename(entry, state);
        // One element is told as it is.
        let down = if plain { settled } else { Some(down) };
        self.open = Some(Deletion { row: entry.clone(), plain, last: (lowest, count), down });
    }

    /// Writes what is open; whether the next number is of an operation that is told elsewhere.
    pub(super) fn finish(&mut self, rest: bool) {
        let Some(Deletion { row, plain, down, .. }) = self.open.take() else { return };
        let rows = &mut self.rows;
        let placed = row.at != SCATTERED;
        // A single element has no direction: it is told as what is most common, deleted backwards.
        let back = plain && row.len == 1 && i64::from(row.at) + 1 == rows.cursor;
        let down = down == Some(true) || back;
        let other = rows.container != row.container;
        rows.tags.push(
            (u8::from(down) * DOWN)
                | (u8::from(placed) * PLACED)
                | (u8::from(plain) * PLAIN)
                | (u8::from(other) * OTHER)
                | (u8::from(rest) * REST),
        );
        if other {
            rows.containers.varint(u64::from(row.container));
            rows.container = row.container;
        }
        if !rest {
            rows.lengths.varint(u64::from(row.len));
        }
        if placed {
            let end = i64::from(row.at) + if down { i64::from(row.len) } else { 0 };
            rows.places.zigzag(end - rows.cursor);
            rows.cursor = i64::from(row.at);
        }
        if let (false, Edit::Delete { first, .. }) = (plain, row.edit) {
            rows.elements.varint(u64::from(row.lv - first));
        }
    }

    fn rename(&mut self, entry: &Entry, state: &State) {
        if entry.named != name_of(&self.names, state, entry.container) {
            self.names.insert(entry.container, entry.named);
            let names = &mut self.rows.names;
            names.varint(u64::from(entry.lv - self.renamed));
            names.varint(u64::from(entry.container));
            names.varint(u64::from(entry.lv - entry.named));
            self.renamed = entry.lv;
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.rows.columns().into_iter().for_each(|column| columns::write(column, out));
    }
}

/// Edits of texts as they are read.
pub(super) struct Read<'a> {
    rows: Deletions<Reader<'a>>,
    names: Sorted<u32, Lv>,
    /// Where a name changes next: the number, the text, and its name from there on.
    renamed: Option<(Lv, u32, Lv)>,
    /// Insertions in the order of their numbers, the next one at last: the number of the first element and the one
    /// after the last, the text, and right of what.
    insertions: Vec<(Lv, Lv, u32, Lv)>,
}

impl<'a> Read<'a> {
    /// Those of the texts that were read from the same bytes, each with its number.
    pub(super) fn new(columns: &'a [Cow<'_, [u8]>], texts: &[(u32, Runs)]) -> Result<Self, DecodeError> {
        let mut runs: Vec<(Lv, Lv, u32, Lv)> = Vec::new();
        for (nth, text) in texts {
            for run in text.iter() {
                runs.push((run.lv, run.lv + run.len, *nth, run.left));
            }
        }
        sort_by_number(&mut runs, |run| run.0);
        let mut insertions: Vec<(Lv, Lv, u32, Lv)> = Vec::with_capacity(runs.len());
        for (lv, end, container, left) in runs {
            match insertions.last_mut() {
                Some(last) if lv < last.1 => return Err(MALFORMED),
                Some(last) if (lv, container, left) == (last.1, last.2, lv - 1) => last.1 = end,
                _ => insertions.push((lv, end, container, left)),
            }
        }
        insertions.shrink_to_fit();
        insertions.reverse();
        let rows = Deletions::new(std::array::from_fn(|nth| Reader::new(&columns[nth])));
        let mut edits = Self { rows, names: Sorted::new(), renamed: None, insertions };
        edits.next_name(0)?;
        Ok(edits)
    }

    fn next_name(&mut self, before: Lv) -> Result<(), DecodeError> {
        let names = &mut self.rows.names;
        self.renamed = None;
        if !names.is_empty() {
            let on = u32::try_from(names.varint()?).map_err(|_| MALFORMED)?;
            let lv = before.checked_add(on).ok_or(MALFORMED)?;
            let container = u32::try_from(names.varint()?).map_err(|_| MALFORMED)?;
            self.renamed = Some((lv, container, back(names, lv)?.ok_or(MALFORMED)?));
        }
        Ok(())
    }

    /// The next edit, with the number `lv` and no more than up to `end`, and whether it is plain.
    pub(super) fn next(&mut self, lv: Lv, end: Lv, state: &State) -> Result<(Entry, bool), DecodeError> {
        while let Some((at, container, named)) = self.renamed.filter(|renamed| renamed.0 <= lv) {
            self.names.insert(container, named);
            self.next_name(at)?;
        }
        let (mut entry, plain) = match self.insertions.last_mut() {
            Some((first, last, container, left)) if *first == lv => {
                // Who goes on with what another began does so in an edit of their own.
                let end = self.renamed.map_or(end, |renamed| renamed.0.min(end)).min(*last);
                let edit = Edit::Insert { left: (*left != NONE).then_some(*left), text: String::new() };
                let entry =
                    Entry { lv, len: end - lv, container: *container, named: NONE, at: SCATTERED, edit };
                (*first, *left) = (end, end - 1);
                self.insertions.pop_if(|insertion| insertion.0 == insertion.1);
                (entry, false)
            }
            next => {
                let rest = next.map_or(end, |next| next.0.min(end)).checked_sub(lv).ok_or(MALFORMED)?;
                self.deletion(lv, rest)?
            }
        };
        if state.containers.get(entry.container).is_none_or(|text| text.kind != Kind::Text) {
            return Err(MALFORMED);
        }
        entry.named = name_of(&self.names, state, entry.container);
        Ok((entry, plain))
    }

    fn deletion(&mut self, lv: Lv, rest: u32) -> Result<(Entry, bool), DecodeError> {
        let rows = &mut self.rows;
        let tag = rows.tags.byte()?;
        let (down, placed, plain) = (tag & DOWN != 0, tag & PLACED != 0, tag & PLAIN != 0);
        if tag & !(DOWN | PLACED | PLAIN | OTHER | REST) != 0 || (plain && !placed) {
            return Err(MALFORMED);
        }
        if tag & OTHER != 0 {
            rows.container = u32::try_from(rows.containers.varint()?).map_err(|_| MALFORMED)?;
        }
        let len = match tag & REST {
            0 => u32::try_from(rows.lengths.varint()?).map_err(|_| MALFORMED)?,
            _ => rest,
        };
        if len == 0 || len > rest {
            return Err(MALFORMED);
        }
        let mut at = SCATTERED;
        if placed {
            let end = rows.cursor.checked_add(rows.places.zigzag()?).ok_or(MALFORMED)?;
            rows.cursor = if down { end.checked_sub(i64::from(len)).ok_or(MALFORMED)? } else { end };
            at = u32::try_from(rows.cursor).ok().filter(|at| *at != SCATTERED).ok_or(MALFORMED)?;
        }
        let first = if plain { NONE } else { back(&mut rows.elements, lv)?.ok_or(MALFORMED)? };
        let edit = Edit::Delete { first, count: len, down: down && (len > 1 || !plain) };
        Ok((Entry { lv, len, container: rows.container, named: NONE, at, edit }, plain))
    }

    /// Takes note that an insertion was done at an index.
    pub(super) fn inserted(&mut self, entry: &Entry, at: u32) {
        self.rows.inserted(entry, at);
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.renamed.is_some() || !self.insertions.is_empty() {
            return Err(MALFORMED);
        }
        self.rows.columns().into_iter().try_for_each(Reader::end)
    }
}
