//! Random histories of several replicas, played on real documents and on the oracle.

use std::fmt::Write as _;

use conjoin_core::{Delta, Doc, ReplicaId, VersionVector};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::doer;
use crate::edits::{Edit, ROOTS};
use crate::mirror::Mirror;
use crate::oracle::{Oracle, Place};
use crate::reader::{Contents, read};

/// What happens next, by the numbers of replicas.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A replica makes a transaction.
    Edit(usize, Vec<Edit>),
    /// The second replica gets all it lacks from the first.
    Sync(usize, usize),
    /// The second replica gets the state of the first, with its history.
    Snapshot(usize, usize),
    /// The second replica gets the state of the first alone.
    State(usize, usize),
    /// The second replica takes in the first as a document.
    Merge(usize, usize),
    /// The second replica goes, and a new one starts in its place as a copy of the first.
    Fork(usize, usize),
    /// A replica goes, and a new one starts in its place from what it had stored.
    Load(usize),
    /// A replica lets go of what only those need who have seen less than all have.
    Compact(usize),
    /// A replica gets one of the deltas made so far, perhaps too early, perhaps again.
    Deliver(usize, Index),
    /// A replica forgets its history.
    Forget(usize),
}

/// Histories of so many replicas, with edits of one sort.
pub(crate) fn steps<E: Strategy<Value = Edit>>(
    replicas: usize,
    edits: impl Fn() -> E,
    count: usize,
) -> impl Strategy<Value = Vec<Step>> {
    let one = move || 0..replicas;
    // Two different ones.
    let two = move || (one(), 1..replicas).prop_map(move |(from, by)| (from, (from + by) % replicas));
    let step = prop_oneof![
        8 => (one(), prop::collection::vec(edits(), 1..5)).prop_map(|(at, edits)| Step::Edit(at, edits)),
        3 => two().prop_map(|(from, to)| Step::Sync(from, to)),
        1 => two().prop_map(|(from, to)| Step::Snapshot(from, to)),
        1 => two().prop_map(|(from, to)| Step::State(from, to)),
        1 => two().prop_map(|(from, to)| Step::Merge(from, to)),
        6 => (one(), any::<Index>()).prop_map(|(to, which)| Step::Deliver(to, which)),
        1 => one().prop_map(Step::Forget),
        1 => one().prop_map(Step::Compact),
        1 => one().prop_map(Step::Load),
        1 => two().prop_map(|(from, to)| Step::Fork(from, to)),
    ];
    prop::collection::vec(step, 1..count)
}

/// Documents, and all that ever happened to them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) docs: Vec<Doc>,
    /// What somebody who knows nothing but the patches makes of each document that began empty.
    mirrors: Vec<Option<Mirror>>,
    pub(crate) deltas: Vec<Delta>,
    pub(crate) oracle: Oracle,
    /// How many replicas there ever were.
    replicas: u64,
    /// Whether some history was dropped, so that some get states; whether some was compacted, after which
    /// only those who have seen nothing may get states. The two do not go together.
    forgotten: bool,
    compacted: bool,
    /// What was done, for whoever reads why a test failed.
    story: String,
}

impl World {
    pub(crate) fn new(replicas: usize) -> Self {
        let mut world = Self {
            docs: Vec::new(),
            mirrors: vec![Some(Mirror::default()); replicas],
            deltas: Vec::new(),
            oracle: Oracle::default(),
            replicas: 0,
            forgotten: false,
            compacted: false,
            story: String::new(),
        };
        for _ in 0..replicas {
            let replica = world.new_replica();
            world.docs.push(Doc::new(replica));
        }
        world
    }

    /// Plays a history to its end.
    pub(crate) fn after(replicas: usize, history: &[Step]) -> Self {
        let mut world = Self::new(replicas);
        for step in history {
            world.step(step);
        }
        world
    }

