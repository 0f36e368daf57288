//! One's own types in documents, by serde.

use std::collections::BTreeMap;

use conjoin_core::{Doc, Expand, ReplicaId, SerdeError, Value};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Box { width: u8, name: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Id(u32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    large: i64,
    float: f32,
    char: char,
    text: String,
    none: Option<u8>,
    some: Option<Id>,
    unit: (),
    pair: (u16, String),
    shapes: Vec<Shape>,
    by_number: BTreeMap<i32, Vec<bool>>,
    by_char: BTreeMap<char, Shape>,
    bytes: Bytes,
}

/// Bytes as bytes, not as a list of numbers.
#[derive(Debug, Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bytes(bytes) => Ok(Self(bytes.into())),
            value => Err(serde::de::Error::custom(format!("{value:?} is no bytes"))),
        }
    }
}

fn everything() -> Everything {
    let shapes = vec![
        Shape::Point,
        Shape::Circle(0.5),
        Shape::Line(-1, 7),
        Shape::Box { width: 3, name: Some("lid".to_owned()) },
        Shape::Box { width: 0, name: None },
    ];
    Everything {
        flag: true,
        small: -128,
        large: i64::MIN,
        float: 0.1,
        char: 'é',
        text: "Grüße, 😀".to_owned(),
        none: None,
        some: Some(Id(7)),
        unit: (),
        pair: (65_535, "two".to_owned()),
        by_number: BTreeMap::from([(-3, vec![true, false]), (4, Vec::new())]),
        by_char: BTreeMap::from([('x', shapes[1].clone())]),
        shapes,
        bytes: Bytes(vec![0, 255, 10]),
    }
}

fn doc() -> Doc {
    Doc::new(ReplicaId::new(1))
}

#[test]
fn what_was_put_in_is_read_out() {
    let mut doc = doc();
    let all = everything();
    doc.transact(|tx| tx.map("all").reconcile(&all).expect("a document can hold it"));
    assert_eq!(doc.map("all").hydrate::<Everything>().as_ref(), Ok(&all));
    assert_eq!(doc.map("all").item("shapes").expect("it is there").hydrate(), Ok(all.shapes.clone()));
    let loaded = Doc::load(ReplicaId::new(2), &doc.snapshot()).expect("its own snapshot");
    assert_eq!(loaded.map("all").hydrate::<Everything>(), Ok(all.clone()));
    // The whole document, with each root under its name.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Whole {
        all: Everything,
        clicks: i64,
        title: Option<String>,
        tags: Vec<String>,
        notes: String,
    }
    doc.transact(|tx| {
        tx.counter("clicks").add(3);
        tx.register("title").reconcile("Atlas").expect("it is a plain value");
        tx.set("tags").reconcile(&["sea", "map"]).expect("they are plain values");
        tx.text("notes").push("Hi");
        tx.text("notes").mark(0..1, "bold", true, Expand::After).expect("it is within the text");
    });
    let whole = Whole {
        all,
        clicks: 3,
        title: Some("Atlas".to_owned()),
        tags: vec!["map".to_owned(), "sea".to_owned()],
        notes: "Hi".to_owned(),
    };
    assert_eq!(doc.hydrate(), Ok(whole));
}

#[test]
fn a_document_is_written_as_its_json() {
    let mut doc = doc();
    doc.transact(|tx| {
        tx.map("m").reconcile(&everything()).expect("a document can hold it");
        tx.counter("m").add(2);
        tx.set("s").insert("x");
        tx.list("l").push(f64::NAN);
        tx.map("b").set("raw", vec![1, 2]);
    });
    let written = serde_json::to_value(&doc).expect("it can be written");
    let json: serde_json::Value = serde_json::from_str(&doc.to_json()).expect("it is JSON");
    assert_eq!(written, json);
    assert_eq!(written["l"][0], serde_json::Value::Null, "JSON has no such number");
    assert_eq!(written["b"]["raw"]["$bytes"], "AQI=");
}

