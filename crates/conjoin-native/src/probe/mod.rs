//! Trying out, one thing at a time, what links need: for programs that tell people why they cannot connect.
//!
//! Nothing here is needed to connect, and nothing is changed by it.

mod ice;
mod nat;
mod signaling;
mod sockets;

use std::collections::BTreeSet;
use std::net::IpAddr;

pub use self::ice::{IceProbe, Lent, Mapping, lend, mappings};
pub use self::nat::{Filtering, Observation, observe};
pub use self::signaling::{Joined, SignalingStep, Unreachable, join};

/// The addresses of this machine that peers are told.
pub fn addresses() -> BTreeSet<IpAddr> {
    crate::interfaces::addresses()
}
