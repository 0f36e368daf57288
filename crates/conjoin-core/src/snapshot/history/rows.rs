//! Operations as columns, so that what is alike in those that follow each other stands together: all of a history but
//! insertions into texts and deletions from them. The log keeps them likewise, but all in one.

use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::doc::ApplyError;
use crate::log::{Entry, SCATTERED};
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::op::parts::{self, Sink, Source, tag};
use crate::snapshot::columns;
use crate::state::{Parent, State};
use crate::strings::StrId;
use crate::value::Kind;

/// A delete downwards.
const DOWN: u8 = 0x10;
/// It was done at an index.
const PLACED: u8 = 0x20;
/// It edits another value than the operation before, or names it otherwise.
const OTHER: u8 = 0x40;
/// Where all stands in one, which is read without a document: its value is nested.
const NAMED: u8 = 0x80;

pub(super) const MALFORMED: DecodeError = DecodeError::Malformed(Part::History);

/// How many columns there are.
pub(super) const COLUMNS: usize = 7;

const TAGS: usize = 0;
/// How many operations that are told elsewhere stand before each, by their numbers.
const SKIPS: usize = 1;
/// Which value each edits, by how its number differs from that of the one before; and by which operation its author
/// named it, if it is nested.
const CONTAINERS: usize = 2;
/// How many elements it makes or takes.
const LENGTHS: usize = 3;
/// Its index, by how far it is from where the one before ended.
const PLACES: usize = 4;
/// The elements it names, by how far back they lie.
const ELEMENTS: usize = 5;
/// All else: keys and values.
const REST: usize = 6;

/// Operations as they are written or read: by columns, or all in one.
pub(crate) struct Rows<Column> {
    columns: Vec<Column>,
    container: u32,
    named: Lv,
    cursor: i64,
    /// How many elements the operation that is read makes or takes.
    len: u32,
    /// The number after the last.
    end: Lv,
}

impl<Column> Rows<Column> {
    /// Those from a number on.
    pub(crate) fn new(columns: Vec<Column>, lv: Lv) -> Self {
        Self { columns, container: 0, named: NONE, cursor: 0, len: 0, end: lv }
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn at(&mut self, column: usize) -> &mut Column {
        let last = self.columns.len() - 1;
        &mut self.columns[column.min(last)]
    }
}

impl Rows<Vec<u8>> {
    pub(super) fn empty() -> Self {
        let mut columns = Vec::new();
        columns.resize_with(COLUMNS, Vec::new);
        Self::new(columns, 0)
    }

    /// What was written in one, and the number after it.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Lv) {
        (std::mem::take(self.at(REST)), self.end)
    }

    /// Appends an operation.
    pub(crate) fn push(&mut self, entry: &Entry) {
        let lv = entry.lv;
        let down = matches!(entry.edit, Edit::Delete { down: true, .. });
        let placed = entry.at != SCATTERED;
        let other = (self.container, self.named) != (entry.container, entry.named);
        let named = self.columns.len() == 1 && entry.named != NONE;
        let mut first = entry.edit.tag();
        for (set, flag) in [(down, DOWN), (placed, PLACED), (other, OTHER), (named, NAMED)] {
            first |= u8::from(set) * flag;
        }
        let end = std::mem::replace(&mut self.end, entry.end());
        self.at(SKIPS).varint(u64::from(lv - end));
        self.at(TAGS).push(first);
        if other {
            let container = std::mem::replace(&mut self.container, entry.container);
            self.named = entry.named;
            self.at(CONTAINERS).zigzag(i64::from(entry.container) - i64::from(container));
            if entry.named != NONE {
                self.at(CONTAINERS).varint(u64::from(lv - entry.named));
            }
        }
        if placed {
            let cursor = std::mem::replace(&mut self.cursor, i64::from(entry.at));
            self.at(PLACES).zigzag(i64::from(entry.at) - cursor);
        }
        match &entry.edit {
            Edit::Insert { left, text } => {
                self.insertion(entry, *left);
                self.at(REST).bytes(text.as_bytes());
            }
            Edit::InsertItems { left, items } => {
                self.insertion(entry, *left);
                self.at(REST).extend_from_slice(items.as_bytes());
            }
            Edit::Delete { first, .. } => {
                self.refer(lv, Some(*first));
                self.at(LENGTHS).varint(u64::from(entry.len));
            }
            edit => edit.write(&mut Row { rows: self, lv }),
        }
    }

    fn insertion(&mut self, entry: &Entry, left: Option<Lv>) {
        self.refer(entry.lv, left);
        self.at(LENGTHS).varint(u64::from(entry.len));
        self.cursor += i64::from(entry.len);
    }

    fn refer(&mut self, lv: Lv, element: Option<Lv>) {
        self.at(ELEMENTS).varint(element.map_or(0, |element| u64::from(lv - element)));
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.columns.iter().for_each(|column| columns::write(column, out));
    }
}

