//! `conjoin-core` alone in wasm, to be weighed: a document with all kinds of values, edited, exchanged as
//! deltas and as snapshots, and told of by patches. Everything is exported, so nothing of it is optimised
//! away.

use std::time::Duration;

use conjoin_core::{
    Changed, Commit, Cursor, Delta, Diff, Doc, Expand, ListStep, ReplicaId, Side, TextRef, TextStep,
    Transaction, UndoManager, Value, VersionVector,
};
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// A document as a page would use it. Indexes of texts count as the page does, in UTF-16.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Shared {
    doc: Doc,
    /// What the last edit or delta changed.
    changed: Changed,
    undo: UndoManager,
}

#[wasm_bindgen]
impl Shared {
    /// An empty document.
    #[wasm_bindgen(constructor)]
    pub fn new(replica: u64) -> Self {
        Self { doc: Doc::new(ReplicaId::new(replica)), changed: Changed::default(), undo: UndoManager::new() }
    }

    /// Adds to a counter; gives the change, for others.
    pub fn add(&mut self, counter: &str, amount: i64) -> Option<Vec<u8>> {
        self.edit(&mut |tx| {
            tx.counter(counter).add(amount);
            true
        })
    }

    /// Adds to a floating-point counter; gives the change, for others, or nothing if it is not finite.
    pub fn add_float(&mut self, counter: &str, amount: f64) -> Option<Vec<u8>> {
        self.edit(&mut |tx| tx.float_counter(counter).add(amount).is_ok())
    }

    /// The value of a counter.
    pub fn counter(&self, name: &str) -> i64 {
        self.doc.counter(name)
    }

    /// The value of a floating-point counter.
    pub fn float_counter(&self, name: &str) -> f64 {
        self.doc.float_counter(name)
    }

