//! A sequence that many edit at once: the characters of a text, the items of a list.
//!
//! The order is that of FugueMax (Weidner and Kleppmann, *The Art of the Fugue*, 2023), in its form as a
//! list: an element remembers its left origin, right of which it was inserted, and its right origin, the next
//! one its author saw there. What stands between the two came from others at the same time; a scan over it
//! (`integrate.rs`) finds the element's place, the same in whatever order elements come, and without mixing
//! what two have typed at one place.
//!
//! - Removed elements stay, hidden: others may yet insert beside them.
//! - Elements with consecutive numbers, each inserted right of the one before it, make a run (`leaf.rs`).
//! - Runs stand in the leaves of a B-tree, with the visible text; its nodes count what is visible
//!   (`tree.rs`), so that positions are found in logarithmic time.
//! - An index tells the leaf of each number (`index.rs`), so that elements are, too. It is made when it is first
//!   asked for: who only reads, or edits alone by position, needs none.
//! - The place of the last edit is remembered: the next one is mostly there, and then nothing is searched.

mod content;
mod edit;
mod index;
mod integrate;
mod leaf;
mod load;
mod read;
mod resting;
mod stored;
mod text;
mod tree;

#[cfg(test)]
mod model;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod tests;

pub(crate) use content::cut_at;
pub(crate) use integrate::Author;
pub(crate) use resting::Resting;
pub(crate) use stored::{Runs, Stored};
pub(crate) use text::Chunks;

use std::sync::OnceLock;

use index::Index;
use leaf::Piece;
use tree::Tree;

pub(crate) use crate::numbers::Lv;
use crate::numbers::NONE as EDGE;

/// Between which two elements an element was inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origins {
    pub(crate) left: Lv,
    pub(crate) right: Lv,
}

/// A stretch of elements with consecutive numbers, each the left origin of the next, all with the same right
/// origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) lv: Lv,
    pub(crate) len: u32,
    pub(crate) visible: bool,
    /// That of the first.
    pub(crate) left: Lv,
    pub(crate) right: Lv,
}

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// How many visible elements stand before it.
    pub(crate) index: usize,
    pub(crate) visible: bool,
    /// The run it is part of, or the piece of it that is stored together.
    pub(crate) run: Run,
}

/// No such element is here, or not on the side it was said to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

/// A sequence, see the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    tree: Tree,
    /// There once somebody asked for an element.
    index: OnceLock<Index>,
    near: Near,
}

/// The piece at which the last edit was.
#[derive(Debug, Clone, Copy, Default)]
struct Near {
    leaf: u32,
    /// How many visible elements stand before the leaf.
    start: u32,
    run: u32,
    /// How many stand before the piece, within the leaf.
    before: u32,
}

/// A place in a leaf: within a piece, at its front (`offset` 0) or at its end (`offset` its length).
#[derive(Debug, Clone, Copy)]
struct Spot {
    leaf: u32,
    run: u32,
    offset: u32,
    /// How many visible elements of the leaf stand before the piece.
    before: u32,
}

impl Spot {
    /// Where all begins: the first leaf stays the first.
    const START: Self = Self { leaf: 0, run: 0, offset: 0, before: 0 };
}

/// Whether so many pieces, of which this is visible, are so little that they may stand as bytes.
fn is_small(pieces: usize, visible: content::Width) -> bool {
    pieces <= 4 && visible.bytes() <= 32
}

impl Sequence {
    /// Whether all of so many elements are here.
    pub(crate) fn holds(&self, lv: Lv, count: u32) -> bool {
        let Some(end) = lv.checked_add(count) else { return false };
        let mut at = lv;
        while at < end {
            let Some(spot) = self.spot_of(at) else { return false };
            let Some(piece) = self.piece(spot) else { return false };
            at += piece.len() - spot.offset;
        }
        true
    }

    /// How many elements are visible.
    pub(crate) fn len(&self) -> usize {
        self.tree.total.chars as usize
    }

    /// Whether it is no more than some pieces of a few elements.
    pub(crate) fn is_small(&self) -> bool {
        let first = self.tree.leaf(0);
        self.tree.next_leaf(0).is_none() && is_small(first.runs.len(), first.width)
    }

