//! The whole state as bytes: values, version and what later changes refer to, without the
//! changes that led there.
//!
//! Two states can be joined, whatever the history between them: [`Doc::merge_snapshot`] takes in
//! a snapshot of a document that is ahead, behind, or both.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::{DecodeError, Header, MAX_SEQ, Reader, Writer};
use crate::delta::ReplicaTable;
use crate::doc::{Applied, ApplyError, Doc};
use crate::op::finite;
use crate::size;
use crate::state::{Container, Stamp, State, Sums, Written, bits, float};
use crate::value::{Changed, Kind, Target, Value};
use crate::version::{OpId, ReplicaId, VersionVector};

impl Doc {
    /// The state of the document, without its history.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut old = Doc::new(ReplicaId::new(1));
    /// old.transact(|tx| tx.counter("clicks").add(41));
    /// let mut new = Doc::new(ReplicaId::new(2));
    /// new.transact(|tx| tx.counter("clicks").increment());
    /// new.merge_snapshot(&old.snapshot())?;
    /// assert_eq!(new.counter("clicks"), 42);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn snapshot(&self) -> Vec<u8> {
        let mut replicas = ReplicaTable::default();
        let mut strings = StringTable::default();
        let mut body = Vec::new();
        self.version.encode_with(&mut body, &mut |replica| replicas.index(replica));
        body.varint(self.lamport);
        body.varint(self.heads.len() as u64);
        for head in &self.heads {
            body.varint(replicas.index(head.replica));
            body.varint(head.seq);
        }
        body.varint(self.names.len() as u64);
        for (&replica, names) in &self.names {
            body.varint(replicas.index(replica));
            body.varint(names.len() as u64);
            for name in names {
                body.varint(strings.index(name));
            }
        }
        for named in &self.state.kinds {
            body.varint(named.len() as u64);
            for (name, container) in named {
                body.varint(strings.index(name));
                encode_container(container, &mut body, &mut replicas, &mut strings);
            }
        }
        let mut out = Vec::with_capacity(body.len() + 64);
        Header::Snapshot.write(&mut out);
        replicas.encode(&mut out);
        strings.encode(&mut out);
        out.extend_from_slice(&body);
        out
    }

    /// Takes in all that another document had seen when it made this snapshot.
    ///
    /// # Errors
    /// If the bytes are no snapshot, hold operations of this replica that it never made, or would
    /// make the state too large. The document is as before then.
    pub fn merge_snapshot(&mut self, bytes: &[u8]) -> Result<Applied, ApplyError> {
        self.room(0)?;
        let theirs = Snapshot::decode(bytes, self.state_limit)?;
        if theirs.version.get(self.replica) > self.version.get(self.replica) {
            return Err(ApplyError::ForgedReplica);
        }
        // Each operation moves logical time on by one, so time is never ahead of their number.
        if theirs.lamport > theirs.version.total() {
            return Err(ApplyError::Inconsistent("its logical time is ahead of its operations"));
        }
        let mut changed = Changed::default();
        if self.version.covers(&theirs.version) {
            return Ok(Applied { changed, missing: !self.pending.is_empty() });
        }
        let mut before = BTreeMap::new();
        for target in theirs.state.targets() {
            let value = self.state.value(&target);
            before.insert(target, value);
        }
        self.state.join(theirs.state, &self.version, &theirs.version);
        for (target, value) in before {
            if self.state.value(&target) != value {
                changed.insert(target);
            }
        }
        for (replica, names) in theirs.names {
            if theirs.version.get(replica) > self.version.get(replica) {
                self.state.size += size_of_names(&names);
                let before = self.names.insert(replica, names);
                self.state.size -= before.map_or(0, |names| size_of_names(&names));
            }
        }
        let (ours, theirs_heads) = (std::mem::take(&mut self.heads), theirs.heads);
        let stays = |head: &&OpId, others: &[OpId], other: &VersionVector| {
            others.contains(head) || !other.contains(**head)
        };
        let kept = ours.iter().filter(|head| stays(head, &theirs_heads, &theirs.version));
        let new = theirs_heads.iter().filter(|head| !ours.contains(head) && !self.version.contains(**head));
        self.heads = kept.chain(new).copied().collect();
        self.lamport = self.lamport.max(theirs.lamport);
        self.log.skip_to(&self.version, &theirs.version);
        self.version.join(&theirs.version);
        self.settle(&mut changed);
        Ok(Applied { changed, missing: !self.pending.is_empty() })
    }
}

fn size_of_names(names: &[Arc<str>]) -> usize {
    names.iter().map(|name| size::string(name)).sum()
}

