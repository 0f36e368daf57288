//! An address that a TURN server lends (RFC 8656).

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use stun_proto::agent::Transmit;
use stun_proto::types::attribute::ErrorCode;
use stun_proto::types::message::{Message, MessageClass, TransactionId};
use turn_client_proto::api::{TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::client::TurnClient;
use turn_client_proto::prelude::{DelayedTransmitBuild as _, TurnClientApi as _};
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::types::{
    AddressFamily, TransportType, TurnCredentials,
    message::{ALLOCATE, REFRESH},
};
use turn_client_proto::udp::TurnClientUdp;

use super::clock::Clock;
use super::server::Transport;
use crate::connection::Packet;

/// Addresses of the peer that something may be sent to: it says itself which it has.
const MAX_PEERS: usize = 64;

/// Packets that wait for the server to allow them.
const MAX_WAITING: usize = 32;

/// So long between two looks at a machine that wants to be looked at at once.
const SHORTEST: Duration = Duration::from_millis(5);

/// An allocation, perhaps still to be. It is kept alive until it is closed.
#[derive(Debug)]
pub(crate) struct Relay {
    clock: Clock,
    client: TurnClient,
    relayed: Option<SocketAddr>,
    /// Those the server was asked to let through.
    peers: Vec<IpAddr>,
    /// Those with a channel, for which packets have a short header.
    channels: Vec<SocketAddr>,
    waiting: Vec<(SocketAddr, Vec<u8>)>,
    ready: VecDeque<Vec<u8>>,
    wake: Option<Instant>,
    /// The requests for an address that were sent.
    asked: Vec<TransactionId>,
    failure: Option<Failure>,
    closing: bool,
    closed: bool,
}

/// What is to be done, or told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To be sent to the server.
    Transmit(Vec<u8>),
    /// The server lends this address.
    Found(SocketAddr),
    /// It does so no more.
    Lost(SocketAddr),
}

/// Why a server lends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    NoAnswer,
    /// User name or password are wrong.
    Credentials,
    /// Another error of the server, with its number and words.
    Refused(u16, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => write!(f, "it does not answer"),
            Self::Credentials => write!(f, "user name or password are wrong"),
            Self::Refused(code, reason) => write!(f, "it refuses: {reason} (error {code})"),
        }
    }
}

impl Relay {
    /// Asks a server for an address of its own family, from the socket with this address.
    pub(crate) fn new(
        now: Instant,
        transport: Transport,
        server: SocketAddr,
        base: SocketAddr,
        (username, password): (&str, &str),
    ) -> Self {
        let mut config = TurnConfig::new(TurnCredentials::new(username, password));
        if server.is_ipv6() {
            config.set_address_family(AddressFamily::IPV6);
        }
        let client = match transport {
            Transport::Udp => TurnClientUdp::allocate(base, server, config).into(),
            // TLS is for others.
            Transport::Tcp | Transport::Tls => TurnClientTcp::allocate(base, server, config).into(),
        };
        Self {
            clock: Clock::new(now),
            client,
            relayed: None,
            peers: Vec::new(),
            channels: Vec::new(),
            waiting: Vec::new(),
            ready: VecDeque::new(),
            wake: None,
            asked: Vec::new(),
            failure: None,
            closing: false,
            closed: false,
        }
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.client.remote_addr()
    }

    pub(crate) fn base(&self) -> SocketAddr {
        self.client.local_addr()
    }

    /// The address that is lent.
    pub(crate) const fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Why there is none any more, or will be none.
    pub(crate) const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// When it wants to be polled.
    pub(crate) const fn wake(&self) -> Option<Instant> {
        self.wake
    }

    /// What is to be done; to be called until it gives nothing, and at [`wake`](Self::wake).
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Step> {
        let at = self.clock.at(now);
        while let Some(event) = self.client.poll_event() {
            match event {
                TurnEvent::AllocationCreated(_, relayed) if self.relayed.is_none() => {
                    self.relayed = Some(relayed);
                    return Some(Step::Found(relayed));
                }
                TurnEvent::AllocationCreateFailed(_) if self.relayed.is_none() => self.fail(),
                TurnEvent::PermissionCreated(_, ip) => self.release(now, ip),
                TurnEvent::PermissionCreateFailed(_, ip) => self.waiting.retain(|(to, _)| to.ip() != ip),
                _ => {}
            }
        }
        if let Some(data) = self.ready.pop_front() {
            return Some(Step::Transmit(data));
        }
        if let Some(transmit) = self.client.poll_transmit(at) {
            if let Ok(message) = Message::from_bytes(&transmit.data) {
                self.closed |= self.closing && message.has_method(REFRESH);
                let (is_asked, id) = (message.has_method(ALLOCATE), message.transaction_id());
                if is_asked && !self.asked.contains(&id) {
                    self.asked.push(id);
                }
            }
            return Some(Step::Transmit(transmit.data.to_vec()));
        }
        self.wake = match self.client.poll(at) {
            TurnPollRet::WaitUntil(at) => Some(self.clock.time(at).max(now + SHORTEST)),
            TurnPollRet::Closed => {
                self.fail();
                None
            }
            // Nothing here is about TCP between server and peer.
            TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => Some(now + SHORTEST),
        };
        if self.client.relayed_addresses().next().is_none()
            && let Some(relayed) = self.relayed.take()
        {
            self.fail();
            return Some(Step::Lost(relayed));
        }
        None
    }

