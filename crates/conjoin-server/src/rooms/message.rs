//! Reading what a client sends, no deeper than the server needs.
//!
//! Only the fields that steer the server are looked at, and borrowed; an SDP of several KiB is
//! skipped over, never unescaped. A relayed message is the sender's own text with the value of
//! `fromPeerId` replaced, so fields this server does not know pass through as they are.

use std::borrow::Cow;
use std::fmt;

use conjoin_signaling::{MAX_ID, MAX_NAME};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A client's message.
#[derive(Debug, PartialEq)]
pub(super) enum Message<'a> {
    Join {
        room: Cow<'a, str>,
        peer: Cow<'a, str>,
        name: Option<Cow<'a, str>>,
        token: Option<Cow<'a, str>>,
    },
    Leave {
        room: Cow<'a, str>,
        peer: Cow<'a, str>,
    },
    Relay(Relay<'a>),
    /// Of a type this server does not know.
    Unknown,
}

/// An offer, an answer or a candidate.
#[derive(Debug, PartialEq)]
pub(super) struct Relay<'a> {
    pub(super) to: Cow<'a, str>,
    text: &'a str,
    /// The value of `fromPeerId` as JSON, a part of `text`.
    from: Option<&'a str>,
}

/// Why a message could not be read, for the one who sent it.
#[derive(Debug, PartialEq)]
pub(super) struct Invalid(pub(super) Cow<'static, str>);

impl Invalid {
    /// The words of the Cliffy dialect.
    pub(super) const FORMAT: Self = Self(Cow::Borrowed("Invalid message format"));
}

impl<'a> Message<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Invalid> {
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|_| Invalid::FORMAT)?;
        let kind = fields.kind.and_then(string).ok_or(Invalid(Cow::Borrowed("type is missing")))?;
        Ok(match &*kind {
            "offer" | "answer" | "ice-candidate" => Self::Relay(Relay {
                to: id(fields.to, "toPeerId")?,
                text,
                from: fields.from.map(RawValue::get),
            }),
            "join" => Self::Join {
                room: id(fields.room, "roomId")?,
                peer: id(fields.peer, "peerId")?,
                name: name(fields.name)?,
                token: fields.token.and_then(string),
            },
            "leave" => Self::Leave { room: id(fields.room, "roomId")?, peer: id(fields.peer, "peerId")? },
            _ => Self::Unknown,
        })
    }
}

impl Relay<'_> {
    /// The text to send on: the sender's, but with its real id.
    pub(super) fn signed(&self, sender: &str) -> String {
        let id = serde_json::to_string(sender).expect("a string always has a JSON form");
        match self.from {
            Some(from) if from == id => self.text.to_owned(),
            Some(from) => {
                let start = from.as_ptr().addr() - self.text.as_ptr().addr();
                [&self.text[..start], &id, &self.text[start + from.len()..]].concat()
            }
            None => {
                let brace = self.text.find('{').expect("the text was read as an object");
                // `toPeerId` follows at least, so the comma is never the last thing.
                [&self.text[..=brace], "\"fromPeerId\":", &id, ",", &self.text[brace + 1..]].concat()
            }
        }
    }
}

/// The characters of a JSON string, or `None` if it is something else.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

fn id<'a>(raw: Option<&'a RawValue>, field: &str) -> Result<Cow<'a, str>, Invalid> {
    let id = raw.and_then(string).filter(|id| !id.is_empty() && id.len() <= MAX_ID && is_plain(id));
    id.ok_or_else(|| {
        Invalid(format!("{field} must be 1 to {MAX_ID} bytes of text without control characters").into())
    })
}

fn name(raw: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, Invalid> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(None) };
    let name = string(raw).filter(|name| name.len() <= MAX_NAME && is_plain(name)).ok_or_else(|| {
        Invalid(
            format!("peerName must be at most {MAX_NAME} bytes of text without control characters").into(),
        )
    })?;
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// Control characters are six bytes each in JSON, so a few ids full of them would make the list
/// of a room larger than clients take.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_control())
}

/// The fields that steer the server, as JSON.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a RawValue>,
    from: Option<&'a RawValue>,
    to: Option<&'a RawValue>,
    room: Option<&'a RawValue>,
    peer: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    token: Option<&'a RawValue>,
}

