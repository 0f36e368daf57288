//! Random histories, and a slow and obviously right account of what they must give.
//!
//! The account keeps every operation ever made. The value of anything at a version is computed
//! from those operations that the version has seen, from the definitions alone.

use conjoin_core::{Delta, Doc, ReplicaId, Value, VersionVector};
use proptest::prelude::*;

pub(crate) const NAMES: [&str; 2] = ["a", "b"];

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    Add(usize, i64),
    AddFloat(usize, f64),
    Set(usize, i64),
    Put(usize, usize, i64),
    Remove(usize, usize),
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A replica makes a transaction.
    Edit(usize, Vec<Edit>),
    /// The second replica gets all it lacks from the first.
    Sync(usize, usize),
    /// The second replica gets the state of the first.
    Snapshot(usize, usize),
    /// A replica gets one of the deltas made so far, perhaps too early, perhaps again.
    Deliver(usize, prop::sample::Index),
    /// A replica forgets its history.
    Forget(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let name = 0..NAMES.len();
    prop_oneof![
        (name.clone(), -3..4i64).prop_map(|(name, by)| Edit::Add(name, by)),
        (name.clone(), -1e3..1e3f64).prop_map(|(name, by)| Edit::AddFloat(name, by)),
        (name.clone(), any::<i64>()).prop_map(|(name, to)| Edit::Set(name, to)),
        (name.clone(), 0..3usize, any::<i64>()).prop_map(|(name, key, to)| Edit::Put(name, key, to)),
        (name, 0..3usize).prop_map(|(name, key)| Edit::Remove(name, key)),
    ]
}

pub(crate) fn steps(replicas: usize) -> impl Strategy<Value = Vec<Step>> {
    let replica = 0..replicas;
    let step = prop_oneof![
        4 => (replica.clone(), prop::collection::vec(edit(), 1..4)).prop_map(|(at, edits)| Step::Edit(at, edits)),
        2 => (replica.clone(), replica.clone()).prop_map(|(from, to)| Step::Sync(from, to)),
        1 => (replica.clone(), replica.clone()).prop_map(|(from, to)| Step::Snapshot(from, to)),
        4 => (replica.clone(), any::<prop::sample::Index>()).prop_map(|(to, which)| Step::Deliver(to, which)),
        1 => replica.prop_map(Step::Forget),
    ];
    prop::collection::vec(step, 1..40)
}

/// An operation as it was made.
struct Made {
    replica: ReplicaId,
    seq: u64,
    /// One more than the highest among all that its replica had seen.
    time: u64,
    edit: Edit,
}

pub(crate) struct World {
    pub(crate) docs: Vec<Doc>,
    pub(crate) deltas: Vec<Delta>,
    made: Vec<Made>,
}

impl World {
    pub(crate) fn new(replicas: usize) -> Self {
        let docs = (0..replicas).map(|id| Doc::new(ReplicaId::new(100 - id as u64))).collect();
        Self { docs, deltas: Vec::new(), made: Vec::new() }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match step {
            Step::Edit(at, edits) => self.edit(*at, edits),
            Step::Sync(from, to) => {
                let version = self.docs[*to].version().clone();
                match self.docs[*from].delta_since(&version) {
                    Ok(delta) => {
                        let bytes = delta.to_bytes();
                        let delta = Delta::from_bytes(&bytes).expect("what was written can be read");
                        self.docs[*to].apply(&delta).expect("an honest delta applies");
                    }
                    Err(_) => self.step(&Step::Snapshot(*from, *to)),
                }
                let seen = self.docs[*from].version();
                assert!(self.docs[*to].version().covers(seen), "a delta gives all that was lacking");
            }
            Step::Snapshot(from, to) => {
                let snapshot = self.docs[*from].snapshot();
                self.docs[*to].merge_snapshot(&snapshot).expect("an honest snapshot merges");
                let seen = self.docs[*from].version();
                assert!(self.docs[*to].version().covers(seen), "a snapshot gives all that was lacking");
            }
            Step::Deliver(to, which) => {
                if !self.deltas.is_empty() {
                    let delta = which.get(&self.deltas);
                    self.docs[*to].apply(delta).expect("an honest delta applies");
                }
            }
            Step::Forget(at) => {
                self.docs[*at].set_history_limit(0);
                self.docs[*at].set_history_limit(1 << 20);
            }
        }
    }

