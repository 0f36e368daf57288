//! The operations of a change, put into a document's own numbers one by one.

use super::Resolve;
use crate::codec::Reader;
use crate::doc::{ApplyError, Doc};
use crate::log::Local;
use crate::numbers::{Lv, MAX_OPS, NONE};
use crate::op::Edit;
use crate::op::parts::{self, Source as Parts, tag};
use crate::sequence::cut_at;
use crate::size;
use crate::state::{Container, Containers, Parent};
use crate::strings::{Names, StrId, Strings};
use crate::value::{Kind, Value};
use crate::version::{OpId, ReplicaId};
use crate::wire::{DOWN, Head, Id, Name, Ops, Target, what};

/// What a change would add.
#[derive(Default)]
pub(super) struct Draft {
    /// The most by which the state can grow.
    pub(super) size: usize,
    /// What it adds besides elements, nearly always nothing.
    pub(super) additions: Option<Box<Additions>>,
}

/// What a change adds, in the order in which it does.
#[derive(Default)]
pub(super) struct Additions {
    pub(super) strings: Strings,
    /// Strings its replica introduces.
    pub(super) names: Names,
    /// Those that its operations name are known by them, too.
    pub(super) containers: Containers,
}

impl Draft {
    fn more(&mut self, doc: &Doc) -> &mut Additions {
        self.additions.get_or_insert_with(|| {
            let containers = Containers::from(doc.state.containers.next());
            Box::new(Additions { containers, ..Additions::default() })
        })
    }
}

/// Whose change it is, and which of its operations are new here.
#[derive(Clone, Copy)]
pub(super) struct Source<'r> {
    pub(super) replica: ReplicaId,
    /// Its number here, if it has one.
    pub(super) number: Option<u32>,
    pub(super) resolve: Resolve<'r>,
    /// The first sequence number that is new, and the number it gets.
    pub(super) first: u64,
    pub(super) start: Lv,
    pub(super) lamport: u32,
}

/// The operations of a change that are new here.
pub(super) struct Incoming<'r, 'a> {
    pub(super) source: Source<'r>,
    pub(super) ops: Ops<'a>,
    /// The number of the next one.
    pub(super) lv: Lv,
    /// What is left of a delete: its elements need not have consecutive numbers here.
    rest: Option<Rest>,
    /// How many deletes were cut.
    cuts: usize,
}

#[derive(Clone, Copy)]
struct Rest {
    container: u32,
    named: Lv,
    first: Id,
    count: u32,
    down: bool,
}

/// An operation in the document's own numbers.
pub(super) struct Translated<'a> {
    pub(super) container: u32,
    pub(super) named: Lv,
    pub(super) edit: Local,
    pub(super) len: u32,
    /// What an insert of characters inserts; its edit holds nothing yet.
    pub(super) text: &'a str,
}

impl<'r, 'a> Incoming<'r, 'a> {
    pub(super) fn new(source: Source<'r>, head: &Head<'a>, reader: Reader<'a>) -> Self {
        Self { source, ops: Ops::new(head, reader), lv: source.start, rest: None, cuts: 0 }
    }

    /// Whether a delete was cut, of which the rest comes next.
    pub(super) const fn is_cut(&self) -> bool {
        self.rest.is_some()
    }
}

