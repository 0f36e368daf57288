//! What a user does with the demo, in real Chromium against the real server. `cargo xtask test browser`
//! builds what is needed and runs this.
#![allow(clippy::print_stdout, reason = "tests tell what they measured")]

mod apart;
mod departures;
mod links;
mod page;
mod scene;
mod server_loss;
mod together;
mod wire;
