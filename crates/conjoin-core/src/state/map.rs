//! Maps: for each key the write with the highest stamp. A removed key keeps its removal, so that a write
//! that came before it and arrives after it loses.

use super::Author;
use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::numbers::Lv;
use crate::size;
use crate::sorted::Sorted;
use crate::strings::{StrId, Strings};
use crate::value::Value;

/// What stands at a key of a map, or in an item of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Held {
    Nothing,
    Value(Value),
    /// Under a key.
    Container(u32),
    /// The container that the item was made with: the operation that made both tells which.
    Nested,
}

impl Held {
    pub(crate) fn size(&self) -> usize {
        if let Self::Value(value) = self { value.size() } else { 0 }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => out.push(0),
            Self::Value(value) => {
                out.push(1);
                value.encode(out);
            }
            Self::Container(container) => {
                out.push(2);
                out.varint(u64::from(*container));
            }
            Self::Nested => out.push(3),
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.byte()? {
            0 => Self::Nothing,
            1 => Self::Value(Value::decode(reader)?),
            2 => Self::Container(u32::try_from(reader.varint()?).map_err(|_| MALFORMED)?),
            3 => Self::Nested,
            _ => return Err(MALFORMED),
        })
    }
}

const MALFORMED: DecodeError = DecodeError::Malformed(Part::Entry);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// The write that won.
    pub(crate) lv: Lv,
    pub(crate) held: Held,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    pub(crate) slots: Sorted<StrId, Slot>,
}

impl Map {
    pub(crate) const fn new() -> Self {
        Self { slots: Sorted::new() }
    }

    /// Writes to a key; gives what it held before if that was something else.
    pub(crate) fn put(
        &mut self,
        key: StrId,
        lv: Lv,
        held: Held,
        author: &Author<'_>,
        strings: &Strings,
        size: &mut usize,
    ) -> Option<Held> {
        let Some(slot) = self.slots.get_mut(&key) else {
            *size += size::entry(strings.get(key)) + held.size();
            let something = held != Held::Nothing;
            self.slots.insert(key, Slot { lv, held });
            return something.then_some(Held::Nothing);
        };
        if author.stamp(lv) <= author.stamp(slot.lv) {
            return None;
        }
        *size = *size + held.size() - slot.held.size();
        slot.lv = lv;
        let before = std::mem::replace(&mut slot.held, held);
        (before != slot.held).then_some(before)
    }
}
