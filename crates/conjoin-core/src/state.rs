//! The values themselves: state-based CRDTs, so that two states can be joined as well as
//! operations be applied (Shapiro et al., *A comprehensive study of Convergent and Commutative
//! Replicated Data Types*, 2011).
//!
//! - A counter keeps one sum for each replica. Each replica adds to its own in its own order, so
//!   the total is the same everywhere, floating point included.
//! - A register, and each key of a map, keeps the write with the highest stamp: logical time,
//!   then replica. A removed key keeps the stamp of its removal.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::size;
use crate::value::{Kind, Value};
use crate::version::{ReplicaId, VersionVector};

/// When a value was written: logical time, ties settled by replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) lamport: u64,
    pub(crate) replica: ReplicaId,
}

/// A written value, or in a map a removed one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) stamp: Stamp,
    pub(crate) value: Option<Value>,
}

impl Written {
    /// Keeps the later of the two; says whether that is the other.
    pub(crate) fn join(&mut self, other: Self, size: &mut usize) -> bool {
        let later = other.stamp > self.stamp;
        if later {
            *size = *size + size::written(Some(&other)) - size::written(Some(self));
            *self = other;
        }
        later
    }
}

/// A sum for each replica, by replica: an integer, or the bits of a floating-point number, so that one
/// code serves both. Zero is zero in either.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sums(pub(crate) Vec<(ReplicaId, i128)>);

/// The floating-point number of a sum.
pub(crate) const fn float(sum: i128) -> f64 {
    f64::from_bits(sum as u64)
}

/// A floating-point number as a sum. It stays within the range of finite ones.
pub(crate) const fn bits(float: f64) -> i128 {
    float.clamp(f64::MIN, f64::MAX).to_bits() as i128
}

impl Sums {
    pub(crate) fn of(&mut self, replica: ReplicaId, size: &mut usize) -> &mut i128 {
        let at = match self.0.binary_search_by_key(&replica, |entry| entry.0) {
            Ok(at) => at,
            Err(at) => {
                *size += size::SUM;
                self.0.insert(at, (replica, 0));
                at
            }
        };
        &mut self.0[at].1
    }

    /// A replica's sum follows from its operations, so whoever has seen more of them knows better.
    fn join(&mut self, other: &Self, news: &dyn Fn(ReplicaId) -> bool, size: &mut usize) {
        // In one pass over both: many sums, put in one by one, would take forever.
        *size -= self.0.len() * size::SUM;
        let mut rest = std::mem::take(&mut self.0).into_iter().peekable();
        for &(replica, sum) in &other.0 {
            if news(replica) {
                while let Some(before) = rest.next_if(|entry| entry.0 < replica) {
                    self.0.push(before);
                }
                rest.next_if(|entry| entry.0 == replica);
                self.0.push((replica, sum));
            }
        }
        self.0.extend(rest);
        *size += self.0.len() * size::SUM;
    }
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Container {
    /// 128 bits cannot overflow: fewer than 2^48 operations a replica add 64 bits each.
    Counter(Sums),
    FloatCounter(Sums),
    Register(Option<Written>),
    Map(BTreeMap<Arc<str>, Written>),
}

impl Container {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter(Sums(Vec::new())),
            Kind::FloatCounter => Self::FloatCounter(Sums(Vec::new())),
            Kind::Register => Self::Register(None),
            Kind::Map => Self::Map(BTreeMap::new()),
        }
    }
}

/// All named values of a document, those of each kind by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct State {
    pub(crate) kinds: [BTreeMap<Arc<str>, Container>; 4],
    /// About how many bytes they take, see `size.rs`.
    pub(crate) size: usize,
}

impl State {
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<&Container> {
        self.kinds[kind.tag() as usize].get(name)
    }

