//! Operations, and the batches of them that transactions make.
//!
//! Strings are numbered per replica: the first operation that uses one carries it, later
//! operations of the same replica carry its number. A replica's operations are always applied in
//! its own order, so the numbers need no agreement and cost a byte.

use std::sync::Arc;

use crate::codec::{DecodeError, MAX_SEQ, Reader, Writer};
use crate::delta::MAX_MEMORY;
use crate::value::{Kind, Value};
use crate::version::{OpId, ReplicaId, VersionVector};

/// A string as an operation names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Name {
    /// The string that its replica introduced as this number.
    Known(u32),
    /// A string its replica introduces here, as its next number.
    New(Arc<str>),
}

impl Name {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Known(index) => out.varint(u64::from(*index) + 1),
            Self::New(name) => {
                out.varint(0);
                out.bytes(name.as_bytes());
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.varint()? {
            0 => Ok(Self::New(reader.str()?.into())),
            index => u32::try_from(index - 1).map(Self::Known).map_err(|_| DecodeError::Malformed("name")),
        }
    }

    /// The string; `names` are those its replica introduced so far.
    pub(crate) fn resolve<'a>(&'a self, names: &'a [Arc<str>]) -> &'a Arc<str> {
        match self {
            Self::Known(index) => &names[*index as usize],
            Self::New(name) => name,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Known(_) => 0,
            Self::New(name) => name.len() + 16,
        }
    }
}

/// What an operation does to the value it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    AddInt(i64),
    AddFloat(f64),
    Set(Value),
    Put { key: Name, value: Value },
    Remove { key: Name },
}

/// One operation. Its sequence number and logical time follow from its place in its [`Change`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Op {
    pub(crate) name: Name,
    pub(crate) edit: Edit,
}

impl Op {
    /// The least bytes an operation takes.
    const LEAST: usize = 3;

    pub(crate) const fn kind(&self) -> Kind {
        match self.edit {
            Edit::AddInt(_) => Kind::Counter,
            Edit::AddFloat(_) => Kind::FloatCounter,
            Edit::Set(_) => Kind::Register,
            Edit::Put { .. } | Edit::Remove { .. } => Kind::Map,
        }
    }

    /// The names in the order in which they are numbered.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        let key = match &self.edit {
            Edit::Put { key, .. } | Edit::Remove { key } => Some(key),
            _ => None,
        };
        std::iter::once(&self.name).chain(key)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.edit {
            Edit::AddInt(_) => 0,
            Edit::AddFloat(_) => 1,
            Edit::Set(_) => 2,
            Edit::Put { .. } => 3,
            Edit::Remove { .. } => 4,
        });
        for name in self.names() {
            name.encode(out);
        }
        match &self.edit {
            Edit::AddInt(amount) => out.zigzag(*amount),
            Edit::AddFloat(amount) => out.extend_from_slice(&amount.to_le_bytes()),
            Edit::Set(value) | Edit::Put { value, .. } => value.encode(out),
            Edit::Remove { .. } => {}
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.byte()?;
        let name = Name::decode(reader)?;
        let edit = match tag {
            0 => Edit::AddInt(reader.zigzag()?),
            1 => Edit::AddFloat(finite(reader.float()?)?),
            2 => Edit::Set(Value::decode(reader)?),
            3 => Edit::Put { key: Name::decode(reader)?, value: Value::decode(reader)? },
            4 => Edit::Remove { key: Name::decode(reader)? },
            _ => return Err(DecodeError::Malformed("operation")),
        };
        Ok(Self { name, edit })
    }

    /// The value it writes.
    pub(crate) const fn value(&self) -> Option<&Value> {
        match &self.edit {
            Edit::Set(value) | Edit::Put { value, .. } => Some(value),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        let value = self.value().map_or(0, Value::size);
        size_of::<Self>() + value + self.names().map(Name::size).sum::<usize>()
    }
}

pub(crate) fn finite(amount: f64) -> Result<f64, DecodeError> {
    if amount.is_finite() { Ok(amount) } else { Err(DecodeError::Malformed("amount")) }
}

/// A batch of operations of one replica: what one transaction did, applied as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Who made it.
    pub(crate) replica: ReplicaId,
    /// The sequence number of the first operation.
    pub(crate) start: u64,
    /// The logical time of the first operation (Lamport 1978): above that of every operation the
    /// replica had seen.
    pub(crate) lamport: u64,
    /// The latest operations of other replicas it had seen. Its own earlier ones go without saying.
    pub(crate) deps: Vec<OpId>,
    /// At least one.
    pub(crate) ops: Vec<Op>,
}

