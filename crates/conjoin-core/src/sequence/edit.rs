//! Edits: one's own by index, and what all edits come down to: putting pieces in, hiding and showing them.

use super::content::{BYTES, Slice, Width};
use super::leaf::{InLeaf, LONGEST, Piece, RUNS, put};
use super::{Lv, Near, Origins, Run, Sequence, Spot, Unknown};
use crate::numbers::NONE as EDGE;

impl Sequence {
    /// Inserts right after the visible element before an index, left of what is hidden there.
    ///
    /// # Panics
    ///
    /// If the index is out of range.
    pub(crate) fn insert_at(&mut self, at: usize, lv: Lv, content: Slice<'_>) -> Origins {
        assert!(at <= self.len(), "inserting at {at} of {}", self.len());
        let (spot, start, left) = match at {
            0 => (Spot::START, 0, EDGE),
            _ => {
                let offset = self.seek(at as u32 - 1);
                let spot = self.near_spot(offset + 1);
                let left = self.tree.leaf(spot.leaf).runs[spot.run as usize].lv + offset;
                (spot, self.near.start, left)
            }
        };
        let origins = Origins { left, right: self.next_of(spot) };
        self.put_visible(spot, start, lv, origins, content);
        origins
    }

    /// Hides visible elements and tells each stretch of their numbers, in document order.
    ///
    /// # Panics
    ///
    /// If the range is out of range.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(crate) fn delete_at(&mut self, at: usize, count: usize, told: &mut dyn FnMut(Lv, u32)) {
        let len = self.len();
        assert!(at <= len && count <= len - at, "deleting {count} at {at} of {len}");
        let mut left = count as u32;
        while left > 0 {
            let offset = self.seek(at as u32);
            let piece = &self.tree.leaf(self.near.leaf).runs[self.near.run as usize];
            let (lv, here) = (piece.lv + offset, left.min(piece.len() - offset));
            self.flip(offset, here, None);
            told(lv, here);
            left -= here;
        }
    }

    /// Lengthens the run at which the last edit was, if elements with these numbers, the highest of all, carry it on
    /// and take a byte each. Their author has made the one before them, and seen nothing since.
    ///
    /// So nobody else can have inserted right of that one, and what its author sees next there is what it saw then.
    pub(crate) fn type_on(&mut self, lv: Lv, count: u32, content: Slice<'_>) -> bool {
        let Near { leaf: id, run, before, .. } = self.near;
        let leaf = self.tree.leaf_mut(id);
        let Some(piece) = leaf.runs.get_mut(run as usize) else { return false };
        let origins = Origins { left: lv.wrapping_sub(1), right: piece.right };
        if !piece.carried_on_by(lv, origins, count)
            || (content.weighs() && leaf.width.bytes() + count as usize > BYTES)
        {
            return false;
        }
        let at = before + piece.len();
        piece.extend(count);
        leaf.content.insert(at, leaf.width, content);
        leaf.width.chars += count;
        leaf.high = lv + count;
        self.tree.typed(id, count, lv + count);
        self.assign(lv, lv + count, id);
        true
    }

    /// Puts visible elements into a spot, in pieces that fit.
    pub(super) fn put_visible(
        &mut self,
        spot: Spot,
        start: u32,
        lv: Lv,
        origins: Origins,
        content: Slice<'_>,
    ) {
        let width = content.width();
        if self.carry_on(spot, start, lv, origins, content, width) {
            return;
        }
        let Origins { left, right } = origins;
        let mut run = Run { lv, len: 0, visible: true, left, right };
        let (mut spot, mut start, mut rest) = (spot, start, content);
        loop {
            let (slice, after) = rest.cut(BYTES / 2);
            let width = slice.width();
            if width.chars == 0 {
                return;
            }
            run.len = width.chars;
            (spot, start) = self.make_room(spot, start, if slice.weighs() { width.bytes() } else { 0 });
            let at = self.within(spot);
            let leaf = self.tree.leaf_mut(spot.leaf);
            leaf.content.insert(at, leaf.width, slice);
            self.tree.grow(spot.leaf, width, run.lv, run.lv + run.len);
            spot = self.put(spot, start, Piece::from(run));
            (run.lv, run.left) = (run.lv + run.len, run.lv + run.len - 1);
            rest = after;
        }
    }

    /// Lengthens the run before a spot, if these elements carry it on: most edits come to no more than this.
    fn carry_on(
        &mut self,
        spot: Spot,
        start: u32,
        lv: Lv,
        origins: Origins,
        content: Slice<'_>,
        width: Width,
    ) -> bool {
        let leaf = self.tree.leaf_mut(spot.leaf);
        let Some(piece) = leaf.runs.get_mut(spot.run as usize) else { return false };
        let carries_on = spot.offset == piece.len() && piece.carried_on_by(lv, origins, width.chars);
        if !carries_on || (content.weighs() && leaf.width.bytes() + width.bytes() > BYTES) {
            return false;
        }
        piece.extend(width.chars);
        leaf.content.insert(spot.before + spot.offset, leaf.width, content);
        self.tree.grow(spot.leaf, width, lv, lv + width.chars);
        self.assign(lv, lv + width.chars, spot.leaf);
        self.near = Near { leaf: spot.leaf, start, run: spot.run, before: spot.before };
        true
    }

    /// Puts hidden elements into a spot.
    pub(super) fn put_hidden(&mut self, spot: Spot, start: u32, lv: Lv, len: u32, origins: Origins) {
        let Origins { left, right } = origins;
        let mut run = Run { lv, len, visible: false, left, right };
        let (mut spot, mut start, mut rest) = (spot, start, len);
        while rest > 0 {
            run.len = rest.min(LONGEST);
            (spot, start) = self.make_room(spot, start, 0);
            self.tree.grow(spot.leaf, Width::default(), run.lv, run.lv + run.len);
            spot = self.put(spot, start, Piece::from(run));
            (run.lv, run.left) = (run.lv + run.len, run.lv + run.len - 1);
            rest -= run.len;
        }
    }

    /// Puts a piece, already counted, into a leaf that has room. Tells the spot behind it.
    fn put(&mut self, spot: Spot, start: u32, piece: Piece) -> Spot {
        let Spot { leaf: id, run, offset, mut before } = spot;
        let leaf = self.tree.leaf_mut(id);
        let mut run = run as usize;
        let mut offset = offset;
        // At a piece's front is at the end of the one before it.
        if offset == 0 && run > 0 {
            run -= 1;
            offset = leaf.runs[run].len();
            before -= leaf.runs[run].chars();
        }
        match leaf.runs.get(run).copied() {
            Some(found) if offset == found.len() && found.joins(piece) => {
                leaf.runs[run].extend(piece.len());
            }
            Some(found) if offset > 0 => {
                if offset < found.len() {
                    leaf.runs[run] = found.part(0, offset);
                    put(&mut leaf.runs, run + 1, found.part(offset, found.len()));
                }
                before += leaf.runs[run].chars();
                run += 1;
                put(&mut leaf.runs, run, piece);
            }
            _ => put(&mut leaf.runs, 0, piece),
        }
        let offset = leaf.runs[run].len();
        self.assign(piece.lv, piece.end(), id);
        self.near = Near { leaf: id, start, run: run as u32, before };
        Spot { leaf: id, run: run as u32, offset, before }
    }

    /// Makes room for so many bytes and two more runs. Tells where the spot is then.
    #[inline]
    fn make_room(&mut self, spot: Spot, start: u32, bytes: usize) -> (Spot, u32) {
        let leaf = self.tree.leaf(spot.leaf);
        let full = leaf.runs.len() + 2 > RUNS;
        let held = leaf.width.bytes();
        let heavy = bytes > 0 && held > 0 && held + bytes > BYTES;
        if full || heavy { self.split(spot, start, full) } else { (spot, start) }
    }

    /// Moves a part of a leaf that is `full` of runs, or of bytes, to a new one.
    #[inline(never)]
    fn split(&mut self, spot: Spot, start: u32, full: bool) -> (Spot, u32) {
        let leaf = self.tree.leaf(spot.leaf);
        let run = spot.run as usize;
        let at_end = run + 1 == leaf.runs.len() && spot.offset == leaf.runs[run].len();
        let cut = if at_end {
            // What grows at its end leaves full leaves behind.
            InLeaf { run: run + 1, offset: 0, before: leaf.width.chars }
        } else if full && run == 0 && spot.offset == 0 && leaf.runs.len() <= RUNS {
            // So does what grows at its front.
            InLeaf { run: 1, offset: 0, before: leaf.runs[0].chars() }
        } else if full {
            leaf.between()
        } else {
            leaf.middle()
        };
        let new = self.tree.leaf_mut(spot.leaf).cut(cut);
        let id = self.tree.put_after(spot.leaf, new);
        for at in 0..self.tree.leaf(id).runs.len() {
            let piece = self.tree.leaf(id).runs[at];
            self.assign(piece.lv, piece.end(), id);
        }
        let width = self.tree.leaf(spot.leaf).width.chars;
        // The place of the last edit may have moved; it is set anew by the one that needs room.
        self.near = Near { leaf: spot.leaf, start, run: 0, before: 0 };
        if at_end {
            return (Spot { leaf: id, ..Spot::START }, start + width);
        }
        if run < cut.run || (run == cut.run && cut.offset > 0 && spot.offset <= cut.offset) {
            return (spot, start);
        }
        let moved = match run == cut.run {
            true => Spot { leaf: id, run: 0, offset: spot.offset - cut.offset, before: 0 },
            false => Spot {
                leaf: id,
                run: spot.run - cut.run as u32,
                offset: spot.offset,
                before: spot.before - width,
            },
        };
        (moved, start + width)
    }

    /// Hides or shows elements of the piece at which all edits are, from an offset on: hides without content, shows
    /// with it.
    pub(super) fn flip(&mut self, mut offset: u32, count: u32, shown: Option<Slice<'_>>) {
        if self.tree.leaf(self.near.leaf).runs.len() + 2 > RUNS {
            let (spot, start) = self.split(self.near_spot(offset), self.near.start, true);
            self.near = Near { leaf: spot.leaf, start, run: spot.run, before: spot.before };
            offset = spot.offset;
        }
        let Near { leaf: id, run, before, .. } = self.near;
        let leaf = self.tree.leaf_mut(id);
        let (run, before_run) = flip(&mut leaf.runs, run as usize, offset, count, before);
        (self.near.run, self.near.before) = (run as u32, before_run);
        match shown {
            Some(content) => {
                leaf.content.insert(before, leaf.width, content);
                self.tree.add(id, content.width());
            }
            None => {
                let width = leaf.content.remove(before + offset, count, leaf.width);
                self.tree.sub(id, width);
            }
        }
    }
}

