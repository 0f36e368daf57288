//! What every page about a room shows.

pub(crate) mod connection;
mod fields;
mod invite;
pub(crate) mod log;
mod log_row;
pub(crate) mod peers;
mod problem;
pub(crate) mod replica;
pub(crate) mod stats;
