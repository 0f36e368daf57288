//! What a document holds: values, kinds of values, and which of them changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::codec::{DecodeError, Reader, Writer};

/// A value in a register or a map.
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
    Bytes(Vec<u8>),
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
            6 => Self::Bytes(reader.bytes()?.to_vec()),
            _ => return Err(DecodeError::Malformed("value")),
        })
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

/// The kinds of named values. Values of different kinds never meet, whatever their names.
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
}

impl Kind {
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Counter => 0,
            Self::FloatCounter => 1,
            Self::Register => 2,
            Self::Map => 3,
        }
    }

    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            0 => Self::Counter,
            1 => Self::FloatCounter,
            2 => Self::Register,
            3 => Self::Map,
            _ => return None,
        })
    }
}

/// One value of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Arc<str>,
    /// In a map, the key.
    pub key: Option<Arc<str>>,
}

/// Which values a transaction or a delta changed, each named once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    targets: BTreeSet<Target>,
}

impl Changed {
    /// The values, by kind, name and key.
    pub fn iter(&self) -> impl Iterator<Item = &Target> + '_ {
        self.targets.iter()
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    pub(crate) fn insert(&mut self, target: Target) {
        self.targets.insert(target);
    }

    /// Takes in what `other` names.
    pub fn merge(&mut self, mut other: Self) {
        self.targets.append(&mut other.targets);
    }
}
