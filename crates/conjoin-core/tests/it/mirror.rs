//! A plain copy of a document that knows nothing but the patches.

use std::collections::BTreeMap;

use conjoin_core::{Changed, ContainerId, Diff, Kind, ListStep, Patch, TextStep, Value};

use crate::edits::ROOTS;
use crate::oracle::{self, Place};
use crate::reader::Contents;

type Marks = BTreeMap<String, Value>;

/// What patches make of one value.
#[derive(Debug, Clone)]
enum Copy {
    Counter(i64),
    FloatCounter(f64),
    Register(Vec<Value>),
    Map(BTreeMap<String, conjoin_core::Content>),
    Set(Vec<Value>),
    List(Vec<conjoin_core::Content>),
    Text(Vec<(char, Marks)>),
}

/// The values by what the patches call them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mirror {
    roots: BTreeMap<Place, ContainerId>,
    values: BTreeMap<ContainerId, Copy>,
}

impl Copy {
    fn new(diff: &Diff) -> Self {
        match diff {
            Diff::Counter(_) => Self::Counter(0),
            Diff::FloatCounter(_) => Self::FloatCounter(0.0),
            Diff::Register(_) => Self::Register(Vec::new()),
            Diff::Map(_) => Self::Map(BTreeMap::new()),
            Diff::Set { .. } => Self::Set(Vec::new()),
            Diff::List(_) => Self::List(Vec::new()),
            Diff::Text(_) => Self::Text(Vec::new()),
            diff => panic!("{diff:?} is new"),
        }
    }

    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter(0),
            Kind::FloatCounter => Self::FloatCounter(0.0),
            Kind::Register => Self::Register(Vec::new()),
            Kind::Map => Self::Map(BTreeMap::new()),
            Kind::Set => Self::Set(Vec::new()),
            Kind::List => Self::List(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
        }
    }

    /// Changes it. Nothing is told for nothing.
    fn patch(&mut self, diff: &Diff) {
        match (self, diff) {
            (Self::Counter(sum), Diff::Counter(now)) => {
                assert_ne!(sum, now, "a counter changed");
                *sum = *now;
            }
            (Self::FloatCounter(sum), Diff::FloatCounter(now)) => {
                assert_ne!(sum, now, "a floating-point counter changed");
                *sum = *now;
            }
            (Self::Register(values), Diff::Register(now)) => {
                assert_ne!(values, now, "a register changed");
                values.clone_from(now);
            }
            (Self::Map(entries), Diff::Map(now)) => {
                assert!(!now.is_empty(), "nothing is told for nothing");
                for (key, content) in now {
                    let before = match content {
                        Some(content) => entries.insert(key.to_string(), content.clone()),
                        None => entries.remove(&**key),
                    };
                    assert_ne!(before, *content, "{key} changed");
                }
            }
            (Self::Set(values), Diff::Set { added, removed }) => {
                assert!(!added.is_empty() || !removed.is_empty(), "nothing is told for nothing");
                for value in removed {
                    let at = values.iter().position(|own| own == value).expect("what goes was there");
                    values.swap_remove(at);
                }
                for value in added {
                    assert!(!values.contains(value), "what comes was not there: {value:?}");
                    values.push(value.clone());
                }
            }
            (Self::List(items), Diff::List(steps)) => walk_list(items, steps),
            (Self::Text(chars), Diff::Text(steps)) => walk_text(chars, steps),
            (own, diff) => panic!("{diff:?} for {own:?}"),
        }
    }
}

fn walk_list(items: &mut Vec<conjoin_core::Content>, steps: &[ListStep]) {
    assert!(
        !steps.is_empty() && !matches!(steps.last(), Some(ListStep::Retain(_))),
        "nothing in vain: {steps:?}"
    );
    let mut at = 0;
    for step in steps {
        match step {
            ListStep::Retain(len) => {
                assert!(*len > 0);
                at += len;
            }
            ListStep::Delete(len) => {
                assert!(*len > 0);
                items.drain(at..at + len);
            }
            ListStep::Insert(new) => {
                assert!(!new.is_empty());
                items.splice(at..at, new.iter().cloned());
                at += new.len();
            }
        }
        assert!(at <= items.len(), "steps stay in the list");
    }
}

fn walk_text(chars: &mut Vec<(char, Marks)>, steps: &[TextStep]) {
    let is_plain =
        |step: Option<&TextStep>| matches!(step, Some(TextStep::Retain(_, marks)) if marks.is_empty());
    assert!(!steps.is_empty() && !is_plain(steps.last()), "nothing in vain: {steps:?}");
    let mut at = 0;
    for step in steps {
        match step {
            TextStep::Retain(len, marks) => {
                assert!(*len > 0);
                for (char, own) in &mut chars[at..at + len] {
                    let differs = |(key, value): (&std::sync::Arc<str>, &Value)| {
                        own.get(&**key).unwrap_or(&Value::Null) != value
                    };
                    assert!(marks.iter().all(differs), "{marks:?} is on {char:?} already: {own:?}");
                    own.extend(marks.iter().map(|(key, value)| (key.to_string(), value.clone())));
                    own.retain(|_, value| *value != Value::Null);
                }
                at += len;
            }
            TextStep::Delete(len) => {
                assert!(*len > 0);
                chars.drain(at..at + len);
            }
            TextStep::Insert(new, marks) => {
                assert!(!new.is_empty());
                let marks: Marks =
                    marks.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
                let new: Vec<_> = new.chars().map(|char| (char, marks.clone())).collect();
                let len = new.len();
                chars.splice(at..at, new);
                at += len;
            }
        }
    }
}

impl Mirror {
    /// Takes in what a transaction or a delta changed.
    pub(crate) fn patch(&mut self, changed: &Changed) {
        let mut told: Vec<ContainerId> = Vec::new();
        for Patch { container, target, diff } in changed.iter() {
            assert!(!told.contains(container), "each value is told of once");
            told.push(*container);
            if target.path.is_empty() {
                self.roots.insert(Place::Root(target.kind, target.name.to_string()), *container);
            }
            self.values.entry(*container).or_insert_with(|| Copy::new(diff)).patch(diff);
        }
    }

    /// What it reads.
    pub(crate) fn read(&self) -> Contents {
        let root = |(kind, name): (Kind, &str)| {
            let place = Place::Root(kind, name.to_owned());
            let copy = self.roots.get(&place).and_then(|container| self.values.get(container));
            (place, self.content(copy.cloned().unwrap_or_else(|| Copy::of(kind))))
        };
        ROOTS.into_iter().map(root).collect()
    }

    fn content(&self, copy: Copy) -> oracle::Content {
        let held = |content: conjoin_core::Content| match content {
            conjoin_core::Content::Value(value) => oracle::Content::Value(value),
            conjoin_core::Content::Nested(container, kind) => {
                self.content(self.values.get(&container).cloned().unwrap_or_else(|| Copy::of(kind)))
            }
        };
        match copy {
            Copy::Counter(sum) => oracle::Content::Counter(sum),
            Copy::FloatCounter(sum) => oracle::Content::FloatCounter(sum),
            Copy::Register(values) => oracle::Content::Register(values),
            Copy::Map(entries) => {
                oracle::Content::Map(entries.into_iter().map(|(key, content)| (key, held(content))).collect())
            }
            Copy::Set(values) => {
                oracle::Content::Set(values.iter().map(|value| format!("{value:?}")).collect())
            }
            Copy::List(items) => oracle::Content::List(items.into_iter().map(held).collect()),
            Copy::Text(chars) => oracle::Content::Text(chars),
        }
    }
}
