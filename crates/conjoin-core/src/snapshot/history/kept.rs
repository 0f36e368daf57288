//! The operations of a history as the log keeps them, with the characters of what was inserted.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::rows::MALFORMED;
use crate::codec::DecodeError;
use crate::log::{BLOCK, Entry, Packed};
use crate::numbers::Lv;
use crate::op::Edit;
use crate::order::sort_by_number;
use crate::sequence::cut_at;

/// What was kept so far.
pub(super) struct Kept<'a> {
    /// What is visible of the insertions to come, by their numbers: the first one, how many, and where the characters
    /// stand.
    shown: Peekable<IntoIter<(Lv, u32, u32)>>,
    visible: &'a str,
    /// What is hidden of them.
    hidden: &'a str,
    packed: Vec<Packed>,
    /// What was not packed yet.
    entries: Vec<Entry>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(mut shown: Vec<(Lv, u32, u32)>, visible: &'a str, hidden: &'a str) -> Self {
        sort_by_number(&mut shown, |run| run.0);
        Self { shown: shown.into_iter().peekable(), visible, hidden, packed: Vec::new(), entries: Vec::new() }
    }

    /// Keeps the next entry.
    pub(super) fn push(&mut self, mut entry: Entry) -> Result<(), DecodeError> {
        self.fill(&mut entry)?;
        self.entries.push(entry);
        if self.entries.len() == BLOCK {
            self.pack();
        }
        Ok(())
    }

    fn pack(&mut self) {
        self.packed.push(Packed::of(&self.entries));
        self.entries.clear();
    }

    /// All of it, if no characters are left.
    pub(super) fn finish(mut self) -> Result<Vec<Packed>, DecodeError> {
        if !self.entries.is_empty() {
            self.pack();
        }
        if self.hidden.is_empty() { Ok(self.packed) } else { Err(MALFORMED) }
    }

    /// Puts the characters into an insertion.
    fn fill(&mut self, entry: &mut Entry) -> Result<(), DecodeError> {
        let end = entry.end();
        let Edit::Insert { text, .. } = &mut entry.edit else { return Ok(()) };
        let mut at = entry.lv;
        while at < end {
            match self.shown.peek_mut() {
                Some(run) if run.0 == at => {
                    let count = run.1.min(end - at);
                    let (slice, _) = cut(&self.visible[run.2 as usize..], count)?;
                    text.push_str(slice);
                    at += count;
                    *run = (at, run.1 - count, run.2 + slice.len() as u32);
                    self.shown.next_if(|run| run.1 == 0);
                }
                next => {
                    let count = next.map_or(end, |run| run.0.clamp(at, end)) - at;
                    let (slice, rest) = cut(self.hidden, count)?;
                    text.push_str(slice);
                    at += count;
                    self.hidden = rest;
                    if count == 0 {
                        return Err(MALFORMED);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The first so many characters, and the rest.
pub(super) fn cut(text: &str, chars: u32) -> Result<(&str, &str), DecodeError> {
    cut_at(text, chars).ok_or(MALFORMED)
}
