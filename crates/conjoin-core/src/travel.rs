//! Looking back: the document as it was at a version, and what changed between two of them.
//!
//! A version is replayed from the log into a document of its own. What leads from one to another is told as where a
//! document is taken over whole.

use crate::changed::{Changed, Earlier, Origin};
use crate::doc::Doc;
use crate::noted::Noted;
use crate::numbers::NONE;
use crate::sorted::Sorted;
use crate::state::Parent;
use crate::strings::Strings;
use crate::version::{ReplicaId, VersionVector};

/// Why a version cannot be looked at.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, TravelError};
///
/// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
/// bob.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!(ada.at(bob.version()).map(|_| ()), Err(TravelError::NotSeen));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TravelError {
    /// It has seen what this document has not.
    #[error("that version has seen more than this document")]
    NotSeen,
    /// No document was ever at it: it has operations without what their authors had seen.
    #[error("no document can be at that version: it has an operation without what came before it")]
    NotClosed,
    /// What led to it is not kept any more.
    #[error("the history that led to that version is not kept any more")]
    HistoryGone,
}

impl Doc {
    /// The document as it was at a version. It is one of its own that nobody edits; [`fork`](Self::fork) it
    /// to go on from there.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("First"));
    /// let version = doc.version().clone();
    /// doc.transact(|tx| tx.text("t").push(" and second"));
    /// assert_eq!(doc.at(&version)?.text("t").to_string(), "First");
    /// # Ok::<(), conjoin_core::TravelError>(())
    /// ```
    ///
    /// # Errors
    /// If nobody can have been at that version, as far as is known here, or what led to it is not kept.
    pub fn at(&self, version: &VersionVector) -> Result<Self, TravelError> {
        self.replay(version, Strings::new())
    }

    /// The document as it was at a version, with strings that it knows already.
    fn replay(&self, version: &VersionVector, strings: Strings) -> Result<Self, TravelError> {
        if !self.version.covers(version) {
            return Err(TravelError::NotSeen);
        }
        let delta =
            self.delta_between(&VersionVector::new(), version).map_err(|_| TravelError::HistoryGone)?;
        let unused =
            (0..).map(ReplicaId::new).find(|&replica| self.numbers.replica_number(replica).is_none());
        let mut doc = Self::new(unused.unwrap_or(self.replica));
        doc.strings = strings;
        doc.state_limit = usize::MAX;
        doc.set_history_limit(usize::MAX);
        doc.apply(&delta).map_err(|_| TravelError::NotClosed)?;
        if doc.version != *version {
            return Err(TravelError::NotClosed);
        }
        doc.raw = Noted::new();
        doc.state_limit = self.state_limit;
        Ok(doc)
    }

    /// What leads from one version to another, whichever came first, and also where neither did. Nested
    /// values that are new at `to` are told from empty on; those that are not there at `to` are not told.
    ///
    /// ```
    /// use conjoin_core::{Diff, Doc, Marks, ReplicaId, TextStep};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("First"));
    /// let version = doc.version().clone();
    /// doc.transact(|tx| tx.text("t").push(" and second"));
    /// let back = doc.diff(doc.version(), &version)?;
    /// let steps = vec![TextStep::Retain(5, Marks::new()), TextStep::Delete(11)];
    /// assert_eq!(back.patches[0].diff, Diff::Text(steps));
    /// # Ok::<(), conjoin_core::TravelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn diff(&self, from: &VersionVector, to: &VersionVector) -> Result<Changed, TravelError> {
        let replay = |version| self.replay(version, self.strings.clone());
        let (from, mut to) = (replay(from)?, replay(to)?);
        // A root that is only known at one of them is empty at the other.
        for (parent, kind, _) in from.state.containers.places() {
            if let Parent::Root(_) = parent {
                to.state.make(kind, parent, NONE, &to.strings);
            }
        }
        // Two who made the same value at once name it each by the own operation; here both are known.
        let names = |of: &Self| of.numbers_in(self).map_err(|_| TravelError::HistoryGone);
        let (names_from, names_to) = (names(&from)?, names(&to)?);
        let (there, here) = (matching(&names_from, &names_to), matching(&names_to, &names_from));
        let noted = from.difference(&to, &there, &here);
        let earlier = Earlier { doc: &from, numbers: &here, names: &names_to };
        Ok(to.changed(&noted, Origin::Remote, Some(&earlier)))
    }
}

/// Where among others each of these names stands, or [`NONE`].
fn matching(names: &[u32], others: &[u32]) -> Vec<u32> {
    let mut places = Sorted::new();
    for (place, &name) in (0..).zip(others).filter(|other| *other.1 != NONE) {
        places.insert(name, place);
    }
    let mut matching = Vec::new();
    for name in names {
        matching.push(places.get(name).copied().unwrap_or(NONE));
    }
    matching
}

#[cfg(test)]
mod tests;
