//! The edits of others: where their elements come to stand.
//!
//! The elements between the two origins of a new one are those its author had not seen. Of them, those with
//! the same left origin are its siblings: it stands left of a sibling with a right origin further left, and
//! among those with the same right origin in the order of the replicas. All others belong to a sibling, and
//! stand with it. (Weidner and Kleppmann, *The Art of the Fugue*, 2023, section on FugueMax; the scan is the
//! one known as YjsMod.)
//!
//! Only the first element of a run can be a sibling, or the first seen: each other one stands in the run
//! because its author had seen the one before. So a scan goes by runs, at two comparisons of positions each.

use std::cmp::Ordering;

use super::content::Slice;
use super::leaf::Piece;
use super::{Lv, Origins, Sequence, Spot, Unknown};
use crate::numbers::NONE as EDGE;

/// What integration must know of the operation being integrated.
pub(crate) trait Author {
    /// Whether its author had seen an element.
    fn has_seen(&self, lv: Lv) -> bool;

    /// Whether the author's replica id is below that of the author of another element: the lower stands left.
    fn precedes(&self, other: Lv) -> bool;

    /// Whether its author may have seen any element in `from..to`. To say so is always right; where it is
    /// known that none was seen, whole leaves are passed over.
    fn may_have_seen(&self, from: Lv, to: Lv) -> bool {
        let _ = (from, to);
        true
    }
}

impl Sequence {
    /// Integrates elements right of another one, or of the start (`EDGE`). Tells the index of the first.
    pub(crate) fn insert(
        &mut self,
        lv: Lv,
        left: Lv,
        content: Slice<'_>,
        author: &impl Author,
    ) -> Result<usize, Unknown> {
        let spot = self.after(left)?;
        let next = self.next_of(spot);
        let right = if next == EDGE || author.has_seen(next) {
            next
        } else {
            self.tree.settle();
            self.first_seen(spot, author)
        };
        let origins = Origins { left, right };
        let spot = if right == next { spot } else { self.scan(spot, origins, author) };
        let start = self.start_of(spot.leaf);
        let index = (start + self.within(spot)) as usize;
        self.put_visible(spot, start, lv, origins, content);
        Ok(index)
    }

    /// Integrates `len` elements of which both origins are known; without content they are hidden. Tells the
    /// index of the first, or that an origin is not here or the right one does not stand right.
    pub(crate) fn insert_between(
        &mut self,
        lv: Lv,
        len: u32,
        origins: Origins,
        content: Option<Slice<'_>>,
        author: &impl Author,
    ) -> Result<usize, Unknown> {
        let Origins { left, right } = origins;
        let spot = self.after(left)?;
        let spot = if self.next_of(spot) == right {
            spot
        } else {
            let known = right == EDGE || self.spot_of(right).is_some();
            if !known || (right != EDGE && left != EDGE && !self.is_left_of(left, right)) {
                return Err(Unknown);
            }
            self.scan(spot, origins, author)
        };
        let start = self.start_of(spot.leaf);
        let index = (start + self.within(spot)) as usize;
        match content {
            Some(content) => self.put_visible(spot, start, lv, origins, content),
            None => self.put_hidden(spot, start, lv, len, origins),
        }
        Ok(index)
    }

