//! A Chromium with a profile of its own, and the driver it is driven by.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Signal, geteuid};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    process::{Guard, first_match, signal_started_with, signal_tree},
    wait::wait,
    webdriver::{Client, text},
    window::{Layout, Window},
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

/// What a browser is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The size of its windows, in CSS pixels.
    pub window: (u32, u32),
    /// Further flags of Chromium's.
    pub flags: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { window: (1280, 900), flags: Vec::new() }
    }
}

/// A running browser. It ends, with its driver and its profile, when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Browser(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    session: Client,
    /// The window that the session looks at. Commands go to it, so it is held while one runs.
    current: Mutex<String>,
    /// The browser's own process.
    pid: u32,
    driver: Mutex<Guard>,
    profile: TempDir,
}

impl Browser {
    /// Where the browser is and where its driver, if they are on this machine.
    pub fn find() -> Option<(PathBuf, PathBuf)> {
        Some((find_program("CHROMIUM", &BROWSERS)?, find_program("CHROMEDRIVER", &DRIVERS)?))
    }

    /// Starts a browser with one empty window.
    ///
    /// # Errors
    /// When the browser or its driver is not there or does not start.
    pub fn launch(options: &Options) -> Result<Self> {
        let (binary, driver) = Self::find().ok_or_else(|| {
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

        let client = Client::new(format!("http://127.0.0.1:{port}"));
        let created = client
            .post(
                "session",
                &json!({"capabilities": {"alwaysMatch": capabilities(&binary, &profile, options)}}),
            )
            .context("starting the browser")?;
        let session = client.below(&format!("session/{}", text(&created["sessionId"], "session")?));
        let pid = created["capabilities"]["goog:processID"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let window = text(&session.get("window")?, "window")?;
        Ok(Self(Arc::new(Inner {
            session,
            current: Mutex::new(window),
            pid: pid.context("the driver did not tell the browser's process")?,
            driver: Mutex::new(driver),
            profile,
        })))
    }

    /// The window that is there from the start.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn first_window(&self) -> Result<Window> {
        let handles = self.0.session.get("window/handles")?;
        Ok(Window::new(self.clone(), text(&handles[0], "window")?))
    }

    /// Opens a window, or a tab in front of the others of the current window.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn open(&self, layout: Layout) -> Result<Window> {
        let kind = match layout {
            Layout::Window => "window",
            Layout::Tab => "tab",
        };
        let opened = self.0.session.post("window/new", &json!({"type": kind}))?;
        Ok(Window::new(self.clone(), text(&opened["handle"], "window")?))
    }

    /// Ends all of the browser's processes with SIGKILL: nothing in it gets to say goodbye.
    pub fn kill(&self) {
        signal_tree(self.0.pid, Signal::KILL);
    }

    /// Stops all of the browser's processes, as a machine that falls asleep does: connections stay, but
    /// nothing answers. Until [`thaw`](Self::thaw), no command gets an answer either.
    pub fn freeze(&self) {
        signal_tree(self.0.pid, Signal::STOP);
    }

    /// Stops the processes that run its pages, and no others: the browser itself still answers for their
    /// sockets. Until [`thaw`](Self::thaw), no command to a page gets an answer.
    pub fn freeze_pages(&self) {
        signal_started_with(self.0.pid, "--type=renderer", Signal::STOP);
    }

    /// Lets a frozen browser, or its frozen pages, go on.
    pub fn thaw(&self) {
        signal_tree(self.0.pid, Signal::CONT);
    }

    /// The folder of the profile.
    pub fn profile(&self) -> &Path {
        self.0.profile.path()
    }

    /// Runs commands with `handle` as the session's current window.
    pub(crate) fn in_window<T>(&self, handle: &str, run: impl FnOnce(&Client) -> Result<T>) -> Result<T> {
        let mut current = self.0.current.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if *current != handle {
            self.0.session.post("window", &json!({"handle": handle}))?;
            handle.clone_into(&mut current);
        }
        run(&self.0.session)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A frozen one would not hear. A killed one's session cannot be ended any more, and what is left
        // of any other is killed.
        signal_tree(self.pid, Signal::CONT);
        let _ = self.session.delete("");
        signal_tree(self.pid, Signal::KILL);
        let driver = self.driver.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = driver.kill();
        // Processes that are ending may still write: the folder is gone when it can be removed.
        let _ = wait("the profile to be removed", Duration::from_secs(2), || {
            let _ = fs::remove_dir_all(self.profile.path());
            Ok((!self.profile.path().exists()).then_some(()))
        });
    }
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

fn find_program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        return Some(PathBuf::from(named));
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}
