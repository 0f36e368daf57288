//! The tests of the sans-I/O crates once more, as wasm in a real browser.
//!
//! They are compiled for WASI, for which Rust's test harness is complete: it names its tests, tells of
//! panics and takes its settings from the environment. The page gives it that interface (`wasi.js`). The
//! code under test is compiled as for any browser: the same code generator, 32-bit pointers, no threads.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use conjoin_e2e::{Browser, Kind, Options, Window};
use serde_json::{Value, json};

use super::tally::Tally;
use crate::{install, run::lines, workspace::Workspace};

/// The target with a complete test harness.
const WASI: &str = "wasm32-wasip1";

/// The crates whose tests need nothing but a processor.
const PACKAGES: [&str; 3] = ["conjoin-core", "conjoin-signaling", "conjoin-peer"];

/// Property tests try fewer cases than natively: what differs here is the platform, not the logic.
const ENVIRONMENT: [&str; 3] =
    ["PROPTEST_CASES=32", "PROPTEST_DISABLE_FAILURE_PERSISTENCE=1", "RUST_BACKTRACE=0"];

/// Compiles and runs them.
pub(crate) fn run(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    install::target(workspace, WASI)?;
    install::browser(Kind::Chromium)?;
    let programs = compile(workspace)?;
    let browser = Browser::launch(&Options::default())?;
    let page = browser.first_window()?;
    // The page that a browser starts with does not allow wasm.
    page.load("about:blank")?;
    let mut failed = Vec::new();
    for (name, program) in &programs {
        println!("     Running {name} in the browser");
        let (code, printed) = run_in(&page, program)?;
        for line in printed.lines() {
            tally.line(line);
            println!("{line}");
        }
        if code != 0 {
            failed.push(name.as_str());
            // A panic ends the program before its own summary.
            if !printed.contains("test result: ") {
                tally.failed += 1;
            }
        }
    }
    if !failed.is_empty() {
        bail!("tests failed in the browser: {}", failed.join(", "));
    }
    Ok(())
}

/// Compiles the test programs; gives each with its name.
fn compile(workspace: &Workspace) -> Result<Vec<(String, PathBuf)>> {
    let mut command = workspace.cargo();
    command.args(["test", "--no-run", "--target", WASI, "--message-format=json-render-diagnostics"]);
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    // Debug information would be most of what the browser has to load. Function names stay.
    command.env("CARGO_PROFILE_DEV_STRIP", "debuginfo");
    let mut programs = Vec::new();
    lines(&mut command, |line| {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        if let Some(program) = message["executable"].as_str() {
            let target = &message["target"];
            let name = target["name"].as_str().unwrap_or("tests");
            let source = target["src_path"].as_str().unwrap_or("");
            let source = source.strip_prefix(&*workspace.root.to_string_lossy()).unwrap_or(source);
            programs.push((format!("{name} ({})", source.trim_start_matches('/')), PathBuf::from(program)));
        }
    })?;
    if programs.is_empty() {
        bail!("cargo built no test program for {WASI}");
    }
    // cargo tells them as they are done, in any order.
    programs.sort();
    Ok(programs)
}

/// Runs a test program in the page; gives its exit code and what it printed.
fn run_in(page: &Window, program: &PathBuf) -> Result<(i64, String)> {
    let script = format!("return (async () => {{\n{}\n}})();", include_str!("wasi.js"));
    let module = BASE64_STANDARD.encode(fs::read(program)?);
    let result = page
        .execute(&script, json!([module, ["tests", "--nocapture"], ENVIRONMENT]))
        .with_context(|| format!("running {}", program.display()))?;
    let code = result["code"].as_i64().context("the page tells an exit code")?;
    Ok((code, result["output"].as_str().unwrap_or_default().to_owned()))
}
