//! Values as JSON, in the way of `Doc::to_json`, with nothing in it that a terminal obeys; and cut off where
//! there is no room for more.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conjoin::{Item, Kind, Value};

use super::safe::Charset;

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) charset: Charset,
    /// So many bytes at most, and a few.
    pub(crate) limit: usize,
}

impl Style {
    /// All of a value.
    pub(crate) const WHOLE: Self = Self { charset: Charset::Unicode, limit: usize::MAX };

    /// A value of a document.
    pub(crate) fn item(self, item: Item<'_>) -> String {
        let mut writer = Writer { style: self, out: String::new(), cut: false };
        writer.nested(item);
        if writer.cut {
            writer.out.push_str(if self.charset == Charset::Unicode { "…" } else { "..." });
        }
        writer.out
    }

    /// A plain value.
    pub(crate) fn value(self, value: &Value) -> String {
        self.item(Item::Value(value))
    }
}

/// What a kind is called.
pub(crate) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::FloatCounter => "float_counter",
        Kind::Register => "register",
        Kind::Map => "map",
        Kind::Set => "set",
        Kind::List => "list",
        Kind::Text => "text",
    }
}

/// An object or array that is being written.
struct Open<'a> {
    rest: Box<dyn Iterator<Item = (Option<&'a str>, Item<'a>)> + 'a>,
    first: bool,
    ends: char,
}

struct Writer {
    style: Style,
    out: String,
    /// Something was left out.
    cut: bool,
}

impl Writer {
    /// Without recursion: others may have nested as deeply as they like.
    fn nested<'a>(&mut self, item: Item<'a>) {
        let mut open: Vec<Open<'a>> = self.open(item).into_iter().collect();
        while let Some(innermost) = open.last_mut() {
            if self.full() {
                return;
            }
            let Some((key, item)) = innermost.rest.next() else {
                self.out.push(innermost.ends);
                open.pop();
                continue;
            };
            if !std::mem::take(&mut innermost.first) {
                self.out.push(',');
            }
            if let Some(key) = key {
                self.string([key].into_iter());
                self.out.push(':');
            }
            open.extend(self.open(item));
        }
    }

    /// Writes what is no object or array, and begins what is.
    fn open<'a>(&mut self, item: Item<'a>) -> Option<Open<'a>> {
        let (rest, begins, ends): (Box<dyn Iterator<Item = _>>, _, _) = match item {
            Item::Map(map) => (Box::new(map.iter().map(|(key, item)| (Some(key), item))), '{', '}'),
            Item::List(list) => (Box::new(list.iter().map(|item| (None, item))), '[', ']'),
            Item::Set(set) => (Box::new(set.iter().map(|value| (None, Item::Value(value)))), '[', ']'),
            Item::Text(text) => {
                self.string(text.chunks(0..text.len()));
                return None;
            }
            Item::Value(value) => return self.value(value),
            Item::Counter(value) => return self.value(&Value::Int(value)),
            Item::FloatCounter(value) => return self.value(&Value::Float(value)),
            Item::Register(register) => return self.value(register.get().unwrap_or(&Value::Null)),
            _ => return self.value(&Value::Null),
        };
        self.out.push(begins);
        Some(Open { rest, first: true, ends })
    }

    fn value<'a>(&mut self, value: &Value) -> Option<Open<'a>> {
        match value {
            Value::Bool(value) => _ = write!(self.out, "{value}"),
            Value::Int(value) => _ = write!(self.out, "{value}"),
            Value::Float(value) if value.is_finite() => _ = write!(self.out, "{value:?}"),
            Value::Null | Value::Float(_) => self.out.push_str("null"),
            Value::Str(value) => self.string([value.as_str()].into_iter()),
            Value::Bytes(bytes) => {
                self.out.push_str("{\"$bytes\":\"");
                // Of bytes, what there is room for: three are four characters.
                let room = (self.style.limit - self.out.len().min(self.style.limit)).saturating_add(4) / 4;
                let shown = &bytes[..bytes.len().min(room.saturating_mul(3))];
                STANDARD.encode_string(shown, &mut self.out);
                self.cut |= shown.len() < bytes.len();
                self.out.push_str(if self.cut { "" } else { "\"}" });
            }
        }
        None
    }

    fn string<'a>(&mut self, chunks: impl Iterator<Item = &'a str>) {
        self.out.push('"');
        for char in chunks.flat_map(str::chars) {
            if self.full() {
                return;
            }
            self.style.charset.escape(char, &mut self.out);
        }
        self.out.push('"');
    }

    fn full(&mut self) -> bool {
        self.cut |= self.out.len() >= self.style.limit;
        self.cut
    }
}

/// An object that is built member by member, in the order in which they are given.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from('{'))
    }

    /// With JSON as it is.
    pub(crate) fn json(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        _ = write!(self.0, "{}:{json}", Charset::Unicode.quote(key));
        self
    }

    pub(crate) fn text(self, key: &str, text: &str) -> Self {
        self.json(key, &Charset::Unicode.quote(text))
    }

    pub(crate) fn build(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// An array of JSON.
pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
    let mut out = String::from('[');
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use conjoin::{MapMut, Room, Session};

    use super::*;

    fn room() -> Room {
        let room = Room::new(Session { server: "ws://localhost".into(), room: "r".into(), name: None });
        room.transact(|tx| {
            tx.map("plan").set("ti\u{1b}tle", "a\u{9b}b");
            tx.map("plan").list("todo").push(1.5);
            tx.map("plan").text("notes").push("Hi \u{202e}");
            tx.register("bytes").set(vec![1u8, 2, 3]);
            tx.set("tags").insert(true);
        });
        room
    }

    #[test]
    fn values_are_written_as_documents_write_them_but_for_escapes() {
        room().read(|doc| {
            let map = Style::WHOLE.item(Item::Map(doc.map("plan")));
            assert_eq!(map, r#"{"notes":"Hi \u202e","ti\u001btle":"a\u009bb","todo":[1.5]}"#);
            let read: serde_json::Value = serde_json::from_str(&map).unwrap();
            assert_eq!(read["notes"], "Hi \u{202e}");
            assert_eq!(Style::WHOLE.value(doc.register("bytes").unwrap()), r#"{"$bytes":"AQID"}"#);
            assert_eq!(Style::WHOLE.item(Item::Set(doc.set("tags"))), "[true]");
        });
    }

    #[test]
    fn what_is_long_is_cut_off() {
        let style = Style { charset: Charset::Ascii, limit: 8 };
        assert_eq!(style.value(&"abcdefgh".into()), "\"abcdefg...");
        assert_eq!(style.value(&"abcdef".into()), "\"abcdef\"");
        assert_eq!(style.value(&vec![0u8; 100_000].into()).len(), "{\"$bytes\":\"AAAA...".len());
        room().read(|doc| assert_eq!(style.item(Item::Map(doc.map("plan"))), "{\"notes\":\"..."));
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        fn nest(map: &mut MapMut<'_, '_>, depth: usize) {
            map.set("depth", i64::try_from(depth).unwrap());
            if depth > 0 {
                nest(&mut map.map("in"), depth - 1);
            }
        }
        let room = room();
        room.transact(|tx| nest(&mut tx.map("deep"), 1_000));
        let json = room.read(|doc| Style::WHOLE.item(Item::Map(doc.map("deep"))));
        assert!(json.ends_with(&"}".repeat(1_001)));
    }
}
