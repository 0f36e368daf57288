//! Containers in which one thing happened, as bytes. Of many small ones, most never see more, and to be changed or read
//! they take ten times as much.

use std::sync::OnceLock;

use super::{Adds, Data, Held, Slot, read_sum, write_sum};
use crate::codec::{DecodeError, Reader, Writer};
use crate::items::Items;
use crate::numbers::Lv;
use crate::size::make_room;
use crate::sorted::Sorted;
use crate::value::{Kind, Ordered, Value};
use crate::version::ReplicaId;

/// The most bytes that are worth it.
const MOST: usize = 64;

/// What first happened in containers that stand together.
#[derive(Debug, Clone, Default)]
pub(super) struct Firsts {
    /// Those of which it stands here.
    bits: u64,
    /// For each, in the order in which they came: which it is, how many bytes, and those. What was taken out stays until
    /// all are.
    bytes: Vec<u8>,
    /// The same to be read, once somebody asked.
    open: OnceLock<Vec<(u8, Data)>>,
}

impl Firsts {
    pub(super) fn holds(&self, at: u32) -> bool {
        self.bits >> at & 1 == 1
    }

    /// Takes in what a container holds, if that is little and nobody has asked for any other. Says whether it did.
    pub(super) fn put(&mut self, at: u32, data: &Data) -> bool {
        let mut bytes = Vec::with_capacity(MOST);
        let fits = self.open.get().is_none() && write(data, &mut bytes).is_some() && bytes.len() <= MOST;
        if fits {
            make_room(&mut self.bytes, 2 + bytes.len());
            self.bytes.extend_from_slice(&[at as u8, bytes.len() as u8]);
            self.bytes.extend_from_slice(&bytes);
            self.bits |= 1 << at;
        }
        fits
    }

    /// What a container holds.
    #[inline(never)]
    pub(super) fn get(&self, at: u32, kinds: &[Kind]) -> Option<&Data> {
        if !self.holds(at) {
            return None;
        }
        let open = self.open.get_or_init(|| {
            let mut all = Vec::new();
            let mut rest = self.bytes.as_slice();
            while let Some((at, bytes, after)) = next(rest) {
                all.push((at, read(kinds[usize::from(at)], bytes)));
                rest = after;
            }
            all
        });
        open.iter().rev().find(|entry| u32::from(entry.0) == at).map(|entry| &entry.1)
    }

    /// Takes it out, to be changed.
    pub(super) fn take(&mut self, at: u32, kind: Kind) -> Option<Data> {
        if !self.holds(at) {
            return None;
        }
        let (mut rest, mut first) = (self.bytes.as_slice(), None);
        while let Some((which, bytes, after)) = next(rest) {
            if u32::from(which) == at {
                first = Some(read(kind, bytes));
            }
            rest = after;
        }
        self.bits &= !(1 << at);
        if self.bits == 0 {
            *self = Self::default();
        }
        first
    }
}

/// Which container comes next, what is said of it, and what comes after that.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[at, len], rest) = bytes.split_first_chunk()?;
    let (first, rest) = rest.split_at(len.into());
    Some((at, first, rest))
}

/// Writes what a container holds, if that is no more than one thing.
fn write(data: &Data, out: &mut Vec<u8>) -> Option<()> {
    match data {
        Data::Counter(sums) | Data::FloatCounter(sums) => {
            let &[(replica, sum)] = sums.0.as_slice() else { return None };
            out.extend_from_slice(&replica.get().to_le_bytes());
            write_sum(sum, out);
        }
        Data::Register(writes) => {
            let [(lv, value)] = writes.as_slice() else { return None };
            write_value(*lv, value, out);
        }
        Data::Map(map) => {
            let (&key, slot) = only(&map.slots)?;
            out.varint(u64::from(key));
            out.varint(u64::from(slot.lv));
            slot.held.encode(out);
        }
        Data::Set(members) => {
            let (value, adds) = only(&members.values)?;
            let &[lv] = &**adds else { return None };
            write_value(lv, &value.0, out);
        }
        Data::List(list) => {
            let (lv, items) = list.first()?;
            out.varint(u64::from(lv));
            out.varint(items.len() as u64);
            out.extend_from_slice(items.as_bytes());
        }
        Data::Text(text) => {
            let (lv, first) = text.sequence.first().filter(|_| text.marks.is_empty())?;
            out.varint(u64::from(lv));
            out.bytes(first.as_bytes());
        }
    }
    Some(())
}

