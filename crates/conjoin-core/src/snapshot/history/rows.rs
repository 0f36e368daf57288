//! Operations as columns, so that what is alike in those that follow each other stands together: all of a history but
//! insertions into texts and deletions from them. The log keeps them likewise, but all in one.

use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::items::Items;
use crate::log::{Entry, Local, SCATTERED};
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit, Mark, finite};
use crate::snapshot::columns;
use crate::state::{Parent, State};
use crate::strings::StrId;
use crate::value::{Kind, Value};

/// What the low bits of an operation's tag say it does.
mod tag {
    pub(super) const ADD_INT: u8 = 0;
    pub(super) const ADD_FLOAT: u8 = 1;
    pub(super) const WRITE: u8 = 2;
    pub(super) const PUT: u8 = 3;
    pub(super) const REMOVE: u8 = 4;
    pub(super) const MAKE: u8 = 5;
    pub(super) const INCLUDE: u8 = 6;
    pub(super) const EXCLUDE: u8 = 7;
    /// Stands elsewhere in a history.
    pub(super) const INSERT: u8 = 8;
    pub(super) const INSERT_ITEMS: u8 = 9;
    pub(super) const DELETE: u8 = 10;
    pub(super) const MOVE: u8 = 11;
    pub(super) const ASSIGN: u8 = 12;
    pub(super) const MARK: u8 = 13;
}

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
    /// The number after the last.
    end: Lv,
}

impl<Column> Rows<Column> {
    /// Those from a number on.
    pub(crate) fn new(columns: Vec<Column>, lv: Lv) -> Self {
        Self { columns, container: 0, named: NONE, cursor: 0, end: lv }
    }

    fn at(&mut self, column: usize) -> &mut Column {
        let last = self.columns.len() - 1;
        &mut self.columns[column.min(last)]
    }
}

impl Rows<Vec<u8>> {
    pub(super) fn empty() -> Self {
        Self::new(vec![Vec::new(); COLUMNS], 0)
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
        let flags = [(down, DOWN), (placed, PLACED), (other, OTHER), (named, NAMED)];
        let end = std::mem::replace(&mut self.end, entry.end());
        self.at(SKIPS).varint(u64::from(lv - end));
        self.at(TAGS)
            .push(tag_of(&entry.edit) + flags.map(|(set, flag)| u8::from(set) * flag).iter().sum::<u8>());
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
            Edit::AddInt(amount) => self.at(REST).zigzag(*amount),
            Edit::AddFloat(amount) => self.at(REST).extend_from_slice(&amount.to_le_bytes()),
            Edit::Write(value) | Edit::Include(value) | Edit::Exclude(value) => value.encode(self.at(REST)),
            Edit::Put { key, value } => {
                self.at(REST).varint(u64::from(*key));
                value.encode(self.at(REST));
            }
            Edit::Remove { key } => self.at(REST).varint(u64::from(*key)),
            Edit::Make { key, kind, base } => {
                self.at(REST).varint(u64::from(*key));
                self.at(REST).push(kind.tag());
                self.element(lv, *base);
            }
            Edit::Insert { left, text } => {
                self.insertion(entry, *left);
                self.at(REST).bytes(text.as_bytes());
            }
            Edit::InsertItems { left, items } => {
                self.insertion(entry, *left);
                self.at(REST).extend_from_slice(items.as_bytes());
            }
            Edit::Delete { first, .. } => {
                self.element(lv, Some(*first));
                self.at(LENGTHS).varint(u64::from(entry.len));
            }
            Edit::Move { item, left } => {
                self.element(lv, Some(*item));
                self.element(lv, *left);
            }
            Edit::Assign { item, value } => {
                self.element(lv, Some(*item));
                value.encode(self.at(REST));
            }
            Edit::Mark(mark) => {
                for anchor in [mark.start, mark.end] {
                    self.at(REST).push(u8::from(anchor.after));
                    self.element(lv, anchor.element);
                }
                self.at(REST).varint(u64::from(mark.key));
                mark.value.encode(self.at(REST));
            }
        }
    }

    fn insertion(&mut self, entry: &Entry, left: Option<Lv>) {
        self.element(entry.lv, left);
        self.at(LENGTHS).varint(u64::from(entry.len));
        self.cursor += i64::from(entry.len);
    }

    fn element(&mut self, lv: Lv, element: Option<Lv>) {
        self.at(ELEMENTS).varint(element.map_or(0, |element| u64::from(lv - element)));
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.columns.iter().for_each(|column| columns::write(column, out));
    }
}

