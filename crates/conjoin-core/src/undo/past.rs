//! What was done before to what is edited. The log knows; it is gone through once for all that is taken back together.

use crate::doc::Doc;
use crate::log::Local;
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::order::sort_by_number;
use crate::sorted::Sorted;
use crate::value::Value;

/// What an edit is done to: a value, and which part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    container: u32,
    part: u32,
    /// Items are moved and written, each without regard to the other.
    moves: bool,
}

impl Subject {
    /// Nothing for edits that do not replace what others did to the same.
    pub(super) fn of(container: u32, edit: &Local) -> Option<Self> {
        let part = match edit {
            Edit::Write(_) => 0,
            Edit::Put { key, .. } | Edit::Remove { key } | Edit::Make { key, .. } => *key,
            Edit::Include(value) | Edit::Exclude(value) => sum(value),
            Edit::Move { item, .. } | Edit::Assign { item, .. } => *item,
            _ => return None,
        };
        Some(Self { container, part, moves: matches!(edit, Edit::Move { .. }) })
    }
}

/// A number that the same values have in common, others hardly ever.
fn sum(value: &Value) -> u32 {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    // FNV-1a.
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

struct Did {
    to: Subject,
    lv: Lv,
    /// Of those up to this one to the same, the one that was made last.
    last: Lv,
}

/// What was done to some values, in the order of the subjects.
pub(super) struct Past(Vec<Did>);

impl Past {
    /// What came before these edits, each with its number and value, as far as the log tells.
    pub(super) fn of(doc: &Doc, edits: &[(Lv, u32, Local)]) -> Self {
        let mut containers: Sorted<u32, u32> = Sorted::new();
        let mut end = 0;
        for (lv, container, edit) in edits {
            if Subject::of(*container, edit).is_some() {
                end = end.max(*lv);
                containers.insert(*container, 0);
            }
        }
        let mut done: Vec<Did> = Vec::new();
        for entry in doc.log.range(0, end) {
            if containers.contains_key(&entry.container)
                && let Some(to) = Subject::of(entry.container, &entry.edit)
            {
                done.push(Did { to, lv: entry.lv, last: entry.lv });
            }
        }
        sort_by_number(&mut done, |did| did.to.moves.into());
        sort_by_number(&mut done, |did| did.to.part);
        sort_by_number(&mut done, |did| did.to.container);
        for at in 1..done.len() {
            let Did { to, last, .. } = done[at - 1];
            if to == done[at].to && doc.numbers.stamp(last) > doc.numbers.stamp(done[at].lv) {
                done[at].last = last;
            }
        }
        Self(done)
    }

    /// Of what was done to this before, the one that was made last, or [`NONE`].
    pub(super) fn before(&self, to: Subject, lv: Lv) -> Lv {
        let end = self.0.partition_point(|did| (did.to, did.lv) < (to, lv));
        match end.checked_sub(1).map(|at| &self.0[at]) {
            Some(did) if did.to == to => did.last,
            _ => NONE,
        }
    }

    /// All that was done to this before.
    pub(super) fn all_before(&self, to: Subject, lv: Lv) -> impl Iterator<Item = Lv> {
        let start = self.0.partition_point(|did| did.to < to);
        let end = self.0.partition_point(|did| (did.to, did.lv) < (to, lv));
        self.0[start..end].iter().map(|did| did.lv)
    }
}
