//! All operations but insertions into texts and deletions from them, as columns: what is alike in those that
//! follow each other stands together.

use std::borrow::Cow;

use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::items::Items;
use crate::log::{Entry, Local, SCATTERED};
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit, Mark, finite};
use crate::snapshot::columns;
use crate::snapshot::known::index;
use crate::state::{Container, Parent, State};
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

pub(super) const MALFORMED: DecodeError = DecodeError::Malformed(Part::History);

/// How many columns there are.
const COLUMNS: usize = 7;

/// The columns, as they are written or read.
#[derive(Default)]
pub(super) struct Rows<Column> {
    tags: Column,
    /// How many insertions into texts and deletions from them stand before each, by their numbers.
    skips: Column,
    /// Which value each edits, by how its number differs from that of the one before; and by which
    /// operation its author named it, if it is nested.
    containers: Column,
    /// How many elements it makes or takes.
    lengths: Column,
    /// Its index, by how far it is from where the one before ended.
    places: Column,
    /// The elements it names, by how far back they lie.
    elements: Column,
    /// All else: keys and values.
    rest: Column,
    container: u32,
    named: Lv,
    cursor: i64,
    /// The number after the last.
    end: Lv,
}

impl<Column> Rows<Column> {
    fn new([tags, skips, containers, lengths, places, elements, rest]: [Column; COLUMNS]) -> Self {
        let (container, named, cursor, end) = (0, NONE, 0, 0);
        Self { tags, skips, containers, lengths, places, elements, rest, container, named, cursor, end }
    }

    const fn columns(&self) -> [&Column; COLUMNS] {
        let Self { tags, skips, containers, lengths, places, elements, rest, .. } = self;
        [tags, skips, containers, lengths, places, elements, rest]
    }
}

impl Rows<Vec<u8>> {
    pub(super) fn empty() -> Self {
        Self::new(Default::default())
    }

    /// Appends an operation.
    pub(super) fn push(&mut self, entry: &Entry) {
        let lv = entry.lv;
        let down = matches!(entry.edit, Edit::Delete { down: true, .. });
        let placed = entry.at != SCATTERED;
        let other = (self.container, self.named) != (entry.container, entry.named);
        let flags = (u8::from(down) * DOWN) | (u8::from(placed) * PLACED) | (u8::from(other) * OTHER);
        self.tags.push(tag_of(&entry.edit) | flags);
        self.skips.varint(u64::from(lv - self.end));
        self.end = entry.end();
        if other {
            self.containers.zigzag(i64::from(entry.container) - i64::from(self.container));
            if entry.named != NONE {
                self.containers.varint(u64::from(lv - entry.named));
            }
            (self.container, self.named) = (entry.container, entry.named);
        }
        if placed {
            self.places.zigzag(i64::from(entry.at) - self.cursor);
            self.cursor = i64::from(entry.at);
        }
        match &entry.edit {
            Edit::AddInt(amount) => self.rest.zigzag(*amount),
            Edit::AddFloat(amount) => self.rest.extend_from_slice(&amount.to_le_bytes()),
            Edit::Write(value) | Edit::Include(value) | Edit::Exclude(value) => value.encode(&mut self.rest),
            Edit::Put { key, value } => {
                self.rest.varint(u64::from(*key));
                value.encode(&mut self.rest);
            }
            Edit::Remove { key } => self.rest.varint(u64::from(*key)),
            Edit::Make { key, kind, base } => {
                self.rest.varint(u64::from(*key));
                self.rest.push(kind.tag());
                self.element(lv, *base);
            }
            // Insertions of text stand elsewhere.
            Edit::Insert { .. } => {}
            Edit::InsertItems { left, items } => {
                self.element(lv, *left);
                self.lengths.varint(u64::from(entry.len));
                self.rest.extend_from_slice(items.as_bytes());
                self.cursor += i64::from(entry.len);
            }
            Edit::Delete { first, .. } => {
                self.element(lv, Some(*first));
                self.lengths.varint(u64::from(entry.len));
            }
            Edit::Move { item, left } => {
                self.element(lv, Some(*item));
                self.element(lv, *left);
            }
            Edit::Assign { item, value } => {
                self.element(lv, Some(*item));
                value.encode(&mut self.rest);
            }
            Edit::Mark(mark) => {
                for anchor in [mark.start, mark.end] {
                    self.rest.push(u8::from(anchor.after));
                    self.element(lv, anchor.element);
                }
                self.rest.varint(u64::from(mark.key));
                mark.value.encode(&mut self.rest);
            }
        }
    }

    fn element(&mut self, lv: Lv, element: Option<Lv>) {
        self.elements.varint(element.map_or(0, |element| u64::from(lv - element)));
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.columns().into_iter().for_each(|column| columns::write(column, out));
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
        Edit::Insert { .. } | Edit::InsertItems { .. } => tag::INSERT_ITEMS,
        Edit::Delete { .. } => tag::DELETE,
        Edit::Move { .. } => tag::MOVE,
        Edit::Assign { .. } => tag::ASSIGN,
        Edit::Mark(_) => tag::MARK,
    }
}

