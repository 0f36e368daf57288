//! What stands ahead of the operations of a history: who made them, and the names they use.

use super::rows::{MALFORMED, index};
use crate::codec::{DecodeError, Reader, Writer};
use crate::delta::ReplicaTable;
use crate::doc::{ApplyError, Doc};
use crate::numbers::{Lv, MAX_OPS, NONE};
use crate::size;
use crate::state::Parent;
use crate::strings::Names;
use crate::value::Kind;

/// What a document was made of before its first operation.
pub(super) struct Head {
    /// Replica, how many operations, and what was seen of others, as how far back it lies.
    pub(super) spans: Vec<(u32, u32, Vec<u32>)>,
    /// The values with a name of their own, by their numbers.
    pub(super) roots: Vec<(u32, Kind, u32)>,
}

impl Doc {
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        let numbers = &self.numbers;
        ReplicaTable::of(numbers.replicas()).encode(out);
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
        for replica in 0..numbers.replicas().len() {
            let list = self.names.get(replica).map_or(&[][..], Names::list);
            out.varint(list.len() as u64);
            for &(string, seq) in list {
                out.varint(u64::from(string));
                out.varint(u64::from(seq));
            }
        }
        let roots =
            self.state.containers.iter().zip(0u32..).filter_map(|(container, nth)| match container.parent {
                Parent::Root(name) => Some((nth, container.kind, name)),
                _ => None,
            });
        out.varint(roots.clone().count() as u64);
        for (nth, kind, name) in roots {
            out.varint(u64::from(nth));
            out.push(kind.tag());
            out.varint(u64::from(name));
        }
    }

    pub(super) fn take_head(&mut self, reader: &mut Reader<'_>) -> Result<Head, ApplyError> {
        let replicas = ReplicaTable::decode(reader)?.ids;
        for &replica in &replicas {
            self.numbers.introduce_new(replica).ok_or(MALFORMED)?;
        }
        for nth in 0..reader.count(1)? {
            if self.strings.intern(reader.str()?) as usize != nth {
                return Err(MALFORMED.into());
            }
        }
        let mut spans = Vec::new();
        let mut counts = vec![0u64; replicas.len()];
        let mut next = 0u64;
        for _ in 0..reader.count(3)? {
            let replica = index(reader, replicas.len())?;
            let len = reader.varint()?;
            if len == 0 || len > MAX_OPS - next {
                return Err(MALFORMED.into());
            }
            let mut deps = Vec::new();
            for _ in 0..reader.count(1)? {
                let back = reader.varint()?;
                if back == 0 || back > next {
                    return Err(MALFORMED.into());
                }
                deps.push(back as u32);
            }
            next += len;
            counts[replica as usize] += len;
            spans.push((replica, len as u32, deps));
        }
        for (at, &replica) in replicas.iter().enumerate() {
            if counts[at] == 0 {
                return Err(MALFORMED.into());
            }
            self.version.advance(replica, counts[at]);
            let mut names = Names::default();
            let mut before = 0;
            for _ in 0..reader.count(2)? {
                let string = index(reader, self.strings.len())?;
                let seq = reader.varint()?;
                if seq < before || seq >= counts[at] || !names.introduce(string, seq as u32) {
                    return Err(MALFORMED.into());
                }
                before = seq;
                self.state.size += size::string(self.strings.get(string));
            }
            self.names.push(names);
        }
        let mut roots: Vec<(u32, Kind, u32)> = Vec::new();
        for _ in 0..reader.count(3)? {
            let nth = u32::try_from(reader.varint()?).map_err(|_| MALFORMED)?;
            let kind = Kind::from_tag(reader.byte()?).ok_or(MALFORMED)?;
            if roots.last().is_some_and(|last| last.0 >= nth) {
                return Err(MALFORMED.into());
            }
            roots.push((nth, kind, index(reader, self.strings.len())?));
        }
        reader.end()?;
        self.room(0)?;
        Ok(Head { spans, roots })
    }

    /// What a replica's next operation had seen last of others.
    pub(super) fn resolve_deps(&self, replica: u32, deps: &[u32]) -> Result<Vec<Lv>, DecodeError> {
        let dep = |&back: &u32| self.numbers.next().checked_sub(back);
        let of_others = |dep: &Lv| !self.numbers.is_of(*dep, replica);
        deps.iter().map(|back| dep(back).filter(of_others).ok_or(MALFORMED)).collect()
    }

    /// Makes the named values whose turn it is.
    pub(super) fn make_roots(&mut self, roots: &[(u32, Kind, u32)]) {
        let len = self.state.containers.len() as u32;
        let from = roots.partition_point(|root| root.0 < len);
        for (&(nth, kind, name), turn) in roots[from..].iter().zip(len..) {
            // Of one that is there twice the second is not made, and then what follows has no turn.
            if nth != turn || self.state.make(kind, Parent::Root(name), NONE, &self.strings) != nth {
                break;
            }
        }
    }
}