const fn tag_of(edit: &Local) -> u8 {
    match edit {
        Edit::AddInt(_) => tag::ADD_INT,
        Edit::AddFloat(_) => tag::ADD_FLOAT,
        Edit::Write(_) => tag::WRITE,
        Edit::Put { .. } => tag::PUT,
        Edit::Remove { .. } => tag::REMOVE,
        Edit::Make { .. } => tag::MAKE,
        Edit::Include(_) => tag::INCLUDE,
        Edit::Exclude(_) => tag::EXCLUDE,
        Edit::Insert { .. } => tag::INSERT,
        Edit::InsertItems { .. } => tag::INSERT_ITEMS,
        Edit::Delete { .. } => tag::DELETE,
        Edit::Move { .. } => tag::MOVE,
        Edit::Assign { .. } => tag::ASSIGN,
        Edit::Mark(_) => tag::MARK,
    }
}

impl Rows<Reader<'_>> {
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
    pub(crate) fn next(&mut self, state: Option<&State>) -> Result<Entry, DecodeError> {
        let lv = self.end;
        let first = self.at(TAGS).byte()?;
        let tag = first & 0x0f;
        let down = first & DOWN != 0;
        if (first & NAMED != 0 && state.is_some()) || (down && tag != tag::DELETE) {
            return Err(MALFORMED);
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
                return Err(MALFORMED);
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
        let mut len = 1;
        let edit = match tag {
            tag::ADD_INT => Edit::AddInt(self.at(REST).zigzag()?),
            tag::ADD_FLOAT => Edit::AddFloat(finite(self.at(REST).float()?)?),
            tag::WRITE => Edit::Write(Value::decode(self.at(REST))?),
            tag::PUT => Edit::Put { key: self.key()?, value: Value::decode(self.at(REST))? },
            tag::REMOVE => Edit::Remove { key: self.key()? },
            tag::MAKE => Edit::Make {
                key: self.key()?,
                kind: Kind::from_tag(self.at(REST).byte()?).ok_or(MALFORMED)?,
                base: self.element(lv)?,
            },
            tag::INCLUDE => Edit::Include(Value::decode(self.at(REST))?),
            tag::EXCLUDE => Edit::Exclude(Value::decode(self.at(REST))?),
            tag::INSERT | tag::INSERT_ITEMS => {
                let left = self.element(lv)?;
                len = self.len()?;
                self.cursor += i64::from(len);
                let rest = self.at(REST);
                match tag {
                    tag::INSERT => Edit::Insert { left, text: rest.str()?.to_owned() },
                    _ => Edit::InsertItems { left, items: Items::read(rest, len as usize)? },
                }
            }
            tag::DELETE => {
                let first = self.element(lv)?.ok_or(MALFORMED)?;
                len = self.len()?;
                Edit::Delete { first, count: len, down }
            }
            tag::MOVE => Edit::Move { item: self.element(lv)?.ok_or(MALFORMED)?, left: self.element(lv)? },
            tag::ASSIGN => Edit::Assign {
                item: self.element(lv)?.ok_or(MALFORMED)?,
                value: Value::decode(self.at(REST))?,
            },
            tag::MARK => Edit::Mark(Box::new(Mark {
                start: self.anchor(lv)?,
                end: self.anchor(lv)?,
                key: self.key()?,
                value: Value::decode(self.at(REST))?,
            })),
            _ => return Err(MALFORMED),
        };
        self.end = lv.checked_add(len).ok_or(MALFORMED)?;
        Ok(Entry { lv, len, container: self.container, named: self.named, at, edit })
    }

    fn len(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.at(LENGTHS).varint()?).ok().filter(|len| *len > 0).ok_or(MALFORMED)
    }

    fn element(&mut self, lv: Lv) -> Result<Option<Lv>, DecodeError> {
        back(self.at(ELEMENTS), lv)
    }

    /// A string, which its author must have introduced.
    fn key(&mut self) -> Result<StrId, DecodeError> {
        u32::try_from(self.at(REST).varint()?).map_err(|_| MALFORMED)
    }

    fn anchor(&mut self, lv: Lv) -> Result<Anchor<Lv>, DecodeError> {
        let after = match self.at(REST).byte()? {
            0 => false,
            1 => true,
            _ => return Err(MALFORMED),
        };
        Ok(Anchor { element: self.element(lv)?, after })
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
