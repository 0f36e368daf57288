//! Changes as bytes, read where they lie: an operation is put into a document's own numbers without anything
//! between.
//!
//! Replicas stand as numbers that both sides agree on; an operation of the change's own replica as how
//! far back it lies. Strings are numbered per replica: the first operation that uses one carries it, later
//! operations of the same replica carry its number. A replica's operations are always applied in its own order,
//! so the numbers need no agreement and cost a byte.
//!
//! `export.rs` writes what is read here, `wire/pass.rs` passes it on.

mod pass;
mod stroke;

use crate::codec::{DecodeError, MAX_SEQ, Part, Reader, Writer};
use crate::doc::ApplyError;
use crate::items::Items;
use crate::log::Local;
use crate::numbers::Lv;
use crate::op::{Anchor, Edit, Mark, finite};
use crate::strings::StrId;
use crate::value::{Kind, Value};

pub(crate) use pass::Passing;
pub(crate) use stroke::{Does, Stroke, typed};

/// The replica and start continue where the change before ended.
const CONTINUES: u8 = 1;
pub(crate) const HAS_DEPS: u8 = 2;
pub(crate) const MANY_OPS: u8 = 4;

/// What the low bits of an operation's first byte say it does.
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
    pub(crate) const DELETE_ITEMS: u8 = 11;
    pub(crate) const MOVE: u8 = 12;
    pub(crate) const ASSIGN: u8 = 13;
    pub(crate) const MARK: u8 = 14;
    pub(crate) const ALL: u8 = 15;
}

/// The target is that of the operation before.
pub(crate) const SAME: u8 = 0x10;
/// The target is nested.
pub(crate) const NESTED: u8 = 0x20;
/// An insert right of the replica's operation before.
pub(crate) const ON: u8 = 0x40;
/// A delete downwards.
pub(crate) const DOWN: u8 = 0x80;

const OPERATION: DecodeError = DecodeError::Malformed(Part::Operation);

/// An operation or element, as a change names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Id {
    /// The number of its replica, if it is not the change's own.
    pub(crate) by: Option<u64>,
    pub(crate) seq: u64,
}

/// A string, as an operation names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Name<'a> {
    /// The string that its replica introduced as this number.
    Known(u32),
    /// A string its replica introduces here, as its next number.
    New(&'a str),
}

/// What an operation edits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target<'a> {
    /// The value of this name, of the kind that the edit is for.
    Root(Kind, Name<'a>),
    /// The nested value that this operation made.
    Nested(Id),
}

fn kind(tag: u8) -> Result<Kind, DecodeError> {
    Kind::from_tag(tag).ok_or(DecodeError::Malformed(Part::Kind))
}

/// What a change begins with.
#[derive(Debug, Clone)]
pub(crate) struct Head<'a> {
    /// The number of the replica that made it.
    pub(crate) author: u64,
    /// The sequence number of the first operation.
    pub(crate) start: u64,
    /// The latest operations of others it had seen: how many, and where they stand.
    deps: (usize, Reader<'a>),
    /// How many operations follow.
    pub(crate) ops: usize,
}

impl<'a> Head<'a> {
    /// The least bytes a change takes.
    pub(crate) const LEAST: usize = 1 + Ops::LEAST;

    /// Reads it; `before` is the author and the end of the change before.
    pub(crate) fn read(reader: &mut Reader<'a>, before: Option<(u64, u64)>) -> Result<Self, DecodeError> {
        let flags = reader.byte()?;
        if flags & !(CONTINUES | HAS_DEPS | MANY_OPS) != 0 {
            return Err(DecodeError::Malformed(Part::Change));
        }
        let (author, start) = if flags & CONTINUES != 0 {
            before.ok_or(DecodeError::Malformed(Part::Change))?
        } else {
            (reader.varint()?, reader.seq()?)
        };
        let count = if flags & HAS_DEPS != 0 { reader.count(2)? } else { 0 };
        let deps = (count, reader.clone());
        for _ in 0..count {
            if reader.varint()? == author {
                return Err(DecodeError::Malformed(Part::Dependency));
            }
            reader.seq()?;
        }
        let ops = if flags & MANY_OPS != 0 { reader.count(Ops::LEAST)? } else { 1 };
        if ops == 0 {
            return Err(DecodeError::Malformed(Part::Change));
        }
        Ok(Self { author, start, deps, ops })
    }

