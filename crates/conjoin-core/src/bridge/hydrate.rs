//! What is in documents, read into types that are `Deserialize`.

use std::borrow::Cow;
use std::vec;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, Error, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{DEEPEST, SerdeError};
use crate::doc::Doc;
use crate::json;
use crate::read::{Item, ListRef, MapRef, RegisterRef, SetRef, TextRef};
use crate::value::Value;

impl Doc {
    /// All of the document as a value of any type that can be read from an object with each root under its
    /// name, as [`to_json`](Self::to_json) has them.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use conjoin_core::{Doc, ReplicaId};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Shop { name: String, prices: BTreeMap<String, u32> }
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.text("name").push("Ada's");
    ///     tx.map("prices").set("tea", 3);
    /// });
    /// let shop: Shop = doc.hydrate()?;
    /// assert_eq!((&*shop.name, shop.prices["tea"]), ("Ada's", 3));
    /// # Ok::<(), conjoin_core::SerdeError>(())
    /// ```
    ///
    /// # Errors
    /// If the type does not fit what is there.
    pub fn hydrate<'a, T: Deserialize<'a>>(&'a self) -> Result<T, SerdeError> {
        let roots =
            json::named_roots(self).into_iter().map(|(key, item)| (Key(key.into()), Node(item, DEEPEST)));
        T::deserialize(MapDeserializer::new(roots))
    }
}

impl Value {
    /// A value of any type that can be read from a plain value.
    ///
    /// ```
    /// use conjoin_core::{SerdeError, Value};
    ///
    /// assert_eq!(Value::from("tea").hydrate(), Ok("tea"));
    /// assert_eq!(Value::Null.hydrate::<Option<i64>>(), Ok(None));
    /// assert!(matches!(Value::Null.hydrate::<i64>(), Err(SerdeError::Custom(_))));
    /// ```
    ///
    /// # Errors
    /// If the type does not fit.
    pub fn hydrate<'a, T: Deserialize<'a>>(&'a self) -> Result<T, SerdeError> {
        Item::Value(self).hydrate()
    }
}

impl<'a> Item<'a> {
    /// A value of any type that can be read from what is here, and all that is nested in it.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.list("todo").push("tea");
    ///     tx.list("todo").insert_text(1).expect("it is the end").push("jam");
    /// });
    /// let items = doc.list("todo").iter().map(|item| item.hydrate::<String>());
    /// assert_eq!(items.collect::<Result<Vec<_>, _>>()?, ["tea", "jam"]);
    /// # Ok::<(), conjoin_core::SerdeError>(())
    /// ```
    ///
    /// # Errors
    /// If the type does not fit what is there.
    pub fn hydrate<T: Deserialize<'a>>(self) -> Result<T, SerdeError> {
        T::deserialize(Node(self, DEEPEST))
    }
}

macro_rules! hydrate {
    ($($(#[$example:meta])* $name:ident $variant:ident,)*) => {
        $(impl<'a> $name<'a> {
            /// A value of any type that can be read from what is here, and all that is nested in it.
            ///
            /// ```
            /// use conjoin_core::{Doc, ReplicaId, SerdeError};
            ///
            /// let mut doc = Doc::new(ReplicaId::new(1));
            $(#[$example])*
            /// # Ok::<(), SerdeError>(())
            /// ```
            ///
            /// # Errors
            /// If the type does not fit what is there.
            pub fn hydrate<T: Deserialize<'a>>(&self) -> Result<T, SerdeError> {
                Item::$variant(*self).hydrate()
            }
        })*
    };
}

hydrate!(
    /// # use std::collections::BTreeMap;
    /// let ages = BTreeMap::from([("Ada".to_owned(), 36), ("Bob".to_owned(), 41)]);
    /// doc.transact(|tx| tx.map("ages").reconcile(&ages).expect("its keys are text"));
    /// assert_eq!(doc.map("ages").hydrate::<BTreeMap<String, i64>>()?, ages);
    /// assert!(doc.map("ages").hydrate::<Vec<i64>>().is_err());
    MapRef Map,
    /// doc.transact(|tx| tx.list("todo").insert_all(0, ["tea", "jam"]).expect("it is the start"));
    /// assert_eq!(doc.list("todo").hydrate::<Vec<&str>>()?, ["tea", "jam"]);
    /// assert!(doc.list("todo").hydrate::<Vec<bool>>().is_err());
    ListRef List,
    /// # use std::collections::HashSet;
    /// doc.transact(|tx| tx.set("tags").insert("hot"));
    /// assert_eq!(doc.set("tags").hydrate::<HashSet<&str>>()?, HashSet::from(["hot"]));
    /// assert!(doc.set("tags").hydrate::<HashSet<u8>>().is_err());
    SetRef Set,
    /// doc.transact(|tx| tx.map("card").register("price").set(3));
    /// let price = doc.map("card").register("price");
    /// assert_eq!(price.hydrate::<u32>()?, 3);
    /// assert!(price.hydrate::<String>().is_err());
    RegisterRef Register,
    /// doc.transact(|tx| tx.text("title").push("Tea"));
    /// assert_eq!(doc.text("title").hydrate::<String>()?, "Tea");
    /// assert!(doc.text("title").hydrate::<char>().is_err());
    TextRef Text,
);

/// What is read, and how many levels may be nested in it. Others may have nested as deeply as they like.
#[derive(Clone, Copy)]
struct Node<'a>(Item<'a>, usize);

impl<'a> Node<'a> {
    fn below(self, item: Item<'a>) -> Self {
        Self(item, self.1.wrapping_sub(1))
    }

    /// As plain as it gets.
    fn plain(self) -> Item<'a> {
        match self.0 {
            Item::Register(register) => Item::Value(register.get().unwrap_or(&Value::Null)),
            item => item,
        }
    }

    fn entries(self, map: MapRef<'a>) -> vec::IntoIter<(Key<'a>, Self)> {
        map.iter().map(|(key, item)| (Key(key.into()), self.below(item))).collect::<Vec<_>>().into_iter()
    }

    fn items(self, items: impl Iterator<Item = Item<'a>>) -> vec::IntoIter<Self> {
        items.map(|item| self.below(item)).collect::<Vec<_>>().into_iter()
    }
}

