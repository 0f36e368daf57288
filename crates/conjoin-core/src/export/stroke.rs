//! Writing the change that a single stroke of a key makes: the bytes are those that are written else, but nothing is
//! gone through for them.

use super::byte_of;
use crate::codec::Writer;
use crate::doc::Doc;
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::op::parts::tag;
use crate::state::Parent;
use crate::value::Kind;
use crate::version::{OpId, ReplicaId};
use crate::wire::{DOWN, HAS_DEPS, ON};

impl Doc {
    /// Appends the operations with numbers from `from` up to `to` as one change, if they are the last ones and no
    /// more than a stroke. Says whether they were; if not, nothing was written.
    pub(super) fn write_stroke(
        &self,
        from: Lv,
        to: Lv,
        out: &mut Vec<u8>,
        index: &mut dyn FnMut(ReplicaId) -> u64,
    ) -> bool {
        let Some(entry) = self.log.last() else { return false };
        let container = self.state.container(entry.container);
        let Parent::Root(name) = container.parent else { return false };
        let [before @ .., span] = self.numbers.spans() else { return false };
        let deps = if from == span.lv { self.numbers.deps(before.len()) } else { &[] };
        let is_last = entry.lv.max(span.lv) <= from && from < to && to == entry.end();
        if !is_last || entry.named != NONE || container.kind != Kind::Text || deps.len() > 1 {
            return false;
        }
        let (skip, len, seq) = (from - entry.lv, to - from, span.seq + (from - span.lv));
        let author = self.numbers.replica(span.replica);
        // What it stands right of, or deletes first, unless that is the author's operation before.
        let (tag, element, shift) = match entry.edit {
            Edit::Insert { .. } if skip > 0 => (tag::INSERT | ON, None, 1),
            Edit::Insert { left, .. } => {
                let id = left.map(|left| self.numbers.id(left));
                let before = OpId { replica: author, seq: u64::from(seq).wrapping_sub(1) };
                if id == Some(before) { (tag::INSERT | ON, None, 1) } else { (tag::INSERT, id, 1) }
            }
            // One that is written as more than one is no stroke.
            Edit::Delete { first, count, down }
                if len == 1 || (!down && skip == 0 && count <= self.numbers.run(first, false)) =>
            {
                let first = if down { first - skip } else { first + skip };
                (tag::DELETE | if down { DOWN } else { 0 }, Some(self.numbers.id(first)), 0)
            }
            _ => return false,
        };
        let name = match self.names[span.replica as usize].number(name) {
            Some((number, introduced)) if introduced != seq => number,
            _ => return false,
        };
        // What it takes, mostly.
        out.reserve(16);
        out.push(1);
        out.push(if deps.is_empty() { 0 } else { HAS_DEPS });
        out.varint(index(author));
        out.varint(u64::from(seq));
        for &dep in deps {
            let dep = self.numbers.id(dep);
            out.push(1);
            out.varint(index(dep.replica));
            out.varint(dep.seq);
        }
        out.push(tag);
        out.varint(u64::from(name) + 1);
        match element {
            Some(OpId { replica, seq: own }) if replica == author => {
                out.varint(shift);
                out.varint(u64::from(seq) - own);
            }
            Some(OpId { replica, seq }) => {
                out.varint(index(replica) + 1 + shift);
                out.varint(seq);
            }
            None if tag == tag::INSERT => out.push(0),
            None => {}
        }
        match entry.edit {
            Edit::Insert { ref text, .. } => match &text.as_bytes()[byte_of(text, entry.len, skip)..] {
                &[letter] => {
                    out.push(1);
                    out.push(letter);
                }
                bytes => out.bytes(bytes),
            },
            _ => out.varint(u64::from(len)),
        }
        true
    }
}
