//! Taking in a change of another replica: as a whole, or not at all.
//!
//! A change is first put into the document's own numbers without touching it; what it would add is noted
//! in a [`Draft`] that foretells the numbers it will get.

use std::ops::Range;
use std::sync::Arc;

use crate::doc::{ApplyError, Doc};
use crate::log::{Entry, Local};
use crate::numbers::{Lv, MAX_OPS, NONE};
use crate::op::{Change, Edit, Item, Name, Op, Target};
use crate::size;
use crate::state::{Author, Parent, WRONG_KIND};
use crate::strings::{Names, StrId};
use crate::value::{Kind, Value};
use crate::version::OpId;

const UNKNOWN: ApplyError =
    ApplyError::Inconsistent("it names an operation that its author cannot have seen");
const UNKNOWN_NAME: ApplyError = ApplyError::Inconsistent("it uses a name that was not introduced");

/// What a change adds, in the order in which it does.
#[derive(Default)]
struct Draft {
    strings: Vec<Arc<str>>,
    /// Strings its replica introduces, and by which operation.
    names: Vec<(StrId, u32)>,
    /// Containers, and the operation that makes each.
    containers: Vec<(Kind, Parent, Lv)>,
    /// Containers that its operations name by these.
    made: Vec<(Lv, u32)>,
    /// Elements that its operations make, and whether they are items.
    elements: Vec<(u32, Range<Lv>, bool)>,
}

/// An operation in the document's own numbers.
struct Translated {
    container: u32,
    named: Lv,
    edit: Local,
}

impl Doc {
    /// Applies a change that is ready and not seen.
    pub(crate) fn apply_change(&mut self, change: &Change) -> Result<(), ApplyError> {
        let seen = self.version.get(change.replica);
        let rest;
        let change = if change.start < seen {
            rest = change.after(seen);
            &rest
        } else {
            change
        };
        if change.len + u64::from(self.numbers.next()) > MAX_OPS {
            return Err(ApplyError::TooLarge { limit: self.state_limit });
        }
        let cut;
        let change = match self.cut_deletes(change)? {
            Some(ops) => {
                cut = Change { ops, deps: change.deps.clone(), ..*change };
                &cut
            }
            None => change,
        };
        let replica = self.numbers.replica_number(change.replica);
        self.check_size(change, replica)?;
        let mut deps = Vec::with_capacity(change.deps.len());
        for dep in &change.deps {
            deps.push(self.numbers.lv(*dep).ok_or(UNKNOWN)?);
        }
        let unseen = self.numbers.unseen(replica, &deps);
        if unseen.first().is_some_and(|range| range.start < self.floor) {
            return Err(ApplyError::Compacted);
        }
        let lamport = self.numbers.lamport_after(replica, &deps);

        let start = self.numbers.next();
        let mut draft = Draft::default();
        let mut lv = start;
        if let [op] = &change.ops[..] {
            // Nearly always: one operation that adds nothing but itself can be tried at once.
            let translated = self.translate(op, change, replica, start, lv, &mut draft)?;
            let author =
                Author { numbers: &self.numbers, replica: change.replica, unseen: &unseen, start, lamport };
            if !draft.is_empty() || replica.is_none() {
                self.state.check(translated.container, &translated.edit, &author, &draft.elements)?;
            }
            let replica = self.add(draft, change, replica);
            lv = self.perform(
                translated,
                lv,
                change,
                &unseen,
                lamport,
                deps.is_empty() && self.numbers.follows(replica),
            )?;
        } else {
            let mut ops = Vec::new();
            for op in &change.ops {
                let translated = self.translate(op, change, replica, start, lv, &mut draft)?;
                let author = Author {
                    numbers: &self.numbers,
                    replica: change.replica,
                    unseen: &unseen,
                    start,
                    lamport,
                };
                self.state.check(translated.container, &translated.edit, &author, &draft.elements)?;
                let len = translated.edit.len();
                match &translated.edit {
                    Edit::Insert { .. } | Edit::InsertItems { .. } => {
                        draft.elements.push((translated.container, lv..lv + len, true));
                    }
                    Edit::Move { .. } => draft.elements.push((translated.container, lv..lv + len, false)),
                    _ => {}
                }
                ops.push(translated);
                lv += len;
            }
            let replica = self.add(draft, change, replica);
            lv = start;
            for op in ops {
                let joins = lv > start || (deps.is_empty() && self.numbers.follows(replica));
                lv = self.perform(op, lv, change, &unseen, lamport, joins)?;
            }
        }
        let replica = self.numbers.introduce(change.replica);
        self.numbers.push(replica, lv - start, &deps);
        self.numbers.made(replica, lv - start);
        self.version.advance(change.replica, change.end());
        Ok(())
    }

