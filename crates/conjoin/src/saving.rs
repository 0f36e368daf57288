//! Saving before telling: what a room wants sent is held back until the document it speaks of is saved.
//!
//! Nearly all that a manager sends says what the document holds: acknowledgements, versions, digests, and
//! edits, which their receiver takes as a sign that the sender has them. So outputs wait in line, and the
//! line moves on when a save is done. One save is under way at a time; what happens meanwhile goes into
//! the next one, so a slow disk gets larger writes, not more of them.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use conjoin_core::{ApplyError, Delta, Doc, VersionVector};
use conjoin_peer::{Channel, Output};

use crate::storage::{Saved, Storage, StorageError};

/// The whole is saved anew when this much has been appended to it, or as much as it was long.
const LEAST_TAIL: usize = 64 << 10;

/// With so many outputs in line, those that may be lost are.
const MANY: usize = 4096;

/// How long to wait after a save failed; twice as long each time, up to the most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// A document's way to its storage.
pub(crate) struct Saving {
    storage: Arc<dyn Storage>,
    saved: VersionVector,
    /// The save that is under way.
    current: Option<Current>,
    /// What speaks of edits that no save covers yet.
    waiting: VecDeque<Output>,
    /// Bytes of the last whole that was saved, and of what was appended to it.
    whole: usize,
    tail: usize,
    /// The whole that is saved holds what the document has let go of.
    outgrown: bool,
    failure: Option<Failure>,
}

struct Current {
    version: VersionVector,
    bytes: usize,
    is_whole: bool,
    /// To be performed when it is done.
    outputs: VecDeque<Output>,
}

struct Failure {
    error: StorageError,
    retry_at: Duration,
    pause: Duration,
    /// Whether to try the whole next. At a limit it may be shorter than what is there; on a disk that is
    /// full it needs more room than what is new.
    whole: bool,
}

/// Something to be saved.
pub(crate) struct Save {
    storage: Arc<dyn Storage>,
    bytes: Vec<u8>,
    /// In place of what is there.
    is_whole: bool,
}

impl Save {
    pub(crate) fn start(self, saved: Saved) {
        if self.is_whole {
            self.storage.replace(self.bytes, saved);
        } else {
            self.storage.append(self.bytes, saved);
        }
    }
}

/// What the end of a save means.
pub(crate) enum Finished {
    /// These can be performed.
    Saved { outputs: VecDeque<Output>, recovered: bool },
    /// It is not saved: links have to go, as what was said on them is lost. These can be performed.
    Failed { outputs: VecDeque<Output>, error: StorageError, is_news: bool },
}

impl Saving {
    /// Reads what is saved into an empty document.
    pub(crate) fn load(doc: &mut Doc, storage: impl Storage + 'static) -> Result<Self, StorageError> {
        let parts = storage.load()?;
        // What was taken once is never refused.
        let limit = doc.state_limit();
        doc.set_state_limit(usize::MAX);
        let (whole, tail) = parts.iter().fold((0, 0), |(whole, tail), part| match kind(part) {
            Some(b'D') => (whole, tail + part.len()),
            _ => (whole.max(part.len()), tail),
        });
        for (at, part) in parts.iter().enumerate() {
            let read = match kind(part) {
                Some(b'D') => {
                    Delta::from_bytes(part).map_err(ApplyError::from).and_then(|delta| doc.apply(&delta))
                }
                _ => doc.merge_snapshot(part),
            };
            let why = match read {
                Ok(applied) if !applied.missing => continue,
                Ok(_) => "what it is built on is missing".to_owned(),
                Err(error) => error.to_string(),
            };
            let of = parts.len();
            return Err(StorageError::Damaged(format!("part {} of {of} cannot be read: {why}", at + 1)));
        }
        doc.set_state_limit(limit);
        Ok(Self {
            storage: Arc::new(storage),
            saved: doc.version().clone(),
            current: None,
            waiting: VecDeque::new(),
            whole,
            tail,
            outgrown: false,
            failure: None,
        })
    }

    /// The document has let go of something: a new whole is shorter.
    pub(crate) const fn outgrow(&mut self) {
        self.outgrown = true;
    }

