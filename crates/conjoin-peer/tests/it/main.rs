//! The manager, input by input.

mod connecting;
mod hostile;
mod scene;
mod signaling;
