//! Reading: where elements stand, and what stands where.

use std::cmp::Ordering;

use super::content::Content;
use super::{Lv, Place, Run, Sequence};

impl<C: Content> Sequence<C> {
    pub(crate) fn find(&self, lv: Lv) -> Option<Place> {
        let spot = self.spot_of(lv)?;
        let run = self.piece(spot)?.run();
        let index = (self.start_of(spot.leaf) + self.within(spot)) as usize;
        Some(Place { index, visible: run.visible, run })
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
    pub(crate) fn runs(&self) -> impl Iterator<Item = Run> {
        let mut pieces = self.tree.leaves_from(0).flat_map(|(_, leaf)| leaf.runs.iter().copied()).peekable();
        std::iter::from_fn(move || {
            let mut piece = pieces.next()?;
            while let Some(next) = pieces.next_if(|&next| piece.joins(next)) {
                piece.extend(next.len());
            }
            Some(piece.run())
        })
    }
}
