//! A seeded virtual network for the peer manager.
//!
//! Peers run the real [`Manager`](conjoin_peer::Manager) and [`Doc`](conjoin_core::Doc), the
//! signaling server is the real [`Rooms`](conjoin_server::rooms::Rooms); what lies between them is
//! made up here, on a virtual clock: delay, jitter, loss, duplication, reordering, bandwidth,
//! partitions both ways and one way, pairs that can never connect, crashes, sleep, outages. The
//! same seed gives the same run to the last event, so every failure can be replayed.
//!
//! What happens in a run stands in a [scenario], a file that people read and write:
//!
//! ```
//! use std::path::Path;
//! use conjoin_sim::Scenario;
//!
//! let text = "# Two peers edit over a bad network.
//! peers 2
//! network loss 5%..20% jitter 15ms
//! join within 1s
//! edit 20 within 2s
//! settle";
//! let scenario = Scenario::parse(Path::new("bad-network.scenario"), text).unwrap();
//! assert_eq!(scenario.play(7, None, false), scenario.play(7, None, false));
//! ```
//!
//! Tests that look closer drive a [`World`] themselves.

mod check;
mod links;
pub mod measure;
mod network;
mod queue;
mod random;
pub mod run;
pub mod scale;
pub mod scenario;
mod sctp;
mod signaling;
mod trace;
mod world;

pub use network::{Conditions, PACKET_HEADERS};
pub use random::Random;
pub use scenario::Scenario;
pub use world::World;
