//! Real-time peer-to-peer state sync: join a room, share a document.
//!
//! A [`Room`] is one place in a document that all peers of a room edit at once. Edits work at any
//! time, offline too; peers that meet exchange what the other lacks, directly between them, and
//! always come to agree. A signaling server only introduces them.
//!
//! ```no_run
//! use conjoin::{Room, Session};
//!
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
//! The same code runs in browsers and in native programs, which meet in the same rooms. A native program
//! should [`leave`](Room::leave) its rooms before it ends, so that the others need not find out.
//!
//! What is in the room is read in two ways: a handle's `get()` gives the value now, and `watch()`
//! gives a [`Behavior`], a value that varies over time and tells when it changed. [`Room::status`],
//! [`Room::peers`], [`Room::stats`] and [`Room::version`] are behaviors as well.
//!
//! Texts, lists and sets can be followed edit by edit, too: [`Text::on_change`] gives the steps that an
//! editor has to take, and [`Room::on_change`] those of the whole document. What is nested in maps and
//! lists is edited in [`Room::transact`] and watched with [`Room::watch`].
//!
//! ```no_run
//! # fn edit(room: &conjoin::Room) -> Result<(), conjoin::OutOfBounds> {
//! let notes = room.text("notes");
//! notes.on_change(|steps, origin| println!("{origin:?}: {steps:?}")).forget();
//! notes.insert(0, "Helo")?;
//! notes.insert(3, "l")?;
//!
//! room.transact(|tx| tx.map("plan").list("todo").push("write"));
//! room.watch(|doc| doc.map("plan").list("todo").len()).subscribe(|n| println!("{n} to do")).forget();
//! # Ok(())
//! # }
//! ```
//!
//! [`Room::undo_manager`] takes back what was edited here and nothing of others. A [`Cursor`] of a text or list
//! is a place that stays where it is while others edit; its bytes can be sent to them.
//!
//! Callbacks run outside all locks, after what had to be sent was sent: they may edit, connect,
//! disconnect, subscribe and unsubscribe.

#![cfg_attr(
    target_arch = "wasm32",
    allow(clippy::arc_with_non_send_sync, reason = "the same code is for threads elsewhere")
)]

mod collections;
mod driver;
mod engine;
mod listeners;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod observed;
mod room;
mod saving;
mod storage;
#[cfg(test)]
mod tests;
mod undo;
mod values;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(feature = "serde")]
pub use conjoin_core::SerdeError;
pub use conjoin_core::behavior::{Batch, Behavior, MaybeSend, MaybeSync, Source, Subscription};
pub use conjoin_core::{
    Causality, Changed, ContainerId, Content, CounterMut, Cursor, Diff, Doc, Expand, FloatCounterMut, Item,
    Keyed, Kind, ListMut, ListRef, ListStep, MapMut, MapRef, Marks, NotFinite, Origin, OutOfBounds, Patch,
    RegisterMut, RegisterRef, ReplicaId, SetMut, SetRef, Side, Span, Step, Target, TextMut, TextRef,
    TextStep, Transaction, Unit, Value, VersionVector,
};
#[cfg(not(target_arch = "wasm32"))]
pub use conjoin_native::Candidates;
pub use conjoin_peer::{
    Channel, Direction, Event, IceServer, PeerInfo, PeerState, Session, Stats, Status, Wire,
};

pub use crate::collections::{List, Set, Text};
pub use crate::room::Room;
pub use crate::storage::{Saved, Storage, StorageError};
pub use crate::undo::UndoManager;
pub use crate::values::{Counter, FloatCounter, Map, Register};