    /// Writes one of so many operations.
    pub(crate) fn write(
        out: &mut Vec<u8>,
        (author, start): (u64, u64),
        before: Option<(u64, u64)>,
        deps: &[(u64, u64)],
        ops: usize,
    ) {
        let continues = before == Some((author, start));
        let flags = u8::from(continues) * CONTINUES
            + u8::from(!deps.is_empty()) * HAS_DEPS
            + u8::from(ops > 1) * MANY_OPS;
        out.push(flags);
        if !continues {
            out.varint(author);
            out.varint(start);
        }
        if !deps.is_empty() {
            out.varint(deps.len() as u64);
            for &(replica, seq) in deps {
                out.varint(replica);
                out.varint(seq);
            }
        }
        if ops > 1 {
            out.varint(ops as u64);
        }
    }

    /// The latest operations of others it had seen, by the numbers of their replicas.
    pub(crate) fn deps(&self) -> impl Iterator<Item = (u64, u64)> + 'a {
        let (count, mut reader) = self.deps.clone();
        (0..count).map_while(move |_| reader.varint().ok().zip(reader.seq().ok()))
    }
}

/// The operations of a change, one by one.
#[derive(Debug, Clone)]
pub(crate) struct Ops<'a> {
    pub(crate) reader: Reader<'a>,
    left: usize,
    /// The sequence number of the one to be read.
    pub(crate) seq: u64,
    before: Option<Target<'a>>,
    /// Where those stand that name other replicas, if that is asked for.
    trail: Option<Vec<Foreign>>,
}

/// The number of another replica, before an id.
#[derive(Debug, Clone, Copy)]
struct Foreign {
    /// How many bytes are left where it begins, and where it ends.
    from: usize,
    to: usize,
    number: u64,
    /// By how much what stands there is higher.
    shift: u64,
}

impl<'a> Ops<'a> {
    /// The least bytes an operation takes.
    const LEAST: usize = 2;

    /// Those behind a head.
    pub(crate) fn new(head: &Head<'_>, reader: Reader<'a>) -> Self {
        Self { reader, left: head.ops, seq: head.start, before: None, trail: None }
    }

