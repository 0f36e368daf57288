//! Taking in changes of other replicas: each as a whole, or not at all.
//!
//! A change is first put into the document's own numbers without touching it; what it would add is noted
//! in a [`Draft`] that foretells the numbers it will get. What is more than one plain operation is read twice:
//! to be checked, and to be done. So nothing is kept of it in between.

mod incoming;
mod stroke;

use std::ops::Range;

use crate::codec::{DecodeError, Part, Reader};
use crate::delta::Delta;
use crate::doc::{ApplyError, Doc};
use crate::log::Entry;
use crate::numbers::{Lv, NONE};
use crate::op::Edit;
use crate::size;
use crate::state::{Author, Container};
use crate::strings::{Names, StrId};
use crate::version::{OpId, ReplicaId};
use crate::wire::{Head, Passing};

use incoming::{Additions, Draft, Incoming, Source, Translated};

/// Who is meant by the numbers that stand for replicas.
type Resolve<'r> = &'r dyn Fn(u64) -> Option<ReplicaId>;

fn replica_of(resolve: Resolve<'_>, number: u64) -> Result<ReplicaId, DecodeError> {
    resolve(number).ok_or(DecodeError::UnknownReplica)
}

impl Doc {
    /// Takes in so many changes. Says whether one that came too early was dropped.
    pub(crate) fn take_in(
        &mut self,
        source: u64,
        reader: &mut Reader<'_>,
        changes: usize,
        resolve: Resolve<'_>,
    ) -> Result<bool, ApplyError> {
        let mut before = None;
        let mut dropped = false;
        for _ in 0..changes {
            let mut start = reader.clone();
            let head = Head::read(reader, before)?;
            let replica = replica_of(resolve, head.author)?;
            let seen = self.version.get(replica);
            let ready = self.is_ready(&head, replica, resolve)?;
            let end = if ready && head.start == seen && replica != self.replica {
                self.apply_change(&head, replica, reader, resolve)?
            } else {
                // Where it ends must be known to know what to do with it.
                let mut ops = reader.clone();
                *reader = start.clone();
                let mut same = |number| resolve(number).map(|_| number);
                let end = Passing::new(before, &mut same, None).pass(reader)?.1;
                if end > seen && replica == self.replica {
                    return Err(ApplyError::ForgedReplica);
                } else if end > seen && ready {
                    self.apply_change(&head, replica, &mut ops, resolve)?;
                } else if end > seen {
                    let change = Delta::read(&mut start, 1, &mut before, resolve, Vec::new())?;
                    dropped |= !self.pending_of(source).insert((replica, head.start, end), change);
                }
                end
            };
            before = Some((head.author, end));
        }
        Ok(dropped)
    }

    /// Takes in a delta, also what this replica made, as long as nothing in it comes too early. Says whether
    /// that was all.
    pub(crate) fn take_all(&mut self, delta: &Delta) -> Result<bool, ApplyError> {
        let resolve = |number| delta.resolve(number);
        let mut reader = delta.reader();
        let mut before = None;
        for _ in 0..delta.len() {
            let head = Head::read(&mut reader, before)?;
            let replica = replica_of(&resolve, head.author)?;
            if !self.is_ready(&head, replica, &resolve)? {
                return Ok(false);
            }
            let end = self.apply_change(&head, replica, &mut reader, &resolve)?;
            before = Some((head.author, end));
        }
        Ok(true)
    }

    /// Whether all is here that came before a change.
    pub(crate) fn is_ready(
        &self,
        head: &Head<'_>,
        replica: ReplicaId,
        resolve: Resolve<'_>,
    ) -> Result<bool, DecodeError> {
        let mut ready = head.start <= self.version.get(replica);
        for (dep, seq) in head.deps() {
            let dep = replica_of(resolve, dep)?;
            if dep == replica {
                return Err(DecodeError::Malformed(Part::Dependency));
            }
            ready &= self.version.contains(OpId { replica: dep, seq });
        }
        Ok(ready)
    }

