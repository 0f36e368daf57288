//! What a `Serialize` type holds, as a tree of what documents hold.

use serde::ser::{self, Serialize};

use super::{DEEPEST, SerdeError};
use crate::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Value(Value),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Tree {
    pub(super) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, SerdeError> {
        value.serialize(Grower { left: DEEPEST })
    }
}

/// Makes trees of so many levels.
#[derive(Clone, Copy)]
struct Grower {
    left: usize,
}

impl Grower {
    fn below(self) -> Result<Self, SerdeError> {
        Ok(Self { left: self.left.checked_sub(1).ok_or(SerdeError::TooDeep)? })
    }

    fn branch(self, variant: Option<&str>) -> Result<Branch, SerdeError> {
        let inner = if variant.is_some() { self.below()? } else { self };
        Ok(Branch {
            grower: inner.below()?,
            variant: variant.map(ToOwned::to_owned),
            items: Vec::new(),
            entries: Vec::new(),
            key: String::new(),
        })
    }
}

/// A list or map that is growing, by itself or as the content of a variant.
struct Branch {
    grower: Grower,
    variant: Option<String>,
    items: Vec<Tree>,
    entries: Vec<(String, Tree)>,
    key: String,
}

impl Branch {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        self.items.push(value.serialize(self.grower)?);
        Ok(())
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), SerdeError> {
        let value = value.serialize(self.grower)?;
        match self.entries.iter_mut().find(|entry| entry.0 == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key.to_owned(), value)),
        }
        Ok(())
    }

    fn within(self, tree: Tree) -> Tree {
        match self.variant {
            Some(variant) => Tree::Map(vec![(variant, tree)]),
            None => tree,
        }
    }

    fn list(mut self) -> Tree {
        let items = std::mem::take(&mut self.items);
        self.within(Tree::List(items))
    }

    fn map(mut self) -> Tree {
        let entries = std::mem::take(&mut self.entries);
        self.within(Tree::Map(entries))
    }
}

const fn plain(value: Value) -> Result<Tree, SerdeError> {
    Ok(Tree::Value(value))
}

macro_rules! whole {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, value: $type) -> Result<Tree, SerdeError> {
            plain(Value::Int(i64::from(value)))
        })*
    };
}

impl ser::Serializer for Grower {
    type Ok = Tree;
    type Error = SerdeError;
    type SerializeSeq = Branch;
    type SerializeTuple = Branch;
    type SerializeTupleStruct = Branch;
    type SerializeTupleVariant = Branch;
    type SerializeMap = Branch;
    type SerializeStruct = Branch;
    type SerializeStructVariant = Branch;

    /// What goes into a document is for documents, not for people.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<Tree, SerdeError> {
        plain(Value::Bool(value))
    }

    whole!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64);
    whole!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32);

    fn serialize_u64(self, value: u64) -> Result<Tree, SerdeError> {
        self.serialize_u128(value.into())
    }

    fn serialize_i128(self, value: i128) -> Result<Tree, SerdeError> {
        i64::try_from(value).map_err(|_| SerdeError::Number(value)).and_then(|value| plain(Value::Int(value)))
    }

    fn serialize_u128(self, value: u128) -> Result<Tree, SerdeError> {
        i64::try_from(value)
            .map_err(|_| SerdeError::Unsigned(value))
            .and_then(|value| plain(Value::Int(value)))
    }

    fn serialize_f32(self, value: f32) -> Result<Tree, SerdeError> {
        plain(Value::Float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<Tree, SerdeError> {
        plain(Value::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<Tree, SerdeError> {
        plain(Value::Str(value.into()))
    }

    fn serialize_str(self, value: &str) -> Result<Tree, SerdeError> {
        plain(value.into())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Tree, SerdeError> {
        plain(value.into())
    }

    fn serialize_none(self) -> Result<Tree, SerdeError> {
        plain(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Tree, SerdeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Tree, SerdeError> {
        plain(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Tree, SerdeError> {
        plain(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Tree, SerdeError> {
        plain(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Tree, SerdeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Tree, SerdeError> {
        Ok(Tree::Map(vec![(variant.to_owned(), value.serialize(self.below()?)?)]))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Branch, SerdeError> {
        self.branch(None)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Branch, SerdeError> {
        self.branch(None)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Branch, SerdeError> {
        self.branch(None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Branch, SerdeError> {
        self.branch(Some(variant))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Branch, SerdeError> {
        self.branch(None)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Branch, SerdeError> {
        self.branch(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Branch, SerdeError> {
        self.branch(Some(variant))
    }
}

macro_rules! lists {
    ($($trait:ident $method:ident),*) => {
        $(impl ser::$trait for Branch {
            type Ok = Tree;
            type Error = SerdeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
                self.item(value)
            }

            fn end(self) -> Result<Tree, SerdeError> {
                Ok(self.list())
            }
        })*
    };
}

lists!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! structs {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Branch {
            type Ok = Tree;
            type Error = SerdeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), SerdeError> {
                self.entry(key, value)
            }

            fn end(self) -> Result<Tree, SerdeError> {
                Ok(self.map())
            }
        })*
    };
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Branch {
    type Ok = Tree;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        self.key = match key.serialize(Grower { left: 1 })? {
            Tree::Value(Value::Str(key)) => key,
            Tree::Value(Value::Int(key)) => key.to_string(),
            Tree::Value(Value::Bool(key)) => key.to_string(),
            _ => return Err(SerdeError::Key),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let key = std::mem::take(&mut self.key);
        self.entry(&key, value)
    }

    fn end(self) -> Result<Tree, SerdeError> {
        Ok(self.map())
    }
}
