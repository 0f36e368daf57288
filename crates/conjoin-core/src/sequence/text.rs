//! What only texts have: their characters, and positions in other units of measure.

use std::fmt;
use std::ops::Range;

use super::Sequence;
use super::content::{Width, byte_of};
use super::tree::Tree;

impl Sequence {
    /// How many UTF-8 bytes it takes.
    pub(crate) fn byte_len(&self) -> usize {
        self.tree.total.bytes()
    }

    /// How many UTF-16 units it would take.
    pub(crate) fn utf16_len(&self) -> usize {
        self.tree.total.units()
    }

    /// The characters in a range, as far as there are any, in pieces.
    pub(crate) fn chunks(&self, range: Range<usize>) -> Chunks<'_> {
        let left = range.end.min(self.len()).saturating_sub(range.start);
        let (leaf, skip) = match left {
            0 => (0, 0),
            _ => self.tree.descend(range.start as u32, |width| width.chars),
        };
        Chunks { whole: "", rest: (left > 0).then_some((&self.tree, leaf)), skip, left }
    }

    /// The character at a place counted in UTF-16 units; none in the middle of one, or past the end.
    pub(crate) fn char_of_utf16(&self, units: usize) -> Option<usize> {
        self.char_of(units, self.utf16_len(), Width::units, char::len_utf16)
    }

    /// The character at a place counted in UTF-8 bytes; none in the middle of one, or past the end.
    pub(crate) fn char_of_byte(&self, bytes: usize) -> Option<usize> {
        self.char_of(bytes, self.byte_len(), Width::bytes, char::len_utf8)
    }

    /// How many UTF-16 units stand before a character; none past the end.
    pub(crate) fn utf16_of_char(&self, chars: usize) -> Option<usize> {
        self.width_before(chars).map(Width::units)
    }

    /// How many UTF-8 bytes stand before a character; none past the end.
    pub(crate) fn byte_of_char(&self, chars: usize) -> Option<usize> {
        self.width_before(chars).map(Width::bytes)
    }

    fn width_before(&self, chars: usize) -> Option<Width> {
        if chars >= self.len() {
            return (chars == self.len()).then_some(self.tree.total);
        }
        let (id, within) = self.tree.descend(chars as u32, |width| width.chars);
        let mut width = self.tree.before(id);
        let leaf = self.tree.leaf(id);
        width += match leaf.width.more {
            0 => Width { chars: within, more: 0, wide: 0 },
            _ => Width::of(&leaf.content.0[..byte_of(&leaf.content.0, within as usize)?]),
        };
        Some(width)
    }

    fn char_of(
        &self,
        at: usize,
        len: usize,
        measure: fn(Width) -> usize,
        measure_char: fn(char) -> usize,
    ) -> Option<usize> {
        if at >= len || len == self.len() {
            // The end, or a text of which each character counts as one.
            return (at <= len).then(|| at.min(self.len()));
        }
        let (id, within) = self.tree.descend(at as u32, |&width| measure(width) as u32);
        let chars = self.tree.start_of(id) as usize;
        let leaf = self.tree.leaf(id);
        if leaf.width.more == 0 {
            return Some(chars + within as usize);
        }
        let (mut passed, mut count) = (0, 0);
        for char in leaf.content.0.chars() {
            if passed >= within as usize {
                break;
            }
            passed += measure_char(char);
            count += 1;
        }
        (passed == within as usize).then_some(chars + count)
    }
}

/// Pieces of a text.
#[derive(Debug)]
pub(crate) struct Chunks<'s> {
    /// What comes first, where it is in one piece.
    whole: &'s str,
    /// Which leaf comes then.
    rest: Option<(&'s Tree, u32)>,
    /// So much of it is left out.
    skip: u32,
    /// How many characters are still to come.
    left: usize,
}

impl<'s> Chunks<'s> {
    /// A text in one piece, if it is not empty.
    pub(crate) const fn whole(text: &'s str) -> Self {
        Self { whole: text, rest: None, skip: 0, left: 0 }
    }
}

impl<'s> Iterator for Chunks<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        if !self.whole.is_empty() {
            return Some(std::mem::take(&mut self.whole));
        }
        let (tree, leaf) = self.rest?;
        let of = tree.leaf(leaf);
        let count = self.left.min((of.width.chars - self.skip) as usize);
        let (from, to) = (self.skip as usize, self.skip as usize + count);
        self.left -= count;
        self.skip = 0;
        self.rest = tree.next_leaf(leaf).filter(|_| self.left > 0).map(|next| (tree, next));
        let text = of.content.0.as_str();
        Some(match of.width.more {
            0 => &text[from..to],
            _ => &text[byte_of(text, from).unwrap_or(0)..byte_of(text, to).unwrap_or(text.len())],
        })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chunks(0..self.len()).try_for_each(|chunk| f.write_str(chunk))
    }
}