/// The row of an operation, for its parts.
struct Row<'r, Column> {
    rows: &'r mut Rows<Column>,
    lv: Lv,
}

impl Sink for Row<'_, Vec<u8>> {
    fn rest(&mut self) -> &mut Vec<u8> {
        self.rows.at(REST)
    }

    fn key(&mut self, key: StrId) {
        self.rest().varint(u64::from(key));
    }

    fn element(&mut self, element: Lv) {
        self.optional(Some(element));
    }

    fn optional(&mut self, element: Option<Lv>) {
        self.rows.refer(self.lv, element);
    }
}

impl<'a> Source<'a> for Row<'_, Reader<'a>> {
    fn rest(&mut self) -> &mut Reader<'a> {
        self.rows.at(REST)
    }

    /// A string, which its author must have introduced.
    fn key(&mut self) -> Result<StrId, ApplyError> {
        Ok(u32::try_from(self.rest().varint()?).map_err(|_| MALFORMED)?)
    }

    fn element(&mut self) -> Result<Lv, ApplyError> {
        Ok(self.optional()?.ok_or(MALFORMED)?)
    }

    fn optional(&mut self) -> Result<Option<Lv>, ApplyError> {
        Ok(back(self.rows.at(ELEMENTS), self.lv)?)
    }

    fn left(&mut self) -> Result<Option<Lv>, ApplyError> {
        let left = self.optional()?;
        self.rows.len = self.rows.len()?;
        self.rows.cursor += i64::from(self.rows.len);
        Ok(left)
    }

    fn count(&mut self) -> Result<usize, ApplyError> {
        Ok(self.rows.len as usize)
    }
}

impl<'a> Rows<Reader<'a>> {
    /// The number of the next operation, if there is one.
    pub(crate) fn peek(&mut self) -> Result<Option<Lv>, DecodeError> {
        if self.columns[TAGS].is_empty() {
            return Ok(None);
        }
        let skip = u32::try_from(self.at(SKIPS).varint()?).map_err(|_| MALFORMED)?;
        self.end = self.end.checked_add(skip).ok_or(MALFORMED)?;
        Ok(Some(self.end))
    }

    /// The next operation, of the number that was told, in a document that has come to it.
    pub(crate) fn next(&mut self, state: Option<&State>) -> Result<Entry, ApplyError> {
        let lv = self.end;
        let first = self.at(TAGS).byte()?;
        let tag = first & 0x0f;
        let down = first & DOWN != 0;
        if (first & NAMED != 0 && state.is_some()) || (down && tag != tag::DELETE) {
            return Err(MALFORMED.into());
        }
        if first & OTHER != 0 {
            let container = i64::from(self.container).checked_add(self.at(CONTAINERS).zigzag()?);
            self.container = container.and_then(|at| u32::try_from(at).ok()).ok_or(MALFORMED)?;
        }
        let mut is_nested = first & NAMED != 0;
        if let Some(state) = state {
            let container = state.containers.get(self.container).ok_or(MALFORMED)?;
            is_nested = !matches!(container.parent, Parent::Root(_));
            if container.kind == Kind::Text && tag != tag::MARK {
                return Err(MALFORMED.into());
            }
        }
        if first & OTHER != 0 {
            self.named = if is_nested { back(self.at(CONTAINERS), lv)?.ok_or(MALFORMED)? } else { NONE };
        }
        let mut at = SCATTERED;
        if first & PLACED != 0 {
            self.cursor = self.cursor.checked_add(self.at(PLACES).zigzag()?).ok_or(MALFORMED)?;
            at = u32::try_from(self.cursor).ok().filter(|at| *at != SCATTERED).ok_or(MALFORMED)?;
        }
        self.len = 1;
        let mut row = Row { rows: self, lv };
        let edit = if tag == tag::DELETE {
            let first = row.element()?;
            self.len = self.len()?;
            Edit::Delete { first, count: self.len, down }
        } else {
            let (mut edit, inserted) = parts::read(tag, &mut row)?;
            if let Edit::Insert { text, .. } = &mut edit {
                inserted.clone_into(text);
            }
            edit
        };
        let len = self.len;
        self.end = lv.checked_add(len).ok_or(MALFORMED)?;
        Ok(Entry { lv, len, container: self.container, named: self.named, at, edit })
    }

    fn len(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.at(LENGTHS).varint()?).ok().filter(|len| *len > 0).ok_or(MALFORMED)
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        self.columns.iter().try_for_each(Reader::end)
    }
}

/// An operation before `lv`, by how far back it lies, or none.
pub(super) fn back(reader: &mut Reader<'_>, lv: Lv) -> Result<Option<Lv>, DecodeError> {
    match reader.varint()? {
        0 => Ok(None),
        back if back <= u64::from(lv) => Ok(Some(lv - back as Lv)),
        _ => Err(MALFORMED),
    }
}
