//! Random histories of several replicas, played on real documents and on the oracle.

use std::fmt::Write as _;
use std::time::Duration;

use conjoin_core::{
    Applied, ApplyError, Commit, Delta, Doc, Kind, ReplicaId, UndoManager, VersionVector, codec::Reader,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::doer;
use crate::edits::{Deed, Edit, Hop, ROOTS, Stroke, strokes, text_edit};
use crate::mirror::Mirror;
use crate::oracle::{Oracle, Place};
use crate::reader::{Contents, read};

/// What happens next, by the numbers of replicas.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A replica makes a transaction.
    Edit(usize, Vec<Edit>),
    /// A replica types, and another one, if it is not the same, gets each stroke at once.
    Strokes(usize, usize, Vec<Stroke>),
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
    /// A replica takes back the last transaction of its own that it has not taken back.
    Undo(usize),
    /// A replica does again what it took back last.
    Redo(usize),
}

/// Histories of so many replicas, with edits of one sort.
pub(crate) fn steps<E: Strategy<Value = Edit> + 'static>(
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
        4 => one().prop_map(Step::Undo),
        2 => one().prop_map(Step::Redo),
    ];
    prop::collection::vec(step, 1..count)
}

/// Histories of so many replicas in which people type.
pub(crate) fn typing(replicas: usize, count: usize) -> impl Strategy<Value = Vec<Step>> {
    let typing = (0..replicas, 0..replicas, strokes()).prop_map(|(at, to, what)| Step::Strokes(at, to, what));
    let step = prop_oneof![
        6 => typing,
        4 => steps(replicas, text_edit, 2).prop_map(|mut steps| steps.pop().expect("there is one")),
    ];
    prop::collection::vec(step, 1..count)
}

/// Documents, and all that ever happened to them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) docs: Vec<Doc>,
    /// Where each types.
    cursors: Vec<usize>,
    /// What each takes back its transactions with.
    undo: Vec<UndoManager>,
    /// What somebody who knows nothing but the patches makes of each document that began empty.
    mirrors: Vec<Option<Mirror>>,
    pub(crate) deltas: Vec<Delta>,
    pub(crate) oracle: Oracle,
    /// How many replicas there ever were.
    replicas: u64,
    /// Somebody who takes in every delta, edits nothing and forgets nothing.
    archive: Doc,
    /// Whether some was compacted, after which not everybody can take in every state.
    compacted: bool,
    /// What was done, for whoever reads why a test failed.
    story: String,
}

