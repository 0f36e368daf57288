//! Reading: where elements stand, and what stands where.

use std::cmp::Ordering;
use std::ops::Range;
use std::slice;

use super::leaf::Piece;
use super::{Lv, Place, Run, Sequence};
use crate::order::sort_by_number;

impl Sequence {
    pub(crate) fn find(&self, lv: Lv) -> Option<Place> {
        let spot = self.spot_of(lv)?;
        let run = self.piece(spot)?.run();
        let index = (self.start_of(spot.leaf) + self.within(spot)) as usize;
        Some(Place { index, visible: run.visible, run })
    }

    /// Whether an element is here and visible.
    pub(crate) fn shows(&self, lv: Lv) -> bool {
        self.find(lv).is_some_and(|place| place.visible)
    }

    /// The visible element at an index.
    pub(crate) fn at(&self, index: usize) -> Option<Lv> {
        if index >= self.len() {
            return None;
        }
        let (spot, _) = self.locate(index as u32);
        Some(self.piece(spot)?.lv + spot.offset)
    }

    /// Which of two elements stands first, if both are here.
    pub(crate) fn compare(&self, a: Lv, b: Lv) -> Option<Ordering> {
        let (a, b) = (self.spot_of(a)?, self.spot_of(b)?);
        let within = (a.run, a.offset).cmp(&(b.run, b.offset));
        Some(self.tree.order(a.leaf, b.leaf).then(within))
    }

    /// All runs in document order, each as long as it can be.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn runs(&self) -> AllRuns<'_> {
        AllRuns { sequence: self, leaf: 0, pieces: self.tree.leaf(0).runs.iter(), ahead: None }
    }

    /// All elements that are visible, or all that are hidden, in document order.
    pub(crate) fn elements(&self, visible: bool) -> Elements<'_> {
        Elements { runs: self.runs(), visible, run: 0..0 }
    }
}

impl Sequence {
    /// What is hidden, in the order of the numbers.
    pub(crate) fn hidden(&self) -> Vec<Range<Lv>> {
        let mut hidden: Vec<Range<Lv>> = Vec::new();
        for run in self.runs() {
            if !run.visible {
                hidden.push(run.lv..run.lv + run.len);
            }
        }
        sort_by_number(&mut hidden, |range| range.start);
        hidden
    }
}

/// The runs of a sequence.
#[derive(Debug)]
pub(crate) struct AllRuns<'s> {
    sequence: &'s Sequence,
    leaf: u32,
    /// The rest of the leaf.
    pieces: slice::Iter<'s, Piece>,
    /// What did not go on with the last run.
    ahead: Option<Piece>,
}

impl AllRuns<'_> {
    fn piece(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.pieces.next() {
                return Some(*piece);
            }
            self.leaf = self.sequence.tree.next_leaf(self.leaf)?;
            self.pieces = self.sequence.tree.leaf(self.leaf).runs.iter();
        }
    }
}

impl Iterator for AllRuns<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let mut piece = self.ahead.take().or_else(|| self.piece())?;
        while let Some(next) = self.piece() {
            if !piece.joins(next) {
                self.ahead = Some(next);
                break;
            }
            piece.extend(next.len());
        }
        Some(piece.run())
    }
}

/// The elements of a sequence that are visible, or hidden.
#[derive(Debug)]
pub(crate) struct Elements<'s> {
    runs: AllRuns<'s>,
    visible: bool,
    /// The rest of a run.
    run: Range<Lv>,
}

impl Iterator for Elements<'_> {
    type Item = Lv;

    fn next(&mut self) -> Option<Lv> {
        loop {
            if let Some(lv) = self.run.next() {
                return Some(lv);
            }
            let run = self.runs.next()?;
            if run.visible == self.visible {
                self.run = run.lv..run.lv + run.len;
            }
        }
    }
}
