//! What travels: changes that somebody lacks.

use crate::codec::{DecodeError, Header, Reader, Writer};
use crate::replicas::{self, Replicas};
use crate::version::{ReplicaId, VersionVector};
use crate::wire::{Head, Passing};

/// Changes, each after those it depends on, as far as they are in the same delta.
///
/// They are kept as the bytes that travel, so that little memory is taken for what others send.
///
/// ```
/// use conjoin_core::{Delta, Doc, ReplicaId};
///
/// let mut ada = Doc::new(ReplicaId::new(1));
/// let mut bob = Doc::new(ReplicaId::new(2));
/// ada.transact(|tx| tx.text("title").push("Tea"));
/// let delta: Delta = ada.delta_since(bob.version()).expect("its history is kept");
/// bob.apply(&delta)?;
/// assert_eq!(bob.text("title").to_string(), "Tea");
/// # Ok::<(), conjoin_core::ApplyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delta {
    /// Those it names, in the order in which they come up.
    replicas: Vec<ReplicaId>,
    changes: usize,
    body: Vec<u8>,
}

impl Delta {
    /// The least bytes a change takes.
    pub(crate) const LEAST: usize = Head::LEAST;

    /// Of changes that were written with these numbers for replicas.
    pub(crate) fn new(replicas: Replicas, changes: usize, body: Vec<u8>) -> Self {
        Self { replicas: replicas.into_ids(), changes, body }
    }

    /// Whether it carries nothing.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.transact(|_| {}).delta().is_empty());
    /// assert!(!doc.transact(|tx| tx.counter("clicks").increment()).delta().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// The number of changes. Transactions that followed each other may have become one.
    ///
    /// ```
    /// # use conjoin_core::{Delta, Doc, ReplicaId, VersionVector};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("title").push("T"));
    /// doc.transact(|tx| tx.text("title").push("ea"));
    /// assert_eq!(doc.delta_since(&VersionVector::new())?.len(), 1);
    /// # Ok::<(), conjoin_core::HistoryGone>(())
    /// ```
    pub fn len(&self) -> usize {
        self.changes
    }

    /// The number of operations: each character or item inserted or deleted counts as one.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// let delta = doc.transact(|tx| tx.text("title").push("Tea")).delta();
    /// assert_eq!((delta.len(), delta.operations()), (1, 3));
    /// ```
    pub fn operations(&self) -> u64 {
        let mut sum = 0;
        self.each(&mut |_, start, end, _| sum += end - start);
        sum
    }

    /// For each replica, the count of operations after the last one here.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let ada = ReplicaId::new(1);
    /// # let mut doc = Doc::new(ada);
    /// doc.transact(|tx| tx.text("title").push("Tea"));
    /// let delta = doc.transact(|tx| tx.text("title").push("!")).delta();
    /// assert_eq!(delta.end().get(ada), 4);
    /// ```
    pub fn end(&self) -> VersionVector {
        let mut ends = Vec::new();
        self.each(&mut |replica, _, end, _| ends.push((replica, end)));
        ends.into_iter().collect()
    }

    /// About how many bytes of memory it takes.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// let delta = doc.transact(|tx| tx.text("title").push(&"tea ".repeat(100))).delta();
    /// assert!((400..500).contains(&delta.size()));
    /// ```
    pub fn size(&self) -> usize {
        self.body.len() + self.replicas.len() * size_of::<ReplicaId>()
    }

    /// Cuts it into deltas of about `bytes` of memory each; a larger change stays whole.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, VersionVector};
    /// # let mut ada = Doc::new(ReplicaId::new(1));
    /// # let mut bob = Doc::new(ReplicaId::new(2));
    /// for name in ["a", "b", "c"] {
    ///     ada.transact(|tx| tx.text(name).push(&"tea ".repeat(100)));
    /// }
    /// let parts = ada.delta_since(&VersionVector::new()).expect("its history is kept").split(500);
    /// for part in &parts {
    ///     bob.apply(part)?;
    /// }
    /// assert_eq!(bob.version(), ada.version());
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn split(self, bytes: usize) -> Vec<Self> {
        let mut counts = Vec::new();
        let (mut from, mut last, mut count) = (0, 0, 0);
        self.each(&mut |_, _, _, at| {
            if at - from > bytes && count > 0 {
                counts.push(count);
                (from, count) = (last, 0);
            }
            (last, count) = (at, count + 1);
        });
        if counts.is_empty() {
            return if self.is_empty() { Vec::new() } else { vec![self] };
        }
        counts.push(count);
        let mut reader = self.reader();
        let mut before = None;
        counts
            .into_iter()
            .map(|count| {
                let resolve = |number| self.resolve(number);
                let part = Self::read(&mut reader, count, &mut before, &resolve, Vec::new());
                part.expect("it was well formed as a whole")
            })
            .collect()
    }

