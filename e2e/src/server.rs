//! The `conjoin` binary as a child process.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::process::{Guard, first_match};

/// The variable that names the binary under test.
const BINARY: &str = "CONJOIN_BINARY";

/// A running `conjoin serve`. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    start: Start,
    process: Guard,
    address: String,
}

/// What it was started with, and is again.
#[derive(Debug)]
struct Start {
    binary: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
}

impl Server {
    /// Starts the binary that `CONJOIN_BINARY` names on a free port of the loopback interface, and
    /// waits until it listens. What it logs goes to the file `log`.
    ///
    /// # Errors
    /// When the variable is not set, or the server does not start.
    pub fn start(log: &Path) -> Result<Self> {
        let binary = env::var_os(BINARY).context(
            "CONJOIN_BINARY names the `conjoin` binary under test. `cargo xtask test browser` builds one \
             with the site inside and sets it; by hand: cargo xtask site && cargo build -p conjoin-cli && \
             CONJOIN_BINARY=$PWD/target/debug/conjoin cargo test -p conjoin-e2e",
        )?;
        Self::start_binary(Path::new(&binary), &[], log)
    }

    /// The same, with the binary given, and further arguments for `serve`.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn start_binary(binary: &Path, arguments: &[&OsStr], log: &Path) -> Result<Self> {
        let start = Start {
            binary: binary.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            log: log.to_owned(),
        };
        let (process, address) = start.spawn(0)?;
        Ok(Self { start, process, address })
    }

    /// The address of the pages, without a slash at the end: `http://…:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address for signaling: `ws://…:port`.
    pub fn signaling(&self) -> String {
        self.address.replacen("http", "ws", 1)
    }

    /// The number of the process, for those who measure it.
    pub fn process(&self) -> u32 {
        self.process.0.id()
    }

    /// Kills the process; nothing of it says goodbye.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it anew on the port that it had.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let port = self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let port = port.with_context(|| format!("no port in {}", self.address))?;
        (self.process, self.address) = self.start.spawn(port)?;
        Ok(())
    }
}

/// A port of the loopback interface at which nobody listens.
///
/// # Errors
/// When there is none.
pub fn unused_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Start {
    fn spawn(&self, port: u16) -> Result<(Guard, String)> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut process = Command::new(&self.binary)
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map(Guard)
            .with_context(|| format!("starting {}", self.binary.display()))?;
        let output = process.0.stdout.take().context("the server has an output")?;
        let address = first_match(output, Duration::from_secs(20), |line| {
            let word = line.split_whitespace().find(|word| word.starts_with("http://"))?;
            Some(word.trim_end_matches(['/', '.', ',']).to_owned())
        })
        .with_context(|| format!("the server did not tell its address; its log is {}", self.log.display()))?;
        Ok((process, address))
    }
}
