//! What a user does with the demo, in real browsers against the real server. `cargo xtask test browser`
//! builds what is needed and runs this.
#![allow(clippy::print_stdout, reason = "tests tell what they measured")]

mod apart;
mod browsers;
mod departures;
mod example;
mod hostile;
mod interrupted;
mod kept;
mod links;
mod mixed;
mod names;
mod native;
mod network;
mod page;
mod paused;
mod program;
mod refused;
mod scene;
mod server_loss;
mod together;
mod wire;
