//! Operations, as a document keeps them.
//!
//! An operation takes as many sequence numbers as it makes or takes elements, so that each element of a
//! text or list has an id: that of its part of the operation that inserted it.

pub(crate) mod parts;

use crate::codec::{DecodeError, Part};
use crate::items::Items;
use crate::sequence::cut_at;
use crate::value::{Kind, Value};

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

/// What an operation does. `I` names operations and elements, `S` strings.
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
        items: Items,
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
            Self::InsertItems { items, .. } => items.as_bytes().len(),
            Self::Mark(mark) => size_of::<Mark<I, S>>() + mark.value.size(),
            edit => edit.value().map_or(0, Value::size),
        }
    }
}

pub(crate) fn finite(amount: f64) -> Result<f64, DecodeError> {
    if amount.is_finite() { Ok(amount) } else { Err(DecodeError::Malformed(Part::Amount)) }
}

impl<I: Copy, S: Clone> Edit<I, S> {
    /// All but its first `skip` numbers. `own` gives the id of its `nth` number, `shift` the one so many
    /// after another, or before.
    pub(crate) fn after(&self, skip: u32, own: impl Fn(u32) -> I, shift: impl Fn(I, u32, bool) -> I) -> Self {
        match self {
            Self::Insert { text, .. } => {
                let rest = cut_at(text, skip).map_or("", |cut| cut.1);
                Self::Insert { left: Some(own(skip - 1)), text: rest.to_owned() }
            }
            Self::InsertItems { items, .. } => {
                Self::InsertItems { left: Some(own(skip - 1)), items: items.part(skip..items.len() as u32) }
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
                let kept = cut_at(text, keep).map_or(&**text, |cut| cut.0);
                Self::Insert { left: *left, text: kept.to_owned() }
            }
            Self::InsertItems { left, items } => {
                Self::InsertItems { left: *left, items: items.part(0..keep) }
            }
            Self::Delete { first, down, .. } => Self::Delete { first: *first, count: keep, down: *down },
            _ => self.clone(),
        }
    }
}
