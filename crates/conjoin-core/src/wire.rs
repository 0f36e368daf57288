//! Changes as bytes.
//!
//! Replicas stand as numbers that both sides agree on; an operation of the change's own replica as how
//! far back it lies.

use crate::codec::{DecodeError, MAX_SEQ, Reader, Writer};
use crate::delta::MAX_MEMORY;
use crate::op::{Anchor, Change, Edit, Item, Mark, Name, Op, Target, finite};
use crate::value::{Kind, Value};
use crate::version::{OpId, ReplicaId};

/// The replica and start continue where the change before ended.
const CONTINUES: u8 = 1;
const HAS_DEPS: u8 = 2;
const MANY_OPS: u8 = 4;

/// What the low bits of an operation's first byte say it does.
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
    pub(super) const DELETE_ITEMS: u8 = 11;
    pub(super) const MOVE: u8 = 12;
    pub(super) const ASSIGN: u8 = 13;
    pub(super) const MARK: u8 = 14;
    pub(super) const ALL: u8 = 15;
}

/// The target is that of the operation before.
const SAME: u8 = 0x10;
/// The target is nested.
const NESTED: u8 = 0x20;
/// An insert right of the replica's operation before.
const ON: u8 = 0x40;
/// A delete downwards.
const DOWN: u8 = 0x80;

impl Name {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
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
}

impl Item {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value(value) => value.encode(out),
            Self::Nested(kind) => out.push(NESTED_ITEM + kind.tag()),
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.peek()? {
            byte if byte >= NESTED_ITEM => {
                reader.byte()?;
                Ok(Self::Nested(kind(byte - NESTED_ITEM)?))
            }
            _ => Value::decode(reader).map(Self::Value),
        }
    }
}

/// First bytes of items from here on stand for kinds, below it for plain values.
const NESTED_ITEM: u8 = 0x10;

fn kind(tag: u8) -> Result<Kind, DecodeError> {
    Kind::from_tag(tag).ok_or(DecodeError::Malformed("kind"))
}

/// Writes ids as seen from one operation.
struct Ids<'a> {
    at: OpId,
    index: &'a mut dyn FnMut(ReplicaId) -> u64,
}

impl Ids<'_> {
    fn id(&mut self, id: OpId, shift: u64, out: &mut Vec<u8>) {
        if id.replica == self.at.replica {
            out.varint(shift);
            out.varint(self.at.seq.saturating_sub(id.seq));
        } else {
            out.varint((self.index)(id.replica) + 1 + shift);
            out.varint(id.seq);
        }
    }

    fn optional(&mut self, id: Option<OpId>, out: &mut Vec<u8>) {
        match id {
            Some(id) => self.id(id, 1, out),
            None => out.varint(0),
        }
    }
}

/// Reads ids as seen from one operation.
#[derive(Clone, Copy)]
struct Resolver<'a> {
    at: OpId,
    resolve: &'a dyn Fn(u64) -> Option<ReplicaId>,
}

impl Resolver<'_> {
    fn named(&self, first: u64, reader: &mut Reader<'_>) -> Result<OpId, DecodeError> {
        if first == 0 {
            let back = reader.varint()?;
            let seq = self.at.seq.checked_sub(back).ok_or(DecodeError::Malformed("reference"))?;
            return Ok(OpId { seq, ..self.at });
        }
        let replica = (self.resolve)(first - 1).ok_or(DecodeError::UnknownReplica)?;
        Ok(OpId { replica, seq: reader.seq()? })
    }

    fn id(&self, reader: &mut Reader<'_>) -> Result<OpId, DecodeError> {
        let first = reader.varint()?;
        self.named(first, reader)
    }

    fn optional(&self, reader: &mut Reader<'_>) -> Result<Option<OpId>, DecodeError> {
        match reader.varint()? {
            0 => Ok(None),
            first => self.named(first - 1, reader).map(Some),
        }
    }

    fn anchor(&self, reader: &mut Reader<'_>) -> Result<Anchor<OpId>, DecodeError> {
        let after = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Malformed("anchor")),
        };
        Ok(Anchor { element: self.optional(reader)?, after })
    }
}

