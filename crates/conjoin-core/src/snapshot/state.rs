//! The state as bytes: values, version and what later changes refer to.
//!
//! Operations stand as the numbers that the document which wrote it gave them; the reader gives them the
//! same.

use super::known::index;
use crate::codec::{DecodeError, Header, Part, Reader, Writer};
use crate::doc::{ApplyError, Doc};
use crate::numbers::{Lv, NONE, lies_in};
use crate::op::{Anchor, finite};
use crate::sequence::{Resting, Runs, Sequence, Stored};
use crate::size;
use crate::state::{
    Adds, Data, Held, List, Map, MarkRecord, Members, Parent, Slot, Sums, Text, bits, float, read_sum,
    size_of_member, size_of_writes, write_sum,
};
use crate::strings::StrId;
use crate::value::{Kind, Ordered, Value};
use crate::version::ReplicaId;

impl Doc {
    /// The state of the document, without its history: for those who have seen too little for a delta.
    ///
    /// ```
    /// use conjoin_core::{Doc, HistoryGone, ReplicaId, VersionVector};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello"));
    /// let loaded = Doc::load(ReplicaId::new(2), &doc.state())?;
    /// assert_eq!(loaded.text("t").to_string(), "Hello");
    /// assert_eq!(loaded.delta_since(&VersionVector::new()), Err(HistoryGone));
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn state(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Header::State.write(&mut out);
        let numbers = &self.numbers;
        self.write_known(&mut out);
        out.varint(u64::from(self.floor));
        out.varint(self.names.len() as u64);
        self.write_names(self.names.len(), &mut out);
        out.varint(u64::from(self.state.containers.next()));
        for container in self.state.containers.iter() {
            out.push(container.kind.tag());
            match container.parent {
                Parent::Root(name) => {
                    out.push(0);
                    out.varint(u64::from(name));
                }
                Parent::Key { map, key, base } => {
                    out.push(1);
                    out.varint(u64::from(map));
                    out.varint(u64::from(key));
                    out.optional(base);
                }
                Parent::Item { list, item } => {
                    out.push(2);
                    out.varint(u64::from(list));
                    out.varint(u64::from(item));
                }
            }
            out.optional(container.made);
        }
        let makers = self.state.containers.makers();
        out.varint(makers.len() as u64);
        for (made, container) in makers {
            out.varint(u64::from(made));
            out.varint(u64::from(container));
        }
        let mut runs = Stored::<Vec<u8>>::default();
        for data in self.state.all_data() {
            match data {
                Data::List(list) => runs.push(&list.sequence),
                Data::Text(text) => runs.push(&text.sequence),
                _ => {}
            }
        }
        runs.write(&mut out);
        for data in self.state.all_data() {
            let index = |replica| u64::from(numbers.replica_number(replica).unwrap_or(0));
            write_data(data, &mut out, &index, &|made| self.state.containers.made(made));
        }
        out
    }

    /// Reads what [`state`](Self::state) wrote into an empty document.
    pub(super) fn read_state(&mut self, reader: &mut Reader<'_>) -> Result<(), ApplyError> {
        Header::State.read(reader)?;
        self.read_known(reader)?;
        let floor = reader.varint()?;
        if floor > u64::from(self.numbers.next()) {
            return Err(DecodeError::Malformed(Part::Number).into());
        }
        self.floor = floor as Lv;
        let count = reader.count(1)?;
        if count > self.numbers.replicas().len() {
            return Err(DecodeError::Malformed(Part::Names).into());
        }
        self.read_names(count, reader)?;
        let containers = reader.count(4)?;
        self.room(containers.saturating_mul(size::ENTRY))?;
        for nth in 0..containers {
            self.read_container(reader, nth)?;
        }
        for _ in 0..reader.count(2)? {
            let (made, container) = (self.read_lv(reader)?, index(reader, containers)?);
            if self.state.containers.made(made).is_some_and(|other| other != container) {
                return Err(DecodeError::Malformed(Part::Container).into());
            }
            if self.state.containers.make(made, container).is_none() {
                self.state.size += size::SUM;
            }
        }
        self.room(0)?;
        let mut runs = Stored::open(reader)?;
        for container in 0..containers as u32 {
            self.read_data(reader, &mut runs, container)?;
            self.room(0)?;
        }
        runs.end()?;
        self.log.skip(0, self.numbers.next());
        Ok(())
    }

