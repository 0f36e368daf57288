//! Small containers as bytes: those in which one thing happened, and texts and lists in which a few did. Of many, most
//! never see more, and to be changed or read they take ten times as much.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::{Adds, Data, Held, Slot, bits, read_sum};
use crate::codec::{DecodeError, Part, Reader};
use crate::numbers::{Lv, NONE};
use crate::sequence::{Resting, Runs, Sequence, Stored};
use crate::size::make_room;
use crate::snapshot::write_data;
use crate::value::{Kind, Ordered, Value};
use crate::version::ReplicaId;

/// The most bytes that are worth it.
const MOST: usize = 96;

/// What small containers hold that stand together.
#[derive(Debug, Clone, Default)]
pub(super) struct Firsts {
    /// Those of which it stands here.
    bits: u64,
    /// For each, in the order in which they came: which it is, how many bytes, and those.
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
        open.iter().find(|entry| u32::from(entry.0) == at).map(|entry| &entry.1)
    }

    /// Takes it out, to be changed.
    pub(super) fn take(&mut self, at: u32, kind: Kind) -> Option<Data> {
        if !self.holds(at) {
            return None;
        }
        let mut from = 0;
        loop {
            let (which, bytes, _) = next(&self.bytes[from..])?;
            let len = 2 + bytes.len();
            if u32::from(which) == at {
                let data = read(kind, bytes);
                self.bytes.copy_within(from + len.., from);
                self.bytes.truncate(self.bytes.len() - len);
                self.bits &= !(1 << at);
                if self.bits == 0 {
                    *self = Self::default();
                }
                return Some(data);
            }
            from += len;
        }
    }

    /// What a container holds, made for this once if nobody asked before.
    pub(super) fn peek(&self, at: u32, kinds: &[Kind]) -> Option<Cow<'_, Data>> {
        if self.open.get().is_some() {
            return self.get(at, kinds).map(Cow::Borrowed);
        }
        let mut rest = self.bytes.as_slice();
        loop {
            let (which, bytes, after) = next(rest)?;
            if u32::from(which) == at {
                return Some(Cow::Owned(read(kinds[at as usize], bytes)));
            }
            rest = after;
        }
    }
}

/// Which container comes next, what is said of it, and what comes after that.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[at, len], rest) = bytes.split_first_chunk()?;
    let (first, rest) = rest.split_at(len.into());
    Some((at, first, rest))
}

/// Writes what a container holds, if those are few things, or few elements.
fn write(data: &Data, out: &mut Vec<u8>) -> Option<()> {
    let is_small = match data {
        Data::Text(text) => text.marks.is_empty() && text.sequence.is_small(),
        Data::List(list) => list.sequence.is_small(),
        _ => true,
    };
    if !is_small {
        return None;
    }
    if let Some(sequence) = data.sequence() {
        let mut runs = Stored::<Vec<u8>>::default();
        runs.push(sequence);
        runs.write(out);
    }
    write_data(data, out, &|replica| replica.get(), &|_| None);
    Some(())
}

fn read(kind: Kind, bytes: &[u8]) -> Data {
    let mut data = Data::new(kind);
    fill(&mut data, &mut Reader::new(bytes)).expect("it was written here");
    data
}

fn fill(data: &mut Data, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let runs = match data {
        Data::Text(_) | Data::List(_) => {
            let mut runs = Stored::open(reader)?;
            let count = runs.count()?;
            runs.read(count, NONE)?
        }
        _ => Runs::default(),
    };
    if let Data::Text(text) = data {
        text.sequence = Resting::new(runs, reader.str()?).map_err(|_| MALFORMED)?;
        return Ok(());
    }
    if let Data::List(list) = data {
        let shown = runs.visible as u32;
        list.sequence = Sequence::from_stored(runs, shown.into()).map_err(|_| MALFORMED)?;
    }
    for _ in 0..reader.varint()? {
        match data {
            Data::Counter(sums) => {
                let replica = ReplicaId::new(reader.varint()?);
                *sums.of(replica, &mut 0) = read_sum(reader)?;
            }
            Data::FloatCounter(sums) => {
                let replica = ReplicaId::new(reader.varint()?);
                *sums.of(replica, &mut 0) = bits(reader.float()?);
            }
            Data::Register(writes) => {
                writes.reserve_exact(1);
                writes.push((lv(reader)?, Value::decode(reader)?));
            }
            Data::Map(map) => {
                let (key, lv) = (lv(reader)?, lv(reader)?);
                map.slots.insert(key, Slot { lv, held: Held::decode(reader)? });
            }
            Data::Set(members) => {
                let value = Value::decode(reader)?;
                let mut adds = Adds::NONE;
                for _ in 0..reader.varint()? {
                    adds.push(lv(reader)?);
                }
                members.values.insert(Ordered(value), adds);
            }
            Data::List(list) => {
                let [item, written, slot] = [lv(reader)?, lv(reader)?, lv(reader)?];
                // Whether it was removed shows in its slot.
                reader.byte()?;
                list.items.put(item, Held::decode(reader)?);
                if written != item {
                    list.written.insert(item, written);
                }
                if slot != item {
                    list.slots.insert(item, slot);
                }
            }
            Data::Text(_) => {}
        }
    }
    if let Data::List(list) = data {
        for _ in 0..reader.varint()? {
            list.moved.insert(lv(reader)?, lv(reader)?);
        }
    }
    Ok(())
}

const MALFORMED: DecodeError = DecodeError::Malformed(Part::Sequence);

fn lv(reader: &mut Reader<'_>) -> Result<Lv, DecodeError> {
    Ok(reader.varint()? as Lv)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::items::{Item, Items};

    /// A container of each kind in turn.
    fn kind(at: u32) -> Kind {
        Kind::from_tag(at as u8 % 7).expect("there are seven")
    }

    /// What one in which something happened holds.
    fn begun(at: u32, lv: Lv, word: &str) -> Data {
        let mut data = Data::new(kind(at));
        let value = || Value::from(word);
        match &mut data {
            Data::Counter(sums) => *sums.of(ReplicaId::new(u64::MAX), &mut 0) = -i128::from(lv),
            Data::FloatCounter(sums) => *sums.of(ReplicaId::new(7), &mut 0) = bits(f64::from(lv) / 3.0),
            Data::Register(writes) => writes.push((lv, value())),
            Data::Map(map) => _ = map.slots.insert(at, Slot { lv, held: Held::Container(lv) }),
            Data::Set(members) => _ = members.values.insert(Ordered(value()), Adds::One(lv)),
            Data::List(list) => {
                list.sequence.insert_at(0, lv, 1.into());
                list.add_items(lv, &Items::one(&Item::Value(value())), &mut 0);
            }
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
                        let told = format!("{data:?}");
                        if firsts.put(at, &data) {
                            model.insert(at, told);
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
