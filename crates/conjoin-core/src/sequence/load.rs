//! Building a whole sequence at once, in one pass: loading, and taking out what nobody needs any more.

use std::sync::OnceLock;

use super::content::{BYTES, Content, Slice, Width};
use super::index::Index;
use super::leaf::{LONGEST, Leaf, Piece, RUNS};
use super::stored::{Runs, check_taken};
use super::tree::Tree;
use super::{Lv, Run, Sequence};
use crate::numbers::NONE as EDGE;
use crate::order::place;

/// The runs do not make a sequence: numbers twice, or not as many visible elements as there is content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Most leaves are never edited after loading, and few large ones are made faster than many small ones. The first
/// edits of one halve it until it is as small as others.
const LARGER: usize = 8;
pub(super) const FILLED: usize = RUNS * LARGER;
const HEAVY: usize = BYTES * LARGER;

impl Sequence {
    /// Builds a sequence from its runs in document order and what the visible ones carry.
    ///
    /// Origins are taken as they are: those that are not here are as far away as can be.
    pub(crate) fn from_runs(runs: impl Iterator<Item = Run>, content: Slice<'_>) -> Result<Self, Malformed> {
        let mut taken = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        for run in runs {
            let end = run.lv.checked_add(run.len).ok_or(Malformed)?;
            if run.len == 0 || run.len > LONGEST {
                return Err(Malformed);
            }
            taken.push(u64::from(run.lv) << 32 | u64::from(end));
            let piece = Piece::from(run);
            match pieces.last_mut() {
                Some(last) if last.joins(piece) => last.extend(piece.len()),
                _ => pieces.push(piece),
            }
        }
        check_taken(taken)?;
        Self::build(&pieces, content)
    }

    /// The same of runs that were read.
    pub(crate) fn from_stored(runs: Runs, content: Slice<'_>) -> Result<Self, Malformed> {
        Self::build(&runs.finish(), content)
    }

    /// Builds a sequence from runs that are each as long as can be, of which no number is there twice.
    fn build(pieces: &[Piece], content: Slice<'_>) -> Result<Self, Malformed> {
        let whole = content.width();
        let visible: u64 = pieces.iter().map(|piece| u64::from(piece.chars())).sum();
        if visible != u64::from(whole.chars) {
            return Err(Malformed);
        }
        let mut filling = Filling {
            tree: Tree::new(),
            leaf: Leaf::new(),
            begin: content,
            rest: content,
            plain: whole.more == 0,
        };
        let mut rest = pieces;
        while let Some((&piece, after)) = rest.split_first() {
            if filling.leaf.runs.len() == FILLED {
                filling.next_leaf();
            }
            if filling.leaf.runs.is_empty() {
                let fit = filling.fit(rest);
                if fit > 0 {
                    filling.fill(&rest[..fit]).ok_or(Malformed)?;
                    rest = &rest[fit..];
                    continue;
                }
            }
            if piece.visible() {
                filling.visible(piece).ok_or(Malformed)?;
            } else {
                filling.push(piece);
            }
            rest = after;
        }
        filling.next_leaf();
        let mut tree = filling.tree;
        tree.fit();
        Ok(Self { tree, ..Self::default() })
    }

    /// Lets go of what is made again when somebody asks for an element.
    pub(crate) fn rest(&mut self) {
        self.index = OnceLock::new();
    }

    /// Takes out hidden elements that are gone for good. Where one was an origin, the nearest kept element on
    /// that side is from now on, or the edge. Says how many went.
    pub(crate) fn purge(&mut self, gone: impl Fn(Lv) -> bool) -> usize {
        let mut kept: Vec<Run> = Vec::new();
        let mut taken: Vec<Taken> = Vec::new();
        // Those taken since the last kept element, which do not know yet what follows.
        let mut open = 0;
        for run in self.runs() {
            let mut at = run.lv;
            while at < run.lv + run.len {
                let out = !run.visible && gone(at);
                let mut end = at + 1;
                while end < run.lv + run.len && (!run.visible && gone(end)) == out {
                    end += 1;
                }
                if out {
                    let left = kept.last().map_or(EDGE, |last| last.lv + last.len - 1);
                    taken.push(Taken { lv: at, end, left, right: EDGE });
                } else {
                    taken[open..].iter_mut().for_each(|taken| taken.right = at);
                    open = taken.len();
                    let left = if at == run.lv { run.left } else { at - 1 };
                    kept.push(Run { lv: at, len: end - at, left, ..run });
                }
                at = end;
            }
        }
        if taken.is_empty() {
            return 0;
        }
        let count = taken.iter().map(|taken| (taken.end - taken.lv) as usize).sum();
        taken.sort_unstable_by_key(|taken| taken.lv);
        let find = |lv: Lv| {
            let before = taken.partition_point(|taken| taken.lv <= lv).checked_sub(1)?;
            Some(taken[before]).filter(|taken| lv < taken.end)
        };
        for run in &mut kept {
            run.left = find(run.left).map_or(run.left, |taken| taken.left);
            run.right = find(run.right).map_or(run.right, |taken| taken.right);
        }
        let mut whole = Content::default();
        let mut width = Width::default();
        for (_, leaf) in self.tree.leaves_from(0) {
            whole.insert(width.chars, width, leaf.content.whole(leaf.width));
            width += leaf.width;
        }
        *self = Self::from_runs(kept.into_iter(), whole.whole(width))
            .expect("what is left of a sequence, with all that is visible, is one");
        count
    }
}

