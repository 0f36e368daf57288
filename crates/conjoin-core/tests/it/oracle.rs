//! A slow and obviously right account of what documents must read.
//!
//! It keeps every operation ever made, with what its author had seen. What a document reads is computed
//! anew from those operations that its version has seen, from the definitions alone. The operations are
//! made here as well, from what users do by index, so nothing is taken from the engine but the versions.

mod author;
mod reading;
mod tree;
mod wire;

use conjoin_core::{Kind, OpId, ReplicaId, Value, VersionVector};

pub(crate) use author::Author;
pub(crate) use reading::{Content, Reading};
use tree::Hook;

/// A value that is edited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Root(Kind, String),
    /// Made at a key of a map by all who had seen the same write there.
    Child {
        map: Box<Place>,
        key: String,
        kind: Kind,
        base: Option<OpId>,
    },
    /// Made with an item of a list.
    Item(Kind, OpId),
}

impl Place {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Root(kind, _) | Self::Child { kind, .. } | Self::Item(kind, _) => *kind,
        }
    }
}

/// What is written to a key of a map.
#[derive(Debug, Clone, PartialEq)]
enum Written {
    Nothing,
    Value(Value),
    /// A nested value, by those who had seen this write there.
    Nested(Kind, Option<OpId>),
}

/// What an item of a list is made with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filling {
    Value(Value),
    Nested(Kind),
}

/// A place between two elements, which is beside one of them: right or left. Without an element it is
/// the start or the end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Anchor {
    RightOf(Option<OpId>),
    LeftOf(Option<OpId>),
}

#[derive(Debug, Clone, PartialEq)]
enum Act {
    Add(i64),
    AddFloat(f64),
    Set(Value),
    Write(String, Written),
    Include(Value),
    Exclude(Value),
    /// A character of a text.
    Char(Hook, char),
    /// An item of a list.
    Item(Hook, Filling),
    /// A new slot for an item of a list.
    Move(Hook, OpId),
    Assign(OpId, Value),
    /// Takes an element out.
    Take(OpId),
    Mark {
        from: Anchor,
        to: Anchor,
        key: String,
        value: Value,
    },
}

#[derive(Debug, Clone)]
struct Op {
    id: OpId,
    /// One more than the highest among all that its author had seen.
    lamport: u64,
    /// What its author had seen, its own operations before it included.
    saw: VersionVector,
    place: Place,
    act: Act,
}

impl Op {
    /// The later of two writes has the higher stamp.
    fn stamp(&self) -> (u64, ReplicaId) {
        (self.lamport, self.id.replica)
    }
}

/// Every operation ever made, each after those that its author had seen.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    ops: Vec<Op>,
    names: wire::Names,
}

impl Oracle {
    /// What a document with this version reads.
    pub(crate) fn read(&self, version: &VersionVector) -> Reading<'_> {
        Reading::new(self.ops.iter().filter(|op| version.contains(op.id)))
    }

    /// The most that whoever has seen `version` may let go of: all who edit have seen it, and so had the
    /// authors of whatever may still come.
    pub(crate) fn known_to_all(&self, version: &VersionVector, all: &[VersionVector]) -> VersionVector {
        let coming = self.ops.iter().filter(|op| !version.contains(op.id)).map(|op| &op.saw);
        let both = |known: VersionVector, other: &VersionVector| {
            known.iter().map(|(replica, count)| (replica, count.min(other.get(replica)))).collect()
        };
        all.iter().chain(coming).fold(version.clone(), both)
    }

    /// Somebody who has seen this much and is going to edit.
    pub(crate) fn author(&mut self, replica: ReplicaId, version: &VersionVector) -> Author<'_> {
        Author::new(self, replica, version.clone())
    }
}
