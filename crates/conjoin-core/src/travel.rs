//! Looking back: the document as it was at a version, and what changed between two of them.
//!
//! A version is replayed from the log into a document of its own. A text or list of this document holds
//! every element there ever was, so one walk along it, asking of each element whether it was to be seen at
//! either version, gives the way from one to the other whichever came first.

use crate::changed::{Changed, ContainerId, Content, Diff, Origin, Patch, Plan, Was, list_steps, plan};
use crate::doc::Doc;
use crate::keyed::Keyed;
use crate::noted::Noted;
use crate::numbers::{Lv, NONE};
use crate::sequence::Sequence;
use crate::sorted::Sorted;
use crate::state::{Data, Held, List, Map, Members, Parent, Spans, Text};
use crate::strings::StrId;
use crate::value::Value;
use crate::version::{ReplicaId, VersionVector};

/// Why a version cannot be looked at.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, TravelError};
///
/// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
/// bob.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!(ada.at(bob.version()).map(|_| ()), Err(TravelError::NotSeen));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TravelError {
    /// It has seen what this document has not.
    #[error("that version has seen more than this document")]
    NotSeen,
    /// No document was ever at it: it has operations without what their authors had seen.
    #[error("no document can be at that version: it has an operation without what came before it")]
    NotClosed,
    /// What led to it is not kept any more.
    #[error("the history that led to that version is not kept any more")]
    HistoryGone,
}

impl Doc {
    /// The document as it was at a version. It is one of its own that nobody edits; [`fork`](Self::fork) it
    /// to go on from there.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("First"));
    /// let version = doc.version().clone();
    /// doc.transact(|tx| tx.text("t").push(" and second"));
    /// assert_eq!(doc.at(&version)?.text("t").to_string(), "First");
    /// # Ok::<(), conjoin_core::TravelError>(())
    /// ```
    ///
    /// # Errors
    /// If nobody can have been at that version, as far as is known here, or what led to it is not kept.
    pub fn at(&self, version: &VersionVector) -> Result<Self, TravelError> {
        if !self.version.covers(version) {
            return Err(TravelError::NotSeen);
        }
        let delta =
            self.delta_between(&VersionVector::new(), version).map_err(|_| TravelError::HistoryGone)?;
        let unused =
            (0..).map(ReplicaId::new).find(|&replica| self.numbers.replica_number(replica).is_none());
        let mut doc = Self::new(unused.unwrap_or(self.replica));
        doc.state_limit = usize::MAX;
        doc.set_history_limit(usize::MAX);
        doc.apply(&delta).map_err(|_| TravelError::NotClosed)?;
        if doc.version != *version {
            return Err(TravelError::NotClosed);
        }
        doc.raw = Noted::new();
        doc.state_limit = self.state_limit;
        Ok(doc)
    }