    /// Tells of each change who made it, its first operation, that after its last, and where it ends.
    fn each(&self, tell: &mut dyn FnMut(ReplicaId, u64, u64, usize)) {
        let mut reader = self.reader();
        let mut same = Some;
        let mut passing = Passing::new(None, &mut same, None);
        for _ in 0..self.changes {
            let Ok((head, end)) = passing.pass(&mut reader) else { break };
            let Some(replica) = self.resolve(head.author) else { break };
            tell(replica, head.start, end, self.body.len() - reader.len());
        }
    }

    /// Reads so many changes, of which the first comes after one with this author and end, into a body that is empty.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        changes: usize,
        before: &mut Option<(u64, u64)>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
        mut body: Vec<u8>,
    ) -> Result<Self, DecodeError> {
        let mut replicas = Replicas::default();
        let mut renumber = |number| resolve(number).map(|replica| replicas.introduce(replica).into());
        let mut passing = Passing::new(*before, &mut renumber, Some(&mut body));
        for _ in 0..changes {
            passing.pass(reader)?;
        }
        *before = passing.before;
        Ok(Self::new(replicas, changes, body))
    }

    /// A replica by the number it has in the body.
    pub(crate) fn resolve(&self, number: u64) -> Option<ReplicaId> {
        self.replicas.get(usize::try_from(number).ok()?).copied()
    }

    /// Reads the body.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.body)
    }

    /// Appends the delta, with replicas as the numbers that `index` gives them: for a session
    /// in which both sides number them alike.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// let delta = doc.transact(|tx| tx.text("title").push("Tea")).delta();
    /// let mut bytes = Vec::new();
    /// delta.encode_with(&mut bytes, &mut |_| 0); // both sides know who is meant by 0
    /// assert!(bytes.len() < delta.to_bytes().len());
    /// ```
    pub fn encode_with(&self, out: &mut Vec<u8>, index: &mut dyn FnMut(ReplicaId) -> u64) {
        out.varint(self.changes as u64);
        let mut reader = self.reader();
        let mut renumber = |number| self.resolve(number).map(&mut *index);
        let mut passing = Passing::new(None, &mut renumber, Some(out));
        for _ in 0..self.changes {
            let done = passing.pass(&mut reader);
            debug_assert!(done.is_ok(), "it is well formed");
        }
    }

    /// Reads what [`encode_with`](Self::encode_with) wrote.
    ///
    /// ```
    /// # use conjoin_core::codec::Reader;
    /// # use conjoin_core::{DecodeError, Delta, Doc, ReplicaId};
    /// # let ada = ReplicaId::new(1);
    /// # let mut doc = Doc::new(ada);
    /// # let delta = doc.transact(|tx| tx.text("title").push("Tea")).delta();
    /// let mut bytes = Vec::new();
    /// delta.encode_with(&mut bytes, &mut |_| 0);
    /// let read = Delta::decode_with(&mut Reader::new(&bytes), &|number| (number == 0).then_some(ada));
    /// assert_eq!(read, Ok(delta));
    /// let read = Delta::decode_with(&mut Reader::new(&bytes), &|_| None);
    /// assert_eq!(read, Err(DecodeError::UnknownReplica));
    /// ```
    ///
    /// # Errors
    /// If the bytes are no delta, or name a replica that `resolve` does not know.
    pub fn decode_with(
        reader: &mut Reader<'_>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Self, DecodeError> {
        let changes = reader.count(Self::LEAST)?;
        // They take about as much as there is, and nothing is left over then.
        let body = Vec::with_capacity(reader.len());
        Self::read(reader, changes, &mut None, resolve, body)
    }

    /// The delta as bytes that stand alone, to be kept or sent by any means.
    ///
    /// ```
    /// use conjoin_core::{Delta, Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let delta = doc.transact(|tx| tx.register("title").set("Atlas")).delta();
    /// assert_eq!(Delta::from_bytes(&delta.to_bytes())?, delta);
    /// # Ok::<(), conjoin_core::DecodeError>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() + 16);
        Header::Delta.write(&mut out);
        replicas::encode(&self.replicas, &mut out);
        out.varint(self.changes as u64);
        out.extend_from_slice(&self.body);
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// ```
    /// # use conjoin_core::{DecodeError, Delta, Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// let bytes = doc.transact(|tx| tx.text("title").push("Tea")).delta().to_bytes();
    /// assert_eq!(Delta::from_bytes(&bytes)?.operations(), 3);
    /// assert_eq!(Delta::from_bytes(b"something"), Err(DecodeError::NotConjoin));
    /// # Ok::<(), DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// If the bytes are no delta, or one of a newer version of the format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Header::Delta.read(&mut reader)?;
        let replicas = replicas::decode(&mut reader)?;
        let delta =
            Self::decode_with(&mut reader, &|number| replicas.get(usize::try_from(number).ok()?).copied())?;
        reader.end()?;
        Ok(delta)
    }
}
