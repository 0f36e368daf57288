//! What others lack, written out of the log: operations in ids again. `wire.rs` reads it.

mod stroke;

use crate::codec::Writer;
use crate::delta::Delta;
use crate::doc::Doc;
use crate::log::{Entry, HistoryGone};
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::op::parts::Sink;
use crate::replicas::Replicas;
use crate::sequence::cut_at;
use crate::state::Parent;
use crate::strings::StrId;
use crate::value::Kind;
use crate::version::{OpId, ReplicaId, VersionVector};
use crate::wire::{self, Head};

/// A change is cut about here, so that a history travels in parts.
const MAX_CHANGE: usize = 64 << 10;

/// Where changes are written.
pub(crate) struct Writing<'w> {
    out: &'w mut Vec<u8>,
    /// The numbers of replicas.
    index: &'w mut dyn FnMut(ReplicaId) -> u64,
    /// The author and the end of the last one.
    before: Option<(u64, u64)>,
    pub(crate) changes: usize,
}

/// A change that is being written.
struct Open {
    author: ReplicaId,
    /// Where it begins, and where its operations do.
    at: usize,
    ops_at: usize,
    ops: usize,
    /// What the last operation edited, if the next one can say that it is the same.
    target: Option<(u32, Lv)>,
    /// The sequence number of the next operation.
    seq: u64,
}

impl<'w> Writing<'w> {
    pub(crate) fn new(out: &'w mut Vec<u8>, index: &'w mut dyn FnMut(ReplicaId) -> u64) -> Self {
        Self { out, index, before: None, changes: 0 }
    }

    fn begin(&mut self, author: ReplicaId, seq: u64, deps: &[OpId]) -> Open {
        let at = self.out.len();
        let number = (self.index)(author);
        let mut named = Vec::new();
        for dep in deps {
            named.push(((self.index)(dep.replica), dep.seq));
        }
        Head::write(self.out, (number, seq), self.before, &named, 1);
        self.before = Some((number, seq));
        Open { author, at, ops_at: self.out.len(), ops: 0, target: None, seq }
    }

    fn end(&mut self, change: &Open) {
        match change.ops {
            0 => return self.out.truncate(change.at),
            1 => {}
            many => {
                self.out[change.at] |= wire::MANY_OPS;
                insert_varint(self.out, change.ops_at, many);
            }
        }
        self.changes += 1;
        if let Some(before) = &mut self.before {
            before.1 = change.seq;
        }
    }

    fn id(&mut self, id: OpId, shift: u64, change: &Open) {
        if id.replica == change.author {
            self.out.varint(shift);
            self.out.varint(change.seq - id.seq);
        } else {
            let number = (self.index)(id.replica);
            self.out.varint(number + 1 + shift);
            self.out.varint(id.seq);
        }
    }

    fn name(&mut self, name: Result<u32, &str>) {
        match name {
            Ok(number) => self.out.varint(u64::from(number) + 1),
            Err(new) => {
                self.out.varint(0);
                self.out.bytes(new.as_bytes());
            }
        }
    }
}

/// Puts a number before what was written from a place on.
fn insert_varint(out: &mut Vec<u8>, at: usize, number: usize) {
    let (mut at, mut rest) = (at, number);
    loop {
        let more = rest >= 0x80;
        out.insert(at, rest as u8 | u8::from(more) << 7);
        if !more {
            return;
        }
        rest >>= 7;
        at += 1;
    }
}