    /// What leads from one version to another, whichever came first, and also where neither did. Nested
    /// values that are new at `to` are told from empty on; those that are not there at `to` are not told.
    ///
    /// ```
    /// use conjoin_core::{Diff, Doc, Marks, ReplicaId, TextStep};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("First"));
    /// let version = doc.version().clone();
    /// doc.transact(|tx| tx.text("t").push(" and second"));
    /// let back = doc.diff(doc.version(), &version)?;
    /// let steps = vec![TextStep::Retain(5, Marks::new()), TextStep::Delete(11)];
    /// assert_eq!(back.patches[0].diff, Diff::Text(steps));
    /// # Ok::<(), conjoin_core::TravelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn diff(&self, from: &VersionVector, to: &VersionVector) -> Result<Changed, TravelError> {
        let (from, to) = (View::new(self, from)?, View::new(self, to)?);
        let mut patches = Vec::new();
        for container in 0..self.state.containers.next() {
            let is_root = matches!(self.state.container(container).parent, Parent::Root(_));
            if to.containers[container as usize].is_none() && !is_root {
                continue;
            }
            if let Some(diff) = self.diff_between(container, &from, &to) {
                let target = match to.containers[container as usize] {
                    Some(there) => to.doc.target_of(there),
                    None => self.target_of(container),
                };
                patches.push(Patch { container: ContainerId(container), target, diff });
            }
        }
        Ok(Changed { patches, origin: Origin::Remote })
    }

    fn diff_between(&self, container: u32, from: &View, to: &View) -> Option<Diff> {
        let (before, after) = (from.data(container), to.data(container));
        match self.state.data(container) {
            Data::Counter(_) => {
                let total =
                    |data: Option<&Data>| if let Some(Data::Counter(sums)) = data { sums.total() } else { 0 };
                (total(before) != total(after)).then(|| Diff::Counter(total(after)))
            }
            Data::FloatCounter(_) => {
                let total = |data: Option<&Data>| {
                    if let Some(Data::FloatCounter(sums)) = data { sums.float_total() } else { 0.0 }
                };
                (total(before) != total(after)).then(|| Diff::FloatCounter(total(after)))
            }
            Data::Register(_) => {
                let values = |data: Option<&Data>| match data {
                    Some(Data::Register(writes)) => writes.iter().map(|write| write.1.clone()).collect(),
                    _ => Vec::new(),
                };
                let (before, after): (Vec<Value>, Vec<Value>) = (values(before), values(after));
                (before != after).then_some(Diff::Register(after))
            }
            Data::Map(map) => {
                let held = |view: &View, data: Option<&Data>, key: StrId| {
                    let key = view.doc.strings.find(self.strings.get(key))?;
                    let Some(Data::Map(Map { slots })) = data else { return None };
                    view.content(&slots.get(&key)?.held, NONE)
                };
                let entry = |&key: &StrId| {
                    let after = held(to, after, key);
                    (held(from, before, key) != after).then(|| (self.strings.get(key).clone(), after))
                };
                let entries: Keyed<_> = map.slots.keys().filter_map(entry).collect();
                (!entries.is_empty()).then_some(Diff::Map(entries))
            }
            Data::Set(_) => {
                let none = Members::default();
                let before = if let Some(Data::Set(members)) = before { members } else { &none };
                let after = if let Some(Data::Set(members)) = after { members } else { &none };
                let (before, after) = (&before.values, &after.values);
                let added: Vec<Value> = after
                    .keys()
                    .filter(|value| !before.contains_key(value))
                    .map(|value| value.0.clone())
                    .collect();
                let removed: Vec<Value> = before
                    .keys()
                    .filter(|value| !after.contains_key(value))
                    .map(|value| value.0.clone())
                    .collect();
                (!added.is_empty() || !removed.is_empty()).then_some(Diff::Set { added, removed })
            }
            Data::List(list) => {
                let none = List::default();
                let before = if let Some(Data::List(before)) = before { &**before } else { &none };
                let after = if let Some(Data::List(after)) = after { &**after } else { &none };
                self.diff_lists(&list.sequence, (from, before), (to, after))
            }
            Data::Text(text) => {
                let none = Text::default();
                let before = if let Some(Data::Text(before)) = before { before } else { &none };
                let after = if let Some(Data::Text(after)) = after { after } else { &none };
                self.diff_texts(&text.sequence, (from, before), (to, after))
            }
        }
    }

    /// The steps from one version of a sequence to another. `same` says of an element at both indexes
    /// whether it stayed what it is.
    fn steps(
        &self,
        all: &Sequence,
        (from, before): (&View, &Sequence),
        (to, after): (&View, &Sequence),
        same: impl Fn(usize, usize) -> bool,
    ) -> Vec<Plan> {
        let mut steps = Vec::new();
        for lv in all.runs().flat_map(|run| run.lv..run.lv + run.len) {
            let id = self.numbers.id(lv);
            let shown = |view: &View, sequence: &Sequence| {
                let place = sequence.find(view.doc.numbers.lv(id)?)?;
                place.visible.then_some(place.index)
            };
            match (shown(from, before), shown(to, after)) {
                (Some(before), Some(after)) if same(before, after) => plan(&mut steps, Plan::Retain(1)),
                (Some(_), Some(_)) => {
                    plan(&mut steps, Plan::Delete(1));
                    plan(&mut steps, Plan::Insert(1));
                }
                (Some(_), None) => plan(&mut steps, Plan::Delete(1)),
                (None, Some(_)) => plan(&mut steps, Plan::Insert(1)),
                (None, None) => {}
            }
        }
        steps
    }

    fn diff_lists(
        &self,
        all: &Sequence,
        (from, before): (&View, &List),
        (to, after): (&View, &List),
    ) -> Option<Diff> {
        let content = |view: &View, list: &List, at: usize| {
            let (item, held) = list.at(at)?;
            view.content(held, item)
        };
        let same = |a: usize, b: usize| content(from, before, a) == content(to, after, b);
        let mut steps = self.steps(all, (from, &before.sequence), (to, &after.sequence), same);
        if let Some(Plan::Retain(_)) = steps.last() {
            steps.pop();
        }
        let steps = list_steps(steps, |at| content(to, after, at));
        (!steps.is_empty()).then_some(Diff::List(steps))
    }

    fn diff_texts(
        &self,
        all: &Sequence,
        (from, before): (&View, &Text),
        (to, after): (&View, &Text),
    ) -> Option<Diff> {
        let steps = self.steps(all, (from, &before.sequence), (to, &after.sequence), |_, _| true);
        let (was, now) = (self.spans_of(&from.doc, before), self.spans_of(&to.doc, after));
        self.text_diff(after, steps, Was::There(&was), &now)
    }

    /// The marks on a text of another document, by the strings of this one, which knows them all.
    fn spans_of<'t>(&self, doc: &'t Doc, text: &'t Text) -> Spans<'t> {
        let mut spans = text.spans(&doc.numbers);
        for (key, _) in spans.iter_mut().flat_map(|span| &mut span.1) {
            *key = self.strings.find(doc.strings.get(*key)).expect("it is a part of the history here");
        }
        spans
    }
}

