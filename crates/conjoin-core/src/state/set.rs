//! Sets in which adding wins: a value is in as long as some adding of it was not seen by whoever removed
//! it (the observed-remove set, without tombstones: Bieniusa et al., *An optimized conflict-free
//! replicated set*, 2012).

use super::Author;
use crate::numbers::Lv;
use crate::size;
use crate::sorted::Sorted;
use crate::value::{Ordered, Value};

#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    /// The values, each with the operations that added it and that no adding or removing here had seen.
    pub(crate) values: Sorted<Ordered, Vec<Lv>>,
}

/// What a value takes besides its own.
pub(crate) fn size_of(value: &Value, adds: usize) -> usize {
    if adds == 0 { 0 } else { size::ENTRY + value.size() + adds * size::SUM }
}

impl Members {
    pub(crate) const fn new() -> Self {
        Self { values: Sorted::new() }
    }

    /// Adds; says whether it was not in before.
    pub(crate) fn include(&mut self, value: &Value, lv: Lv, author: &Author<'_>, size: &mut usize) -> bool {
        let adds = self.values.entry(Ordered(value.clone()), Vec::new);
        let before = adds.len();
        adds.retain(|&add| !author.saw(add));
        adds.push(lv);
        *size = *size + size_of(value, adds.len()) - size_of(value, before);
        before == 0
    }

    /// Removes what the author had seen; says whether it is out now.
    pub(crate) fn exclude(&mut self, value: &Value, author: &Author<'_>, size: &mut usize) -> bool {
        let key = Ordered(value.clone());
        let Some(adds) = self.values.get_mut(&key) else { return false };
        let before = adds.len();
        adds.retain(|&add| !author.saw(add));
        let after = adds.len();
        *size = *size + size_of(value, after) - size_of(value, before);
        if after == 0 {
            self.values.remove(&key);
        }
        after == 0
    }
}
