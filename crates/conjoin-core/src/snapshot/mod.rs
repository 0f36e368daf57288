//! Documents as bytes.
//!
//! A snapshot holds all: the values, and the history that led to them as far as it is kept. A state holds
//! the values and what later changes refer to, without the history. Either can be taken in by a document
//! that is ahead, behind, or both.

#[cfg(test)]
mod claims_tests;
mod columns;
mod data;
#[cfg(test)]
mod golden_tests;
pub(crate) mod history;
#[cfg(test)]
mod history_tests;
mod known;
mod state;

use crate::codec::{DecodeError, Header, Reader};
use crate::doc::{Applied, ApplyError, Doc};
use crate::version::ReplicaId;

pub(crate) use data::{read_data, write_data};

impl Doc {
    /// All of the document.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello"));
    /// let loaded = Doc::load(ReplicaId::new(2), &doc.snapshot())?;
    /// assert_eq!(loaded.text("t").to_string(), "Hello");
    /// assert_eq!(loaded.version(), doc.version());
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn snapshot(&self) -> Vec<u8> {
        self.history().unwrap_or_else(|| self.state())
    }

    /// Takes in all that another document had seen when it made this snapshot or state.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut old = Doc::new(ReplicaId::new(1));
    /// old.transact(|tx| tx.counter("clicks").add(41));
    /// let mut new = Doc::new(ReplicaId::new(2));
    /// new.transact(|tx| tx.counter("clicks").increment());
    /// new.merge_snapshot(&old.state())?;
    /// assert_eq!(new.counter("clicks"), 42);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    ///
    /// If one of both was [compacted](Self::compact), and the other has not seen all that was let go of, it
    /// becomes what the one that lacks nothing is, and keeps its own edits as far as those were made knowing
    /// what was let go of. The history up to then is gone here, too.
    ///
    /// # Errors
    /// If the bytes are no snapshot, hold operations of this replica that it never made, or would
    /// make the state too large; [`ApplyError::Compacted`] if there are edits here that cannot be kept, as
    /// just said. The document is as before then.
    pub fn merge_snapshot(&mut self, bytes: &[u8]) -> Result<Applied<'_>, ApplyError> {
        self.room(0)?;
        let theirs = self.read_snapshot(bytes)?;
        if !self.merge_known(&theirs)? {
            self.take_over(theirs)?;
        }
        Ok(self.merged())
    }

    /// Takes in all that another document has seen.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// ada.transact(|tx| tx.counter("clicks").add(2));
    /// bob.transact(|tx| tx.counter("clicks").add(3));
    /// ada.merge(&bob)?;
    /// assert_eq!(ada.counter("clicks"), 5);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`merge_snapshot`](Self::merge_snapshot).
    pub fn merge(&mut self, theirs: &Self) -> Result<Applied<'_>, ApplyError> {
        if !self.merge_known(theirs)? {
            self.take_over(theirs.clone())?;
        }
        Ok(self.merged())
    }

    fn merged(&self) -> Applied<'_> {
        Applied::new(self, !self.pending.is_empty())
    }

    /// Takes in what another document has seen, unless it must be taken over whole, which is told.
    fn merge_known(&mut self, theirs: &Self) -> Result<bool, ApplyError> {
        if theirs.version.get(self.replica) > self.version.get(self.replica) {
            return Err(ApplyError::ForgedReplica);
        }
        if self.version.is_empty() {
            self.room(0)?;
            return Ok(false);
        }
        // What follows from a history can be held against it, what stands in a state alone cannot.
        let Ok(delta) = theirs.delta_since(&self.version) else { return self.join(theirs) };
        if self.floor > 0 {
            // Some of it may have been made without knowing what was let go of here.
            match self.copy()?.apply(&delta).map(|_| ()) {
                Err(ApplyError::Compacted) => return Ok(false),
                tried => tried?,
            }
        }
        self.apply(&delta).map(|_| true)
    }

    /// The values without their history, to try on them what may be refused.
    pub(crate) fn copy(&self) -> Result<Self, ApplyError> {
        let mut copy = Self::new(self.replica);
        copy.state_limit = usize::MAX;
        copy.read_state(&mut Reader::new(&self.state()))?;
        copy.state_limit = self.state_limit;
        Ok(copy)
    }

    /// The document that a snapshot or state holds, edited here as `replica`, which must be a fresh one.
    ///
    /// ```
    /// use conjoin_core::{ApplyError, DecodeError, Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.counter("clicks").add(2));
    /// let bytes = doc.snapshot();
    /// assert_eq!(Doc::load(ReplicaId::new(2), &bytes)?.counter("clicks"), 2);
    /// let torn = Doc::load(ReplicaId::new(2), &bytes[..bytes.len() - 1]).map(|_| ());
    /// assert_eq!(torn, Err(ApplyError::Decode(DecodeError::Truncated)));
    /// # Ok::<(), ApplyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`merge_snapshot`](Self::merge_snapshot).
    pub fn load(replica: ReplicaId, bytes: &[u8]) -> Result<Self, ApplyError> {
        let mut doc = Self::new(replica).read_snapshot(bytes)?;
        if doc.version.get(replica) > 0 {
            return Err(ApplyError::ForgedReplica);
        }
        doc.replica = replica;
        Ok(doc)
    }

    fn read_snapshot(&self, bytes: &[u8]) -> Result<Self, ApplyError> {
        // Nobody edits as this one.
        let mut doc = Self::new(ReplicaId::new(0));
        doc.state_limit = self.state_limit;
        let mut reader = Reader::new(bytes);
        match Header::peek(&reader)? {
            Header::State => doc.read_state(&mut reader)?,
            Header::History => {
                doc.read_history(bytes)?;
                return Ok(doc);
            }
            Header::Delta => return Err(DecodeError::NotConjoin.into()),
        }
        reader.end()?;
        Ok(doc)
    }
}