impl Op {
    fn encode(&self, before: Option<&Target>, ids: &mut Ids<'_>, out: &mut Vec<u8>) {
        let mut tag = match &self.edit {
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
            Edit::Delete { .. } if matches!(self.target, Target::Root(Kind::List, _)) => tag::DELETE_ITEMS,
            Edit::Delete { .. } => tag::DELETE,
            Edit::Move { .. } => tag::MOVE,
            Edit::Assign { .. } => tag::ASSIGN,
            Edit::Mark(_) => tag::MARK,
        };
        // A new name was numbered by the operation before, if that was its target too.
        let same = before
            .is_some_and(|before| *before == self.target && !matches!(before, Target::Root(_, Name::New(_))));
        let on = OpId { seq: ids.at.seq.wrapping_sub(1), ..ids.at };
        tag |= match &self.edit {
            Edit::Insert { left, .. } | Edit::InsertItems { left, .. } if *left == Some(on) => ON,
            Edit::Delete { down: true, .. } => DOWN,
            _ => 0,
        };
        match &self.target {
            _ if same => out.push(tag | SAME),
            Target::Nested(id) => {
                out.push(tag | NESTED);
                ids.id(*id, 0, out);
            }
            Target::Root(_, name) => {
                out.push(tag);
                name.encode(out);
            }
        }
        let mut left = |left: &Option<OpId>, out: &mut Vec<u8>| {
            if tag & ON == 0 {
                ids.optional(*left, out);
            }
        };
        match &self.edit {
            Edit::AddInt(amount) => out.zigzag(*amount),
            Edit::AddFloat(amount) => out.extend_from_slice(&amount.to_le_bytes()),
            Edit::Write(value) | Edit::Include(value) | Edit::Exclude(value) => value.encode(out),
            Edit::Put { key, value } => {
                key.encode(out);
                value.encode(out);
            }
            Edit::Remove { key } => key.encode(out),
            Edit::Make { key, kind, base } => {
                key.encode(out);
                out.push(kind.tag());
                ids.optional(*base, out);
            }
            Edit::Insert { left: at, text } => {
                left(at, out);
                out.bytes(text.as_bytes());
            }
            Edit::InsertItems { left: at, items } => {
                left(at, out);
                out.varint(items.len() as u64);
                items.iter().for_each(|item| item.encode(out));
            }
            Edit::Delete { first, count, .. } => {
                ids.id(*first, 0, out);
                out.varint(u64::from(*count));
            }
            Edit::Move { item, left } => {
                ids.id(*item, 0, out);
                ids.optional(*left, out);
            }
            Edit::Assign { item, value } => {
                ids.id(*item, 0, out);
                value.encode(out);
            }
            Edit::Mark(mark) => {
                for anchor in [mark.start, mark.end] {
                    out.push(u8::from(anchor.after));
                    ids.optional(anchor.element, out);
                }
                mark.key.encode(out);
                mark.value.encode(out);
            }
        }
    }