    /// Hides those of the elements that are visible. Tells the index and count of each stretch, when it is
    /// hidden. If any is not here, none is hidden.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn hide(
        &mut self,
        lv: Lv,
        count: u32,
        told: &mut dyn FnMut(usize, u32),
    ) -> Result<(), Unknown> {
        let end = lv.checked_add(count).ok_or(Unknown)?;
        let mut at = lv;
        while at < end {
            let offset = self.seek_element(at).ok_or(Unknown)?;
            let piece = &self.tree.leaf(self.near.leaf).runs[self.near.run as usize];
            let here = (end - at).min(piece.len() - offset);
            let visible = piece.visible();
            if at == lv && here < count && !self.holds(at + here, count - here) {
                return Err(Unknown);
            }
            if visible {
                let index = self.near.start + self.near.before + offset;
                self.flip(offset, here, None);
                told(index as usize, here);
            }
            at += here;
        }
        Ok(())
    }

    /// The spot right after an element.
    fn after(&mut self, left: Lv) -> Result<Spot, Unknown> {
        if left == EDGE {
            return Ok(Spot::START);
        }
        let offset = self.seek_element(left).ok_or(Unknown)?;
        Ok(self.near_spot(offset + 1))
    }

    /// The first element after a spot which the author had seen.
    fn first_seen(&self, spot: Spot, author: &impl Author) -> Lv {
        let seen = |pieces: &[Piece]| pieces.iter().map(|piece| piece.lv).find(|&lv| author.has_seen(lv));
        // A run that goes on behind the spot was not seen, or its next element would be the one.
        let from = spot.run as usize + usize::from(spot.offset > 0);
        let mut leaf = spot.leaf;
        let mut found = seen(self.tree.leaf(leaf).runs.get(from..).unwrap_or_default());
        while found.is_none() {
            match self.tree.next_with(leaf, &|low, high| author.may_have_seen(low, high)) {
                Some(next) => leaf = next,
                None => return EDGE,
            }
            found = seen(&self.tree.leaf(leaf).runs);
        }
        found.unwrap_or(EDGE)
    }

    /// Where new elements with these origins come to stand; `spot` is right after the left one.
    fn scan(&self, spot: Spot, origins: Origins, author: &impl Author) -> Spot {
        let Origins { left, right } = origins;
        let mut place = spot;
        let mut passing = false;
        let Spot { leaf: mut id, mut run, mut offset, mut before } = spot;
        loop {
            while let Some(&piece) = self.tree.leaf(id).runs.get(run as usize) {
                let here = Spot { leaf: id, run, offset, before };
                if offset < piece.len() {
                    if !passing {
                        place = here;
                    }
                    let lv = piece.lv + offset;
                    let (its_left, its_right) = (piece.part(offset, piece.len()).left, piece.right);
                    if lv == right || (its_left != left && !self.is_left_of(left, its_left)) {
                        return place;
                    }
                    if its_left == left {
                        if its_right != right {
                            passing = self.is_right_of(right, its_right);
                        } else if author.precedes(lv) {
                            return place;
                        } else {
                            passing = false;
                        }
                    }
                    // Of a state that was put together by no honest replica.
                    if piece.contains(right) && right > lv {
                        return if passing { place } else { Spot { offset: right - piece.lv, ..here } };
                    }
                }
                if !passing {
                    place = Spot { offset: piece.len(), ..here };
                }
                before += piece.chars();
                run += 1;
                offset = 0;
            }
            let Some(next) = self.tree.next_leaf(id) else { return place };
            // The first leaf told who is here. Where that is a crowd, most of it is passed over at once.
            id = if id == spot.leaf { self.passed_over(id, origins, author).unwrap_or(next) } else { next };
            (run, before) = (0, 0);
        }
    }

    /// The last leaf behind one that is known to hold a sibling with the same origins which new elements stand
    /// right of. As siblings with the same origins stand in the order of the replicas, with all that belongs to
    /// each, they stand right of all in between, too.
    fn passed_over(&self, leaf: u32, origins: Origins, author: &impl Author) -> Option<u32> {
        self.tree.last_with(leaf, &|leaf| {
            let is_sibling = |piece: &&Piece| (piece.left, piece.right) == (origins.left, origins.right);
            self.tree.leaf(leaf).runs.iter().find(is_sibling).map(|piece| !author.precedes(piece.lv))
        })
    }

    /// Whether a left origin stands left of another; what is not here does not.
    fn is_left_of(&self, a: Lv, b: Lv) -> bool {
        b != EDGE && (a == EDGE || self.compare(a, b) == Some(Ordering::Less))
    }

    /// Whether a right origin stands right of another; what is not here does not.
    fn is_right_of(&self, a: Lv, b: Lv) -> bool {
        b != EDGE && (a == EDGE || self.compare(a, b) == Some(Ordering::Greater))
    }
}
