//! The client side of signaling: joining, being told of others, finding the server again.
//!
//! Links do not depend on the server once they are up: losing it costs only that newcomers
//! cannot come in.

use std::time::Duration;

use conjoin_core::Doc;
use conjoin_signaling::{
    ClientMessage, ErrorCode, IceServer, MAX_ID, MAX_NAME, MAX_SERVER_MESSAGE, PeerEntry, ServerMessage,
};

use crate::backoff::Backoff;
use crate::io::{Event, Output, Status};
use crate::link::Link;
use crate::manager::Manager;
use crate::peer::Peer;

/// The server must open the socket, and then answer a join, within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that is asked whether it is still there must answer within this time.
const CHECK_PATIENCE: Duration = Duration::from_secs(4);

/// The newcomer offers; if it does not within this time, we do.
const OFFER_PATIENCE: Duration = Duration::from_secs(4);

/// Peers in the list. A full mesh is at its end well before; a server that names peers without
/// end must not fill the memory.
const MAX_PEERS: usize = 1024;

/// A peer that the server says left, but to which there is a link, must be heard in this time.
pub(crate) const PROBE: Duration = Duration::from_millis(2500);

#[derive(Debug)]
pub(crate) struct Signaling {
    status: Status,
    /// Until when the server must say something, and how long it was given.
    answer_by: Option<(Duration, Duration)>,
    backoff: Backoff,
    ice_servers: Vec<IceServer>,
    resume_token: Option<String>,
    /// The user was told that there are too many peers.
    crowded: bool,
}

impl Default for Signaling {
    fn default() -> Self {
        Self {
            status: Status::Offline,
            answer_by: None,
            backoff: Backoff::new(Duration::from_secs(1)),
            ice_servers: Vec::new(),
            resume_token: None,
            crowded: false,
        }
    }
}

impl Signaling {
    pub(crate) const fn status(&self) -> &Status {
        &self.status
    }

    pub(crate) fn is_joined(&self) -> bool {
        self.status == Status::Joined
    }

    pub(crate) fn ice_servers(&self) -> Vec<IceServer> {
        self.ice_servers.clone()
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let retry = if let Status::Retrying { at, .. } = self.status { Some(at) } else { None };
        retry.or(self.answer_by.map(|(at, _)| at))
    }
}

impl Manager {
    fn set_status(&mut self, status: Status) {
        if self.signaling.status != status {
            self.signaling.status = status;
            self.event(Event::Status);
        }
    }

    pub(crate) fn open_signaling(&mut self) {
        let Some(session) = &self.session else { return };
        let url = session.server.clone();
        self.set_status(Status::Connecting);
        self.signaling.answer_by = Some((self.now + PATIENCE, PATIENCE));
        self.outputs.push_back(Output::OpenSignaling { url });
    }

    pub(crate) fn send_signaling(&mut self, message: &ClientMessage) {
        let text = message.to_json();
        self.stats.signaling_sent += text.len() as u64;
        self.outputs.push_back(Output::SendSignaling(text));
    }

    fn join(&mut self, patience: Duration) {
        let Some(session) = &self.session else { return };
        let join = ClientMessage::Join {
            room_id: session.room.clone(),
            peer_id: self.peer_id.clone(),
            peer_name: session.name.clone(),
            resume_token: self.signaling.resume_token.clone(),
        };
        self.signaling.answer_by = Some((self.now + patience, patience));
        self.send_signaling(&join);
    }

    pub(crate) fn signaling_opened(&mut self) {
        if self.signaling.status == Status::Connecting {
            self.join(PATIENCE);
        }
    }

    /// Leaves the room, if in one.
    pub(crate) fn leave_signaling(&mut self) {
        if let (Some(session), true) = (&self.session, self.signaling.is_joined()) {
            let leave = ClientMessage::Leave { room_id: session.room.clone(), peer_id: self.peer_id.clone() };
            self.send_signaling(&leave);
        }
        if matches!(self.signaling.status, Status::Connecting | Status::Joined) {
            self.outputs.push_back(Output::CloseSignaling);
        }
        self.signaling = Signaling { status: self.signaling.status.clone(), ..Signaling::default() };
        self.set_status(Status::Offline);
    }

    pub(crate) fn signaling_closed(&mut self, reason: String) {
        if !matches!(self.signaling.status, Status::Connecting | Status::Joined) {
            return;
        }
        self.signaling.answer_by = None;
        let at = self.now + self.signaling.backoff.fail(&mut self.random);
        self.set_status(Status::Retrying { reason, at });
    }

    /// Something happened to the network: the socket may be dead without knowing it.
    pub(crate) fn check_signaling(&mut self) {
        match self.signaling.status {
            Status::Retrying { .. } => self.open_signaling(),
            // A server that gives tokens answers a second join of the same socket with the list
            // alone; others might tell the room.
            Status::Joined if self.signaling.resume_token.is_some() => self.join(CHECK_PATIENCE),
            _ => {}
        }
    }

    pub(crate) fn run_signaling_timers(&mut self) {
        let due = |at: Duration| at <= self.now;
        match (&self.signaling.status, self.signaling.answer_by) {
            (Status::Retrying { at, .. }, _) if due(*at) => self.open_signaling(),
            (Status::Connecting | Status::Joined, Some((at, patience))) if due(at) => {
                self.outputs.push_back(Output::CloseSignaling);
                let url = self.session.as_ref().map(|session| session.server.clone()).unwrap_or_default();
                let seconds = patience.as_secs();
                self.signaling_closed(format!("signaling server at {url} did not answer within {seconds} s"));
            }
            _ => {}
        }
    }

