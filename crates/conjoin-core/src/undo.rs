//! Taking back one's own edits, and nobody else's.
//!
//! An edit is taken back by a new one that does the opposite of what is left of it, worked out from the log
//! when it is asked for, so that what others did meanwhile stays. Redoing is taking back what took back
//! (J. Yu, V. Elvinger and C.-L. Ignat, *A Generic Undo Support for State-Based CRDTs*, 2019, see why
//! these two need each other).
//!
//! What was written again by taking back stands for what it brought back: an insertion whose text was
//! deleted and came back is taken back together with that text.

use std::ops::Range;
use std::time::Duration;

use crate::doc::{Commit, Doc};
use crate::sorted::Sorted;
use crate::transaction::Transaction;
use crate::version::{OpId, ReplicaId};

mod copy;
mod marks;
mod past;
mod place;
mod reverse;
#[cfg(test)]
mod tests;

/// Own operations that follow each other.
#[derive(Debug, Clone)]
struct Stretch {
    replica: ReplicaId,
    seqs: Range<u64>,
}

/// What is taken back at once.
type Group = Vec<Stretch>;

/// Which operations stand for which since something was taken back.
#[derive(Debug, Clone, Default)]
struct Again {
    /// For elements that came back, the elements they came back as.
    elements: Sorted<OpId, OpId>,
    /// For elements that something came back as, what came back.
    was: Sorted<OpId, OpId>,
    /// For values that came back with the item they were in, by what made them, the values they came back as.
    containers: Sorted<OpId, OpId>,
    /// For writes that brought back an earlier one, that one.
    writes: Sorted<OpId, OpId>,
    /// For slots of items that came back to an earlier one, that one.
    slots: Sorted<OpId, OpId>,
    /// What was recorded, and what took it back.
    recorded: Recorded,
}

/// Stretches of operations: each the first one, and the one after the last.
#[derive(Debug, Clone, Default)]
struct Recorded(Sorted<OpId, OpId>);

impl Recorded {
    fn add(&mut self, stretch: &Stretch) {
        let id = |seq| OpId { replica: stretch.replica, seq };
        let (mut start, mut end) = (id(stretch.seqs.start), id(stretch.seqs.end));
        if let Some(before) = self.0.up_to(&start)
            && before.1 >= start
        {
            (start, end) = (before.0, before.1.max(end));
        }
        self.0.insert(start, end);
    }

    fn contains(&self, id: OpId) -> bool {
        self.0.up_to(&id).is_some_and(|stretch| id < stretch.1)
    }
}

impl Again {
    /// The element as which an element was last brought back.
    fn element(&self, id: OpId) -> OpId {
        last(&self.elements, id)
    }
}

fn last(of: &Sorted<OpId, OpId>, mut id: OpId) -> OpId {
    while let Some(&next) = of.get(&id) {
        id = next;
    }
    id
}

/// Whether a write is this one, or brought it back.
fn stands_for(again: &Sorted<OpId, OpId>, mut write: OpId, wanted: OpId) -> bool {
    while write != wanted {
        match again.get(&write) {
            Some(&before) => write = before,
            None => return false,
        }
    }
    true
}

/// Remembers own edits so that they can be taken back, and done again.
///
/// Only what this is told of is taken back: edits of others stay, and so do own ones that were not
/// [recorded](Self::record). A register that held nothing before holds [`Null`](crate::Value::Null) then, since it cannot be
/// emptied. An item of a list that was edited itself does not come back where a plain value took its place.
/// Of edits whose history is not kept any more, what would be needed from it is left out.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, UndoManager};
/// use std::time::Duration;
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let mut undo = UndoManager::new();
/// undo.transact(&mut doc, Duration::from_secs(1), |tx| tx.text("t").push("Hello"));
/// undo.transact(&mut doc, Duration::from_secs(9), |tx| tx.text("t").push(", world"));
///
/// undo.undo(&mut doc);
/// assert_eq!(doc.text("t").to_string(), "Hello");
/// undo.redo(&mut doc);
/// assert_eq!(doc.text("t").to_string(), "Hello, world");
/// ```
#[derive(Debug, Clone)]
pub struct UndoManager {
    done: Vec<Group>,
    undone: Vec<Group>,
    again: Again,
    limit: usize,
    interval: Duration,
    /// When the last edit was recorded, unless the next one begins a group of its own.
    last: Option<Duration>,
    /// Whether edits go into one group however far apart they are, and whether it was begun.
    group: Option<bool>,
}

