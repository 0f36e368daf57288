//! The real binary, on a free port, ended with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// Longer than anything here takes, even on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// The command, with nothing from the environment of whoever runs the tests.
pub(crate) fn conjoin(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conjoin"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CONJOIN_")) {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// Runs a command that ends by itself.
pub(crate) fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the binary runs")
}

/// What a command that must fail says.
pub(crate) fn failure(command: &mut Command) -> String {
    let output = output(command);
    assert!(!output.status.success(), "it did not fail: {output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// A server that was started and has said where it is.
pub(crate) struct Server {
    child: Child,
    pub(crate) greeting: String,
    pub(crate) port: u16,
    /// Keeps the other end of its standard output open.
    _lines: mpsc::Receiver<String>,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts `command` and waits for its greeting.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let lines = lines(child.stdout.take().expect("it is piped"));
        let log: Arc<Mutex<String>> = Arc::default();
        let logging = follow(child.stderr.take().expect("it is piped"), log.clone());
        let mut greeting = String::new();
        let port = loop {
            let Ok(line) = lines.recv_timeout(BOUND) else {
                drop(child.kill());
                drop((child.wait(), logging.join()));
                panic!("no greeting but {greeting:?} and {}", log.lock().expect("no panic"));
            };
            greeting = greeting + &line + "\n";
            if let Some((_, port)) =
                line.split_once("ws://").and_then(|(_, address)| address.rsplit_once(':'))
            {
                break port.trim().parse().expect("a port");
            }
        };
        Self { child, greeting, port, _lines: lines, log, logging: Some(logging) }
    }

    /// What its log says so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    /// Waits until its log says this.
    pub(crate) fn wait_for_log(&self, what: &str) {
        let start = Instant::now();
        while !self.log().contains(what) {
            assert!(start.elapsed() < BOUND, "no {what:?} but {}", self.log());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// `GET`, as text with the head.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(BOUND)).expect("a bound above zero");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A signaling socket, whose reads are bounded.
    pub(crate) fn socket(&self) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(BOUND)).expect("a bound above zero");
        let (socket, _) =
            tungstenite::client(format!("ws://127.0.0.1:{}/", self.port), stream).expect("a socket");
        socket
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// The most memory it ever had resident, in bytes, as Linux counts it.
    #[cfg(target_os = "linux")]
    pub(crate) fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux has it");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1024
    }

    /// Waits until it has ended: how, after how long, and what its log says.
    pub(crate) fn wait(mut self) -> (ExitStatus, Duration, String) {
        let start = Instant::now();
        while start.elapsed() < BOUND {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                let took = start.elapsed();
                drop(self.logging.take().map(JoinHandle::join));
                return (status, took, self.log());
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it ended already, there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The next text on a socket, read as JSON.
pub(crate) fn next(socket: &mut WebSocket<TcpStream>) -> serde_json::Value {
    loop {
        match socket.read().expect("a message within the bound") {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Ping(_) => {}
            other => panic!("no text but {other:?}"),
        }
    }
}

/// Takes the log as it comes, so that its pipe never fills.
fn follow(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("no panic");
            log.push_str(&line);
            log.push('\n');
        }
    })
}

pub(crate) fn lines(stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
