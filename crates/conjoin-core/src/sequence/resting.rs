//! A text as it was read, until somebody edits it or asks where its elements stand.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::OnceLock;

use super::Sequence;
use super::content::{Width, byte_of};
use super::leaf::Piece;
use super::load::Malformed;
use super::stored::Runs;
use super::text::Chunks;

/// A text that needs no tree as long as it is only read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resting {
    read: Option<Box<Read>>,
    tree: OnceLock<Sequence>,
}

#[derive(Debug, Clone)]
struct Read {
    runs: Runs,
    text: String,
    width: Width,
}

impl Resting {
    /// A text of runs that were read, and what the visible ones carry.
    pub(crate) fn new(runs: Runs, text: &str) -> Result<Self, Malformed> {
        let width = Width::of(text);
        if runs.visible != u64::from(width.chars) {
            return Err(Malformed);
        }
        let read = Read { runs, text: text.into(), width };
        Ok(Self { read: Some(Box::new(read)), tree: OnceLock::new() })
    }

    /// The runs alone, each as long as it can be.
    pub(crate) fn into_runs(self) -> Runs {
        let mut pieces = match (self.tree.into_inner(), self.read) {
            (None, Some(read)) => read.runs.finish(),
            (tree, _) => tree.unwrap_or_default().runs().map(Piece::from).collect(),
        };
        pieces.dedup_by(|next, last| {
            let joins = last.joins(*next);
            last.extend(if joins { next.len() } else { 0 });
            joins
        });
        Runs { pieces, ..Runs::default() }
    }

    /// Makes the tree, if it is not there.
    #[cold]
    fn wake(&mut self) {
        let read = self.read.take();
        self.tree.get_or_init(|| read.map(|read| read.open()).unwrap_or_default());
    }

    /// As it was read, if it still rests.
    fn read(&self) -> Option<&Read> {
        self.read.as_deref().filter(|_| self.tree.get().is_none())
    }

    fn width(&self) -> Width {
        self.read().map_or_else(|| (**self).tree.total, |read| read.width)
    }

    /// How many characters there are.
    pub(crate) fn len(&self) -> usize {
        self.width().chars as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many UTF-8 bytes it takes.
    pub(crate) fn byte_len(&self) -> usize {
        self.width().bytes()
    }

    /// How many UTF-16 units it would take.
    pub(crate) fn utf16_len(&self) -> usize {
        self.width().units()
    }

    /// The characters in a range, as far as there are any, in pieces.
    pub(crate) fn chunks(&self, range: Range<usize>) -> Chunks<'_> {
        let Some(Read { text, width, .. }) = self.read() else { return (**self).chunks(range) };
        let end = range.end.min(width.chars as usize);
        let byte = |at: usize| if width.more == 0 { at } else { byte_of(text, at).unwrap_or(text.len()) };
        Chunks::whole(text.get(byte(range.start.min(end))..byte(end)).unwrap_or_default())
    }

    /// The text of a range of indexes.
    pub(crate) fn slice(&self, range: Range<usize>) -> String {
        let mut text = String::new();
        for chunk in self.chunks(range) {
            text.push_str(chunk);
        }
        text
    }
}

impl Read {
    fn open(self) -> Sequence {
        Sequence::from_stored(self.runs, self.text.as_str().into())
            .expect("as many are visible as there are characters")
    }
}

impl Deref for Resting {
    type Target = Sequence;

    fn deref(&self) -> &Sequence {
        self.tree.get_or_init(|| self.read.clone().map(|read| read.open()).unwrap_or_default())
    }
}

impl DerefMut for Resting {
    #[inline]
    fn deref_mut(&mut self) -> &mut Sequence {
        if self.read.is_some() || self.tree.get_mut().is_none() {
            self.wake();
        }
        self.tree.get_mut().expect("it was just made, if it was not there")
    }
}

impl fmt::Display for Resting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chunks(0..self.len()).try_for_each(|chunk| f.write_str(chunk))
    }
}
