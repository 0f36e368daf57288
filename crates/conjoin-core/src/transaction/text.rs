//! Editing texts.

use std::ops::RangeBounds;

use super::{OutOfBounds, Place, Transaction, bounds, some};
use crate::log::Entry;
use crate::op::{Anchor, Edit, Mark};
use crate::size;
use crate::state::{Data, Text};
use crate::value::Value;

/// What indexes of a text count.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Unit};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.text("t").push("é"));
/// let lengths = [Unit::Scalar, Unit::Utf16, Unit::Utf8].map(|unit| doc.text("t").len_in(unit));
/// assert_eq!(lengths, [1, 1, 2]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Unicode scalar values: what Rust calls `char`.
    #[default]
    Scalar,
    /// 16-bit code units, as JavaScript counts.
    Utf16,
    /// Bytes of UTF-8.
    Utf8,
}

/// Whether text typed at the ends of a mark takes it on.
///
/// ```
/// use conjoin_core::{Doc, Expand, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut text = tx.text("t");
///     text.push("here");
///     text.mark(.., "bold", true, Expand::After).unwrap();
///     text.mark(.., "link", "https://example.org", Expand::None).unwrap();
///     text.push("!");
/// });
/// let last = &doc.text("t").spans()[1];
/// assert!(last.marks.contains_key("bold") && !last.marks.contains_key("link"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expand {
    /// Text typed behind its end does, as with bold.
    #[default]
    After,
    /// Text typed before its start does.
    Before,
    /// Both.
    Both,
    /// Neither, as with links and comments.
    None,
}

/// A text, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut text = tx.text("t");
///     text.push("Hello, world");
///     text.replace(7.., "Ada").unwrap();
/// });
/// assert_eq!(doc.text("t").to_string(), "Hello, Ada");
/// ```
#[derive(Debug)]
pub struct TextMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
    pub(super) unit: Unit,
}

impl TextMut<'_, '_> {
    /// The same text, with indexes that count UTF-16 code units.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut text = tx.text("t").utf16();
    ///     text.push("🦀");
    ///     assert_eq!(text.len(), 2);
    ///     assert!(text.insert(1, "!").is_err()); // Inside the crab.
    ///     text.insert(2, "!").unwrap();
    /// });
    /// assert_eq!(doc.text("t").to_string(), "🦀!");
    /// ```
    pub const fn utf16(mut self) -> Self {
        self.unit = Unit::Utf16;
        self
    }

    /// The same text, with indexes that count bytes of UTF-8.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut text = tx.text("t").utf8();
    ///     text.push("é");
    ///     assert_eq!(text.len(), 2);
    ///     text.insert(2, "!").unwrap();
    /// });
    /// assert_eq!(doc.text("t").to_string(), "é!");
    /// ```
    pub const fn utf8(mut self) -> Self {
        self.unit = Unit::Utf8;
        self
    }

    fn read(&self) -> Option<&Text> {
        if let Some(Data::Text(text)) = self.tx.data(self.place) { Some(text) } else { None }
    }

    /// The length, in the unit of its indexes.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.text("t").push("é");
    ///     assert_eq!((tx.text("t").len(), tx.text("t").utf8().len()), (1, 2));
    /// });
    /// ```
    pub fn len(&self) -> usize {
        self.read().map_or(0, |text| text.len_in(self.unit))
    }

    /// Whether there is no text.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| assert!(tx.text("t").is_empty()));
    /// ```
    pub fn is_empty(&self) -> bool {
        self.read().is_none_or(|text| text.sequence.is_empty())
    }

    /// The index of a character.
    fn char_at(&self, index: usize) -> Result<usize, OutOfBounds> {
        let char = match self.read() {
            Some(text) => text.char_at(index, self.unit),
            None => (index == 0).then_some(0),
        };
        char.ok_or_else(|| OutOfBounds { index, len: self.len() })
    }

    fn chars(&self, range: impl RangeBounds<usize>) -> Result<(usize, usize), OutOfBounds> {
        let (start, end) = bounds(range, self.len())?;
        match self.unit {
            Unit::Scalar => Ok((start, end)),
            _ => Ok((self.char_at(start)?, self.char_at(end)?)),
        }
    }

