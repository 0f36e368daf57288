//! A text as it was read, or first inserted, until somebody edits it or asks where its elements stand.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::OnceLock;

use super::content::{Slice, Width, byte_of};
use super::leaf::Piece;
use super::load::Malformed;
use super::stored::Runs;
use super::text::Chunks;
use super::{Lv, Place, Run, Sequence, is_small};
use crate::numbers::NONE as EDGE;

/// A text that needs no tree as long as it is only read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resting {
    read: Option<Box<Read>>,
    tree: OnceLock<Box<Sequence>>,
}

#[derive(Debug, Clone)]
struct Read {
    /// None if it is one run of all that is visible, between the edges.
    runs: Option<Box<Runs>>,
    /// The first number of that run.
    lv: Lv,
    text: Box<str>,
    width: Width,
}

impl Resting {
    /// A text of runs that were read, and what the visible ones carry.
    pub(crate) fn new(runs: Runs, text: &str) -> Result<Self, Malformed> {
        let width = Width::of(text);
        if runs.visible != u64::from(width.chars) {
            return Err(Malformed);
        }
        let (lv, runs) = match (runs.pieces.as_slice(), runs.unusual.is_empty()) {
            (&[piece], true) if piece.visible() => (piece.lv, None),
            _ => (0, Some(Box::new(runs))),
        };
        let read = Read { runs, lv, text: text.into(), width };
        Ok(Self { read: Some(Box::new(read)), tree: OnceLock::new() })
    }

    /// Takes in its first elements, if nothing happened in it before. Says whether it did.
    pub(crate) fn begin(&mut self, lv: Lv, content: Slice<'_>) -> bool {
        let begins = self.read.is_none() && self.tree.get().is_none();
        if begins {
            let text = if let Slice::Text(text) = content { text } else { "" };
            self.read = Some(Box::new(Read { runs: None, lv, text: text.into(), width: content.width() }));
        }
        begins
    }

    /// Whether it is no more than some pieces of a few elements.
    pub(crate) fn is_small(&self) -> bool {
        match self.read() {
            Some(read) => is_small(read.runs.as_ref().map_or(1, |runs| runs.pieces.len()), read.width),
            None => (**self).is_small(),
        }
    }

    /// The only run, if it is one of all that is visible.
    fn only(&self) -> Option<Run> {
        let Read { lv, width, .. } = *self.read().filter(|read| read.runs.is_none())?;
        Some(Run { lv, len: width.chars, visible: true, left: EDGE, right: EDGE })
    }

    /// Whether all of so many elements are here.
    pub(crate) fn holds(&self, lv: Lv, count: u32) -> bool {
        match self.only() {
            Some(run) => {
                count == 0 || lv >= run.lv && u64::from(lv - run.lv) + u64::from(count) <= run.len.into()
            }
            None => (**self).holds(lv, count),
        }
    }

    /// Where an element stands.
    pub(crate) fn find(&self, lv: Lv) -> Option<Place> {
        match self.only() {
            Some(run) if self.holds(lv, 1) => {
                Some(Place { index: (lv - run.lv) as usize, visible: true, run })
            }
            Some(_) => None,
            None => (**self).find(lv),
        }
    }

    /// The runs alone, each as long as it can be.
    pub(crate) fn into_runs(self) -> Runs {
        let mut pieces = match (self.tree.into_inner(), self.read) {
            (None, Some(mut read)) => {
                let runs = read.runs.take();
                read.runs(runs).finish()
            }
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
        self.tree.get_or_init(|| match read {
            Some(mut read) => {
                let runs = read.runs.take();
                read.open(runs)
            }
            None => Box::default(),
        });
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
    /// The runs, which are these if they were more than one.
    fn runs(&self, runs: Option<Box<Runs>>) -> Runs {
        let Self { lv, width: Width { chars: len, .. }, .. } = *self;
        let whole = Run { lv, len, visible: true, left: EDGE, right: EDGE };
        runs.map_or_else(|| Runs { pieces: vec![whole.into()], ..Runs::default() }, |runs| *runs)
    }

    #[inline(never)]
    fn open(&self, runs: Option<Box<Runs>>) -> Box<Sequence> {
        let content = if self.text.is_empty() { Slice::Plain(self.width.chars) } else { (*self.text).into() };
        let whole = Sequence::from_stored(self.runs(runs), content);
        Box::new(whole.expect("as many are visible as there are characters"))
    }
}

impl Deref for Resting {
    type Target = Sequence;

    fn deref(&self) -> &Sequence {
        self.tree.get_or_init(|| match &self.read {
            Some(read) => read.open(read.runs.clone()),
            None => Box::default(),
        })
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