    fn fail(&mut self) {
        self.failure.get_or_insert(Failure::NoAnswer);
    }

    /// What to send to the server, so that a packet goes to a peer. Until the server lets it through, it waits.
    pub(crate) fn send(&mut self, now: Instant, to: SocketAddr, data: Vec<u8>) -> Option<Vec<u8>> {
        let at = self.clock.at(now);
        if !self.client.have_permission(TransportType::Udp, to.ip()) {
            if !self.peers.contains(&to.ip()) {
                if self.peers.len() == MAX_PEERS {
                    return None;
                }
                self.peers.push(to.ip());
            }
            if self.waiting.len() < MAX_WAITING {
                self.waiting.push((to, data));
            }
            // An error means that it was asked for already, or that the address was lost.
            let _ = self.client.create_permission(TransportType::Udp, to.ip(), at);
            return None;
        }
        // Checks go to all addresses of a peer, everything else to the one that was chosen.
        let is_check = data.first().is_some_and(|first| *first < 4);
        if !is_check && !self.channels.contains(&to) && self.channels.len() < MAX_PEERS {
            self.channels.push(to);
            let _ = self.client.bind_channel(TransportType::Udp, to, at);
        }
        let sent = self.client.send_to(TransportType::Udp, to, data, at).ok()??;
        let mut data = sent.data.build();
        if self.client.transport() == TransportType::Tcp {
            data.resize(data.len().next_multiple_of(4), 0);
        }
        Some(data)
    }

    fn release(&mut self, now: Instant, ip: IpAddr) {
        let waiting: Vec<_> = self.waiting.extract_if(.., |(to, _)| to.ip() == ip).collect();
        for (to, data) in waiting {
            let sent = self.send(now, to, data);
            self.ready.extend(sent);
        }
    }

    /// Takes a packet, or one message of the stream, from the server; hands over what peers sent. `false` if it is
    /// none of the server's.
    pub(crate) fn receive(&mut self, now: Instant, data: &[u8], relayed: impl FnOnce(Packet<'_>)) -> bool {
        self.note_refusal(data);
        let transmit = Transmit::new(data, self.client.transport(), self.server(), self.base());
        match self.client.recv(transmit, self.clock.at(now)) {
            TurnRecvRet::PeerData(data) => {
                if let Some(to) = self.relayed {
                    relayed(Packet { from: data.peer, to, data: data.data() });
                }
                true
            }
            TurnRecvRet::Handled | TurnRecvRet::PeerIcmp { .. } => true,
            TurnRecvRet::Ignored(_) => false,
        }
    }

    /// Sees why an address is refused. The machine does not tell, and does not believe it without a
    /// signature, which a server does not give to whom it does not know.
    fn note_refusal(&mut self, data: &[u8]) {
        if self.relayed.is_some() || self.failure.is_some() {
            return;
        }
        let Ok(message) = Message::from_bytes(data) else { return };
        let asked = self.asked.iter().position(|id| *id == message.transaction_id());
        let (Some(asked), true, Ok(error)) =
            (asked, message.has_class(MessageClass::Error), message.attribute::<ErrorCode>())
        else {
            return;
        };
        let failure = match error.code() {
            // The first one only asks for the password; a stale nonce for the same with another one.
            ErrorCode::UNAUTHORIZED if asked == 0 => return,
            ErrorCode::STALE_NONCE => return,
            ErrorCode::UNAUTHORIZED | ErrorCode::WRONG_CREDENTIALS => Failure::Credentials,
            code => {
                let reason = error.reason().chars().filter(|character| !character.is_control()).take(80);
                Failure::Refused(code, reason.collect())
            }
        };
        self.failure = Some(failure);
        self.client.protocol_error();
    }

    /// Gives the address back; what is to be sent for that comes from [`poll`](Self::poll).
    pub(crate) fn close(&mut self, now: Instant) {
        if !self.closing {
            self.closing = true;
            self.closed = self.client.delete(self.clock.at(now)).is_err();
        }
    }

    /// Whether it was given back.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }
}
