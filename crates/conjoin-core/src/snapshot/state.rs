//! The state as bytes: values, version and what later changes refer to.
//!
//! Operations stand as the numbers that the document which wrote it gave them; the reader gives them the
//! same.

use super::data::{Place, read_data, write_data};
use super::known::{index, optional, write_optional};
use crate::codec::{DecodeError, Header, Part, Reader, Writer};
use crate::doc::{ApplyError, Doc};
use crate::numbers::{Lv, NONE};
use crate::sequence::{Runs, Stored};
use crate::size;
use crate::state::{Data, Parent};
use crate::value::Kind;

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
                    write_optional(base, &mut out);
                }
                Parent::Item { list, item } => {
                    out.push(2);
                    out.varint(u64::from(list));
                    out.varint(u64::from(item));
                }
            }
            write_optional(container.made, &mut out);
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
            let kind = self.state.container(container).kind;
            let place = Place { doc: self, container, runs: &mut runs };
            let (data, size) = read_data(kind, reader, Some(place))?;
            self.state.size += size;
            *self.state.containers.data_mut(container) = data;
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
                base: optional(reader, self.numbers.next())?,
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
        let made = optional(reader, self.numbers.next())?;
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

    /// The runs of the next sequence, no more than the state has room for.
    pub(super) fn read_runs(&self, stored: &mut Stored<Reader<'_>>) -> Result<Runs, ApplyError> {
        let count = stored.count()?;
        self.room(count.saturating_mul(size::ELEMENT))?;
        let runs = stored.read(count, self.numbers.next())?;
        self.room(usize::try_from(runs.len).unwrap_or(usize::MAX).saturating_mul(size::ELEMENT))?;
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Held;
    use crate::version::ReplicaId;

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
