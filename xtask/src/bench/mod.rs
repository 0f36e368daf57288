//! `cargo xtask bench`: Conjoin beside others, in one run on one machine.

mod browser;
mod statistics;

use anyhow::Result;
use clap::Subcommand;

use crate::workspace::Workspace;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connecting and editing between two Chromium processes, beside y-webrtc
    Browser(browser::Arguments),
}

/// Measures.
pub(crate) fn run(workspace: &Workspace, command: &Command) -> Result<()> {
    match command {
        Command::Browser(arguments) => browser::run(workspace, arguments),
    }
}