    fn read_container(&mut self, reader: &mut Reader<'_>, nth: usize) -> Result<(), ApplyError> {
        const MALFORMED: ApplyError = ApplyError::Decode(DecodeError::Malformed(Part::Container));
        let kind = Kind::from_tag(reader.byte()?).ok_or(MALFORMED)?;
        let tag = reader.byte()?;
        let parent = match tag {
            0 => Parent::Root(index(reader, self.strings.len())?),
            1 => Parent::Key {
                map: index(reader, nth)?,
                key: index(reader, self.strings.len())?,
                base: self.read_optional(reader)?,
            },
            2 => Parent::Item { list: index(reader, nth)?, item: self.read_lv(reader)? },
            _ => return Err(MALFORMED),
        };
        let holder = match parent {
            Parent::Root(_) => None,
            Parent::Key { map, .. } => Some((map, Kind::Map)),
            Parent::Item { list, .. } => Some((list, Kind::List)),
        };
        if holder.is_some_and(|(at, kind)| self.state.container(at).kind != kind) {
            return Err(MALFORMED);
        }
        let made = self.read_optional(reader)?;
        if (made == NONE) != (tag == 0) || matches!(parent, Parent::Item { item, .. } if item != made) {
            return Err(MALFORMED);
        }
        // An operation makes one.
        if self.state.containers.made(made).is_some() {
            return Err(MALFORMED);
        }
        let at = self.state.make(kind, parent, made, &self.strings);
        if at as usize == nth { Ok(()) } else { Err(MALFORMED) }
    }

    /// The number of an operation.
    fn read_lv(&self, reader: &mut Reader<'_>) -> Result<Lv, DecodeError> {
        index(reader, self.numbers.next() as usize)
    }

    fn read_optional(&self, reader: &mut Reader<'_>) -> Result<Lv, DecodeError> {
        match reader.varint()? {
            0 => Ok(NONE),
            lv if lv <= u64::from(self.numbers.next()) => Ok((lv - 1) as Lv),
            _ => Err(DecodeError::Malformed(Part::Number)),
        }
    }

    fn read_data(
        &mut self,
        reader: &mut Reader<'_>,
        runs: &mut Stored<Reader<'_>>,
        container: u32,
    ) -> Result<(), ApplyError> {
        let limit = self.state_limit;
        let mut size = self.state.size;
        let mut grow = |more: usize| {
            size += more;
            if size > limit { Err(ApplyError::TooLarge) } else { Ok(()) }
        };
        let kind = self.state.container(container).kind;
        let data = match kind {
            Kind::Counter | Kind::FloatCounter => {
                let mut sums = Vec::new();
                for _ in 0..reader.count(2)? {
                    let replica = self.numbers.replica(index(reader, self.numbers.replicas().len())?);
                    let sum = match kind {
                        Kind::Counter => read_sum(reader)?,
                        _ => bits(finite(reader.float()?)?),
                    };
                    if sums.last().is_some_and(|last: &(_, _)| last.0 >= replica) {
                        return Err(DecodeError::Malformed(Part::OrderOfSums).into());
                    }
                    grow(size::SUM)?;
                    sums.push((replica, sum));
                }
                if kind == Kind::Counter { Data::Counter(Sums(sums)) } else { Data::FloatCounter(Sums(sums)) }
            }
            Kind::Register => {
                let mut writes: Vec<(Lv, Value)> = Vec::new();
                for _ in 0..reader.count(2)? {
                    let lv = self.read_lv(reader)?;
                    if writes.last().is_some_and(|last| self.numbers.stamp(last.0) <= self.numbers.stamp(lv))
                    {
                        return Err(DecodeError::Malformed(Part::OrderOfWrites).into());
                    }
                    writes.push((lv, Value::decode(reader)?));
                }
                grow(size_of_writes(&writes))?;
                Data::Register(writes)
            }
            Kind::Map => {
                let mut map = Map::default();
                for _ in 0..reader.count(3)? {
                    let key: StrId = index(reader, self.strings.len())?;
                    let lv = self.read_lv(reader)?;
                    let here = |parent| matches!(parent, Parent::Key { map, key: at, .. } if (map, at) == (container, key));
                    let held = self.read_held(reader, here)?;
                    grow(size::entry(self.strings.get(key)) + held.size())?;
                    if map.slots.insert(key, Slot { lv, held }).is_some() {
                        return Err(DecodeError::Malformed(Part::Map).into());
                    }
                }
                Data::Map(map)
            }
            Kind::Set => {
                let mut members = Members::default();
                for _ in 0..reader.count(3)? {
                    let value = Value::decode(reader)?;
                    let mut adds = Adds::NONE;
                    for _ in 0..reader.count(1)? {
                        adds.push(self.read_lv(reader)?);
                    }
                    grow(size_of_member(&value, adds.len()))?;
                    if adds.is_empty() || members.values.insert(Ordered(value), adds).is_some() {
                        return Err(DecodeError::Malformed(Part::Set).into());
                    }
                }
                Data::Set(members)
            }
            Kind::List => {
                let runs = self.read_runs(runs)?;
                grow(runs.len as usize * size::ELEMENT)?;
                let shown = runs.visible as u32;
                let sequence = Sequence::from_stored(runs, shown.into());
                let sequence = sequence.map_err(|_| DecodeError::Malformed(Part::Sequence))?;
                let mut list = List { sequence, ..List::default() };
                let mut before = None;
                for _ in 0..reader.count(5)? {
                    let lv = self.read_lv(reader)?;
                    let (written, slot) = (self.read_lv(reader)?, self.read_lv(reader)?);
                    let removed = reader.byte()? == 1;
                    let here = |parent| matches!(parent, Parent::Item { list, item } if (list, item) == (container, lv));
                    let held = match self.read_held(reader, here)? {
                        Held::Container(_) => Held::Nested,
                        held => held,
                    };
                    grow(size::ENTRY + held.size())?;
                    let shows = list.sequence.find(slot).is_some_and(|place| place.visible);
                    if !list.sequence.holds(lv, 1)
                        || before.is_some_and(|last| last >= lv)
                        || shows == removed
                    {
                        return Err(DecodeError::Malformed(Part::Item).into());
                    }
                    before = Some(lv);
                    list.items.put(lv, held);
                    if written != lv {
                        list.written.insert(lv, written);
                    }
                    if slot != lv {
                        list.slots.insert(lv, slot);
                    }
                }
                for _ in 0..reader.count(2)? {
                    let (slot, item) = (self.read_lv(reader)?, self.read_lv(reader)?);
                    grow(size::ENTRY)?;
                    let known = list.items.get(item).is_some() && list.items.get(slot).is_none();
                    if !known || !list.sequence.holds(slot, 1) || list.moved.insert(slot, item).is_some() {
                        return Err(DecodeError::Malformed(Part::Move).into());
                    }
                }
                if !list.is_sound() {
                    return Err(DecodeError::Malformed(Part::List).into());
                }
                Data::List(list.into())
            }
            Kind::Text => {
                let runs = self.read_runs(runs)?;
                grow(runs.len as usize * size::ELEMENT)?;
                let sequence = Resting::new(runs, reader.str()?);
                let sequence = sequence.map_err(|_| DecodeError::Malformed(Part::Sequence))?;
                let mut text = Text { sequence, ..Text::default() };
                for _ in 0..reader.count(7)? {
                    let lv = self.read_lv(reader)?;
                    let (start, end) = (self.read_anchor(reader, &text)?, self.read_anchor(reader, &text)?);
                    let key = index(reader, self.strings.len())?;
                    let mark = MarkRecord { lv, start, end, key, value: Value::decode(reader)? };
                    grow(mark.size())?;
                    text.put_mark(mark);
                }
                Data::Text(Box::new(text))
            }
        };
        self.state.size = size;
        *self.state.containers.data_mut(container) = data;
        Ok(())
    }

