//! What a transaction or a delta changed, as patches that a page or an editor can apply.

use std::sync::Arc;

use crate::doc::Doc;
use crate::keyed::Keyed;
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE};
use crate::order::{in_order, number, place, sort_by_number};
use crate::sequence::Sequence;
use crate::sorted::Sorted;
use crate::state::{Adds, Data, Held, List, MarkRecord, Parent, Spans, Sums, Text, Values};
use crate::value::{Kind, Ordered, Value};

/// A value of a document that is edited, as long as the document lives. Other documents, those that
/// were loaded from the same bytes included, may call it otherwise.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let first = doc.transact(|tx| tx.text("t").push("Hello")).changed();
/// let second = doc.transact(|tx| tx.text("t").push("!")).changed();
/// assert_eq!(first.patches[0].container, second.patches[0].container);
/// assert_eq!(doc.text("t").id(), Some(first.patches[0].container));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub(crate) u32);

/// Where a value is: a root, and the way from there.
///
/// ```
/// use conjoin_core::{Doc, Kind, ReplicaId, Step, Target};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let changed = doc.transact(|tx| tx.map("page").text("body").push("Once")).changed();
/// let body = Target { path: vec![Step::Key("body".into())], ..Target::root(Kind::Map, "page") };
/// assert!(changed.iter().any(|patch| patch.target == body));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The kind of the root.
    pub kind: Kind,
    /// The name of the root.
    pub name: Arc<str>,
    /// The way to what is nested in it; empty for the root itself.
    pub path: Vec<Step>,
}

/// One step down into a map or a list.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Step};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.list("notes").insert_text(0).unwrap().push("Hi"));
/// doc.transact(|tx| tx.list("notes").insert(0, "before it").unwrap());
/// let changed = doc.transact(|tx| tx.list("notes").text(1).unwrap().push("!")).changed();
/// assert_eq!(changed.patches[0].target.path, [Step::Item(Some(1))]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The key of a map.
    Key(Arc<str>),
    /// The index of an item of a list, as it is after the change; `None` if it is not in the list any
    /// more.
    Item(Option<usize>),
}

impl Target {
    /// A root.
    ///
    /// ```
    /// use conjoin_core::{Doc, Kind, ReplicaId, Target};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let changed = doc.transact(|tx| tx.counter("clicks").increment()).changed();
    /// assert_eq!(changed.patches[0].target, Target::root(Kind::Counter, "clicks"));
    /// ```
    pub fn root(kind: Kind, name: impl Into<Arc<str>>) -> Self {
        Self { kind, name: name.into(), path: Vec::new() }
    }
}

/// What stands at a key or in an item: a plain value, or one that is edited itself, whose own patches tell
/// what is in it, from empty on.
///
/// ```
/// use conjoin_core::{Content, Diff, Doc, ListStep, ReplicaId, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let changed = doc.transact(|tx| tx.list("l").push("milk")).changed();
/// let milk = Content::Value(Value::from("milk"));
/// assert_eq!(changed.patches[0].diff, Diff::List(vec![ListStep::Insert(vec![milk])]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A plain value.
    Value(Value),
    /// A nested value.
    Nested(ContainerId, Kind),
}

/// Whose edits they were.
///
/// ```
/// use conjoin_core::{Doc, Origin, ReplicaId};
///
/// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
/// let commit = ada.transact(|tx| tx.counter("clicks").increment());
/// assert_eq!(commit.changed().origin, Origin::Local);
/// assert_eq!(bob.apply(&commit.delta())?.changed().origin, Origin::Remote);
/// # Ok::<(), conjoin_core::ApplyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// This replica's.
    #[default]
    Local,
    /// Those of others.
    Remote,
}

/// What changed: the least that leads from what was there to what is there now, and nothing twice.
///
/// ```
/// use conjoin_core::{Diff, Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let changed = doc
///     .transact(|tx| {
///         tx.counter("clicks").increment();
///         tx.counter("clicks").increment();
///     })
///     .changed();
/// assert_eq!(changed.patches.len(), 1);
/// assert_eq!(changed.patches[0].diff, Diff::Counter(2));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changed {
    /// One for each value that changed.
    pub patches: Vec<Patch>,
    /// Whose edits they were.
    pub origin: Origin,
}

