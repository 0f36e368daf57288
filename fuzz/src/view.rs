//! What can be read of a document, in a form in which documents can be compared.
//!
//! Documents that have seen the same may number it differently, so their bytes may differ; what is read
//! of them may not. Floats are compared to the last bit, those that are no numbers included.

use std::collections::BTreeMap;

use conjoin_core::{Doc, Item, Marks, TextRef, Unit, Value, VersionVector};

/// A document's version, and all it holds.
#[derive(Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) version: VersionVector,
    roots: Vec<(String, Holds)>,
}

/// A value, with all that is nested in it.
#[derive(Debug, PartialEq)]
enum Holds {
    Value(Plain),
    Counter(i64),
    FloatCounter(u64),
    Register(Vec<Plain>),
    Map(BTreeMap<String, Self>),
    Set(Vec<Plain>),
    List(Vec<Self>),
    Text(Vec<(String, BTreeMap<String, Plain>)>),
}

/// A plain value.
#[derive(Debug, PartialEq)]
enum Plain {
    Float(u64),
    Other(Value),
}

impl View {
    /// What `doc` holds. It must hold together: lengths are those of what is there.
    pub(crate) fn of(doc: &Doc) -> Self {
        let roots = doc.roots().map(|(name, item)| (name.to_string(), holds(item))).collect();
        Self { version: doc.version().clone(), roots }
    }
}

fn holds(item: Item<'_>) -> Holds {
    match item {
        Item::Value(value) => Holds::Value(plain(value)),
        Item::Counter(value) => Holds::Counter(value),
        Item::FloatCounter(value) => {
            assert!(value.is_finite(), "a sum stays within finite numbers");
            Holds::FloatCounter(value.to_bits())
        }
        Item::Register(register) => Holds::Register(register.all().map(plain).collect()),
        Item::Map(map) => {
            let entries: BTreeMap<_, _> =
                map.iter().map(|(key, item)| (key.to_owned(), holds(item))).collect();
            assert_eq!(entries.len(), map.len());
            Holds::Map(entries)
        }
        Item::Set(set) => {
            let values: Vec<_> = set.iter().map(plain).collect();
            assert_eq!(values.len(), set.len());
            Holds::Set(values)
        }
        Item::List(list) => {
            let items: Vec<_> = list.iter().map(holds).collect();
            assert_eq!(items.len(), list.len());
            for (at, item) in items.iter().enumerate() {
                assert_eq!(list.item(at).map(holds).as_ref(), Some(item), "by index as by walking");
            }
            Holds::List(items)
        }
        Item::Text(text) => Holds::Text(spans(text)),
        other => unreachable!("a kind of value that is not known here: {other:?}"),
    }
}

fn spans(text: TextRef<'_>) -> Vec<(String, BTreeMap<String, Plain>)> {
    let all = text.to_string();
    assert_eq!(text.len(), all.chars().count());
    assert_eq!(text.len_in(Unit::Utf16), all.encode_utf16().count());
    assert_eq!(text.len_in(Unit::Utf8), all.len());
    let marks = |marks: Marks| marks.iter().map(|(key, value)| (key.to_string(), plain(value))).collect();
    let spans: Vec<_> = text.spans().into_iter().map(|span| (span.text, marks(span.marks))).collect();
    assert_eq!(spans.iter().map(|span| &*span.0).collect::<String>(), all, "marks leave the text as it is");
    spans
}

fn plain(value: &Value) -> Plain {
    match value {
        Value::Float(value) => Plain::Float(value.to_bits()),
        other => Plain::Other(other.clone()),
    }
}
