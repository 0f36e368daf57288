//! Maps in the order of their keys.
//!
//! They do what the standard library's do, which are balanced trees; but a browser loads code anew for each type
//! of key and value that there is a map of, and theirs takes four times as much. Here the entries stand in
//! chunks of two kilobytes, one after the other: one is found by halving, first among the chunks and then in one
//! of them, and putting one in moves what stands behind it in its chunk.

use std::cmp::Ordering;
use std::ops::Range;

/// About how many bytes of entries a chunk holds.
const CHUNK: usize = 2048;

/// A map in the order of its keys.
#[derive(Debug, Clone)]
pub(crate) struct Sorted<K, V> {
    /// None of them is empty.
    chunks: Vec<Vec<(K, V)>>,
}

/// Where an entry stands: in which chunk, and where in it.
type Place = (usize, usize);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Sorted<K, V> {
    /// The most entries of a chunk.
    const MOST: usize = if CHUNK / size_of::<(K, V)>() > 16 { CHUNK / size_of::<(K, V)>() } else { 16 };

    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
    }

    pub(crate) fn iter(&self) -> Entries<'_, K, V> {
        self.entries_from((0, 0))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|entry| entry.0)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|entry| entry.1)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.chunks.iter_mut().flatten().map(|entry| &mut entry.1)
    }

    /// The entry with the highest key.
    pub(crate) fn last(&self) -> Option<&(K, V)> {
        self.chunks.last()?.last()
    }

    /// Keeps the entries of which this is said.
    pub(crate) fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        self.chunks.retain_mut(|chunk| {
            chunk.retain_mut(|(key, value)| keeps(key, value));
            !chunk.is_empty()
        });
    }

    fn entries_from(&self, (chunk, at): Place) -> Entries<'_, K, V> {
        let mut rest = self.chunks.get(chunk..).unwrap_or_default().iter();
        let entries = rest.next().and_then(|chunk| chunk.get(at..)).unwrap_or_default().iter();
        Entries { entries, rest }
    }

    /// Puts an entry at the place at which it is missing.
    #[inline(never)]
    fn put(&mut self, (mut chunk, mut at): Place, entry: (K, V)) -> Place {
        if self.chunks.is_empty() {
            put_chunk(&mut self.chunks, 0, Vec::new());
        }
        let entries = &mut self.chunks[chunk];
        if entries.len() == Self::MOST {
            // Keys that come in their order leave full chunks behind, also before a last one that stays the last.
            let kept = if at + 1 >= Self::MOST { at } else { Self::MOST / 2 };
            let rest = entries.split_off(kept);
            put_chunk(&mut self.chunks, chunk + 1, rest);
            if at >= kept {
                (chunk, at) = (chunk + 1, at - kept);
            }
        }
        let entries = &mut self.chunks[chunk];
        if entries.len() == entries.capacity() {
            // By doubling, but not beyond what a chunk holds.
            entries.reserve_exact(entries.len().max(1).min(Self::MOST - entries.len()));
        }
        entries.insert(at, entry);
        (chunk, at)
    }
}

impl<K, V> Sorted<K, V> {
    /// Where the entry stands, or else would stand, that this compares others with.
    fn place_by(&self, cmp: impl Fn(&(K, V)) -> Ordering) -> Result<Place, Place> {
        let chunk = chunk_of(self.chunks.len(), &|chunk| {
            self.chunks.get(chunk).and_then(|chunk| chunk.first()).is_some_and(|first| cmp(first).is_le())
        });
        let Some(entries) = self.chunks.get(chunk) else { return Err((0, 0)) };
        // Small keys are compared in less time than it takes to have guessed wrong how that will come out.
        let found = match size_of::<K>() {
            ..=16 => entries.binary_search_by(cmp),
            _ => search(entries, cmp),
        };
        match found {
            Ok(at) => Ok((chunk, at)),
            Err(at) => Err((chunk, at)),
        }
    }