/// How one value changed.
///
/// ```
/// use conjoin_core::{Diff, Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let changed = doc.transact(|tx| tx.counter("clicks").add(2)).changed();
/// let patch = &changed.patches[0];
/// assert_eq!((&*patch.target.name, &patch.diff), ("clicks", &Diff::Counter(2)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Which value.
    pub container: ContainerId,
    /// Where it is now.
    pub target: Target,
    /// How it changed.
    pub diff: Diff,
}

/// How a value changed.
///
/// ```
/// use conjoin_core::{Diff, Doc, ReplicaId, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.set("tags").insert("draft"));
/// let changed = doc
///     .transact(|tx| {
///         tx.set("tags").insert("new");
///         tx.set("tags").remove("draft");
///     })
///     .changed();
/// let [added, removed] = ["new", "draft"].map(|tag| vec![Value::from(tag)]);
/// assert_eq!(changed.patches[0].diff, Diff::Set { added, removed });
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Diff {
    /// The counter has this value now.
    Counter(i64),
    /// The floating-point counter has this value now.
    FloatCounter(f64),
    /// The register has these values now, that of the latest write first.
    Register(Vec<Value>),
    /// These keys hold this now, or nothing.
    Map(Keyed<Option<Content>>),
    /// Values came in and went out.
    Set {
        /// Those that are in now.
        added: Vec<Value>,
        /// Those that are out now.
        removed: Vec<Value>,
    },
    /// Walk along the list and do this.
    List(Vec<ListStep>),
    /// Walk along the text and do this.
    Text(Vec<TextStep>),
}

/// One step along a list. What lies behind the last step stays as it is.
///
/// ```
/// use conjoin_core::{Diff, Doc, ListStep, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.list("l").insert_all(0, 0..5).unwrap());
/// let changed = doc.transact(|tx| tx.list("l").remove(2..4).unwrap()).changed();
/// assert_eq!(changed.patches[0].diff, Diff::List(vec![ListStep::Retain(2), ListStep::Delete(2)]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum ListStep {
    /// So many items stay.
    Retain(usize),
    /// So many items go.
    Delete(usize),
    /// These items come in.
    Insert(Vec<Content>),
}

/// Marks by key; a [`Value::Null`] takes one away.
///
/// ```
/// use conjoin_core::{Marks, Value};
///
/// let marks: Marks = [("bold".into(), Value::from(true))].into_iter().collect();
/// assert_eq!(marks.get("bold"), Some(&Value::from(true)));
/// ```
pub type Marks = Keyed<Value>;

/// One step along a text. What lies behind the last step stays as it is. Lengths count characters (Unicode
/// scalar values).
///
/// ```
/// use conjoin_core::{Diff, Doc, Marks, ReplicaId, TextStep};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.text("t").push("Hello, world"));
/// let changed = doc.transact(|tx| tx.text("t").replace(7..12, "Ada").unwrap()).changed();
/// let steps = vec![
///     TextStep::Retain(7, Marks::new()),
///     TextStep::Delete(5),
///     TextStep::Insert("Ada".into(), Marks::new()),
/// ];
/// assert_eq!(changed.patches[0].diff, Diff::Text(steps));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum TextStep {
    /// So many characters stay, and take on these marks.
    Retain(usize, Marks),
    /// So many characters go.
    Delete(usize),
    /// This text comes in, with these marks.
    Insert(String, Marks),
}

impl Changed {
    /// Whether nothing changed.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let changed = doc
    ///     .transact(|tx| {
    ///         tx.text("t").push("typed and deleted");
    ///         tx.text("t").delete(..).unwrap();
    ///     })
    ///     .changed();
    /// assert!(changed.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// The patches.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let changed = doc
    ///     .transact(|tx| {
    ///         tx.counter("clicks").increment();
    ///         tx.text("notes").push("Hello");
    ///     })
    ///     .changed();
    /// let names: Vec<_> = changed.iter().map(|patch| &*patch.target.name).collect();
    /// assert_eq!(names, ["clicks", "notes"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &Patch> + '_ {
        self.patches.iter()
    }
}

/// The document from which another version of it is told.
pub(crate) struct Earlier<'a> {
    pub(crate) doc: &'a Doc,
    /// The numbers that the values have in it, and those by which they are told of.
    pub(crate) numbers: &'a [u32],
    pub(crate) names: &'a [u32],
}

