//! What visible elements carry, and how much room it takes in each unit of measure.

use std::ops::{AddAssign, SubAssign};

/// The most bytes a leaf should hold: moving half of them is cheap, and few leaves are enough. Like the other
/// bounds, it is low in tests, so that these have all that large documents have.
pub(super) const BYTES: usize = if cfg!(test) { 48 } else { 768 };

/// The most elements put in at one time: those of a piece must leave a bit free.
const COUNT: u32 = 1 << 30;

/// How much is visible. What is not counted in characters is counted beyond them, as it is nothing for
/// most texts, and then costs nothing to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Width {
    pub(super) chars: u32,
    /// UTF-8 bytes beyond one for each character.
    pub(super) more: u32,
    /// UTF-16 units beyond one for each character.
    pub(super) wide: u32,
}

impl Width {
    pub(super) fn bytes(self) -> usize {
        self.chars as usize + self.more as usize
    }

    pub(super) fn units(self) -> usize {
        self.chars as usize + self.wide as usize
    }

    /// That of so many elements that take a byte each, or nothing.
    pub(super) const fn plain(chars: u32) -> Self {
        Self { chars, more: 0, wide: 0 }
    }

    pub(super) fn of(text: &str) -> Self {
        if text.len() == 1 {
            return Self::plain(1);
        }
        // Long ones mostly are, and this is told faster than they are counted.
        if text.len() >= 256 && text.is_ascii() {
            return Self::plain(text.len() as u32);
        }
        let chars = starts(text.as_bytes());
        let more = text.len() - chars;
        let wide = if more == 0 { 0 } else { text.bytes().filter(|&byte| byte >= 0xf0).count() };
        Self { chars: chars as u32, more: more as u32, wide: wide as u32 }
    }
}

impl AddAssign for Width {
    fn add_assign(&mut self, other: Self) {
        self.chars += other.chars;
        self.more += other.more;
        self.wide += other.wide;
    }
}

impl SubAssign for Width {
    fn sub_assign(&mut self, other: Self) {
        self.chars -= other.chars;
        self.more -= other.more;
        self.wide -= other.wide;
    }
}

/// What some visible elements carry: characters; or nothing, as what the items of a list are is kept elsewhere, by their
/// numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slice<'a> {
    Text(&'a str),
    /// So many.
    Plain(u32),
}

impl<'a> From<&'a str> for Slice<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Slice<'_> {
    fn from(count: u32) -> Self {
        Self::Plain(count)
    }
}

impl Slice<'_> {
    pub(super) fn width(self) -> Width {
        match self {
            Self::Text(text) => Width::of(text),
            Self::Plain(count) => Width::plain(count),
        }
    }

    /// Whether it takes bytes at all.
    pub(super) const fn weighs(self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Cuts off as much as fits in so many bytes: at least one element, unless there is none.
    pub(super) fn cut(self, bytes: usize) -> (Self, Self) {
        match self {
            Self::Text(text) if text.len() > bytes => {
                let first = text.chars().next().map_or(0, char::len_utf8);
                let (text, rest) = text.split_at(text.floor_char_boundary(bytes).max(first));
                (Self::Text(text), Self::Text(rest))
            }
            Self::Text(text) => (Self::Text(text), Self::Text("")),
            Self::Plain(count) => (Self::Plain(count.min(COUNT)), Self::Plain(count - count.min(COUNT))),
        }
    }

    /// Cuts off so many elements.
    pub(super) fn cut_at(self, count: u32) -> Option<(Self, Self)> {
        match self {
            Self::Text(text) => cut_at(text, count).map(|(text, rest)| (Self::Text(text), Self::Text(rest))),
            Self::Plain(all) => Some((Self::Plain(count), Self::Plain(all.checked_sub(count)?))),
        }
    }

    /// Cuts off the elements that take so many bytes, one each if they take none.
    pub(super) fn cut_bytes(self, bytes: usize) -> Option<(Self, Self)> {
        match self {
            Self::Text(text) => {
                let (text, rest) = text.split_at_checked(bytes)?;
                Some((Self::Text(text), Self::Text(rest)))
            }
            Self::Plain(_) => self.cut_at(bytes as u32),
        }
    }
}

