//! Entries as bytes: all but the latest few stand so, in a tenth of the memory.

use super::Entry;
use crate::codec::Reader;
use crate::numbers::Lv;
use crate::snapshot::history::rows::Rows;

/// Some entries that follow each other.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    /// The number of the first operation, and the one after the last.
    pub(super) lv: Lv,
    pub(super) end: Lv,
    bytes: Box<[u8]>,
}

impl Packed {
    /// Of at least one entry.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let lv = entries.first().map_or(0, |entry| entry.lv);
        // Mostly enough, so that it grows no more.
        let mut rows = Rows::new(vec![Vec::with_capacity(16 * entries.len())], lv);
        entries.iter().for_each(|entry| rows.push(entry));
        let (bytes, end) = rows.finish();
        Self { lv, end, bytes: bytes.into() }
    }

    /// The entries, in order.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries(Rows::new(vec![Reader::new(&self.bytes)], self.lv))
    }

    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// The entries of some that are packed.
pub(crate) struct Entries<'p>(Rows<Reader<'p>>);

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.0.peek().expect("it was written here")?;
        Some(self.0.next(None).expect("it was written here"))
    }
}
