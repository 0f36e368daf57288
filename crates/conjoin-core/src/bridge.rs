//! Documents and one's own types, by serde (feature `serde`).
//!
//! `reconcile` makes a map, list or register hold what a value of any type that is `Serialize` holds, by the
//! edits that this takes and no more, so that what others edit at the same time elsewhere in it stays.
//! `hydrate` reads any of them into any type that is `Deserialize`. Documents and all in them are `Serialize`
//! themselves.
//!
//! | In Rust | In the document |
//! | --- | --- |
//! | struct, map | map; keys that are whole numbers, characters or truth values become text |
//! | sequence, tuple | list, or the set that is there |
//! | string, character, name of a variant | text, or a plain value |
//! | whole number, float, truth value | plain value, or the counter that is there |
//! | bytes | plain value |
//! | `None`, `()` | null |
//! | variant with content | map of its name to the content |
//!
//! - A whole number past the range of 64 bits with sign is an error, both ways: it is not rounded.
//! - Floats that are infinite or not a number are kept; as JSON, which has none, they are `null`.
//! - Bytes are bytes (`serde_bytes` gives and takes them; a `Vec<u8>` of its own is a list of numbers). In
//!   formats for people they are `{"$bytes": "…"}` in base64, as in [`Doc::to_json`](crate::Doc::to_json).
//! - More than 128 levels of nesting are an error, both ways.

use std::fmt::Display;

mod hydrate;
mod reconcile;
mod serialize;
mod tree;

/// So deep values may be nested.
const DEEPEST: usize = 128;

/// The key of bytes in formats for people.
const BYTES: &str = "$bytes";

/// Why a value cannot be put into a document, or be read from it.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, SerdeError, Value};
///
/// assert_eq!(Value::from(300).hydrate::<u16>(), Ok(300));
/// assert!(matches!(Value::from(300).hydrate::<u8>(), Err(SerdeError::Custom(_))));
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut count = tx.register("count");
///     assert_eq!(count.reconcile(&u64::MAX), Err(SerdeError::Unsigned(u64::MAX.into())));
///     assert_eq!(count.reconcile(&[1, 2]), Err(SerdeError::WrongKind("a register")));
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerdeError {
    /// The type says so: a field is missing, or something is not what was expected.
    #[error("{0}")]
    Custom(String),
    /// A whole number does not fit 64 bits with sign.
    #[error("{0} is past the range of 64 bits with sign")]
    Number(i128),
    /// A whole number does not fit 64 bits with sign.
    #[error("{0} is past the range of 64 bits with sign")]
    Unsigned(u128),
    /// The key of a map is neither text nor a whole number, character or truth value.
    #[error("the key of a map must be text, a whole number, a character or a truth value")]
    Key,
    /// It is nested too deeply.
    #[error("nested more than {DEEPEST} levels deep")]
    TooDeep,
    /// A map is made of a struct or map alone, a list of a sequence, a register of a plain value.
    #[error("{0} cannot be made of that")]
    WrongKind(&'static str),
}

impl serde::ser::Error for SerdeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

impl serde::de::Error for SerdeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}
