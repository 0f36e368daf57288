//! Whether the cost of an edit grows with the document, and that of a merge with what is concurrent.
//!
//! Conjoin alone: what counts is how its own figures grow.

use std::ops::Range;

use anyhow::{Result, ensure};
use conjoin_core::{Delta, Doc, ReplicaId};
use fastrand::Rng;

use super::{Goal, Line, Row, Settings};
use crate::{
    engine::{READER, REPLICAS, Text as _},
    engines::conjoin::Conjoin,
    measure::{Contestant, timed},
};

/// A document that is edited a little.
const SMALL: usize = 100_000;

/// One that is edited for years.
const LARGE: usize = 10_000_000;

/// How many edits are timed in each.
const TIMED: usize = 100_000;

/// How many edits are made on a branch.
const BRANCH: usize = 100_000;

pub(crate) fn measure(settings: &Settings) -> Result<Vec<Line>> {
    settings.say("growth\n");
    let mut lines = [
        Line::new("an edit after 10,000,000 to one after 100,000", "ratio", Goal::AtMost(2.0)),
        Line::new("merging 2 × 100,000 edits to applying them in order", "ratio", Goal::AtMost(20.0)),
    ];
    let round = Box::new(|| Ok(vec![edits()?, merges()?]));
    settings.contest(Row::Growth, vec![(Contestant { name: Conjoin::NAME, round }, false)], &mut lines)?;
    Ok(lines.into())
}

/// By how much longer an edit takes in a large document than in a small one.
fn edits() -> Result<f64> {
    let mut doc = Doc::new(ReplicaId::new(REPLICAS[0]));
    let mut typist = Typist::new(1);
    typist.edit(&mut doc, SMALL)?;
    let (small, ()) = timed(|| typist.edit(&mut doc, TIMED))?;
    typist.edit(&mut doc, LARGE - SMALL - TIMED)?;
    let (large, ()) = timed(|| typist.edit(&mut doc, TIMED))?;
    ensure!(doc.text("t").len() == typist.len, "an edit is lost");
    Ok(large / small)
}

/// By how much longer two branches take to merge than as many edits that were made in order.
fn merges() -> Result<f64> {
    let mut base = Doc::new(ReplicaId::new(REPLICAS[0]));
    let mut typist = Typist::new(1);
    typist.edit(&mut base, SMALL)?;
    let branch = |replica, seed, edits| -> Result<Delta> {
        let mut doc = Doc::new(ReplicaId::new(replica));
        doc.merge(&base)?;
        Typist { rng: Rng::with_seed(seed), cursor: typist.cursor, len: typist.len }.edit(&mut doc, edits)?;
        Ok(doc.delta_since(base.version())?)
    };
    let [one, two] = [branch(REPLICAS[1], 2, BRANCH)?, branch(READER, 3, BRANCH)?];
    let line = branch(REPLICAS[1], 2, 2 * BRANCH)?;
    let applied = |deltas: &[&Delta]| -> Result<(f64, Doc)> {
        let mut doc = base.clone();
        timed(|| {
            for delta in deltas {
                doc.apply(delta)?;
            }
            Ok(doc)
        })
    };
    let (in_order, _) = applied(&[&line])?;
    let (merged, doc) = applied(&[&one, &two])?;
    let (_, other) = applied(&[&two, &one])?;
    ensure!(doc.text("t").to_string() == other.text("t").to_string(), "the order of merging matters");
    Ok(merged / in_order)
}

/// Types as people do: mostly on, sometimes back, now and then elsewhere.
struct Typist {
    rng: Rng,
    cursor: usize,
    len: usize,
}

impl Typist {
    fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), cursor: 0, len: 0 }
    }

    /// Makes transactions of one edit each.
    fn edit(&mut self, doc: &mut Doc, edits: usize) -> Result<()> {
        for _ in 0..edits {
            let (deleted, inserted) = self.next();
            let mut result = Ok(());
            doc.transact(|tx| {
                let mut text = tx.text("t");
                result = if deleted.is_empty() {
                    text.insert(deleted.start, inserted)
                } else {
                    text.delete(deleted)
                };
            });
            result?;
        }
        Ok(())
    }

    /// What is deleted, or if that is nothing, what is inserted there.
    fn next(&mut self) -> (Range<usize>, &'static str) {
        if self.rng.u8(..20) == 0 {
            self.cursor = self.rng.usize(..=self.len);
        }
        if self.cursor > 0 && self.rng.u8(..5) == 0 {
            self.cursor -= 1;
            self.len -= 1;
            (self.cursor..self.cursor + 1, "")
        } else {
            let letter = self.rng.usize(..LETTERS.len());
            self.cursor += 1;
            self.len += 1;
            (self.cursor - 1..self.cursor - 1, &LETTERS[letter..=letter])
        }
    }
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz ";
