//! `conjoin-core` alone in wasm, to be weighed: a document with its counters, registers and maps, edited,
//! exchanged as deltas and as snapshots. Everything is exported, so nothing of it is optimised away.

use conjoin_core::{Delta, Doc, ReplicaId, Value, VersionVector};
use wasm_bindgen::prelude::wasm_bindgen;

/// A document as a page would use it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Shared {
    doc: Doc,
}

#[wasm_bindgen]
impl Shared {
    /// An empty document.
    #[wasm_bindgen(constructor)]
    pub fn new(replica: u64) -> Self {
        Self { doc: Doc::new(ReplicaId::new(replica)) }
    }

    /// Adds to a counter; gives the change, for others.
    pub fn add(&mut self, counter: &str, amount: i64) -> Vec<u8> {
        self.doc.transact(|tx| tx.counter(counter).add(amount)).delta.to_bytes()
    }

    /// The value of a counter.
    pub fn counter(&self, name: &str) -> i64 {
        self.doc.counter(name)
    }

    /// Sets a register; gives the change, for others.
    pub fn set(&mut self, register: &str, value: &str) -> Vec<u8> {
        self.doc.transact(|tx| tx.register(register).set(value)).delta.to_bytes()
    }

    /// The text in a register.
    pub fn register(&self, name: &str) -> Option<String> {
        self.doc.register(name).and_then(text)
    }

    /// Sets a key of a map; gives the change, for others.
    pub fn put(&mut self, map: &str, key: &str, value: &str) -> Vec<u8> {
        self.doc.transact(|tx| tx.map(map).set(key, value)).delta.to_bytes()
    }

    /// Removes a key of a map; gives the change, for others.
    pub fn remove(&mut self, map: &str, key: &str) -> Vec<u8> {
        self.doc.transact(|tx| tx.map(map).remove(key)).delta.to_bytes()
    }

    /// The text under a key of a map.
    pub fn get(&self, map: &str, key: &str) -> Option<String> {
        self.doc.map(map).get(key).and_then(text)
    }

    /// Takes in a change of another's; says whether it could be read and applied.
    pub fn apply(&mut self, delta: &[u8]) -> bool {
        Delta::from_bytes(delta).is_ok_and(|delta| self.doc.apply(&delta).is_ok())
    }

    /// All that somebody lacks who has seen `operations` of each of `replicas`; nothing if the history
    /// does not reach back that far.
    pub fn delta_since(&self, replicas: &[u64], operations: &[u64]) -> Option<Vec<u8>> {
        let seen: VersionVector = replicas
            .iter()
            .zip(operations)
            .map(|(&replica, &count)| (ReplicaId::new(replica), count))
            .collect();
        self.doc.delta_since(&seen).ok().map(|delta| delta.to_bytes())
    }

    /// The whole state.
    pub fn snapshot(&self) -> Vec<u8> {
        self.doc.snapshot()
    }

    /// Takes in another's whole state; says whether it could be read and merged.
    pub fn merge_snapshot(&mut self, snapshot: &[u8]) -> bool {
        self.doc.merge_snapshot(snapshot).is_ok()
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_string()),
        _ => None,
    }
}