/// A snapshot, read and checked, not yet part of a document.
struct Snapshot {
    version: VersionVector,
    lamport: u64,
    heads: Vec<OpId>,
    names: BTreeMap<ReplicaId, Vec<Arc<str>>>,
    state: State,
}

impl Snapshot {
    /// Reads it, unless the state in it is larger than `limit`: a few bytes become many in memory.
    fn decode(bytes: &[u8], limit: usize) -> Result<Self, ApplyError> {
        let mut reader = Reader::new(bytes);
        Header::Snapshot.read(&mut reader)?;
        let replicas = ReplicaTable::decode(&mut reader)?;
        let strings = StringTable::decode(&mut reader, limit)?;
        let version = VersionVector::decode_with(&mut reader, &|index| replicas.resolve(index))?;
        let mut body =
            Body { reader, replicas: &replicas, strings: &strings, version: &version, limit, left: limit };
        body.take(version.len() * size::REPLICA)?;
        let lamport = body.reader.seq()?;
        let mut heads = Vec::new();
        let count = body.reader.count(2)?;
        if count > version.len() {
            return Err(DecodeError::Malformed("heads").into());
        }
        for _ in 0..count {
            let head = OpId { replica: body.replica()?, seq: body.reader.seq()? };
            // Of each replica the latest operation at most, or every edit would have to name them all.
            if head.seq + 1 != version.get(head.replica) {
                return Err(DecodeError::Malformed("heads").into());
            }
            heads.push(head);
        }
        let mut names = BTreeMap::new();
        for _ in 0..body.reader.count(2)? {
            let replica = body.replica()?;
            let count = body.reader.count(1)?;
            let table = (0..count).map(|_| body.string(0)).collect::<Result<_, _>>()?;
            names.insert(replica, table);
        }
        let mut state = State::default();
        for (tag, named) in (0..).zip(&mut state.kinds) {
            let kind = Kind::from_tag(tag).expect("a state has one map for each kind");
            for _ in 0..body.reader.count(2)? {
                let name = body.string(size::ENTRY)?;
                let container = body.container(kind)?;
                if let Some(stamp) = container.latest()
                    && stamp.lamport >= lamport
                {
                    return Err(DecodeError::Malformed("logical time").into());
                }
                named.insert(name, container);
            }
        }
        body.reader.end()?;
        Ok(Self { version, lamport, heads, names, state })
    }
}

struct Body<'a> {
    reader: Reader<'a>,
    replicas: &'a ReplicaTable,
    strings: &'a StringTable,
    limit: usize,
    /// How many bytes of state may still come.
    left: usize,
    version: &'a VersionVector,
}

impl Body<'_> {
    /// Takes note that so many bytes of state come.
    fn take(&mut self, bytes: usize) -> Result<(), ApplyError> {
        self.left = self.left.checked_sub(bytes).ok_or(ApplyError::TooLarge { limit: self.limit })?;
        Ok(())
    }

    fn replica(&mut self) -> Result<ReplicaId, DecodeError> {
        self.replicas.resolve(self.reader.varint()?).ok_or(DecodeError::UnknownReplica)
    }

    /// A replica that wrote something: one of which something was seen.
    fn author(&mut self) -> Result<ReplicaId, DecodeError> {
        let author = self.replica()?;
        if self.version.get(author) == 0 { Err(DecodeError::Malformed("author")) } else { Ok(author) }
    }

    /// A string, for something that takes so many bytes besides.
    fn string(&mut self, besides: usize) -> Result<Arc<str>, ApplyError> {
        let index = usize::try_from(self.reader.varint()?).ok();
        let found = index.and_then(|index| self.strings.list.get(index)).cloned();
        let string = found.ok_or(DecodeError::Malformed("string"))?;
        self.take(size::string(&string) + besides)?;
        Ok(string)
    }

    fn stamp(&mut self) -> Result<Stamp, DecodeError> {
        Ok(Stamp { lamport: self.reader.seq()?, replica: self.author()? })
    }

    fn container(&mut self, kind: Kind) -> Result<Container, ApplyError> {
        let mut container = Container::new(kind);
        let least = if matches!(container, Container::Map(_)) { 4 } else { 2 };
        for _ in 0..self.reader.count(least)? {
            match &mut container {
                Container::Counter(sums) | Container::FloatCounter(sums) => {
                    let author = self.author()?;
                    let sum = match kind {
                        Kind::Counter => read_sum(&mut self.reader)?,
                        _ => bits(finite(self.reader.float()?)?),
                    };
                    if sums.0.last().is_some_and(|last| last.0 >= author) {
                        return Err(DecodeError::Malformed("order of sums").into());
                    }
                    self.take(size::SUM)?;
                    sums.0.push((author, sum));
                }
                Container::Register(register) => *register = Some(self.written()?),
                Container::Map(entries) => {
                    let key = self.string(size::ENTRY)?;
                    entries.insert(key, self.written()?);
                }
            }
        }
        Ok(container)
    }

    fn written(&mut self) -> Result<Written, ApplyError> {
        let stamp = self.stamp()?;
        let value = match self.reader.byte()? {
            0 => None,
            1 => Some(Value::decode(&mut self.reader)?),
            _ => return Err(DecodeError::Malformed("entry").into()),
        };
        let written = Written { stamp, value };
        self.take(size::written(Some(&written)))?;
        Ok(written)
    }
}

