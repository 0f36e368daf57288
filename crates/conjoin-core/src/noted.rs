//! What operations changed, as they were done, until somebody asks what that adds up to.
//!
//! Most of it nobody ever asks for, so it stands as bytes: who takes in much at once should not have to keep several
//! times as much for it.

use crate::codec::{DecodeError, Reader, Writer};
use crate::numbers::Lv;
use crate::size::make_room;
use crate::sorted::Sorted;
use crate::state::{Held, read_sum, write_sum};
use crate::value::Value;
use crate::version::ReplicaId;

/// What one operation changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// A replica's part of a counter; what it was before.
    Sum {
        container: u32,
        replica: ReplicaId,
        before: i128,
    },
    /// The writes of a register; which they were before.
    Writes {
        container: u32,
        before: Vec<(Lv, Value)>,
    },
    /// A key of a map or an item of a list holds something else; what it held before.
    Held {
        container: u32,
        at: u32,
        before: Held,
    },
    Member {
        container: u32,
        value: Value,
    },
    /// At an index as it was then.
    Splice {
        container: u32,
        at: u32,
        deleted: u32,
        inserted: u32,
    },
    /// The mark of this operation counts somewhere.
    Format {
        container: u32,
        mark: Lv,
    },
}

/// What changed takes no more bytes than this, nearly always.
const ROOM: usize = 64;

/// What changed, in the order in which it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    /// All but the last.
    bytes: Vec<u8>,
    last: Option<Raw>,
    /// The registers that changed: what each was before is noted once.
    registers: Sorted<u32, u32>,
}

impl Noted {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), last: None, registers: Sorted::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        // Nearly always it is one that holds nothing to be dropped.
        match self.last.take() {
            Some(splice @ Raw::Splice { .. }) => std::mem::forget(splice),
            other => drop(other),
        }
        self.registers.clear();
    }

    /// Takes note of what changed, as a part of what changed before if it is at the same place.
    pub(crate) fn push(&mut self, raw: Raw) {
        if self.last.as_mut().is_some_and(|last| last.takes(&raw)) {
            return;
        }
        match (&self.last, &raw) {
            // Who came and went is where it was.
            (Some(Raw::Member { container, value }), Raw::Member { container: of, value: other })
                if container == of && value == other =>
            {
                self.last = None;
            }
            _ => self.put(raw),
        }
    }

    /// As [`push`](Self::push) of what was done at an index of a sequence.
    #[inline]
    pub(crate) fn splice(&mut self, container: u32, at: u32, deleted: u32, inserted: u32) {
        // Most changes are no more than one.
        let Some(last) = &mut self.last else {
            self.last = Some(Raw::Splice { container, at, deleted, inserted });
            return;
        };
        if !last.takes_splice(container, at, deleted, inserted) {
            self.put(Raw::Splice { container, at, deleted, inserted });
        }
    }

    fn put(&mut self, raw: Raw) {
        let container = raw.container();
        if matches!(raw, Raw::Writes { .. }) && self.registers.insert(container, container).is_some() {
            return;
        }
        if let Some(last) = self.last.replace(raw) {
            make_room(&mut self.bytes, ROOM);
            last.encode(&mut self.bytes);
        }
    }

    /// All of it, in order.
    pub(crate) fn all(&self) -> Vec<Raw> {
        let (mut all, mut last) = (Vec::new(), Vec::new());
        if let Some(raw) = &self.last {
            raw.encode(&mut last);
        }
        for bytes in [&self.bytes, &last] {
            let mut reader = Reader::new(bytes);
            while let Ok(raw) = Raw::decode(&mut reader) {
                all.push(raw);
            }
        }
        all
    }
}

impl Raw {
    fn takes(&mut self, next: &Self) -> bool {
        if self.container() != next.container() {
            return false;
        }
        match (self, next) {
            (Self::Sum { replica, .. }, Self::Sum { replica: other, .. }) => replica == other,
            (Self::Writes { .. }, Self::Writes { .. }) => true,
            (Self::Held { at, .. }, Self::Held { at: other, .. }) => at == other,
            (last, &Self::Splice { container, at, deleted, inserted }) => {
                last.takes_splice(container, at, deleted, inserted)
            }
            _ => false,
        }
    }

    fn takes_splice(&mut self, container: u32, place: u32, gone: u32, new: u32) -> bool {
        let Self::Splice { container: of, at, deleted, inserted } = self else { return false };
        let end = *at + *inserted;
        match (gone, new) {
            _ if *of != container => return false,
            (0, _) if *at <= place && place <= end => *inserted += new,
            (_, 0) if *at <= place && place + gone <= end => *inserted -= gone,
            (_, 0) if place == end => *deleted += gone,
            (_, 0) if place + gone == *at => (*at, *deleted) = (place, *deleted + gone),
            _ => return false,
        }
        true
    }

