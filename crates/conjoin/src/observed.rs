//! What apps watch: the behaviors of a room, and when each is brought up to date.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conjoin_core::behavior::{Batch, Behavior, MaybeSend, MaybeSync, Source};
use conjoin_core::{Changed, Diff, Doc, Item, Kind, Value, VersionVector};
use conjoin_peer::{Manager, PeerInfo, Stats, Status};

/// How often statistics change at most.
const STATS_INTERVAL: Duration = Duration::from_millis(250);

/// Below this many watched values, those nobody watches any more are not looked for.
const SWEEP: usize = 64;

/// The sources of a room's behaviors. Those of values, of the version and of the statistics are
/// made when somebody asks, so that a room pays only for what is watched.
pub(crate) struct Observed {
    status: Source<Status>,
    /// Out of date while nobody watches it.
    peers: Source<Vec<PeerInfo>>,
    version: Option<Source<VersionVector>>,
    /// Counts the changes of the document while somebody watches what is read from it.
    document: Option<Source<u64>>,
    stats: Option<WatchedStats>,
    values: BTreeMap<Target, Watched>,
    /// Look for values that are not watched any more at this many.
    sweep: usize,
}

struct WatchedStats {
    source: Source<Stats>,
    last: Stats,
    /// Not to be changed before.
    next: Duration,
}

/// A root of the document, or a key of a map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    kind: Kind,
    name: Arc<str>,
    key: Option<Arc<str>>,
}

/// The source of a value of the document.
enum Watched {
    Counter(Source<i64>),
    FloatCounter(Source<f64>),
    /// A register, or one key of a map.
    Register(Source<Option<Value>>),
    Map(Source<BTreeMap<String, Value>>),
    /// Counts the changes of what is too large to be copied at each: a text, list or set.
    Revision(Source<u64>),
}

impl Observed {
    pub(crate) fn new(manager: &Manager) -> Self {
        Self {
            status: Source::new(manager.status().clone()),
            peers: Source::new(Vec::new()),
            version: None,
            document: None,
            stats: None,
            values: BTreeMap::new(),
            sweep: SWEEP,
        }
    }

    pub(crate) fn status(&self) -> Behavior<Status> {
        self.status.behavior()
    }

    pub(crate) fn peers(&self, manager: &Manager) -> Behavior<Vec<PeerInfo>> {
        if !self.peers.has_behaviors() {
            self.peers.set(manager.peers());
        }
        self.peers.behavior()
    }

    pub(crate) fn version(&mut self, doc: &Doc) -> Behavior<VersionVector> {
        self.version.get_or_insert_with(|| Source::new(doc.version().clone())).behavior()
    }

    pub(crate) fn stats(&mut self, manager: &Manager, now: Duration) -> Behavior<Stats> {
        let watched = self.stats.get_or_insert_with(|| {
            let stats = manager.stats();
            WatchedStats { source: Source::new(stats), last: stats, next: now + STATS_INTERVAL }
        });
        watched.source.behavior()
    }

    pub(crate) fn counter(&mut self, doc: &Doc, name: &str) -> Behavior<i64> {
        let pick = |watched: &Watched| match watched {
            Watched::Counter(source) => Some(source.behavior()),
            _ => None,
        };
        self.value(doc, target(Kind::Counter, name, None), pick)
    }

    pub(crate) fn float_counter(&mut self, doc: &Doc, name: &str) -> Behavior<f64> {
        let pick = |watched: &Watched| match watched {
            Watched::FloatCounter(source) => Some(source.behavior()),
            _ => None,
        };
        self.value(doc, target(Kind::FloatCounter, name, None), pick)
    }

    pub(crate) fn register(&mut self, doc: &Doc, name: &str) -> Behavior<Option<Value>> {
        self.value(doc, target(Kind::Register, name, None), pick_register)
    }

    pub(crate) fn key(&mut self, doc: &Doc, name: &str, key: &str) -> Behavior<Option<Value>> {
        self.value(doc, target(Kind::Map, name, Some(key)), pick_register)
    }

    pub(crate) fn map(&mut self, doc: &Doc, name: &str) -> Behavior<BTreeMap<String, Value>> {
        let pick = |watched: &Watched| match watched {
            Watched::Map(source) => Some(source.behavior()),
            _ => None,
        };
        self.value(doc, target(Kind::Map, name, None), pick)
    }

    /// A number that is another one after each change of a text, list or set.
    pub(crate) fn revision(&mut self, doc: &Doc, kind: Kind, name: &str) -> Behavior<u64> {
        let pick = |watched: &Watched| match watched {
            Watched::Revision(source) => Some(source.behavior()),
            _ => None,
        };
        self.value(doc, target(kind, name, None), pick)
    }

