//! Documents that many replicas edit at once and that always agree.
//!
//! Everything here is plain data and arithmetic: no I/O, no clock, no randomness of the operating
//! system, so that the same code runs in a browser, on a server and in a simulator.
//!
//! - [`Doc`] holds named values. All edits happen in [`Doc::transact`], which gives a [`Delta`].
//! - [`Doc::apply`] takes deltas of others: in any order, any number of times.
//! - [`VersionVector`] says what a replica has seen; [`Doc::delta_since`] gives what it lacks.
//! - [`Doc::snapshot`] gives the whole state, for those whose version is too old for a delta.
//! - [`Behavior`] is a value that varies over time.
//!
//! ```
//! use conjoin_core::{Doc, ReplicaId};
//!
//! let mut ada = Doc::new(ReplicaId::new(1));
//! let mut bob = Doc::new(ReplicaId::new(2));
//!
//! let from_ada = ada.transact(|tx| tx.counter("clicks").add(2)).delta();
//! let from_bob = bob.transact(|tx| tx.counter("clicks").add(3)).delta();
//!
//! ada.apply(&from_bob)?;
//! bob.apply(&from_ada)?;
//! bob.apply(&from_ada)?; // Twice does no harm.
//! assert_eq!(ada.counter("clicks"), 5);
//! assert_eq!(bob.counter("clicks"), 5);
//! # Ok::<(), conjoin_core::ApplyError>(())
//! ```

pub mod behavior;
pub mod codec;

mod apply;
#[cfg(feature = "serde")]
pub mod bridge;
mod changed;
mod compact;
mod cursor;
mod delta;
mod doc;
mod export;
mod fork;
mod items;
mod join;
mod json;
mod keyed;
mod log;
mod noted;
mod numbers;
mod op;
mod order;
mod pending;
mod read;
mod replace;
mod replicas;
mod sequence;
mod size;
mod snapshot;
mod sorted;
mod state;
mod strings;
mod transaction;
mod travel;
mod typing;
mod undo;
mod value;
mod version;
mod wire;

pub use behavior::{Batch, Behavior, Source, Subscription};
#[cfg(feature = "serde")]
pub use bridge::SerdeError;
pub use changed::{
    Changed, ContainerId, Content, Diff, ListStep, Marks, Origin, Patch, Step, Target, TextStep,
};
pub use codec::{DecodeError, Part};
pub use cursor::{Cursor, Side};
pub use delta::Delta;
pub use doc::{Applied, ApplyError, Commit, Doc};
pub use json::JsonError;
pub use keyed::Keyed;
pub use log::HistoryGone;
pub use read::{Item, ListRef, MapRef, RegisterRef, SetRef, Span, TextRef};
pub use transaction::{
    CounterMut, Expand, FloatCounterMut, ListMut, MapMut, NotFinite, OutOfBounds, RegisterMut, SetMut,
    TextMut, Transaction, Unit,
};
pub use travel::TravelError;
pub use undo::UndoManager;
pub use value::{Kind, Value};
pub use version::{Causality, OpId, ReplicaId, VersionVector};

/// The examples of the guide, to be tested.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/documents.md")]
struct Guide;
