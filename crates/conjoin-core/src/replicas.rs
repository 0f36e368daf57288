//! Replicas and the numbers they have in a document, or in a piece of data: those of the order in which they come up.

use std::cmp::Ordering;

use crate::codec::{DecodeError, Reader, Writer};
use crate::sorted::Sorted;
use crate::version::ReplicaId;

#[derive(Debug, Clone, Default)]
pub(crate) struct Replicas {
    ids: Vec<ReplicaId>,
    /// The numbers of those behind the first few, each behind the upper half of its id, in the order of the ids.
    numbers: Sorted<u32, u32>,
}

/// So many are looked for one by one.
const FEW: usize = 8;

impl Replicas {
    pub(crate) const fn new() -> Self {
        Self { ids: Vec::new(), numbers: Sorted::new() }
    }

    pub(crate) fn ids(&self) -> &[ReplicaId] {
        &self.ids
    }

    pub(crate) fn into_ids(self) -> Vec<ReplicaId> {
        self.ids
    }

    /// The number of a replica.
    pub(crate) fn number(&self, replica: ReplicaId) -> Option<u32> {
        match self.ids.iter().take(FEW).position(|id| *id == replica) {
            Some(at) => Some(at as u32),
            None => self.numbers.find(order_to(&self.ids, replica)).map(|entry| entry.1),
        }
    }

    /// The number of a replica, which it gets if it has none.
    pub(crate) fn introduce(&mut self, replica: ReplicaId) -> u32 {
        self.number(replica).unwrap_or_else(|| {
            let number = self.ids.len() as u32;
            if self.ids.len() >= FEW {
                self.numbers.insert_by(order_to(&self.ids, replica), upper(replica), number);
            }
            self.ids.push(replica);
            number
        })
    }
}

const fn upper(replica: ReplicaId) -> u32 {
    (replica.get() >> 32) as u32
}

/// How numbers of replicas come beside this one.
fn order_to(ids: &[ReplicaId], replica: ReplicaId) -> impl Fn(&(u32, u32)) -> Ordering {
    move |&(half, number)| half.cmp(&upper(replica)).then_with(|| ids[number as usize].cmp(&replica))
}

pub(crate) fn encode(ids: &[ReplicaId], out: &mut Vec<u8>) {
    out.varint(ids.len() as u64);
    for id in ids {
        out.extend_from_slice(&id.get().to_le_bytes());
    }
}

pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Vec<ReplicaId>, DecodeError> {
    let count = reader.count(8)?;
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(ReplicaId::new(reader.u64()?));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn replicas_have_the_numbers_of_the_order_in_which_they_came_up(
            // Some with the same upper half.
            ids in prop::collection::vec((0..3u64, 0..40u64), 0..120),
        ) {
            let (mut replicas, mut model) = (Replicas::default(), Vec::new());
            for (upper, lower) in ids {
                let id = ReplicaId::new(upper << 32 | lower);
                let known = model.iter().position(|other| *other == id);
                prop_assert_eq!(replicas.number(id), known.map(|at| at as u32));
                if known.is_none() {
                    model.push(id);
                }
                prop_assert_eq!(replicas.introduce(id) as usize, known.unwrap_or(model.len() - 1));
                prop_assert_eq!(replicas.ids(), &model);
            }
        }
    }
}