impl Doc {
    /// What somebody at `since` lacks of what was seen at `until`.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, VersionVector};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.counter("clicks").add(2));
    /// let then = doc.version().clone();
    /// doc.transact(|tx| tx.counter("clicks").add(3));
    /// let mut other = Doc::new(ReplicaId::new(2));
    /// other.apply(&doc.delta_between(&VersionVector::new(), &then)?)?;
    /// assert_eq!(other.counter("clicks"), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        parts.reverse();
        Ok(self.delta_of(&mut |writing| {
            parts.iter().for_each(|&(at, from, to)| self.write_span(at, from, to, writing));
        }))
    }

    /// What is written as a delta.
    pub(crate) fn delta_of(&self, write: &mut dyn FnMut(&mut Writing<'_>)) -> Delta {
        let (mut replicas, mut body) = (Replicas::default(), Vec::new());
        let mut index = |replica| replicas.introduce(replica).into();
        let mut writing = Writing::new(&mut body, &mut index);
        write(&mut writing);
        let changes = writing.changes;
        Delta::new(replicas, changes, body)
    }

    /// Appends the operations with numbers from `from` up to `to`, as far as they are kept, and before them how
    /// many changes they are.
    pub(crate) fn write_delta(
        &self,
        from: Lv,
        to: Lv,
        out: &mut Vec<u8>,
        index: &mut dyn FnMut(ReplicaId) -> u64,
    ) {
        if self.write_stroke(from, to, out, index) {
            return;
        }
        self.write_counted(from, to, out, index);
    }

    #[inline(never)]
    fn write_counted(&self, from: Lv, to: Lv, out: &mut Vec<u8>, index: &mut dyn FnMut(ReplicaId) -> u64) {
        let at = out.len();
        let mut writing = Writing::new(out, index);
        self.write_changes(from, to, &mut writing);
        let changes = writing.changes;
        insert_varint(out, at, changes);
    }

    /// Appends the operations with numbers from `from` up to `to`, as far as they are kept.
    pub(crate) fn write_changes(&self, mut from: Lv, to: Lv, writing: &mut Writing<'_>) {
        while from < to {
            let at = self.numbers.span_of(from);
            let end = self.numbers.span_end(at).min(to);
            self.write_span(at, from, end, writing);
            from = end;
        }
    }

    /// Appends the operations of a span with numbers from `from` up to `to`.
    fn write_span(&self, at: usize, from: Lv, to: Lv, writing: &mut Writing<'_>) {
        let span = &self.numbers.spans()[at];
        let author = self.numbers.replica(span.replica);
        let seq_of = |lv: Lv| u64::from(span.seq + (lv - span.lv));
        let mut deps = Vec::new();
        if from == span.lv {
            for &dep in self.numbers.deps(at) {
                deps.push(self.numbers.id(dep));
            }
        }
        let mut change = writing.begin(author, seq_of(from), &deps);
        for entry in self.log.range(from, to) {
            let entry = &*entry;
            let (start, end) = (entry.lv.max(from), entry.end().min(to));
            if writing.out.len() - change.ops_at > MAX_CHANGE {
                writing.end(&change);
                change = writing.begin(author, seq_of(start), &[]);
            }
            let skip = start - entry.lv;
            let mut piece = Piece { skip, len: end - start, first: NONE };
            let Edit::Delete { first, count, down } = entry.edit else {
                self.write_op(span.replica, entry, piece, &mut change, writing);
                continue;
            };
            // Elements with consecutive numbers here may be of several replicas.
            let step = |lv: Lv, by: u32| if down { lv.wrapping_sub(by) } else { lv.wrapping_add(by) };
            let (mut first, mut left) = (step(first, skip), piece.len.min(count));
            while left > 0 {
                let run = self.numbers.run(first, down).min(left);
                piece = Piece { skip: 0, len: run, first };
                self.write_op(span.replica, entry, piece, &mut change, writing);
                first = step(first, run);
                left -= run;
            }
        }
        writing.end(&change);
    }

    /// Appends one operation.
    fn write_op(
        &self,
        replica: u32,
        entry: &Entry,
        piece: Piece,
        change: &mut Open,
        writing: &mut Writing<'_>,
    ) {
        let Entry { container, named, ref edit, .. } = *entry;
        let of = self.state.container(container);
        let id = |lv: Lv| self.numbers.id(lv);
        let on = OpId { replica: change.author, seq: change.seq.wrapping_sub(1) };
        // What an insert stands right of, unless that is the operation before.
        let left = |left: &Option<Lv>| match (piece.skip, left) {
            (0, left) => Some(left.map(id)).filter(|left| *left != Some(on)),
            _ => None,
        };
        let left = match edit {
            Edit::Insert { left: of, .. } | Edit::InsertItems { left: of, .. } => Some(left(of)),
            _ => None,
        };
        let deletes_items = matches!(edit, Edit::Delete { .. }) && of.kind == Kind::List && named == NONE;
        let tag = wire::low(edit.tag(), deletes_items);
        let flag = match (edit, &left) {
            (_, Some(None)) => wire::ON,
            (Edit::Delete { down: true, .. }, _) => wire::DOWN,
            _ => 0,
        };
        let seq = change.seq as u32;
        if change.target == Some((container, named)) {
            writing.out.push(tag | flag | wire::SAME);
        } else if let Parent::Root(name) = of.parent {
            writing.out.push(tag | flag);
            let name = self.named(replica, name, seq);
            // A new name is numbered by this operation, and known to the next by its number.
            change.target = name.is_ok().then_some((container, named));
            writing.name(name);
        } else {
            writing.out.push(tag | flag | wire::NESTED);
            writing.id(id(named), 0, change);
            change.target = Some((container, named));
        }
        if let Some(Some(left)) = left {
            match left {
                Some(left) => writing.id(left, 1, change),
                None => writing.out.push(0),
            }
        }
        match edit {
            Edit::Insert { text, .. } => {
                let from = byte_of(text, entry.len, piece.skip);
                let to = byte_of(text, entry.len, piece.skip + piece.len);
                writing.out.bytes(&text.as_bytes()[from..to]);
            }
            Edit::InsertItems { items, .. } => {
                writing.out.varint(u64::from(piece.len));
                writing.out.extend_from_slice(items.bytes_of(piece.skip..piece.skip + piece.len));
            }
            Edit::Delete { .. } => {
                writing.id(id(piece.first), 0, change);
                writing.out.varint(u64::from(piece.len));
            }
            edit => edit.write(&mut Naming { doc: self, replica, change, writing }),
        }
        change.ops += 1;
        change.seq += u64::from(piece.len);
    }

    /// How operation `seq` of a replica names a string: by its number, or itself if it is new.
    #[inline]
    fn named(&self, replica: u32, string: StrId, seq: u32) -> Result<u32, &str> {
        let (number, introduced) = self.names[replica as usize]
            .number(string)
            .expect("it was introduced when the operation was applied");
        if introduced == seq { Err(self.strings.get(string)) } else { Ok(number) }
    }
}

