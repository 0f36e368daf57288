//! Documents as JSON (RFC 8259), for other programs and for people.
//!
//! JSON has fewer kinds than a document, so what is read back holds the same but need not be of the same
//! kinds, and who made what is not in it; a [`snapshot`](crate::Doc::snapshot) keeps all.
//!
//! - Maps are objects, lists and sets arrays, texts strings without their marks, counters numbers, registers
//!   the value of their latest write.
//! - Bytes are `{"$bytes": "…"}` in base64. A float that is infinite or not a number is `null`.
//! - Read back, a number without fraction and exponent is whole, as far as 64 bits hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use crate::doc::Doc;
use crate::read::{Item, ListRef, MapRef};
use crate::transaction::{ListMut, MapMut};
use crate::value::Value;
use crate::version::ReplicaId;

mod base64;
mod parse;

#[cfg(feature = "serde")]
pub(crate) use base64::{decode as decode_base64, encode as encode_base64};
use parse::Json;
pub use parse::JsonError;

impl Doc {
    /// All of the document as one object, each root under its name. Where roots of several kinds have one
    /// name, each has its kind behind it: `"title:text"`.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let doc = Doc::from_json(ReplicaId::new(1), r#"{"todo": [{"what": "tea", "done": false}]}"#)?;
    /// assert_eq!(doc.list("todo").map(0).get("what"), Some(&"tea".into()));
    /// assert_eq!(doc.to_json(), r#"{"todo":[{"done":false,"what":"tea"}]}"#);
    /// # Ok::<(), conjoin_core::JsonError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        let roots = named_roots(self).into_iter().map(|(key, item)| (key.into(), item));
        write(Open::object(roots), &mut out);
        out
    }

    /// A document of what a JSON object holds: objects become maps, arrays lists, and all else registers, each
    /// under its key. What is nested becomes maps, lists and plain values.
    ///
    /// ```
    /// # use conjoin_core::{Doc, JsonError, ReplicaId};
    /// let doc = Doc::from_json(ReplicaId::new(1), r#"{"title": "Tea", "tags": ["hot"]}"#)?;
    /// assert_eq!(doc.register("title"), Some(&"Tea".into()));
    /// assert_eq!(doc.list("tags").get(0), Some(&"hot".into()));
    ///
    /// let error = Doc::from_json(ReplicaId::new(1), "[]").unwrap_err();
    /// assert_eq!(error, JsonError { at: 0, expected: "an object" });
    /// # Ok::<(), JsonError>(())
    /// ```
    ///
    /// # Errors
    /// If it is no JSON, no object, or too deeply nested.
    pub fn from_json(replica: ReplicaId, json: &str) -> Result<Self, JsonError> {
        let Json::Object(entries) = parse::parse(json)? else {
            return Err(JsonError { at: 0, expected: "an object" });
        };
        let mut doc = Self::new(replica);
        doc.transact(|tx| {
            for (key, json) in entries {
                match json {
                    Json::Plain(value) => tx.register(&key).set(value),
                    Json::Array(items) => fill_list(&mut tx.list(&key), items),
                    Json::Object(entries) => fill_map(&mut tx.map(&key), entries),
                }
            }
        });
        Ok(doc)
    }
}

impl MapRef<'_> {
    /// The map as JSON, as in [`Doc::to_json`].
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.map("card").set("done", false);
    ///     tx.map("card").text("title").push("Tea");
    /// });
    /// assert_eq!(doc.map("card").to_json(), r#"{"done":false,"title":"Tea"}"#);
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write(Open::of_map(*self), &mut out);
        out
    }
}

impl ListRef<'_> {
    /// The list as JSON, as in [`Doc::to_json`].
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("tags").insert_all(0, ["hot", "sweet"]).expect("it is the start"));
    /// assert_eq!(doc.list("tags").to_json(), r#"["hot","sweet"]"#);
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write(Open::array(self.iter()), &mut out);
        out
    }
}

impl MapMut<'_, '_> {
    /// Puts what JSON says under a key, in the place of what it held: objects become maps, arrays lists.
    ///
    /// ```
    /// # use conjoin_core::{Doc, JsonError, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut card = tx.map("card");
    ///     assert_eq!(card.set_json("tags", r#"["hot", "sweet"]"#), Ok(()));
    ///     assert_eq!(card.set_json("tags", "[,]"), Err(JsonError { at: 1, expected: "a value" }));
    /// });
    /// assert_eq!(doc.map("card").list("tags").len(), 2);
    /// ```
    ///
    /// # Errors
    /// If it is no JSON, or too deeply nested. Nothing is done then.
    pub fn set_json(&mut self, key: &str, json: &str) -> Result<(), JsonError> {
        put(self, key, parse::parse(json)?);
        Ok(())
    }
}

impl ListMut<'_, '_> {
    /// Appends an item of what JSON says: objects become maps, arrays lists.
    ///
    /// ```
    /// # use conjoin_core::{Doc, JsonError, ReplicaId};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     let mut todo = tx.list("todo");
    ///     assert_eq!(todo.push_json(r#"{"what": "tea"}"#), Ok(()));
    ///     assert_eq!(todo.push_json("tea"), Err(JsonError { at: 0, expected: "a value" }));
    /// });
    /// assert_eq!(doc.list("todo").map(0).get("what"), Some(&"tea".into()));
    /// ```
    ///
    /// # Errors
    /// If it is no JSON, or too deeply nested. Nothing is done then.
    pub fn push_json(&mut self, json: &str) -> Result<(), JsonError> {
        fill_list(self, vec![parse::parse(json)?]);
        Ok(())
    }
}