impl Default for UndoManager {
    fn default() -> Self {
        Self::new()
    }
}

impl UndoManager {
    /// Knows nothing yet. Edits within half a second are taken back together, and the last 1,000 groups
    /// are kept.
    ///
    /// ```
    /// # use conjoin_core::UndoManager;
    /// let undo = UndoManager::new();
    /// assert!(!undo.can_undo() && !undo.can_redo());
    /// ```
    // Of many parts: a browser should load that once.
    #[inline(never)]
    pub const fn new() -> Self {
        Self {
            done: Vec::new(),
            undone: Vec::new(),
            again: Again {
                elements: Sorted::new(),
                was: Sorted::new(),
                containers: Sorted::new(),
                writes: Sorted::new(),
                slots: Sorted::new(),
                recorded: Recorded(Sorted::new()),
            },
            limit: 1_000,
            interval: Duration::from_millis(500),
            last: None,
            group: None,
        }
    }

    /// Edits that follow each other within this time are taken back together; zero keeps each apart.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.set_merge_interval(Duration::from_secs(2));
    /// for (second, letter) in [(0, "T"), (1, "e"), (5, "a")] {
    ///     undo.transact(&mut doc, Duration::from_secs(second), |tx| tx.text("t").push(letter));
    /// }
    /// undo.undo(&mut doc);
    /// assert_eq!(doc.text("t").to_string(), "Te");
    /// undo.undo(&mut doc);
    /// assert!(doc.text("t").is_empty());
    /// ```
    pub const fn set_merge_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Keeps so many groups; the oldest goes first.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.set_max_undo_steps(1);
    /// undo.transact(&mut doc, Duration::from_secs(1), |tx| tx.text("t").push("Tea"));
    /// undo.transact(&mut doc, Duration::from_secs(9), |tx| tx.text("t").push("!"));
    /// undo.undo(&mut doc);
    /// assert!(!undo.can_undo());
    /// assert_eq!(doc.text("t").to_string(), "Tea");
    /// ```
    pub fn set_max_undo_steps(&mut self, groups: usize) {
        self.limit = groups;
        self.trim();
    }

    /// What is recorded from now on is taken back together, until [`group_end`](Self::group_end).
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.group_start();
    /// undo.transact(&mut doc, Duration::from_secs(1), |tx| tx.text("t").push("Tea"));
    /// undo.transact(&mut doc, Duration::from_secs(9), |tx| tx.text("t").push("!"));
    /// undo.group_end();
    /// undo.undo(&mut doc);
    /// assert!(doc.text("t").is_empty());
    /// ```
    pub const fn group_start(&mut self) {
        self.group = Some(false);
    }

    /// What is recorded from now on begins another group.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// let now = Duration::from_secs(1);
    /// undo.transact(&mut doc, now, |tx| tx.text("t").push("Tea"));
    /// undo.group_end(); // though it is the same moment
    /// undo.transact(&mut doc, now, |tx| tx.text("t").push("!"));
    /// undo.undo(&mut doc);
    /// assert_eq!(doc.text("t").to_string(), "Tea");
    /// ```
    pub const fn group_end(&mut self) {
        self.group = None;
        self.last = None;
    }

