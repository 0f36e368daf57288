//! The peer manager: signaling, links, sync sessions and timers as one state machine without I/O.
//!
//! # The contract
//!
//! The driver owns the sockets and the clock; [`Manager`] makes all decisions. There are two kinds
//! of calls:
//!
//! 1. **Something happened**: [`Manager::handle`] with an [`Input`], the time, and the document.
//! 2. **What now**: [`Manager::poll`] until it gives `None`, doing each [`Output`] in order; then
//!    [`Manager::deadline`] says when to hand in [`Input::Timeout`].
//!
//! Every `handle` is followed by polling until `None`. Nothing else is asked of the driver: inputs
//! about links that are closed already, doubled or late ones, do no harm.
//!
//! ```
//! use std::time::Duration;
//!
//! use conjoin_core::{Doc, ReplicaId};
//! use conjoin_peer::{Input, Manager, Output, Session, Status};
//!
//! let mut doc = Doc::new(ReplicaId::new(7));
//! let mut manager = Manager::new("ada".into(), 42);
//! let session = Session { server: "ws://localhost:8080".into(), room: "atlas".into(), name: None };
//! manager.handle(Duration::ZERO, &mut doc, Input::Connect(session));
//! assert_eq!(manager.poll(), Some(Output::Event(conjoin_peer::Event::Status)));
//! assert_eq!(manager.poll(), Some(Output::OpenSignaling { url: "ws://localhost:8080".into() }));
//! assert_eq!(manager.poll(), None);
//! assert_eq!(manager.status(), &Status::Connecting);
//! ```
//!
//! # The protocol
//!
//! Two channels between two peers, see [`Channel`]; the messages are in `message.rs`, the way they
//! are used in `sync.rs`. Deltas are idempotent and order-free, so a live frame carries again what
//! was not acknowledged, and a lost packet costs one frame.

mod backoff;
mod claims;
mod early;
mod io;
mod link;
mod links;
mod manager;
mod message;
mod pace;
mod peer;
mod pulse;
mod signaling;
mod stream;
mod sync;

pub use io::{
    Channel, Direction, Event, IceServer, Input, LinkId, LinkState, Output, PeerInfo, PeerState, Session,
    Stats, Status, Wire,
};
pub use manager::Manager;

/// The most bytes in one message of a data channel. Every browser takes these, and nothing else
/// on the link waits long for one.
pub const MAX_FRAME: usize = 16 * 1024;

/// The bulk channel counts as writable again when this many bytes or fewer are buffered.
pub const LOW_WATER: usize = 64 * 1024;

/// The largest sync message that is taken from a peer, put together from its frames, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024 * 1024;