    /// An id that nobody has, below those of the ones before it.
    fn new_replica(&mut self) -> ReplicaId {
        self.replicas += 1;
        ReplicaId::new(1000 - self.replicas)
    }

    /// Does it; returns the replica that it was done to.
    pub(crate) fn step(&mut self, step: &Step) -> usize {
        match *step {
            Step::Snapshot(from, to) | Step::State(from, to) if self.compacted => {
                self.step(&Step::Sync(from, to))
            }
            Step::Forget(at) | Step::Load(at) if self.compacted => at,
            Step::Compact(at) if self.forgotten => at,
            Step::Edit(at, ref edits) => {
                self.edit(at, edits);
                at
            }
            Step::Sync(from, to) => {
                self.tell(format_args!("{to} gets what it lacks of {from}"));
                let version = self.docs[to].version().clone();
                match self.docs[from].delta_since(&version) {
                    Ok(delta) => self.deliver(to, &through_bytes(&delta)),
                    Err(_) => return self.step(&Step::State(from, to)),
                };
                self.has_all_of(to, from);
                to
            }
            Step::Snapshot(from, to) => {
                self.tell(format_args!("{to} gets all of {from}"));
                let bytes = self.docs[from].snapshot();
                self.take_in(to, &bytes);
                self.has_all_of(to, from);
                to
            }
            Step::State(from, to) => {
                self.forgotten = true;
                self.tell(format_args!("{to} gets the state of {from}"));
                let bytes = self.docs[from].state();
                self.take_in(to, &bytes);
                self.has_all_of(to, from);
                to
            }
            Step::Merge(from, to) => {
                self.tell(format_args!("{to} merges {from}"));
                let other = self.docs[from].clone();
                let applied = self.docs[to].merge(&other).expect("an honest document merges");
                if let Some(mirror) = &mut self.mirrors[to] {
                    mirror.patch(&applied.changed());
                }
                self.has_all_of(to, from);
                to
            }
            Step::Fork(from, to) => {
                let replica = self.new_replica();
                self.tell(format_args!("{to} is a fork of {from} now"));
                self.docs[to] = self.docs[from].fork(replica);
                self.mirrors[to] = None;
                to
            }
            Step::Load(at) => {
                let replica = self.new_replica();
                self.tell(format_args!("{at} is loaded anew"));
                let bytes = self.docs[at].snapshot();
                self.docs[at] = match Doc::load(replica, &bytes) {
                    Ok(doc) => doc,
                    Err(error) => panic!("an honest snapshot was refused: {error}, after\n{}", self.story),
                };
                self.mirrors[at] = None;
                at
            }
            Step::Compact(at) => {
                let versions: Vec<_> = self.docs.iter().map(|doc| doc.version().clone()).collect();
                let version = self.oracle.known_to_all(self.docs[at].version(), &versions);
                self.tell(format_args!("{at} lets go of what all know: {version:?}"));
                self.docs[at].compact(&version);
                self.compacted = true;
                at
            }
            Step::Deliver(to, which) => {
                if !self.deltas.is_empty() {
                    let which = which.index(self.deltas.len());
                    self.tell(format_args!("{to} gets delta {which}"));
                    self.deliver(to, &self.deltas[which].clone());
                }
                to
            }
            Step::Forget(at) => {
                self.forgotten = true;
                self.tell(format_args!("{at} forgets its history"));
                self.docs[at].set_history_limit(0);
                self.docs[at].set_history_limit(1 << 20);
                at
            }
        }
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.story, "  {what}").expect("a string takes everything");
    }

    fn edit(&mut self, at: usize, edits: &[Edit]) {
        let doc = &mut self.docs[at];
        let replica = doc.replica();
        let mut author = self.oracle.author(replica, doc.version());
        let mut deeds = Vec::new();
        for edit in edits {
            let (way, deed) = edit.fit(&author);
            author.act(&way, &deed);
            deeds.push((way, deed));
        }
        let version = author.version().clone();
        let commit = doc.transact(|tx| deeds.iter().for_each(|(way, deed)| doer::act(tx, way, deed)));
        let delta = commit.delta();
        if let Some(mirror) = &mut self.mirrors[at] {
            mirror.patch(&commit.changed());
        }
        let which = if delta.is_empty() { String::new() } else { format!(" (delta {})", self.deltas.len()) };
        self.tell(format_args!("{at} as {replica} edits{which}: {deeds:?}"));
        assert_eq!(
            *self.docs[at].version(),
            version,
            "as many operations as were made, after\n{}",
            self.story
        );
        if !delta.is_empty() {
            self.deltas.push(delta);
        }
    }

    /// Applies a delta and returns whether something was missing.
    pub(crate) fn deliver(&mut self, to: usize, delta: &Delta) -> bool {
        let applied = match self.docs[to].apply(delta) {
            Ok(applied) => applied,
            Err(error) => panic!("an honest delta was refused: {error}, after\n{}", self.story),
        };
        if let Some(mirror) = &mut self.mirrors[to] {
            mirror.patch(&applied.changed());
        }
        applied.missing
    }

    fn take_in(&mut self, to: usize, bytes: &[u8]) {
        let applied = match self.docs[to].merge_snapshot(bytes) {
            Ok(applied) => applied,
            Err(error) => panic!("an honest snapshot was refused: {error}, after\n{}", self.story),
        };
        if let Some(mirror) = &mut self.mirrors[to] {
            mirror.patch(&applied.changed());
        }
    }

    fn has_all_of(&self, to: usize, from: usize) {
        let (has, should) = (self.docs[to].version(), self.docs[from].version());
        assert!(has.covers(should), "{to} lacks something of {from}, after\n{}", self.story);
    }

    /// Everybody gets everything, until nothing more comes out that waited for something.
    pub(crate) fn settle(&mut self) {
        let versions = |world: &Self| world.docs.iter().map(|doc| doc.version().clone()).collect::<Vec<_>>();
        let mut before = Vec::new();
        while versions(self) != before {
            before = versions(self);
            for other in 1..self.docs.len() {
                self.step(&Step::Sync(other, 0));
            }
            for other in 1..self.docs.len() {
                self.step(&Step::Sync(0, other));
            }
        }
    }

    /// What somebody who has seen this much must read.
    pub(crate) fn expected(&self, version: &VersionVector) -> Contents {
        let read = self.oracle.read(version);
        let content = |place: Place| {
            let content = read.content(&place);
            (place, content)
        };
        ROOTS.into_iter().map(|(kind, name)| content(Place::Root(kind, name.to_owned()))).collect()
    }

    /// Holds what a document reads against the oracle, and its mirror against both.
    pub(crate) fn check(&self, at: usize) {
        let expected = self.expected(self.docs[at].version());
        self.compare(&format!("document {at}"), &read(&self.docs[at]), &expected);
        if let Some(mirror) = &self.mirrors[at] {
            self.compare(&format!("the mirror of {at}"), &mirror.read(), &expected);
        }
    }

    /// Holds what any document reads against the oracle.
    pub(crate) fn check_doc(&self, what: &str, doc: &Doc) {
        self.compare(what, &read(doc), &self.expected(doc.version()));
    }

    pub(crate) fn compare(&self, what: &str, is: &Contents, expected: &Contents) {
        for (place, expected) in expected {
            assert_eq!(&is[place], expected, "{what}: {place:?}, after\n{}", self.story);
        }
    }

    pub(crate) fn check_all(&self) {
        (0..self.docs.len()).for_each(|at| self.check(at));
    }
}

/// As it comes on the other side.
pub(crate) fn through_bytes(delta: &Delta) -> Delta {
    let read = Delta::from_bytes(&delta.to_bytes()).expect("what was written can be read");
    assert_eq!(read, *delta, "what was written is read");
    read
}