impl<'a> IntoDeserializer<'a, SerdeError> for Node<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'a> de::Deserializer<'a> for Node<'a> {
    type Error = SerdeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        if self.1 == 0 && matches!(self.0, Item::Map(_) | Item::List(_) | Item::Set(_)) {
            return Err(SerdeError::TooDeep);
        }
        match self.plain() {
            Item::Value(Value::Null) => visitor.visit_unit(),
            Item::Value(Value::Bool(value)) => visitor.visit_bool(*value),
            Item::Value(Value::Int(value)) => visitor.visit_i64(*value),
            Item::Value(Value::Float(value)) => visitor.visit_f64(*value),
            Item::Value(Value::Str(value)) => visitor.visit_borrowed_str(value),
            Item::Value(Value::Bytes(value)) => visitor.visit_borrowed_bytes(value),
            Item::Counter(value) => visitor.visit_i64(value),
            Item::FloatCounter(value) => visitor.visit_f64(value),
            Item::Text(text) => visitor.visit_string(text.to_string()),
            Item::Map(map) => visitor.visit_map(MapDeserializer::new(self.entries(map))),
            Item::List(list) => visitor.visit_seq(SeqDeserializer::new(self.items(list.iter()))),
            Item::Set(set) => {
                visitor.visit_seq(SeqDeserializer::new(self.items(set.iter().map(Item::Value))))
            }
            Item::Register(_) => unreachable!("it was made a plain value"),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self.plain() {
            Item::Value(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        match self.plain() {
            Item::Value(Value::Str(name)) => visitor.visit_enum((**name).into_deserializer()),
            Item::Text(text) => visitor.visit_enum(text.to_string().into_deserializer()),
            Item::Map(map) => {
                let mut entries = self.entries(map);
                match (entries.next(), entries.next()) {
                    (Some((name, content)), None) => visitor.visit_enum(Variant { name, content }),
                    _ => Err(SerdeError::custom("a variant is a map with its name as the only key")),
                }
            }
            _ => Err(SerdeError::custom("a variant is its name, or a map of its name to its content")),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The key of a map: numbers and truth values are read from the text that they were made.
struct Key<'a>(Cow<'a, str>);

impl<'a> IntoDeserializer<'a, SerdeError> for Key<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident),*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, SerdeError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'a> de::Deserializer<'a> for Key<'a> {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self.0 {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    parsed!(
        deserialize_bool visit_bool,
        deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32, deserialize_i64 visit_i64,
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64
    );

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant with content.
struct Variant<'a> {
    name: Key<'a>,
    content: Node<'a>,
}

impl<'a> EnumAccess<'a> for Variant<'a> {
    type Error = SerdeError;
    type Variant = Node<'a>;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Node<'a>), SerdeError> {
        Ok((seed.deserialize(self.name)?, self.content))
    }
}

impl<'a> VariantAccess<'a> for Node<'a> {
    type Error = SerdeError;

    fn unit_variant(self) -> Result<(), SerdeError> {
        Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, SerdeError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _len: usize, visitor: V) -> Result<V::Value, SerdeError> {
        de::Deserializer::deserialize_any(self, visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        de::Deserializer::deserialize_any(self, visitor)
    }
}
