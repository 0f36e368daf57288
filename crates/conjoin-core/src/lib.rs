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
//! let from_ada = ada.transact(|tx| tx.counter("clicks").add(2)).delta;
//! let from_bob = bob.transact(|tx| tx.counter("clicks").add(3)).delta;
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

mod delta;
mod doc;
mod log;
mod op;
mod pending;
mod size;
mod snapshot;
mod state;
mod transaction;
mod value;
mod version;

pub use behavior::{Batch, Behavior, Source, Subscription};
pub use codec::DecodeError;
pub use delta::Delta;
pub use doc::{Applied, ApplyError, Commit, Doc};
pub use log::HistoryGone;
pub use state::MapRef;
pub use transaction::{CounterMut, FloatCounterMut, MapMut, NotFinite, RegisterMut, Transaction};
pub use value::{Changed, Kind, Target, Value};
pub use version::{Causality, OpId, ReplicaId, VersionVector};
