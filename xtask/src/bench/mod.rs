//! `cargo xtask bench`: Conjoin beside others, in one run on one machine.

mod browser;
mod statistics;

use anyhow::Result;
use clap::Subcommand;

use crate::{run::run as run_command, workspace::Workspace};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The hot paths of a document
    Core,
    /// Connecting and editing between two Chromium processes, beside y-webrtc
    Browser(browser::Arguments),
}

/// Measures.
pub(crate) fn run(workspace: &Workspace, command: &Command) -> Result<()> {
    match command {
        Command::Core => {
            run_command(workspace.cargo().args(["bench", "--package", "conjoin-core", "--bench", "document"]))
        }
        Command::Browser(arguments) => browser::run(workspace, arguments),
    }
}
