//! What can be said about the code without running it.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

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

/// The documentation builds without a warning, and that of documents has examples.
pub(crate) fn documentation(workspace: &Workspace) -> Result<()> {
    run(workspace.cargo().env("RUSTDOCFLAGS", "--deny=warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        FEATURES,
    ]))?;
    examples(workspace)
}

/// What is public in the crate of documents shows how it is used.
fn examples(workspace: &Workspace) -> Result<()> {
    // Crates ask for the variable below, and would be built again at every change between the two.
    let target = workspace.target.join("examples");
    run(workspace
        .cargo()
        .args(["rustdoc", "--package", "conjoin-core", "--lib", "--features", "serde"])
        .args(["--", "-Zunstable-options", "--output-format", "json"])
        // A feature of nightly compilers, which a stable one has and hides.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target))?;
    let file = target.join("doc/conjoin_core.json");
    let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let missing = without_example(&serde_json::from_slice(&text)?)?;
    if !missing.is_empty() {
        bail!("no example in the documentation of\n  {}", missing.join("\n  "));
    }
    Ok(())
}

/// The items in rustdoc's JSON whose documentation has no code. Functions that a trait asks for are told of there.
fn without_example(told: &Value) -> Result<Vec<String>> {
    const KINDS: [&str; 6] = ["struct", "enum", "function", "trait", "type_alias", "constant"];
    let items = told["index"].as_object().context("rustdoc lists the items")?;
    let of_traits: BTreeSet<String> = items
        .values()
        .map(|item| &item["inner"]["impl"])
        .filter(|of| of["trait"].is_object())
        .flat_map(|of| of["items"].as_array().into_iter().flatten().map(Value::to_string))
        .collect();
    let lacks = |(id, item): (&String, &Value)| {
        let counts = KINDS.iter().any(|kind| !item["inner"][kind].is_null());
        let own = item["crate_id"] == 0 && !of_traits.contains(id);
        let shows = item["docs"].as_str().is_some_and(|docs| docs.contains("```"));
        let (name, span) = (&item["name"], &item["span"]);
        (counts && own && !shows)
            .then(|| format!("{} ({}:{})", name, span["filename"], span["begin"][0]).replace('"', ""))
    };
    Ok(items.iter().filter_map(lacks).collect())
}