    /// The first byte of the next operation, and what it edits. What it does must be read then.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, Target<'a>)>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        let first = self.reader.byte()?;
        let tag = first & 0x0f;
        if tag >= tag::ALL {
            return Err(OPERATION);
        }
        let target = if first & SAME != 0 {
            self.before.ok_or(OPERATION)?
        } else if first & NESTED != 0 {
            Target::Nested(self.id()?)
        } else {
            Target::Root(root_kind(tag), self.name()?)
        };
        if let Target::Root(kind, _) = target
            && kind != root_kind(tag)
        {
            return Err(OPERATION);
        }
        Ok(Some((first, target)))
    }

    /// Takes note that an operation of so many sequence numbers was read.
    pub(crate) fn passed(&mut self, target: Target<'a>, len: usize) -> Result<(), DecodeError> {
        if len == 0 {
            return Err(OPERATION);
        }
        self.seq += len as u64;
        if self.seq > MAX_SEQ || len > u32::MAX as usize {
            return Err(DecodeError::Malformed(Part::Change));
        }
        self.before = Some(target);
        self.left -= 1;
        Ok(())
    }

    pub(crate) fn id(&mut self) -> Result<Id, DecodeError> {
        let from = self.reader.len();
        let first = self.reader.varint()?;
        self.named(first, from, 1)
    }

    fn optional(&mut self) -> Result<Option<Id>, DecodeError> {
        let from = self.reader.len();
        match self.reader.varint()? {
            0 => Ok(None),
            first => self.named(first - 1, from, 2).map(Some),
        }
    }

    fn named(&mut self, first: u64, from: usize, shift: u64) -> Result<Id, DecodeError> {
        if first == 0 {
            let back = self.reader.varint()?;
            let seq = self.seq.checked_sub(back).ok_or(DecodeError::Malformed(Part::Reference))?;
            return Ok(Id { by: None, seq });
        }
        let number = first - 1;
        if let Some(trail) = &mut self.trail {
            trail.push(Foreign { from, to: self.reader.len(), number, shift });
        }
        Ok(Id { by: Some(number), seq: self.reader.seq()? })
    }

    /// What an insert stands right of.
    fn left(&mut self, first: u8) -> Result<Option<Id>, DecodeError> {
        if first & ON == 0 {
            return self.optional();
        }
        let seq = self.seq.checked_sub(1).ok_or(OPERATION)?;
        Ok(Some(Id { by: None, seq }))
    }

    fn name(&mut self) -> Result<Name<'a>, DecodeError> {
        match self.reader.varint()? {
            0 => self.reader.str().map(Name::New),
            index => {
                u32::try_from(index - 1).map(Name::Known).map_err(|_| DecodeError::Malformed(Part::Name))
            }
        }
    }

    fn after(&mut self) -> Result<bool, DecodeError> {
        match self.reader.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Malformed(Part::Anchor)),
        }
    }

    /// The elements that a delete takes: the first and how many.
    pub(crate) fn deleted(&mut self, first: u8) -> Result<(Id, u32), DecodeError> {
        let id = self.id()?;
        let room = if first & DOWN != 0 { id.seq + 1 } else { MAX_SEQ };
        let count = u32::try_from(self.reader.varint()?).ok().filter(|&count| u64::from(count) <= room);
        Ok((id, count.ok_or(DecodeError::Malformed(Part::Delete))?))
    }

    /// What the next operation does, other than to delete, in the document's own numbers. The text of an
    /// insert stands beside it.
    pub(crate) fn edit(
        &mut self,
        first: u8,
        numbers: &mut impl Numbering<'a>,
    ) -> Result<(Local, &'a str), ApplyError> {
        let mut inserted = "";
        let edit = match first & 0x0f {
            tag::ADD_INT => Edit::AddInt(self.reader.zigzag()?),
            tag::ADD_FLOAT => Edit::AddFloat(finite(self.reader.float()?)?),
            tag::WRITE => Edit::Write(Value::decode(&mut self.reader)?),
            tag::PUT => {
                let key = numbers.string(self.name()?)?;
                Edit::Put { key, value: Value::decode(&mut self.reader)? }
            }
            tag::REMOVE => Edit::Remove { key: numbers.string(self.name()?)? },
            tag::MAKE => {
                let key = numbers.string(self.name()?)?;
                let kind = kind(self.reader.byte()?)?;
                Edit::Make { key, kind, base: numbers.some(self.optional()?)? }
            }
            tag::INCLUDE => Edit::Include(Value::decode(&mut self.reader)?),
            tag::EXCLUDE => Edit::Exclude(Value::decode(&mut self.reader)?),
            tag::INSERT => {
                let left = numbers.some(self.left(first)?)?;
                inserted = self.reader.str()?;
                Edit::Insert { left, text: String::new() }
            }
            tag::INSERT_ITEMS => {
                let left = numbers.some(self.left(first)?)?;
                let count = self.reader.count(1)?;
                Edit::InsertItems { left, items: Items::read(&mut self.reader, count)? }
            }
            tag::MOVE => {
                let item = numbers.lv(self.id()?)?;
                Edit::Move { item, left: numbers.some(self.optional()?)? }
            }
            tag::ASSIGN => {
                let item = numbers.lv(self.id()?)?;
                Edit::Assign { item, value: Value::decode(&mut self.reader)? }
            }
            _ => {
                let mut anchor = || {
                    let after = self.after()?;
                    Ok::<_, ApplyError>(Anchor { element: numbers.some(self.optional()?)?, after })
                };
                let (start, end) = (anchor()?, anchor()?);
                let key = numbers.string(self.name()?)?;
                let value = Value::decode(&mut self.reader)?;
                Edit::Mark(Box::new(Mark { start, end, key, value }))
            }
        };
        Ok((edit, inserted))
    }
}

/// What a document calls what a change names.
pub(crate) trait Numbering<'a> {
    fn lv(&mut self, id: Id) -> Result<Lv, ApplyError>;
    fn some(&mut self, id: Option<Id>) -> Result<Option<Lv>, ApplyError> {
        id.map(|id| self.lv(id)).transpose()
    }
    fn string(&mut self, name: Name<'a>) -> Result<StrId, ApplyError>;
}

/// The kind of value that an operation without a nested target is for.
const fn root_kind(tag: u8) -> Kind {
    match tag {
        tag::ADD_INT => Kind::Counter,
        tag::ADD_FLOAT => Kind::FloatCounter,
        tag::WRITE => Kind::Register,
        tag::PUT | tag::REMOVE | tag::MAKE => Kind::Map,
        tag::INCLUDE | tag::EXCLUDE => Kind::Set,
        tag::INSERT_ITEMS | tag::DELETE_ITEMS | tag::MOVE | tag::ASSIGN => Kind::List,
        _ => Kind::Text,
    }
}
