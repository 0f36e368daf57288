//! What can be said about the code without running it.

use anyhow::Result;

use super::FEATURES;
use crate::{
    install::{self, WasmCompiler},
    report,
    run::run,
    workspace::{WASM, Workspace},
};

/// What is compiled for browsers. The crates of ours that these stand on are checked along with them.
const IN_BROWSERS: [&str; 5] = [
    "conjoin-site",
    "conjoin-bench-core-size",
    "conjoin-bench-browser",
    "conjoin-bench-transport-page",
    "visits",
];

/// rustfmt has nothing to change.
pub(crate) fn format(workspace: &Workspace) -> Result<()> {
    run(workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// clippy has nothing to say, natively and for wasm.
pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    run(workspace.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        FEATURES,
        "--",
        "--deny=warnings",
    ]))?;
    let compiler = install::wasm_compiler(workspace)?;
    if compiler == WasmCompiler::Debian {
        // Its packages have no clippy for this compiler; the compiler's own warnings count all the same.
        report::command("clippy for wasm needs rustup's toolchain: cargo check instead");
    }
    let mut command = compiler.cargo(workspace);
    command.arg(if compiler == WasmCompiler::Debian { "check" } else { "clippy" });
    command.args(["--target", WASM]);
    for package in IN_BROWSERS {
        command.args(["--package", package]);
    }
    if compiler == WasmCompiler::Debian {
        command.env("RUSTFLAGS", "--deny=warnings");
    } else {
        command.args(["--", "--deny=warnings"]);
    }
    run(&mut command)
}

/// The documentation builds without a warning.
pub(crate) fn documentation(workspace: &Workspace) -> Result<()> {
    run(workspace.cargo().env("RUSTDOCFLAGS", "--deny=warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        FEATURES,
    ]))
}
