//! What a link needs of a WebRTC stack: one connection with both channels, without I/O.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use conjoin_peer::{Channel, LinkState};

/// The channels of each connection.
pub(crate) const CHANNELS: [Channel; 2] = [Channel::Bulk, Channel::Live];

/// A connection to a peer, perhaps still to be.
///
/// Descriptions and candidates are JSON text as browsers make it. After every call but
/// [`buffered`](Self::buffered) the connection is polled until it is idle.
pub(crate) trait Connection: Send {
    /// Adds an address of this machine; gives the candidate to tell the peer, if it is news.
    fn add_local(&mut self, local: LocalCandidate) -> Option<String>;

    /// An address of this machine is gone, and all that was found from there.
    fn remove_local(&mut self, address: IpAddr);

    /// A way to this machine works no more.
    fn withdraw(&mut self, local: LocalCandidate);

    /// Adds an address of the peer; from the network, so it may be anything. What is no candidate is ignored.
    fn add_remote(&mut self, candidate: &str);

    /// An offer; with `ice_restart` for new paths of a connection that was up.
    ///
    /// # Errors
    /// Why there can be none, for people.
    fn offer(&mut self, ice_restart: bool) -> Result<String, String>;

    /// The answer to an offer; from the network, so it may be anything.
    ///
    /// # Errors
    /// What is wrong with the offer, for people.
    fn accept(&mut self, offer: &str) -> Result<String, String>;

    /// Takes the answer to the last offer; from the network, so it may be anything.
    ///
    /// # Errors
    /// What is wrong with the answer, for people.
    fn complete(&mut self, answer: &str) -> Result<(), String>;

    /// A packet came.
    fn receive(&mut self, now: Instant, packet: Packet<'_>);

    /// Time went on.
    fn timeout(&mut self, now: Instant);

    /// What is to be done, until it is [`Poll::Idle`].
    fn poll(&mut self) -> Poll;

    /// Sends a message; `false` if the channel does not take it.
    fn write(&mut self, channel: Channel, data: &[u8]) -> bool;

    /// Bytes written to a channel that the peer has not acknowledged.
    fn buffered(&mut self, channel: Channel) -> usize;

    /// Tells the peer that the connection ends.
    fn close(&mut self);
}

/// A way to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalCandidate {
    /// A socket of this machine.
    Host(SocketAddr),
    /// The address that a NAT gives to what a socket of this machine sends.
    Reflexive { address: SocketAddr, base: SocketAddr },
    /// An address of a server that sends on what comes there to a socket of this machine. Packets from there
    /// do not leave as they are.
    Relayed { address: SocketAddr, base: SocketAddr },
}

/// A datagram that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    pub(crate) from: SocketAddr,
    /// The address of this machine it came to.
    pub(crate) to: SocketAddr,
    pub(crate) data: &'a [u8],
}

/// What a connection wants, or tells.
#[derive(Debug)]
pub(crate) enum Poll {
    /// This datagram is to be sent.
    Transmit {
        /// From which address of this machine.
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    },
    State(LinkState),
    Opened(Channel),
    Closed(Channel),
    Message(Channel, Vec<u8>),
    /// Nothing until something comes, or until then.
    Idle(Instant),
    /// It is of no use any more, and nothing is left to be sent. Why, for people.
    Ended(String),
}