/// Elements that go, and the nearest that stay.
#[derive(Debug, Clone, Copy)]
struct Taken {
    lv: Lv,
    end: Lv,
    left: Lv,
    right: Lv,
}

/// Where elements stand.
#[derive(Debug, Clone, Copy)]
struct Placed {
    lv: Lv,
    end: Lv,
    leaf: u32,
}

impl Index {
    /// That of a whole tree.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut placed: Vec<Placed> = Vec::new();
        for (id, leaf) in tree.leaves_from(0) {
            for piece in &leaf.runs {
                match placed.last_mut() {
                    Some(last) if last.end == piece.lv && last.leaf == id => last.end = piece.end(),
                    _ => placed.push(Placed { lv: piece.lv, end: piece.end(), leaf: id }),
                }
            }
        }
        let mut index = Self::default();
        for entry in in_order(&placed) {
            let Placed { lv, end, leaf } = placed[place(entry)];
            index.assign(lv, end, leaf);
        }
        index
    }
}

/// Sorts by number, in one step as far as numbers are spread evenly, as they mostly are: gives each with its place.
fn in_order(placed: &[Placed]) -> Vec<u64> {
    let Some(highest) = placed.iter().map(|placed| placed.lv).max() else { return Vec::new() };
    // About as many buckets as there are to sort.
    let shift = (Lv::BITS - highest.leading_zeros()).saturating_sub(placed.len().ilog2());
    let bucket = |placed: &Placed| (placed.lv >> shift) as usize;
    // Where each bucket begins, and at last where it ends.
    let mut ends = vec![0; (highest >> shift) as usize + 2];
    placed.iter().for_each(|placed| ends[bucket(placed) + 1] += 1);
    for at in 1..ends.len() {
        ends[at] += ends[at - 1];
    }
    let mut sorted = vec![0; placed.len()];
    for (at, placed) in (0..).zip(placed) {
        let end = &mut ends[bucket(placed)];
        sorted[*end] = u64::from(placed.lv) << 32 | at;
        *end += 1;
    }
    let mut start = 0;
    for end in ends {
        if end - start > 1 {
            sorted[start..end].sort_unstable();
        }
        start = end;
    }
    sorted
}

/// The leaf being filled, behind those that are full.
struct Filling<'a> {
    tree: Tree,
    leaf: Leaf,
    /// From what its first visible element carries on.
    begin: Slice<'a>,
    /// From what its next visible element carries on.
    rest: Slice<'a>,
    /// Whether all elements have one byte, so that none need be counted.
    plain: bool,
}

impl Filling<'_> {
    /// How many runs fit into a leaf that is still empty, if that can be told from their lengths.
    fn fit(&self, pieces: &[Piece]) -> usize {
        if !self.plain {
            return 0;
        }
        let mut chars = 0;
        pieces
            .iter()
            .take(FILLED)
            .take_while(|piece| {
                chars += piece.chars() as usize;
                !self.rest.weighs() || chars <= HEAVY
            })
            .count()
    }

    /// Puts runs that fit into an empty leaf.
    fn fill(&mut self, pieces: &[Piece]) -> Option<()> {
        let leaf = &mut self.leaf;
        leaf.runs.reserve_exact(FILLED);
        leaf.runs.extend_from_slice(pieces);
        leaf.width.chars = pieces.iter().map(|piece| piece.chars()).sum();
        leaf.low = pieces.iter().map(|piece| piece.lv).min()?;
        leaf.high = pieces.iter().map(|piece| piece.end()).max()?;
        self.rest = self.rest.cut_bytes(leaf.width.bytes())?.1;
        Some(())
    }

    /// Puts in a visible run; none if there is not enough content.
    fn visible(&mut self, mut piece: Piece) -> Option<()> {
        loop {
            if self.leaf.runs.len() == FILLED {
                self.next_leaf();
            }
            let room = HEAVY.saturating_sub(self.leaf.width.bytes());
            let mut width = Width { chars: piece.len(), more: 0, wide: 0 };
            let after = if self.plain {
                self.rest.cut_bytes(piece.len() as usize)?.1
            } else {
                let (slice, after) = self.rest.cut_at(piece.len())?;
                width = slice.width();
                after
            };
            if self.rest.weighs() && width.bytes() > room {
                // A run may as well begin a leaf, if only a bit of it would fit.
                if room < HEAVY / 4 {
                    self.next_leaf();
                    continue;
                }
                let (slice, after) = self.rest.cut(room);
                width = slice.width();
                self.rest = after;
            } else {
                self.rest = after;
            }
            self.push(piece.part(0, width.chars));
            self.leaf.width += width;
            if width.chars == piece.len() {
                return Some(());
            }
            piece = piece.part(width.chars, piece.len());
        }
    }

    fn push(&mut self, piece: Piece) {
        if self.leaf.runs.len() == FILLED {
            self.next_leaf();
        }
        if self.leaf.runs.is_empty() {
            self.leaf.runs.reserve_exact(FILLED);
        }
        self.leaf.runs.push(piece);
        self.leaf.reaches(piece.lv, piece.end());
    }

    fn next_leaf(&mut self) {
        let mut full = std::mem::replace(&mut self.leaf, Leaf::new());
        if full.runs.is_empty() {
            return;
        }
        let (slice, _) = self.begin.cut_bytes(full.width.bytes()).expect("all of it was found");
        full.content = Content::of(slice);
        // The last leaf may be of a small sequence.
        full.runs.shrink_to_fit();
        self.begin = self.rest;
        self.tree.push(full);
    }
}