impl World {
    pub(crate) fn new(replicas: usize) -> Self {
        let mut world = Self {
            docs: Vec::new(),
            cursors: vec![0; replicas],
            undo: (0..replicas).map(|_| undo_manager()).collect(),
            mirrors: vec![Some(Mirror::default()); replicas],
            deltas: Vec::new(),
            oracle: Oracle::default(),
            replicas: 0,
            archive: Doc::new(ReplicaId::new(2000)),
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
            Step::Edit(at, ref edits) => {
                self.edit(at, edits);
                at
            }
            Step::Strokes(at, to, ref strokes) => {
                for &stroke in strokes {
                    self.stroke(at, to, stroke);
                }
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
                self.take_in(from, to, |doc| doc.merge_snapshot(&bytes));
                to
            }
            Step::State(from, to) => {
                self.tell(format_args!("{to} gets the state of {from}"));
                let bytes = self.docs[from].state();
                self.take_in(from, to, |doc| doc.merge_snapshot(&bytes));
                to
            }
            Step::Merge(from, to) => {
                self.tell(format_args!("{to} merges {from}"));
                let other = self.docs[from].clone();
                self.take_in(from, to, |doc| doc.merge(&other));
                to
            }
            Step::Fork(from, to) => {
                let replica = self.new_replica();
                self.tell(format_args!("{to} is a fork of {from} now"));
                self.docs[to] = self.docs[from].fork(replica);
                self.undo[to] = undo_manager();
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
                self.undo[at] = undo_manager();
                at
            }
            Step::Undo(at) => {
                self.take_back(at, "undoes", UndoManager::undo);
                at
            }
            Step::Redo(at) => {
                self.take_back(at, "redoes", UndoManager::redo);
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
        let doc = &self.docs[at];
        let mut author = self.oracle.author(doc.replica(), doc.version());
        let mut deeds = Vec::new();
        for edit in edits {
            let (way, deed) = edit.fit(&author);
            author.act(&way, &deed);
            deeds.push((way, deed));
        }
        let version = author.version().clone();
        self.make(at, &deeds, &version);
    }

    /// Does one thing to the text, and sends it to another one.
    fn stroke(&mut self, at: usize, to: usize, stroke: Stroke) {
        let len = self.docs[at].text("t").len();
        let (deed, cursor) = stroke.fit(self.cursors[at].min(len), len);
        self.cursors[at] = cursor;
        let Some(deed) = deed else { return };
        let deeds = [(vec![Hop::Root(Kind::Text, "t")], deed)];
        let mut author = self.oracle.author(self.docs[at].replica(), self.docs[at].version());
        author.act(&deeds[0].0, &deeds[0].1);
        let version = author.version().clone();
        let bytes = self.make(at, &deeds, &version);
        if to == at {
            return;
        }
        self.tell(format_args!("{to} gets it"));
        let applied = self.docs[to].apply_with(0, &mut Reader::new(&bytes), &|id| Some(ReplicaId::new(id)));
        let applied = applied.unwrap_or_else(|error| panic!("{error}, after\n{}", self.story));
        if let Some(mirror) = &mut self.mirrors[to] {
            mirror.patch(&applied.changed());
        }
    }

    /// Makes a transaction that leads to a version; returns it as it travels.
    fn make(&mut self, at: usize, deeds: &[(Vec<Hop>, Deed)], version: &VersionVector) -> Vec<u8> {
        let doc = &mut self.docs[at];
        let replica = doc.replica();
        let commit = doc.transact(|tx| deeds.iter().for_each(|(way, deed)| doer::act(tx, way, deed)));
        let delta = commit.delta();
        let (mut bytes, mut whole) = (Vec::new(), Vec::new());
        commit.encode_with(&mut bytes, &mut ReplicaId::get);
        delta.encode_with(&mut whole, &mut ReplicaId::get);
        if let Some(mirror) = &mut self.mirrors[at] {
            mirror.patch(&commit.changed());
        }
        self.undo[at].record(&commit, Duration::ZERO);
        let which = if delta.is_empty() { String::new() } else { format!(" (delta {})", self.deltas.len()) };
        self.tell(format_args!("{at} as {replica} edits{which}: {deeds:?}"));
        assert_eq!(
            self.docs[at].version(),
            version,
            "as many operations as were made, after\n{}",
            self.story
        );
        assert_eq!(bytes, whole, "it is written as it is, after\n{}", self.story);
        if !delta.is_empty() {
            self.oracle.recognize(&delta, replica);
            self.deltas.push(delta);
        }
        bytes
    }

    fn take_back(
        &mut self,
        at: usize,
        what: &str,
        take_back: impl for<'d> FnOnce(&mut UndoManager, &'d mut Doc) -> Option<Commit<'d>>,
    ) {
        let (replica, before) = (self.docs[at].replica(), self.docs[at].version().clone());
        let Some(commit) = take_back(&mut self.undo[at], &mut self.docs[at]) else { return };
        let delta = commit.delta();
        if let Some(mirror) = &mut self.mirrors[at] {
            mirror.patch(&commit.changed());
        }
        self.tell(format_args!("{at} {what} (delta {})", self.deltas.len()));
        self.oracle.learn(&delta, replica, &before);
        self.deltas.push(delta);
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

    fn take_in(
        &mut self,
        from: usize,
        to: usize,
        take: impl FnOnce(&mut Doc) -> Result<Applied<'_>, ApplyError>,
    ) {
        let (theirs, before) = (self.docs[from].version().clone(), self.docs[to].version().clone());
        match take(&mut self.docs[to]) {
            Ok(applied) => {
                if let Some(mirror) = &mut self.mirrors[to] {
                    mirror.patch(&applied.changed());
                }
                self.has_all_of(to, from);
            }
            // Whoever has something that is not there, and did not keep the history of it.
            Err(ApplyError::Compacted) if self.compacted && !theirs.covers(&before) => {
                assert_eq!(*self.docs[to].version(), before, "what is refused changes nothing");
            }
            Err(error) => panic!("an honest document was refused: {error}, after\n{}", self.story),
        }
    }

    fn has_all_of(&self, to: usize, from: usize) {
        let (has, should) = (self.docs[to].version(), self.docs[from].version());
        assert!(has.covers(should), "{to} lacks something of {from}, after\n{}", self.story);
    }

    /// Everybody gets everything, until nothing more comes out that waited for something.
    pub(crate) fn settle(&mut self) {
        // Two who have let go of history may each have something that they cannot tell the other.
        for delta in &self.deltas {
            self.archive.apply(delta).expect("an honest delta applies");
        }
        for at in 0..self.docs.len() {
            let delta = self.archive.delta_since(self.docs[at].version()).expect("nothing is forgotten");
            self.deliver(at, &through_bytes(&delta));
        }
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

fn undo_manager() -> UndoManager {
    let mut undo = UndoManager::new();
    undo.set_merge_interval(Duration::ZERO);
    undo
}

/// As it comes on the other side.
pub(crate) fn through_bytes(delta: &Delta) -> Delta {
    let read = Delta::from_bytes(&delta.to_bytes()).expect("what was written can be read");
    assert_eq!(read, *delta, "what was written is read");
    read
}
