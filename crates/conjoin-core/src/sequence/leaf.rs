//! A leaf: some runs one after the other, with what their visible elements carry.

use super::content::{Content, Width};
use super::tree::NONE;
use super::{Lv, Origins, Run, Spot};

/// The most runs of a leaf.
pub(super) const RUNS: usize = if cfg!(test) { 6 } else { 32 };

/// The most elements of a stored run: one bit is for whether they are hidden.
pub(super) const LONGEST: u32 = HIDDEN - 1;

const HIDDEN: u32 = 1 << 31;

/// A run, or the part of one that is stored together, in 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) lv: Lv,
    /// The length, and whether hidden.
    size: u32,
    pub(super) left: Lv,
    pub(super) right: Lv,
}

impl Piece {
    pub(super) fn run(self) -> Run {
        Run { lv: self.lv, len: self.len(), visible: self.visible(), left: self.left, right: self.right }
    }

    pub(super) fn len(self) -> u32 {
        self.size & !HIDDEN
    }

    pub(super) fn visible(self) -> bool {
        self.size & HIDDEN == 0
    }

    /// How many visible elements it has.
    pub(super) fn chars(self) -> u32 {
        if self.visible() { self.size } else { 0 }
    }

    /// The number after its last.
    pub(super) fn end(self) -> Lv {
        self.lv + self.len()
    }

    pub(super) fn contains(self, lv: Lv) -> bool {
        lv.wrapping_sub(self.lv) < self.len()
    }

    /// Whether another one carries on where this one ends.
    pub(super) fn joins(self, next: Self) -> bool {
        self.end() == next.lv
            && next.left == next.lv.wrapping_sub(1)
            && self.right == next.right
            && (self.size ^ next.size) & HIDDEN == 0
            && self.len() + next.len() <= LONGEST
    }

    /// Whether visible elements carry on where it ends.
    pub(super) fn carried_on_by(self, lv: Lv, origins: Origins, count: u32) -> bool {
        self.visible()
            && self.end() == lv
            && origins.left == lv.wrapping_sub(1)
            && self.right == origins.right
            && count <= LONGEST - self.len()
    }

    pub(super) fn extend(&mut self, count: u32) {
        self.size += count;
    }

    /// Puts elements before its first that carry it on.
    pub(super) fn extend_back(&mut self, count: u32) {
        self.lv -= count;
        self.left = self.left.wrapping_sub(count);
        self.size += count;
    }

    pub(super) fn flipped(self) -> Self {
        Self { size: self.size ^ HIDDEN, ..self }
    }

    /// Its elements `from..to`.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(super) fn part(self, from: u32, to: u32) -> Self {
        let left = if from == 0 { self.left } else { self.lv + from - 1 };
        Self { lv: self.lv + from, size: (self.size & HIDDEN) | (to - from), left, right: self.right }
    }
}

impl From<Run> for Piece {
    fn from(run: Run) -> Self {
        let size = run.len | if run.visible { 0 } else { HIDDEN };
        Self { lv: run.lv, size, left: run.left, right: run.right }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) runs: Vec<Piece>,
    pub(super) content: Content,
    pub(super) width: Width,
    pub(super) parent: u32,
    /// Which child of its parent it is.
    pub(super) slot: u32,
    pub(super) next: u32,
    /// All numbers of its elements lie between these.
    pub(super) low: Lv,
    pub(super) high: Lv,
}

impl Leaf {
    pub(super) fn new() -> Self {
        Self {
            runs: Vec::new(),
            content: Content::default(),
            width: Width::default(),
            parent: NONE,
            slot: 0,
            next: NONE,
            low: Lv::MAX,
            high: 0,
        }
    }

    /// A visible element, which is among those of the leaf.
    pub(super) fn locate(&self, within: u32) -> InLeaf {
        self.locate_from(0, 0, within)
    }

    /// The same, from a run on, before which `before` are visible.
    pub(super) fn locate_from(&self, run: usize, mut before: u32, within: u32) -> InLeaf {
        for (run, piece) in self.runs.iter().enumerate().skip(run) {
            let chars = piece.chars();
            if within - before < chars {
                return InLeaf { run, offset: within - before, before };
            }
            before += chars;
        }
        unreachable!("a leaf is as wide as its runs")
    }

    pub(super) fn find(&self, lv: Lv) -> Option<InLeaf> {
        let mut before = 0;
        for (run, piece) in self.runs.iter().enumerate() {
            if piece.contains(lv) {
                return Some(InLeaf { run, offset: lv - piece.lv, before });
            }
            before += piece.chars();
        }
        None
    }

    /// Where half of what is visible stands before.
    pub(super) fn middle(&self) -> InLeaf {
        self.locate(self.width.chars / 2)
    }

    /// Between its runs, half on each side.
    pub(super) fn between(&self) -> InLeaf {
        let run = self.runs.len() / 2;
        InLeaf { run, offset: 0, before: self.runs[..run].iter().map(|piece| piece.chars()).sum() }
    }

    /// Takes note of new elements.
    pub(super) fn reaches(&mut self, lv: Lv, end: Lv) {
        self.low = self.low.min(lv);
        self.high = self.high.max(end);
    }

    /// Moves what comes from a place on to a new leaf.
    pub(super) fn cut(&mut self, at: InLeaf) -> Self {
        let mut new = Self::new();
        let mut run = at.run;
        let mut chars = at.before;
        new.runs.reserve_exact(self.runs.len() - run + 1);
        if at.offset > 0 {
            let piece = self.runs[run];
            self.runs[run] = piece.part(0, at.offset);
            new.runs.push(piece.part(at.offset, piece.len()));
            chars += self.runs[run].chars();
            run += 1;
        }
        new.runs.extend_from_slice(&self.runs[run..]);
        self.runs.truncate(run);
        // Who goes on inserting mostly does so in the other half.
        self.runs.shrink_to_fit();
        (new.content, new.width) = self.content.split_off(chars, self.width);
        self.width -= new.width;
        for leaf in [&mut *self, &mut new] {
            leaf.low = leaf.runs.iter().map(|piece| piece.lv).min().unwrap_or(Lv::MAX);
            leaf.high = leaf.runs.iter().map(|piece| piece.end()).max().unwrap_or(0);
        }
        new
    }
}

/// Puts in a piece so that it becomes `runs[run]`.
pub(super) fn put(runs: &mut Vec<Piece>, run: usize, piece: Piece) {
    let len = runs.len();
    if len == runs.capacity() {
        // By half, but not beyond what a leaf holds.
        runs.reserve_exact((len / 2).min(RUNS.saturating_sub(len + 1)) + 1);
    }
    runs.insert(run, piece);
}

/// A place in a leaf, see [`Spot`].
#[derive(Debug, Clone, Copy)]
pub(super) struct InLeaf {
    pub(super) run: usize,
    pub(super) offset: u32,
    pub(super) before: u32,
}

impl InLeaf {
    pub(super) fn on(self, leaf: u32) -> Spot {
        Spot { leaf, run: self.run as u32, offset: self.offset, before: self.before }
    }
}
