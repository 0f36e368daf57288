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

/// The address of a name under `.local`, which browsers give in place of their own: whoever has it on the local
/// network is asked, for some seconds at most.
pub async fn find_local(name: &str) -> Option<IpAddr> {
    crate::mdns::resolve(name).await
}

/// The addresses of this machine that peers are told.
pub fn addresses() -> BTreeSet<IpAddr> {
    crate::interfaces::addresses()
}
