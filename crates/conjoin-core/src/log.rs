//! The changes a document has applied, in the order in which it did, for those who lack them.
//!
//! That order is a causal one, so a piece dropped from the front leaves a history that still
//! holds together: everybody who has seen the dropped piece can be brought up to date.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::delta::Delta;
use crate::op::Change;
use crate::version::VersionVector;

/// The changes somebody lacks are not kept any more: a snapshot is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history since that version is not kept any more; a snapshot is needed")]
pub struct HistoryGone;

/// About how many bytes of changes are kept unless said otherwise.
const DEFAULT_LIMIT: usize = 4 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Log {
    changes: VecDeque<Arc<Change>>,
    /// What came before the first change kept.
    base: VersionVector,
    size: usize,
    limit: usize,
}

impl Log {
    pub(crate) const fn new() -> Self {
        Self { changes: VecDeque::new(), base: VersionVector::new(), size: 0, limit: DEFAULT_LIMIT }
    }

    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
        self.trim();
    }

    pub(crate) fn push(&mut self, change: Arc<Change>) {
        self.size += change.size();
        self.changes.push_back(change);
        self.trim();
    }

    /// Drops the oldest changes when the limit is passed, down to half of it, so that the work
    /// is spread.
    fn trim(&mut self) {
        if self.size <= self.limit {
            return;
        }
        while self.size > self.limit / 2 {
            let Some(change) = self.changes.pop_front() else { break };
            self.size -= change.size();
            self.base.advance(change.replica, change.end());
        }
    }

    /// Takes note that a snapshot brought the document to `version`, past changes it never saw.
    pub(crate) fn skip_to(&mut self, before: &VersionVector, version: &VersionVector) {
        self.base.join(&version.iter().filter(|&(replica, count)| count > before.get(replica)).collect());
        self.changes.retain(|change| change.start >= self.base.get(change.replica));
        self.size = self.changes.iter().map(|change| change.size()).sum();
    }

    /// The operations after `since` and before `until`.
    pub(crate) fn between(&self, since: &VersionVector, until: &VersionVector) -> Result<Delta, HistoryGone> {
        let mut lacking = 0;
        for (replica, count) in until.iter() {
            let seen = since.get(replica);
            if count > seen {
                if seen < self.base.get(replica) {
                    return Err(HistoryGone);
                }
                lacking += count - seen;
            }
        }
        // What is lacking is nearly always at the end.
        let mut changes = Vec::new();
        for change in self.changes.iter().rev() {
            if lacking == 0 {
                break;
            }
            let (from, to) = (since.get(change.replica), until.get(change.replica));
            if change.end() <= from || change.start >= to || from >= to {
                continue;
            }
            let whole = from <= change.start && change.end() <= to;
            let part = if whole { change.clone() } else { Arc::new(change.slice(from, to)) };
            lacking -= part.ops.len() as u64;
            changes.push(part);
        }
        changes.reverse();
        Ok(Delta { changes })
    }
}