/// The document at a version, and which of its containers are which of the whole document's.
struct View {
    doc: Doc,
    /// By the whole document's.
    containers: Vec<Option<u32>>,
    /// By its own.
    names: Sorted<u32, u32>,
}

impl View {
    fn new(whole: &Doc, version: &VersionVector) -> Result<Self, TravelError> {
        let doc = whole.at(version)?;
        let mut containers = vec![None; whole.state.containers.next() as usize];
        for (parent, kind, container) in whole.state.places() {
            if let Parent::Root(name) = parent {
                let name = doc.strings.find(whole.strings.get(name));
                containers[container as usize] = name.and_then(|name| doc.state.root(kind, name));
            }
        }
        // Any of the operations that made a nested one names it.
        for (made, container) in whole.state.containers.makers() {
            if let Some(made) = doc.numbers.lv(whole.numbers.id(made))
                && let Some(there) = doc.state.containers.made(made)
            {
                containers[container as usize] = Some(there);
            }
        }
        let pairs = containers.iter().zip(0..);
        let names = pairs.filter_map(|(there, container)| Some(((*there)?, container))).collect();
        Ok(Self { doc, containers, names })
    }

    fn data(&self, container: u32) -> Option<&Data> {
        self.containers[container as usize].map(|there| self.doc.state.data(there))
    }

    /// What is held, with nested values named as in the whole document.
    fn content(&self, held: &Held, item: Lv) -> Option<Content> {
        match self.doc.content(held, item)? {
            Content::Nested(there, kind) => {
                Some(Content::Nested(ContainerId(*self.names.get(&there.0)?), kind))
            }
            value @ Content::Value(_) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests;
