//! A seeded virtual network for the peer manager.
//!
//! Peers run the real [`Manager`](conjoin_peer::Manager) and [`Doc`](conjoin_core::Doc), the
//! signaling server is the real [`Rooms`](conjoin_server::rooms::Rooms); what lies between them is
//! made up here, on a virtual clock: delay, jitter, loss, duplication, reordering, partitions,
//! crashes and outages. The same seed gives the same run to the last event, so every failure can
//! be replayed.
//!
//! ```
//! use std::time::Duration;
//! use conjoin_sim::{Conditions, World};
//!
//! let mut world = World::new(7, Conditions::lossy(0.05));
//! for _ in 0..3 {
//!     world.add_peer();
//! }
//! world.run(Duration::from_secs(5));
//! world.increment(0);
//! world.increment(2);
//! world.run(Duration::from_secs(5));
//! world.check();
//! ```

mod network;
mod rtc;
mod world;

pub use network::{Conditions, Random};
pub use world::World;
