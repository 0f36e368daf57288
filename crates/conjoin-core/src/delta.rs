//! What travels: changes that somebody lacks.

use crate::codec::{DecodeError, Header, Reader, Writer};
use crate::op::Change;
use crate::version::{ReplicaId, VersionVector};

/// The most memory that a delta takes when it is read: an operation of three bytes takes many
/// times that in memory.
pub(crate) const MAX_MEMORY: usize = 256 << 20;

/// Changes, each after those it depends on, as far as they are in the same delta.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delta {
    pub(crate) changes: Vec<Change>,
}

impl Delta {
    /// Whether it carries nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The number of changes. Transactions that followed each other may have become one.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// The number of operations: each character or item inserted or deleted counts as one.
    pub fn operations(&self) -> u64 {
        self.changes.iter().map(|change| change.len).sum()
    }

    /// For each replica, the count of operations after the last one here.
    pub fn end(&self) -> VersionVector {
        self.changes.iter().map(|change| (change.replica, change.end())).collect()
    }

    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        self.changes.iter().map(Change::size).sum()
    }

    /// Cuts it into deltas of about `bytes` of memory each; a larger change stays whole.
    pub fn split(mut self, bytes: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut part = Self::default();
        let mut size = 0;
        for change in self.changes.drain(..) {
            let more = change.size();
            if size + more > bytes && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
                size = 0;
            }
            size += more;
            part.changes.push(change);
        }
        if !part.is_empty() {
            parts.push(part);
        }
        parts
    }

    /// Appends the delta, with replicas as the numbers that `index` gives them: for a session
    /// in which both sides number them alike.
    pub fn encode_with(&self, out: &mut Vec<u8>, index: &mut dyn FnMut(ReplicaId) -> u64) {
        out.varint(self.changes.len() as u64);
        let mut before = None;
        for change in &self.changes {
            change.encode(before, out, index);
            before = Some(change);
        }
    }

    /// Reads what [`encode_with`](Self::encode_with) wrote.
    ///
    /// # Errors
    /// If the bytes are no delta, or name a replica that `resolve` does not know.
    pub fn decode_with(
        reader: &mut Reader<'_>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Self, DecodeError> {
        let mut changes: Vec<Change> = Vec::new();
        let mut size = 0;
        for _ in 0..reader.count(Change::LEAST)? {
            let change = Change::decode(reader, changes.last(), resolve)?;
            size += change.size();
            if size > MAX_MEMORY {
                return Err(DecodeError::Malformed("size"));
            }
            changes.push(change);
        }
        Ok(Self { changes })
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
        let mut replicas = ReplicaTable::default();
        let mut body = Vec::new();
        self.encode_with(&mut body, &mut |replica| replicas.index(replica));
        let mut out = Vec::with_capacity(body.len() + 8 * replicas.ids.len() + 8);
        Header::Delta.write(&mut out);
        replicas.encode(&mut out);
        out.extend_from_slice(&body);
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// If the bytes are no delta, or one of a newer version of the format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Header::Delta.read(&mut reader)?;
        let replicas = ReplicaTable::decode(&mut reader)?;
        let delta = Self::decode_with(&mut reader, &|index| replicas.resolve(index))?;
        reader.end()?;
        Ok(delta)
    }
}

/// The replicas that a piece of data names, numbered in the order in which they come up.
#[derive(Debug, Default)]
pub(crate) struct ReplicaTable {
    pub(crate) ids: Vec<ReplicaId>,
    numbers: std::collections::BTreeMap<ReplicaId, u64>,
}

impl ReplicaTable {
    /// These, in this order.
    pub(crate) fn of(ids: &[ReplicaId]) -> Self {
        Self { ids: ids.to_vec(), ..Self::default() }
    }

    pub(crate) fn index(&mut self, replica: ReplicaId) -> u64 {
        *self.numbers.entry(replica).or_insert_with(|| {
            self.ids.push(replica);
            self.ids.len() as u64 - 1
        })
    }

    pub(crate) fn resolve(&self, index: u64) -> Option<ReplicaId> {
        self.ids.get(usize::try_from(index).ok()?).copied()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.varint(self.ids.len() as u64);
        for id in &self.ids {
            out.extend_from_slice(&id.get().to_le_bytes());
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ids =
            (0..reader.count(8)?).map(|_| reader.u64().map(ReplicaId::new)).collect::<Result<_, _>>()?;
        Ok(Self { ids, ..Self::default() })
    }
}
