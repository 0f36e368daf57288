//! What an engine must be able to do to be measured.

use anyhow::Result;

use crate::trace::Patch;

/// The ids of two replicas: random, as an application draws them, and of 53 bits, which all engines take.
pub const REPLICAS: [u64; 2] = [0x0016_91d0_72c3_a5e9, 0x000b_3c5e_f4d9_8217];

/// The id of a third, which only reads.
pub const READER: u64 = 0x0004_83b1_65f9_d07c;

/// A measurement that takes an engine many seconds; left out unless all are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// Local edits.
    Edits,
    /// Edits that another replica gets one by one.
    Live,
    /// Two replicas that edit at the same time.
    Concurrent,
    /// Values in a map.
    Sets,
    /// A counter.
    Increments,
}

/// A replica of a text.
pub trait Text: Sized {
    /// What the engine is called.
    const NAME: &'static str;
    /// What takes it long.
    const SLOW: &'static [Slow] = &[];
    /// Whether what it saves holds deleted text.
    const KEEPS_DELETED: bool;

    /// A replica of the empty text that all replicas begin with.
    fn new(replica: u64) -> Self;

    /// Makes a transaction.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn edit(&mut self, patch: Patch<'_>) -> Result<()>;

    /// Makes a transaction, and appends what others need of it.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn edit_and_encode(&mut self, patch: Patch<'_>, update: &mut Vec<u8>) -> Result<()>;

    /// Applies another replica's transaction.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn apply(&mut self, update: &[u8]) -> Result<()>;

    /// All of the text.
    fn text(&self) -> String;

    /// The whole document as it goes to disk.
    ///
    /// # Errors
    /// When the engine refuses to.
    fn save(&mut self) -> Result<Vec<u8>>;

    /// Reads what [`Text::save`] gave.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn load(replica: u64, bytes: &[u8]) -> Result<Self>;
}

/// A replica of a map and a counter.
pub trait Records: Sized {
    /// What the engine is called.
    const NAME: &'static str;
    /// What takes it long.
    const SLOW: &'static [Slow] = &[];
    /// Whether it has counters.
    const COUNTS: bool;

    /// An empty replica.
    fn new(replica: u64) -> Self;

    /// Sets a value in one transaction, and appends what others need of it.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn set(&mut self, key: &str, value: i64, update: &mut Vec<u8>) -> Result<()>;

    /// Adds one in one transaction, and appends what others need of it.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn increment(&mut self, update: &mut Vec<u8>) -> Result<()>;

    /// Applies another replica's transaction.
    ///
    /// # Errors
    /// When the engine refuses it.
    fn apply(&mut self, update: &[u8]) -> Result<()>;

    /// The value of a key.
    fn get(&self, key: &str) -> Option<i64>;

    /// The sum.
    fn count(&self) -> i64;
}