/// What an operation names, as its change does.
struct Naming<'n, 'w> {
    doc: &'n Doc,
    replica: u32,
    change: &'n Open,
    writing: &'n mut Writing<'w>,
}

impl Sink for Naming<'_, '_> {
    fn rest(&mut self) -> &mut Vec<u8> {
        self.writing.out
    }

    fn key(&mut self, key: StrId) {
        self.writing.name(self.doc.named(self.replica, key, self.change.seq as u32));
    }

    fn element(&mut self, element: Lv) {
        self.writing.id(self.doc.numbers.id(element), 0, self.change);
    }

    fn optional(&mut self, element: Option<Lv>) {
        match element {
            Some(element) => self.writing.id(self.doc.numbers.id(element), 1, self.change),
            None => self.writing.out.push(0),
        }
    }
}

/// A part of an entry.
#[derive(Clone, Copy)]
struct Piece {
    /// How many of its numbers come before.
    skip: u32,
    len: u32,
    /// The first element that it deletes.
    first: Lv,
}

/// The byte of a text of so many characters at which one starts.
fn byte_of(text: &str, chars: u32, nth: u32) -> usize {
    if text.len() == chars as usize {
        return nth as usize;
    }
    let mut at = text.len();
    if nth < chars / 2 {
        return cut_at(text, nth).map_or(at, |cut| cut.0.len());
    }
    // What is sent at once stands at the end.
    for _ in nth..chars {
        at = text.floor_char_boundary(at - 1);
    }
    at
}
