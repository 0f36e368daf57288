//! Documents and what is in them, as they are written to any format.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use super::{BYTES, DEEPEST, SerdeError};
use crate::doc::Doc;
use crate::json;
use crate::read::{Item, ListRef, MapRef, RegisterRef, SetRef, TextRef};
use crate::value::Value;

/// As all of a document, see [`Doc::to_json`].
impl Serialize for Doc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(json::named_roots(self).into_iter().map(|(key, item)| (key, Within(item, DEEPEST))))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Bytes(bytes) if serializer.is_human_readable() => {
                let mut text = String::new();
                json::encode_base64(bytes, &mut text);
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(BYTES, &text)?;
                map.end()
            }
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

/// An item, and how many levels may be nested in it. Others may have nested as deeply as they like.
struct Within<'a>(Item<'a>, usize);

impl Serialize for Within<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let below = || self.1.checked_sub(1).ok_or_else(|| S::Error::custom(SerdeError::TooDeep));
        match self.0 {
            Item::Value(value) => value.serialize(serializer),
            Item::Counter(value) => serializer.serialize_i64(value),
            Item::FloatCounter(value) => serializer.serialize_f64(value),
            Item::Register(register) => register.get().unwrap_or(&Value::Null).serialize(serializer),
            Item::Text(text) => serializer.collect_str(&text),
            Item::Set(set) => serializer.collect_seq(set.iter()),
            Item::Map(map) => {
                let below = below()?;
                serializer.collect_map(map.iter().map(|(key, item)| (key, Within(item, below))))
            }
            Item::List(list) => {
                let below = below()?;
                // Formats that need the length ahead get it.
                let items: Vec<_> = list.iter().map(|item| Within(item, below)).collect();
                serializer.collect_seq(items)
            }
        }
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Within(*self, DEEPEST).serialize(serializer)
    }
}

macro_rules! as_items {
    ($($name:ident $variant:ident),*) => {
        $(impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Item::$variant(*self).serialize(serializer)
            }
        })*
    };
}

as_items!(MapRef Map, ListRef List, SetRef Set, RegisterRef Register, TextRef Text);

/// A whole number that does not fit 64 bits is an error, and so are lists and maps, but for bytes as formats
/// for people have them.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainValue)
    }
}

struct PlainValue;

impl<'de> Visitor<'de> for PlainValue {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a plain value: null, a truth value, a number of 64 bits, text or bytes")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| E::custom(SerdeError::Number(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.visit_u128(value.into())
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| E::custom(SerdeError::Unsigned(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_byte_buf<E: de::Error>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let expected = || de::Error::invalid_type(de::Unexpected::Map, &Self);
        let Some((key, text)) = map.next_entry::<String, String>().map_err(|_| expected())? else {
            return Err(expected());
        };
        let bytes = json::decode_base64(&text).filter(|_| key == BYTES).ok_or_else(expected)?;
        if map.next_key::<String>()?.is_some() {
            return Err(expected());
        }
        Ok(bytes.into())
    }
}
