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
use crate::op::parts::tag;
use crate::value::Kind;

pub(crate) use pass::Passing;
pub(crate) use stroke::{Does, Stroke, typed};

/// The replica and start continue where the change before ended.
const CONTINUES: u8 = 1;
pub(crate) const HAS_DEPS: u8 = 2;
pub(crate) const MANY_OPS: u8 = 4;

/// What the low bits of an operation's first byte say that it does: what [`tag`] says, but that deletes from lists of
/// a name have a number of their own, right behind those from all else.
const DELETE_ITEMS: u8 = tag::DELETE + 1;
const LAST: u8 = tag::MARK + 1;

/// The low bits for an edit with this tag.
pub(crate) fn low(tag: u8, deletes_items: bool) -> u8 {
    tag + u8::from(deletes_items || tag > tag::DELETE)
}

/// The tag of the edit, by the first byte.
pub(crate) const fn what(first: u8) -> u8 {
    match first & 0x0f {
        low if low > tag::DELETE => low - 1,
        low => low,
    }
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
        if first & 0x0f > LAST {
            return Err(OPERATION);
        }
        let target = if first & SAME != 0 {
            self.before.ok_or(OPERATION)?
        } else if first & NESTED != 0 {
            Target::Nested(self.id()?)
        } else {
            Target::Root(root_kind(first), self.name()?)
        };
        if let Target::Root(kind, _) = target
            && kind != root_kind(first)
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

    pub(crate) fn optional(&mut self) -> Result<Option<Id>, DecodeError> {
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
    pub(crate) fn left(&mut self, first: u8) -> Result<Option<Id>, DecodeError> {
        if first & ON == 0 {
            return self.optional();
        }
        let seq = self.seq.checked_sub(1).ok_or(OPERATION)?;
        Ok(Some(Id { by: None, seq }))
    }

    pub(crate) fn name(&mut self) -> Result<Name<'a>, DecodeError> {
        match self.reader.varint()? {
            0 => self.reader.str().map(Name::New),
            index => {
                u32::try_from(index - 1).map(Name::Known).map_err(|_| DecodeError::Malformed(Part::Name))
            }
        }
    }

    /// The elements that a delete takes: the first and how many.
    pub(crate) fn deleted(&mut self, first: u8) -> Result<(Id, u32), DecodeError> {
        let id = self.id()?;
        let room = if first & DOWN != 0 { id.seq + 1 } else { MAX_SEQ };
        let count = u32::try_from(self.reader.varint()?).ok().filter(|&count| u64::from(count) <= room);
        Ok((id, count.ok_or(DecodeError::Malformed(Part::Delete))?))
    }
}

/// The kind of value that an operation without a nested target is for.
const fn root_kind(first: u8) -> Kind {
    match what(first) {
        tag::ADD_INT => Kind::Counter,
        tag::ADD_FLOAT => Kind::FloatCounter,
        tag::WRITE => Kind::Register,
        tag::PUT | tag::REMOVE | tag::MAKE => Kind::Map,
        tag::INCLUDE | tag::EXCLUDE => Kind::Set,
        tag::INSERT_ITEMS | tag::MOVE | tag::ASSIGN => Kind::List,
        tag::DELETE if first & 0x0f == DELETE_ITEMS => Kind::List,
        _ => Kind::Text,
    }
}
