//! A peer in the room: what the signaling server says of it, and the link to it.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::io::{PeerInfo, PeerState};
use crate::link::Link;
use crate::pace::Pace;

/// A link must be up and both Hellos said within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(12);

/// A path that stopped answering often comes back by itself within this time.
const RESTART_AFTER: Duration = Duration::from_millis(1500);

/// The side that did not offer waits this much longer before it takes matters in its own hands.
const ANSWERER_PATIENCE: Duration = Duration::from_secs(5);

/// The most candidates kept that belong to an offer yet to come.
const EARLY: usize = 64;

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: Option<String>,
    /// Whether the signaling server lists it.
    pub(crate) listed: bool,
    pub(crate) link: Option<Link>,
    pub(crate) was_connected: bool,
    pub(crate) backoff: Backoff,
    pub(crate) retry_at: Option<Duration>,
    /// The server said it left, yet there is a link: since when, and until when, it must be heard.
    pub(crate) probe: Option<(Duration, Duration)>,
    /// It broke the protocol: until when it is left alone.
    pub(crate) blocked_until: Option<Duration>,
    /// It claimed the replica of another before.
    pub(crate) contested: bool,
    /// The user was told that its document and the one here cannot come together.
    pub(crate) parted: bool,
    /// How often it offers new links.
    pub(crate) offers: Pace,
    /// Candidates of attempts whose offer has not come yet.
    pub(crate) early: Vec<(Option<String>, String)>,
}

/// What time demands for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// The link did not come up in time.
    ConnectTimedOut,
    /// Nothing was heard for too long.
    Silent,
    /// It is beginning to be silent for long, or was heard again.
    SuspicionChanged,
    /// The path is down: try another.
    RestartIce,
    /// The path is down, and the other side did nothing about it, or a restart did not help.
    GiveUpLink,
    /// Time to connect again.
    Retry,
    /// The session has something to send.
    Sync,
}

impl Peer {
    pub(crate) fn new(name: Option<String>, listed: bool) -> Self {
        Self {
            name,
            listed,
            link: None,
            was_connected: false,
            backoff: Backoff::new(Duration::from_millis(500)),
            retry_at: None,
            probe: None,
            blocked_until: None,
            contested: false,
            parted: false,
            offers: Pace::default(),
            early: Vec::new(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.sync.is_ready())
    }

    /// Keeps a candidate whose offer has not come yet.
    pub(crate) fn keep(&mut self, attempt: Option<String>, candidate: String) {
        if self.early.len() < EARLY {
            self.early.push((attempt, candidate));
        }
    }

    /// Takes out the candidates that came before this offer.
    pub(crate) fn early(&mut self, attempt: &Option<String>) -> Vec<String> {
        let early = std::mem::take(&mut self.early);
        early.into_iter().filter(|(of, _)| of == attempt).map(|(_, candidate)| candidate).collect()
    }

    /// What is to be done, and when; `joined` says whether descriptions can be exchanged.
    pub(crate) fn due(&self, joined: bool) -> impl Iterator<Item = (Duration, Due)> {
        let retry = self.retry_at.filter(|_| joined && self.listed && self.link.is_none());
        let link = self.link.as_ref();
        let connecting = link.filter(|link| !link.sync.is_ready());
        let ready = link.filter(|link| link.sync.is_ready());
        let silent =
            ready.map(|link| {
                let gone = link.sync.pulse.gone_at();
                self.probe.map_or(gone, |(since, until)| {
                    if link.sync.pulse.last_heard() > since { gone } else { gone.min(until) }
                })
            });
        // Once it is suspected, it is being heard again that ends it: no timer.
        let suspect = ready.filter(|link| !link.suspect).map(|link| link.sync.pulse.suspect_at());
        let down = ready.filter(|_| joined).and_then(|link| match (link.down_since, link.restart_until) {
            (None, _) => None,
            (Some(_), Some(until)) => Some((until, Due::GiveUpLink)),
            (Some(since), None) if link.offerer => Some((since + RESTART_AFTER, Due::RestartIce)),
            (Some(since), None) => Some((since + RESTART_AFTER + ANSWERER_PATIENCE, Due::GiveUpLink)),
        });
        [
            retry.map(|at| (at, Due::Retry)),
            connecting.map(|link| (link.began + CONNECT_TIMEOUT, Due::ConnectTimedOut)),
            silent.map(|at| (at, Due::Silent)),
            suspect.map(|at| (at, Due::SuspicionChanged)),
            down,
            link.and_then(|link| link.sync.deadline()).map(|at| (at, Due::Sync)),
        ]
        .into_iter()
        .flatten()
    }

    pub(crate) fn info(&self, id: &str) -> PeerInfo {
        let sync = self.link.as_ref().map(|link| &link.sync).filter(|sync| sync.is_ready());
        let healthy = self.link.as_ref().is_some_and(|link| !link.suspect && link.down_since.is_none());
        PeerInfo {
            id: id.to_owned(),
            name: sync.and_then(|sync| sync.name()).or(self.name.as_deref()).map(ToOwned::to_owned),
            replica: sync.and_then(|sync| sync.replica()),
            state: match sync {
                Some(_) if healthy => PeerState::Connected,
                None if !self.was_connected => PeerState::Connecting,
                _ => PeerState::Reconnecting,
            },
            rtt: sync.and_then(|sync| sync.pulse.rtt()),
            version: sync.map(|sync| sync.acked().clone()),
            promised: sync.map(|sync| sync.promised().clone()).unwrap_or_default(),
        }
    }

    /// Its name, or a short form of its id.
    pub(crate) fn label(&self, id: &str) -> String {
        let said = self.link.as_ref().and_then(|link| link.sync.name());
        said.or(self.name.as_deref()).map_or_else(|| id.chars().take(8).collect(), ToOwned::to_owned)
    }
}
