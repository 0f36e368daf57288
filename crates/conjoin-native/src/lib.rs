//! The native driver: WebRTC over UDP sockets, a WebSocket and timers for the peer manager, on tokio.
//!
//! A [`NativeDriver`] does what a [`Manager`](conjoin_peer::Manager) asks for and tells it what happens, as
//! the driver for browsers does. It decides nothing about the protocol. The WebRTC stack stands behind a trait
//! of its own (`connection.rs`); all else speaks of descriptions, candidates, packets and channels.
//!
//! What is sent leaves in the thread that asks for it. What arrives is worked on by tasks: one for each
//! link and one for the WebSocket and the timer. They run on the runtime that a driver is made in, or on one
//! that the drivers of this process share.

mod busy;
mod clock;
mod connection;
mod driver;
mod gather;
mod interfaces;
mod link;
mod mdns;
pub mod probe;
mod runtime;
mod servers;
mod signaling;
mod socket;
mod stream;
mod tls;
mod webrtc;

pub use crate::clock::now;
pub use crate::driver::NativeDriver;

/// Which ways to this machine a peer is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Candidates {
    /// All: its addresses, those that STUN servers see, and those that TURN servers lend.
    #[default]
    All,
    /// Only those that TURN servers lend. The peer does not learn where this machine is, and a link shows that a
    /// server does relay.
    Relayed,
}

/// A random number nobody can guess.
///
/// # Panics
/// If the operating system has no randomness to give.
pub fn random() -> u64 {
    getrandom::u64().expect("the operating system gives random numbers")
}
