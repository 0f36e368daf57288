//! The strings a document knows, each once, and the numbers that replicas gave them.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::size::make_room;
use crate::sorted::Sorted;

/// A string of the document, by its number here.
pub(crate) type StrId = u32;

#[derive(Debug, Clone, Default)]
pub(crate) struct Strings {
    list: Vec<Arc<str>>,
    /// Their numbers, each behind the digest of its string, in the order of these and of the strings.
    numbers: Sorted<u32, StrId>,
}

/// Four bytes for a string (FNV-1a), so that nearly all strings are told apart without looking elsewhere for them.
/// Those that have the same are found all the same.
fn digest(string: &str) -> u32 {
    string.bytes().fold(0x811c_9dc5, |digest, byte| (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Strings {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new(), numbers: Sorted::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn get(&self, id: StrId) -> &Arc<str> {
        &self.list[id as usize]
    }

    pub(crate) fn find(&self, string: &str) -> Option<StrId> {
        self.numbers.find(order_to(&self.list, string)).map(|entry| entry.1)
    }

    pub(crate) fn intern(&mut self, string: &str) -> StrId {
        self.find(string).unwrap_or_else(|| self.add(string.into()))
    }

    pub(crate) fn intern_shared(&mut self, string: &Arc<str>) -> StrId {
        self.find(string).unwrap_or_else(|| self.add(string.clone()))
    }

    /// Makes room for so many more.
    pub(crate) fn make_room(&mut self, more: usize) {
        make_room(&mut self.list, more);
    }

    fn add(&mut self, string: Arc<str>) -> StrId {
        let id = self.list.len() as StrId;
        self.numbers.insert_by(order_to(&self.list, &string), digest(&string), id);
        self.make_room(1);
        self.list.push(string);
        id
    }
}

/// How strings of a list come beside this one.
fn order_to<'s>(list: &'s [Arc<str>], string: &'s str) -> impl Fn(&(u32, StrId)) -> Ordering + 's {
    let digest = digest(string);
    move |&(other, id)| other.cmp(&digest).then_with(|| (*list[id as usize]).cmp(string))
}

/// The strings one replica has introduced, in its own numbering.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Each with the sequence number of the operation that introduced it.
    list: Vec<(StrId, u32)>,
    numbers: Sorted<StrId, u32>,
    /// The two used last, with their numbers: mostly the name of a value and a key in it.
    latest: [Option<(StrId, u32)>; 2],
}

impl Names {
    /// Whether a string is known to have a number, without looking it up.
    pub(crate) fn is_latest(&self, string: StrId) -> bool {
        self.latest[0].is_some_and(|latest| latest.0 == string)
    }

    pub(crate) fn list(&self) -> &[(StrId, u32)] {
        &self.list
    }

    /// The string of a number.
    pub(crate) fn get(&self, number: u32) -> Option<StrId> {
        self.list.get(number as usize).map(|entry| entry.0)
    }

    /// The number of a string, and which operation introduced it.
    #[inline]
    pub(crate) fn number(&self, string: StrId) -> Option<(u32, u32)> {
        let number = match self.latest {
            [Some((latest, number)), _] | [_, Some((latest, number))] if latest == string => number,
            _ => *self.numbers.get(&string)?,
        };
        Some((number, self.list[number as usize].1))
    }

    /// Gives a string its number, unless it has one; says whether it had none.
    pub(crate) fn introduce(&mut self, string: StrId, seq: u32) -> bool {
        if self.latest.iter().flatten().any(|latest| latest.0 == string) {
            if !self.is_latest(string) {
                self.latest.swap(0, 1);
            }
            return false;
        }
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(string, || next);
        if number == next {
            make_room(&mut self.list, 1);
            self.list.push((string, seq));
        }
        self.latest = [Some((string, number)), self.latest[0]];
        number == next
    }
}