impl Doc {
    /// The next operation that is new here, with the numbers that the draft will get.
    pub(super) fn next_op<'a>(
        &self,
        incoming: &mut Incoming<'_, 'a>,
        draft: &mut Draft,
    ) -> Result<Option<Translated<'a>>, ApplyError> {
        if incoming.rest.is_some() {
            return self.next_deleted(incoming).map(Some);
        }
        let Incoming { source, ops, lv, .. } = incoming;
        let (first, target, skip) = loop {
            let Some((first, target)) = ops.next()? else { return Ok(None) };
            let seen = source.first.saturating_sub(ops.seq);
            if seen == 0 {
                break (first, target, 0);
            }
            // Wholly seen, or in part?
            let mut passed = ops.clone();
            passed.pass(first, target)?;
            if passed.seq > source.first {
                break (first, target, seen as u32);
            }
            *ops = passed;
        };
        let seq = ops.seq.max(source.first) as u32;
        let mut here = Here { doc: self, source, draft, lv: *lv, seq };
        let (container, kind, named) = here.target(target)?;
        here.draft.size += size::ENTRY + size::SUM;
        if what(first) == tag::DELETE {
            if !matches!(kind, Kind::List | Kind::Text) {
                return Err(ApplyError::WrongKind);
            }
            let (id, count) = ops.deleted(first)?;
            ops.passed(target, count as usize)?;
            let down = first & DOWN != 0;
            incoming.rest =
                Some(Rest { container, named, first: step(id, skip, down), count: count - skip, down });
            return self.next_deleted(incoming).map(Some);
        }
        let (mut edit, mut text) = parts::read(what(first), &mut Named { ops, here: &mut here, first })?;
        if !edit.edits(kind) {
            return Err(ApplyError::WrongKind);
        }
        let mut len = if text.is_empty() { edit.len() as usize } else { text.chars().count() };
        ops.passed(target, len)?;
        if skip > 0 {
            let before = here.lv(Id { by: None, seq: source.first - 1 })?;
            match &mut edit {
                Edit::Insert { left, .. } => {
                    *left = Some(before);
                    text = cut_at(text, skip).map_or("", |cut| cut.1);
                }
                Edit::InsertItems { left, items } => {
                    *left = Some(before);
                    *items = items.part(skip..len as u32);
                }
                _ => {}
            }
            len -= skip as usize;
        }
        here.take_note(container, &edit, len)?;
        let len = len as u32;
        *lv += len;
        Ok(Some(Translated { container, named, edit, len, text }))
    }

    /// As much of a delete as has consecutive numbers.
    fn next_deleted<'a>(&self, incoming: &mut Incoming<'_, 'a>) -> Result<Translated<'a>, ApplyError> {
        let rest = incoming.rest.take().ok_or(ApplyError::UnknownOperation)?;
        let Rest { container, named, first, count, down } = rest;
        let Source { start, first: new, .. } = incoming.source;
        let lv = self
            .lv_of(first, &incoming.source)
            .filter(|&lv| lv < incoming.lv)
            .ok_or(ApplyError::UnknownOperation)?;
        let run = match lv.checked_sub(start) {
            None => self.numbers.run(lv, down),
            // Those of this very change get consecutive numbers.
            Some(_) if down => (first.seq - new) as u32 + 1,
            Some(_) => u32::MAX,
        };
        let len = run.min(count);
        if len < count {
            // Nobody deletes an element twice, so that each place where numbers part ways cuts once.
            incoming.cuts += 1;
            if incoming.cuts > self.numbers.spans().len() {
                return Err(ApplyError::UnknownOperation);
            }
            incoming.rest = Some(Rest { first: step(first, len, down), count: count - len, ..rest });
        }
        if u64::from(incoming.lv) + u64::from(len) > MAX_OPS {
            return Err(ApplyError::TooLarge);
        }
        incoming.lv += len;
        let edit = Edit::Delete { first: lv, count: len, down };
        Ok(Translated { container, named, edit, len, text: "" })
    }

    /// The number of an operation, also of one of the change.
    fn lv_of(&self, id: Id, source: &Source<'_>) -> Option<Lv> {
        let replica = match id.by {
            Some(number) => (source.resolve)(number)?,
            None => source.replica,
        };
        if replica != source.replica {
            return self.numbers.lv(OpId { replica, seq: id.seq });
        }
        match id.seq.checked_sub(source.first) {
            Some(nth) => source.start.checked_add(u32::try_from(nth).ok()?),
            None => self.numbers.lv_of(source.number?, u32::try_from(id.seq).ok()?),
        }
    }
}

/// The element so many after one, or before.
fn step(id: Id, by: u32, down: bool) -> Id {
    let by = u64::from(by);
    Id { seq: if down { id.seq.saturating_sub(by) } else { id.seq.saturating_add(by) }, ..id }
}

/// What a document calls what an operation names, its draft included.
struct Here<'h, 'r> {
    doc: &'h Doc,
    source: &'h Source<'r>,
    draft: &'h mut Draft,
    /// The number of the operation, and its sequence number.
    lv: Lv,
    seq: u32,
}

/// What an operation names, put into the document's own numbers.
struct Named<'n, 'h, 'r, 'a> {
    ops: &'n mut Ops<'a>,
    here: &'n mut Here<'h, 'r>,
    first: u8,
}

impl Named<'_, '_, '_, '_> {
    fn some(&self, id: Option<Id>) -> Result<Option<Lv>, ApplyError> {
        id.map(|id| self.here.lv(id)).transpose()
    }
}

impl<'a> Parts<'a> for Named<'_, '_, '_, 'a> {
    fn rest(&mut self) -> &mut Reader<'a> {
        &mut self.ops.reader
    }

    fn key(&mut self) -> Result<StrId, ApplyError> {
        self.here.string(self.ops.name()?)
    }

    fn element(&mut self) -> Result<Lv, ApplyError> {
        self.here.lv(self.ops.id()?)
    }

    fn optional(&mut self) -> Result<Option<Lv>, ApplyError> {
        let id = self.ops.optional()?;
        self.some(id)
    }

    fn left(&mut self) -> Result<Option<Lv>, ApplyError> {
        let id = self.ops.left(self.first)?;
        self.some(id)
    }

    fn count(&mut self) -> Result<usize, ApplyError> {
        Ok(self.ops.reader.count(1)?)
    }
}

