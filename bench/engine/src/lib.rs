//! Replays real editing histories through Conjoin and through other engines, side by side.
//!
//! `cargo xtask bench engine` builds and runs it. An engine is a module in `engines`, a measurement one in
//! `rows`. Each engine's end content is checked in each round: what is wrong is not fast.

pub mod engine;
pub mod engines;
pub mod measure;
pub mod rows;
pub mod trace;
