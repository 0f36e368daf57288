//! Finding out at which addresses others can reach a link: STUN servers tell what a NAT makes of its own, TURN
//! servers lend some (RFC 8445, section 5.1.1).
//!
//! Without I/O: a [`Gatherer`] says what to send, and sees what came before the connection does. A server
//! is asked from the address that packets to it leave from.

mod clock;
mod frames;
mod query;
mod relay;
mod server;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use stun_proto::types::message::Message;
use tokio::sync::mpsc::Sender;

use crate::connection::{LocalCandidate, Packet};

pub(crate) use self::frames::Frames;
pub(crate) use self::query::{Query, other_address};
pub(crate) use self::relay::{Failure, Relay, Step};
pub(crate) use self::server::{Server, Service, Transport};

/// A NAT may have forgotten an address that nothing came through for this long.
const STALE: Duration = Duration::from_secs(20);

/// So many servers, at most, are asked.
pub(crate) const MAX_SERVERS: usize = 16;

/// Asks servers, and speaks with them as long as the link lives.
#[derive(Debug, Default)]
pub(crate) struct Gatherer {
    /// Those over UDP, whose names were found.
    servers: Vec<(Service, SocketAddr)>,
    queries: Vec<Query>,
    lenders: Vec<Lender>,
    ready: VecDeque<Gathered>,
    wake: Option<Instant>,
    closing: bool,
}

/// A relay, and the stream to it if it is not spoken to over UDP.
#[derive(Debug)]
struct Lender {
    relay: Relay,
    outlet: Option<Sender<Vec<u8>>>,
}

impl Lender {
    /// From where to where it goes.
    fn path(&self) -> (SocketAddr, SocketAddr) {
        (self.relay.base(), self.relay.server())
    }

    /// Hands a message to the stream, or says that it is to be sent.
    fn transmit(&self, data: Vec<u8>) -> Option<Gathered> {
        let Some(outlet) = &self.outlet else {
            let (from, to) = self.path();
            return Some(Gathered::Transmit { from, to, data });
        };
        // One that is full or broken loses it, as a datagram may be lost.
        let _ = outlet.try_send(data);
        None
    }

    fn found(&self, address: SocketAddr) -> LocalCandidate {
        LocalCandidate::Relayed { address, base: self.relay.base() }
    }
}

/// What is to be done, or told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    Transmit { from: SocketAddr, to: SocketAddr, data: Vec<u8> },
    Found(LocalCandidate),
    Lost(LocalCandidate),
}

