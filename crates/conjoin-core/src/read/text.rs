//! Reading texts.

use std::fmt;
use std::ops::Range;

use crate::changed::{ContainerId, Marks};
use crate::doc::Doc;
use crate::sequence::Chunks;
use crate::state::{Data, Text};
use crate::transaction::Unit;

reference! {
    /// A text, to be read. It displays as its characters.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("notes").push("Hello"));
    /// let notes = doc.text("notes");
    /// assert_eq!(format!("{notes}, {notes:?}"), r#"Hello, "Hello""#);
    /// ```
    TextRef, Text, Box<Text>
}

/// A stretch of text with the marks that are on all of it.
///
/// ```
/// use conjoin_core::{Doc, Expand, Marks, ReplicaId, Span, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut text = tx.text("t");
///     text.push("bold");
///     text.mark(.., "bold", true, Expand::After).unwrap();
/// });
/// let marks: Marks = [("bold".into(), Value::from(true))].into_iter().collect();
/// assert_eq!(doc.text("t").spans(), [Span { text: "bold".into(), marks }]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The characters.
    pub text: String,
    /// The values of marks by their keys.
    pub marks: Marks,
}

impl Text {
    /// The length in a unit.
    pub(crate) fn len_in(&self, unit: Unit) -> usize {
        match unit {
            Unit::Scalar => self.sequence.len(),
            Unit::Utf16 => self.sequence.utf16_len(),
            Unit::Utf8 => self.sequence.byte_len(),
        }
    }

    /// The index in characters of an index in a unit; `None` past the end and inside a character.
    pub(crate) fn char_at(&self, index: usize, unit: Unit) -> Option<usize> {
        match unit {
            Unit::Scalar => (index <= self.sequence.len()).then_some(index),
            Unit::Utf16 => self.sequence.char_of_utf16(index),
            Unit::Utf8 => self.sequence.char_of_byte(index),
        }
    }

    fn index_in(&self, char: usize, unit: Unit) -> Option<usize> {
        match unit {
            Unit::Scalar => Some(char),
            Unit::Utf16 => self.sequence.utf16_of_char(char),
            Unit::Utf8 => self.sequence.byte_of_char(char),
        }
    }
}

impl<'a> TextRef<'a> {
    /// The length in characters (Unicode scalar values).
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("café"));
    /// assert_eq!(doc.text("t").len(), 4);
    /// ```
    pub fn len(&self) -> usize {
        self.len_in(Unit::Scalar)
    }

    /// The length in a unit.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Unit};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("🦀!"));
    /// let lengths = [Unit::Scalar, Unit::Utf16, Unit::Utf8].map(|unit| doc.text("t").len_in(unit));
    /// assert_eq!(lengths, [2, 3, 5]);
    /// ```
    pub fn len_in(&self, unit: Unit) -> usize {
        self.data().map_or(0, |text| text.len_in(unit))
    }

    /// Whether there is no text.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.text("t").is_empty());
    /// doc.transact(|tx| tx.text("t").push("Hello"));
    /// assert!(!doc.text("t").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An index counted in one unit, counted in another; `None` past the end and inside a character.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Unit};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("🦀!"));
    /// let text = doc.text("t");
    /// assert_eq!(text.convert(1, Unit::Scalar, Unit::Utf16), Some(2));
    /// assert_eq!(text.convert(1, Unit::Utf16, Unit::Scalar), None); // Inside the crab.
    /// ```
    pub fn convert(&self, index: usize, from: Unit, to: Unit) -> Option<usize> {
        match self.data() {
            Some(text) => text.index_in(text.char_at(index, from)?, to),
            None => (index == 0).then_some(0),
        }
    }

    /// The text between two indexes in characters, in pieces; none of what lies past the end.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello, world"));
    /// let bytes: usize = doc.text("t").chunks(0..5).map(str::len).sum();
    /// assert_eq!(bytes, "Hello".len());
    /// ```
    pub fn chunks(&self, range: Range<usize>) -> impl Iterator<Item = &'a str> + 'a {
        self.data().map_or(Chunks::whole(""), |text| text.sequence.chunks(range))
    }

    /// The text between two indexes in characters; none of what lies past the end.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello, world"));
    /// assert_eq!(doc.text("t").slice(7..100), "world");
    /// ```
    pub fn slice(&self, range: Range<usize>) -> String {
        self.data().map_or_else(String::new, |text| text.sequence.slice(range))
    }

    /// The text in stretches of equal marks.
    ///
    /// ```
    /// use conjoin_core::{Doc, Expand, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut text = tx.text("t");
    ///     text.push("plain and bold");
    ///     text.mark(10.., "bold", true, Expand::After).unwrap();
    /// });
    /// let spans = doc.text("t").spans();
    /// assert_eq!((spans[0].text.as_str(), spans[0].marks.is_empty()), ("plain and ", true));
    /// assert_eq!((spans[1].text.as_str(), spans[1].marks.contains_key("bold")), ("bold", true));
    /// ```
    pub fn spans(&self) -> Vec<Span> {
        let Some(text) = self.data() else { return Vec::new() };
        let mut spans = Vec::new();
        let mut from = 0;
        for (len, values) in text.spans(&self.doc.numbers) {
            let mut marks = Marks::new();
            for (key, value) in values {
                marks.insert(self.doc.strings.get(key).clone(), value.clone());
            }
            spans.push(Span { text: text.sequence.slice(from..from + len), marks });
            from += len;
        }
        spans
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chunks(0..self.len()).try_for_each(|chunk| f.write_str(chunk))
    }
}

impl PartialEq for TextRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.spans() == other.spans()
    }
}

impl fmt::Debug for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}
