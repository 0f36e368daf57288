//! Documents as JSON, beside what another reader of JSON makes of it.

use conjoin_core::{Doc, Item, JsonError, ListMut, ReplicaId, Value};
use proptest::prelude::*;

fn doc(json: &str) -> Result<Doc, JsonError> {
    Doc::from_json(ReplicaId::new(1), json)
}

#[test]
fn every_kind_of_value_has_a_form() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| {
        tx.counter("counter").add(-2);
        tx.float_counter("float").add(0.5).expect("it is finite");
        tx.register("register").set("\"\\\n\u{1}é😀");
        tx.set("set").insert(2);
        tx.set("set").insert(1);
        tx.text("text").push("a\"b");
        tx.list("list").push(f64::NAN);
        tx.list("list").push(1.0);
        tx.list("list").push(&b"bytes"[..]);
        tx.map("map").list("empty");
        tx.map("map").set("[", "{");
        tx.map("map").set("b", Value::Null);
    });
    let json = doc.to_json();
    let expected = r#"{"counter":-2,"float":0.5,"list":[null,1.0,{"$bytes":"Ynl0ZXM="}],"map":{"[":"{","b":null,"empty":[]},"register":"\"\\\n\u0001é😀","set":[1,2],"text":"a\"b"}"#;
    assert_eq!(json, expected);
    assert_eq!(doc.map("map").to_json(), r#"{"[":"{","b":null,"empty":[]}"#);
    assert_eq!(doc.list("list").to_json(), r#"[null,1.0,{"$bytes":"Ynl0ZXM="}]"#);
    assert_eq!(doc.list("none").to_json(), "[]");
}

#[test]
fn roots_of_one_name_are_told_apart() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| {
        tx.text("a").push("x");
        tx.counter("a").add(1);
        tx.counter("a:text").add(2);
    });
    assert_eq!(doc.to_json(), r#"{"a:counter":1,"a:text":2,"a:text:text":"x"}"#);
}

#[test]
fn json_replaces_what_a_key_held() {
    let mut doc = doc(r#"{"m": {"k": {"a": 1}}}"#).expect("it is JSON");
    doc.transact(|tx| {
        tx.map("m").set_json("k", r#"{"b": [2, {"c": 3}]}"#).expect("it is JSON");
        tx.list("l").push_json("[4]").expect("it is JSON");
        assert!(tx.map("m").set_json("k", "{").is_err());
    });
    assert_eq!(doc.to_json(), r#"{"l":[[4]],"m":{"k":{"b":[2,{"c":3}]}}}"#);
}

#[test]
fn nesting_is_bounded_when_read_and_not_when_written() {
    fn nest(list: &mut ListMut<'_, '_>, depth: usize) {
        if depth > 0 {
            nest(&mut list.insert_list(0).expect("it is the start"), depth - 1);
        }
    }
    let nested = |depth: usize| {
        let mut doc = Doc::new(ReplicaId::new(1));
        doc.transact(|tx| nest(&mut tx.list("l"), depth));
        doc.to_json()
    };
    assert!(doc(&nested(126)).is_ok());
    assert_eq!(doc(&nested(1_000)).err(), Some(JsonError { at: 132, expected: "less nesting" }));
}

#[test]
fn what_is_no_object_is_no_document() {
    assert_eq!(doc("[]").err(), Some(JsonError { at: 0, expected: "an object" }));
}

/// Whether an item is what another reader makes of it.
fn agrees(item: Item<'_>, json: &serde_json::Value) -> bool {
    match (item, json) {
        (Item::Value(Value::Null), json) => json.is_null(),
        (Item::Value(Value::Bool(value)), json) => json.as_bool() == Some(*value),
        (Item::Value(Value::Int(value)), json) => json.as_i64() == Some(*value),
        (Item::Value(Value::Float(value)), json) => json.as_f64() == Some(*value),
        (Item::Value(Value::Str(value)), json) => json.as_str() == Some(value),
        (Item::List(list), serde_json::Value::Array(items)) => {
            list.len() == items.len() && list.iter().zip(items).all(|(item, json)| agrees(item, json))
        }
        (Item::Map(map), serde_json::Value::Object(entries)) => {
            map.len() == entries.len()
                && map.iter().all(|(key, item)| entries.get(key).is_some_and(|json| agrees(item, json)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_is_json_is_agreed_on(text in r#"([\[\]{}:,"0-9eE.+\-] ?|\\u[dD][89a-f][0-9]{2}|\\[nu"x]|null|true|"[a-c]"( : )?|é){0,12}"#) {
        let text = format!("{{\"a\": [{text}]}}");
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let ours = doc(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours.err(), theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert!(agrees(Item::List(ours.list("a")), &theirs["a"]), "{:?} {}", ours.list("a"), theirs);
        }
    }

    #[test]
    fn values_are_read_as_others_read_them(
        int: i64, float in any::<f64>().prop_filter("JSON has no others", |float| float.is_finite()), string: String, list: Vec<i64>
    ) {
        let json = serde_json::json!({ "m": { "a": [int, float, string], "b": { "c": list, "d": null } } });
        let ours = doc(&json.to_string()).expect("it is JSON");
        prop_assert!(agrees(Item::Map(ours.map("m")), &json["m"]));
    }

    #[test]
    fn what_is_written_is_read_back(int: i64, float: f64, string: String, bytes: Vec<u8>, key: String) {
        let mut before = Doc::new(ReplicaId::new(1));
        before.transact(|tx| {
            let mut map = tx.map("m");
            map.set(&key, int);
            let mut list = map.list("\u{0}list");
            list.push(if float.is_finite() { Value::Float(float) } else { Value::Null });
            list.push(string);
            list.push(bytes);
        });
        let json = before.to_json();
        let after = doc(&json).expect("it was just written");
        prop_assert_eq!(after.map("m"), before.map("m"));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }
}