#[test]
fn values_come_from_any_format_or_are_refused_clearly() {
    let value = |json: &str| serde_json::from_str::<Value>(json).map_err(|error| error.to_string());
    assert_eq!(value("null"), Ok(Value::Null));
    assert_eq!(value("-7"), Ok(Value::Int(-7)));
    assert_eq!(value("0.5"), Ok(Value::Float(0.5)));
    assert_eq!(value(r#""é""#), Ok("é".into()));
    assert_eq!(value(r#"{"$bytes": "AQI="}"#), Ok(vec![1, 2].into()));
    assert_eq!(value("9223372036854775807"), Ok(Value::Int(i64::MAX)));
    assert!(value("9223372036854775808").is_err_and(|error| error.contains("past the range of 64 bits")));
    for other in ["[1]", "{}", r#"{"a": 1}"#, r#"{"$bytes": "?"}"#, r#"{"$bytes": "AQI=", "a": 1}"#] {
        assert!(value(other).is_err_and(|error| error.contains("a plain value")), "{other}");
    }
    assert_eq!(Value::Int(3).hydrate::<f64>(), Ok(3.0));
    assert!(matches!(Value::Int(-3).hydrate::<u8>(), Err(SerdeError::Custom(_))));
}

#[test]
fn what_a_document_cannot_hold_is_refused_and_nothing_is_done() {
    let mut doc = doc();
    let commit = doc.transact(|tx| {
        let mut map = tx.map("m");
        let large = BTreeMap::from([("fits", 1), ("large", u64::MAX)]);
        assert_eq!(map.reconcile(&large), Err(SerdeError::Unsigned(u64::MAX.into())));
        assert_eq!(map.reconcile_key("k", &i128::MIN), Err(SerdeError::Number(i128::MIN)));
        assert_eq!(map.reconcile(&[1, 2]), Err(SerdeError::WrongKind("a map")));
        assert_eq!(map.reconcile(&BTreeMap::from([(vec![1], 2)])), Err(SerdeError::Key));
        assert_eq!(tx.list("l").reconcile("text"), Err(SerdeError::WrongKind("a list")));
        assert_eq!(tx.set("s").reconcile(&[[1]]), Err(SerdeError::WrongKind("a set")));
        assert_eq!(tx.register("r").reconcile(&[1]), Err(SerdeError::WrongKind("a register")));
        let mut deep = serde_json::json!(1);
        for _ in 0..129 {
            deep = serde_json::json!([deep]);
        }
        assert_eq!(tx.list("l").reconcile(&deep), Err(SerdeError::TooDeep));
    });
    assert!(commit.is_empty());
    assert!(doc.map("m").hydrate::<Everything>().is_err());
}

#[test]
fn what_others_have_nested_too_deeply_is_refused() {
    let mut doc = doc();
    doc.transact(|tx| {
        fn nest(mut list: conjoin_core::ListMut<'_, '_>, depth: usize) {
            if depth > 0 {
                nest(list.insert_list(0).expect("it is the start"), depth - 1);
            }
        }
        nest(tx.list("l"), 500);
    });
    assert_eq!(doc.list("l").hydrate::<serde_json::Value>(), Err(SerdeError::TooDeep));
    assert!(serde_json::to_string(&doc).is_err_and(|error| error.to_string().contains("128 levels")));
}

#[test]
fn only_what_differs_is_edited() {
    let mut doc = doc();
    let mut all = everything();
    doc.transact(|tx| {
        tx.map("all").reconcile(&all).expect("a document can hold it");
        tx.map("all").text("text").push(&all.text);
        tx.map("kinds").counter("n").add(3);
        tx.map("kinds").set_of("s").insert("a");
        tx.map("kinds").register("r").set(1);
    });
    let operations = |doc: &mut Doc, all: &Everything| {
        doc.transact(|tx| tx.map("all").reconcile(all).expect("a document can hold it")).delta().operations()
    };
    assert_eq!(operations(&mut doc, &all), 0);
    all.small = 0;
    assert_eq!(operations(&mut doc, &all), 1);
    all.text = "Grüß euch, 😀".to_owned();
    assert!(operations(&mut doc, &all) < 10);
    assert_eq!(doc.map("all").text("text").to_string(), all.text, "it is still a text");
    all.shapes.insert(1, Shape::Point);
    assert_eq!(operations(&mut doc, &all), 1);
    all.by_number.remove(&4);
    assert_eq!(operations(&mut doc, &all), 1);
    assert_eq!(doc.map("all").hydrate(), Ok(all));

    let kinds = serde_json::json!({"n": 5, "s": ["b", "c"], "r": 2});
    let commit = doc.transact(|tx| tx.map("kinds").reconcile(&kinds).expect("it is a map"));
    assert_eq!(commit.delta().operations(), 5);
    let map = doc.map("kinds");
    assert_eq!((map.counter("n"), map.set("s").len(), map.register("r").get()), (5, 2, Some(&2.into())));
}

#[test]
fn what_others_edit_at_the_same_time_stays() {
    let mut ada = doc();
    let cards = serde_json::json!([{"title": "Tea", "done": false}, {"title": "Cake", "done": false}]);
    ada.transact(|tx| tx.list("cards").reconcile(&cards).expect("it is a list"));
    let mut bob = ada.fork(ReplicaId::new(2));
    let mut hers = cards.clone();
    hers[0]["done"] = true.into();
    let mut his = cards;
    his[0]["title"] = "Green tea".into();
    his.as_array_mut().expect("it is one").push("more".into());
    ada.transact(|tx| tx.list("cards").reconcile(&hers).expect("it is a list"));
    bob.transact(|tx| tx.list("cards").reconcile(&his).expect("it is a list"));
    ada.merge(&bob).expect("it is new");
    let both = r#"[{"done":true,"title":"Green tea"},{"done":false,"title":"Cake"},"more"]"#;
    assert_eq!(ada.list("cards").to_json(), both);
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (0..4i64).prop_map(Json::from),
        "[a-c]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_was_there_what_is_put_in_is_read_out(steps in prop::collection::vec(prop::collection::vec(tree(), 0..5), 1..5)) {
        let mut doc = doc();
        for items in steps {
            doc.transact(|tx| tx.list("l").reconcile(&items).expect("a document can hold it"));
            prop_assert_eq!(doc.list("l").hydrate::<Vec<serde_json::Value>>(), Ok(items.clone()));
            let again = doc.transact(|tx| tx.list("l").reconcile(&items).expect("a document can hold it"));
            prop_assert!(again.is_empty(), "it was there");
        }
    }
}
