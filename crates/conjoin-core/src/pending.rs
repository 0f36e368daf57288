//! Changes that came before what they depend on: kept for a while, within bounds.
//!
//! What does not fit is dropped. Nothing is lost by that: whoever sent it sends it again, since
//! it was never acknowledged.

use crate::delta::Delta;
use crate::doc::Doc;
use crate::version::ReplicaId;
use crate::wire::Head;

const MAX_CHANGES: usize = 4096;
const MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    /// By replica, and then in their order.
    changes: Vec<Waiting>,
    size: usize,
}

/// One change.
#[derive(Debug, Clone)]
struct Waiting {
    replica: ReplicaId,
    start: u64,
    end: u64,
    change: Delta,
}

impl Waiting {
    fn size(&self) -> usize {
        size_of::<Self>() + self.change.size()
    }
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Keeps a change of a replica with operations from `start` up to `end`; says whether there was room.
    pub(crate) fn insert(&mut self, (replica, start, end): (ReplicaId, u64, u64), change: Delta) -> bool {
        let key = |waiting: &Waiting| (waiting.replica, waiting.start);
        let Err(at) = self.changes.binary_search_by_key(&(replica, start), key) else { return true };
        let waiting = Waiting { replica, start, end, change };
        if self.changes.len() >= MAX_CHANGES || self.size + waiting.size() > MAX_BYTES {
            return false;
        }
        self.size += waiting.size();
        self.changes.insert(at, waiting);
        true
    }

    /// Goes once through the changes, by replica and then in their order: drops those the document has
    /// already, and applies those it can. Says whether there were any.
    pub(crate) fn pass(&mut self, doc: &mut Doc) -> bool {
        let mut progress = false;
        let size = &mut self.size;
        self.changes.retain(|waiting| {
            let Waiting { replica, end, ref change, .. } = *waiting;
            let keep = end > doc.version.get(replica) && {
                let resolve = |number| change.resolve(number);
                let mut reader = change.reader();
                let head = Head::read(&mut reader, None);
                let ready = head.is_ok_and(|head| {
                    let ready = doc.is_ready(&head, replica, &resolve) == Ok(true);
                    if ready {
                        // One that contradicts its history is dropped. Nobody is blamed: what it contradicts
                        // may have been the lie.
                        let _ = doc.apply_change(&head, replica, &mut reader, &resolve);
                    }
                    ready
                });
                progress |= ready;
                !ready
            };
            if !keep {
                *size -= waiting.size();
            }
            keep
        });
        progress
    }
}
