//! What a container holds as bytes: in a state, and by itself where small ones are kept.

use super::known::{index, optional, write_optional};
use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::doc::{ApplyError, Doc};
use crate::numbers::{Lv, NONE, lies_in};
use crate::op::{Anchor, finite};
use crate::sequence::{Resting, Runs, Sequence, Stored};
use crate::size;
use crate::state::{
    Adds, Data, Held, MarkRecord, Parent, Slot, Sums, Text, bits, float, read_sum, size_of_member, write_sum,
};
use crate::strings::StrId;
use crate::value::{Kind, Ordered, Value};
use crate::version::ReplicaId;

/// Where a container stands that is read out of a state.
pub(crate) struct Place<'s, 'b> {
    /// What is there already, which it may refer to.
    pub(super) doc: &'s Doc,
    pub(super) container: u32,
    /// The runs of its sequence and of those after it.
    pub(super) runs: &'s mut Stored<Reader<'b>>,
}

/// Reads what a container holds; says also what that takes, see `size.rs`. Without a place it was written here, and is
/// believed.
pub(crate) fn read_data<'b>(
    kind: Kind,
    reader: &mut Reader<'b>,
    place: Option<Place<'_, 'b>>,
) -> Result<(Data, usize), ApplyError> {
    let room = place.as_ref().map_or(Ok(usize::MAX), |place| place.doc.room(0))?;
    let mut reading = Reading { reader, place, room };
    let mut data = Data::new(kind);
    reading.fill(&mut data)?;
    Ok((data, room - reading.room))
}

struct Reading<'s, 'b> {
    reader: &'s mut Reader<'b>,
    place: Option<Place<'s, 'b>>,
    /// How many bytes more the state may take.
    room: usize,
}

impl Reading<'_, '_> {
    fn fill(&mut self, data: &mut Data) -> Result<(), ApplyError> {
        match data {
            Data::Text(text) => {
                let runs = self.runs()?;
                text.sequence =
                    Resting::new(runs, self.reader.str()?).map_err(|_| malformed(Part::Sequence))?;
            }
            Data::List(list) => {
                let runs = self.runs()?;
                let shown = runs.visible as u32;
                list.sequence =
                    Sequence::from_stored(runs, shown.into()).map_err(|_| malformed(Part::Sequence))?;
            }
            _ => {}
        }
        let count = self.reader.count(2)?;
        match data {
            Data::Counter(Sums(sums)) | Data::FloatCounter(Sums(sums)) => sums.reserve_exact(count),
            Data::Register(writes) => writes.reserve_exact(count),
            _ => {}
        }
        let mut last_item = None;
        for _ in 0..count {
            match data {
                Data::Counter(sums) => {
                    let replica = self.replica(sums)?;
                    sums.0.push((replica, read_sum(self.reader)?));
                }
                Data::FloatCounter(sums) => {
                    let replica = self.replica(sums)?;
                    sums.0.push((replica, bits(finite(self.reader.float()?)?)));
                }
                Data::Register(writes) => {
                    let write = (self.lv()?, Value::decode(self.reader)?);
                    if let (Some(last), Some(Place { doc, .. })) = (writes.last(), &self.place)
                        && doc.numbers.stamp(last.0) <= doc.numbers.stamp(write.0)
                    {
                        return Err(malformed(Part::OrderOfWrites));
                    }
                    self.grow(write.1.size())?;
                    writes.push(write);
                }
                Data::Map(map) => {
                    let key = self.string()?;
                    let (lv, held) = (self.lv()?, self.held(key)?);
                    let name = self.place.as_ref().map_or("", |place| place.doc.strings.get(key));
                    self.grow(size::entry(name) + held.size())?;
                    if map.slots.insert(key, Slot { lv, held }).is_some() {
                        return Err(malformed(Part::Map));
                    }
                }
                Data::Set(members) => {
                    let value = Value::decode(self.reader)?;
                    let mut adds = Adds::NONE;
                    for _ in 0..self.reader.count(1)? {
                        adds.push(self.lv()?);
                    }
                    self.grow(size_of_member(&value, adds.len()))?;
                    if adds.is_empty() || members.values.insert(Ordered(value), adds).is_some() {
                        return Err(malformed(Part::Set));
                    }
                }
                Data::List(list) => {
                    let (item, written, slot) = (self.lv()?, self.lv()?, self.lv()?);
                    let removed = self.reader.byte()? == 1;
                    let held = match self.held(item)? {
                        Held::Container(_) => Held::Nested,
                        held => held,
                    };
                    let is_as_told = self.place.is_none() || list.sequence.shows(slot) != removed;
                    if last_item.replace(item).is_some_and(|last| last >= item) || !is_as_told {
                        return Err(malformed(Part::Item));
                    }
                    self.grow(size::ENTRY + held.size())?;
                    list.items.put(item, held);
                    if written != item {
                        list.written.insert(item, written);
                    }
                    if slot != item {
                        list.slots.insert(item, slot);
                    }
                }
                Data::Text(text) => {
                    let lv = self.lv()?;
                    let (start, end) = (self.anchor(text)?, self.anchor(text)?);
                    let (key, value) = (self.string()?, Value::decode(self.reader)?);
                    let mark = MarkRecord { lv, start, end, key, value };
                    self.grow(mark.size())?;
                    text.put_mark(mark);
                }
            }
        }
        if let Data::List(list) = data {
            for _ in 0..self.reader.count(2)? {
                let (slot, item) = (self.lv()?, self.lv()?);
                self.grow(size::ENTRY)?;
                if list.moved.insert(slot, item).is_some() {
                    return Err(malformed(Part::Move));
                }
            }
            if self.place.is_some() && !list.is_sound() {
                return Err(malformed(Part::List));
            }
        }
        Ok(())
    }