/// The replica, start and logical time continue where the change before ended.
const CONTINUES: u8 = 1;
const HAS_DEPS: u8 = 2;
const MANY_OPS: u8 = 4;

impl Change {
    /// The least bytes a change takes.
    pub(crate) const LEAST: usize = 1 + Op::LEAST;

    /// The sequence number after the last operation.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.ops.len() as u64
    }

    /// The logical time after the last operation.
    pub(crate) fn lamport_end(&self) -> u64 {
        self.lamport + self.ops.len() as u64
    }

    /// Whether a document at `version` has all that came before the first operation.
    pub(crate) fn is_ready(&self, version: &VersionVector) -> bool {
        self.start <= version.get(self.replica) && self.deps.iter().all(|&dep| version.contains(dep))
    }

    /// The operations from `seq` up to `end`.
    pub(crate) fn slice(&self, seq: u64, end: u64) -> Self {
        let from = seq.clamp(self.start, self.end());
        let to = end.clamp(from, self.end());
        Self {
            replica: self.replica,
            start: from,
            lamport: self.lamport + (from - self.start),
            deps: self.deps.clone(),
            ops: self.ops[(from - self.start) as usize..(to - self.start) as usize].to_vec(),
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.deps.len() * size_of::<OpId>() + self.ops.iter().map(Op::size).sum::<usize>()
    }

    pub(crate) fn encode(
        &self,
        before: Option<&Self>,
        out: &mut Vec<u8>,
        index: &mut dyn FnMut(ReplicaId) -> u64,
    ) {
        let continues = before.is_some_and(|before| {
            before.replica == self.replica
                && before.end() == self.start
                && before.lamport_end() == self.lamport
        });
        let flag = |set, flag| if set { flag } else { 0 };
        out.push(
            flag(continues, CONTINUES)
                | flag(!self.deps.is_empty(), HAS_DEPS)
                | flag(self.ops.len() > 1, MANY_OPS),
        );
        if !continues {
            out.varint(index(self.replica));
            out.varint(self.start);
            // Each operation takes a new logical time, so the time is never behind the count.
            out.varint(self.lamport - self.start);
        }
        if !self.deps.is_empty() {
            out.varint(self.deps.len() as u64);
            for dep in &self.deps {
                out.varint(index(dep.replica));
                out.varint(dep.seq);
            }
        }
        if self.ops.len() > 1 {
            out.varint(self.ops.len() as u64);
        }
        for op in &self.ops {
            op.encode(out);
        }
    }

    pub(crate) fn decode(
        reader: &mut Reader<'_>,
        before: Option<&Self>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Self, DecodeError> {
        let replica = |index| resolve(index).ok_or(DecodeError::UnknownReplica);
        let flags = reader.byte()?;
        if flags & !(CONTINUES | HAS_DEPS | MANY_OPS) != 0 {
            return Err(DecodeError::Malformed("change"));
        }
        let (author, start, lamport) = if flags & CONTINUES != 0 {
            let before = before.ok_or(DecodeError::Malformed("change"))?;
            (before.replica, before.end(), before.lamport_end())
        } else {
            let author = replica(reader.varint()?)?;
            let start = reader.seq()?;
            (author, start, start + reader.seq()?)
        };
        let mut deps = Vec::new();
        if flags & HAS_DEPS != 0 {
            for _ in 0..reader.count(2)? {
                deps.push(OpId { replica: replica(reader.varint()?)?, seq: reader.seq()? });
            }
        }
        let count = if flags & MANY_OPS != 0 { reader.count(Op::LEAST)? } else { 1 };
        if count > MAX_MEMORY / size_of::<Op>() {
            return Err(DecodeError::Malformed("number of operations"));
        }
        if count == 0 || start + count as u64 > MAX_SEQ || lamport + count as u64 > MAX_SEQ {
            return Err(DecodeError::Malformed("change"));
        }
        // Of many, most are not reserved ahead: an operation in memory is larger than its least encoding.
        let mut ops = Vec::with_capacity(count.min(4));
        for _ in 0..count {
            ops.push(Op::decode(reader)?);
        }
        Ok(Self { replica: author, start, lamport, deps, ops })
    }
}