    /// What a key or an item holds. A nested value stands where it was made, which `here` knows: none is in
    /// two places, or in itself.
    fn read_held(&self, reader: &mut Reader<'_>, here: impl Fn(Parent) -> bool) -> Result<Held, DecodeError> {
        let held = Held::decode(reader)?;
        match held {
            Held::Container(at) if !self.state.containers.get(at).is_some_and(|it| here(it.parent)) => {
                Err(DecodeError::Malformed(Part::Nesting))
            }
            Held::Nested => Err(DecodeError::Malformed(Part::Nesting)),
            held => Ok(held),
        }
    }

    fn read_anchor(&self, reader: &mut Reader<'_>, text: &Text) -> Result<Anchor<Lv>, DecodeError> {
        let after = reader.byte()? == 1;
        let lv = self.read_optional(reader)?;
        if lv != NONE && !text.sequence.holds(lv, 1) {
            return Err(DecodeError::Malformed(Part::Anchor));
        }
        Ok(Anchor { element: (lv != NONE).then_some(lv), after })
    }

    /// The runs of the next sequence, no more than the state has room for.
    pub(super) fn read_runs(&self, stored: &mut Stored<Reader<'_>>) -> Result<Runs, ApplyError> {
        let count = stored.count()?;
        self.room(count.saturating_mul(size::ELEMENT))?;
        let runs = stored.read(count, self.numbers.next())?;
        self.room(usize::try_from(runs.len).unwrap_or(usize::MAX).saturating_mul(size::ELEMENT))?;
        Ok(runs)
    }
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
                    out.optional(anchor.element.unwrap_or(NONE));
                }
                out.varint(u64::from(mark.key));
                mark.value.encode(out);
            }
        }
    }
}

trait Optional {
    /// A number, or none.
    fn optional(&mut self, lv: Lv);
}

impl Optional for Vec<u8> {
    fn optional(&mut self, lv: Lv) {
        self.varint(if lv == NONE { 0 } else { u64::from(lv) + 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_is_said_to_hold_itself_is_refused() {
        let mut doc = Doc::new(ReplicaId::new(1));
        doc.transact(|tx| tx.map("m").set("k", 1));
        assert!(Doc::new(ReplicaId::new(2)).merge_snapshot(&doc.state()).is_ok());
        let Data::Map(map) = doc.state.containers.data_mut(0) else { unreachable!("only a map was made") };
        map.slots.values_mut().for_each(|slot| slot.held = Held::Container(0));
        let error = Doc::new(ReplicaId::new(2)).merge_snapshot(&doc.state()).map(|_| ());
        assert_eq!(error, Err(DecodeError::Malformed(Part::Nesting).into()));
    }
}
