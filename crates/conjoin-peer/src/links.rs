//! The life of links: offered or accepted, healed, given up, tried again.
//!
//! The newcomer offers to those already there. If both offer at once, the offer of the lower id
//! stands. A path that goes down is replaced by an ICE restart of the side that offered; where
//! that does not help, by a new link, tried again without end while the peer is in the room.

use std::time::Duration;

use conjoin_core::{Doc, ReplicaId};
use conjoin_signaling::{Candidate, ClientMessage, Description};

use crate::io::{Event, LinkId, Output};
use crate::link::Link;
use crate::manager::Manager;
use crate::peer::{Due, Peer};

/// An ICE restart must bring the path back within this time.
const RESTART_TIMEOUT: Duration = Duration::from_secs(8);

/// The side with the higher id leaves the first retry to the other for this long.
const YIELD: Duration = Duration::from_secs(3);

/// Of so many links closed it is known to which attempt they belonged, unless its name is longer than
/// any program gives it, in bytes.
const CLOSED: usize = 64;
const MAX_ATTEMPT: usize = 64;

/// The longest candidate that is kept, in bytes; real ones have a few hundred.
const MAX_CANDIDATE: usize = 4096;

/// The most new links taken from one peer, and from all of them, in each [`OFFER_STRETCH`]. Browsers make no
/// more than 500 links between two runs of their garbage collection, closed ones included: whoever
/// offered without end could keep a page from connecting to anybody. Who is in earnest offers again.
const OFFERS_OF_ONE: u32 = 10;
const OFFERS_OF_ALL: u32 = 200;
const OFFER_STRETCH: Duration = Duration::from_secs(20);

/// After so many attempts in a row, the user is told.
const TELL_AFTER: u32 = 2;

impl Manager {
    fn open_link(&mut self, id: &str, attempt: Option<String>, offerer: bool) -> Option<LinkId> {
        let peer = self.peers.get_mut(id)?;
        let link = LinkId(self.next_link);
        self.next_link += 1;
        peer.link = Some(Link::new(link, attempt, offerer, self.now));
        peer.retry_at = None;
        self.links.insert(link, id.to_owned());
        self.outputs.push_back(Output::OpenLink { link, ice_servers: self.signaling.ice_servers() });
        self.peers_changed = true;
        Some(link)
    }

    /// Offers a new link to a peer that has none.
    pub(crate) fn offer_link(&mut self, id: &str) {
        let attempt = format!("{:016x}", self.random.next());
        if let Some(link) = self.open_link(id, Some(attempt), true) {
            self.outputs.push_back(Output::Offer { link, ice_restart: false });
        }
    }

    /// An offer came.
    #[inline(never)]
    pub(crate) fn accept(&mut self, doc: &mut Doc, offer: Description) {
        let id = offer.from_peer_id;
        let ours_stands = self.peer_id < id;
        let now = self.now;
        let Some(peer) = self.peer(&id) else { return };
        if peer.blocked_until.is_some_and(|until| now < until) {
            return;
        }
        if let Some(link) = &peer.link {
            let same = link.attempt.is_some() && link.attempt == offer.connection;
            if same && !link.offerer {
                let link = link.id;
                self.outputs.push_back(Output::Accept { link, offer: offer.sdp });
                return;
            }
            let unanswered = link.offerer && !link.described;
            if unanswered && ours_stands {
                return;
            }
        }
        let has_link = peer.link.is_some();
        if !peer.offers.allows(now, OFFERS_OF_ONE, OFFER_STRETCH)
            || !self.offers.allows(now, OFFERS_OF_ALL, OFFER_STRETCH)
        {
            return;
        }
        if offer.connection.as_ref().is_some_and(|attempt| self.closed.contains(attempt)) {
            // The other side restarts a link that is closed here: that end cannot be had back.
            if !has_link {
                self.offer_link(&id);
            }
            return;
        }
        self.drop_link(doc, &id);
        let Some(link) = self.open_link(&id, offer.connection, false) else { return };
        self.outputs.push_back(Output::Accept { link, offer: offer.sdp });
        if let Some(peer) = self.peers.get_mut(&id)
            && let Some(attempt) = peer.link.as_ref().map(|link| link.attempt.clone())
        {
            let mut candidates = peer.early(&attempt);
            candidates.extend(peer.link.as_mut().map(Link::describe).unwrap_or_default());
            let added = candidates.into_iter().map(|candidate| Output::AddCandidate { link, candidate });
            self.outputs.extend(added);
        }
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, answer: Description) {
        let Some(link) = self.peers.get_mut(&answer.from_peer_id).and_then(|peer| peer.link.as_mut()) else {
            return;
        };
        // Those who do not know attempts can only mean the present one.
        let same = answer.connection.is_none() || answer.connection == link.attempt;
        if !link.offerer || !same {
            return;
        }
        let id = link.id;
        self.outputs.push_back(Output::Complete { link: id, answer: answer.sdp });
        let early = link.describe();
        self.outputs.extend(early.into_iter().map(|candidate| Output::AddCandidate { link: id, candidate }));
    }