fn encode_container(
    container: &Container,
    out: &mut Vec<u8>,
    replicas: &mut ReplicaTable,
    strings: &mut StringTable,
) {
    let mut written = |written: &Written, out: &mut Vec<u8>| {
        out.varint(written.stamp.lamport);
        out.varint(replicas.index(written.stamp.replica));
        out.push(u8::from(written.value.is_some()));
        if let Some(value) = &written.value {
            value.encode(out);
        }
    };
    match container {
        Container::Counter(Sums(sums)) | Container::FloatCounter(Sums(sums)) => {
            out.varint(sums.len() as u64);
            for &(replica, sum) in sums {
                out.varint(replicas.index(replica));
                match container {
                    Container::Counter(_) => write_sum(sum, out),
                    _ => out.extend_from_slice(&float(sum).to_le_bytes()),
                }
            }
        }
        Container::Register(register) => {
            out.varint(u64::from(register.is_some()));
            if let Some(value) = register {
                written(value, out);
            }
        }
        Container::Map(entries) => {
            out.varint(entries.len() as u64);
            for (key, value) in entries {
                out.varint(strings.index(key));
                written(value, out);
            }
        }
    }
}

/// The high 64 bits as a signed number, then the low ones: small sums stay small.
fn write_sum(sum: i128, out: &mut Vec<u8>) {
    let zigzag = ((sum << 1) ^ (sum >> 127)) as u128;
    out.varint(zigzag as u64);
    out.varint((zigzag >> 64) as u64);
}

fn read_sum(reader: &mut Reader<'_>) -> Result<i128, DecodeError> {
    let zigzag = u128::from(reader.varint()?) | u128::from(reader.varint()?) << 64;
    let sum = (zigzag >> 1) as i128 ^ -((zigzag & 1) as i128);
    // More than all operations a replica can make could add.
    if sum.unsigned_abs() > u128::from(MAX_SEQ) << 63 { Err(DecodeError::Malformed("sum")) } else { Ok(sum) }
}

/// Strings by number, each written once.
#[derive(Default)]
struct StringTable {
    list: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u64>,
}

impl StringTable {
    fn index(&mut self, string: &Arc<str>) -> u64 {
        if let Some(&number) = self.numbers.get(string) {
            return number;
        }
        let number = self.list.len() as u64;
        self.list.push(string.clone());
        self.numbers.insert(string.clone(), number);
        number
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.varint(self.list.len() as u64);
        for string in &self.list {
            out.bytes(string.as_bytes());
        }
    }

    fn decode(reader: &mut Reader<'_>, limit: usize) -> Result<Self, ApplyError> {
        let count = reader.count(1)?;
        if count > limit / size::STRING {
            return Err(ApplyError::TooLarge { limit });
        }
        let list = (0..count).map(|_| reader.str().map(Arc::from)).collect::<Result<_, _>>()?;
        Ok(Self { list, ..Self::default() })
    }
}

impl Container {
    /// The latest stamp in it.
    fn latest(&self) -> Option<Stamp> {
        match self {
            Self::Register(Some(written)) => Some(written.stamp),
            Self::Map(entries) => entries.values().map(|written| written.stamp).max(),
            _ => None,
        }
    }
}

impl State {
    fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for (tag, named) in (0..).zip(&self.kinds) {
            let kind = Kind::from_tag(tag).expect("a state has one map for each kind");
            for (name, container) in named {
                let target = |key| Target { kind, name: name.clone(), key };
                match container {
                    Container::Map(entries) => {
                        targets.extend(entries.keys().map(|key| target(Some(key.clone()))))
                    }
                    _ => targets.push(target(None)),
                }
            }
        }
        targets
    }

    /// The value of a target, for telling whether it changed.
    fn value(&self, target: &Target) -> Option<Value> {
        match target.kind {
            Kind::Counter => Some(Value::Int(self.counter(&target.name))),
            Kind::FloatCounter => Some(Value::Float(self.float_counter(&target.name))),
            Kind::Register => self.register(&target.name).cloned(),
            Kind::Map => self.map(&target.name).get(target.key.as_deref()?).cloned(),
        }
    }
}
