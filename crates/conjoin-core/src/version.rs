//! Replicas, and what each of them has seen.
//!
//! Version vectors after Parker et al., *Detection of Mutual Inconsistency in Distributed
//! Systems*, 1983: for each replica, how many of its operations were seen. Operations of one
//! replica are always seen in its own order, so a count says which.

use std::fmt;

use crate::codec::{DecodeError, Part, Reader, Writer};

/// One running instance of a document: a random 64-bit number, fresh for each session.
///
/// Two instances must never edit as the same replica at once, two tabs that share storage
/// included: a new session takes a new id.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let (here, there) = (ReplicaId::new(1), ReplicaId::new(2));
/// let mut doc = Doc::new(here);
/// doc.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!((doc.version().get(here), doc.version().get(there)), (1, 0));
/// assert_eq!(here.to_string(), "0000000000000001");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(u64);

impl ReplicaId {
    /// A replica with this number, which should come from good randomness.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// let replica = ReplicaId::new(0x9f8e_3a61_07c4_d25b); // of the system's randomness
    /// assert_eq!(Doc::new(replica).replica(), replica);
    /// ```
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    ///
    /// ```
    /// # use conjoin_core::ReplicaId;
    /// assert_eq!(ReplicaId::new(7).get(), 7);
    /// ```
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One operation: the `seq`-th of its replica, counted from 0.
///
/// ```
/// use conjoin_core::{Doc, OpId, ReplicaId};
///
/// let ada = ReplicaId::new(1);
/// let mut doc = Doc::new(ada);
/// doc.transact(|tx| tx.text("title").push("Tea")); // one for each character
/// assert!(doc.version().contains(OpId { replica: ada, seq: 2 }));
/// assert!(!doc.version().contains(OpId { replica: ada, seq: 3 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// Who made it.
    pub replica: ReplicaId,
    /// How many it had made before.
    pub seq: u64,
}

/// How two versions stand to each other.
///
/// ```
/// use conjoin_core::{Causality, Doc, ReplicaId};
///
/// let mut ada = Doc::new(ReplicaId::new(1));
/// let mut bob = Doc::new(ReplicaId::new(2));
/// assert_eq!(ada.version().compare(bob.version()), Causality::Equal);
/// ada.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!(ada.version().compare(bob.version()), Causality::After);
/// bob.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!(ada.version().compare(bob.version()), Causality::Concurrent);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Causality {
    /// The first has seen less than the second and nothing else.
    Before,
    /// The first has seen all of the second and more.
    After,
    /// Both have seen the same.
    Equal,
    /// Each has seen something the other has not.
    Concurrent,
}

/// For each replica, the number of its operations seen. Replicas of which none was seen have no
/// entry.
///
/// ```
/// use conjoin_core::{Causality, ReplicaId, VersionVector};
///
/// let (a, b) = (ReplicaId::new(1), ReplicaId::new(2));
/// let left: VersionVector = [(a, 3)].into_iter().collect();
/// let right: VersionVector = [(a, 1), (b, 1)].into_iter().collect();
/// assert_eq!(left.compare(&right), Causality::Concurrent);
///
/// let mut both = left.clone();
/// both.join(&right);
/// assert_eq!((both.get(a), both.get(b)), (3, 1));
/// assert_eq!(both.compare(&left), Causality::After);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct VersionVector {
    /// Sorted by replica, counts above zero.
    entries: Vec<(ReplicaId, u64)>,
}

