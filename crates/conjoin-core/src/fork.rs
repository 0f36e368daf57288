//! Copies of a document that go on under another replica.

use crate::doc::Doc;
use crate::version::ReplicaId;

impl Doc {
    /// The same document, edited as `replica`, which must be fresh. What came too early is not taken along.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Draft"));
    /// let mut draft = doc.fork(ReplicaId::new(2));
    /// draft.transact(|tx| tx.text("t").push(" of a letter"));
    /// doc.transact(|tx| tx.counter("saved").increment());
    /// assert_eq!(doc.text("t").to_string(), "Draft");
    ///
    /// doc.merge(&draft)?;
    /// assert_eq!(doc.text("t").to_string(), "Draft of a letter");
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn fork(&self, replica: ReplicaId) -> Self {
        let mut fork = self.clone();
        fork.replica = replica;
        fork.pending.clear();
        fork.raw.clear();
        fork
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::VersionVector;

    #[test]
    fn a_fork_has_the_history_and_leaves_the_original_alone() {
        let mut doc = Doc::new(ReplicaId::new(1));
        doc.transact(|tx| tx.list("l").push(1));
        let mut fork = doc.fork(ReplicaId::new(2));
        assert_eq!(fork.delta_since(&VersionVector::new()), doc.delta_since(&VersionVector::new()));
        fork.transact(|tx| tx.list("l").push(2));
        doc.transact(|tx| tx.list("l").push(3));
        assert_eq!((doc.list("l").len(), fork.list("l").len()), (2, 2));
        doc.merge(&fork).expect("what a fork made was never seen");
        fork.merge(&doc).expect("what the original made was never seen");
        assert_eq!(doc.list("l"), fork.list("l"));
        assert_eq!(doc.list("l").len(), 3);
    }

    #[test]
    fn what_waits_for_changes_stays_behind() {
        let mut other = Doc::new(ReplicaId::new(3));
        other.transact(|tx| tx.counter("c").increment());
        let late = other.transact(|tx| tx.counter("c").increment()).delta();
        let mut doc = Doc::new(ReplicaId::new(1));
        assert!(doc.apply(&late).expect("it may come early").missing);
        assert!(doc.fork(ReplicaId::new(2)).pending.is_empty());
    }
}
