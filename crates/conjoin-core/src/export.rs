//! What others lack, put together from the log: operations in ids again.

use crate::delta::Delta;
use crate::doc::Doc;
use crate::log::{HistoryGone, Local};
use crate::numbers::{Lv, NONE};
use crate::op::{Change, Edit, Name, Op, Target};
use crate::state::Parent;
use crate::strings::StrId;
use crate::version::{OpId, VersionVector};

/// A change is cut about here, so that a history travels in parts.
const MAX_CHANGE: usize = 64 << 10;

impl Doc {
    /// What somebody at `since` lacks of what was seen at `until`.
    ///
    /// # Errors
    /// If the history since then is not kept any more.
    pub fn delta_between(&self, since: &VersionVector, until: &VersionVector) -> Result<Delta, HistoryGone> {
        let mut lacking = 0;
        for (replica, count) in until.iter() {
            let seen = since.get(replica);
            lacking += count.min(self.version.get(replica)).saturating_sub(seen);
        }
        // What is lacking is nearly always at the end.
        let mut parts: Vec<(usize, Lv, Lv)> = Vec::new();
        let spans = self.numbers.spans();
        for at in (0..spans.len()).rev() {
            if lacking == 0 {
                break;
            }
            let span = &spans[at];
            let replica = self.numbers.replica(span.replica);
            let (first, len) = (u64::from(span.seq), u64::from(self.numbers.span_end(at) - span.lv));
            let from = since.get(replica).clamp(first, first + len);
            let to = until.get(replica).clamp(from, first + len);
            if from < to {
                lacking -= to - from;
                parts.push((at, span.lv + (from - first) as u32, span.lv + (to - first) as u32));
            }
        }
        if !parts.iter().all(|part| self.log.holds(part.1, part.2)) {
            return Err(HistoryGone);
        }
        let mut delta = Delta::default();
        for (at, from, to) in parts.into_iter().rev() {
            self.write_span(at, from, to, &mut delta);
        }
        Ok(delta)
    }

    /// The operations with numbers from `from` up to `to`, as far as they are kept.
    pub(crate) fn changes(&self, mut from: Lv, to: Lv) -> Delta {
        let mut delta = Delta::default();
        while from < to {
            let at = self.numbers.span_of(from);
            let end = self.numbers.span_end(at).min(to);
            self.write_span(at, from, end, &mut delta);
            from = end;
        }
        delta
    }

    /// Appends the operations of a span with numbers from `from` up to `to`.
    fn write_span(&self, at: usize, from: Lv, to: Lv, delta: &mut Delta) {
        let span = &self.numbers.spans()[at];
        let id = self.numbers.replica(span.replica);
        let seq_of = |lv: Lv| span.seq + (lv - span.lv);
        let new_change = |lv: Lv| Change {
            replica: id,
            start: u64::from(seq_of(lv)),
            deps: if lv == span.lv {
                self.numbers.deps(at).iter().map(|&dep| self.numbers.id(dep)).collect()
            } else {
                Vec::new()
            },
            ops: Vec::new(),
            len: 0,
        };
        let mut change = new_change(from);
        let mut size = 0;
        for entry in self.log.range(from, to) {
            let lv = entry.lv.max(from);
            if size > MAX_CHANGE {
                delta.changes.push(std::mem::replace(&mut change, new_change(lv)));
                size = 0;
            }
            let seq = seq_of(lv);
            let named = |string: StrId| self.named(span.replica, string, seq);
            let container = &self.state.containers[entry.container as usize];
            let target = match container.parent {
                Parent::Root(name) => Target::Root(container.kind, named(name)),
                _ => Target::Nested(self.numbers.id(entry.named)),
            };
            debug_assert!(entry.named != NONE || matches!(target, Target::Root(..)));
            let ids = &mut |lv: Lv| Ok::<OpId, std::convert::Infallible>(self.numbers.id(lv));
            let strings = &mut |string: &StrId| Ok(named(*string));
            let mut write = |edit: &Local| {
                let Ok(edit) = edit.translate(ids, strings);
                change.len += u64::from(edit.len());
                let op = Op { target: target.clone(), edit };
                size += op.size();
                change.ops.push(op);
            };
            let part;
            let edit = if entry.lv >= from && entry.end() <= to {
                &entry.edit
            } else {
                part = entry.part(from, to);
                &part
            };
            match *edit {
                Edit::Delete { mut first, mut count, down } if count > 1 => {
                    // Elements with consecutive numbers here may be of several replicas.
                    while count > 0 {
                        let run = self.numbers.run(first, down).min(count);
                        write(&Edit::Delete { first, count: run, down });
                        first = if down { first.wrapping_sub(run) } else { first.wrapping_add(run) };
                        count -= run;
                    }
                }
                _ => write(edit),
            }
        }
        if !change.ops.is_empty() {
            delta.changes.push(change);
        }
    }

    /// How operation `seq` of a replica names a string.
    fn named(&self, replica: u32, string: StrId, seq: u32) -> Name {
        let (number, introduced) = self.names[replica as usize]
            .number(string)
            .expect("it was introduced when the operation was applied");
        if introduced == seq { Name::New(self.strings.get(string).clone()) } else { Name::Known(number) }
    }
}