impl Doc {
    /// What these add up to.
    pub(crate) fn changed(&self, noted: &Noted, origin: Origin, earlier: Option<&Earlier<'_>>) -> Changed {
        let mut raw = noted.all();
        sort_by_number(&mut raw, Raw::container);
        let mut patches = Vec::new();
        for of in raw.chunk_by(|a, b| a.container() == b.container()) {
            let container = of[0].container();
            if let Some(diff) = self.diff_of(container, of, earlier) {
                let target = self.target_of(container);
                patches.push(Patch { container: id_of(container, earlier), target, diff });
            }
        }
        Changed { patches, origin }
    }

    /// Where a container is.
    pub(crate) fn target_of(&self, container: u32) -> Target {
        let mut path = Vec::new();
        let mut at = container;
        loop {
            let of = self.state.container(at);
            match of.parent {
                Parent::Root(name) => {
                    path.reverse();
                    return Target { kind: of.kind, name: self.strings.get(name).clone(), path };
                }
                Parent::Key { map, key, .. } => {
                    path.push(Step::Key(self.strings.get(key).clone()));
                    at = map;
                }
                Parent::Item { list, item } => {
                    path.push(Step::Item(self.index_of(list, item)));
                    at = list;
                }
            }
        }
    }

    fn index_of(&self, list: u32, item: Lv) -> Option<usize> {
        let Data::List(list) = self.state.data(list) else { return None };
        list.sequence.find(list.slot_of(item)).filter(|place| place.visible).map(|place| place.index)
    }

    /// What is held, in an item of a list, if it is one.
    fn content(&self, held: &Held, item: Lv, earlier: Option<&Earlier<'_>>) -> Option<Content> {
        if let Held::Value(value) = held {
            return Some(Content::Value(value.clone()));
        }
        let container = self.state.held(held, item)?;
        Some(Content::Nested(id_of(container, earlier), self.state.container(container).kind))
    }

    fn diff_of(&self, container: u32, raw: &[Raw], earlier: Option<&Earlier<'_>>) -> Option<Diff> {
        let (mut splices, mut formats) = (Vec::new(), Vec::new());
        for raw in raw {
            match *raw {
                // What was put in and taken out again leaves nothing.
                Raw::Splice { deleted: 0, inserted: 0, .. } => {}
                Raw::Splice { at, deleted, inserted, .. } => splices.push(Splice { at, deleted, inserted }),
                Raw::Format { mark, .. } => formats.push(mark),
                _ => {}
            }
        }
        Some(match self.state.data(container) {
            Data::Counter(sums) => {
                let now = sums.total();
                if sums_before(sums, raw).total() == now {
                    return None;
                }
                Diff::Counter(now)
            }
            Data::FloatCounter(sums) => {
                let now = sums.float_total();
                if sums_before(sums, raw).float_total() == now {
                    return None;
                }
                Diff::FloatCounter(now)
            }
            Data::Register(writes) => {
                if let Some(Raw::Writes { before, .. }) = raw.first()
                    && before.len() == writes.len()
                    && before.iter().zip(writes).all(|(before, now)| before.1 == now.1)
                {
                    return None;
                }
                let mut now = Vec::new();
                for write in writes {
                    now.push(write.1.clone());
                }
                Diff::Register(now)
            }
            Data::Map(map) => {
                let mut told = Keyed::new();
                for (key, before) in held_before(raw) {
                    let held = map.slots.get(&key).map_or(&Held::Nothing, |slot| &slot.held);
                    if held != before {
                        told.insert(self.strings.get(key).clone(), self.content(held, NONE, earlier));
                    }
                }
                if told.is_empty() {
                    return None;
                }
                Diff::Map(told)
            }
            Data::Set(members) => {
                // Who came and went, or went and came, is where it was.
                let mut odd: Sorted<Ordered, Adds> = Sorted::new();
                for raw in raw {
                    if let Raw::Member { value, .. } = raw {
                        let times = odd.entry(Ordered(value.clone()), || Adds::NONE);
                        *times = if times.is_empty() { Adds::One(0) } else { Adds::NONE };
                    }
                }
                let (mut added, mut removed) = (Vec::new(), Vec::new());
                for (value, times) in &odd {
                    if !times.is_empty() {
                        let is_in = members.values.contains_key(value);
                        let told = if is_in { &mut added } else { &mut removed };
                        told.push(value.0.clone());
                    }
                }
                if added.is_empty() && removed.is_empty() {
                    return None;
                }
                Diff::Set { added, removed }
            }
            Data::List(list) => {
                replace_assigned(list, raw, &mut splices);
                if splices.is_empty() {
                    return None;
                }
                let (mut told, mut index) = (Vec::new(), 0);
                for step in compose(&splices) {
                    told.push(match step {
                        Plan::Retain(len) => ListStep::Retain(len),
                        Plan::Delete(len) => ListStep::Delete(len),
                        Plan::Insert(len) => {
                            let mut items = Vec::with_capacity(len);
                            for at in index..index + len {
                                if let Some((item, held)) = list.at(at)
                                    && let Some(content) = self.content(held, item, earlier)
                                {
                                    items.push(content);
                                }
                            }
                            ListStep::Insert(items)
                        }
                    });
                    if !matches!(step, Plan::Delete(_)) {
                        index += step.len();
                    }
                }
                if told.is_empty() {
                    return None;
                }
                Diff::List(told)
            }
            Data::Text(text) => {
                let now = text.spans(&self.numbers);
                let was = match earlier {
                    Some(earlier) => Some(earlier.spans(container)),
                    None if formats.is_empty() => None,
                    None => {
                        let new = in_order(formats.len(), &|at| formats[at]);
                        let was = |mark: &MarkRecord| {
                            new.binary_search_by_key(&mark.lv, |new| number(*new)).is_err()
                        };
                        Some(text.spans_of(&was, &self.numbers))
                    }
                };
                let told = self.text_steps(
                    text,
                    compose(&splices),
                    (was.as_ref().unwrap_or(&now), &now),
                    earlier.is_none(),
                );
                if told.is_empty() {
                    return None;
                }
                Diff::Text(told)
            }
        })
    }

