//! What a document holds: plain values, and the kinds of values that are edited.

use crate::codec::{DecodeError, Part, Reader, Writer};

/// A plain value: in a register, under a key of a map, in a set or a list.
///
/// ```
/// use conjoin_core::Value;
///
/// assert_eq!(Value::from(true), Value::Bool(true));
/// assert_eq!(Value::from(3), Value::Int(3));
/// assert_eq!(Value::from(0.5), Value::Float(0.5));
/// assert_eq!(Value::from("tea"), Value::Str("tea".to_owned()));
/// assert_eq!(Value::from(vec![1, 2]), Value::Bytes([1, 2].into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Str(String),
    /// Anything else.
    Bytes(Box<[u8]>),
}

macro_rules! value_from {
    ($($from:ty => $to:expr),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                $to(value.into())
            }
        })*
    };
}

value_from! {
    bool => Value::Bool,
    i32 => Value::Int,
    u32 => Value::Int,
    i64 => Value::Int,
    f64 => Value::Float,
    &str => Value::Str,
    String => Value::Str,
    &[u8] => Value::Bytes,
    Vec<u8> => Value::Bytes,
}

impl Value {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0),
            Self::Bool(false) => out.push(1),
            Self::Bool(true) => out.push(2),
            Self::Int(value) => {
                out.push(3);
                out.zigzag(*value);
            }
            Self::Float(value) => {
                out.push(4);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Str(value) => {
                out.push(5);
                out.bytes(value.as_bytes());
            }
            Self::Bytes(value) => {
                out.push(6);
                out.bytes(value);
            }
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.byte()? {
            0 => Self::Null,
            1 => Self::Bool(false),
            2 => Self::Bool(true),
            3 => Self::Int(reader.zigzag()?),
            4 => Self::Float(reader.float()?),
            5 => Self::Str(reader.str()?.to_owned()),
            6 => Self::Bytes(reader.bytes()?.into()),
            _ => return Err(DecodeError::Malformed(Part::Value)),
        })
    }

    /// Passes over a value; says what [`size`](Self::size) would.
    pub(crate) fn skip(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        let mut size = 8;
        match reader.byte()? {
            0..=2 => {}
            3 => _ = reader.zigzag()?,
            4 => _ = reader.float()?,
            5 => size += reader.str()?.len(),
            6 => size += reader.bytes()?.len(),
            _ => return Err(DecodeError::Malformed(Part::Value)),
        }
        Ok(size)
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Str(_) => 4,
            Self::Bytes(_) => 5,
        }
    }

    /// About how many bytes the value takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Str(value) => value.len() + 8,
            Self::Bytes(value) => value.len() + 8,
            _ => 8,
        }
    }
}

/// The kinds of values that replicas edit. Values of different kinds never meet, whatever their names.
///
/// ```
/// use conjoin_core::{Doc, Kind, ReplicaId, Target};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let changed = doc.transact(|tx| {
///     tx.text("title").push("Tea");
///     tx.counter("title").increment(); // another value
/// }).changed();
/// let targets: Vec<_> = changed.patches.into_iter().map(|patch| patch.target).collect();
/// assert_eq!(targets, [Target::root(Kind::Text, "title"), Target::root(Kind::Counter, "title")]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A whole number that replicas add to.
    Counter,
    /// A floating-point number that replicas add to.
    FloatCounter,
    /// One value; the last write wins.
    Register,
    /// Values by key; for each key the last write wins.
    Map,
    /// Values without order; adding wins over removing.
    Set,
    /// Items in order.
    List,
    /// Characters in order, with marks.
    Text,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Counter, Self::FloatCounter, Self::Register, Self::Map, Self::Set, Self::List, Self::Text];

    pub(crate) const fn tag(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.get(usize::from(tag)).copied()
    }
}

/// Values in an order of their own: by type, then by size, with every float equal to itself.
#[derive(Debug, Clone)]
pub(crate) struct Ordered(pub(crate) Value);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (&self.0, &other.0) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Str(a), Value::Str(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}