#[inline(never)]
fn write_value(lv: Lv, value: &Value, out: &mut Vec<u8>) {
    out.varint(u64::from(lv));
    value.encode(out);
}

fn only<K, V>(map: &Sorted<K, V>) -> Option<(&K, &V)> {
    let mut entries = map.iter();
    entries.next().filter(|_| entries.next().is_none())
}

fn read(kind: Kind, bytes: &[u8]) -> Data {
    let mut data = Data::new(kind);
    fill(&mut data, &mut Reader::new(bytes)).expect("it was written here");
    data
}

fn fill(data: &mut Data, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    match data {
        Data::Counter(sums) | Data::FloatCounter(sums) => {
            let replica = ReplicaId::new(reader.u64()?);
            *sums.of(replica, &mut 0) = read_sum(reader)?;
        }
        Data::Register(writes) => {
            writes.reserve_exact(1);
            writes.push(read_value(reader)?);
        }
        Data::Map(map) => {
            let (key, lv) = (lv(reader)?, lv(reader)?);
            map.slots.insert(key, Slot { lv, held: Held::decode(reader)? });
        }
        Data::Set(members) => {
            let (lv, value) = read_value(reader)?;
            members.values.insert(Ordered(value), Adds::One(lv));
        }
        Data::List(list) => {
            let (lv, count) = (lv(reader)?, reader.varint()? as usize);
            list.begin(lv, &Items::read(reader, count)?, &mut 0);
        }
        Data::Text(text) => {
            let lv = lv(reader)?;
            text.sequence.begin(lv, reader.str()?.into());
        }
    }
    Ok(())
}

#[inline(never)]
fn read_value(reader: &mut Reader<'_>) -> Result<(Lv, Value), DecodeError> {
    Ok((lv(reader)?, Value::decode(reader)?))
}

fn lv(reader: &mut Reader<'_>) -> Result<Lv, DecodeError> {
    Ok(reader.varint()? as Lv)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::items::Item;

    /// A container of each kind in turn.
    fn kind(at: u32) -> Kind {
        Kind::from_tag(at as u8 % 7).expect("there are seven")
    }

    /// What one in which something happened holds.
    fn begun(at: u32, lv: Lv, word: &str) -> Data {
        let mut data = Data::new(kind(at));
        let value = || Value::from(word);
        match &mut data {
            Data::Counter(sums) | Data::FloatCounter(sums) => {
                *sums.of(ReplicaId::new(u64::MAX), &mut 0) = -i128::from(lv);
            }
            Data::Register(writes) => writes.push((lv, value())),
            Data::Map(map) => _ = map.slots.insert(at, Slot { lv, held: Held::Container(lv) }),
            Data::Set(members) => _ = members.values.insert(Ordered(value()), Adds::One(lv)),
            Data::List(list) => _ = list.begin(lv, &[Item::Value(value())].into_iter().collect(), &mut 0),
            Data::Text(text) => _ = text.sequence.begin(lv, word.into()),
        }
        data
    }

    proptest! {
        #[test]
        fn containers_hold_what_they_were_given_first(
            steps in prop::collection::vec((0..64u32, any::<u32>(), "x{1,80}", 0..8u8), 1..150),
        ) {
            let kinds: Vec<Kind> = (0..64).map(kind).collect();
            let (mut firsts, mut model) = (Firsts::default(), BTreeMap::new());
            for (at, lv, word, step) in steps {
                let told = match step {
                    0 => firsts.get(at, &kinds).map(|data| format!("{data:?}")),
                    1..4 => firsts.take(at, kind(at)).map(|data| format!("{data:?}")),
                    _ if !firsts.holds(at) => {
                        let data = begun(at, lv, &word);
                        if firsts.put(at, &data) {
                            model.insert(at, format!("{data:?}"));
                        }
                        continue;
                    }
                    _ => continue,
                };
                prop_assert_eq!(&told, &model.get(&at).cloned());
                if step > 0 {
                    model.remove(&at);
                }
            }
            for at in 0..64 {
                let told = firsts.get(at, &kinds).map(|data| format!("{data:?}"));
                prop_assert_eq!(told.as_ref(), model.get(&at));
            }
        }
    }
}
