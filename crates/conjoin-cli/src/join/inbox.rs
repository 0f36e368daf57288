//! What happened in the room since somebody looked. A room calls back from its own tasks, which nobody may hold
//! up; what waits here for whoever is slow to show it is bounded, whatever peers send.

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conjoin::{
    Changed, Content, Diff, Event, Kind, ListStep, Origin, Patch, Room, Subscription, TextStep, Value,
};
use tokio::sync::Notify;

/// So many problems are kept; of more, the latest.
const MAX_PROBLEMS: usize = 100;

/// A value at the root of the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Root {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) status: bool,
    pub(crate) peers: bool,
    pub(crate) problems: VecDeque<String>,
    /// The changes, in the order they were made.
    pub(crate) changes: Vec<Changed>,
    /// What changed besides: it has to be read.
    pub(crate) changed: BTreeSet<Root>,
}

impl News {
    fn is_empty(&self) -> bool {
        !self.status
            && !self.peers
            && self.problems.is_empty()
            && self.changes.is_empty()
            && self.changed.is_empty()
    }
}

struct State {
    news: News,
    /// About how many bytes the changes take.
    weight: usize,
    /// How many changes made here there have been.
    local: u64,
}

/// Gathers what happens in one room.
pub(crate) struct Inbox {
    shared: Arc<(Mutex<State>, Notify)>,
    _subscriptions: [Subscription; 2],
}

impl Inbox {
    /// Of changes, `max_weight` bytes may wait; then they are forgotten, and only what changed is known.
    pub(crate) fn new(room: &Room, max_weight: usize) -> Self {
        let state = State { news: News { status: true, ..News::default() }, weight: 0, local: 0 };
        let shared = Arc::new((Mutex::new(state), Notify::new()));
        let (for_events, for_changes) = (shared.clone(), shared.clone());
        let events = room.on_event(move |event| {
            let news = &mut lock(&for_events.0).news;
            match event {
                Event::Status => news.status = true,
                Event::Peers => news.peers = true,
                Event::Problem(problem) => {
                    if news.problems.len() == MAX_PROBLEMS {
                        news.problems.pop_front();
                    }
                    news.problems.push_back(problem.clone());
                }
                // Changes are told by the other one, those made here too.
                Event::Changed(_) | Event::Wire(_) => return,
            }
            for_events.1.notify_one();
        });
        let changes = room.on_change(move |changed| {
            lock(&for_changes.0).change(changed, max_weight);
            for_changes.1.notify_one();
        });
        Self { shared, _subscriptions: [events, changes] }
    }

    /// What happened since the last time, if anything.
    pub(crate) fn take(&self) -> Option<News> {
        let mut state = lock(&self.shared.0);
        state.weight = 0;
        Some(mem::take(&mut state.news)).filter(|news| !news.is_empty())
    }

    /// Waits until something has happened.
    pub(crate) async fn next(&self) -> News {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.shared.1.notified().await;
        }
    }

    /// How many changes made here have come in.
    pub(crate) fn local(&self) -> u64 {
        lock(&self.shared.0).local
    }

    /// Waits until so many changes made here have come in, and with them all that were made before. They are
    /// told by whoever is at work on the room, which need not be who made them.
    pub(crate) async fn has_come(&self, local: u64) {
        while self.local() < local {
            self.shared.1.notified().await;
        }
    }
}

impl State {
    fn change(&mut self, changed: &Changed, max_weight: usize) {
        self.local += u64::from(changed.origin == Origin::Local);
        self.weight = self.weight.saturating_add(changed.iter().map(weight).sum());
        if self.weight <= max_weight {
            self.news.changes.push(changed.clone());
            return;
        }
        // From now on until it is looked at: in between, patches would be missing.
        self.weight = usize::MAX;
        let forgotten = mem::take(&mut self.news.changes);
        let patches = forgotten.iter().flat_map(Changed::iter).chain(changed.iter());
        self.news.changed.extend(patches.map(root));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The root that a patch is of.
pub(crate) fn root(patch: &Patch) -> Root {
    Root { name: patch.target.name.clone(), kind: patch.target.kind }
}

/// About how many bytes a patch takes.
fn weight(patch: &Patch) -> usize {
    const EACH: usize = 64;
    let value = |value: &Value| match value {
        Value::Str(text) => text.len() + EACH,
        Value::Bytes(bytes) => bytes.len() + EACH,
        _ => EACH,
    };
    let content = |content: &Content| match content {
        Content::Value(of) => value(of),
        Content::Nested(..) => EACH,
    };
    let marks = |marks: &conjoin::Marks| marks.values().map(value).sum::<usize>();
    let diff: usize = match &patch.diff {
        Diff::Register(values) => values.iter().map(value).sum(),
        Diff::Map(entries) => entries.values().map(|entry| EACH + entry.as_ref().map_or(0, content)).sum(),
        Diff::Set { added, removed } => added.iter().chain(removed).map(value).sum(),
        Diff::List(steps) => steps
            .iter()
            .map(|step| match step {
                ListStep::Insert(items) => items.iter().map(content).sum(),
                _ => EACH,
            })
            .sum(),
        Diff::Text(steps) => steps
            .iter()
            .map(|step| match step {
                TextStep::Insert(text, of) => text.len() + EACH + marks(of),
                TextStep::Retain(_, of) => EACH + marks(of),
                TextStep::Delete(_) => EACH,
            })
            .sum(),
        _ => EACH,
    };
    diff + EACH * (2 + patch.target.path.len())
}

#[cfg(test)]
mod tests {
    use conjoin::Session;

    use super::*;

    fn room() -> Room {
        Room::new(Session { server: "ws://localhost".into(), room: "r".into(), name: None })
    }

    #[test]
    fn changes_are_told_in_order() {
        let room = room();
        let inbox = Inbox::new(&room, 1 << 20);
        assert!(inbox.take().is_some_and(|news| news.status && news.changes.is_empty()));
        room.counter("clicks").add(2);
        room.text("notes").push("Hi");
        let news = inbox.take().unwrap();
        let names: Vec<_> =
            news.changes.iter().flat_map(Changed::iter).map(|patch| &*patch.target.name).collect();
        assert_eq!(names, ["clicks", "notes"]);
        assert!(news.changed.is_empty() && inbox.take().is_none());
    }

    #[test]
    fn who_does_not_look_is_told_only_what_changed() {
        let room = room();
        let inbox = Inbox::new(&room, 10_000);
        room.counter("clicks").add(2);
        for _ in 0..100 {
            room.text("notes").push(&"x".repeat(1_000));
        }
        let news = inbox.take().unwrap();
        let names: Vec<_> = news.changed.iter().map(|root| &*root.name).collect();
        assert_eq!((names, news.changes.len()), (vec!["clicks", "notes"], 0));
        room.counter("clicks").add(2);
        assert_eq!(inbox.take().unwrap().changes.len(), 1);
    }
}
