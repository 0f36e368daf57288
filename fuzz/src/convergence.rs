//! Three honest documents, whatever travels between them and in what order.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use conjoin_core::{Delta, Doc, ReplicaId, VersionVector};

use crate::edits::{NAMES, edit};
use crate::view::View;

const REPLICAS: usize = 3;

struct World {
    docs: Vec<Doc>,
    /// All that was ever on its way, as bytes: it can arrive at any time, and again.
    sent: Vec<Vec<u8>>,
    sums: BTreeMap<&'static str, i128>,
}

/// A history of edits and exchanges that ends with everybody having everything.
pub fn convergence(data: &[u8]) {
    let docs = (0..REPLICAS).map(|id| Doc::new(ReplicaId::new(1 << (20 * id)))).collect();
    let mut world = World { docs, sent: Vec::new(), sums: BTreeMap::new() };
    let mut input = Unstructured::new(data);
    while !input.is_empty() {
        if world.step(&mut input).is_err() {
            break;
        }
    }
    world.finish();
}

impl World {
    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let at = input.choose_index(REPLICAS)?;
        match input.int_in_range(0..=7u8)? {
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
        assert_eq!(commit.version().get(replica) - before, delta.operations());
        assert_eq!(commit.is_empty(), delta.is_empty());
        result.map(|()| delta)
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
            doc.merge_snapshot(bytes).expect("an honest snapshot merges");
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
                self.docs[to].merge_snapshot(&snapshot).expect("an honest snapshot merges");
            }
        }
        assert!(self.docs[to].version().covers(self.docs[from].version()), "nothing is lacking");
    }

    fn finish(mut self) {
        for (from, to) in [(1, 0), (2, 0), (0, 1), (0, 2)] {
            self.bring(from, to);
        }
        let first = View::of(&self.docs[0]);
        for doc in &self.docs {
            assert_eq!(View::of(doc), first, "all have seen the same");
            for name in NAMES {
                let sum = self.sums.get(name).copied().unwrap_or(0);
                let sum = i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
                assert_eq!(doc.counter(name), sum);
                let (here, there) = (doc.float_counter(name), self.docs[0].float_counter(name));
                assert_eq!(here.to_bits(), there.to_bits(), "to the last bit");
            }
        }
    }
}