/// Hides or shows elements of a run, before which `before` are visible. Tells a run next to them, and how many are
/// visible before that.
fn flip(runs: &mut Vec<Piece>, mut run: usize, offset: u32, count: u32, mut before: u32) -> (usize, u32) {
    let piece = runs[run];
    let end = offset + count;
    let flipped = piece.part(offset, end).flipped();
    match (offset > 0, end < piece.len()) {
        (false, false) => {
            runs[run] = flipped;
            if runs.get(run + 1).is_some_and(|&next| flipped.joins(next)) {
                let next = runs.remove(run + 1);
                runs[run].extend(next.len());
            }
            if run > 0 && runs[run - 1].joins(runs[run]) {
                let joined = runs.remove(run);
                run -= 1;
                before -= runs[run].chars();
                runs[run].extend(joined.len());
            }
        }
        (false, true) => {
            runs[run] = piece.part(end, piece.len());
            if run > 0 && runs[run - 1].joins(flipped) {
                runs[run - 1].extend(count);
            } else {
                put(runs, run, flipped);
                run += 1;
            }
            before += flipped.chars();
        }
        (true, false) => {
            runs[run] = piece.part(0, offset);
            match runs.get_mut(run + 1) {
                Some(next) if flipped.joins(*next) => next.extend_back(count),
                _ => put(runs, run + 1, flipped),
            }
        }
        (true, true) => {
            runs[run] = piece.part(0, offset);
            put(runs, run + 1, flipped);
            put(runs, run + 2, piece.part(end, piece.len()));
        }
    }
    (run, before)
}

impl Sequence {
    /// Shows a hidden element again. Tells its index if it was hidden.
    pub(crate) fn show(&mut self, lv: Lv) -> Result<Option<usize>, Unknown> {
        let offset = self.seek_element(lv).ok_or(Unknown)?;
        if self.piece(self.near_spot(offset)).is_some_and(Piece::visible) {
            return Ok(None);
        }
        let index = (self.near.start + self.near.before) as usize;
        self.flip(offset, 1, Some(Slice::Plain(1)));
        Ok(Some(index))
    }
}