/// The columns as they are stored.
pub(super) struct Stored<'a>([Cow<'a, [u8]>; COLUMNS]);

impl<'a> Stored<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut columns: [Cow<'_, [u8]>; COLUMNS] = Default::default();
        for column in &mut columns {
            *column = columns::read(reader)?;
        }
        Ok(Self(columns))
    }

    pub(super) fn rows(&self) -> Rows<Reader<'_>> {
        Rows::new(self.0.each_ref().map(|column| Reader::new(column)))
    }
}

impl Rows<Reader<'_>> {
    /// The number of the next operation, if there is one.
    pub(super) fn peek(&mut self) -> Result<Option<Lv>, DecodeError> {
        if self.tags.is_empty() {
            return Ok(None);
        }
        let skip = u32::try_from(self.skips.varint()?).map_err(|_| MALFORMED)?;
        self.end = self.end.checked_add(skip).ok_or(MALFORMED)?;
        Ok(Some(self.end))
    }

    /// The next operation, of the number that was told.
    pub(super) fn next(&mut self, state: &State, strings: usize) -> Result<Entry, DecodeError> {
        let lv = self.end;
        let first = self.tags.byte()?;
        let tag = first & 0x0f;
        let down = first & DOWN != 0;
        if first & !(0x0f | DOWN | PLACED | OTHER) != 0 || (down && tag != tag::DELETE) {
            return Err(MALFORMED);
        }
        if first & OTHER != 0 {
            let container = i64::from(self.container).checked_add(self.containers.zigzag()?);
            self.container = container.and_then(|at| u32::try_from(at).ok()).ok_or(MALFORMED)?;
        }
        let Container { parent, kind, .. } =
            state.containers.get(self.container as usize).ok_or(MALFORMED)?;
        if first & OTHER != 0 {
            self.named = match parent {
                Parent::Root(_) => NONE,
                _ => back(&mut self.containers, lv)?.ok_or(MALFORMED)?,
            };
        }
        if *kind == Kind::Text && tag != tag::MARK {
            return Err(MALFORMED);
        }
        let mut at = SCATTERED;
        if first & PLACED != 0 {
            self.cursor = self.cursor.checked_add(self.places.zigzag()?).ok_or(MALFORMED)?;
            at = u32::try_from(self.cursor).ok().filter(|at| *at != SCATTERED).ok_or(MALFORMED)?;
        }
        let mut len = 1;
        let edit = match tag {
            tag::ADD_INT => Edit::AddInt(self.rest.zigzag()?),
            tag::ADD_FLOAT => Edit::AddFloat(finite(self.rest.float()?)?),
            tag::WRITE => Edit::Write(Value::decode(&mut self.rest)?),
            tag::PUT => Edit::Put { key: self.key(strings)?, value: Value::decode(&mut self.rest)? },
            tag::REMOVE => Edit::Remove { key: self.key(strings)? },
            tag::MAKE => Edit::Make {
                key: self.key(strings)?,
                kind: Kind::from_tag(self.rest.byte()?).ok_or(MALFORMED)?,
                base: self.element(lv)?,
            },
            tag::INCLUDE => Edit::Include(Value::decode(&mut self.rest)?),
            tag::EXCLUDE => Edit::Exclude(Value::decode(&mut self.rest)?),
            tag::INSERT_ITEMS => {
                let left = self.element(lv)?;
                len = self.len()?;
                let items = Items::read(&mut self.rest, len as usize)?;
                self.cursor += i64::from(len);
                Edit::InsertItems { left, items }
            }
            tag::DELETE => {
                let first = self.element(lv)?.ok_or(MALFORMED)?;
                len = self.len()?;
                Edit::Delete { first, count: len, down }
            }
            tag::MOVE => Edit::Move { item: self.element(lv)?.ok_or(MALFORMED)?, left: self.element(lv)? },
            tag::ASSIGN => Edit::Assign {
                item: self.element(lv)?.ok_or(MALFORMED)?,
                value: Value::decode(&mut self.rest)?,
            },
            tag::MARK => Edit::Mark(Box::new(Mark {
                start: self.anchor(lv)?,
                end: self.anchor(lv)?,
                key: self.key(strings)?,
                value: Value::decode(&mut self.rest)?,
            })),
            _ => return Err(MALFORMED),
        };
        self.end = lv.checked_add(len).ok_or(MALFORMED)?;
        Ok(Entry { lv, len, container: self.container, named: self.named, at, edit })
    }

    fn len(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.lengths.varint()?).ok().filter(|len| *len > 0).ok_or(MALFORMED)
    }

    fn element(&mut self, lv: Lv) -> Result<Option<Lv>, DecodeError> {
        back(&mut self.elements, lv)
    }

    fn key(&mut self, strings: usize) -> Result<u32, DecodeError> {
        index(&mut self.rest, strings)
    }

    fn anchor(&mut self, lv: Lv) -> Result<Anchor<Lv>, DecodeError> {
        let after = match self.rest.byte()? {
            0 => false,
            1 => true,
            _ => return Err(MALFORMED),
        };
        Ok(Anchor { element: self.element(lv)?, after })
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        self.columns().into_iter().try_for_each(Reader::end)
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
