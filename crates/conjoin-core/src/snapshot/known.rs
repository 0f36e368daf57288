//! What stands ahead in states and histories alike: replicas, strings, who made which operations having seen what, and
//! which strings each replica had introduced.

use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::doc::{ApplyError, Doc};
use crate::numbers::{Lv, MAX_OPS, NONE};
use crate::replicas;
use crate::size;
use crate::strings::Names;

impl Doc {
    pub(super) fn write_known(&self, out: &mut Vec<u8>) {
        let numbers = &self.numbers;
        replicas::encode(numbers.replicas(), out);
        out.varint(self.strings.len() as u64);
        for id in 0..self.strings.len() {
            out.bytes(self.strings.get(id as u32).as_bytes());
        }
        out.varint(numbers.spans().len() as u64);
        for (at, span) in numbers.spans().iter().enumerate() {
            out.varint(u64::from(span.replica));
            out.varint(u64::from(numbers.span_end(at) - span.lv));
            out.varint(numbers.deps(at).len() as u64);
            numbers.deps(at).iter().for_each(|dep| out.varint(u64::from(span.lv - dep)));
        }
    }

    /// Of so many replicas the strings that each had introduced.
    pub(super) fn write_names(&self, replicas: usize, out: &mut Vec<u8>) {
        for replica in 0..replicas {
            let list = self.names.get(replica).map_or(&[][..], Names::list);
            out.varint(list.len() as u64);
            for &(string, seq) in list {
                out.varint(u64::from(string));
                out.varint(u64::from(seq));
            }
        }
    }

    /// Reads what [`write_known`](Self::write_known) wrote into an empty document.
    pub(super) fn read_known(&mut self, reader: &mut Reader<'_>) -> Result<(), ApplyError> {
        let replicas = replicas::decode(reader)?;
        let size = replicas.len() * size::REPLICA;
        self.room(size)?;
        for &replica in &replicas {
            self.numbers.introduce_new(replica).ok_or(DecodeError::Malformed(Part::Replicas))?;
        }
        let strings = reader.count(1)?;
        self.room(size.saturating_add(strings.saturating_mul(size::STRING)))?;
        for nth in 0..strings {
            if self.strings.intern(reader.str()?) as usize != nth {
                return Err(DecodeError::Malformed(Part::Strings).into());
            }
        }
        for _ in 0..reader.count(3)? {
            self.read_span(reader)?;
        }
        for (at, &replica) in replicas.iter().enumerate() {
            let count = u64::from(self.numbers.count(at as u32));
            if count == 0 {
                return Err(DecodeError::Malformed(Part::Replicas).into());
            }
            self.version.advance(replica, count);
        }
        Ok(())
    }

    fn read_span(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let replica = index(reader, self.numbers.replicas().len())?;
        let len = reader.varint()?;
        let next = self.numbers.next();
        if len == 0 || len > MAX_OPS.saturating_sub(u64::from(next)) {
            return Err(DecodeError::Malformed(Part::Span));
        }
        let mut deps = Vec::new();
        for _ in 0..reader.count(1)? {
            let back = reader.varint()?;
            let dep =
                u32::try_from(back).ok().filter(|back| *back > 0).and_then(|back| next.checked_sub(back));
            let dep = dep.filter(|&dep| !self.numbers.is_of(dep, replica));
            deps.push(dep.ok_or(DecodeError::Malformed(Part::Dependency))?);
        }
        self.numbers.push(replica, len as u32, &deps);
        Ok(())
    }

    /// Reads what [`write_names`](Self::write_names) wrote of so many replicas.
    pub(super) fn read_names(&mut self, replicas: usize, reader: &mut Reader<'_>) -> Result<(), ApplyError> {
        for replica in 0..replicas {
            let mut names = Names::default();
            let mut before = 0;
            let count = u64::from(self.numbers.count(replica as u32));
            for _ in 0..reader.count(2)? {
                let string = index(reader, self.strings.len())?;
                let seq = reader.varint()?;
                if seq < before || seq >= count || !names.introduce(string, seq as u32) {
                    return Err(DecodeError::Malformed(Part::Names).into());
                }
                before = seq;
                self.state.size += size::string(self.strings.get(string));
                self.room(0)?;
            }
            self.names.push(names);
        }
        Ok(())
    }
}

/// A number below `end`.
pub(super) fn index(reader: &mut Reader<'_>, end: usize) -> Result<u32, DecodeError> {
    let index = reader.varint()?;
    if index < end as u64 { Ok(index as u32) } else { Err(DecodeError::Malformed(Part::Number)) }
}

/// The number of an operation before `end`, or none.
pub(super) fn optional(reader: &mut Reader<'_>, end: Lv) -> Result<Lv, DecodeError> {
    match reader.varint()? {
        0 => Ok(NONE),
        lv if lv <= u64::from(end) => Ok((lv - 1) as Lv),
        _ => Err(DecodeError::Malformed(Part::Number)),
    }
}

pub(super) fn write_optional(lv: Lv, out: &mut Vec<u8>) {
    out.varint(if lv == NONE { 0 } else { u64::from(lv) + 1 });
}
