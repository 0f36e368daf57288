//! Handles to the named values of a room's document.

use std::collections::BTreeMap;
use std::sync::Arc;

use conjoin_core::behavior::Behavior;
use conjoin_core::{NotFinite, Value};

use crate::Room;

/// A whole number that everyone adds to; concurrent and offline additions all count.
///
/// Made by [`Room::counter`]. It wraps around at the ends of `i64`.
#[derive(Debug, Clone)]
pub struct Counter {
    room: Room,
    name: Arc<str>,
}

impl Counter {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into() }
    }

    /// Adds 1, in a transaction of its own.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Takes 1 away, in a transaction of its own.
    pub fn decrement(&self) {
        self.add(-1);
    }

    /// Adds `amount`, in a transaction of its own.
    pub fn add(&self, amount: i64) {
        self.room.transact(|tx| tx.counter(&self.name).add(amount));
    }

    /// The value now; 0 if nobody has added anything.
    pub fn get(&self) -> i64 {
        self.room.engine().read(|doc| doc.counter(&self.name))
    }

    /// The value over time.
    pub fn watch(&self) -> Behavior<i64> {
        self.room.engine().watch_counter(&self.name)
    }
}

/// A fractional number that everyone adds to; the sum is the same everywhere, to the last bit.
///
/// Made by [`Room::float_counter`].
#[derive(Debug, Clone)]
pub struct FloatCounter {
    room: Room,
    name: Arc<str>,
}

impl FloatCounter {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into() }
    }

    /// Adds `amount`, in a transaction of its own.
    ///
    /// # Errors
    /// If `amount` is infinite or not a number; nothing is added then.
    pub fn add(&self, amount: f64) -> Result<(), NotFinite> {
        self.room.transact(|tx| tx.float_counter(&self.name).add(amount))
    }

    /// The value now; 0 if nobody has added anything.
    pub fn get(&self) -> f64 {
        self.room.engine().read(|doc| doc.float_counter(&self.name))
    }

    /// The value over time.
    pub fn watch(&self) -> Behavior<f64> {
        self.room.engine().watch_float_counter(&self.name)
    }
}

/// One value; of concurrent writes, the same one wins everywhere.
///
/// Made by [`Room::register`].
#[derive(Debug, Clone)]
pub struct Register {
    room: Room,
    name: Arc<str>,
}

impl Register {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into() }
    }

    /// Writes `value`, in a transaction of its own.
    pub fn set(&self, value: impl Into<Value>) {
        let value = value.into();
        self.room.transact(|tx| tx.register(&self.name).set(value));
    }

    /// The value now; `None` if nobody has written any.
    pub fn get(&self) -> Option<Value> {
        self.room.engine().read(|doc| doc.register(&self.name).cloned())
    }

    /// The value over time.
    pub fn watch(&self) -> Behavior<Option<Value>> {
        self.room.engine().watch_register(&self.name)
    }
}

/// A register for each key.
///
/// Made by [`Room::map`].
#[derive(Debug, Clone)]
pub struct Map {
    room: Room,
    name: Arc<str>,
}

impl Map {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into() }
    }

    /// Writes `value` under `key`, in a transaction of its own.
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        self.room.transact(|tx| tx.map(&self.name).set(key, value));
    }

    /// Removes `key`, in a transaction of its own.
    pub fn remove(&self, key: &str) {
        self.room.transact(|tx| tx.map(&self.name).remove(key));
    }

    /// The value under `key` now.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.room.engine().read(|doc| doc.map(&self.name).get(key).cloned())
    }

    /// How many keys have a value now.
    pub fn len(&self) -> usize {
        self.room.engine().read(|doc| doc.map(&self.name).len())
    }

    /// Whether no key has a value now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys and values now.
    pub fn entries(&self) -> BTreeMap<String, Value> {
        self.room.engine().read(|doc| crate::observed::entries(doc, &self.name))
    }

    /// All keys and values over time. Each change copies the map; for a large one, watch the
    /// keys that are on the screen with [`watch_key`](Self::watch_key).
    pub fn watch(&self) -> Behavior<BTreeMap<String, Value>> {
        self.room.engine().watch_map(&self.name)
    }

    /// The value under `key` over time.
    pub fn watch_key(&self, key: &str) -> Behavior<Option<Value>> {
        self.room.engine().watch_key(&self.name, key)
    }
}