    pub(crate) const fn container(&self) -> u32 {
        match self {
            Self::Sum { container, .. }
            | Self::Writes { container, .. }
            | Self::Held { container, .. }
            | Self::Member { container, .. }
            | Self::Splice { container, .. }
            | Self::Format { container, .. } => *container,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.push(0);
        out.varint(self.container().into());
        out[at] = match self {
            Self::Sum { replica, before, .. } => {
                out.extend_from_slice(&replica.get().to_le_bytes());
                write_sum(*before, out);
                0
            }
            Self::Writes { before, .. } => {
                out.varint(before.len() as u64);
                for (lv, value) in before {
                    out.varint((*lv).into());
                    value.encode(out);
                }
                1
            }
            Self::Held { at, before, .. } => {
                out.varint((*at).into());
                before.encode(out);
                2
            }
            Self::Member { value, .. } => {
                value.encode(out);
                3
            }
            &Self::Splice { at, deleted, inserted, .. } => {
                [at, deleted, inserted].into_iter().for_each(|number| out.varint(number.into()));
                4
            }
            Self::Format { mark, .. } => {
                out.varint((*mark).into());
                5
            }
        };
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.byte()?;
        let number = |reader: &mut Reader<'_>| reader.varint().map(|number| number as u32);
        let container = number(reader)?;
        Ok(match tag {
            0 => Self::Sum { container, replica: ReplicaId::new(reader.u64()?), before: read_sum(reader)? },
            1 => {
                let mut before = Vec::new();
                for _ in 0..reader.varint()? {
                    before.push((number(reader)?, Value::decode(reader)?));
                }
                Self::Writes { container, before }
            }
            2 => Self::Held { container, at: number(reader)?, before: Held::decode(reader)? },
            3 => Self::Member { container, value: Value::decode(reader)? },
            4 => Self::Splice {
                container,
                at: number(reader)?,
                deleted: number(reader)?,
                inserted: number(reader)?,
            },
            _ => Self::Format { container, mark: number(reader)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw() -> impl Strategy<Value = Raw> {
        let value = || {
            let few = prop::sample::select(vec![Value::Null, Value::from(1i64), Value::from("a")]);
            prop_oneof![few, any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from)]
        };
        let held = || {
            let nested = any::<u32>().prop_map(Held::Container);
            prop_oneof![Just(Held::Nothing), value().prop_map(Held::Value), nested]
        };
        let container = || 0..4u32;
        prop_oneof![
            (container(), any::<u64>(), any::<i64>(), any::<bool>()).prop_map(
                |(container, replica, before, shifts)| {
                    let before = i128::from(before) << if shifts { 30 } else { 0 };
                    Raw::Sum { container, replica: ReplicaId::new(replica), before }
                }
            ),
            (container(), prop::collection::vec((any::<u32>(), value()), 0..3))
                .prop_map(|(container, before)| Raw::Writes { container, before }),
            (container(), 0..4u32, held()).prop_map(|(container, at, before)| Raw::Held {
                container,
                at,
                before
            }),
            (container(), value()).prop_map(|(container, value)| Raw::Member { container, value }),
            (container(), any::<[u16; 3]>()).prop_map(|(container, [at, deleted, inserted])| {
                let [at, deleted, inserted] = [at, deleted, inserted].map(u32::from);
                Raw::Splice { container, at, deleted, inserted }
            }),
            (container(), any::<u32>()).prop_map(|(container, mark)| Raw::Format { container, mark }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_noted_is_told_as_it_was(raws in prop::collection::vec(raw(), 0..20)) {
            let mut noted = Noted::new();
            let mut told: Vec<Raw> = Vec::new();
            // Whether the latest of them may still become more, or nothing.
            let mut open = false;
            for raw in raws {
                let again = matches!(raw, Raw::Writes { .. })
                    && told.iter().any(|other| {
                        matches!(other, Raw::Writes { .. }) && other.container() == raw.container()
                    });
                let came_and_went = matches!(raw, Raw::Member { .. }) && told.last() == Some(&raw);
                if open && came_and_went {
                    told.pop();
                    open = false;
                } else if !(again || open && told.last_mut().is_some_and(|last| last.takes(&raw))) {
                    told.push(raw.clone());
                    open = true;
                }
                noted.push(raw);
            }
            prop_assert_eq!(noted.all(), told);
            noted.clear();
            prop_assert_eq!(noted.all(), []);
        }
    }
}