    /// Whose sum comes next, which stands behind these.
    fn replica(&mut self, Sums(before): &Sums) -> Result<ReplicaId, ApplyError> {
        self.grow(size::SUM)?;
        let replica = match &self.place {
            Some(Place { doc, .. }) => doc.numbers.replica(index(self.reader, doc.numbers.replicas().len())?),
            None => ReplicaId::new(self.reader.varint()?),
        };
        if before.last().is_some_and(|last| last.0 >= replica) {
            return Err(malformed(Part::OrderOfSums));
        }
        Ok(replica)
    }

    /// What a key or an item holds. A nested value stands where it was made: none is in two places, or in itself.
    fn held(&mut self, at: u32) -> Result<Held, DecodeError> {
        let held = Held::decode(self.reader)?;
        let Some(Place { doc, container: holder, .. }) = self.place else { return Ok(held) };
        let is_here = match held {
            Held::Container(nested) => match doc.state.containers.get(nested).map(|it| it.parent) {
                Some(Parent::Key { map: of, key: place, .. } | Parent::Item { list: of, item: place }) => {
                    (of, place) == (holder, at)
                }
                _ => false,
            },
            Held::Nested => false,
            _ => true,
        };
        if is_here { Ok(held) } else { Err(DecodeError::Malformed(Part::Nesting)) }
    }

    fn anchor(&mut self, text: &Text) -> Result<Anchor<Lv>, DecodeError> {
        let after = self.reader.byte()? == 1;
        let lv = optional(self.reader, self.end())?;
        if lv != NONE && !text.sequence.holds(lv, 1) {
            return Err(DecodeError::Malformed(Part::Anchor));
        }
        Ok(Anchor { element: (lv != NONE).then_some(lv), after })
    }

    /// The runs of its sequence.
    fn runs(&mut self) -> Result<Runs, ApplyError> {
        let runs = match &mut self.place {
            Some(place) => place.doc.read_runs(place.runs)?,
            None => {
                let mut stored = Stored::open(self.reader)?;
                let count = stored.count()?;
                stored.read(count, NONE)?
            }
        };
        self.grow(runs.len as usize * size::ELEMENT)?;
        Ok(runs)
    }

    /// The number of the next operation.
    fn end(&self) -> Lv {
        self.place.as_ref().map_or(NONE, |place| place.doc.numbers.next())
    }

    /// The number of an operation.
    fn lv(&mut self) -> Result<Lv, DecodeError> {
        index(self.reader, self.end() as usize)
    }

    fn string(&mut self) -> Result<StrId, DecodeError> {
        index(self.reader, self.place.as_ref().map_or(usize::MAX, |place| place.doc.strings.len()))
    }

    fn grow(&mut self, more: usize) -> Result<(), ApplyError> {
        self.room = self.room.checked_sub(more).ok_or(ApplyError::TooLarge)?;
        Ok(())
    }
}

const fn malformed(part: Part) -> ApplyError {
    ApplyError::Decode(DecodeError::Malformed(part))
}

/// Appends what a container holds, but for the runs of its sequence; with the numbers that stand for replicas, and the
/// containers that operations made.
pub(crate) fn write_data(
    data: &Data,
    out: &mut Vec<u8>,
    index: &dyn Fn(ReplicaId) -> u64,
    made: &dyn Fn(Lv) -> Option<u32>,
) {
    match data {
        Data::Counter(Sums(sums)) | Data::FloatCounter(Sums(sums)) => {
            out.varint(sums.len() as u64);
            for &(replica, sum) in sums {
                out.varint(index(replica));
                match data {
                    Data::Counter(_) => write_sum(sum, out),
                    _ => out.extend_from_slice(&float(sum).to_le_bytes()),
                }
            }
        }
        Data::Register(writes) => {
            out.varint(writes.len() as u64);
            for (lv, value) in writes {
                out.varint(u64::from(*lv));
                value.encode(out);
            }
        }
        Data::Map(map) => {
            out.varint(map.slots.len() as u64);
            for (&key, slot) in &map.slots {
                out.varint(u64::from(key));
                out.varint(u64::from(slot.lv));
                slot.held.encode(out);
            }
        }
        Data::Set(members) => {
            out.varint(members.values.len() as u64);
            for (value, adds) in &members.values {
                value.0.encode(out);
                out.varint(adds.len() as u64);
                adds.iter().for_each(|add| out.varint(u64::from(*add)));
            }
        }
        Data::List(list) => {
            let hidden = list.sequence.hidden();
            out.varint(list.items.iter().count() as u64);
            for (lv, held) in list.items.iter() {
                let slot = list.slot_of(lv);
                out.varint(u64::from(lv));
                out.varint(u64::from(list.written(lv)));
                out.varint(u64::from(slot));
                out.push(u8::from(lies_in(&hidden, slot)));
                let nested = if let Held::Nested = held { made(lv).map(Held::Container) } else { None };
                nested.as_ref().unwrap_or(held).encode(out);
            }
            out.varint(list.moved.len() as u64);
            for (&slot, &item) in &list.moved {
                out.varint(u64::from(slot));
                out.varint(u64::from(item));
            }
        }
        Data::Text(text) => {
            out.varint(text.sequence.byte_len() as u64);
            for chunk in text.sequence.chunks(0..text.sequence.len()) {
                out.extend_from_slice(chunk.as_bytes());
            }
            out.varint(text.marks.len() as u64);
            for mark in &text.marks {
                out.varint(u64::from(mark.lv));
                for anchor in [mark.start, mark.end] {
                    out.push(u8::from(anchor.after));
                    write_optional(anchor.element.unwrap_or(NONE), out);
                }
                out.varint(u64::from(mark.key));
                mark.value.encode(out);
            }
        }
    }
}
