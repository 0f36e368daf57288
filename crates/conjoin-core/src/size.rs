//! An account of the memory that a document's state takes, so that no peer can fill it.
//!
//! It is an estimate, kept as the state changes, that depends on nothing but the state: a document
//! that takes the same state in anew comes to the same.

/// About how many bytes of state a document takes in from others unless said otherwise. With its
/// names, keys and nodes in memory this is some four times the largest message there can be
/// between peers: what is larger could not be handed to a newcomer as a snapshot anyway.
pub(crate) const DEFAULT_LIMIT: usize = 256 << 20;

/// Each replica stands in the version, in the versions and tables of every session with a peer,
/// and in messages to each: so much in a full room. At the default limit, 65,536 replicas.
pub(crate) const REPLICA: usize = 4096;

/// A string, besides its bytes: the pointer to it and its counts.
pub(crate) const STRING: usize = 32;

/// A named value, or a key of a map, besides its string and its value.
pub(crate) const ENTRY: usize = 96;

/// A character or item of a sequence, also of one that was deleted: its part of a run, and of the index.
pub(crate) const ELEMENT: usize = 24;

/// What one replica added to a counter.
pub(crate) const SUM: usize = 32;

pub(crate) fn string(string: &str) -> usize {
    STRING + string.len()
}

pub(crate) fn entry(name: &str) -> usize {
    ENTRY + string(name)
}

/// Makes room for so many more, and for no more than a quarter of what is there beyond that: of some things there can
/// be one for each few bytes that come.
pub(crate) fn make_room<T>(items: &mut Vec<T>, more: usize) {
    if items.capacity() - items.len() < more {
        items.reserve_exact(more.max(items.len() / 4));
    }
}