    /// Whether saving failed last time, so that the room must stay away from others.
    pub(crate) const fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    /// Whether all that is here is saved, or could not be.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_settled(&self, doc: &Doc) -> bool {
        self.current.is_none() && (self.is_failing() || self.saved == *doc.version())
    }

    /// When to try again.
    pub(crate) fn retry_at(&self) -> Option<Duration> {
        self.failure.as_ref().filter(|_| self.current.is_none()).map(|failure| failure.retry_at)
    }

    /// Takes an output that was made for the document as it is; gives it back if it can be performed now.
    pub(crate) fn hold(&mut self, doc: &Doc, output: Output) -> Option<Output> {
        if self.is_failing() {
            return is_safe(&output).then_some(output);
        }
        let in_line = self.current.as_ref().is_some_and(|current| !current.outputs.is_empty());
        if !in_line && self.waiting.is_empty() && self.saved == *doc.version() {
            return Some(output);
        }
        let line = match &mut self.current {
            Some(current) if self.waiting.is_empty() && current.version == *doc.version() => {
                &mut current.outputs
            }
            _ => &mut self.waiting,
        };
        if line.len() < MANY || !matches!(output, Output::Send { channel: Channel::Live, .. }) {
            line.push_back(output);
        }
        None
    }

    /// What to save now, if there is something and nothing is under way.
    pub(crate) fn begin(&mut self, doc: &Doc, now: Duration) -> Option<Save> {
        let early = self.retry_at().is_some_and(|at| now < at);
        let is_all_there = self.saved == *doc.version() && !self.outgrown;
        if self.current.is_some() || early || (is_all_there && !self.is_failing()) {
            return None;
        }
        let save = self.next(doc, &self.saved);
        // If it fails, the next whole does it.
        self.outgrown &= !save.is_whole;
        let (version, outputs) = (doc.version().clone(), mem::take(&mut self.waiting));
        self.current = Some(Current { version, bytes: save.bytes.len(), is_whole: save.is_whole, outputs });
        Some(save)
    }

    /// The rest, when the room goes.
    pub(crate) fn last(&self, doc: &Doc) -> Option<Save> {
        let saved = self.current.as_ref().map_or(&self.saved, |current| &current.version);
        (saved != doc.version()).then(|| self.next(doc, saved))
    }

    fn next(&self, doc: &Doc, saved: &VersionVector) -> Save {
        let worthwhile = self.outgrown || self.tail > self.whole.max(LEAST_TAIL);
        let wants_whole = self.failure.as_ref().map_or(worthwhile, |failure| failure.whole);
        let delta = if wants_whole { None } else { doc.delta_since(saved).ok() };
        let (is_whole, storage) = (delta.is_none(), self.storage.clone());
        let bytes = delta.map_or_else(|| doc.snapshot(), |delta| delta.to_bytes());
        Save { storage, bytes, is_whole }
    }

    /// The save that was under way is done.
    pub(crate) fn finished(
        &mut self,
        doc: &Doc,
        now: Duration,
        result: Result<(), StorageError>,
    ) -> Finished {
        let Some(current) = self.current.take() else {
            return Finished::Saved { outputs: VecDeque::new(), recovered: false };
        };
        if let Err(error) = result {
            let mut outputs = current.outputs;
            outputs.append(&mut self.waiting);
            if current.is_whole && !self.is_failing() && doc.delta_since(&self.saved).is_ok() {
                // What is new may still fit in; the whole can wait.
                self.whole = self.tail;
                self.waiting = outputs;
                return Finished::Saved { outputs: VecDeque::new(), recovered: false };
            }
            outputs.retain(is_safe);
            let before = self.failure.take();
            let pause = before.as_ref().map_or(FIRST_PAUSE, |before| (before.pause * 2).min(MOST_PAUSE));
            let is_news = before.is_none_or(|before| before.error != error);
            let (retry_at, whole) = (now + pause, !current.is_whole);
            self.failure = Some(Failure { error: error.clone(), retry_at, pause, whole });
            return Finished::Failed { outputs, error, is_news };
        }
        if current.is_whole {
            (self.whole, self.tail) = (current.bytes, 0);
        } else {
            self.tail += current.bytes;
        }
        self.saved = current.version;
        let mut outputs = current.outputs;
        if self.saved == *doc.version() {
            outputs.append(&mut self.waiting);
        }
        Finished::Saved { outputs, recovered: self.failure.take().is_some() }
    }
}

/// Which kind of bytes of a document these are: see docs/format.md.
fn kind(bytes: &[u8]) -> Option<u8> {
    bytes.get(2).copied()
}

/// Whether an output tells nobody what the document holds. Of a link that is cut off in the middle of a
/// message, nothing more may go by the bulk channel.
fn is_safe(output: &Output) -> bool {
    !matches!(output, Output::Send { .. })
}
