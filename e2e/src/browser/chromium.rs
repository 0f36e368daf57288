//! Starting Chromium and the driver it is driven by.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use rustix::process::geteuid;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::Method;

use super::{Options, Running, find_program};
use crate::{
    process::{Guard, first_match},
    webdriver::{Driver, Session, text},
};

/// Names under which the browser is found, after what `CHROMIUM` names.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Names under which its driver is found, after what `CHROMEDRIVER` names.
const DRIVERS: [&str; 1] = ["chromedriver"];

/// Quiet, and alone: none of these changes how pages run.
const FLAGS: [&str; 8] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Where the browser is and where its driver, if they are on this machine.
pub(super) fn find() -> Option<(PathBuf, PathBuf)> {
    Some((find_program("CHROMIUM", &BROWSERS)?, find_program("CHROMEDRIVER", &DRIVERS)?))
}

pub(super) fn launch(options: &Options) -> Result<Running> {
    let (binary, driver) = find().ok_or_else(|| {
        anyhow!(
            "Chromium and its driver are needed: apt-get install chromium chromium-driver, or name them \
             with CHROMIUM and CHROMEDRIVER"
        )
    })?;
    let profile = TempDir::with_prefix("conjoin-browser-")?;
    let mut driver = Command::new(&driver)
        .arg("--port=0")
        // What the browser leaves behind when it is killed goes with the profile.
        .env("TMPDIR", profile.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Guard)
        .with_context(|| format!("starting {}", driver.display()))?;
    let output = driver.0.stdout.take().context("the driver has an output")?;
    let port = first_match(output, Duration::from_secs(20), |line| {
        line.rsplit_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok()
    })
    .context("chromedriver did not tell its port")?;

    let client = Driver::new(format!("http://127.0.0.1:{port}"));
    let body = json!({"capabilities": {"alwaysMatch": capabilities(&binary, &profile, options)}});
    let created = client.send(&Method::POST, "session", &body).context("starting the browser")?;
    let session = client.below(&format!("session/{}", text(&created["sessionId"], "session")?));
    let pid = created["capabilities"]["goog:processID"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    Ok(Running {
        session: Session::Driver(session),
        pid: pid.context("the driver did not tell the browser's process")?,
        process: Mutex::new(driver),
        profile,
    })
}

fn capabilities(binary: &Path, profile: &TempDir, options: &Options) -> Value {
    let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    if geteuid().is_root() {
        // Chromium refuses to start its sandbox as root.
        flags.push("--no-sandbox".to_owned());
    }
    flags.push(format!("--window-size={},{}", options.window.0, options.window.1));
    flags.push(format!("--user-data-dir={}", profile.path().display()));
    flags.extend(options.flags.iter().cloned());
    json!({
        "goog:chromeOptions": {"binary": binary, "args": flags},
        "goog:loggingPrefs": {"browser": "ALL"},
        "timeouts": {"script": 600_000, "pageLoad": 30_000, "implicit": 0},
        "unhandledPromptBehavior": "accept",
    })
}
