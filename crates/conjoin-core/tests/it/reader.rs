//! What a document reads, by its public API, in the terms of the oracle.

use std::collections::BTreeMap;

use conjoin_core::{Doc, Item, Kind, ListRef, MapRef, SetRef, TextRef, Unit, Value};

use crate::edits::ROOTS;
use crate::oracle::{Content, Place};

/// All that is in a document, by root.
pub(crate) type Contents = BTreeMap<Place, Content>;

/// All that a document reads.
pub(crate) fn read(doc: &Doc) -> Contents {
    let root = |(kind, name): (Kind, &str)| (Place::Root(kind, name.to_owned()), read_root(doc, kind, name));
    ROOTS.into_iter().map(root).collect()
}

fn read_root(doc: &Doc, kind: Kind, name: &str) -> Content {
    match kind {
        Kind::Counter => Content::Counter(doc.counter(name)),
        Kind::FloatCounter => Content::FloatCounter(doc.float_counter(name)),
        Kind::Register => {
            assert_eq!(doc.register(name), doc.register_all(name).next());
            register(doc.register_all(name))
        }
        Kind::Map => map(doc.map(name)),
        Kind::Set => set(doc.set(name)),
        Kind::List => list(doc.list(name)),
        Kind::Text => text(doc.text(name)),
    }
}

fn item(item: Item<'_>) -> Content {
    match item {
        Item::Value(value) => Content::Value(value.clone()),
        Item::Counter(sum) => Content::Counter(sum),
        Item::FloatCounter(sum) => Content::FloatCounter(sum),
        Item::Register(values) => {
            assert_eq!(values.get(), values.all().next());
            register(values.all())
        }
        Item::Map(of) => map(of),
        Item::Set(of) => set(of),
        Item::List(of) => list(of),
        Item::Text(of) => text(of),
        item => panic!("{item:?} is new"),
    }
}

fn register<'a>(values: impl Iterator<Item = &'a Value>) -> Content {
    Content::Register(values.cloned().collect())
}

fn map(map: MapRef<'_>) -> Content {
    let entries: Vec<_> = map.iter().collect();
    assert!(entries.is_sorted_by_key(|entry| entry.0), "by key");
    assert_eq!(entries.len(), map.len());
    Content::Map(entries.into_iter().map(|(key, of)| (key.to_owned(), item(of))).collect())
}

fn set(set: SetRef<'_>) -> Content {
    let values: Vec<_> = set.iter().collect();
    assert_eq!(values.len(), set.len());
    assert!(values.iter().all(|&value| set.contains(value.clone())));
    Content::Set(values.into_iter().map(|value| format!("{value:?}")).collect())
}

fn list(list: ListRef<'_>) -> Content {
    let items: Vec<_> = list.iter().map(item).collect();
    assert_eq!(items.len(), list.len());
    for (at, of) in items.iter().enumerate() {
        assert_eq!(list.item(at).map(item).as_ref(), Some(of));
    }
    assert!(list.item(items.len()).is_none());
    Content::List(items)
}

fn text(text: TextRef<'_>) -> Content {
    let plain = text.to_string();
    assert_eq!(text.len(), plain.chars().count());
    assert_eq!(text.len_in(Unit::Utf8), plain.len());
    assert_eq!(text.len_in(Unit::Utf16), plain.encode_utf16().count());
    let mut chars = Vec::new();
    let mut spans = text.spans().into_iter().peekable();
    while let Some(span) = spans.next() {
        assert!(!span.text.is_empty());
        assert!(spans.peek().is_none_or(|next| next.marks != span.marks), "spans are as long as can be");
        let marks: BTreeMap<_, _> =
            span.marks.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        chars.extend(span.text.chars().map(|char| (char, marks.clone())));
    }
    assert_eq!(chars.iter().map(|(char, _)| *char).collect::<String>(), plain);
    Content::Text(chars)
}