    /// A number that is another one after each change of the document.
    pub(crate) fn document(&mut self) -> Behavior<u64> {
        self.document.get_or_insert_with(|| Source::new(0)).behavior()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn value<T>(
        &mut self,
        doc: &Doc,
        target: Target,
        pick: fn(&Watched) -> Option<Behavior<T>>,
    ) -> Behavior<T>
    where
        T: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        if self.values.len() >= self.sweep {
            self.values.retain(|_, watched| watched.is_watched());
            self.sweep = SWEEP.max(self.values.len() * 2);
        }
        let watched = self.values.entry(target);
        let watched = watched.or_insert_with_key(|target| Watched::new(doc, target));
        pick(watched).expect("a target always has a source of the same type")
    }

    /// Whether [`document_changed`](Self::document_changed) has to know what changed.
    pub(crate) fn watches_values(&self) -> bool {
        !self.values.is_empty()
    }

    /// Sets what a change of the document changed.
    pub(crate) fn document_changed(&mut self, doc: &Doc, changed: &Changed, batch: &mut Batch) {
        if let Some(document) = self.document.as_ref().filter(|document| document.has_behaviors()) {
            batch.set(document, next(document));
        }
        if let Some(version) = &self.version {
            batch.set(version, doc.version().clone());
        }
        if self.values.is_empty() {
            return;
        }
        for patch in changed.iter().filter(|patch| patch.target.path.is_empty()) {
            let mut target = Target { kind: patch.target.kind, name: patch.target.name.clone(), key: None };
            self.refresh(doc, &target, batch);
            if let Diff::Map(keys) = &patch.diff {
                for key in keys.keys() {
                    target.key = Some(key.clone());
                    self.refresh(doc, &target, batch);
                }
            }
        }
    }

    fn refresh(&mut self, doc: &Doc, target: &Target, batch: &mut Batch) {
        let Some(watched) = self.values.get(target) else { return };
        if !watched.is_watched() {
            self.values.remove(target);
            return;
        }
        match watched {
            Watched::Counter(source) => batch.set(source, doc.counter(&target.name)),
            Watched::FloatCounter(source) => batch.set(source, doc.float_counter(&target.name)),
            Watched::Register(source) => batch.set(source, register(doc, target)),
            Watched::Map(source) => batch.set(source, entries(doc, &target.name)),
            Watched::Revision(source) => batch.set(source, next(source)),
        }
    }

    pub(crate) fn status_changed(&self, manager: &Manager, batch: &mut Batch) {
        batch.set(&self.status, manager.status().clone());
    }

    pub(crate) fn peers_changed(&self, manager: &Manager, batch: &mut Batch) {
        if self.peers.has_behaviors() {
            batch.set(&self.peers, manager.peers());
        }
    }

    /// Brings the statistics up to date, unless they were a moment ago: then the result says when
    /// to call again.
    pub(crate) fn refresh_stats(
        &mut self,
        manager: &Manager,
        now: Duration,
        batch: &mut Batch,
    ) -> Option<Duration> {
        let watched = self.stats.as_mut()?;
        let stats = manager.stats();
        if stats == watched.last {
            return None;
        }
        if now < watched.next {
            return Some(watched.next);
        }
        watched.last = stats;
        watched.next = now + STATS_INTERVAL;
        batch.set(&watched.source, stats);
        None
    }
}

impl Watched {
    fn new(doc: &Doc, target: &Target) -> Self {
        match (target.kind, &target.key) {
            (Kind::Counter, _) => Self::Counter(Source::new(doc.counter(&target.name))),
            (Kind::FloatCounter, _) => Self::FloatCounter(Source::new(doc.float_counter(&target.name))),
            (Kind::Map, None) => Self::Map(Source::new(entries(doc, &target.name))),
            (Kind::Text | Kind::List | Kind::Set, _) => Self::Revision(Source::new(0)),
            _ => Self::Register(Source::new(register(doc, target))),
        }
    }

    fn is_watched(&self) -> bool {
        match self {
            Self::Counter(source) => source.has_behaviors(),
            Self::FloatCounter(source) => source.has_behaviors(),
            Self::Register(source) => source.has_behaviors(),
            Self::Map(source) => source.has_behaviors(),
            Self::Revision(source) => source.has_behaviors(),
        }
    }
}

fn next(revision: &Source<u64>) -> u64 {
    revision.behavior().now() + 1
}

fn pick_register(watched: &Watched) -> Option<Behavior<Option<Value>>> {
    match watched {
        Watched::Register(source) => Some(source.behavior()),
        _ => None,
    }
}

fn target(kind: Kind, name: &str, key: Option<&str>) -> Target {
    Target { kind, name: name.into(), key: key.map(Arc::from) }
}

fn register(doc: &Doc, target: &Target) -> Option<Value> {
    match &target.key {
        Some(key) => doc.map(&target.name).get(key).cloned(),
        None => doc.register(&target.name).cloned(),
    }
}

/// All keys and plain values of a map.
pub(crate) fn entries(doc: &Doc, name: &str) -> BTreeMap<String, Value> {
    let mut entries = BTreeMap::new();
    // One by one: collecting would sort first, and bring a sorting algorithm along.
    let plain = |(key, item): (&str, Item<'_>)| Some((key.to_owned(), item.value()?.clone()));
    entries.extend(doc.map(name).iter().filter_map(plain));
    entries
}