impl VersionVector {
    /// The version of somebody who has seen nothing.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, VersionVector};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("title").push("Tea"));
    /// let all = doc.delta_since(&VersionVector::new())?;
    /// assert_eq!(all.operations(), 3);
    /// # Ok::<(), conjoin_core::HistoryGone>(())
    /// ```
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    fn find(&self, replica: ReplicaId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&replica, |entry| entry.0)
    }

    /// How many operations of `replica` were seen.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let version: VersionVector = [(ada, 3)].into_iter().collect();
    /// assert_eq!((version.get(ada), version.get(bob)), (3, 0));
    /// ```
    pub fn get(&self, replica: ReplicaId) -> u64 {
        self.find(replica).map_or(0, |at| self.entries[at].1)
    }

    /// Takes note that `count` operations of `replica` were seen; never goes back.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let ada = ReplicaId::new(1);
    /// let mut version = VersionVector::new();
    /// version.advance(ada, 3);
    /// version.advance(ada, 2);
    /// assert_eq!(version.get(ada), 3);
    /// ```
    pub fn advance(&mut self, replica: ReplicaId, count: u64) {
        self.put(replica, count);
    }

    /// As [`advance`](Self::advance), mostly without a search: `latest` says where the replica stands of which this was
    /// told last.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub(crate) fn advance_latest(&mut self, latest: &mut usize, replica: ReplicaId, count: u64) {
        match self.entries.get_mut(*latest) {
            Some(entry) if entry.0 == replica => entry.1 = entry.1.max(count),
            _ => *latest = self.put(replica, count),
        }
    }

    /// As [`advance`](Self::advance); tells where the replica stands, or would.
    #[inline(never)]
    fn put(&mut self, replica: ReplicaId, count: u64) -> usize {
        let at = self.find(replica);
        match at {
            Ok(at) => self.entries[at].1 = self.entries[at].1.max(count),
            Err(at) if count > 0 => self.entries.insert(at, (replica, count)),
            Err(_) => {}
        }
        at.unwrap_or_else(|at| at)
    }

    /// Whether this operation was seen.
    ///
    /// ```
    /// # use conjoin_core::{OpId, ReplicaId, VersionVector};
    /// # let ada = ReplicaId::new(1);
    /// let version: VersionVector = [(ada, 3)].into_iter().collect();
    /// assert!(version.contains(OpId { replica: ada, seq: 2 }));
    /// assert!(!version.contains(OpId { replica: ada, seq: 3 }));
    /// ```
    pub fn contains(&self, op: OpId) -> bool {
        self.get(op.replica) > op.seq
    }

    /// Whether all that `other` has seen was seen.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let more: VersionVector = [(ada, 3), (bob, 1)].into_iter().collect();
    /// let less: VersionVector = [(ada, 2)].into_iter().collect();
    /// assert!(more.covers(&less) && more.covers(&more));
    /// assert!(!less.covers(&more));
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|(replica, count)| self.get(replica) >= count)
    }

    /// The least version that has seen what either has.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let mut version: VersionVector = [(ada, 3), (bob, 1)].into_iter().collect();
    /// version.join(&[(ada, 2), (bob, 5)].into_iter().collect());
    /// assert_eq!((version.get(ada), version.get(bob)), (3, 5));
    /// ```
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn join(&mut self, other: &Self) {
        // Those that are new go to the end first: many, put in one by one, would take forever.
        let known = self.entries.len();
        for &(replica, count) in &other.entries {
            match self.entries[..known].binary_search_by_key(&replica, |entry| entry.0) {
                Ok(at) => self.entries[at].1 = self.entries[at].1.max(count),
                Err(_) => self.entries.push((replica, count)),
            }
        }
        if self.entries.len() > known {
            self.put_in_order();
        }
    }

    /// How this version stands to `other`.
    ///
    /// ```
    /// # use conjoin_core::{Causality, ReplicaId, VersionVector};
    /// # let ada = ReplicaId::new(1);
    /// let version: VersionVector = [(ada, 3)].into_iter().collect();
    /// assert_eq!(VersionVector::new().compare(&version), Causality::Before);
    /// ```
    pub fn compare(&self, other: &Self) -> Causality {
        match (self.covers(other), other.covers(self)) {
            (true, true) => Causality::Equal,
            (true, false) => Causality::After,
            (false, true) => Causality::Before,
            (false, false) => Causality::Concurrent,
        }
    }

    /// The replicas and their counts, by replica.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let version: VersionVector = [(bob, 1), (ada, 3)].into_iter().collect();
    /// assert!(version.iter().eq([(ada, 3), (bob, 1)]));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// The number of replicas of which something was seen.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let version: VersionVector = [(ada, 3), (bob, 0)].into_iter().collect();
    /// assert_eq!(version.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was seen at all.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.version().is_empty());
    /// doc.transact(|tx| tx.counter("clicks").increment());
    /// assert!(!doc.version().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of operations seen, over all replicas.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let version: VersionVector = [(ada, 3), (bob, 1)].into_iter().collect();
    /// assert_eq!(version.total(), 4);
    /// ```
    pub fn total(&self) -> u64 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.1))
    }

    /// A digest for telling cheaply whether two versions may be equal. Equal versions have equal
    /// digests.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let ada = ReplicaId::new(1);
    /// let mut version: VersionVector = [(ada, 3)].into_iter().collect();
    /// let before = version.digest();
    /// version.advance(ada, 4);
    /// assert_ne!(version.digest(), before);
    /// ```
    pub fn digest(&self) -> u32 {
        self.entries.iter().fold(0, |sum: u32, &(replica, count)| {
            // The finalizer of splitmix64, so that every bit of the entry counts.
            let mut x = replica.0 ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            sum.wrapping_add((x ^ (x >> 31)) as u32)
        })
    }

    /// Appends the version, with replicas as the numbers that `index` gives them.
    ///
    /// ```
    /// # use conjoin_core::{ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let version: VersionVector = [(ada, 3), (bob, 1)].into_iter().collect();
    /// let mut bytes = Vec::new();
    /// version.encode_with(&mut bytes, &mut |replica| if replica == ada { 0 } else { 1 });
    /// assert_eq!(bytes, [2, 0, 3, 1, 1]); // two replicas, each its number and its count
    /// ```
    pub fn encode_with(&self, out: &mut Vec<u8>, index: &mut dyn FnMut(ReplicaId) -> u64) {
        out.varint(self.entries.len() as u64);
        for &(replica, count) in &self.entries {
            out.varint(index(replica));
            out.varint(count);
        }
    }

    /// Reads what [`encode_with`](Self::encode_with) wrote.
    ///
    /// ```
    /// # use conjoin_core::codec::Reader;
    /// # use conjoin_core::{DecodeError, ReplicaId, VersionVector};
    /// # let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let replicas = [ada, bob];
    /// let known = |number| replicas.get(number as usize).copied();
    /// let version = VersionVector::decode_with(&mut Reader::new(&[2, 0, 3, 1, 1]), &known)?;
    /// assert_eq!((version.get(ada), version.get(bob)), (3, 1));
    ///
    /// let read = VersionVector::decode_with(&mut Reader::new(&[1, 9, 3]), &known);
    /// assert_eq!(read, Err(DecodeError::UnknownReplica));
    /// # Ok::<(), DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// If the bytes are no version, or name a replica that `resolve` does not know.
    pub fn decode_with(
        reader: &mut Reader<'_>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Self, DecodeError> {
        let mut version = Self::new();
        for _ in 0..reader.count(2)? {
            let replica = resolve(reader.varint()?).ok_or(DecodeError::UnknownReplica)?;
            let count = reader.seq()?;
            version.entries.push((replica, count));
        }
        let count = version.entries.len();
        version.put_in_order();
        if version.entries.len() < count || version.entries.iter().any(|entry| entry.1 == 0) {
            return Err(DecodeError::Malformed(Part::VersionVector));
        }
        Ok(version)
    }
}