    /// The operations with each deletion cut where the elements do not have consecutive numbers here;
    /// `None` if there is nothing to cut.
    fn cut_deletes(&self, change: &Change) -> Result<Option<Vec<Op>>, ApplyError> {
        let run = |id: OpId, down: bool| match self.numbers.lv(id) {
            Some(lv) => self.numbers.run(lv, down),
            // Elements of this very change get consecutive numbers; others that are not here are refused whole.
            None if down && id.replica == change.replica && id.seq >= change.start => {
                u32::try_from(id.seq - change.start).map_or(u32::MAX, |nth| nth.saturating_add(1))
            }
            None => u32::MAX,
        };
        let is_whole = |op: &Op| match op.edit {
            Edit::Delete { first, count, down } => count == 1 || run(first, down) >= count,
            _ => true,
        };
        if change.ops.iter().all(is_whole) {
            return Ok(None);
        }
        let mut ops = Vec::with_capacity(change.ops.len() + 1);
        // Nobody deletes an element twice, so that each place where numbers part ways cuts once.
        let most = change.ops.len() + self.numbers.spans().len();
        for op in &change.ops {
            let Edit::Delete { mut first, mut count, down } = op.edit else {
                ops.push(op.clone());
                continue;
            };
            while count > 0 {
                if ops.len() >= most {
                    return Err(UNKNOWN);
                }
                let run = run(first, down).min(count);
                ops.push(Op { target: op.target.clone(), edit: Edit::Delete { first, count: run, down } });
                let by = u64::from(run);
                first.seq = if down { first.seq.saturating_sub(by) } else { first.seq.saturating_add(by) };
                count -= run;
            }
        }
        Ok(Some(ops))
    }

    /// Adds what a draft says; returns the number of the replica.
    fn add(&mut self, draft: Draft, change: &Change, replica: Option<u32>) -> u32 {
        let replica = replica.unwrap_or_else(|| self.numbers.introduce(change.replica));
        if self.names.len() <= replica as usize {
            self.names.resize_with(replica as usize + 1, Names::default);
        }
        for string in &draft.strings {
            self.strings.intern_shared(string);
        }
        for (string, seq) in draft.names {
            self.names[replica as usize].introduce(string, seq);
            self.state.size += size::string(self.strings.get(string));
        }
        for (kind, parent, made) in draft.containers {
            self.state.make(kind, parent, made, &self.strings);
        }
        replica
    }

    /// Applies an operation and puts it into the log; returns the number after it.
    fn perform(
        &mut self,
        op: Translated,
        lv: Lv,
        change: &Change,
        unseen: &[Range<Lv>],
        lamport: u32,
        joins: bool,
    ) -> Result<Lv, ApplyError> {
        let Translated { container, named, edit } = op;
        let author = Author {
            numbers: &self.numbers,
            replica: change.replica,
            unseen,
            start: self.numbers.next(),
            lamport,
        };
        let at = self.state.apply(container, lv, &edit, &author, &self.strings, &mut self.raw)?;
        let len = edit.len();
        self.log.push(Entry { lv, len, container, named, at, edit }, joins);
        Ok(lv + len)
    }

    /// Refuses a change that could bring the state above its limit.
    fn check_size(&self, change: &Change, replica: Option<u32>) -> Result<(), ApplyError> {
        let room = self.room(if self.version.get(change.replica) == 0 { size::REPLICA } else { 0 })?;
        let known = replica.and_then(|replica| self.names.get(replica as usize));
        let known_len = known.map_or(0, |names| names.list().len());
        let mut new: Vec<&str> = Vec::new();
        let mut most = 0;
        for op in &change.ops {
            most += size::ENTRY + size::SUM + op.edit.value().map_or(0, Value::size);
            most += match &op.edit {
                Edit::Insert { .. } => size::ELEMENT * op.edit.len() as usize,
                Edit::InsertItems { items, .. } => {
                    let item = |item: &Item| size::ELEMENT + 2 * size::ENTRY + size::SUM + item.size();
                    items.iter().map(item).sum()
                }
                Edit::Move { .. } => size::ELEMENT,
                Edit::Make { .. } => size::ENTRY,
                _ => 0,
            };
            for name in op.names() {
                let string: &str = match name {
                    Name::New(string) => {
                        most += size::string(string);
                        new.push(string);
                        string
                    }
                    Name::Known(index) => match known.and_then(|names| names.get(*index)) {
                        Some(string) => self.strings.get(string),
                        None => (*index as usize)
                            .checked_sub(known_len)
                            .and_then(|at| new.get(at))
                            .ok_or(UNKNOWN_NAME)?,
                    },
                };
                most += size::entry(string);
            }
        }
        if most > room { Err(ApplyError::TooLarge { limit: self.state_limit }) } else { Ok(()) }
    }