    fn edit(&mut self, at: usize, edits: &[Edit]) {
        let version = self.docs[at].version().clone();
        let mut time = self.seen(&version).map(|made| made.time).max().unwrap_or(0);
        let mut done = Vec::new();
        let commit = self.docs[at].transact(|tx| {
            for edit in edits {
                let before = tx.doc().map(NAMES[0]).len() + tx.doc().map(NAMES[1]).len();
                match *edit {
                    Edit::Add(name, by) => tx.counter(NAMES[name]).add(by),
                    Edit::AddFloat(name, by) => tx.float_counter(NAMES[name]).add(by).expect("finite"),
                    Edit::Set(name, to) => tx.register(NAMES[name]).set(to),
                    Edit::Put(name, key, to) => tx.map(NAMES[name]).set(KEYS[key], to),
                    Edit::Remove(name, key) => tx.map(NAMES[name]).remove(KEYS[key]),
                }
                let after = tx.doc().map(NAMES[0]).len() + tx.doc().map(NAMES[1]).len();
                // What changes nothing makes no operation.
                let made = match *edit {
                    Edit::Add(_, by) => by != 0,
                    Edit::AddFloat(_, by) => by != 0.0,
                    Edit::Remove(..) => after < before,
                    _ => true,
                };
                if made {
                    done.push(edit.clone());
                }
            }
        });
        assert_eq!(commit.delta.operations(), done.len() as u64);
        let replica = self.docs[at].replica();
        for (seq, edit) in (version.get(replica)..).zip(done) {
            time += 1;
            self.made.push(Made { replica, seq, time, edit });
        }
        if !commit.delta.is_empty() {
            self.deltas.push(commit.delta);
        }
    }

    fn seen<'a>(&'a self, version: &'a VersionVector) -> impl Iterator<Item = &'a Made> {
        self.made.iter().filter(|made| made.seq < version.get(made.replica))
    }

    /// Everybody gets everything.
    pub(crate) fn settle(&mut self) {
        for _ in 0..2 {
            for from in 0..self.docs.len() {
                for to in 0..self.docs.len() {
                    self.step(&Step::Sync(from, to));
                }
            }
        }
    }

    /// Holds what every document reads against the account.
    pub(crate) fn check(&self) {
        for doc in &self.docs {
            self.check_doc(doc);
        }
    }

    pub(crate) fn check_doc(&self, doc: &Doc) {
        for (index, name) in NAMES.iter().enumerate() {
            let seen = || self.seen(doc.version());
            let sum: i64 = seen()
                .filter_map(|m| if let Edit::Add(n, by) = m.edit { (n == index).then_some(by) } else { None })
                .sum();
            assert_eq!(doc.counter(name), sum, "counter {name}");

            // Replica by replica, each in its own order: the definition of the float sum.
            let mut replicas: Vec<_> = seen().map(|made| made.replica).collect();
            replicas.sort_unstable();
            replicas.dedup();
            let sum_of = |replica| {
                let own = seen().filter(|made| made.replica == replica);
                own.fold(0.0, |sum, m| {
                    if let Edit::AddFloat(n, by) = m.edit
                        && n == index
                    {
                        sum + by
                    } else {
                        sum
                    }
                })
            };
            let float: f64 = replicas.into_iter().map(sum_of).fold(0.0, |a, b| a + b);
            assert_eq!(doc.float_counter(name).to_bits(), float.to_bits(), "float counter {name}");

            let latest = |of: &dyn Fn(&Edit) -> Option<Option<i64>>| {
                let writes =
                    seen().filter_map(|made| of(&made.edit).map(|value| (made.time, made.replica, value)));
                writes.max_by_key(|write| (write.0, write.1)).and_then(|write| write.2).map(Value::Int)
            };
            let register = latest(&|edit| match edit {
                Edit::Set(n, to) if *n == index => Some(Some(*to)),
                _ => None,
            });
            assert_eq!(doc.register(name), register.as_ref(), "register {name}");
            for (k, key) in KEYS.iter().enumerate() {
                let entry = latest(&|edit| match edit {
                    Edit::Put(n, at, to) if (*n, *at) == (index, k) => Some(Some(*to)),
                    Edit::Remove(n, at) if (*n, *at) == (index, k) => Some(None),
                    _ => None,
                });
                assert_eq!(doc.map(name).get(key), entry.as_ref(), "map {name}, key {key}");
            }
        }
    }
}

const KEYS: [&str; 3] = ["x", "y", "a"];