    /// Applies a change that is ready and not wholly seen. Tells where it ends, as the reader then does.
    pub(crate) fn apply_change<'a>(
        &mut self,
        head: &Head<'a>,
        replica: ReplicaId,
        reader: &mut Reader<'a>,
        resolve: Resolve<'_>,
    ) -> Result<u64, ApplyError> {
        let number = self.numbers.replica_number(replica);
        let mut deps = Vec::new();
        for (dep, seq) in head.deps() {
            let dep = OpId { replica: replica_of(resolve, dep)?, seq };
            deps.push(self.numbers.lv(dep).ok_or(ApplyError::UnknownOperation)?);
        }
        self.numbers.ask(number, &deps);
        if self.numbers.asked().first().is_some_and(|range| range.start < self.floor) {
            return Err(ApplyError::Compacted);
        }
        let (seen, start) = (self.version.get(replica), self.numbers.next());
        let lamport = self.numbers.lamport_after(number, &deps);
        let mut source = Source { replica, number, resolve, first: seen.max(head.start), start, lamport };
        let joins = deps.is_empty() && number.is_some_and(|number| self.numbers.follows(number));
        let mut draft = Draft { size: if seen == 0 { size::REPLICA } else { 0 }, additions: None };
        let mut incoming = Incoming::new(source, head, reader.clone());
        let first = self.next_op(&mut incoming, &mut draft)?;
        let plain = head.ops == 1 && !incoming.is_cut() && draft.additions.is_none() && number.is_some();
        match first {
            // Nearly always: one operation that adds nothing but itself can be tried at once.
            Some(op) if plain => {
                self.room(draft.size)?;
                self.perform(op, start, &source, joins)?;
            }
            first => {
                let mut next = first;
                let mut lv = start;
                // Elements that its operations make, and whether they are items.
                let mut elements: Vec<(u32, Range<Lv>, bool)> = Vec::new();
                while let Some(op) = next {
                    let author = self.author(&source);
                    self.state.check(op.container, &op.edit, &author, &elements)?;
                    let items = matches!(op.edit, Edit::Insert { .. } | Edit::InsertItems { .. });
                    if items || matches!(op.edit, Edit::Move { .. }) {
                        elements.push((op.container, lv..lv + op.len, items));
                    }
                    lv += op.len;
                    next = self.next_op(&mut incoming, &mut draft)?;
                }
                self.room(draft.size)?;
                source.number = Some(self.add(draft, &source));
                incoming = Incoming::new(source, head, reader.clone());
                let mut lv = start;
                while let Some(op) = self.next_op(&mut incoming, &mut Draft::default())? {
                    let len = op.len;
                    self.perform(op, lv, &source, joins || lv > start)?;
                    lv += len;
                }
            }
        }
        let number = source.number.expect("it was introduced with what it adds");
        self.numbers.push(number, incoming.lv - start, &deps);
        self.numbers.made(incoming.lv - start);
        let end = incoming.ops.seq;
        self.saw(replica, end);
        *reader = incoming.ops.reader;
        Ok(end)
    }

    fn author(&self, source: &Source<'_>) -> Author<'_> {
        Author {
            numbers: &self.numbers,
            replica: source.replica,
            unseen: self.numbers.asked(),
            start: source.start,
            lamport: source.lamport,
        }
    }

    /// Adds what a draft says; returns the number of the replica.
    fn add(&mut self, draft: Draft, source: &Source<'_>) -> u32 {
        let replica = source.number.unwrap_or_else(|| self.numbers.introduce(source.replica));
        if self.names.len() <= replica as usize {
            self.names.resize_with(replica as usize + 1, Names::default);
        }
        let Some(additions) = draft.additions else { return replica };
        // What was added is let go of here before what comes next is added.
        let Additions { strings, names, containers } = *additions;
        self.strings.make_room(strings.len());
        for string in 0..strings.len() {
            self.strings.intern_shared(strings.get(string as StrId));
        }
        drop(strings);
        for &(string, seq) in names.list() {
            self.names[replica as usize].introduce(string, seq);
            self.state.size += size::string(self.strings.get(string));
        }
        drop(names);
        self.state.containers.make_room(&containers);
        for Container { kind, parent, made } in containers.iter() {
            self.state.make(kind, parent, made, &self.strings);
        }
        replica
    }

    /// Applies an operation and puts it into the log.
    fn perform(
        &mut self,
        op: Translated<'_>,
        lv: Lv,
        source: &Source<'_>,
        joins: bool,
    ) -> Result<(), ApplyError> {
        let Translated { container, named, edit, len, text } = op;
        let author = Author {
            numbers: &self.numbers,
            replica: source.replica,
            unseen: self.numbers.asked(),
            start: source.start,
            lamport: source.lamport,
        };
        if let Edit::Insert { left, .. } = edit {
            let at = self.state.insert_text(container, lv, left, (text, len), &author, &mut self.raw)?;
            self.log.push_text(Entry { lv, len, container, named, at, edit }, text, joins);
        } else {
            let at = self.state.apply(container, lv, &edit, &author, &self.strings, &mut self.raw)?;
            self.log.push(Entry { lv, len, container, named, at, edit }, joins);
        }
        if named == NONE {
            self.state.focus(container);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::op::parts::tag;
    use crate::replicas::Replicas;
    use crate::version::VersionVector;
    use crate::wire::SAME;

    #[test]
    fn a_change_that_deletes_the_same_again_and_again_is_refused_before_it_is_cut() {
        let mut docs = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
        for nth in 0..100 {
            let delta = docs[nth % 2].transact(|tx| tx.text("t").push("x")).delta();
            docs[1 - nth % 2].apply(&delta).expect("an honest delta applies");
        }
        let [doc, other] = &mut docs;
        let start = other.version().get(other.replica());
        let deletes = |count: usize| {
            let mut body = Vec::new();
            Head::write(&mut body, (1, start), None, &[(0, 49)], count);
            for nth in 0..count as u64 {
                // The first 50 elements of its own, of the text it called by its first name.
                body.extend_from_slice(if nth == 0 { &[tag::DELETE, 1] } else { &[tag::DELETE | SAME] });
                body.push(0);
                body.varint(start + 50 * nth);
                body.push(50);
            }
            let mut replicas = Replicas::default();
            for id in [1, 2] {
                replicas.introduce(ReplicaId::new(id));
            }
            Delta::new(replicas, 1, body)
        };
        assert_eq!(doc.apply(&deletes(1000)).map(|_| ()), Err(ApplyError::UnknownOperation));
        doc.apply(&deletes(1)).expect("each was deleted once");
        assert_eq!(doc.text("t").len(), 50);
        assert!(doc.delta_since(&VersionVector::new()).is_ok());
    }
}