    /// What steps along a text say of it and its marks: those there were and those there are now. Those there were
    /// are told of what was there then, or, if `is_here`, of the text as it is now.
    fn text_steps(
        &self,
        text: &Text,
        mut steps: Vec<Plan>,
        (was, now): (&Spans<'_>, &Spans<'_>),
        is_here: bool,
    ) -> Vec<TextStep> {
        let mut told: Vec<TextStep> = Vec::new();
        let (mut was, mut now) = (Walk::along(was), Walk::along(now));
        let (mut index, mut before) = (0, 0);
        // What is behind the last of them stays, but may have got other marks.
        let len = text.sequence.len();
        steps.push(Plan::Retain(len));
        for step in steps {
            if let Plan::Delete(len) = step {
                before += if is_here { 0 } else { len };
                told.push(TextStep::Delete(len));
                continue;
            }
            let is_new = matches!(step, Plan::Insert(_));
            let end = len.min(index + step.len());
            while index < end {
                let here = now.at(index);
                let (mut len, mut then) = (now.end.min(end) - index, &Values::new());
                if !is_new {
                    then = was.at(before);
                    len = len.min(was.end - before);
                }
                let mut marks = Marks::new();
                for &(key, _) in then {
                    if here.iter().all(|now| now.0 != key) {
                        marks.insert(self.strings.get(key).clone(), Value::Null);
                    }
                }
                for now in here {
                    if !then.contains(now) {
                        marks.insert(self.strings.get(now.0).clone(), now.1.clone());
                    }
                }
                before += if is_new && !is_here { 0 } else { len };
                index += len;
                match told.last_mut() {
                    _ if is_new => {
                        told.push(TextStep::Insert(text.sequence.slice(index - len..index), marks));
                    }
                    Some(TextStep::Retain(before, same)) if *same == marks => *before += len,
                    _ => told.push(TextStep::Retain(len, marks)),
                }
            }
        }
        while matches!(told.last(), Some(TextStep::Retain(_, marks)) if marks.is_empty()) {
            told.pop();
        }
        told
    }
}

impl Earlier<'_> {
    /// The marks on a text as it was.
    fn spans(&self, container: u32) -> Spans<'_> {
        match self.doc.state.containers.data(self.numbers[container as usize]) {
            Some(Data::Text(text)) => text.spans(&self.doc.numbers),
            _ => Spans::new(),
        }
    }
}

/// The number by which a container is told of.
fn id_of(container: u32, earlier: Option<&Earlier<'_>>) -> ContainerId {
    ContainerId(earlier.map_or(container, |earlier| earlier.names[container as usize]))
}

/// What the parts of a counter were before.
fn sums_before(sums: &Sums, raw: &[Raw]) -> Sums {
    let mut were = sums.clone();
    for raw in raw.iter().rev() {
        if let Raw::Sum { replica, before, .. } = raw {
            *were.of(*replica, &mut 0) = *before;
        }
    }
    were
}