/// The roots by the keys that they have in JSON.
pub(crate) fn named_roots(doc: &Doc) -> BTreeMap<String, Item<'_>> {
    let mut kinds: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for (name, _) in doc.roots() {
        *kinds.entry(name).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    taken.extend(kinds.iter().filter(|entry| *entry.1 == 1).map(|entry| entry.0.to_string()));
    let mut named: BTreeMap<String, Item<'_>> = BTreeMap::new();
    for (name, item) in doc.roots() {
        let mut key = name.to_string();
        if kinds[name] > 1 {
            let kind = kind_name(item);
            key = format!("{key}:{kind}");
            while !taken.insert(key.clone()) {
                key = format!("{key}:{kind}");
            }
        }
        named.insert(key, item);
    }
    named
}

fn put(map: &mut MapMut<'_, '_>, key: &str, json: Json) {
    // A new map or list is made, even where there is one.
    if !matches!(json, Json::Plain(_)) {
        map.remove(key);
    }
    match json {
        Json::Plain(value) => map.set(key, value),
        Json::Array(items) => fill_list(&mut map.list(key), items),
        Json::Object(entries) => fill_map(&mut map.map(key), entries),
    }
}

fn fill_map(map: &mut MapMut<'_, '_>, entries: Vec<(String, Json)>) {
    for (key, json) in entries {
        put(map, &key, json);
    }
}

fn fill_list(list: &mut ListMut<'_, '_>, items: Vec<Json>) {
    for json in items {
        let end = list.len();
        match json {
            Json::Plain(value) => list.push(value),
            Json::Array(items) => {
                fill_list(&mut list.insert_list(end).expect("the length is an index"), items);
            }
            Json::Object(entries) => {
                fill_map(&mut list.insert_map(end).expect("the length is an index"), entries);
            }
        }
    }
}

const fn kind_name(item: Item<'_>) -> &'static str {
    match item {
        Item::Value(_) => "value",
        Item::Counter(_) => "counter",
        Item::FloatCounter(_) => "float_counter",
        Item::Register(_) => "register",
        Item::Map(_) => "map",
        Item::Set(_) => "set",
        Item::List(_) => "list",
        Item::Text(_) => "text",
    }
}

/// An object or array that is being written.
struct Open<'a> {
    rest: Box<dyn Iterator<Item = (Option<Arc<str>>, Item<'a>)> + 'a>,
    begins: char,
    ends: char,
}

impl<'a> Open<'a> {
    fn object(entries: impl Iterator<Item = (Arc<str>, Item<'a>)> + 'a) -> Self {
        Self { rest: Box::new(entries.map(|(key, item)| (Some(key), item))), begins: '{', ends: '}' }
    }

    fn of_map(map: MapRef<'a>) -> Self {
        Self::object(map.iter().map(|(key, item)| (key.into(), item)))
    }

    fn array(items: impl Iterator<Item = Item<'a>> + 'a) -> Self {
        Self { rest: Box::new(items.map(|item| (None, item))), begins: '[', ends: ']' }
    }
}

/// Writes without recursion: others may have nested as deeply as they like.
fn write(outermost: Open<'_>, out: &mut String) {
    out.push(outermost.begins);
    let mut open = vec![outermost];
    while let Some(innermost) = open.last_mut() {
        let begins = innermost.begins;
        let Some((key, item)) = innermost.rest.next() else {
            out.push(innermost.ends);
            open.pop();
            continue;
        };
        // An opening bracket that is the last character was pushed as such: strings end in a quote.
        if !out.ends_with(begins) {
            out.push(',');
        }
        if let Some(key) = key {
            write_str(&key, out);
            out.push(':');
        }
        let nested = match item {
            Item::Value(value) => {
                write_value(value, out);
                continue;
            }
            Item::Counter(value) => {
                write_value(&Value::Int(value), out);
                continue;
            }
            Item::FloatCounter(value) => {
                write_value(&Value::Float(value), out);
                continue;
            }
            Item::Register(register) => {
                write_value(register.get().unwrap_or(&Value::Null), out);
                continue;
            }
            Item::Text(text) => {
                out.push('"');
                text.chunks(0..text.len()).for_each(|chunk| escape(chunk, out));
                out.push('"');
                continue;
            }
            Item::Map(map) => Open::of_map(map),
            Item::Set(set) => Open::array(set.iter().map(Item::Value)),
            Item::List(list) => Open::array(list.iter()),
        };
        out.push(nested.begins);
        open.push(nested);
    }
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => _ = write!(out, "{value}"),
        Value::Float(value) if value.is_finite() => _ = write!(out, "{value:?}"),
        Value::Float(_) => out.push_str("null"),
        Value::Str(value) => write_str(value, out),
        Value::Bytes(bytes) => {
            out.push_str("{\"$bytes\":\"");
            base64::encode(bytes, out);
            out.push_str("\"}");
        }
    }
}

fn write_str(string: &str, out: &mut String) {
    out.push('"');
    escape(string, out);
    out.push('"');
}

fn escape(string: &str, out: &mut String) {
    for char in string.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if char < ' ' => _ = write!(out, "\\u{:04x}", u32::from(char)),
            char => out.push(char),
        }
    }
}