    /// Sets a register; gives the change, for others.
    pub fn set(&mut self, register: &str, value: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| {
            tx.register(register).set(value);
            true
        })
    }

    /// The text in a register.
    pub fn register(&self, name: &str) -> Option<String> {
        self.doc.register(name).and_then(text)
    }

    /// All texts that were written to a register at the same time.
    pub fn register_all(&self, name: &str) -> Vec<String> {
        texts(&mut self.doc.register_all(name))
    }

    /// Sets a key of a map; gives the change, for others.
    pub fn put(&mut self, map: &str, key: &str, value: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| {
            tx.map(map).set(key, value);
            true
        })
    }

    /// Removes a key of a map; gives the change, for others.
    pub fn remove(&mut self, map: &str, key: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| {
            tx.map(map).remove(key);
            true
        })
    }

    /// The text under a key of a map.
    pub fn get(&self, map: &str, key: &str) -> Option<String> {
        self.doc.map(map).get(key).and_then(text)
    }

    /// Appends to a list under a key of a map; gives the change, for others.
    pub fn push_under(&mut self, map: &str, key: &str, value: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| {
            tx.map(map).list(key).push(value);
            true
        })
    }

    /// How many items a list under a key of a map has.
    pub fn len_under(&self, map: &str, key: &str) -> usize {
        self.doc.map(map).list(key).len()
    }

    /// Puts a value into a set, or takes it out; gives the change, for others.
    pub fn include(&mut self, set: &str, value: &str, is_in: bool) -> Option<Vec<u8>> {
        self.edit(&mut |tx| {
            match is_in {
                true => tx.set(set).insert(value),
                false => tx.set(set).remove(value),
            }
            true
        })
    }

    /// The texts in a set.
    pub fn members(&self, set: &str) -> Vec<String> {
        texts(&mut self.doc.set(set).iter())
    }

    /// Inserts an item into a list; gives the change, for others, or nothing if the index is too large.
    pub fn insert(&mut self, list: &str, at: usize, value: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| tx.list(list).insert(at, value).is_ok())
    }

    /// Sets an item of a list; as [`insert`](Self::insert).
    pub fn set_item(&mut self, list: &str, at: usize, value: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| tx.list(list).set(at, value).is_ok())
    }

    /// Moves an item of a list; as [`insert`](Self::insert).
    pub fn move_item(&mut self, list: &str, from: usize, to: usize) -> Option<Vec<u8>> {
        self.edit(&mut |tx| tx.list(list).move_to(from, to).is_ok())
    }

    /// Removes items of a list; as [`insert`](Self::insert).
    pub fn remove_items(&mut self, list: &str, from: usize, to: usize) -> Option<Vec<u8>> {
        self.edit(&mut |tx| tx.list(list).remove(from..to).is_ok())
    }

    /// The texts in a list.
    pub fn items(&self, list: &str) -> Vec<String> {
        texts(&mut self.doc.list(list).iter().filter_map(|item| item.value()))
    }

    /// Puts text in the place of a range of a text; as [`insert`](Self::insert).
    pub fn replace(&mut self, name: &str, from: usize, to: usize, with: &str) -> Option<Vec<u8>> {
        self.edit(&mut |tx| tx.text(name).utf16().replace(from..to, with).is_ok())
    }

    /// Marks a range of a text, or takes the mark off; as [`insert`](Self::insert).
    pub fn mark(&mut self, name: &str, from: usize, to: usize, key: &str, on: bool) -> Option<Vec<u8>> {
        let value = if on { Value::Bool(true) } else { Value::Null };
        self.edit(&mut |tx| tx.text(name).utf16().mark(from..to, key, value.clone(), Expand::After).is_ok())
    }

    /// A text.
    pub fn text(&self, name: &str) -> String {
        whole(self.doc.text(name))
    }

    /// The stretches of a text and, before each, the keys of its marks.
    pub fn spans(&self, name: &str) -> Vec<String> {
        let mut told = Vec::new();
        for span in self.doc.text(name).spans() {
            let mut keys = String::new();
            for key in span.marks.keys() {
                keys.push_str(key);
                keys.push(' ');
            }
            told.push(keys);
            told.push(span.text);
        }
        told
    }

    /// What the last edit or delta changed in texts and lists: for each step 0 to keep, 1 to delete or 2 to insert,
    /// and how much. What is inserted into texts is told by [`inserted`](Self::inserted).
    pub fn steps(&self) -> Vec<u32> {
        let mut told = Vec::new();
        for patch in self.changed.iter() {
            match &patch.diff {
                Diff::Text(steps) => {
                    for step in steps {
                        told.extend_from_slice(&match step {
                            TextStep::Retain(len, _) => [0, *len as u32],
                            TextStep::Delete(len) => [1, *len as u32],
                            TextStep::Insert(text, _) => [2, text.encode_utf16().count() as u32],
                        });
                    }
                }
                Diff::List(steps) => {
                    for step in steps {
                        told.extend_from_slice(&match step {
                            ListStep::Retain(len) => [0, *len as u32],
                            ListStep::Delete(len) => [1, *len as u32],
                            ListStep::Insert(items) => [2, items.len() as u32],
                        });
                    }
                }
                _ => {}
            }
        }
        told
    }

    /// All that the last edit or delta inserted into texts.
    pub fn inserted(&self) -> String {
        let mut told = String::new();
        for patch in self.changed.iter() {
            if let Diff::Text(steps) = &patch.diff {
                for step in steps {
                    if let TextStep::Insert(text, _) = step {
                        told.push_str(text);
                    }
                }
            }
        }
        told
    }

    /// The names of the values that the last edit or delta changed.
    pub fn targets(&self) -> Vec<String> {
        let mut told = Vec::new();
        for patch in self.changed.iter() {
            told.push(String::from(&*patch.target.name));
        }
        told
    }

    /// Takes in a change of another's; says whether it could be read and applied.
    pub fn apply(&mut self, delta: &[u8]) -> bool {
        let Ok(delta) = Delta::from_bytes(delta) else { return false };
        let Ok(applied) = self.doc.apply(&delta) else { return false };
        self.changed = applied.changed();
        true
    }

    /// All that somebody lacks who has seen `operations` of each of `replicas`; nothing if the history
    /// does not reach back that far.
    pub fn delta_since(&self, replicas: &[u64], operations: &[u64]) -> Option<Vec<u8>> {
        self.doc.delta_since(&version(replicas, operations)).ok().map(|delta| delta.to_bytes())
    }

    /// Takes back the last edit; gives the change, for others.
    pub fn undo(&mut self) -> Option<Vec<u8>> {
        self.undo.undo(&mut self.doc).map(|commit| told(&mut self.changed, &commit))
    }

    /// Makes the last edit that was taken back again; gives the change, for others.
    pub fn redo(&mut self) -> Option<Vec<u8>> {
        self.undo.redo(&mut self.doc).map(|commit| told(&mut self.changed, &commit))
    }

    /// A place in a text that stays while others edit.
    pub fn cursor(&self, name: &str, at: usize) -> Option<Vec<u8>> {
        self.doc.text(name).cursor(at, Side::Left).map(|cursor| cursor.to_bytes())
    }

    /// Where such a place is now.
    pub fn resolve(&self, cursor: &[u8]) -> Option<usize> {
        self.doc.resolve(&Cursor::from_bytes(cursor).ok()?)
    }

    /// A text as it was.
    pub fn text_at(&self, name: &str, replicas: &[u64], operations: &[u64]) -> Option<String> {
        let then = self.doc.at(&version(replicas, operations)).ok()?;
        Some(whole(then.text(name)))
    }

    /// Makes what changed since then what [`steps`](Self::steps) tells.
    pub fn changed_since(&mut self, replicas: &[u64], operations: &[u64]) -> bool {
        let Ok(changed) = self.doc.diff(&version(replicas, operations), self.doc.version()) else {
            return false;
        };
        self.changed = changed;
        true
    }

    /// A document from a snapshot.
    pub fn load(replica: u64, snapshot: &[u8]) -> Option<Self> {
        let doc = Doc::load(ReplicaId::new(replica), snapshot).ok()?;
        Some(Self { doc, changed: Changed::default(), undo: UndoManager::new() })
    }

    /// All there is, with its history.
    pub fn snapshot(&self) -> Vec<u8> {
        self.doc.snapshot()
    }

    /// All there is, without its history.
    pub fn state(&self) -> Vec<u8> {
        self.doc.state()
    }

    /// Takes in another's snapshot or state; says whether it could be read and merged.
    pub fn merge_snapshot(&mut self, snapshot: &[u8]) -> bool {
        self.doc.merge_snapshot(snapshot).is_ok()
    }
}

impl Shared {
    /// Edits, which can be taken back; gives the change, for others, or nothing if it could not be done.
    fn edit(&mut self, edit: &mut dyn FnMut(&mut Transaction<'_>) -> bool) -> Option<Vec<u8>> {
        let mut done = false;
        let commit = self.undo.transact(&mut self.doc, Duration::ZERO, |tx| done = edit(tx));
        done.then(|| told(&mut self.changed, &commit))
    }
}

fn version(replicas: &[u64], operations: &[u64]) -> VersionVector {
    replicas.iter().zip(operations).map(|(&replica, &count)| (ReplicaId::new(replica), count)).collect()
}

/// The change, for others; what it changed is kept.
fn told(changed: &mut Changed, commit: &Commit<'_>) -> Vec<u8> {
    *changed = commit.changed();
    commit.delta().to_bytes()
}

/// The texts among some values.
fn texts(values: &mut dyn Iterator<Item = &Value>) -> Vec<String> {
    let mut told = Vec::new();
    for value in values {
        told.extend(text(value));
    }
    told
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    }
}

fn whole(text: TextRef<'_>) -> String {
    text.slice(0..text.len())
}
