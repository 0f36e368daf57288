//! What visible elements carry, and how much room it takes in each unit of measure.

use std::fmt::Debug;
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

    pub(super) fn of(text: &str) -> Self {
        if text.len() == 1 {
            return Self { chars: 1, more: 0, wide: 0 };
        }
        // Long ones mostly are, and this is told faster than they are counted.
        if text.len() >= 256 && text.is_ascii() {
            return Self { chars: text.len() as u32, more: 0, wide: 0 };
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

/// What the visible elements of a leaf carry, one after the other. Places are counted in elements.
pub(crate) trait Content: Default + Clone + Debug {
    /// What some elements carry.
    type Slice<'a>: Copy;

    /// Whether it takes bytes at all.
    const WEIGHS: bool;

    fn of(slice: Self::Slice<'_>) -> Self;
    fn width(slice: Self::Slice<'_>) -> Width;
    /// Cuts off as much as fits in so many bytes: at least one element, unless there is none.
    fn cut<'a>(slice: Self::Slice<'a>, bytes: usize) -> (Self::Slice<'a>, Self::Slice<'a>);
    /// Cuts off so many elements.
    fn cut_at<'a>(slice: Self::Slice<'a>, count: u32) -> Option<(Self::Slice<'a>, Self::Slice<'a>)>;

    /// Cuts off the elements that take so many bytes, one each if they take none.
    fn cut_bytes<'a>(slice: Self::Slice<'a>, bytes: usize) -> Option<(Self::Slice<'a>, Self::Slice<'a>)>;

    /// The whole, which has `width`.
    fn whole(&self, width: Width) -> Self::Slice<'_>;
    /// `width` is that of all that is here before.
    fn insert(&mut self, at: u32, width: Width, slice: Self::Slice<'_>);
    /// Returns the width of what went.
    fn remove(&mut self, at: u32, count: u32, width: Width) -> Width;
    fn split_off(&mut self, at: u32, width: Width) -> (Self, Width);
}

/// Characters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(pub(super) String);

impl Content for Text {
    type Slice<'a> = &'a str;

    const WEIGHS: bool = true;

    fn of(slice: &str) -> Self {
        Self(slice.into())
    }

    fn width(slice: &str) -> Width {
        Width::of(slice)
    }

    fn cut<'a>(slice: Self::Slice<'a>, bytes: usize) -> (Self::Slice<'a>, Self::Slice<'a>) {
        if slice.len() <= bytes {
            return (slice, "");
        }
        let first = slice.chars().next().map_or(0, char::len_utf8);
        slice.split_at(slice.floor_char_boundary(bytes).max(first))
    }

    fn cut_at<'a>(slice: Self::Slice<'a>, count: u32) -> Option<(Self::Slice<'a>, Self::Slice<'a>)> {
        let count = count as usize;
        // Most texts are ASCII at most places; what is not is counted.
        let at = match slice.as_bytes().get(..count)?.is_ascii() {
            true => count,
            false => byte_of(slice, count)?,
        };
        slice.split_at_checked(at)
    }

    fn cut_bytes<'a>(slice: Self::Slice<'a>, bytes: usize) -> Option<(Self::Slice<'a>, Self::Slice<'a>)> {
        slice.split_at_checked(bytes)
    }

    fn whole(&self, _: Width) -> &str {
        &self.0
    }

    #[inline]
    fn insert(&mut self, at: u32, width: Width, slice: &str) {
        match slice.as_bytes() {
            [byte @ ..0x80] if at as usize == self.0.len() && self.0.capacity() > self.0.len() => {
                self.0.push(char::from(*byte));
            }
            [byte @ ..0x80] if width.more == 0 && self.0.capacity() > self.0.len() => {
                self.0.insert(at as usize, char::from(*byte));
            }
            _ => self.put(at, width, slice),
        }
    }

    fn remove(&mut self, at: u32, count: u32, width: Width) -> Width {
        let from = self.byte(at, width);
        let to = self.byte(at + count, width);
        let gone = if width.more == 0 {
            Width { chars: count, more: 0, wide: 0 }
        } else {
            Width::of(&self.0[from..to])
        };
        match count {
            1 => drop(self.0.remove(from)),
            _ => drop(self.0.drain(from..to)),
        }
        gone
    }

    fn split_off(&mut self, at: u32, width: Width) -> (Self, Width) {
        let tail = self.0.split_off(self.byte(at, width));
        let width = Width::of(&tail);
        (Self(tail), width)
    }
}

impl Text {
    #[inline(never)]
    fn put(&mut self, at: u32, width: Width, slice: &str) {
        let at = self.byte(at, width);
        let full = self.0.capacity() - self.0.len() < slice.len();
        if full {
            // By doubling, but not beyond what a leaf holds.
            let len = self.0.len() + slice.len();
            self.0.reserve_exact(len.next_power_of_two().min(BYTES).max(len) - self.0.len());
        }
        self.0.insert_str(at, slice);
    }

    /// The byte at which a character starts.
    fn byte(&self, at: u32, width: Width) -> usize {
        if width.more == 0 { at as usize } else { byte_of(&self.0, at as usize).expect("within the leaf") }
    }
}

/// Nothing: what the elements of a list are is kept elsewhere, by their numbers. It takes as much room as a text, so
/// that most code for the two sequences comes out the same, and is there once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plain {
    _room: String,
}

impl Content for Plain {
    type Slice<'a> = u32;

    const WEIGHS: bool = false;

    fn of(_: u32) -> Self {
        Self::default()
    }

    fn width(count: u32) -> Width {
        Width { chars: count, more: 0, wide: 0 }
    }

    fn cut<'a>(count: Self::Slice<'a>, _: usize) -> (Self::Slice<'a>, Self::Slice<'a>) {
        (count.min(COUNT), count - count.min(COUNT))
    }

    fn cut_at<'a>(slice: Self::Slice<'a>, count: u32) -> Option<(Self::Slice<'a>, Self::Slice<'a>)> {
        Some((count, slice.checked_sub(count)?))
    }

    fn cut_bytes<'a>(count: Self::Slice<'a>, bytes: usize) -> Option<(Self::Slice<'a>, Self::Slice<'a>)> {
        Some((bytes as u32, count.checked_sub(bytes as u32)?))
    }

    fn whole(&self, width: Width) -> u32 {
        width.chars
    }

    fn insert(&mut self, _: u32, _: Width, _: u32) {}

    fn remove(&mut self, _: u32, count: u32, _: Width) -> Width {
        Self::width(count)
    }

    fn split_off(&mut self, at: u32, width: Width) -> (Self, Width) {
        (Self::default(), Self::width(width.chars - at))
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