enum Key {
    Kind,
    From,
    To,
    Room,
    Peer,
    Name,
    Token,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "type" => Key::Kind,
                    "fromPeerId" => Key::From,
                    "toPeerId" => Key::To,
                    "roomId" => Key::Room,
                    "peerId" => Key::Peer,
                    "peerName" => Key::Name,
                    "resumeToken" => Key::Token,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<Key>()? {
                    let field = match key {
                        Key::Kind => &mut fields.kind,
                        Key::From => &mut fields.from,
                        Key::To => &mut fields.to,
                        Key::Room => &mut fields.room,
                        Key::Peer => &mut fields.peer,
                        Key::Name => &mut fields.name,
                        Key::Token => &mut fields.token,
                        Key::Other => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    // Readers differ in which of two equal keys they believe: with two, the
                    // receiver could see another sender than the one that was checked.
                    if field.replace(map.next_value()?).is_some() {
                        return Err(A::Error::custom("a key comes twice"));
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(text: &str) -> Relay<'_> {
        match Message::read(text) {
            Ok(Message::Relay(relay)) => relay,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_sender_is_overwritten_and_all_else_stays() {
        let text = r#" { "type":"offer", "fromPeerId" : "forged", "toPeerId":"b","sdp":"{\"a\":1}","connection":"7","x":[1,{"y":null}]}"#;
        assert_eq!(relay(text).to, "b");
        assert_eq!(relay(text).signed("a\"b"), text.replace(r#""forged""#, r#""a\"b""#));
        assert_eq!(relay(text).signed("forged"), text);
    }

    #[test]
    fn a_sender_of_any_type_or_none_is_overwritten() {
        for from in [r#""fromPeerId":null,"#, r#""fromPeerId":{"a":["}"]},"#, r#""\u0066romPeerId":1,"#, ""] {
            let text = format!(r#"{{"type":"answer",{from}"toPeerId":"b","sdp":"s"}}"#);
            let signed = relay(&text).signed("a");
            let signed: serde_json::Value = serde_json::from_str(&signed).unwrap();
            assert_eq!(
                signed,
                serde_json::json!({"type": "answer", "fromPeerId": "a", "toPeerId": "b", "sdp": "s"}),
                "{text}"
            );
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_however_it_is_spelled() {
        for twice in [
            r#"{"type":"offer","fromPeerId":"a","fromPeerId":"b","toPeerId":"c"}"#,
            r#"{"type":"offer","toPeerId":"a","to\u0050eerId":"b"}"#,
            r#"{"type":"offer","type":"join","toPeerId":"a"}"#,
        ] {
            assert_eq!(Message::read(twice), Err(Invalid::FORMAT), "{twice}");
        }
    }

    #[test]
    fn escapes_are_understood() {
        let text = r#"{"\u0074ype":"o\u0066fer","toPeerId":"\u00fc\n"}"#;
        assert!(matches!(Message::read(text), Err(Invalid(_))), "a control character");
        assert_eq!(relay(r#"{"\u0074ype":"o\u0066fer","toPeerId":"\u00fc"}"#).to, "ü");
    }

    #[test]
    fn a_join_is_read() {
        let text = r#"{"type":"join","roomId":"r","peerId":"p","peerName":"Ann \"A\"","resumeToken":"t"}"#;
        let join = Message::Join {
            room: "r".into(),
            peer: "p".into(),
            name: Some("Ann \"A\"".into()),
            token: Some("t".into()),
        };
        assert_eq!(Message::read(text), Ok(join));
        let nameless = r#"{"type":"join","roomId":"r","peerId":"p","peerName":null}"#;
        assert!(matches!(Message::read(nameless), Ok(Message::Join { name: None, token: None, .. })));
    }

    #[test]
    fn unknown_types_are_known_to_be_unknown_whatever_their_fields() {
        for text in [r#"{"type":"news","roomId":5}"#, r#"{"roomId":[],"type":""}"#] {
            assert_eq!(Message::read(text), Ok(Message::Unknown), "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in
            ["", "{", "[]", "5", "null", r#"["join","r","p"]"#, "{} {}", "\u{feff}{}", r#"{"type":"offer""#]
        {
            assert_eq!(Message::read(text), Err(Invalid::FORMAT), "{text}");
        }
        let long = "x".repeat(MAX_ID + 1);
        for text in [
            "{}".to_owned(),
            r#"{"type":5}"#.to_owned(),
            r#"{"type":"join","roomId":"r"}"#.to_owned(),
            r#"{"type":"join","roomId":"","peerId":"p"}"#.to_owned(),
            r#"{"type":"offer","toPeerId":7}"#.to_owned(),
            format!(r#"{{"type":"leave","roomId":"r","peerId":"{long}"}}"#),
            format!(r#"{{"type":"join","roomId":"r","peerId":"p","peerName":"{long}{long}"}}"#),
        ] {
            assert!(Message::read(&text).is_err(), "{text}");
        }
    }
}
