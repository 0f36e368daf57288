//! Operations, and the batches of them that transactions make, as they travel.
//!
//! Strings are numbered per replica: the first operation that uses one carries it, later
//! operations of the same replica carry its number. A replica's operations are always applied in
//! its own order, so the numbers need no agreement and cost a byte.
//!
//! An operation takes as many sequence numbers as it makes or takes elements, so that each element of a
//! text or list has an id: that of its part of the operation that inserted it.

use std::sync::Arc;

use crate::codec::DecodeError;
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

/// What an item of a list is made with: a plain value, or one of its own that is edited, named by the
/// operation that made the item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Value(Value),
    Nested(Kind),
}

/// A place beside an element: right of it, or left of it. Without an element, the start or the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Anchor<I> {
    pub(crate) element: Option<I>,
    /// Whether it stands right of the element. The start stands right of nothing.
    pub(crate) after: bool,
}

/// A key of marks gets a value over a stretch of text; `Null` takes it away.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark<I, S> {
    pub(crate) start: Anchor<I>,
    pub(crate) end: Anchor<I>,
    pub(crate) key: S,
    pub(crate) value: Value,
}

/// What an operation does. `I` names operations and elements, `S` strings: by id and by number on the
/// wire, by local numbers inside a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit<I, S> {
    AddInt(i64),
    AddFloat(f64),
    Write(Value),
    Put {
        key: S,
        value: Value,
    },
    Remove {
        key: S,
    },
    /// Makes a nested value at a key. `base` is the write it saw there: those who make the same kind
    /// having seen the same make one and the same.
    Make {
        key: S,
        kind: Kind,
        base: Option<I>,
    },
    Include(Value),
    Exclude(Value),
    /// Characters directly right of `left`, or at the start.
    Insert {
        left: Option<I>,
        text: String,
    },
    /// Items directly right of `left`, or at the start.
    InsertItems {
        left: Option<I>,
        items: Vec<Item>,
    },
    /// Elements from `first` on, upwards or downwards.
    Delete {
        first: I,
        count: u32,
        down: bool,
    },
    Move {
        item: I,
        left: Option<I>,
    },
    Assign {
        item: I,
        value: Value,
    },
    Mark(Box<Mark<I, S>>),
}

/// What an operation edits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// The value of this name, of the kind that the edit is for.
    Root(Kind, Name),
    /// The nested value that this operation made.
    Nested(OpId),
}

/// One operation, or several of one kind in a row. Its sequence number and logical time follow from
/// its place in its [`Change`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Op {
    pub(crate) target: Target,
    pub(crate) edit: Edit<OpId, Name>,
}

impl<I: Copy, S> Edit<I, S> {
    /// How many sequence numbers it takes.
    pub(crate) fn len(&self) -> u32 {
        match self {
            Self::Insert { text, .. } => text.chars().count() as u32,
            Self::InsertItems { items, .. } => items.len() as u32,
            Self::Delete { count, .. } => *count,
            _ => 1,
        }
    }

    /// The kinds of values it can edit.
    pub(crate) const fn edits(&self, kind: Kind) -> bool {
        match self {
            Self::AddInt(_) => matches!(kind, Kind::Counter),
            Self::AddFloat(_) => matches!(kind, Kind::FloatCounter),
            Self::Write(_) => matches!(kind, Kind::Register),
            Self::Put { .. } | Self::Remove { .. } | Self::Make { .. } => matches!(kind, Kind::Map),
            Self::Include(_) | Self::Exclude(_) => matches!(kind, Kind::Set),
            Self::InsertItems { .. } | Self::Move { .. } | Self::Assign { .. } => matches!(kind, Kind::List),
            Self::Insert { .. } | Self::Mark(_) => matches!(kind, Kind::Text),
            Self::Delete { .. } => matches!(kind, Kind::List | Kind::Text),
        }
    }

    /// The string it names besides its target.
    pub(crate) const fn key(&self) -> Option<&S> {
        match self {
            Self::Put { key, .. } | Self::Remove { key } | Self::Make { key, .. } => Some(key),
            Self::Mark(mark) => Some(&mark.key),
            _ => None,
        }
    }

    /// The same, with other names for things.
    pub(crate) fn translate<J, T, E>(
        &self,
        id: &mut dyn FnMut(I) -> Result<J, E>,
        string: &mut dyn FnMut(&S) -> Result<T, E>,
    ) -> Result<Edit<J, T>, E> {
        let some = |at: Option<I>, id: &mut dyn FnMut(I) -> Result<J, E>| at.map(id).transpose();
        Ok(match self {
            Self::AddInt(amount) => Edit::AddInt(*amount),
            Self::AddFloat(amount) => Edit::AddFloat(*amount),
            Self::Write(value) => Edit::Write(value.clone()),
            Self::Put { key, value } => Edit::Put { key: string(key)?, value: value.clone() },
            Self::Remove { key } => Edit::Remove { key: string(key)? },
            Self::Make { key, kind, base } => {
                Edit::Make { key: string(key)?, kind: *kind, base: some(*base, id)? }
            }
            Self::Include(value) => Edit::Include(value.clone()),
            Self::Exclude(value) => Edit::Exclude(value.clone()),
            Self::Insert { left, text } => Edit::Insert { left: some(*left, id)?, text: text.clone() },
            Self::InsertItems { left, items } => {
                Edit::InsertItems { left: some(*left, id)?, items: items.clone() }
            }
            Self::Delete { first, count, down } => {
                Edit::Delete { first: id(*first)?, count: *count, down: *down }
            }
            Self::Move { item, left } => Edit::Move { item: id(*item)?, left: some(*left, id)? },
            Self::Assign { item, value } => Edit::Assign { item: id(*item)?, value: value.clone() },
            Self::Mark(mark) => {
                let mut anchor = |anchor: Anchor<I>| {
                    Ok(Anchor { element: some(anchor.element, id)?, after: anchor.after })
                };
                Edit::Mark(Box::new(Mark {
                    start: anchor(mark.start)?,
                    end: anchor(mark.end)?,
                    key: string(&mark.key)?,
                    value: mark.value.clone(),
                }))
            }
        })
    }

