//! What the view shows, apart from how.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use conjoin::{PeerInfo, Status};

use super::super::inbox::Root;
use super::super::perform::Standing;
use super::super::safe::Charset;
use super::editor::Editor;

/// So many lines of the log are kept.
const MAX_LOG: usize = 1_000;

/// Of each so many characters.
const MAX_LOG_LINE: usize = 4_000;

/// So long a value that changed stands out.
const STANDS_OUT: Duration = Duration::from_millis(1_500);

/// Of a value so many bytes are kept: the widest terminal shows no more.
pub(crate) const SHOWN: usize = 500;

/// Everything that is on the screen.
pub(crate) struct Model {
    pub(crate) charset: Charset,
    /// Colours are wanted.
    pub(crate) colors: bool,
    pub(crate) room: String,
    pub(crate) server: String,
    pub(crate) name: String,
    pub(crate) standing: Standing,
    pub(crate) peers: Vec<PeerInfo>,
    /// With when they changed last.
    pub(crate) values: BTreeMap<Root, (String, Option<Instant>)>,
    /// Only these names, or all.
    pub(crate) watched: Vec<String>,
    pub(crate) log: VecDeque<Entry>,
    /// So many rows are below what is shown of the log.
    pub(crate) scrolled: usize,
    /// So many can be; known when it has been drawn.
    pub(crate) top: Cell<usize>,
    pub(crate) editor: Editor,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// What a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A command as it was typed.
    Command,
    /// What came of it.
    Result,
    /// What happened in the room.
    Event,
    /// What went wrong.
    Problem,
}

impl Model {
    /// Nothing has happened yet. `name` is what others see.
    pub(crate) fn new(charset: Charset, colors: bool, room: &str, server: &str, name: &str) -> Self {
        Self {
            charset,
            colors,
            room: charset.plain(room),
            server: charset.plain(server),
            name: charset.plain(name),
            standing: Standing { status: Status::Offline, retry_in: None },
            peers: Vec::new(),
            values: BTreeMap::new(),
            watched: Vec::new(),
            log: VecDeque::new(),
            scrolled: 0,
            top: Cell::new(0),
            editor: Editor::default(),
        }
    }

    pub(crate) fn log(&mut self, tone: Tone, text: &str) {
        if self.log.len() == MAX_LOG {
            self.log.pop_front();
        }
        let text: String = self.charset.plain(text).chars().take(MAX_LOG_LINE).collect();
        self.log.push_back(Entry { tone, text });
        // Who reads further up stays there.
        self.scrolled += usize::from(self.scrolled > 0);
    }

    /// Shows what is further up in the log, or down again.
    pub(crate) fn scroll(&mut self, up: isize) {
        self.scrolled = self.scrolled.saturating_add_signed(up).min(self.top.get());
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.watched.is_empty() || self.watched.iter().any(|watched| watched == name)
    }

    /// A value has changed.
    pub(crate) fn change(&mut self, root: Root, json: String, now: Instant) {
        self.values.insert(root, (json, Some(now)));
    }

    /// The values stand as they do.
    pub(crate) fn set_values(&mut self, values: Vec<(Root, String)>) {
        self.values = values.into_iter().map(|(root, json)| (root, (json, None))).collect();
    }

    pub(crate) fn stands_out(changed: Option<Instant>, now: Instant) -> bool {
        changed.is_some_and(|at| now < at + STANDS_OUT)
    }

    /// When the screen changes by itself.
    pub(crate) fn next_change(&self, now: Instant) -> Option<Instant> {
        let changed = self.values.values().filter_map(|value| value.1);
        let settles = changed.map(|at| at + STANDS_OUT).filter(|at| *at > now).min();
        let counts = self.standing.retry_in.map(|_| now + Duration::from_secs(1));
        settles.into_iter().chain(counts).min()
    }
}
