//! `cargo xtask bench`: Conjoin measured, beside others where there are any.

mod browser;
mod engine;
mod server;
mod statistics;
mod transport;

use anyhow::Result;
use clap::Subcommand;

use crate::{run::run as run_command, workspace::Workspace};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The hot paths of a document
    Core,
    /// The document beside other engines, on real editing histories
    Engine(engine::Arguments),
    /// Connecting and editing between two Chromium processes, beside y-webrtc
    Browser(browser::Arguments),
    /// The signaling server under the load of thousands of sockets (on Linux)
    Server(server::Arguments),
    /// The native driver beside raw UDP and TCP; rooms of many native peers (on Linux)
    Transport(transport::Arguments),
}

/// Measures.
pub(crate) fn run(workspace: &Workspace, command: &Command) -> Result<()> {
    match command {
        Command::Core => {
            run_command(workspace.cargo().args(["bench", "--package", "conjoin-core", "--bench", "document"]))
        }
        Command::Engine(arguments) => engine::run(workspace, arguments),
        Command::Browser(arguments) => browser::run(workspace, arguments),
        Command::Server(arguments) => server::run(workspace, arguments),
        Command::Transport(arguments) => transport::run(workspace, arguments),
    }
}
