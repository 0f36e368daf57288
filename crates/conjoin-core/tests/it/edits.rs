//! What users do to documents, as plain data: drawn at random, and then fitted to what is there.

use std::ops::Range;

use conjoin_core::{Kind, Value};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::oracle::{Author, Filling, Place};

/// One step on the way to a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Hop {
    Root(Kind, &'static str),
    Key(&'static str, Kind),
    Item(usize, Kind),
}

/// Whether what is typed at the ends of a mark gets it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reach {
    pub(crate) before: bool,
    pub(crate) after: bool,
}

/// One thing that a user does to a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deed {
    Add(i64),
    AddFloat(f64),
    Set(Value),
    Put(&'static str, Value),
    Remove(&'static str),
    Make(&'static str, Kind),
    Include(Value),
    Exclude(Value),
    Insert(usize, Filling),
    Assign(usize, Value),
    /// Items or characters.
    Take(Range<usize>),
    /// From an index to the one that the item has afterwards.
    Move(usize, usize),
    Write(usize, String),
    Replace(Range<usize>, String),
    /// `Null` takes the mark away.
    Mark(Range<usize>, &'static str, Value, Reach),
}

/// The kinds of values and the names they have in tests. Kinds that differ may have the same name.
pub(crate) const ROOTS: [(Kind, &str); 9] = [
    (Kind::Text, "t"),
    (Kind::List, "l"),
    (Kind::Map, "m"),
    (Kind::Set, "s"),
    (Kind::Register, "a"),
    (Kind::Counter, "a"),
    (Kind::Counter, "b"),
    (Kind::FloatCounter, "a"),
    (Kind::Map, "a"),
];

/// What the keys of a keyboard do to a text, at a cursor that moves with them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stroke {
    Type(char),
    Paste(&'static str),
    Backspace,
    Delete,
    /// So many characters before the cursor at once.
    Erase(usize),
    /// Takes the place of so many characters before the cursor.
    Correct(usize, char),
    Jump(Index),
}

impl Stroke {
    /// What it does to a text of so many characters, if it does anything, and where the cursor is then.
    pub(crate) fn fit(self, cursor: usize, len: usize) -> (Option<Deed>, usize) {
        match self {
            Self::Type(char) => (Some(Deed::Write(cursor, char.into())), cursor + 1),
            Self::Backspace if cursor > 0 => (Some(Deed::Take(cursor - 1..cursor)), cursor - 1),
            Self::Paste(text) => (Some(Deed::Write(cursor, text.into())), cursor + text.chars().count()),
            Self::Delete if cursor < len => (Some(Deed::Take(cursor..cursor + 1)), cursor),
            Self::Erase(count) if cursor >= count => {
                (Some(Deed::Take(cursor - count..cursor)), cursor - count)
            }
            Self::Correct(count, char) if cursor >= count => {
                (Some(Deed::Replace(cursor - count..cursor, char.into())), cursor - count + 1)
            }
            Self::Jump(to) => (None, to.index(len + 1)),
            _ => (None, cursor),
        }
    }
}

/// What somebody does who types: mostly on.
pub(crate) fn strokes() -> impl Strategy<Value = Vec<Stroke>> {
    let stroke = prop_oneof![
        12 => prop::sample::select(vec!['a', 'b', 'c', 'd', 'é', '😀']).prop_map(Stroke::Type),
        4 => Just(Stroke::Backspace),
        2 => Just(Stroke::Delete),
        1 => prop::sample::select(vec!["of", "née", "😀!"]).prop_map(Stroke::Paste),
        1 => (2..5usize).prop_map(Stroke::Erase),
        1 => (1..3usize, prop::sample::select(vec!['e', 'ü'])).prop_map(|(count, char)| Stroke::Correct(count, char)),
        1 => any::<Index>().prop_map(Stroke::Jump),
    ];
    prop::collection::vec(stroke, 1..12)
}

const KEYS: [&str; 3] = ["x", "y", "a"];
const MARKS: [&str; 2] = ["bold", "link"];
const KINDS: [Kind; 7] =
    [Kind::Text, Kind::List, Kind::Map, Kind::Set, Kind::Register, Kind::Counter, Kind::FloatCounter];
/// What is nested lies no deeper than this.
const DEPTH: usize = 3;

/// An edit as it is drawn: it is fitted to what is there when it is made.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// One of [`ROOTS`].
    root: usize,
    /// Which nested value to go down to, level by level.
    down: Vec<Index>,
    what: u8,
    at: Index,
    to: Index,
    value: i8,
    text: String,
}

/// Edits of values of any kind.
pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    edit_of(0..ROOTS.len())
}

/// Edits of the text and what is in it alone.
pub(crate) fn text_edit() -> impl Strategy<Value = Edit> {
    edit_of(0..1)
}

/// Edits of the list and what is nested in it.
pub(crate) fn list_edit() -> impl Strategy<Value = Edit> {
    edit_of(1..2)
}

fn edit_of(roots: Range<usize>) -> impl Strategy<Value = Edit> {
    let text = prop::collection::vec(prop::sample::select(vec!['a', 'b', 'é', '漢', '😀']), 1..4);
    let down = prop::collection::vec(any::<Index>(), 0..DEPTH);
    (roots, down, 0..12u8, any::<Index>(), any::<Index>(), any::<i8>(), text).prop_map(
        |(root, down, what, at, to, value, text)| {
            let text = text.into_iter().collect();
            Edit { root, down, what, at, to, value, text }
        },
    )
}

impl Edit {
    /// The edit for what its author reads now: where, and what is done.
    pub(crate) fn fit(&self, author: &Author<'_>) -> (Vec<Hop>, Deed) {
        let read = author.read();
        let (kind, name) = ROOTS[self.root];
        let mut way = vec![Hop::Root(kind, name)];
        let mut place = Place::Root(kind, name.to_owned());
        for down in &self.down {
            let key_of = |key: &str| KEYS.into_iter().find(|own| *own == key).expect("only these are used");
            let nested: Vec<(Hop, Place)> = match place.kind() {
                Kind::Map => (read.children(&place).into_iter())
                    .map(|(key, child)| (Hop::Key(key_of(&key), child.kind()), child))
                    .collect(),
                Kind::List => (read.nested_items(&place).into_iter())
                    .map(|(at, child)| (Hop::Item(at, child.kind()), child))
                    .collect(),
                _ => Vec::new(),
            };
            // Up to as many as there are means to go on down, one more to stay here.
            let Some((hop, child)) = nested.get(down.index(nested.len() + 1)) else { break };
            way.push(*hop);
            place = child.clone();
        }
        let len = match place.kind() {
            Kind::List | Kind::Text => read.len(&place),
            _ => 0,
        };
        let deed = self.deed(place.kind(), len, way.len() <= DEPTH);
        (way, deed)
    }

    fn deed(&self, kind: Kind, len: usize, may_nest: bool) -> Deed {
        let key = KEYS[self.at.index(KEYS.len())];
        let nested = KINDS[self.to.index(KINDS.len())];
        let range = {
            let start = self.at.index(len + 1);
            let most = 4;
            start..start + self.to.index((len - start).min(most) + 1)
        };
        match (kind, self.what) {
            (Kind::Counter, _) => Deed::Add(i64::from(self.value)),
            (Kind::FloatCounter, _) => Deed::AddFloat(f64::from(self.value) * 0.1),
            (Kind::Register, _) => Deed::Set(self.value()),
            (Kind::Map, 0..5) if may_nest => Deed::Make(key, nested),
            (Kind::Map, 10..) => Deed::Remove(key),
            (Kind::Map, _) => Deed::Put(key, self.value()),
            (Kind::Set, 0..7) => Deed::Include(self.member()),
            (Kind::Set, _) => Deed::Exclude(self.member()),
            (Kind::List, 0..3) if may_nest => Deed::Insert(self.at.index(len + 1), Filling::Nested(nested)),
            (Kind::List, 5..7) if len > 0 => Deed::Assign(self.at.index(len), self.value()),
            (Kind::List, 7..9) if !range.is_empty() => Deed::Take(range),
            (Kind::List, 9..) if len > 0 => Deed::Move(self.at.index(len), self.to.index(len)),
            (Kind::List, _) => Deed::Insert(self.at.index(len + 1), Filling::Value(self.value())),
            (Kind::Text, 5..8) => Deed::Take(range),
            (Kind::Text, 8) => Deed::Replace(range, self.text.clone()),
            (Kind::Text, 9..) if !range.is_empty() => {
                let reach = Reach { before: self.value & 1 > 0, after: self.value & 2 > 0 };
                let value = if self.what == 11 { Value::Null } else { Value::Int(i64::from(self.value / 4)) };
                Deed::Mark(range, MARKS[self.to.index(MARKS.len())], value, reach)
            }
            (Kind::Text, _) => Deed::Write(self.at.index(len + 1), self.text.clone()),
        }
    }

    fn value(&self) -> Value {
        match self.what % 6 {
            0 => Value::Str(self.text.clone()),
            1 => Value::Bool(self.value > 0),
            2 => Value::Float(f64::from(self.value) / 8.0),
            3 => self.text.clone().into_bytes().into(),
            4 if self.value % 4 == 0 => Value::Null,
            _ => Value::Int(i64::from(self.value)),
        }
    }

    /// One of few values, so that they meet.
    fn member(&self) -> Value {
        match self.value.rem_euclid(4) {
            0 => Value::Null,
            1 => Value::Str("1".to_owned()),
            2 => Value::Float(1.0),
            _ => Value::Int(1),
        }
    }
}
