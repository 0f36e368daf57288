//! Rooms of native programs, over real sockets, with the real server.

#![cfg(not(target_arch = "wasm32"))]

mod native;
mod support;