    /// A candidate of a peer came.
    pub(crate) fn remote_candidate(&mut self, candidate: Candidate) {
        if candidate.candidate.len() > MAX_CANDIDATE {
            return;
        }
        let Some(peer) = self.peers.get_mut(&candidate.from_peer_id) else { return };
        match &mut peer.link {
            Some(link) if candidate.connection.is_none() || candidate.connection == link.attempt => {
                if link.described {
                    let (link, candidate) = (link.id, candidate.candidate);
                    self.outputs.push_back(Output::AddCandidate { link, candidate });
                } else {
                    link.keep(candidate.candidate);
                }
            }
            _ => peer.keep(candidate.connection, candidate.candidate),
        }
    }

    /// A local description is ready to be sent.
    pub(crate) fn described(&mut self, link: LinkId, description: String) {
        let Some((to_peer_id, link)) = self.find_link(link) else { return };
        let offerer = link.offerer;
        let description = Description {
            from_peer_id: self.peer_id.clone(),
            to_peer_id,
            sdp: description,
            connection: link.attempt.clone(),
        };
        self.send_signaling(&match offerer {
            true => ClientMessage::Offer(description),
            false => ClientMessage::Answer(description),
        });
    }

    /// A local candidate is ready to be sent.
    pub(crate) fn candidate(&mut self, link: LinkId, candidate: String) {
        let Some((to_peer_id, link)) = self.find_link(link) else { return };
        let connection = link.attempt.clone();
        let from_peer_id = self.peer_id.clone();
        let candidate = Candidate { from_peer_id, to_peer_id, candidate, connection };
        self.send_signaling(&ClientMessage::IceCandidate(candidate));
    }

    /// Another than this peer that said it is this replica.
    pub(crate) fn peer_with(&self, replica: ReplicaId, not: &str) -> Option<String> {
        let is = |peer: &Peer| peer.link.as_ref().and_then(|link| link.sync.replica()) == Some(replica);
        self.peers.iter().find(|(id, peer)| *id != not && is(peer)).map(|(id, _)| id.clone())
    }

    pub(crate) fn find_link(&self, link: LinkId) -> Option<(String, &Link)> {
        let id = self.links.get(&link)?;
        Some((id.clone(), self.peers.get(id)?.link.as_ref()?))
    }