    #[inline(never)]
    pub(crate) fn signaling_message(&mut self, doc: &mut Doc, text: &str) {
        if !matches!(self.signaling.status, Status::Connecting | Status::Joined) {
            return;
        }
        self.stats.signaling_received += text.len() as u64;
        let message = match ServerMessage::from_json(text) {
            Ok(message) => message,
            Err(error) => {
                let what =
                    if text.len() > MAX_SERVER_MESSAGE { "too much" } else { "something that is no message" };
                return self.event(Event::Problem(format!("the signaling server sent {what}: {error}")));
            }
        };
        let here = |room: &str| self.session.as_ref().is_some_and(|session| session.room == room);
        match message {
            ServerMessage::Peers { room_id, peers, ice_servers, resume_token } if here(&room_id) => {
                self.signaling.answer_by = None;
                self.signaling.backoff.reset();
                self.signaling.ice_servers = ice_servers;
                self.signaling.resume_token = resume_token.or(self.signaling.resume_token.take());
                self.set_status(Status::Joined);
                self.listed(doc, peers);
            }
            ServerMessage::PeerJoined { room_id, peer_id, peer_name }
                if here(&room_id) && peer_id != self.peer_id =>
            {
                let retry_at = self.now + OFFER_PATIENCE;
                let Some(peer) = self.peer(&peer_id) else { return };
                peer.probe = None;
                peer.name = peer_name.filter(|name| name.len() <= MAX_NAME).or(peer.name.take());
                if peer.link.is_none() {
                    peer.retry_at = Some(retry_at);
                }
                self.peers_changed = true;
            }
            ServerMessage::PeerLeft { room_id, peer_id } if here(&room_id) => self.left(doc, &peer_id),
            ServerMessage::Offer(offer) if offer.from_peer_id != self.peer_id => self.accept(doc, offer),
            ServerMessage::Answer(answer) => self.answered(answer),
            ServerMessage::IceCandidate(candidate) => self.remote_candidate(candidate),
            ServerMessage::Error { message, code } => self.refused(message, code),
            _ => {}
        }
    }

    /// A peer that the server names, unless there are too many to keep one more.
    pub(crate) fn peer(&mut self, id: &str) -> Option<&mut Peer> {
        if id.len() > MAX_ID {
            return None;
        }
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(id) {
            if !std::mem::replace(&mut self.signaling.crowded, true) {
                let problem = format!("the room has more than {MAX_PEERS} others; the rest are left out");
                self.event(Event::Problem(problem));
            }
            return None;
        }
        let peer = self.peers.entry(id.to_owned()).or_insert_with(|| Peer::new(None, true));
        peer.listed = true;
        Some(peer)
    }

    /// The server's list of those in the room, after a join.
    fn listed(&mut self, doc: &mut Doc, entries: Vec<PeerEntry>) {
        for peer in self.peers.values_mut() {
            peer.listed = false;
        }
        for entry in entries {
            if entry.id == self.peer_id {
                continue;
            }
            let Some(peer) = self.peer(&entry.id) else { continue };
            peer.probe = None;
            peer.name = entry.name.filter(|name| name.len() <= MAX_NAME).or(peer.name.take());
            // An offer of ours that was never answered may have been lost with the old socket. And where
            // the path is down too, the others take us for new and wait for our offer.
            let lost = |link: &Link| link.offerer && !link.described || link.down_since.is_some();
            if peer.link.as_ref().is_some_and(lost) {
                self.drop_link(doc, &entry.id);
            }
            let peer = self.peers.get(&entry.id);
            if peer.is_some_and(|peer| peer.link.is_none() && peer.blocked_until.is_none()) {
                self.offer_link(&entry.id);
            }
        }
        let gone = self.peers.iter().filter(|(_, peer)| !peer.listed && !peer.is_ready());
        for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove_peer(doc, &id);
        }
        self.peers_changed = true;
    }

    /// The server says that a peer left: believed unless the peer itself is heard.
    fn left(&mut self, doc: &mut Doc, id: &str) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.listed = false;
        match &mut peer.link {
            Some(link) if link.sync.is_ready() => {
                link.sync.pulse.hurry(now);
                peer.probe = Some((now, now + PROBE));
            }
            _ => self.remove_peer(doc, id),
        }
    }

    fn refused(&mut self, message: String, code: Option<ErrorCode>) {
        match code {
            // Trying again would only take the id from each other in turns.
            Some(ErrorCode::IdTaken | ErrorCode::Replaced) => {
                self.outputs.push_back(Output::CloseSignaling);
                self.signaling.answer_by = None;
                self.set_status(Status::Refused { reason: message });
            }
            Some(ErrorCode::Full) if self.signaling.status == Status::Connecting => {
                self.outputs.push_back(Output::CloseSignaling);
                self.signaling_closed(message);
            }
            // The peer left while a message to it was on its way.
            Some(ErrorCode::UnknownPeer) => {}
            _ => self.event(Event::Problem(format!("signaling server: {message}"))),
        }
    }
}