impl Gatherer {
    /// Asks one more server, over UDP. `base` gives the address of the socket that packets to it leave from.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        service: Service,
        server: SocketAddr,
        base: impl Fn(SocketAddr) -> Option<SocketAddr>,
    ) {
        let known = self.servers.iter().any(|(known, address)| (known, address) == (&service, &server));
        if self.closing || known || self.servers.len() == 2 * MAX_SERVERS {
            return;
        }
        self.servers.push((service, server));
        self.ask(now, base);
    }

    /// Packets may take other ways now, and not all addresses are there any more. What was found from one that
    /// is not is withdrawn with it.
    pub(crate) fn reroute(
        &mut self,
        now: Instant,
        is_here: impl Fn(IpAddr) -> bool,
        base: impl Fn(SocketAddr) -> Option<SocketAddr>,
    ) {
        self.queries.retain(|query| is_here(query.base().ip()));
        self.lenders.retain(|lender| is_here(lender.relay.base().ip()) && lender.relay.failure().is_none());
        self.ask(now, base);
    }

    /// Asks those that were not asked from where packets to them leave.
    fn ask(&mut self, now: Instant, base: impl Fn(SocketAddr) -> Option<SocketAddr>) {
        for (service, server) in &self.servers {
            let Some(base) = base(*server) else { continue };
            let path = (base, *server);
            match service {
                Service::Stun if !self.queries.iter().any(|it| (it.base(), it.server()) == path) => {
                    self.queries.push(Query::new(now, *server, base));
                }
                Service::Turn { username, password }
                    if !self.lenders.iter().any(|lender| lender.path() == path) =>
                {
                    let relay = Relay::new(now, Transport::Udp, *server, base, (username, password));
                    self.lenders.push(Lender { relay, outlet: None });
                }
                _ => {}
            }
        }
        self.wake = Some(now);
    }

    /// Asks again for what may be different by now.
    pub(crate) fn refresh(&mut self, now: Instant) {
        for query in &mut self.queries {
            query.refresh(now, STALE);
        }
    }

    /// Whether there is nothing to do at all.
    pub(crate) fn is_idle(&self) -> bool {
        self.queries.is_empty() && self.lenders.is_empty() && self.ready.is_empty()
    }

    /// What is to be done; to be called until it gives nothing, after everything else and at
    /// [`wake`](Self::wake).
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Gathered> {
        if let Some(gathered) = self.ready.pop_front() {
            return Some(gathered);
        }
        for query in &mut self.queries {
            if let Some(data) = query.poll(now) {
                return Some(Gathered::Transmit { from: query.base(), to: query.server(), data });
            }
        }
        for lender in &mut self.lenders {
            while let Some(step) = lender.relay.poll(now) {
                let gathered = match step {
                    Step::Transmit(data) => lender.transmit(data),
                    Step::Found(address) => Some(Gathered::Found(lender.found(address))),
                    Step::Lost(address) => Some(Gathered::Lost(lender.found(address))),
                };
                if gathered.is_some() {
                    return gathered;
                }
            }
        }
        let wakes = self.queries.iter().filter_map(Query::wake);
        self.wake = wakes.chain(self.lenders.iter().filter_map(|lender| lender.relay.wake())).min();
        None
    }

    /// When it wants to be polled.
    pub(crate) const fn wake(&self) -> Option<Instant> {
        self.wake
    }

    /// Looks at a packet before the connection does, and hands over what came through a relay. `false` if it
    /// is for the connection as it is.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        relayed: impl FnOnce(Packet<'_>),
    ) -> bool {
        let is_server = |server| server == packet.from;
        if self.queries.iter().any(|query| is_server(query.server()))
            && let Ok(message) = Message::from_bytes(packet.data)
        {
            for query in &mut self.queries {
                let (before, base) = (query.answer().map(|it| it.mapped), query.base());
                if query.receive(now, packet.from, &message) {
                    let after = query.answer().map(|it| it.mapped);
                    if before != after {
                        let candidate = |address| LocalCandidate::Reflexive { address, base };
                        self.ready.extend(before.map(|gone| Gathered::Lost(candidate(gone))));
                        self.ready.extend(after.map(|found| Gathered::Found(candidate(found))));
                    }
                    return true;
                }
            }
        }
        let is_relay = |lender: &&mut Lender| {
            lender.outlet.is_none()
                && is_server(lender.relay.server())
                && lender.relay.base().ip() == packet.to.ip()
        };
        let lender = self.lenders.iter_mut().find(is_relay);
        lender.is_some_and(|lender| lender.relay.receive(now, packet.data, relayed))
    }

    /// Whether packets from this address leave through a relay.
    pub(crate) fn lends(&self, from: SocketAddr) -> bool {
        self.lenders.iter().any(|lender| lender.relay.relayed() == Some(from))
    }

    /// Sends a packet through the relay whose address it is sent from.
    pub(crate) fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let lender = self.lenders.iter_mut().find(|lender| lender.relay.relayed() == Some(from));
        let Some(lender) = lender else { return };
        if let Some(data) = lender.relay.send(now, to, data) {
            self.ready.extend(lender.transmit(data));
        }
    }

    /// Whether there is a stream to this server.
    pub(crate) fn has_stream(&self, server: SocketAddr) -> bool {
        self.lenders.iter().any(|lender| lender.outlet.is_some() && lender.relay.server() == server)
    }

    /// Asks a TURN server over a stream, into which `outlet` leads. `base` is the address of its end here.
    pub(crate) fn add_stream(
        &mut self,
        now: Instant,
        (base, server): (SocketAddr, SocketAddr),
        credentials: (&str, &str),
        outlet: Sender<Vec<u8>>,
    ) {
        if !self.closing {
            let relay = Relay::new(now, Transport::Tcp, server, base, credentials);
            self.lenders.push(Lender { relay, outlet: Some(outlet) });
        }
    }

    /// A message came in a stream.
    pub(crate) fn receive_stream(
        &mut self,
        now: Instant,
        path: (SocketAddr, SocketAddr),
        data: &[u8],
        relayed: impl FnOnce(Packet<'_>),
    ) {
        let lender = self.lenders.iter_mut().find(|lender| lender.outlet.is_some() && lender.path() == path);
        if let Some(lender) = lender {
            lender.relay.receive(now, data, relayed);
        }
    }

    /// A stream has ended.
    pub(crate) fn remove_stream(&mut self, path: (SocketAddr, SocketAddr)) {
        let is_gone = |lender: &mut Lender| lender.outlet.is_some() && lender.path() == path;
        for lender in self.lenders.extract_if(.., is_gone) {
            let lost = lender.relay.relayed().map(|address| Gathered::Lost(lender.found(address)));
            self.ready.extend(lost);
        }
    }

    /// Gives back what was lent, which takes a moment: see [`is_closed`](Self::is_closed).
    pub(crate) fn close(&mut self, now: Instant) {
        self.closing = true;
        self.servers.clear();
        self.queries.clear();
        for lender in &mut self.lenders {
            lender.relay.close(now);
        }
    }

    /// Whether all was given back.
    pub(crate) fn is_closed(&self) -> bool {
        self.lenders.iter().all(|lender| lender.relay.is_closed())
    }
}