    /// If both sides just said Hello, the peer is connected.
    #[inline(never)]
    pub(crate) fn check_ready(&mut self, doc: &mut Doc, link: LinkId) {
        let Some((id, found)) = self.find_link(link) else { return };
        let Some(replica) = found.sync.replica().filter(|_| found.sync.is_ready()) else { return };
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.was_connected = true;
            peer.backoff.reset();
        }
        self.peers_changed = true;
        self.set_pulses();
        let others: Vec<_> = self.links.keys().copied().filter(|other| *other != link).collect();
        let neighbors =
            others.iter().filter_map(|&other| self.find_link(other)?.1.sync.replica()).collect::<Vec<_>>();
        for other in others {
            self.with_sync(doc, other, |sync, cx| sync.neighbors(cx, vec![replica], Vec::new()));
        }
        self.with_sync(doc, link, |sync, cx| {
            if !neighbors.is_empty() {
                sync.neighbors(cx, neighbors, Vec::new());
            }
            // The first heartbeat goes at once: it tells the round-trip time.
            sync.timeout(cx);
        });
    }

    fn set_pulses(&mut self) {
        let count = self.links.len();
        for link in self.peers.values_mut().filter_map(|peer| peer.link.as_mut()) {
            link.sync.pulse.set_peers(count);
        }
    }

    /// Closes the link to a peer, if there is one. The peer stays in the list.
    pub(crate) fn drop_link(&mut self, doc: &mut Doc, id: &str) {
        let Some(link) = self.peers.get_mut(id).and_then(|peer| peer.link.take()) else { return };
        self.links.remove(&link.id);
        self.outputs.push_back(Output::CloseLink { link: link.id });
        self.peers_changed = true;
        if let Some(attempt) = link.attempt.filter(|attempt| attempt.len() <= MAX_ATTEMPT) {
            if self.closed.len() == CLOSED {
                self.closed.remove(0);
            }
            self.closed.push(attempt);
        }
        doc.forget_source(link.id.source());
        let replica = link.sync.replica().filter(|_| link.sync.is_ready());
        // One that only claimed to be another was never told of.
        if let Some(replica) = replica.filter(|&replica| self.peer_with(replica, id).is_none()) {
            self.set_pulses();
            let others: Vec<_> = self.links.keys().copied().collect();
            for other in others {
                self.with_sync(doc, other, |sync, cx| sync.neighbors(cx, Vec::new(), vec![replica]));
            }
        }
    }

    /// The peer is gone.
    pub(crate) fn remove_peer(&mut self, doc: &mut Doc, id: &str) {
        self.drop_link(doc, id);
        self.peers_changed |= self.peers.remove(id).is_some();
    }

    /// The link to a peer is of no use any more. Whether the peer is gone is for the server to say.
    pub(crate) fn lose_link(&mut self, doc: &mut Doc, id: &str) {
        self.drop_link(doc, id);
        let yields = self.peer_id.as_str() > id;
        let Some(peer) = self.peers.get_mut(id) else { return };
        if !peer.listed || !self.signaling.is_joined() {
            self.remove_peer(doc, id);
            return;
        }
        let mut delay = peer.backoff.fail(&mut self.random);
        if yields {
            delay += YIELD;
        }
        peer.retry_at = Some(self.now + delay);
    }

    pub(crate) fn link_failed(&mut self, doc: &mut Doc, link: LinkId, error: &str) {
        let Some((id, found)) = self.find_link(link) else { return };
        if !found.sync.is_ready() {
            let label = self.peers.get(&id).map(|peer| peer.label(&id)).unwrap_or_default();
            self.event(Event::Problem(format!("connecting to {label} failed: {error}")));
        }
        self.lose_link(doc, &id);
    }

    /// A link never came up.
    pub(crate) fn connect_failed(&mut self, doc: &mut Doc, id: &str) {
        if let Some(peer) = self.peers.get(id)
            && peer.backoff.failures() + 1 == TELL_AFTER
        {
            let label = peer.label(id);
            let what = match peer.was_connected {
                // There was a path once, so it is more likely asleep or without network.
                true => format!("{label} cannot be reached any more. Trying again"),
                false => format!(
                    "no direct path to {label} was found; a TURN server may be needed (see --ice-server). Trying again"
                ),
            };
            self.event(Event::Problem(what));
        }
        self.lose_link(doc, id);
    }

    /// Does what is due.
    #[inline(never)]
    pub(crate) fn run_timers(&mut self, doc: &mut Doc) {
        self.run_signaling_timers();
        let now = self.now;
        let joined = self.signaling.is_joined();
        let due = self.peers.iter().flat_map(|(id, peer)| {
            peer.due(joined).filter(|(at, _)| *at <= now).map(|(_, due)| (id.clone(), due))
        });
        for (id, due) in due.collect::<Vec<_>>() {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            match due {
                Due::Retry => {
                    peer.blocked_until = None;
                    self.offer_link(&id);
                }
                Due::ConnectTimedOut => self.connect_failed(doc, &id),
                Due::SuspicionChanged => {
                    if let Some(link) = &mut peer.link {
                        link.suspect = true;
                        self.peers_changed = true;
                    }
                }
                Due::RestartIce => {
                    if let Some(link) = &mut peer.link {
                        link.restart_until = Some(now + RESTART_TIMEOUT);
                        self.outputs.push_back(Output::Offer { link: link.id, ice_restart: true });
                    }
                }
                Due::Silent | Due::GiveUpLink => self.lose_link(doc, &id),
                Due::Sync => {
                    if let Some(link) = peer.link.as_ref().map(|link| link.id) {
                        self.with_sync(doc, link, |sync, cx| sync.timeout(cx));
                    }
                }
            }
        }
    }
}