impl VersionVector {
    /// Puts entries in order, of each replica the highest.
    #[cfg_attr(target_family = "wasm", inline(never))]
    fn put_in_order(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = later.1;
            }
            same
        });
    }
}

impl FromIterator<(ReplicaId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(entries: I) -> Self {
        let mut version = Self::new();
        for (replica, count) in entries {
            if count > 0 {
                version.entries.push((replica, count));
            }
        }
        version.put_in_order();
        version
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = BTreeMap<u64, u64>> {
        prop::collection::btree_map(0..6u64, 1..4u64, 0..6)
    }

    fn version(of: &BTreeMap<u64, u64>) -> VersionVector {
        of.iter().map(|(&replica, &count)| (ReplicaId::new(replica), count)).collect()
    }

    proptest! {
        #[test]
        fn join_and_compare_agree_with_the_naive_definition(a in entries(), b in entries()) {
            let (va, vb) = (version(&a), version(&b));
            let at = |of: &BTreeMap<u64, u64>, replica| of.get(&replica).copied().unwrap_or(0);
            let less = (0..6).any(|replica| at(&a, replica) < at(&b, replica));
            let more = (0..6).any(|replica| at(&a, replica) > at(&b, replica));
            let expected = match (less, more) {
                (false, false) => Causality::Equal,
                (true, false) => Causality::Before,
                (false, true) => Causality::After,
                (true, true) => Causality::Concurrent,
            };
            prop_assert_eq!(va.compare(&vb), expected);

            let mut joined = va.clone();
            joined.join(&vb);
            for replica in 0..6 {
                prop_assert_eq!(joined.get(ReplicaId::new(replica)), at(&a, replica).max(at(&b, replica)));
            }
            let mut other_way = vb;
            other_way.join(&va);
            prop_assert_eq!(joined.digest(), other_way.digest());
            prop_assert_eq!(joined, other_way);
        }

        #[test]
        fn what_is_written_is_read_again(a in entries()) {
            let mut bytes = Vec::new();
            version(&a).encode_with(&mut bytes, &mut |replica| replica.get());
            let read = VersionVector::decode_with(&mut Reader::new(&bytes), &|index| Some(ReplicaId::new(index)));
            prop_assert_eq!(read, Ok(version(&a)));
        }
    }

    #[test]
    fn a_version_that_names_a_replica_twice_is_refused() {
        let resolve = |_| Some(ReplicaId::new(7));
        let read = VersionVector::decode_with(&mut Reader::new(&[2, 0, 1, 1, 5]), &resolve);
        assert_eq!(read, Err(DecodeError::Malformed(Part::VersionVector)));
    }
}
