//! Three honest documents, whatever travels between them and in what order, and whatever is taken back,
//! looked back at, forked and let go of.

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use conjoin_core::{ApplyError, Commit, Cursor, Delta, Doc, ReplicaId, Side, UndoManager, VersionVector};

use crate::edits::{NAMES, edit};
use crate::view::View;

const REPLICAS: usize = 3;

/// So many versions are kept to be looked back at.
const VERSIONS: usize = 6;

struct World {
    docs: Vec<Doc>,
    undo: Vec<UndoManager>,
    /// How many replicas there ever were.
    replicas: usize,
    /// What documents read at some versions.
    views: Vec<View>,
    cursors: Vec<Cursor>,
    /// Whether edits were taken back, after which the sums are not known; whether some were let go of.
    undone: bool,
    compacted: bool,
    /// All that was ever on its way, as bytes: it can arrive at any time, and again.
    sent: Vec<Vec<u8>>,
    sums: BTreeMap<&'static str, i128>,
}

/// A history of edits and exchanges that ends with everybody having everything.
pub fn convergence(data: &[u8]) {
    let mut world = World {
        docs: (0..REPLICAS).map(|nth| Doc::new(replica(nth))).collect(),
        undo: vec![UndoManager::new(); REPLICAS],
        replicas: REPLICAS,
        views: Vec::new(),
        cursors: Vec::new(),
        undone: false,
        compacted: false,
        sent: Vec::new(),
        sums: BTreeMap::new(),
    };
    let mut input = Unstructured::new(data);
    while !input.is_empty() {
        if world.step(&mut input).is_err() {
            break;
        }
    }
    world.finish();
}

/// The replicas, neither in the order in which they come nor close to each other.
fn replica(nth: usize) -> ReplicaId {
    ReplicaId::new((1 << (20 * (nth % 3))) + nth as u64 / 3)
}