    /// An operation in the document's own numbers, with those its draft will get.
    fn translate(
        &self,
        op: &Op,
        change: &Change,
        replica: Option<u32>,
        start: Lv,
        lv: Lv,
        draft: &mut Draft,
    ) -> Result<Translated, ApplyError> {
        let mut id = |id: OpId| {
            let own = id.replica == change.replica && id.seq >= change.start;
            let found = if own {
                u32::try_from(id.seq - change.start).ok().and_then(|nth| start.checked_add(nth))
            } else {
                self.numbers.lv(id)
            };
            found.filter(|&found| found < lv).ok_or(UNKNOWN)
        };
        let seq = (change.start + u64::from(lv - start)) as u32;
        let names = replica.and_then(|replica| self.names.get(replica as usize));
        let string = |name: &Name, draft: &mut Draft| match name {
            Name::Known(number) => match names.and_then(|names| names.get(*number)) {
                Some(string) => Ok(string),
                None => {
                    let nth = (*number as usize).checked_sub(names.map_or(0, |names| names.list().len()));
                    nth.and_then(|nth| draft.names.get(nth)).map(|name| name.0).ok_or(UNKNOWN_NAME)
                }
            },
            Name::New(string) => {
                let known = self.strings.find(string).unwrap_or_else(|| {
                    let at = draft.strings.iter().position(|other| other == string).unwrap_or_else(|| {
                        draft.strings.push(string.clone());
                        draft.strings.len() - 1
                    });
                    (self.strings.len() + at) as StrId
                });
                // One that was introduced before, by a part of the change that was seen, keeps its number.
                let introduced = names.is_some_and(|names| names.number(known).is_some())
                    || draft.names.iter().any(|name| name.0 == known);
                if !introduced {
                    draft.names.push((known, seq));
                }
                Ok(known)
            }
        };
        let (container, kind, named) = match &op.target {
            Target::Root(kind, name) => {
                let name = string(name, draft)?;
                (self.drafted(*kind, Parent::Root(name), NONE, draft), *kind, NONE)
            }
            Target::Nested(made) => {
                let made = id(*made)?;
                let drafted = || draft.made.iter().find(|entry| entry.0 == made).map(|entry| entry.1);
                let container = self.state.made.get(&made).copied().or_else(drafted).ok_or(UNKNOWN)?;
                let kind = match self.state.containers.get(container as usize) {
                    Some(container) => container.kind,
                    None => draft.containers[container as usize - self.state.containers.len()].0,
                };
                (container, kind, made)
            }
        };
        if !op.edit.edits(kind) {
            return Err(WRONG_KIND);
        }
        let edit = op.edit.translate(&mut id, &mut |name| string(name, draft))?;
        match &edit {
            Edit::Make { key, kind, base } => {
                let parent = Parent::Key { map: container, key: *key, base: base.unwrap_or(NONE) };
                self.drafted(*kind, parent, lv, draft);
            }
            Edit::InsertItems { items, .. } => {
                for (item, content) in (lv..).zip(items) {
                    if let Item::Nested(kind) = content {
                        self.drafted(*kind, Parent::Item { list: container, item }, item, draft);
                    }
                }
            }
            _ => {}
        }
        Ok(Translated { container, named, edit })
    }

    /// The container at a place, which is made by the operation `made` if it is not there yet.
    fn drafted(&self, kind: Kind, parent: Parent, made: Lv, draft: &mut Draft) -> u32 {
        let at = match self.state.at(parent, kind) {
            Some(at) => at,
            None => {
                let place = (kind, parent);
                let at = draft.containers.iter().position(|other| (other.0, other.1) == place);
                let at = at.unwrap_or_else(|| {
                    draft.containers.push((kind, parent, made));
                    draft.containers.len() - 1
                });
                (self.state.containers.len() + at) as u32
            }
        };
        if made != NONE {
            draft.made.push((made, at));
        }
        at
    }
}

impl Draft {
    fn is_empty(&self) -> bool {
        self.strings.is_empty() && self.names.is_empty() && self.containers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::{ReplicaId, VersionVector};

    #[test]
    fn a_change_that_deletes_the_same_again_and_again_is_refused_before_it_is_cut() {
        let mut docs = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
        for nth in 0..100 {
            let delta = docs[nth % 2].transact(|tx| tx.text("t").push("x")).delta();
            docs[1 - nth % 2].apply(&delta).expect("an honest delta applies");
        }
        let [doc, other] = &mut docs;
        let (replica, start) = (other.replica(), other.version().get(other.replica()));
        let delete = |first| Op {
            target: Target::Root(Kind::Text, Name::Known(0)),
            edit: Edit::Delete { first: OpId { replica, seq: first }, count: 50, down: false },
        };
        let deps = vec![OpId { replica: doc.replica(), seq: 49 }];
        let change =
            |ops: Vec<Op>| Change { replica, start, deps: deps.clone(), len: 50 * ops.len() as u64, ops };
        assert_eq!(doc.cut_deletes(&change(vec![delete(0); 1000])), Err(UNKNOWN));
        doc.apply_change(&change(vec![delete(0)])).expect("each was deleted once");
        assert_eq!(doc.text("t").len(), 50);
        assert!(doc.delta_since(&VersionVector::new()).is_ok());
    }
}
