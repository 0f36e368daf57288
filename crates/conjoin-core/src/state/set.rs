//! Sets in which adding wins: a value is in as long as some adding of it was not seen by whoever removed
//! it (the observed-remove set, without tombstones: Bieniusa et al., *An optimized conflict-free
//! replicated set*, 2012).

use std::ops::Deref;
use std::slice;

use crate::numbers::{Lv, NONE};
use crate::size;
use crate::sorted::Sorted;
use crate::value::{Ordered, Value};

#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    /// The values, each with the operations that added it and that no adding or removing here had seen.
    pub(crate) values: Sorted<Ordered, Adds>,
}

/// Operations that added a value: nearly always one.
#[derive(Debug, Clone)]
#[expect(clippy::box_collection, reason = "sets are many values, and this takes 16 bytes with each")]
pub(crate) enum Adds {
    /// [`NONE`] if there are none.
    One(Lv),
    Many(Box<Vec<Lv>>),
}

impl Adds {
    pub(crate) const NONE: Self = Self::One(NONE);

    pub(crate) fn push(&mut self, add: Lv) {
        match self {
            Self::One(NONE) => *self = Self::One(add),
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, add])),
            Self::Many(adds) => adds.push(add),
        }
    }

    /// Keeps those of which this is said.
    pub(crate) fn retain(&mut self, keeps: &dyn Fn(Lv) -> bool) {
        let mut kept = Self::NONE;
        for &add in &**self {
            if keeps(add) {
                kept.push(add);
            }
        }
        *self = kept;
    }
}

impl Deref for Adds {
    type Target = [Lv];

    fn deref(&self) -> &[Lv] {
        match self {
            Self::One(NONE) => &[],
            Self::One(add) => slice::from_ref(add),
            Self::Many(adds) => adds,
        }
    }
}

/// What a value takes besides its own.
pub(crate) fn size_of(value: &Value, adds: usize) -> usize {
    if adds == 0 { 0 } else { size::ENTRY + value.size() + adds * size::SUM }
}

impl Members {
    pub(crate) const fn new() -> Self {
        Self { values: Sorted::new() }
    }

    /// Adds, in place of the addings that `stays` does not say of; says whether it was not in before.
    pub(crate) fn include(
        &mut self,
        value: &Value,
        lv: Lv,
        stays: &dyn Fn(Lv) -> bool,
        size: &mut usize,
    ) -> bool {
        let adds = self.values.entry(Ordered(value.clone()), || Adds::NONE);
        let before = adds.len();
        adds.retain(stays);
        adds.push(lv);
        *size = *size + size_of(value, adds.len()) - size_of(value, before);
        before == 0
    }

    /// Removes the addings that `stays` does not say of; says whether it is out now.
    pub(crate) fn exclude(&mut self, value: &Value, stays: &dyn Fn(Lv) -> bool, size: &mut usize) -> bool {
        let key = Ordered(value.clone());
        let Some(adds) = self.values.get_mut(&key) else { return false };
        let before = adds.len();
        adds.retain(stays);
        let after = adds.len();
        *size = *size + size_of(value, after) - size_of(value, before);
        if after == 0 {
            self.values.remove(&key);
        }
        after == 0
    }
}