impl World {
    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let at = input.choose_index(REPLICAS)?;
        match input.int_in_range(0..=11u8)? {
            8 | 9 => self.take_back(at, input.arbitrary()?),
            10 => self.look_back(at, input)?,
            11 => self.go_on(at, input)?,
            0..=2 => {
                let delta = self.transact(at, input)?;
                self.sent.push(delta.to_bytes());
            }
            3 => {
                let other = input.choose_index(REPLICAS)?;
                self.bring(other, at);
            }
            4 | 5 => self.deliver(at, input)?,
            6 => {
                // Part of what somebody lacks: cut at any operation.
                let (since, until) = (self.version(input)?, self.version(input)?);
                if let Ok(delta) = self.docs[at].delta_between(&since, &until) {
                    assert!(self.docs[at].version().covers(&delta.end()));
                    self.sent.extend(delta.split(input.int_in_range(0..=1000)?).iter().map(Delta::to_bytes));
                }
            }
            _ => match input.int_in_range(0..=3u8)? {
                0 => self.docs[at].set_history_limit(input.int_in_range(0..=2000)?),
                1 => self.docs[at].set_history_limit(1 << 20),
                2 => self.sent.push(self.docs[at].snapshot()),
                _ => self.sent.push(self.docs[at].state()),
            },
        }
        Ok(())
    }

    fn version(&self, input: &mut Unstructured<'_>) -> Result<VersionVector> {
        self.docs.iter().map(|doc| Ok((doc.replica(), input.int_in_range(0..=63)?))).collect()
    }

    fn transact(&mut self, at: usize, input: &mut Unstructured<'_>) -> Result<Delta> {
        let doc = &mut self.docs[at];
        let (replica, before) = (doc.replica(), doc.version().get(doc.replica()));
        let edits = input.int_in_range(0..=4u8)?;
        let sums = &mut self.sums;
        let mut result = Ok(());
        let commit = doc.transact(|tx| {
            let mut added = |name, amount| *sums.entry(name).or_default() += i128::from(amount);
            for _ in 0..edits {
                result = edit(tx, input, &mut added);
                if result.is_err() {
                    break;
                }
            }
        });
        let delta = commit.delta();
        // Edits at odd times are far from those before.
        self.undo[at].record(&commit, Duration::from_secs(self.sent.len() as u64 / 2));
        assert_eq!(commit.version().get(replica) - before, delta.operations());
        assert_eq!(commit.is_empty(), delta.is_empty());
        result.map(|()| delta)
    }

    fn take_back(&mut self, at: usize, redo: bool) {
        let take_back = if redo { UndoManager::redo } else { UndoManager::undo };
        let delta = take_back(&mut self.undo[at], &mut self.docs[at]).as_ref().map(Commit::delta);
        if let Some(delta) = delta {
            assert!(!delta.is_empty(), "something was left of it");
            self.undone = true;
            self.sent.push(delta.to_bytes());
        }
    }

    /// Holds what was there before against what is read of it now.
    fn look_back(&mut self, at: usize, input: &mut Unstructured<'_>) -> Result<()> {
        let doc = &self.docs[at];
        for cursor in &self.cursors {
            let len = doc.text("a").len();
            assert!(doc.resolve(cursor).is_none_or(|index| index <= len), "a cursor stays in its text");
        }
        for view in &self.views {
            if let Ok(then) = doc.at(&view.version) {
                assert_eq!(View::of(&then), *view, "as it was");
            }
        }
        if let [from, .., to] = &self.views[..] {
            drop(doc.diff(&from.version, &to.version));
        }
        let index = input.int_in_range(0..=doc.text("a").len())?;
        let side = if input.arbitrary()? { Side::Left } else { Side::Right };
        if let Some(cursor) = doc.text("a").cursor(index, side) {
            assert_eq!(doc.resolve(&cursor), Some(index));
            assert_eq!(Cursor::from_bytes(&cursor.to_bytes()).as_ref(), Ok(&cursor));
            self.cursors.push(cursor);
        }
        self.views.push(View::of(doc));
        if self.views.len() > VERSIONS {
            self.views.remove(0);
        }
        Ok(())
    }

    /// A document is loaded or forked under another replica, or lets go of what all have seen.
    fn go_on(&mut self, at: usize, input: &mut Unstructured<'_>) -> Result<()> {
        let replica = replica(self.replicas);
        match input.int_in_range(0..=3u8)? {
            0 => self.docs[at] = self.docs[at].fork(replica),
            1 => {
                let bytes = self.docs[at].snapshot();
                let view = View::of(&self.docs[at]);
                self.docs[at] = Doc::load(replica, &bytes).expect("a document's own snapshot can be loaded");
                assert_eq!(View::of(&self.docs[at]), view);
            }
            _ => {
                // Who lacks something might be about to get what was made without knowing the rest.
                let doc = &self.docs[at];
                if self.docs.iter().all(|other| doc.version().covers(other.version())) {
                    let view = View::of(doc);
                    let known = |replica, count: u64| {
                        self.docs
                            .iter()
                            .map(|other| other.version().get(replica))
                            .min()
                            .map_or(0, |least| least.min(count))
                    };
                    let version = doc
                        .version()
                        .iter()
                        .map(|(replica, count)| (replica, known(replica, count)))
                        .collect();
                    self.docs[at].compact(&version);
                    self.compacted = true;
                    assert_eq!(View::of(&self.docs[at]), view, "what is let go of was not to be seen");
                }
                return Ok(());
            }
        }
        self.replicas += 1;
        self.undo[at] = UndoManager::new();
        Ok(())
    }

    /// One of those sent arrives, perhaps too early, perhaps again.
    fn deliver(&mut self, at: usize, input: &mut Unstructured<'_>) -> Result<()> {
        if self.sent.is_empty() {
            return Ok(());
        }
        let bytes = &self.sent[input.choose_index(self.sent.len())?];
        let doc = &mut self.docs[at];
        let before = doc.version().clone();
        if bytes.starts_with(b"CJD") {
            let delta = Delta::from_bytes(bytes).expect("what was written can be read");
            let missing = doc.apply(&delta).expect("an honest delta applies").missing;
            assert!(missing || doc.version().covers(&delta.end()));
        } else {
            merge(doc, bytes, self.compacted);
        }
        assert!(doc.version().covers(&before));
        Ok(())
    }

    /// Brings `to` all that `from` has.
    fn bring(&mut self, from: usize, to: usize) {
        let since = self.docs[to].version().clone();
        match self.docs[from].delta_since(&since) {
            Ok(delta) => {
                let delta = Delta::from_bytes(&delta.to_bytes()).expect("what was written can be read");
                self.docs[to].apply(&delta).expect("an honest delta applies");
            }
            Err(_) => {
                let snapshot = self.docs[from].snapshot();
                if !merge(&mut self.docs[to], &snapshot, self.compacted) {
                    return;
                }
            }
        }
        assert!(self.docs[to].version().covers(self.docs[from].version()), "nothing is lacking");
    }

    fn finish(mut self) {
        // Two who have let go of history may each have what they cannot tell the other; this one cannot.
        let mut archive = Doc::new(ReplicaId::new(u64::MAX));
        for delta in self.sent.iter().filter(|bytes| bytes.starts_with(b"CJD")) {
            let delta = Delta::from_bytes(delta).expect("what was written can be read");
            archive.apply(&delta).expect("an honest delta applies");
        }
        for doc in &mut self.docs {
            let rest = archive.delta_since(doc.version()).expect("nothing was forgotten");
            doc.apply(&rest).expect("an honest delta applies");
        }
        let first = View::of(&self.docs[0]);
        for doc in &self.docs {
            assert_eq!(View::of(doc), first, "all have seen the same");
            for name in NAMES.into_iter().filter(|_| !self.undone) {
                let sum = self.sums.get(name).copied().unwrap_or(0);
                let sum = i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
                assert_eq!(doc.counter(name), sum);
                let (here, there) = (doc.float_counter(name), self.docs[0].float_counter(name));
                assert_eq!(here.to_bits(), there.to_bits(), "to the last bit");
            }
        }
    }
}

/// Takes in a snapshot. Says whether it could: after something was let go of, not everybody can.
fn merge(doc: &mut Doc, snapshot: &[u8], compacted: bool) -> bool {
    match doc.merge_snapshot(snapshot) {
        Ok(_) => true,
        Err(ApplyError::Compacted) if compacted => false,
        Err(error) => panic!("an honest snapshot merges: {error}"),
    }
}