    /// Inserts text before the character at `at`.
    ///
    /// ```
    /// use conjoin_core::{Doc, OutOfBounds, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut text = tx.text("t");
    ///     assert_eq!(text.insert(0, "world"), Ok(()));
    ///     assert_eq!(text.insert(0, "Hello, "), Ok(()));
    ///     assert_eq!(text.insert(99, "!"), Err(OutOfBounds { index: 99, len: 12 }));
    /// });
    /// assert_eq!(doc.text("t").to_string(), "Hello, world");
    /// ```
    ///
    /// # Errors
    /// If the index is past the end or in the middle of a character.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), OutOfBounds> {
        // Where the last edit ended is in range.
        if self.unit == Unit::Scalar && self.tx.type_on(self.place, at, text) {
            return Ok(());
        }
        let at = self.char_at(at)?;
        let typed = self.unit != Unit::Scalar && self.tx.type_on(self.place, at, text);
        if !typed && !text.is_empty() {
            self.insert_chars(at, text);
        }
        Ok(())
    }

    /// Appends text.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello"));
    /// doc.transact(|tx| tx.text("t").push(", world"));
    /// assert_eq!(doc.text("t").to_string(), "Hello, world");
    /// ```
    pub fn push(&mut self, text: &str) {
        if !text.is_empty() {
            let at = self.read().map_or(0, |text| text.sequence.len());
            if !self.tx.type_on(self.place, at, text) {
                self.insert_chars(at, text);
            }
        }
    }

    fn insert_chars(&mut self, at: usize, text: &str) {
        let len = if text.len() == 1 { 1 } else { text.chars().count() as u32 };
        let (container, lv) = self.tx.begin(self.place, len);
        let doc = &mut *self.tx.doc;
        let named = doc.state.container(container).made;
        let Data::Text(data) = doc.state.containers.data_mut(container) else {
            unreachable!("a handle edits a value of its own kind")
        };
        let left = data.sequence.insert_at(at, lv, text.into()).left;
        doc.state.size += size::ELEMENT * len as usize;
        doc.raw.splice(container, at as u32, 0, len);
        let edit = Edit::Insert { left: some(left), text: String::new() };
        let entry = Entry { lv, len, container, named, at: at as u32, edit };
        doc.log.push_text(entry, text, self.tx.joins);
    }

    /// Deletes a range.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello, world"));
    /// doc.transact(|tx| tx.text("t").delete(5..).unwrap());
    /// assert_eq!(doc.text("t").to_string(), "Hello");
    /// ```
    ///
    /// # Errors
    /// If the range reaches past the end or into the middle of a character.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub fn delete(&mut self, range: impl RangeBounds<usize>) -> Result<(), OutOfBounds> {
        let (start, end) = self.chars(range)?;
        self.delete_chars(start, end - start);
        Ok(())
    }

    fn delete_chars(&mut self, at: usize, count: usize) {
        if count == 0 {
            return;
        }
        let (container, lv) = self.tx.begin(self.place, count as u32);
        let doc = &mut *self.tx.doc;
        let named = doc.state.container(container).made;
        let Data::Text(data) = doc.state.containers.data_mut(container) else {
            unreachable!("a handle edits a value of its own kind")
        };
        let log = &mut doc.log;
        let (mut next, mut joins) = (lv, self.tx.joins);
        data.sequence.delete_at(at, count, &mut |first, count| {
            log.push_delete(next, (container, named), at as u32, (first, count, false), joins);
            next += count;
            joins = true;
        });
        doc.raw.splice(container, at as u32, count as u32, 0);
    }

    /// Puts text in the place of a range.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello, world"));
    /// doc.transact(|tx| tx.text("t").replace(0..5, "Goodbye").unwrap());
    /// assert_eq!(doc.text("t").to_string(), "Goodbye, world");
    /// ```
    ///
    /// # Errors
    /// If the range reaches past the end or into the middle of a character.
    pub fn replace(&mut self, range: impl RangeBounds<usize>, text: &str) -> Result<(), OutOfBounds> {
        let (start, end) = self.chars(range)?;
        self.delete_chars(start, end - start);
        if !text.is_empty() {
            self.insert_chars(start, text);
        }
        Ok(())
    }

    /// Marks a range: `"bold"` with `true`, `"link"` with an address. Where marks of one key overlap, the
    /// latest counts.
    ///
    /// ```
    /// use conjoin_core::{Doc, Expand, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut text = tx.text("t");
    ///     text.push("see here");
    ///     text.mark(4..8, "link", "https://example.org", Expand::None).unwrap();
    /// });
    /// let spans = doc.text("t").spans();
    /// assert_eq!(spans[1].text, "here");
    /// assert_eq!(spans[1].marks.get("link"), Some(&Value::from("https://example.org")));
    /// ```
    ///
    /// # Errors
    /// If the range reaches past the end or into the middle of a character.
    pub fn mark(
        &mut self,
        range: impl RangeBounds<usize>,
        key: &str,
        value: impl Into<Value>,
        expand: Expand,
    ) -> Result<(), OutOfBounds> {
        let (start, end) = self.chars(range)?;
        let Some(text) = self.read().filter(|_| start < end) else { return Ok(()) };
        let right_of = |index: usize| Anchor {
            element: index.checked_sub(1).and_then(|at| text.sequence.at(at)),
            after: true,
        };
        let left_of = |index: usize| Anchor { element: text.sequence.at(index), after: false };
        let before = matches!(expand, Expand::Before | Expand::Both);
        let after = matches!(expand, Expand::After | Expand::Both);
        let start = if before { right_of(start) } else { left_of(start) };
        let end = if after { left_of(end) } else { right_of(end) };
        let key = self.tx.name(key);
        self.tx.push(self.place, Edit::Mark(Box::new(Mark { start, end, key, value: value.into() })));
        Ok(())
    }

    /// Takes marks of a key off a range. Text typed at its ends goes by `expand` as with
    /// [`mark`](Self::mark).
    ///
    /// ```
    /// use conjoin_core::{Doc, Expand, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut text = tx.text("t");
    ///     text.push("all bold");
    ///     text.mark(.., "bold", true, Expand::After).unwrap();
    ///     text.unmark(3.., "bold", Expand::After).unwrap();
    /// });
    /// let bold: Vec<_> = doc.text("t").spans().iter().map(|span| span.marks.contains_key("bold")).collect();
    /// assert_eq!(bold, [true, false]);
    /// ```
    ///
    /// # Errors
    /// If the range reaches past the end or into the middle of a character.
    pub fn unmark(
        &mut self,
        range: impl RangeBounds<usize>,
        key: &str,
        expand: Expand,
    ) -> Result<(), OutOfBounds> {
        self.mark(range, key, Value::Null, expand)
    }
}
