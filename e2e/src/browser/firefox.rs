//! Starting Firefox, which listens to WebDriver's commands itself.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tempfile::TempDir;

use super::{Options, Running, find_program};
use crate::{
    process::Guard,
    wait::wait,
    webdriver::{Marionette, Session},
};

/// Names under which it is found, after what `FIREFOX` names.
const BROWSERS: [&str; 2] = ["firefox-esr", "firefox"];

/// Quiet, and alone: none of these changes how pages run. More of the kind is set by Firefox itself when
/// it is under control.
const PREFERENCES: [(&str, &str); 12] = [
    ("marionette.port", "0"),
    ("app.normandy.enabled", "false"),
    ("app.update.disabledForTesting", "true"),
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.startup.page", "0"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("services.settings.server", r#""data:,#none""#),
    ("toolkit.startup.max_resumed_crashes", "-1"),
    ("toolkit.telemetry.enabled", "false"),
];

/// In the profile, the file in which it tells the port that it listens at.
const PORT: &str = "MarionetteActivePort";

/// Where it is, if it is on this machine.
pub(super) fn find() -> Option<PathBuf> {
    find_program("FIREFOX", &BROWSERS)
}

pub(super) fn launch(options: &Options) -> Result<Running> {
    let binary = find().ok_or_else(|| {
        anyhow!("Firefox is needed: apt-get install firefox-esr, or name it with the variable FIREFOX")
    })?;
    let profile = TempDir::with_prefix("conjoin-browser-")?;
    let preferences = PREFERENCES.iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "user_pref(\"{name}\", {value});");
        lines
    });
    fs::write(profile.path().join("user.js"), preferences)?;
    let (width, height) = options.window;
    let mut process = Command::new(&binary)
        .args(["--headless", "--new-instance", "--marionette"])
        // To read the console, and to show pages at any size, takes more rights than a page has.
        .arg("--remote-allow-system-access")
        .arg("--profile")
        .arg(profile.path())
        .args(["--width", &width.to_string(), "--height", &height.to_string()])
        .args(&options.flags)
        // What it leaves behind when it is killed goes with the profile.
        .env("TMPDIR", profile.path())
        .env("MOZ_CRASHREPORTER_DISABLE", "1")
        .env("MOZ_HEADLESS_WIDTH", width.to_string())
        .env("MOZ_HEADLESS_HEIGHT", height.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Guard)
        .with_context(|| format!("starting {}", binary.display()))?;

    let file = profile.path().join(PORT);
    let (port, _) = wait("Firefox to listen", Duration::from_secs(60), || {
        if let Some(status) = process.0.try_wait()? {
            bail!("{} ended at once: {status}", binary.display());
        }
        Ok(fs::read_to_string(&file).ok().and_then(|port| port.trim().parse::<u16>().ok()))
    })?;
    let session = Marionette::connect(port).context("connecting to Firefox")?;
    let capabilities = json!({
        "timeouts": {"script": 600_000, "pageLoad": 30_000, "implicit": 0},
        "unhandledPromptBehavior": "accept",
    });
    session
        .send("WebDriver:NewSession", &json!({"capabilities": {"alwaysMatch": capabilities}}))
        .context("starting Firefox's session")?;
    Ok(Running {
        session: Session::Marionette(session),
        pid: process.0.id(),
        process: Mutex::new(process),
        profile,
    })
}
