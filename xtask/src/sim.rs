//! `cargo xtask sim`: the simulator, built if need be.

use std::ffi::OsString;

use anyhow::Result;

use crate::{run::run as run_command, workspace::Workspace};

/// What the simulator is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// All of them are the simulator's own
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// `cargo xtask sim`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    run_command(
        workspace
            .cargo()
            .args(["run", "--quiet", "--package", "conjoin-sim", "--"])
            .args(&arguments.arguments),
    )
}

/// The runs that belong to the test of everything.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    run(workspace, &Arguments { arguments: vec!["--seeds".into(), "1000".into()] })
}
