//! The engines, behind what is measured of them.

pub mod automerge;
pub mod cola;
pub mod conjoin;
pub mod diamond_types;
pub mod loro;
pub mod yrs;

use anyhow::Result;

use crate::{
    engine::{Records, Slow, Text},
    rows::{
        concurrent, live, records,
        stored::{self, Recorded},
    },
    trace::{Concurrent, Sequential},
};

/// What is measured of an engine's text.
pub struct TextEngine {
    /// What it is called.
    pub name: &'static str,
    /// What takes it long.
    pub slow: &'static [Slow],
    /// Whether what it saves holds deleted text.
    pub keeps_deleted: bool,
    pub(crate) edits: fn(&Sequential) -> Result<Vec<f64>>,
    pub(crate) live: fn(&Sequential) -> Result<Vec<f64>>,
    pub(crate) record: fn(&Sequential) -> Result<Recorded>,
    pub(crate) load: fn(&[u8], &str) -> Result<Vec<f64>>,
    pub(crate) heap: fn(&[u8], &dyn Fn() -> usize) -> Result<usize>,
    pub(crate) concurrent: fn(&Concurrent) -> Result<Vec<f64>>,
}

/// What is measured of an engine's maps and counters.
pub struct RecordsEngine {
    /// What it is called.
    pub name: &'static str,
    /// What takes it long.
    pub slow: &'static [Slow],
    /// Whether it has counters.
    pub counts: bool,
    pub(crate) sets: fn() -> Result<Vec<f64>>,
    pub(crate) increments: fn() -> Result<Vec<f64>>,
}

/// All that have text.
pub const TEXT: &[TextEngine] = &[
    TextEngine::of::<conjoin::Conjoin>(),
    TextEngine::of::<cola::Cola>(),
    TextEngine::of::<cola::ColaCrdt>(),
    TextEngine::of::<diamond_types::DiamondTypes>(),
    TextEngine::of::<loro::Loro>(),
    TextEngine::of::<yrs::Yrs>(),
    TextEngine::of::<automerge::Automerge>(),
];

/// All that have maps.
pub const RECORDS: &[RecordsEngine] = &[
    RecordsEngine::of::<conjoin::Conjoin>(),
    RecordsEngine::of::<loro::Loro>(),
    RecordsEngine::of::<yrs::Yrs>(),
    RecordsEngine::of::<automerge::Automerge>(),
];

impl TextEngine {
    const fn of<T: Text>() -> Self {
        Self {
            name: T::NAME,
            slow: T::SLOW,
            keeps_deleted: T::KEEPS_DELETED,
            edits: live::edits::<T>,
            live: live::live::<T>,
            record: stored::record::<T>,
            load: stored::load::<T>,
            heap: stored::heap::<T>,
            concurrent: concurrent::measure::<T>,
        }
    }

    /// Bytes on the heap that a document takes which was just loaded and read, given how many are taken now.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn heap(&self, saved: &[u8], taken: &dyn Fn() -> usize) -> Result<usize> {
        (self.heap)(saved, taken)
    }
}

impl RecordsEngine {
    const fn of<R: Records>() -> Self {
        Self {
            name: R::NAME,
            slow: R::SLOW,
            counts: R::COUNTS,
            sets: records::sets::<R>,
            increments: records::increments::<R>,
        }
    }
}