    /// The named value, made if it is missing, and the account of the size.
    pub(crate) fn get_mut(&mut self, kind: Kind, name: &Arc<str>) -> (&mut Container, &mut usize) {
        let named = &mut self.kinds[kind.tag() as usize];
        // Looked up by reference first: nearly always it is there, and nothing is cloned.
        if !named.contains_key(name) {
            named.insert(name.clone(), Container::new(kind));
            self.size += size::entry(name);
        }
        (named.get_mut(name).expect("inserted above if it was missing"), &mut self.size)
    }

    /// Joins `theirs`, which is at `their_version`, into this state, which is at `our_version`.
    ///
    /// Of a replica that we have seen as much of as they have, they can tell nothing new, so that a lie
    /// about it has no effect.
    pub(crate) fn join(&mut self, theirs: Self, our_version: &VersionVector, their_version: &VersionVector) {
        let news = |replica| their_version.get(replica) > our_version.get(replica);
        for (tag, theirs) in (0..).zip(theirs.kinds) {
            let Some(kind) = Kind::from_tag(tag) else { return };
            for (name, theirs) in theirs {
                let (ours, size) = self.get_mut(kind, &name);
                match (ours, theirs) {
                    (Container::Counter(ours), Container::Counter(theirs))
                    | (Container::FloatCounter(ours), Container::FloatCounter(theirs)) => {
                        ours.join(&theirs, &news, size);
                    }
                    (Container::Register(ours), Container::Register(Some(theirs)))
                        if news(theirs.stamp.replica) =>
                    {
                        write(ours, theirs, size);
                    }
                    (Container::Map(ours), Container::Map(theirs)) => {
                        for (key, theirs) in theirs {
                            if news(theirs.stamp.replica) {
                                put(ours, &key, theirs, size);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    pub(crate) fn counter(&self, name: &str) -> i64 {
        match self.get(Kind::Counter, name) {
            Some(Container::Counter(sums)) => {
                let total: i128 = sums.0.iter().map(|entry| entry.1).sum();
                total.clamp(i64::MIN.into(), i64::MAX.into()) as i64
            }
            _ => 0,
        }
    }

    pub(crate) fn float_counter(&self, name: &str) -> f64 {
        match self.get(Kind::FloatCounter, name) {
            Some(Container::FloatCounter(sums)) => {
                sums.0.iter().fold(0.0, |total, entry| float(bits(total + float(entry.1))))
            }
            _ => 0.0,
        }
    }

    pub(crate) fn register(&self, name: &str) -> Option<&Value> {
        match self.get(Kind::Register, name) {
            Some(Container::Register(Some(written))) => written.value.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn map(&self, name: &str) -> MapRef<'_> {
        match self.get(Kind::Map, name) {
            Some(Container::Map(entries)) => MapRef { entries: Some(entries) },
            _ => MapRef { entries: None },
        }
    }
}

/// Writes to a register; says whether the value is the new one.
pub(crate) fn write(register: &mut Option<Written>, written: Written, size: &mut usize) -> bool {
    match register {
        Some(present) => present.join(written, size),
        None => {
            *size += size::written(Some(&written));
            *register = Some(written);
            true
        }
    }
}

/// Writes to a key of a map; says whether the value is the new one.
pub(crate) fn put(
    entries: &mut BTreeMap<Arc<str>, Written>,
    key: &Arc<str>,
    written: Written,
    size: &mut usize,
) -> bool {
    match entries.get_mut(key) {
        Some(present) => present.join(written, size),
        None => {
            *size += size::entry(key) + size::written(Some(&written));
            entries.insert(key.clone(), written);
            true
        }
    }
}

/// A map of a document, to be read.
#[derive(Debug, Clone, Copy)]
pub struct MapRef<'a> {
    entries: Option<&'a BTreeMap<Arc<str>, Written>>,
}

impl<'a> MapRef<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.entries?.get(key)?.value.as_ref()
    }

    /// The keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + 'a {
        let entries = self.entries.into_iter().flatten();
        entries.filter_map(|(key, written)| Some((&**key, written.value.as_ref()?)))
    }

    /// The number of keys that have a value.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}