impl Here<'_, '_> {
    fn lv(&self, id: Id) -> Result<Lv, ApplyError> {
        self.doc.lv_of(id, self.source).filter(|&found| found < self.lv).ok_or(ApplyError::UnknownOperation)
    }

    fn string(&mut self, name: Name<'_>) -> Result<StrId, ApplyError> {
        let Self { doc, draft, .. } = self;
        let names = self.source.number.and_then(|replica| doc.names.get(replica as usize));
        let id = match name {
            Name::Known(number) => {
                let known = names.map_or(0, |names| names.list().len()) as u32;
                let drafted = || draft.additions.as_ref()?.names.get(number.checked_sub(known)?);
                names.and_then(|names| names.get(number)).or_else(drafted).ok_or(ApplyError::UnknownName)?
            }
            Name::New(string) => {
                let known = doc.strings.find(string);
                let here = doc.strings.len() as StrId;
                let id = known.unwrap_or_else(|| here + draft.more(doc).strings.intern(string));
                // One that was introduced before, by a part of the change that was seen, keeps its number.
                let introduced = names.is_some_and(|names| names.number(id).is_some());
                if !introduced && draft.more(doc).names.introduce(id, self.seq) {
                    draft.size += size::string(string);
                }
                id
            }
        };
        draft.size += match id.checked_sub(doc.strings.len() as StrId) {
            None => size::entry(doc.strings.get(id)),
            Some(nth) => size::entry(draft.more(doc).strings.get(nth)),
        };
        Ok(id)
    }

    /// The value that an operation edits, its kind, and by what it is named.
    fn target(&mut self, target: Target<'_>) -> Result<(u32, Kind, Lv), ApplyError> {
        let made = match target {
            Target::Root(kind, name) => {
                let name = self.string(name)?;
                return Ok((self.drafted(kind, Parent::Root(name), NONE), kind, NONE));
            }
            Target::Nested(id) => self.lv(id)?,
        };
        let (state, adds) = (&self.doc.state, self.draft.additions.as_ref());
        let drafted = || adds?.containers.made(made);
        let container = state.containers.made(made).or_else(drafted).ok_or(ApplyError::UnknownOperation)?;
        let drafted = || adds?.containers.kind(container);
        let kind = state.containers.kind(container).or_else(drafted).ok_or(ApplyError::UnknownOperation)?;
        Ok((container, kind, made))
    }

    /// The container at a place, which is made by the operation `made` if it is not there yet.
    fn drafted(&mut self, kind: Kind, parent: Parent, made: Lv) -> u32 {
        let Self { doc, draft, .. } = self;
        let in_item = matches!(parent, Parent::Item { .. });
        // A new item holds a new one.
        let known = if in_item { None } else { doc.state.at(parent, kind) };
        let at = known.unwrap_or_else(|| {
            let containers = &mut draft.more(doc).containers;
            let drafted = if in_item { None } else { containers.at(parent, kind) };
            drafted.unwrap_or_else(|| containers.push(Container { kind, parent, made }))
        });
        if made != NONE {
            draft.more(doc).containers.make(made, at);
        }
        at
    }

    /// Notes what an edit adds.
    fn take_note(&mut self, container: u32, edit: &Local, len: usize) -> Result<(), ApplyError> {
        if u64::from(self.lv) + len as u64 > MAX_OPS {
            return Err(ApplyError::TooLarge);
        }
        self.draft.size += edit.value().map_or(0, Value::size);
        match edit {
            Edit::Insert { .. } => self.draft.size += size::ELEMENT * len,
            Edit::Make { key, kind, base } => {
                let parent = Parent::Key { map: container, key: *key, base: base.unwrap_or(NONE) };
                self.drafted(*kind, parent, self.lv);
                self.draft.size += size::ENTRY;
            }
            Edit::InsertItems { items, .. } => {
                for (item, (size, nested)) in (self.lv..).zip(items.measures()) {
                    self.draft.size += size::ELEMENT + 2 * size::ENTRY + size::SUM + size;
                    if let Some(kind) = nested {
                        self.drafted(kind, Parent::Item { list: container, item }, item);
                    }
                }
            }
            Edit::Move { .. } => self.draft.size += size::ELEMENT,
            _ => {}
        }
        Ok(())
    }
}
