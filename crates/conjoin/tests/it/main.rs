//! Rooms of native programs, over real sockets, with the real server.

#![cfg(not(target_arch = "wasm32"))]

#[cfg(target_os = "linux")]
mod interfaces;
mod native;
mod relay;
mod support;
