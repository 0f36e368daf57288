//! Changes that came before what they depend on: kept for a while, within bounds.
//!
//! What does not fit is dropped. Nothing is lost by that: whoever sent it sends it again, since
//! it was never acknowledged.

use crate::doc::Doc;
use crate::op::Change;

const MAX_CHANGES: usize = 4096;
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    /// By replica, and then in their order.
    changes: Vec<Change>,
    size: usize,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Keeps a change; says whether there was room.
    pub(crate) fn insert(&mut self, change: &Change) -> bool {
        let key = |change: &Change| (change.replica, change.start);
        let Err(at) = self.changes.binary_search_by_key(&key(change), key) else { return true };
        let size = change.size();
        if self.changes.len() >= MAX_CHANGES || self.size + size > MAX_BYTES {
            return false;
        }
        self.size += size;
        self.changes.insert(at, change.clone());
        true
    }

    /// Goes once through the changes, by replica and then in their order: drops those the document has
    /// already, and applies those it can. Says whether there were any.
    pub(crate) fn pass(&mut self, doc: &mut Doc) -> bool {
        let mut progress = false;
        let size = &mut self.size;
        self.changes.retain(|change| {
            let lacking = change.end() > doc.version.get(change.replica);
            let ready = change.is_ready(&doc.version);
            if lacking && ready {
                // One that contradicts its history is dropped. Nobody is blamed: what it contradicts may
                // have been the lie.
                let _ = doc.apply_change(change);
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
