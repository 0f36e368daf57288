//! What edits are made of. Formats differ in how they name elements and strings, and in where the parts stand; which
//! there are, and in which order, is the same in all, and said here once.

use super::{Anchor, Edit, Mark, finite};
use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::doc::ApplyError;
use crate::items::Items;
use crate::log::Local;
use crate::numbers::Lv;
use crate::strings::StrId;
use crate::value::{Kind, Value};

/// What an edit does, as a number.
pub(crate) mod tag {
    pub(crate) const ADD_INT: u8 = 0;
    pub(crate) const ADD_FLOAT: u8 = 1;
    pub(crate) const WRITE: u8 = 2;
    pub(crate) const PUT: u8 = 3;
    pub(crate) const REMOVE: u8 = 4;
    pub(crate) const MAKE: u8 = 5;
    pub(crate) const INCLUDE: u8 = 6;
    pub(crate) const EXCLUDE: u8 = 7;
    pub(crate) const INSERT: u8 = 8;
    pub(crate) const INSERT_ITEMS: u8 = 9;
    pub(crate) const DELETE: u8 = 10;
    pub(crate) const MOVE: u8 = 11;
    pub(crate) const ASSIGN: u8 = 12;
    pub(crate) const MARK: u8 = 13;
}

/// Where the parts of an edit are read from.
pub(crate) trait Source<'a> {
    /// Where what is the same in all formats stands.
    fn rest(&mut self) -> &mut Reader<'a>;
    fn key(&mut self) -> Result<StrId, ApplyError>;
    fn element(&mut self) -> Result<Lv, ApplyError>;
    fn optional(&mut self) -> Result<Option<Lv>, ApplyError>;
    /// What is inserted stands right of this.
    fn left(&mut self) -> Result<Option<Lv>, ApplyError>;
    /// How many items are inserted.
    fn count(&mut self) -> Result<usize, ApplyError>;
}

/// Where the parts of an edit are written.
pub(crate) trait Sink {
    fn rest(&mut self) -> &mut Vec<u8>;
    fn key(&mut self, key: StrId);
    fn element(&mut self, element: Lv);
    fn optional(&mut self, element: Option<Lv>);
}

/// Reads what an edit with this tag does, other than to delete. The text of an insert stands beside it.
pub(crate) fn read<'a>(tag: u8, from: &mut dyn Source<'a>) -> Result<(Local, &'a str), ApplyError> {
    let mut inserted = "";
    let edit = match tag {
        tag::ADD_INT => Edit::AddInt(from.rest().zigzag()?),
        tag::ADD_FLOAT => Edit::AddFloat(finite(from.rest().float()?)?),
        tag::WRITE => Edit::Write(Value::decode(from.rest())?),
        tag::PUT => Edit::Put { key: from.key()?, value: Value::decode(from.rest())? },
        tag::REMOVE => Edit::Remove { key: from.key()? },
        tag::MAKE => {
            let key = from.key()?;
            let kind = Kind::from_tag(from.rest().byte()?).ok_or(DecodeError::Malformed(Part::Kind))?;
            Edit::Make { key, kind, base: from.optional()? }
        }
        tag::INCLUDE => Edit::Include(Value::decode(from.rest())?),
        tag::EXCLUDE => Edit::Exclude(Value::decode(from.rest())?),
        tag::INSERT => {
            let left = from.left()?;
            inserted = from.rest().str()?;
            Edit::Insert { left, text: String::new() }
        }
        tag::INSERT_ITEMS => {
            let left = from.left()?;
            let count = from.count()?;
            Edit::InsertItems { left, items: Items::read(from.rest(), count)? }
        }
        tag::MOVE => Edit::Move { item: from.element()?, left: from.optional()? },
        tag::ASSIGN => Edit::Assign { item: from.element()?, value: Value::decode(from.rest())? },
        tag::MARK => {
            let (start, end) = (anchor(from)?, anchor(from)?);
            let key = from.key()?;
            Edit::Mark(Box::new(Mark { start, end, key, value: Value::decode(from.rest())? }))
        }
        _ => return Err(DecodeError::Malformed(Part::Operation).into()),
    };
    Ok((edit, inserted))
}

fn anchor(from: &mut dyn Source<'_>) -> Result<Anchor<Lv>, ApplyError> {
    let after = side(from.rest())?;
    Ok(Anchor { element: from.optional()?, after })
}

/// On which side of an element an end of a mark is.
pub(crate) fn side(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Malformed(Part::Anchor)),
    }
}

impl Local {
    pub(crate) const fn tag(&self) -> u8 {
        match self {
            Self::AddInt(_) => tag::ADD_INT,
            Self::AddFloat(_) => tag::ADD_FLOAT,
            Self::Write(_) => tag::WRITE,
            Self::Put { .. } => tag::PUT,
            Self::Remove { .. } => tag::REMOVE,
            Self::Make { .. } => tag::MAKE,
            Self::Include(_) => tag::INCLUDE,
            Self::Exclude(_) => tag::EXCLUDE,
            Self::Insert { .. } => tag::INSERT,
            Self::InsertItems { .. } => tag::INSERT_ITEMS,
            Self::Delete { .. } => tag::DELETE,
            Self::Move { .. } => tag::MOVE,
            Self::Assign { .. } => tag::ASSIGN,
            Self::Mark(_) => tag::MARK,
        }
    }

    /// Writes what [`read`] reads. What is inserted or deleted is written by who knows which part of it.
    pub(crate) fn write(&self, to: &mut dyn Sink) {
        match self {
            Self::AddInt(amount) => to.rest().zigzag(*amount),
            Self::AddFloat(amount) => to.rest().extend_from_slice(&amount.to_le_bytes()),
            Self::Write(value) | Self::Include(value) | Self::Exclude(value) => value.encode(to.rest()),
            Self::Put { key, value } => {
                to.key(*key);
                value.encode(to.rest());
            }
            Self::Remove { key } => to.key(*key),
            Self::Make { key, kind, base } => {
                to.key(*key);
                to.rest().push(kind.tag());
                to.optional(*base);
            }
            Self::Insert { .. } | Self::InsertItems { .. } | Self::Delete { .. } => {}
            Self::Move { item, left } => {
                to.element(*item);
                to.optional(*left);
            }
            Self::Assign { item, value } => {
                to.element(*item);
                value.encode(to.rest());
            }
            Self::Mark(mark) => {
                for anchor in [mark.start, mark.end] {
                    to.rest().push(u8::from(anchor.after));
                    to.optional(anchor.element);
                }
                to.key(mark.key);
                mark.value.encode(to.rest());
            }
        }
    }
}
