//! Real-time peer-to-peer state sync: join a room, share a document.
//!
//! A [`Room`] is one place in a document that all peers of a room edit at once. Edits work at any
//! time, offline too; peers that meet exchange what the other lacks, directly between them, and
//! always come to agree. A signaling server only introduces them.
//!
//! ```no_run
//! use conjoin::{Room, Session};
//!
//! # #[cfg(target_arch = "wasm32")]
//! fn start() -> Room {
//!     let room = Room::new(Session {
//!         server: "ws://localhost:8080".into(),
//!         room: "atlas".into(),
//!         name: Some("Ada".into()),
//!     });
//!     count_clicks(&room);
//!     room.connect();
//!     room
//! }
//!
//! fn count_clicks(room: &Room) {
//!     let clicks = room.counter("clicks");
//!     clicks.watch().subscribe(|n| println!("{n} clicks")).forget();
//!     clicks.increment();
//! }
//! # fn main() {}
//! ```
//!
//! Rooms can be made in the browser so far; the driver for native programs is still to come.
//!
//! What is in the room is read in two ways: a handle's `get()` gives the value now, and `watch()`
//! gives a [`Behavior`], a value that varies over time and tells when it changed. [`Room::status`],
//! [`Room::peers`], [`Room::stats`] and [`Room::version`] are behaviors as well.
//!
//! Callbacks run outside all locks, after what had to be sent was sent: they may edit, connect,
//! disconnect, subscribe and unsubscribe.

#![cfg_attr(
    target_arch = "wasm32",
    allow(clippy::arc_with_non_send_sync, reason = "the same code is for threads elsewhere")
)]
#![cfg_attr(
    not(any(target_arch = "wasm32", test)),
    allow(dead_code, reason = "only the browser has a driver to make rooms with so far")
)]

mod driver;
mod engine;
mod listeners;
mod observed;
mod room;
#[cfg(test)]
mod tests;
mod values;
#[cfg(target_arch = "wasm32")]
mod web;

pub use conjoin_core::behavior::{Batch, Behavior, MaybeSend, MaybeSync, Source, Subscription};
pub use conjoin_core::{
    Causality, Changed, Doc, Kind, NotFinite, ReplicaId, Target, Transaction, Value, VersionVector,
};
pub use conjoin_peer::{
    Channel, Direction, Event, IceServer, PeerInfo, PeerState, Session, Stats, Status, Wire,
};

pub use crate::room::Room;
pub use crate::values::{Counter, FloatCounter, Map, Register};