    /// Edits and records it. `now` is the time since whatever start, the same for all calls.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// let commit = undo.transact(&mut doc, Duration::ZERO, |tx| tx.text("t").push("Tea"));
    /// assert_eq!(commit.delta().operations(), 3); // to be sent, as of any commit
    /// assert!(undo.can_undo());
    /// ```
    pub fn transact<'d>(
        &mut self,
        doc: &'d mut Doc,
        now: Duration,
        edit: impl FnOnce(&mut Transaction<'_>),
    ) -> Commit<'d> {
        let commit = doc.transact(edit);
        self.record(&commit, now);
        commit
    }

    /// Takes note of own edits, made at `now`: the time since whatever start, the same for all calls. What
    /// was taken back before cannot be done again then.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// let commit = doc.transact(|tx| tx.text("t").push("Tea"));
    /// undo.record(&commit, Duration::ZERO);
    /// doc.transact(|tx| tx.text("t").push("!")); // is not recorded
    /// undo.undo(&mut doc);
    /// assert_eq!(doc.text("t").to_string(), "!");
    /// ```
    pub fn record(&mut self, commit: &Commit<'_>, now: Duration) {
        let Some(stretch) = stretch(commit) else { return };
        self.undone.clear();
        self.again.recorded.add(&stretch);
        let near = self.last.is_some_and(|last| now.saturating_sub(last) < self.interval);
        let joins = self.group.unwrap_or(near);
        match self.done.last_mut().filter(|_| joins) {
            Some(group) => push(group, stretch),
            None => self.done.push(vec![stretch]),
        }
        self.last = Some(now);
        self.group = self.group.map(|_| true);
        self.trim();
    }

    /// Whether there is something to take back.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// assert!(!undo.can_undo());
    /// undo.transact(&mut doc, Duration::ZERO, |tx| tx.text("t").push("Tea"));
    /// assert!(undo.can_undo());
    /// ```
    pub const fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    /// Whether there is something to do again.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.transact(&mut doc, Duration::ZERO, |tx| tx.text("t").push("Tea"));
    /// assert!(!undo.can_redo());
    /// undo.undo(&mut doc);
    /// assert!(undo.can_redo());
    /// ```
    pub const fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// Takes back the last group of edits of which something is left. `None` if there is none.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.transact(&mut doc, Duration::ZERO, |tx| tx.text("t").push("Tea"));
    /// let commit = undo.undo(&mut doc).expect("there is something");
    /// assert_eq!(commit.delta().operations(), 3); // to be sent, as of any commit
    /// assert!(doc.text("t").is_empty());
    /// assert!(undo.undo(&mut doc).is_none());
    /// ```
    pub fn undo<'d>(&mut self, doc: &'d mut Doc) -> Option<Commit<'d>> {
        let (start, group) = take_back(&mut self.done, &mut self.again, doc)?;
        self.undone.push(group);
        self.last = None;
        self.group = self.group.map(|_| false);
        Some(Commit::new(doc, start))
    }

    /// Does again what was last taken back. `None` if there is nothing.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.transact(&mut doc, Duration::ZERO, |tx| tx.text("t").push("Tea"));
    /// undo.undo(&mut doc);
    /// assert!(undo.redo(&mut doc).is_some());
    /// assert_eq!(doc.text("t").to_string(), "Tea");
    /// assert!(undo.redo(&mut doc).is_none());
    /// ```
    pub fn redo<'d>(&mut self, doc: &'d mut Doc) -> Option<Commit<'d>> {
        let (start, group) = take_back(&mut self.undone, &mut self.again, doc)?;
        self.done.push(group);
        self.last = None;
        self.group = self.group.map(|_| false);
        Some(Commit::new(doc, start))
    }

    /// Forgets all: what was done so far can be neither taken back nor done again.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, UndoManager};
    /// # use std::time::Duration;
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # let mut undo = UndoManager::new();
    /// undo.transact(&mut doc, Duration::ZERO, |tx| tx.text("t").push("Tea"));
    /// undo.clear();
    /// assert!(undo.undo(&mut doc).is_none());
    /// assert_eq!(doc.text("t").to_string(), "Tea");
    /// ```
    pub fn clear(&mut self) {
        let Self { limit, interval, group, .. } = *self;
        *self = Self { limit, interval, group: group.map(|_| false), ..Self::new() };
    }

    fn trim(&mut self) {
        let excess = self.done.len().saturating_sub(self.limit);
        self.done.drain(..excess);
    }
}

fn stretch(commit: &Commit<'_>) -> Option<Stretch> {
    let (first, len) = commit.operations()?;
    Some(Stretch { replica: first.replica, seqs: first.seq..first.seq + u64::from(len) })
}

/// Appends a stretch, to the last if it goes on with it.
fn push(group: &mut Group, stretch: Stretch) {
    match group.last_mut() {
        Some(last) if last.replica == stretch.replica && last.seqs.end == stretch.seqs.start => {
            last.seqs.end = stretch.seqs.end;
        }
        _ => group.push(stretch),
    }
}

/// Takes back the last of these groups of which something is left; says which number came first, and what
/// it did.
fn take_back(groups: &mut Vec<Group>, again: &mut Again, doc: &mut Doc) -> Option<(u32, Group)> {
    while let Some(group) = groups.pop() {
        let start = doc.numbers.next();
        let commit = doc.transact(|tx| {
            for stretch in group.iter().rev() {
                reverse::reverse(tx, stretch.replica, stretch.seqs.clone(), start, again);
            }
        });
        if let Some(stretch) = stretch(&commit) {
            again.recorded.add(&stretch);
            return Some((start, vec![stretch]));
        }
    }
    None
}
