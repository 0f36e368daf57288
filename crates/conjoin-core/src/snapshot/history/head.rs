//! What stands ahead of the operations of a history: who made them, and the names they use.

use super::rows::MALFORMED;
use crate::codec::{Reader, Writer};
use crate::doc::{ApplyError, Doc};
use crate::numbers::{NONE, Numbers};
use crate::snapshot::known::index;
use crate::state::Parent;
use crate::value::Kind;

/// What a document was made of before its first operation.
pub(super) struct Head {
    /// Who made the operations, and what was seen of others.
    pub(super) numbers: Numbers,
    /// The values with a name of their own, by their numbers.
    pub(super) roots: Vec<(u32, Kind, u32)>,
}

impl Doc {
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        self.write_known(out);
        self.write_names(self.numbers.replicas().len(), out);
        let roots =
            self.state.containers.iter().zip(0u32..).filter_map(|(container, nth)| match container.parent {
                Parent::Root(name) => Some((nth, container.kind, name)),
                _ => None,
            });
        out.varint(roots.clone().count() as u64);
        for (nth, kind, name) in roots {
            out.varint(u64::from(nth));
            out.push(kind.tag());
            out.varint(u64::from(name));
        }
    }

    pub(super) fn take_head(&mut self, reader: &mut Reader<'_>) -> Result<Head, ApplyError> {
        self.read_known(reader)?;
        self.read_names(self.numbers.replicas().len(), reader)?;
        let mut roots: Vec<(u32, Kind, u32)> = Vec::new();
        for _ in 0..reader.count(3)? {
            let nth = u32::try_from(reader.varint()?).map_err(|_| MALFORMED)?;
            let kind = Kind::from_tag(reader.byte()?).ok_or(MALFORMED)?;
            if roots.last().is_some_and(|last| last.0 >= nth) {
                return Err(MALFORMED.into());
            }
            roots.push((nth, kind, index(reader, self.strings.len())?));
        }
        reader.end()?;
        self.room(0)?;
        // They are numbered again as they are done.
        let numbers = std::mem::replace(&mut self.numbers, Numbers::new());
        for &replica in numbers.replicas() {
            self.numbers.introduce(replica);
        }
        Ok(Head { numbers, roots })
    }

    /// Makes the named values whose turn it is.
    pub(super) fn make_roots(&mut self, roots: &[(u32, Kind, u32)]) {
        let len = self.state.containers.next();
        let from = roots.partition_point(|root| root.0 < len);
        for (&(nth, kind, name), turn) in roots[from..].iter().zip(len..) {
            // Of one that is there twice the second is not made, and then what follows has no turn.
            if nth != turn || self.state.make(kind, Parent::Root(name), NONE, &self.strings) != nth {
                break;
            }
        }
    }
}