    /// The entry that this compares others with.
    pub(crate) fn find(&self, cmp: impl Fn(&(K, V)) -> Ordering) -> Option<&(K, V)> {
        let (chunk, at) = self.place_by(cmp).ok()?;
        self.chunks.get(chunk)?.get(at)
    }

    /// Puts an entry where this, which compares others with it, says; gives the value that was there.
    pub(crate) fn insert_by(&mut self, cmp: impl Fn(&(K, V)) -> Ordering, key: K, value: V) -> Option<V> {
        match self.place_by(cmp) {
            Ok((chunk, at)) => Some(std::mem::replace(&mut self.chunks[chunk][at].1, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// Where a key stands, or else would stand.
    fn place(&self, key: &K) -> Result<Place, Place> {
        self.place_by(|other| other.0.cmp(key))
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let (chunk, at) = self.place(key).ok()?;
        self.chunks.get(chunk)?.get(at).map(|entry| &entry.1)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (chunk, at) = self.place(key).ok()?;
        self.chunks.get_mut(chunk)?.get_mut(at).map(|entry| &mut entry.1)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// Puts a value under a key; gives the one that was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok((chunk, at)) => Some(std::mem::replace(&mut self.chunks[chunk][at].1, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    /// The value under a key, made if there is none.
    pub(crate) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let (chunk, at) = match self.place(&key) {
            Ok(place) => place,
            Err(place) => self.put(place, (key, make())),
        };
        &mut self.chunks[chunk][at].1
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (chunk, at) = self.place(key).ok()?;
        let entries = self.chunks.get_mut(chunk)?;
        let (_, value) = entries.remove(at);
        if entries.is_empty() {
            self.chunks.remove(chunk);
        }
        Some(value)
    }

    /// The entries with keys from this one on.
    pub(crate) fn from(&self, key: &K) -> Entries<'_, K, V> {
        let (Ok((chunk, at)) | Err((chunk, at))) = self.place(key);
        match self.chunks.get(chunk) {
            // Behind the last one of its chunk.
            Some(entries) if at == entries.len() => self.entries_from((chunk + 1, 0)),
            _ => self.entries_from((chunk, at)),
        }
    }

    /// The entries with keys in a range.
    pub(crate) fn range(&self, range: Range<K>) -> impl Iterator<Item = (&K, &V)> {
        self.from(&range.start).take_while(move |entry| *entry.0 < range.end)
    }

    /// The last entry with a key up to this one.
    pub(crate) fn up_to(&self, key: &K) -> Option<&(K, V)> {
        let (chunk, at) = match self.place(key) {
            Ok(place) => place,
            Err((chunk, at)) => (chunk, at.checked_sub(1)?),
        };
        self.chunks.get(chunk)?.get(at)
    }
}

/// Puts in a chunk. For all kinds of entries this is the same code.
#[inline(never)]
fn put_chunk<T>(chunks: &mut Vec<Vec<T>>, at: usize, chunk: Vec<T>) {
    if chunks.len() == chunks.capacity() {
        // By doubling, but from one on: many maps are small.
        chunks.reserve_exact(chunks.len().max(1));
    }
    chunks.insert(at, chunk);
}

/// Of so many chunks the one where a key stands, if it does, or else would stand. `starts` says whether one starts
/// with it or with one before it.
#[cfg_attr(not(target_family = "wasm"), inline(always))]
fn chunk_of(chunks: usize, starts: &dyn Fn(usize) -> bool) -> usize {
    let last = chunks.saturating_sub(1);
    // The keys of new entries mostly come in their order.
    if last == 0 || starts(last) {
        return last;
    }
    let (mut from, mut left) = (0, last);
    while left > 1 {
        let half = left / 2;
        if starts(from + half) {
            from += half;
        }
        left -= half;
    }
    from
}

/// The binary search of slices, for what takes a while to compare: the next step begins before this one is settled.
fn search<T>(items: &[T], cmp: impl Fn(&T) -> Ordering) -> Result<usize, usize> {
    let (mut from, mut to) = (0, items.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        match cmp(&items[middle]) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => to = middle,
        }
    }
    Err(from)
}

impl<K: PartialEq, V: PartialEq> PartialEq for Sorted<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Ord, V> Extend<(K, V)> for Sorted<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut all = Self::new();
        all.extend(entries);
        all
    }
}