    /// The value it writes.
    pub(crate) const fn value(&self) -> Option<&Value> {
        match self {
            Self::Write(value)
            | Self::Put { value, .. }
            | Self::Include(value)
            | Self::Exclude(value)
            | Self::Assign { value, .. } => Some(value),
            _ => None,
        }
    }

    /// About how many bytes of memory it takes besides its own.
    pub(crate) fn heap(&self) -> usize {
        match self {
            Self::Insert { text, .. } => text.len(),
            Self::InsertItems { items, .. } => items.iter().map(|item| size_of::<Item>() + item.size()).sum(),
            Self::Mark(mark) => size_of::<Mark<I, S>>() + mark.value.size(),
            edit => edit.value().map_or(0, Value::size),
        }
    }
}

impl Item {
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Value(value) => value.size(),
            Self::Nested(_) => 0,
        }
    }
}

impl Op {
    /// The least bytes an operation takes.
    pub(crate) const LEAST: usize = 2;

    /// The names in the order in which they are numbered.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        let target = match &self.target {
            Target::Root(_, name) => Some(name),
            Target::Nested(_) => None,
        };
        target.into_iter().chain(self.edit.key())
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        let name = |name: &Name| if let Name::New(name) = name { name.len() + 16 } else { 0 };
        size_of::<Self>() + self.edit.heap() + self.names().map(name).sum::<usize>()
    }
}

pub(crate) fn finite(amount: f64) -> Result<f64, DecodeError> {
    if amount.is_finite() { Ok(amount) } else { Err(DecodeError::Malformed("amount")) }
}

/// A batch of operations of one replica: what one transaction did, or several in a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Who made it.
    pub(crate) replica: ReplicaId,
    /// The sequence number of the first operation.
    pub(crate) start: u64,
    /// The latest operations of other replicas it had seen. Its own earlier ones go without saying.
    pub(crate) deps: Vec<OpId>,
    /// At least one.
    pub(crate) ops: Vec<Op>,
    /// How many sequence numbers they take.
    pub(crate) len: u64,
}

impl Change {
    /// The sequence number after the last operation.
    pub(crate) const fn end(&self) -> u64 {
        self.start + self.len
    }

    /// Whether a document at `version` has all that came before the first operation.
    pub(crate) fn is_ready(&self, version: &VersionVector) -> bool {
        self.start <= version.get(self.replica) && self.deps.iter().all(|&dep| version.contains(dep))
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.deps.len() * size_of::<OpId>() + self.ops.iter().map(Op::size).sum::<usize>()
    }

    /// The operations from `seq` on.
    pub(crate) fn after(&self, seq: u64) -> Self {
        let mut at = OpId { replica: self.replica, seq: self.start };
        let mut ops = Vec::new();
        for op in &self.ops {
            let len = u64::from(op.edit.len());
            if at.seq + len > seq {
                let skip = seq.saturating_sub(at.seq) as u32;
                let edit = match skip {
                    0 => op.edit.clone(),
                    _ => op.edit.after(skip, |nth| OpId { seq: at.seq + u64::from(nth), ..at }, shift),
                };
                ops.push(Op { target: op.target.clone(), edit });
            }
            at.seq += len;
        }
        Self { replica: self.replica, start: seq, deps: self.deps.clone(), ops, len: self.end() - seq }
    }
}

/// The id so many after this one, or before it.
fn shift(id: OpId, by: u32, down: bool) -> OpId {
    let by = u64::from(by);
    OpId { seq: if down { id.seq.saturating_sub(by) } else { id.seq + by }, ..id }
}

impl<I: Copy, S: Clone> Edit<I, S> {
    /// All but its first `skip` numbers. `own` gives the id of its `nth` number, `shift` the one so many
    /// after another, or before.
    pub(crate) fn after(&self, skip: u32, own: impl Fn(u32) -> I, shift: impl Fn(I, u32, bool) -> I) -> Self {
        match self {
            Self::Insert { text, .. } => {
                let at = text.char_indices().nth(skip as usize).map_or(text.len(), |(at, _)| at);
                Self::Insert { left: Some(own(skip - 1)), text: text[at..].to_owned() }
            }
            Self::InsertItems { items, .. } => {
                Self::InsertItems { left: Some(own(skip - 1)), items: items[skip as usize..].to_vec() }
            }
            Self::Delete { first, count, down } => {
                Self::Delete { first: shift(*first, skip, *down), count: count - skip, down: *down }
            }
            _ => self.clone(),
        }
    }

    /// Its first `keep` numbers.
    pub(crate) fn before(&self, keep: u32) -> Self {
        match self {
            Self::Insert { left, text } => {
                let at = text.char_indices().nth(keep as usize).map_or(text.len(), |(at, _)| at);
                Self::Insert { left: *left, text: text[..at].to_owned() }
            }
            Self::InsertItems { left, items } => {
                Self::InsertItems { left: *left, items: items[..keep as usize].to_vec() }
            }
            Self::Delete { first, down, .. } => Self::Delete { first: *first, count: keep, down: *down },
            _ => self.clone(),
        }
    }
}
