//! The items that an operation inserts, kept as the bytes in which they travel: an item of one byte would take many
//! times that in memory.

use std::ops::Range;

use crate::codec::{DecodeError, Part, Reader};
use crate::value::{Kind, Value};

/// What an item of a list is made with: a plain value, or one of its own that is edited, named by the
/// operation that made the item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Value(Value),
    Nested(Kind),
}

/// First bytes of items from here on stand for kinds, below it for plain values.
const NESTED: u8 = 0x10;

impl Item {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value(value) => value.encode(out),
            Self::Nested(kind) => out.push(NESTED + kind.tag()),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match nested(reader)? {
            Some(kind) => Ok(Self::Nested(kind)),
            None => Value::decode(reader).map(Self::Value),
        }
    }
}

/// Passes over the kind of an item that is nested.
fn nested(reader: &mut Reader<'_>) -> Result<Option<Kind>, DecodeError> {
    let Some(tag) = reader.peek()?.checked_sub(NESTED) else { return Ok(None) };
    reader.byte()?;
    Kind::from_tag(tag).map(Some).ok_or(DecodeError::Malformed(Part::Kind))
}

/// About how many bytes an item takes, and its kind if it is nested.
type Measure = (usize, Option<Kind>);

fn measure(reader: &mut Reader<'_>) -> Result<Measure, DecodeError> {
    Ok(match nested(reader)? {
        Some(kind) => (0, Some(kind)),
        None => (Value::skip(reader)?, None),
    })
}

/// Items, one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Items(Vec<u8>);

impl Items {
    /// The next so many.
    pub(crate) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, DecodeError> {
        pass(reader, count).map(|bytes| Self(bytes.to_vec()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.measures().count()
    }

    pub(crate) fn one(item: &Item) -> Self {
        let mut items = Self::default();
        items.push(item);
        items
    }

    pub(crate) fn push(&mut self, item: &Item) {
        item.encode(&mut self.0);
    }

    pub(crate) fn append(&mut self, more: &Self) {
        self.0.extend_from_slice(&more.0);
    }

    /// Some of them.
    pub(crate) fn part(&self, range: Range<u32>) -> Self {
        Self(self.bytes_of(range).to_vec())
    }

    /// The bytes of some of them.
    pub(crate) fn bytes_of(&self, range: Range<u32>) -> &[u8] {
        let mut reader = Reader::new(&self.0);
        let before = pass(&mut reader, range.start as usize);
        before.and_then(|_| pass(&mut reader, range.len())).unwrap_or_default()
    }

    pub(crate) fn get(&self, nth: u32) -> Option<Item> {
        self.iter().nth(nth as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Item> {
        self.each(Item::decode)
    }

    /// What each takes, and whether it is nested.
    pub(crate) fn measures(&self) -> impl Iterator<Item = Measure> {
        self.each(measure)
    }

    /// As many items, with nothing instead of plain values.
    pub(crate) fn hollow(&self) -> Self {
        self.measures().map(|(_, kind)| kind.map_or(Item::Value(Value::Null), Item::Nested)).collect()
    }

    fn each<T>(&self, read: fn(&mut Reader<'_>) -> Result<T, DecodeError>) -> impl Iterator<Item = T> {
        let mut reader = Reader::new(&self.0);
        std::iter::from_fn(move || read(&mut reader).ok())
    }
}

impl FromIterator<Item> for Items {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        let mut all = Self::default();
        items.into_iter().for_each(|item| all.push(&item));
        all
    }
}

/// The bytes of so many items, which it passes over.
pub(crate) fn pass<'a>(reader: &mut Reader<'a>, count: usize) -> Result<&'a [u8], DecodeError> {
    let mut ahead = reader.clone();
    for _ in 0..count {
        measure(&mut ahead)?;
    }
    reader.take(reader.len() - ahead.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![
            Just(Item::Value(Value::Null)),
            any::<bool>().prop_map(|value| Item::Value(value.into())),
            any::<i64>().prop_map(|value| Item::Value(value.into())),
            any::<String>().prop_map(|value| Item::Value(value.into())),
            (0..7u8).prop_map(|tag| Item::Nested(Kind::from_tag(tag).expect("there are seven"))),
        ]
    }

    proptest! {
        #[test]
        fn items_are_what_was_put_in(
            list in prop::collection::vec(item(), 0..20),
            (from, to) in (0..20u32, 0..20u32),
        ) {
            let items: Items = list.iter().cloned().collect();
            prop_assert!(items.iter().eq(list.iter().cloned()));
            prop_assert_eq!(items.len(), list.len());
            let mut reader = Reader::new(items.as_bytes());
            prop_assert_eq!(Items::read(&mut reader, list.len()), Ok(items.clone()));
            prop_assert!(reader.is_empty());
            let to = to.min(list.len() as u32);
            let from = from.min(to);
            let mut parts = items.part(0..from);
            parts.append(&items.part(from..to));
            prop_assert!(parts.iter().eq(list[..to as usize].iter().cloned()));
            prop_assert_eq!(items.get(from), list.get(from as usize).cloned());
        }

        #[test]
        fn damaged_items_are_refused_or_as_many_as_they_should_be(bytes: Vec<u8>, count in 0..20usize) {
            if let Ok(items) = Items::read(&mut Reader::new(&bytes), count) {
                prop_assert_eq!(items.iter().count(), count);
            }
        }
    }
}
