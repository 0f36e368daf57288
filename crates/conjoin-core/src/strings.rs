//! The strings a document knows, each once, and the numbers that replicas gave them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A string of the document, by its number here.
pub(crate) type StrId = u32;

#[derive(Debug, Clone, Default)]
pub(crate) struct Strings {
    list: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, StrId>,
}

impl Strings {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new(), numbers: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, id: StrId) -> &Arc<str> {
        &self.list[id as usize]
    }

    pub(crate) fn find(&self, string: &str) -> Option<StrId> {
        self.numbers.get(string).copied()
    }

    pub(crate) fn intern(&mut self, string: &str) -> StrId {
        self.find(string).unwrap_or_else(|| self.add(string.into()))
    }

    pub(crate) fn intern_shared(&mut self, string: &Arc<str>) -> StrId {
        self.find(string).unwrap_or_else(|| self.add(string.clone()))
    }

    fn add(&mut self, string: Arc<str>) -> StrId {
        let id = self.list.len() as StrId;
        self.list.push(string.clone());
        self.numbers.insert(string, id);
        id
    }
}

/// The strings one replica has introduced, in its own numbering.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Each with the sequence number of the operation that introduced it.
    list: Vec<(StrId, u32)>,
    numbers: BTreeMap<StrId, u32>,
}

impl Names {
    pub(crate) fn list(&self) -> &[(StrId, u32)] {
        &self.list
    }

    /// The string of a number.
    pub(crate) fn get(&self, number: u32) -> Option<StrId> {
        self.list.get(number as usize).map(|entry| entry.0)
    }

    /// The number of a string, and which operation introduced it.
    pub(crate) fn number(&self, string: StrId) -> Option<(u32, u32)> {
        let number = *self.numbers.get(&string)?;
        Some((number, self.list[number as usize].1))
    }

    /// Gives a string its number, unless it has one; says whether it had none.
    pub(crate) fn introduce(&mut self, string: StrId, seq: u32) -> bool {
        let next = self.list.len() as u32;
        let new = *self.numbers.entry(string).or_insert(next) == next;
        if new {
            self.list.push((string, seq));
        }
        new
    }
}