impl<K, V> IntoIterator for Sorted<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

impl<'m, K, V> IntoIterator for &'m Sorted<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Entries<'m, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The entries of a map in order.
///
/// ```
/// use conjoin_core::Marks;
///
/// let marks: Marks = [("link".into(), "/a".into()), ("bold".into(), true.into())].into_iter().collect();
/// let keys: Vec<_> = marks.iter().map(|(key, _)| &**key).collect();
/// assert_eq!(keys, ["bold", "link"]);
/// ```
#[derive(Debug)]
pub struct Entries<'m, K, V> {
    entries: std::slice::Iter<'m, (K, V)>,
    rest: std::slice::Iter<'m, Vec<(K, V)>>,
}

impl<K, V> Clone for Entries<'_, K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), rest: self.rest.clone() }
    }
}

impl<'m, K, V> Iterator for Entries<'m, K, V> {
    type Item = (&'m K, &'m V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.entries.next() {
                return Some((key, value));
            }
            self.entries = self.rest.next()?.iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Many keys, so that there are many chunks, in a few stretches that follow their order.
    fn keys() -> impl Strategy<Value = Vec<(u32, bool)>> {
        let stretch = (0..2_000u32, 1..400u32, any::<bool>(), prop::bool::weighted(0.7));
        prop::collection::vec(stretch, 1..12).prop_map(|stretches| {
            let each = |(from, len, down, puts): (u32, u32, bool, bool)| {
                (0..len).map(move |nth| (from + if down { len - nth } else { nth }, puts))
            };
            stretches.into_iter().flat_map(each).collect()
        })
    }

    proptest! {
        #[test]
        fn it_does_what_the_standard_map_does(steps in keys(), asked in prop::collection::vec(0..2_500u32, 8)) {
            // Large values, so that chunks are small.
            let mut map: Sorted<u32, [u32; 32]> = Sorted::new();
            let mut model: BTreeMap<u32, [u32; 32]> = BTreeMap::new();
            for (nth, (key, puts)) in (0..).zip(steps) {
                if nth == 100 {
                    // Its chunks have no room to grow.
                    map = map.clone();
                }
                if puts {
                    prop_assert_eq!(map.insert(key, [nth; 32]), model.insert(key, [nth; 32]));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
            }
            prop_assert!(map.iter().eq(&model));
            prop_assert!(map.clone().into_iter().eq(model.clone()));
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.last().map(|entry| entry.0), model.last_key_value().map(|entry| *entry.0));
            for pair in asked.windows(2) {
                let (from, to) = (pair[0], pair[1]);
                prop_assert_eq!(map.get(&from), model.get(&from));
                prop_assert_eq!(map.contains_key(&from), model.contains_key(&from));
                prop_assert!(map.from(&from).eq(model.range(from..)));
                prop_assert!(map.range(from..to.max(from)).eq(model.range(from..to.max(from))));
                prop_assert_eq!(
                    map.up_to(&from).map(|entry| (&entry.0, &entry.1)),
                    model.range(..=from).next_back()
                );
                prop_assert_eq!(*map.entry(from, || [7; 32]), *model.entry(from).or_insert([7; 32]));
            }
            map.retain(|key, _| key % 3 == 0);
            model.retain(|key, _| key % 3 == 0);
            prop_assert!(map.iter().eq(&model));
            let whole: Sorted<u32, [u32; 32]> = model.into_iter().collect();
            prop_assert!(map == whole);
        }
    }
}
