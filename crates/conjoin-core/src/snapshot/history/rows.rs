//! Operations as columns: what is alike in those that follow each other stands together.

use crate::codec::{DecodeError, Reader, Writer};
use crate::log::{Entry, Local, SCATTERED};
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit, Item, Mark, finite};
use crate::snapshot::columns;
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
/// The element at that index is the one it names.
const PLAIN: u8 = 0x40;

pub(super) const MALFORMED: DecodeError = DecodeError::Malformed("history");

/// How many columns of operations there are.
pub(super) const COLUMNS: usize = 6;

/// The columns of operations, as they are written.
#[derive(Default)]
pub(super) struct Columns {
    tags: Vec<u8>,
    /// Which value each edits, by how its number differs from that of the one before; and by which
    /// operation its author named it, if it is nested.
    containers: Vec<u8>,
    /// How many elements it makes or takes.
    lengths: Vec<u8>,
    /// Its index, by how far it is from where the one before ended.
    places: Vec<u8>,
    /// The elements it names, by how far back they lie.
    elements: Vec<u8>,
    /// All else: keys and values.
    rest: Vec<u8>,
    container: i64,
    cursor: i64,
}

impl Columns {
    /// Appends an operation. The text it inserts stands elsewhere; of a plain one, so does what it names.
    pub(super) fn push(&mut self, entry: &Entry, plain: bool) {
        let down = matches!(entry.edit, Edit::Delete { down: true, .. });
        let placed = entry.at != SCATTERED;
        self.tags.push(
            tag_of(&entry.edit)
                | (u8::from(down) * DOWN)
                | (u8::from(placed) * PLACED)
                | (u8::from(plain) * PLAIN),
        );
        self.containers.zigzag(i64::from(entry.container) - self.container);
        self.container = i64::from(entry.container);
        if entry.named != NONE {
            self.containers.varint(u64::from(entry.lv - entry.named));
        }
        if placed {
            self.places.zigzag(i64::from(entry.at) - self.cursor);
            self.cursor = i64::from(entry.at);
        }
        let lv = entry.lv;
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
            Edit::Insert { left, .. } => {
                if !plain {
                    self.element(lv, *left);
                }
                self.lengths.varint(u64::from(entry.len));
                self.cursor += i64::from(entry.len);
            }
            Edit::InsertItems { left, items } => {
                self.element(lv, *left);
                self.lengths.varint(u64::from(entry.len));
                items.iter().for_each(|item| item.encode(&mut self.rest));
                self.cursor += i64::from(entry.len);
            }
            Edit::Delete { first, .. } => {
                if !plain {
                    self.element(lv, Some(*first));
                }
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
        for column in [&self.tags, &self.containers, &self.lengths, &self.places, &self.elements, &self.rest]
        {
            columns::write(column, out);
        }
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

/// The columns of operations, as they are read.
pub(super) struct Rows<'a> {
    tags: Reader<'a>,
    containers: Reader<'a>,
    lengths: Reader<'a>,
    places: Reader<'a>,
    elements: Reader<'a>,
    rest: Reader<'a>,
    container: i64,
    cursor: i64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(columns: &'a [Vec<u8>; COLUMNS]) -> Self {
        let [tags, containers, lengths, places, elements, rest] = columns;
        Self {
            tags: Reader::new(tags),
            containers: Reader::new(containers),
            lengths: Reader::new(lengths),
            places: Reader::new(places),
            elements: Reader::new(elements),
            rest: Reader::new(rest),
            container: 0,
            cursor: 0,
        }
    }

    /// The next operation, of number `lv`, and whether it is plain.
    pub(super) fn next(
        &mut self,
        lv: Lv,
        state: &State,
        strings: usize,
    ) -> Result<(Entry, bool), DecodeError> {
        let first = self.tags.byte()?;
        let (tag, plain) = (first & 0x0f, first & PLAIN != 0);
        let down = first & DOWN != 0;
        let known = first & !(0x0f | DOWN | PLACED | PLAIN) == 0;
        let placed_text = matches!(tag, tag::INSERT | tag::DELETE) && first & PLACED != 0;
        if !known || (plain && !placed_text) || (down && tag != tag::DELETE) {
            return Err(MALFORMED);
        }
        self.container = self.container.checked_add(self.containers.zigzag()?).ok_or(MALFORMED)?;
        let container = u32::try_from(self.container).map_err(|_| MALFORMED)?;
        let Container { parent, kind, .. } = state.containers.get(container as usize).ok_or(MALFORMED)?;
        if plain && *kind != Kind::Text {
            return Err(MALFORMED);
        }
        let named = match parent {
            Parent::Root(_) => NONE,
            _ => back(&mut self.containers, lv)?.ok_or(MALFORMED)?,
        };
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
            tag::INSERT => {
                let left = if plain { None } else { self.element(lv)? };
                len = self.len()?;
                self.cursor += i64::from(len);
                Edit::Insert { left, text: String::new() }
            }
            tag::INSERT_ITEMS => {
                let left = self.element(lv)?;
                len = self.len()?;
                let items = (0..len).map(|_| Item::decode(&mut self.rest)).collect::<Result<_, _>>()?;
                self.cursor += i64::from(len);
                Edit::InsertItems { left, items }
            }
            tag::DELETE => {
                let first = if plain { NONE } else { self.element(lv)?.ok_or(MALFORMED)? };
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
        Ok((Entry { lv, len, container, named, at, edit }, plain))
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

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        for column in [&self.tags, &self.containers, &self.lengths, &self.places, &self.elements, &self.rest]
        {
            column.end()?;
        }
        Ok(())
    }
}

/// An operation before `lv`, by how far back it lies, or none.
fn back(reader: &mut Reader<'_>, lv: Lv) -> Result<Option<Lv>, DecodeError> {
    match reader.varint()? {
        0 => Ok(None),
        back if back <= u64::from(lv) => Ok(Some(lv - back as Lv)),
        _ => Err(MALFORMED),
    }
}

/// A number below `end`.
pub(super) fn index(reader: &mut Reader<'_>, end: usize) -> Result<u32, DecodeError> {
    let index = reader.varint()?;
    if index < end as u64 { Ok(index as u32) } else { Err(MALFORMED) }
}
