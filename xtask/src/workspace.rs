//! Where things are, and cargo.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run::output;

/// The target that browsers run.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The workspace that is built.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds, wherever it was told to.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the workspace that xtask belongs to.
    pub(crate) fn locate() -> Result<Self> {
        // At run time, because a target folder that is shared may hold another checkout's xtask.
        let own = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.parent().context("xtask lies in the workspace")?.to_owned();
        let metadata =
            output(cargo().current_dir(&root).args(["metadata", "--no-deps", "--format-version=1"]))?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let target =
            metadata["target_directory"].as_str().context("cargo metadata tells no target folder")?;
        Ok(Self { root, target: PathBuf::from(target) })
    }

    /// cargo, in the workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// Where `site` leaves the pages.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("site/dist")
    }

    /// The `conjoin` binary as cargo leaves it: `debug` or `release`.
    pub(crate) fn binary(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join(format!("conjoin{}", env::consts::EXE_SUFFIX))
    }

    /// A path as people would write it, from the root of the workspace.
    pub(crate) fn short<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `cargo run` describes xtask in the environment. What is built now is not xtask.
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}
