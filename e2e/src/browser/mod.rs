//! A browser with a profile of its own, under control.

mod chromium;
mod firefox;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    process::{Guard, signal_started_with, signal_tree},
    wait::wait,
    webdriver::{Command, Session, text},
    window::{Layout, Window},
};

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Chromium, through chromedriver.
    #[default]
    Chromium,
    /// Firefox, which needs no driver.
    Firefox,
}

impl Kind {
    /// All that the tests know.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }

    /// Whether it, and what it is driven by, are on this machine.
    pub fn is_installed(self) -> bool {
        match self {
            Self::Chromium => chromium::find().is_some(),
            Self::Firefox => firefox::find().is_some(),
        }
    }
}

/// What a browser is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which browser.
    pub kind: Kind,
    /// The size of its windows, in CSS pixels.
    pub window: (u32, u32),
    /// Further flags on its command line.
    pub flags: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { kind: Kind::default(), window: (1280, 900), flags: Vec::new() }
    }
}

impl From<Kind> for Options {
    fn from(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }
}

/// A running browser. It ends, with its driver and its profile, when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Browser(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    running: Running,
    kind: Kind,
    /// The window that the session looks at. Commands go to it, so it is held while one runs.
    current: Mutex<String>,
}

/// What starting one gives.
#[derive(Debug)]
struct Running {
    session: Session,
    /// The browser's own process.
    pid: u32,
    /// The process that we started: the browser or its driver.
    process: Mutex<Guard>,
    profile: TempDir,
}

impl Browser {
    /// Starts a browser with one empty window.
    ///
    /// # Errors
    /// When the browser or its driver is not there or does not start.
    pub fn launch(options: &Options) -> Result<Self> {
        let running = match options.kind {
            Kind::Chromium => chromium::launch(options)?,
            Kind::Firefox => firefox::launch(options)?,
        };
        let current = text(&running.session.run(Command::Window, &json!({}))?, "window")?;
        Ok(Self(Arc::new(Inner { running, kind: options.kind, current: Mutex::new(current) })))
    }

    /// Which browser it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The window that is there from the start.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn first_window(&self) -> Result<Window> {
        let handles = self.0.running.session.run(Command::Windows, &json!({}))?;
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
        let opened = self.0.running.session.run(Command::NewWindow, &json!({"type": kind}))?;
        Ok(Window::new(self.clone(), text(&opened["handle"], "window")?))
    }

    /// Ends all of the browser's processes with SIGKILL: nothing in it gets to say goodbye.
    pub fn kill(&self) {
        signal_tree(self.0.running.pid, Signal::KILL);
    }

    /// Stops all of the browser's processes, as a machine that falls asleep does: connections stay, but
    /// nothing answers. Until [`thaw`](Self::thaw), no command gets an answer either.
    pub fn freeze(&self) {
        signal_tree(self.0.running.pid, Signal::STOP);
    }

    /// Stops the processes that run its pages, and no others: the browser itself still answers for their
    /// sockets. Until [`thaw`](Self::thaw), no command to a page gets an answer.
    pub fn freeze_pages(&self) {
        let argument = match self.0.kind {
            Kind::Chromium => "--type=renderer",
            Kind::Firefox => "tab",
        };
        signal_started_with(self.0.running.pid, argument, Signal::STOP);
    }

    /// Lets a frozen browser, or its frozen pages, go on.
    pub fn thaw(&self) {
        signal_tree(self.0.running.pid, Signal::CONT);
    }

    /// The folder of the profile.
    pub fn profile(&self) -> &Path {
        self.0.running.profile.path()
    }

    /// Runs commands with `handle` as the session's current window.
    pub(crate) fn in_window<T>(&self, handle: &str, run: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
        let session = &self.0.running.session;
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != handle {
            session.run(Command::SwitchToWindow, &json!({"handle": handle}))?;
            handle.clone_into(&mut current);
        }
        run(session)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A frozen one would not hear. A killed one's session cannot be ended any more, and what is left
        // of any other is killed.
        signal_tree(self.pid, Signal::CONT);
        if let Session::Driver(_) = self.session {
            let _ = self.session.run(Command::DeleteSession, &json!({}));
        }
        signal_tree(self.pid, Signal::KILL);
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        // Processes that are ending may still write: the folder is gone when it can be removed.
        let _ = wait("the profile to be removed", Duration::from_secs(2), || {
            let _ = fs::remove_dir_all(self.profile.path());
            Ok((!self.profile.path().exists()).then_some(()))
        });
    }
}

/// Where the program is that a variable names, or the first of these names on the search path.
fn find_program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        return Some(PathBuf::from(named));
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}
