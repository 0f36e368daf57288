//! Small containers as bytes: those in which one thing happened, and texts and lists in which a few did. Of many, most
//! never see more, and to be changed or read they take ten times as much.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use super::{Data, Held, size_of_writes};
use crate::codec::Reader;
use crate::sequence::Stored;
use crate::size::make_room;
use crate::snapshot::{read_data, write_data};
use crate::value::Kind;

/// The most bytes that are worth it.
const MOST: usize = 96;

/// So many say which container it is and how many bytes follow.
const HEAD: usize = 2;

/// What small containers hold that stand together.
#[derive(Debug, Clone, Default)]
pub(super) struct Small {
    /// Those of which it stands here.
    bits: u64,
    /// For each, in the order in which they came: which it is, how many bytes, and those.
    bytes: Vec<u8>,
    /// The same to be read, once somebody asked.
    open: OnceLock<Vec<(u32, Data)>>,
}

impl Small {
    pub(super) fn holds(&self, at: u32) -> bool {
        self.bits >> at & 1 == 1
    }

    /// Takes in what a container holds, if that is little and nobody has asked for any other. Says whether it did.
    pub(super) fn put(&mut self, at: u32, data: &Data) -> bool {
        let written = if self.open.get().is_none() { write(data) } else { None };
        let Some(bytes) = written else { return false };
        make_room(&mut self.bytes, HEAD + bytes.len());
        self.bytes.extend_from_slice(&[at as u8, bytes.len() as u8]);
        self.bytes.extend_from_slice(&bytes);
        self.bits |= 1 << at;
        true
    }

    /// What a container holds.
    #[inline(never)]
    pub(super) fn get(&self, at: u32, kinds: &[Kind]) -> Option<&Data> {
        if !self.holds(at) {
            return None;
        }
        let open = self.open.get_or_init(|| {
            let (mut all, mut from) = (Vec::new(), 0);
            while let Some((at, place)) = self.next(from) {
                from = place.end;
                all.push((at, read(kinds[at as usize], &self.bytes[place])));
            }
            all
        });
        open.iter().find(|entry| entry.0 == at).map(|entry| &entry.1)
    }

    /// What a container holds, made for this once if nobody asked before.
    pub(super) fn peek(&self, at: u32, kinds: &[Kind]) -> Option<Cow<'_, Data>> {
        if self.open.get().is_some() {
            return self.get(at, kinds).map(Cow::Borrowed);
        }
        let place = self.find(at)?;
        Some(Cow::Owned(read(kinds[at as usize], &self.bytes[place])))
    }

    /// Takes it out, to be changed.
    pub(super) fn take(&mut self, at: u32, kind: Kind) -> Option<Data> {
        let place = self.find(at)?;
        let data = read(kind, &self.bytes[place.clone()]);
        self.bytes.copy_within(place.end.., place.start - HEAD);
        self.bytes.truncate(self.bytes.len() - HEAD - place.len());
        self.bits &= !(1 << at);
        if self.bits == 0 {
            *self = Self::default();
        }
        Some(data)
    }

    fn find(&self, at: u32) -> Option<Range<usize>> {
        let mut from = 0;
        while self.holds(at) {
            let (which, place) = self.next(from)?;
            if which == at {
                return Some(place);
            }
            from = place.end;
        }
        None
    }

    /// Which container comes next, and where the bytes stand of what it holds.
    fn next(&self, from: usize) -> Option<(u32, Range<usize>)> {
        let &[at, len] = self.bytes.get(from..)?.first_chunk::<HEAD>()?;
        let from = from + HEAD;
        Some((at.into(), from..from + usize::from(len)))
    }
}

/// What a container holds, if those are few things, or few elements, and each is small.
fn write(data: &Data) -> Option<Vec<u8>> {
    let fits = |held: &Held| held.size() <= MOST;
    let is_small = match data {
        Data::Text(text) => text.marks.is_empty() && text.sequence.is_small(),
        Data::List(list) => list.sequence.is_small() && list.items.iter().all(|item| fits(item.1)),
        Data::Register(writes) => size_of_writes(writes) <= MOST,
        Data::Map(map) => map.slots.values().all(|slot| fits(&slot.held)),
        Data::Set(members) => members.values.keys().all(|value| value.0.size() <= MOST),
        _ => true,
    };
    if !is_small {
        return None;
    }
    let mut out = Vec::with_capacity(MOST);
    if let Some(sequence) = data.sequence() {
        let mut runs = Stored::<Vec<u8>>::default();
        runs.push(sequence);
        runs.write(&mut out);
    }
    write_data(data, &mut out, &|replica| replica.get(), &|_| None);
    (out.len() <= MOST).then_some(out)
}

fn read(kind: Kind, bytes: &[u8]) -> Data {
    read_data(kind, &mut Reader::new(bytes), None).expect("it was written here").0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::items::{Item, Items};
    use crate::numbers::Lv;
    use crate::state::{Adds, Held, Slot, bits};
    use crate::value::{Ordered, Value};
    use crate::version::ReplicaId;

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
            let (mut small, mut model) = (Small::default(), BTreeMap::new());
            for (at, lv, word, step) in steps {
                let told = match step {
                    0 => small.get(at, &kinds).map(|data| format!("{data:?}")),
                    1..4 => small.take(at, kind(at)).map(|data| format!("{data:?}")),
                    _ if !small.holds(at) => {
                        let data = begun(at, lv, &word);
                        let told = format!("{data:?}");
                        if small.put(at, &data) {
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
                let told = small.get(at, &kinds).map(|data| format!("{data:?}"));
                prop_assert_eq!(told.as_ref(), model.get(&at));
            }
        }
    }
}
