//! One attempt at a direct connection to a peer.

use std::time::Duration;

use crate::io::LinkId;
use crate::sync::Sync;

/// The most candidates kept until a description comes.
const EARLY: usize = 64;

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// What both sides call this attempt.
    pub(crate) attempt: Option<String>,
    /// Whether this side offered.
    pub(crate) offerer: bool,
    pub(crate) began: Duration,
    /// Whether the peer's description is set, so that candidates can be added.
    pub(crate) described: bool,
    early: Vec<String>,
    /// Since when the path does not answer.
    pub(crate) down_since: Option<Duration>,
    /// Until when an ICE restart under way must succeed.
    pub(crate) restart_until: Option<Duration>,
    /// Whether the silence of the peer is suspicious; kept to notice when that changes.
    pub(crate) suspect: bool,
    pub(crate) sync: Sync,
}

impl Link {
    pub(crate) fn new(id: LinkId, attempt: Option<String>, offerer: bool, now: Duration) -> Self {
        Self {
            id,
            attempt,
            offerer,
            began: now,
            described: false,
            early: Vec::new(),
            down_since: None,
            restart_until: None,
            suspect: false,
            sync: Sync::new(now),
        }
    }

    /// Keeps a candidate that came before the description.
    pub(crate) fn keep(&mut self, candidate: String) {
        if self.early.len() < EARLY {
            self.early.push(candidate);
        }
    }

    /// The description is set: the candidates that waited for it.
    pub(crate) fn describe(&mut self) -> Vec<String> {
        self.described = true;
        std::mem::take(&mut self.early)
    }
}