    fn piece(&self, spot: Spot) -> Option<Piece> {
        self.tree.leaf(spot.leaf).runs.get(spot.run as usize).copied()
    }

    /// How many visible elements stand before a spot, within its leaf.
    fn within(&self, spot: Spot) -> u32 {
        let visible = self.piece(spot).is_some_and(Piece::visible);
        spot.before + if visible { spot.offset } else { 0 }
    }

    /// How many visible elements stand before a leaf.
    fn start_of(&self, leaf: u32) -> u32 {
        if leaf == self.near.leaf { self.near.start } else { self.tree.start_of(leaf) }
    }

    /// The element that stands next after a spot, hidden or not.
    fn next_of(&self, spot: Spot) -> Lv {
        let leaf = self.tree.leaf(spot.leaf);
        let run = spot.run as usize;
        match leaf.runs.get(run) {
            Some(piece) if spot.offset < piece.len() => piece.lv + spot.offset,
            _ => match leaf.runs.get(run + 1) {
                Some(piece) => piece.lv,
                None => self.tree.next_leaf(spot.leaf).map_or(EDGE, |leaf| self.tree.leaf(leaf).runs[0].lv),
            },
        }
    }

    /// The visible element at an index, and how many stand before its leaf.
    fn locate(&self, index: u32) -> (Spot, u32) {
        let Near { mut leaf, mut start, run, before } = self.near;
        let mut within = index.wrapping_sub(start);
        if within < self.tree.leaf(leaf).width.chars {
            if within >= before {
                let found = self.tree.leaf(leaf).locate_from(run as usize, before, within);
                return (found.on(leaf), start);
            }
        } else {
            (leaf, within) = self.tree.descend(index, |width| width.chars);
            start = index - within;
        }
        (self.tree.leaf(leaf).locate(within).on(leaf), start)
    }

    /// Takes note of the leaf in which elements stand from now on.
    fn assign(&mut self, lv: Lv, end: Lv, leaf: u32) {
        if let Some(index) = self.index.get_mut() {
            index.assign(lv, end, leaf);
        }
    }

    /// An element by its number.
    fn spot_of(&self, lv: Lv) -> Option<Spot> {
        let Near { leaf, run, before, .. } = self.near;
        if let Some(piece) = self.tree.leaf(leaf).runs.get(run as usize)
            && piece.contains(lv)
        {
            return Some(Spot { leaf, run, offset: lv - piece.lv, before });
        }
        let leaf = self.index.get_or_init(|| Index::of(&self.tree)).leaf_of(lv);
        Some(self.tree.leaf(leaf).find(lv)?.on(leaf))
    }

    /// Has the piece with the visible element at an index be the one at which all edits are. Tells its offset there.
    #[inline]
    fn seek(&mut self, index: u32) -> u32 {
        let Near { leaf, start, run, before } = self.near;
        let offset = index.wrapping_sub(start).wrapping_sub(before);
        match self.tree.leaf(leaf).runs.get(run as usize) {
            Some(piece) if offset < piece.chars() => offset,
            _ => self.seek_far(index),
        }
    }

    #[inline(never)]
    fn seek_far(&mut self, index: u32) -> u32 {
        let (Spot { leaf, run, offset, before }, start) = self.locate(index);
        self.near = Near { leaf, start, run, before };
        offset
    }

    /// The same with an element, by its number.
    #[inline]
    fn seek_element(&mut self, lv: Lv) -> Option<u32> {
        let Near { leaf, run, .. } = self.near;
        match self.tree.leaf(leaf).runs.get(run as usize) {
            Some(piece) if piece.contains(lv) => Some(lv - piece.lv),
            _ => self.seek_element_far(lv),
        }
    }

    #[inline(never)]
    fn seek_element_far(&mut self, lv: Lv) -> Option<u32> {
        let Spot { leaf, run, offset, before } = self.spot_of(lv)?;
        self.near = Near { leaf, start: self.start_of(leaf), run, before };
        Some(offset)
    }

    /// A spot in the piece at which the last edit was.
    #[inline]
    fn near_spot(&self, offset: u32) -> Spot {
        let Near { leaf, run, before, .. } = self.near;
        Spot { leaf, run, offset, before }
    }
}
