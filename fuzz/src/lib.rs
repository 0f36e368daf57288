//! Random input for every decoder and state machine of Conjoin.
//!
//! Each function takes arbitrary bytes and panics when something that must hold does not. The
//! programs in `fuzz_targets` hand them to libFuzzer (`cargo xtask fuzz`); `tests/replay.rs` runs
//! them on what was found worth keeping, with any compiler.
//!
//! Decoders get the bytes as they are. State machines get a history that is made from the bytes, by
//! [`arbitrary`], so that most of it makes sense and all of it can be mutated.

mod changes;
mod convergence;
mod document;
mod documents;
mod edits;
mod frames;
mod json;
mod link;
mod manager;
mod places;
mod rooms;
mod signaling;
mod view;

pub use convergence::convergence;
pub use document::document;
pub use documents::{delta, snapshot};
pub use frames::frames;
pub use json::json;
pub use manager::manager;
pub use places::{cursor, version};
pub use rooms::rooms;
pub use signaling::signaling;

/// A target: its name, which is also that of its folders, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("delta", delta),
    ("snapshot", snapshot),
    ("document", document),
    ("json", json),
    ("cursor", cursor),
    ("version", version),
    ("frames", frames),
    ("signaling", signaling),
    ("manager", manager),
    ("rooms", rooms),
    ("convergence", convergence),
];