/// What keys of a map or items of a list held before, each once.
fn held_before(raw: &[Raw]) -> Vec<(u32, &Held)> {
    let at = |nth: usize| if let Raw::Held { at, .. } = raw[nth] { at } else { NONE };
    let mut all: Vec<(u32, &Held)> = Vec::new();
    for entry in in_order(raw.len(), &at) {
        if let Raw::Held { at, before, .. } = &raw[place(entry)]
            && all.last().is_none_or(|last| last.0 != *at)
        {
            all.push((*at, before));
        }
    }
    all
}

/// Items that hold something else than before are put in again where they stand.
fn replace_assigned(list: &List, raw: &[Raw], splices: &mut Vec<Splice>) {
    for (item, before) in held_before(raw) {
        if list.items.get(item).is_some_and(|held| held != before)
            && let Some(place) = list.sequence.find(list.slot_of(item)).filter(|place| place.visible)
        {
            splices.push(Splice { at: place.index as u32, deleted: 1, inserted: 1 });
        }
    }
}

/// A walk along stretches of text with the marks on them.
struct Walk<'s, 't> {
    rest: &'s [(usize, Values<'t>)],
    /// Where the first of them ends.
    end: usize,
}

impl<'s, 't> Walk<'s, 't> {
    fn along(spans: &'s [(usize, Values<'t>)]) -> Self {
        Self { rest: spans, end: spans.first().map_or(0, |span| span.0) }
    }

    /// The marks at an index, which is not before the one asked for last.
    fn at(&mut self, index: usize) -> &'s Values<'t> {
        while self.end <= index {
            self.rest = &self.rest[1..];
            self.end += self.rest[0].0;
        }
        &self.rest[0].1
    }
}

/// A stretch of a sequence replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Splice {
    at: u32,
    deleted: u32,
    inserted: u32,
}

/// A step along a sequence, by length alone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plan {
    Retain(usize),
    Delete(usize),
    Insert(usize),
}

impl Plan {
    const fn len(&self) -> usize {
        match self {
            Self::Retain(len) | Self::Delete(len) | Self::Insert(len) => *len,
        }
    }
}

/// Appends a step, to the last if it is of the same sort. Of what is at one place, deletes come first.
fn plan(steps: &mut Vec<Plan>, step: Plan) {
    match (steps.last_mut(), step) {
        (_, step) if step.len() == 0 => {}
        (Some(Plan::Retain(len)), Plan::Retain(more))
        | (Some(Plan::Delete(len)), Plan::Delete(more))
        | (Some(Plan::Insert(len)), Plan::Insert(more)) => *len += more,
        (Some(Plan::Insert(_)), Plan::Delete(_)) => {
            let insert = steps.pop().expect("it was just looked at");
            plan(steps, step);
            steps.push(insert);
        }
        _ => steps.push(step),
    }
}

/// What splices that follow each other come to.
fn compose(splices: &[Splice]) -> Vec<Plan> {
    let mut steps = Vec::new();
    if let [splice] = splices {
        for step in [
            Plan::Retain(splice.at as usize),
            Plan::Delete(splice.deleted as usize),
            Plan::Insert(splice.inserted as usize),
        ] {
            plan(&mut steps, step);
        }
        return steps;
    }
    // A sequence that starts as one long run of what was there.
    const THERE: Lv = 1 << 30;
    let mut sequence = Sequence::default();
    sequence.insert_at(0, 0, THERE.into());
    let mut next = THERE + 1;
    for splice in splices {
        let at = splice.at as usize;
        if splice.deleted > 0 {
            sequence.delete_at(at, splice.deleted as usize, &mut |_, _| ());
        }
        if splice.inserted > 0 {
            sequence.insert_at(at, next, splice.inserted.into());
            // A gap in the numbers, so that what is inserted next is not one with it.
            next += splice.inserted + 1;
        }
    }
    for run in sequence.runs() {
        let len = run.len as usize;
        plan(
            &mut steps,
            match (run.lv < THERE, run.visible) {
                (true, true) => Plan::Retain(len),
                (true, false) => Plan::Delete(len),
                (false, true) => Plan::Insert(len),
                (false, false) => continue,
            },
        );
    }
    if let Some(Plan::Retain(_)) = steps.last() {
        steps.pop();
    }
    steps
}
