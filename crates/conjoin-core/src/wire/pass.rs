//! Passing over changes, and passing them on: to see whether they are well formed and where they end, and to
//! write them again with other numbers for replicas.

use super::{Foreign, Head, Ops, Target, what};
use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::items;
use crate::op::finite;
use crate::op::parts::{side, tag};
use crate::value::{Kind, Value};

/// Passes changes on, one after the other.
pub(crate) struct Passing<'p> {
    /// The new number of a replica.
    renumber: &'p mut dyn FnMut(u64) -> Option<u64>,
    /// Where they are written again, if they are.
    out: Option<&'p mut Vec<u8>>,
    /// The author and the end of the last one, as it was read and as it was written.
    pub(crate) before: Option<(u64, u64)>,
    written: Option<(u64, u64)>,
}

impl<'p> Passing<'p> {
    /// Of changes behind one with this author and end.
    pub(crate) fn new(
        before: Option<(u64, u64)>,
        renumber: &'p mut dyn FnMut(u64) -> Option<u64>,
        out: Option<&'p mut Vec<u8>>,
    ) -> Self {
        Self { renumber, out, before, written: None }
    }

    /// Passes over a change. Tells its head and where it ends.
    pub(crate) fn pass<'a>(&mut self, reader: &mut Reader<'a>) -> Result<(Head<'a>, u64), DecodeError> {
        let head = Head::read(reader, self.before)?;
        let author = self.number(head.author)?;
        let mut deps = Vec::new();
        for (replica, seq) in head.deps() {
            if replica == head.author {
                return Err(DecodeError::Malformed(Part::Dependency));
            }
            let replica = self.number(replica)?;
            if self.out.is_some() {
                deps.push((replica, seq));
            }
        }
        if let Some(out) = &mut self.out {
            Head::write(out, (author, head.start), self.written, &deps, head.ops);
        }
        let mut rest = reader.clone();
        let mut ops = Ops::new(&head, reader.clone());
        ops.trail = Some(Vec::new());
        while let Some((first, target)) = ops.next()? {
            ops.pass(first, target)?;
            let mut trail = ops.trail.take().unwrap_or_default();
            for &Foreign { from, to, number, shift } in &trail {
                let number = (self.renumber)(number).ok_or(DecodeError::UnknownReplica)?;
                if let Some(out) = &mut self.out {
                    out.extend_from_slice(rest.take(rest.len() - from)?);
                    rest.take(from - to)?;
                    out.varint(number + shift);
                }
            }
            trail.clear();
            ops.trail = Some(trail);
        }
        if let Some(out) = &mut self.out {
            out.extend_from_slice(rest.take(rest.len() - ops.reader.len())?);
        }
        *reader = ops.reader;
        self.before = Some((head.author, ops.seq));
        self.written = Some((author, ops.seq));
        Ok((head, ops.seq))
    }

    fn number(&mut self, number: u64) -> Result<u64, DecodeError> {
        (self.renumber)(number).ok_or(DecodeError::UnknownReplica)
    }
}

impl<'a> Ops<'a> {
    /// Passes over an operation, of which the first byte and what it edits were read.
    pub(crate) fn pass(&mut self, first: u8, target: Target<'a>) -> Result<(), DecodeError> {
        let len = self.fields(first)?;
        self.passed(target, len)
    }

    /// Passes over what the next operation does. Tells how many sequence numbers it takes.
    fn fields(&mut self, first: u8) -> Result<usize, DecodeError> {
        match what(first) {
            tag::ADD_INT => _ = self.reader.zigzag()?,
            tag::ADD_FLOAT => _ = finite(self.reader.float()?)?,
            tag::WRITE | tag::INCLUDE | tag::EXCLUDE => _ = Value::skip(&mut self.reader)?,
            tag::PUT => {
                self.name()?;
                Value::skip(&mut self.reader)?;
            }
            tag::REMOVE => _ = self.name()?,
            tag::MAKE => {
                self.name()?;
                Kind::from_tag(self.reader.byte()?).ok_or(DecodeError::Malformed(Part::Kind))?;
                self.optional()?;
            }
            tag::INSERT => {
                self.left(first)?;
                return Ok(self.reader.str()?.chars().count());
            }
            tag::INSERT_ITEMS => {
                self.left(first)?;
                let count = self.reader.count(1)?;
                items::pass(&mut self.reader, count)?;
                return Ok(count);
            }
            tag::DELETE => return Ok(self.deleted(first)?.1 as usize),
            tag::MOVE => {
                self.id()?;
                self.optional()?;
            }
            tag::ASSIGN => {
                self.id()?;
                Value::skip(&mut self.reader)?;
            }
            _ => {
                for _ in 0..2 {
                    side(&mut self.reader)?;
                    self.optional()?;
                }
                self.name()?;
                Value::skip(&mut self.reader)?;
            }
        }
        Ok(1)
    }
}