    fn decode(
        reader: &mut Reader<'_>,
        before: Option<&Target>,
        ids: Resolver<'_>,
    ) -> Result<Self, DecodeError> {
        let first = reader.byte()?;
        let tag = first & 0x0f;
        if tag >= tag::ALL {
            return Err(DecodeError::Malformed("operation"));
        }
        let target = if first & SAME != 0 {
            before.cloned().ok_or(DecodeError::Malformed("operation"))?
        } else if first & NESTED != 0 {
            Target::Nested(ids.id(reader)?)
        } else {
            Target::Root(root_kind(tag), Name::decode(reader)?)
        };
        if let Target::Root(kind, _) = &target
            && *kind != root_kind(tag)
        {
            return Err(DecodeError::Malformed("operation"));
        }
        let left = |reader: &mut Reader<'_>| {
            if first & ON == 0 {
                return ids.optional(reader);
            }
            let seq = ids.at.seq.checked_sub(1).ok_or(DecodeError::Malformed("operation"))?;
            Ok(Some(OpId { seq, ..ids.at }))
        };
        let edit = match tag {
            tag::ADD_INT => Edit::AddInt(reader.zigzag()?),
            tag::ADD_FLOAT => Edit::AddFloat(finite(reader.float()?)?),
            tag::WRITE => Edit::Write(Value::decode(reader)?),
            tag::PUT => Edit::Put { key: Name::decode(reader)?, value: Value::decode(reader)? },
            tag::REMOVE => Edit::Remove { key: Name::decode(reader)? },
            tag::MAKE => Edit::Make {
                key: Name::decode(reader)?,
                kind: kind(reader.byte()?)?,
                base: ids.optional(reader)?,
            },
            tag::INCLUDE => Edit::Include(Value::decode(reader)?),
            tag::EXCLUDE => Edit::Exclude(Value::decode(reader)?),
            tag::INSERT => Edit::Insert { left: left(reader)?, text: reader.str()?.to_owned() },
            tag::INSERT_ITEMS => {
                let left = left(reader)?;
                let count = reader.count(1)?;
                if count > MAX_MEMORY / size_of::<Item>() {
                    return Err(DecodeError::Malformed("number of items"));
                }
                let items = (0..count).map(|_| Item::decode(reader)).collect::<Result<_, _>>()?;
                Edit::InsertItems { left, items }
            }
            tag::DELETE | tag::DELETE_ITEMS => {
                let (first_id, down) = (ids.id(reader)?, first & DOWN != 0);
                let count = u32::try_from(reader.varint()?).map_err(|_| DecodeError::Malformed("delete"))?;
                let room = if down { first_id.seq + 1 } else { MAX_SEQ };
                if u64::from(count) > room {
                    return Err(DecodeError::Malformed("delete"));
                }
                Edit::Delete { first: first_id, count, down }
            }
            tag::MOVE => Edit::Move { item: ids.id(reader)?, left: ids.optional(reader)? },
            tag::ASSIGN => Edit::Assign { item: ids.id(reader)?, value: Value::decode(reader)? },
            _ => Edit::Mark(Box::new(Mark {
                start: ids.anchor(reader)?,
                end: ids.anchor(reader)?,
                key: Name::decode(reader)?,
                value: Value::decode(reader)?,
            })),
        };
        if edit.len() == 0 {
            return Err(DecodeError::Malformed("operation"));
        }
        Ok(Self { target, edit })
    }
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

impl Change {
    /// The least bytes a change takes.
    pub(crate) const LEAST: usize = 1 + Op::LEAST;

    pub(crate) fn encode(
        &self,
        before: Option<&Self>,
        out: &mut Vec<u8>,
        index: &mut dyn FnMut(ReplicaId) -> u64,
    ) {
        let continues =
            before.is_some_and(|before| before.replica == self.replica && before.end() == self.start);
        let flags = u8::from(continues) * CONTINUES
            + u8::from(!self.deps.is_empty()) * HAS_DEPS
            + u8::from(self.ops.len() > 1) * MANY_OPS;
        out.push(flags);
        if !continues {
            out.varint(index(self.replica));
            out.varint(self.start);
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
        let mut ids = Ids { at: OpId { replica: self.replica, seq: self.start }, index };
        let mut before = None;
        for op in &self.ops {
            op.encode(before, &mut ids, out);
            ids.at.seq += u64::from(op.edit.len());
            before = Some(&op.target);
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
        let (author, start) = if flags & CONTINUES != 0 {
            let before = before.ok_or(DecodeError::Malformed("change"))?;
            (before.replica, before.end())
        } else {
            (replica(reader.varint()?)?, reader.seq()?)
        };
        let mut deps = Vec::new();
        if flags & HAS_DEPS != 0 {
            for _ in 0..reader.count(2)? {
                let dep = OpId { replica: replica(reader.varint()?)?, seq: reader.seq()? };
                if dep.replica == author {
                    return Err(DecodeError::Malformed("dependency"));
                }
                deps.push(dep);
            }
        }
        let count = if flags & MANY_OPS != 0 { reader.count(Op::LEAST)? } else { 1 };
        if count == 0 {
            return Err(DecodeError::Malformed("change"));
        }
        if count > MAX_MEMORY / size_of::<Op>() {
            return Err(DecodeError::Malformed("number of operations"));
        }
        // Of many, most are not reserved ahead: an operation in memory is larger than its least encoding.
        let mut ops: Vec<Op> = Vec::with_capacity(count.min(4));
        let mut at = OpId { replica: author, seq: start };
        for _ in 0..count {
            let op = Op::decode(reader, ops.last().map(|op| &op.target), Resolver { at, resolve })?;
            at.seq += u64::from(op.edit.len());
            if at.seq > MAX_SEQ {
                return Err(DecodeError::Malformed("change"));
            }
            ops.push(op);
        }
        Ok(Self { replica: author, start, deps, ops, len: at.seq - start })
    }
}
