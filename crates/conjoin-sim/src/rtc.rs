//! WebRTC as far as a driver sees it: descriptions, candidates, a link that comes up, goes down
//! and closes, a reliable and an unreliable channel.
//!
//! The model holds the manager to the driver's contract: a candidate before a description, or a
//! frame that is too large, is a panic here.

use std::collections::BTreeMap;
use std::time::Duration;

use conjoin_peer::{Channel, Input, LinkId, LinkState};

/// SCTP sends a lost packet of a reliable channel again after this time at the least.
pub(crate) const RETRANSMIT: Duration = Duration::from_secs(1);

/// A path is "disconnected" after this long without an answer, and "failed" after the longer time.
pub(crate) const DISCONNECTED: Duration = Duration::from_secs(5);
pub(crate) const FAILED: Duration = Duration::from_secs(25);

/// One side of a link.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// The other side, as its description told.
    pub(crate) remote: Option<(usize, LinkId)>,
    /// How often descriptions were exchanged.
    pub(crate) round: u32,
    pub(crate) candidates: u32,
    pub(crate) up: bool,
    pub(crate) opened: bool,
    /// When the last bulk frame sent arrives: none overtakes it.
    pub(crate) bulk_arrives: Duration,
    /// How many bulk frames were sent, and how many of them arrived.
    pub(crate) bulk_sent: u64,
    pub(crate) bulk_arrived: u64,
    /// Bytes of bulk frames sent and not arrived.
    pub(crate) buffered: usize,
    pub(crate) awaiting: bool,
    /// What the app was last told.
    pub(crate) told: Option<LinkState>,
}

/// The links of one peer.
#[derive(Debug, Default)]
pub(crate) struct Rtc {
    pub(crate) sides: BTreeMap<LinkId, Side>,
}

/// A description is text that tells whose it is.
pub(crate) fn description(kind: &str, peer: usize, link: LinkId) -> String {
    format!("{kind} {peer} {}", link.0)
}

pub(crate) fn parse(text: &str) -> Option<(usize, LinkId)> {
    let mut words = text.split(' ').skip(1);
    let peer = words.next()?.parse().ok()?;
    Some((peer, LinkId(words.next()?.parse().ok()?)))
}

impl Rtc {
    /// Opens a link.
    pub(crate) fn open(&mut self, link: LinkId) {
        let before = self.sides.insert(link, Side::default());
        assert!(before.is_none(), "link {link:?} was opened twice");
    }

    /// Sets a remote description.
    pub(crate) fn describe(&mut self, link: LinkId, text: &str) {
        if let Some(side) = self.sides.get_mut(&link) {
            side.remote = parse(text);
            side.round += 1;
        }
    }

    pub(crate) fn add_candidate(&mut self, link: LinkId) {
        if let Some(side) = self.sides.get_mut(&link) {
            assert!(side.remote.is_some(), "a candidate came before the description of {link:?}");
            side.candidates += 1;
        }
    }

    /// What a driver says when a link comes up for the first time.
    pub(crate) fn came_up(link: LinkId) -> [Input; 3] {
        [
            Input::Link { link, state: LinkState::Connected },
            Input::ChannelOpened { link, channel: Channel::Bulk },
            Input::ChannelOpened { link, channel: Channel::Live },
        ]
    }
}