/// Cuts off so many characters.
pub(crate) fn cut_at(text: &str, count: u32) -> Option<(&str, &str)> {
    let count = count as usize;
    // Most texts are ASCII at most places; what is not is counted.
    let at = match text.as_bytes().get(..count)?.is_ascii() {
        true => count,
        false => byte_of(text, count)?,
    };
    text.split_at_checked(at)
}

/// What the visible elements of a leaf carry, one after the other: characters, or nothing. Places are counted in
/// elements.
#[derive(Debug, Clone, Default)]
pub(super) struct Content(pub(super) String);

impl Content {
    pub(super) fn of(slice: Slice<'_>) -> Self {
        match slice {
            Slice::Text(text) => Self(text.into()),
            Slice::Plain(_) => Self::default(),
        }
    }

    /// The whole, which has `width`.
    pub(super) fn whole(&self, width: Width) -> Slice<'_> {
        if self.0.is_empty() { Slice::Plain(width.chars) } else { Slice::Text(&self.0) }
    }

    /// `width` is that of all that is here before.
    #[inline]
    pub(super) fn insert(&mut self, at: u32, width: Width, slice: Slice<'_>) {
        let Slice::Text(text) = slice else { return };
        match text.as_bytes() {
            [byte @ ..0x80] if at as usize == self.0.len() && self.0.capacity() > self.0.len() => {
                self.0.push(char::from(*byte));
            }
            [byte @ ..0x80] if width.more == 0 && self.0.capacity() > self.0.len() => {
                self.0.insert(at as usize, char::from(*byte));
            }
            _ => self.put(at, width, text),
        }
    }

    #[inline(never)]
    fn put(&mut self, at: u32, width: Width, text: &str) {
        let at = self.byte(at, width);
        let full = self.0.capacity() - self.0.len() < text.len();
        if full {
            // By doubling, but not beyond what a leaf holds.
            let len = self.0.len() + text.len();
            self.0.reserve_exact(len.next_power_of_two().min(BYTES).max(len) - self.0.len());
        }
        self.0.insert_str(at, text);
    }

    /// Returns the width of what went.
    pub(super) fn remove(&mut self, at: u32, count: u32, width: Width) -> Width {
        if self.0.is_empty() {
            return Width::plain(count);
        }
        let from = self.byte(at, width);
        let to = self.byte(at + count, width);
        let gone = if width.more == 0 { Width::plain(count) } else { Width::of(&self.0[from..to]) };
        match count {
            1 => drop(self.0.remove(from)),
            _ => drop(self.0.drain(from..to)),
        }
        gone
    }

    pub(super) fn split_off(&mut self, at: u32, width: Width) -> (Self, Width) {
        if self.0.is_empty() {
            return (Self::default(), Width::plain(width.chars - at));
        }
        let tail = self.0.split_off(self.byte(at, width));
        let width = Width::of(&tail);
        (Self(tail), width)
    }

    /// The byte at which a character starts.
    fn byte(&self, at: u32, width: Width) -> usize {
        if width.more == 0 { at as usize } else { byte_of(&self.0, at as usize).expect("within the leaf") }
    }
}

/// Whether a character starts with this byte.
pub(super) fn is_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| is_start(byte)).count()
}

/// The byte at which a character starts, or the text ends.
pub(super) fn byte_of(text: &str, chars: usize) -> Option<usize> {
    let (mut at, mut left) = (0, chars);
    // Block by block, which processors count at once.
    for block in text.as_bytes().chunks_exact(32) {
        let here = starts(block);
        if here > left {
            break;
        }
        left -= here;
        at += block.len();
    }
    for &byte in &text.as_bytes()[at..] {
        if is_start(byte) {
            if left == 0 {
                return Some(at);
            }
            left -= 1;
        }
        at += 1;
    }
    (left == 0).then_some(at)
}
