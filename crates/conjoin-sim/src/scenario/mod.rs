//! Scenarios: what happens to a room, as text that people read and write.
//!
//! A scenario is a file of lines, one step each; `#` begins a comment, and the first comment
//! says what the scenario is about. Where a step takes a number, a time or a size, it also takes
//! a range (`2..5`, `100ms..3s`, `1KB..200KB`, `0%..20%`), from which the seed draws.
//!
//! | step | what happens |
//! |---|---|
//! | `peers 2..5` | how many the scenario is for; the first step |
//! | `network loss 5% delay 10ms jitter 15ms duplicate 1% bandwidth 50KB` | the network from now on; what is not named is as at the start; bandwidth is per peer and second, `none` is without limit |
//! | `apart one` | this many pairs, chosen by the seed, can never reach each other |
//! | `join within 2s` | the peers join, spread over this time |
//! | `newcomer` or `newcomer 1..3` | more peers, new ones, join |
//! | `leave WHO`, `return` | these leave in order; those who left come back |
//! | `crash WHO`, `vanish WHO` | these die; with `vanish` not even their sockets are closed |
//! | `sleep WHO`, `pause WHO`, `wake` | machines sleep, processes stop; all run again |
//! | `background WHO`, `foreground` | pages whose timers come once a second |
//! | `offline WHO`, `online` | these have no network, also to the server; all have one again |
//! | `split`, `split one-way` | a group of the peers is cut off from the others, both ways or one way |
//! | `heal` | all paths are whole again |
//! | `server stop`, `server start`, `server drop` | the server dies, a new one starts, all its sockets break |
//! | `edit 50 within 3s` | edits by peers chosen at random, spread over this time |
//! | `write 200KB` | a large value, by one of the peers |
//! | `wait 5s` | time passes |
//! | `chaos 60s` | all of the above at random, for this long |
//! | `repeat 3` … `end` | the steps between, so many times |
//! | `settle` | quiet, until all is well, and checked to remain so |
//!
//! WHO is `one`, `some` (at least one and not all), `most` (all but one), `all`, or a number of them.

mod parse;
mod play;

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A range from which the seed draws.
pub(crate) type Draw = RangeInclusive<u64>;

/// What happens to a room.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The name of its file.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// The file it stands in.
    pub file: PathBuf,
    peers: Draw,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Network(Vec<Setting>),
    Apart(Draw),
    Join(Draw),
    Newcomer(Draw),
    Leave(Who),
    Return,
    Crash(Who),
    Vanish(Who),
    Sleep(Who),
    Pause(Who),
    Wake,
    Background(Who),
    Foreground,
    Offline(Who),
    Online,
    Split { one_way: bool },
    Heal,
    Server(Server),
    Edit { edits: Draw, within: Draw },
    Write(Draw),
    Wait(Draw),
    Chaos(Draw),
    Repeat(Draw, Vec<Step>),
    Settle,
}

/// Times are in nanoseconds, shares in millionths, bandwidth in bytes a second.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting {
    Loss(Draw),
    Delay(Draw),
    Jitter(Draw),
    Duplicate(Draw),
    Bandwidth(Option<Draw>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Stop,
    Start,
    Drop,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Who {
    Some,
    Most,
    All,
    Count(Draw),
}

/// A scenario that cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.why),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.why),
        }
    }
}

impl std::error::Error for Unreadable {}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The digest of all that happened.
    pub trace: u64,
    /// How much happened.
    pub events: u64,
    /// How much virtual time passed.
    pub time: Duration,
    /// The longest quiet that was needed until all was well.
    pub quiet: Duration,
}

impl Scenario {
    /// The folder of the scenarios that come with the simulator.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
    }

    /// All scenarios of a folder, by name.
    ///
    /// # Errors
    /// If the folder or one of them cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<Self>, Unreadable> {
        let failed = |why: std::io::Error| Unreadable { file: folder.into(), line: 0, why: why.to_string() };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|it| it == "scenario") {
                files.push(file);
            }
        }
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    /// A scenario from a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(file: &Path) -> Result<Self, Unreadable> {
        let text = std::fs::read_to_string(file).map_err(|error| Unreadable {
            file: file.into(),
            line: 0,
            why: error.to_string(),
        })?;
        Self::parse(file, &text)
    }
}
