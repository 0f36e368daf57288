//! Changes that came before what they depend on: kept for a while, within bounds.
//!
//! What does not fit is dropped. Nothing is lost by that: whoever sent it sends it again, since
//! it was never acknowledged.

use std::sync::Arc;

use crate::op::Change;
use crate::version::VersionVector;

const MAX_CHANGES: usize = 4096;
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    /// By replica, and then in their order.
    changes: Vec<Arc<Change>>,
    size: usize,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Keeps a change; says whether there was room.
    pub(crate) fn insert(&mut self, change: &Arc<Change>) -> bool {
        let key = |change: &Arc<Change>| (change.replica, change.start);
        let Err(at) = self.changes.binary_search_by_key(&key(change), key) else { return true };
        let size = change.size();
        if self.changes.len() >= MAX_CHANGES || self.size + size > MAX_BYTES {
            return false;
        }
        self.size += size;
        self.changes.insert(at, change.clone());
        true
    }

    /// Goes once through the changes, by replica and then in their order: drops those a document
    /// has already, and gives those it can apply to `apply`. Says whether there were any.
    ///
    /// `apply` is told the change and returns the version after it.
    pub(crate) fn pass(
        &mut self,
        mut version: VersionVector,
        mut apply: impl FnMut(&Arc<Change>) -> VersionVector,
    ) -> bool {
        let mut progress = false;
        let size = &mut self.size;
        self.changes.retain(|change| {
            let lacking = change.end() > version.get(change.replica);
            let ready = change.is_ready(&version);
            if lacking && ready {
                version = apply(change);
                progress = true;
            }
            let keep = lacking && !ready;
            if !keep {
                *size -= change.size();
            }
            keep
        });
        progress
    }
}
