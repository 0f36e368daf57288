//! Peers that are processes: `conjoin join` with pipes.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{BOUND, Server, conjoin, lines};

pub(crate) fn server() -> Server {
    Server::start(&mut conjoin(&["serve", "--host", "127.0.0.1", "--port", "0"]))
}

/// `conjoin join`, at a server.
pub(crate) fn join(server: &Server, args: &[&str]) -> Command {
    let mut command = conjoin(&["join"]);
    command.args(args).env("CONJOIN_SERVER", format!("ws://127.0.0.1:{}", server.port));
    command
}

/// A peer that runs. Killed when it is dropped.
pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    lines: Option<mpsc::Receiver<String>>,
    asides: mpsc::Receiver<String>,
    /// All lines so far, for when something goes wrong.
    seen: Vec<String>,
}

impl Peer {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        Self {
            input: child.stdin.take(),
            lines: child.stdout.take().map(lines),
            asides: lines(child.stderr.take().expect("it is piped")),
            child,
            seen: Vec::new(),
        }
    }

    /// A peer that speaks JSON, in a room.
    pub(crate) fn json(server: &Server, room: &str, name: &str) -> Self {
        let mut peer = Self::start(&mut join(server, &[room, "--json", "--name", name]));
        peer.until(|event| event["status"] == "joined");
        peer
    }

    pub(crate) fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("it reads");
    }

    /// Ends its input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Nobody reads its standard output any more.
    pub(crate) fn close_output(&mut self) {
        self.lines = None;
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> String {
        let lines = self.lines.as_ref().expect("its output is read");
        let line = lines.recv_timeout(BOUND).unwrap_or_else(|_| {
            panic!(
                "no line after {:?}; beside it: {:?}",
                self.seen,
                self.asides.try_iter().collect::<Vec<_>>()
            )
        });
        self.seen.push(line.clone());
        line
    }

    /// The first line of its standard error for which this holds.
    pub(crate) fn aside(&self, holds: impl Fn(&str) -> bool) -> String {
        let mut seen = Vec::new();
        loop {
            let line = self.asides.recv_timeout(BOUND).unwrap_or_else(|_| panic!("no such line: {seen:?}"));
            if holds(&line) {
                return line;
            }
            seen.push(line);
        }
    }

    /// The first of its events for which this holds.
    pub(crate) fn until(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line();
            let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            if holds(&event) {
                return event;
            }
        }
    }

    /// The result of a command.
    pub(crate) fn ask(&mut self, line: &str) -> Value {
        self.say(line);
        self.until(|event| event["event"] == "result")
    }

    /// Waits for another peer to be in a state.
    pub(crate) fn sees(&mut self, name: &str, state: &str) {
        self.until(|event| event["event"] == "peer" && event["name"] == name && event["state"] == state);
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .expect("it runs");
    }

    /// Waits for its end: the exit code, and what is left of both outputs.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        self.end_input();
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status.code();
            }
            assert!(begun.elapsed() < BOUND, "it does not end: {:?}", self.seen);
            thread::sleep(Duration::from_millis(5));
        };
        let rest = |lines: &mpsc::Receiver<String>| lines.iter().collect();
        (code, self.lines.as_ref().map(rest).unwrap_or_default(), rest(&self.asides))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // If it ended already, there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a peer to its end: exit code, standard output and standard error.
pub(crate) fn run(command: &mut Command, input: &str) -> (Option<i32>, String, String) {
    let mut peer = Peer::start(command);
    // It may be done before it has read all.
    drop(peer.input.as_mut().expect("it is piped").write_all(input.as_bytes()));
    let (code, out, err) = peer.end();
    let text = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect();
    (code, text(out), text(err))
}
