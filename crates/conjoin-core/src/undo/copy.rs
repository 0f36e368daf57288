//! Copies of values with all that is nested in them.

use crate::log::Local;
use crate::numbers::NONE;
use crate::op::{Anchor, Edit, Item, Mark};
use crate::state::{Data, Held, Parent};
use crate::strings::StrId;
use crate::transaction::Transaction;
use crate::value::{Kind, Value};

/// A nested value to be copied, if it is one.
type Nested = Option<(u32, Kind)>;

impl Transaction<'_> {
    /// Puts what one value holds into another of its kind, which is empty, with all that is nested.
    pub(super) fn copy_into(&mut self, from: u32, to: u32) {
        let mut open = vec![(from, to)];
        while let Some((from, to)) = open.pop() {
            let doc = self.doc();
            // Nested values of the copy are found by where they were made once their edit is done.
            let mut edits: Vec<(Local, Vec<Nested>)> = Vec::new();
            let nested = |held: &Held| match held {
                Held::Container(nested) => Some((*nested, doc.state.containers[*nested as usize].kind)),
                _ => None,
            };
            match doc.state.data(from) {
                Data::Counter(sums) => edits.push((Edit::AddInt(sums.total()), Vec::new())),
                Data::FloatCounter(sums) => edits.push((Edit::AddFloat(sums.float_total()), Vec::new())),
                Data::Register(writes) => {
                    edits.extend(writes.first().map(|write| (Edit::Write(write.1.clone()), Vec::new())));
                }
                Data::Map(map) => {
                    for (&key, slot) in &map.slots {
                        match &slot.held {
                            Held::Nothing => {}
                            Held::Value(value) => {
                                edits.push((Edit::Put { key, value: value.clone() }, Vec::new()))
                            }
                            held @ Held::Container(_) => {
                                let nested = nested(held);
                                let Some((_, kind)) = nested else { continue };
                                edits.push((Edit::Make { key, kind, base: None }, vec![nested]));
                            }
                        }
                    }
                }
                Data::Set(members) => {
                    let values = members.values.keys();
                    edits.extend(values.map(|value| (Edit::Include(value.0.clone()), Vec::new())));
                }
                Data::List(list) => {
                    let held = (0..list.sequence.len()).filter_map(|at| Some(&list.at(at)?.1.held));
                    let (mut items, mut inner) = (Vec::new(), Vec::new());
                    for held in held {
                        items.push(match (held, nested(held)) {
                            (Held::Value(value), _) => Item::Value(value.clone()),
                            (_, Some((_, kind))) => Item::Nested(kind),
                            _ => continue,
                        });
                        inner.push(nested(held));
                    }
                    if !items.is_empty() {
                        edits.push((Edit::InsertItems { left: None, items }, inner));
                    }
                }
                Data::Text(text) => {
                    let whole: String = text.sequence.chunks(0..text.sequence.len()).collect();
                    if !whole.is_empty() {
                        edits.push((Edit::Insert { left: None, text: whole }, Vec::new()));
                    }
                    // The marks follow below, once there are characters for them to stand beside.
                }
            }
            let marks: Vec<(usize, Vec<(StrId, Value)>)> = match doc.state.data(from) {
                Data::Text(text) if !text.marks.is_empty() => {
                    (text.spans(|lv| doc.numbers.stamp(lv)).into_iter())
                        .map(|(len, marks)| {
                            (len, marks.into_iter().map(|(key, value)| (key, value.clone())).collect())
                        })
                        .collect()
                }
                _ => Vec::new(),
            };
            for (edit, inner) in edits {
                let place = if let Edit::Make { key, .. } = &edit { Some(*key) } else { None };
                let Some(lv) = self.edit(to, edit) else { continue };
                for (nested, item) in inner.into_iter().zip(lv..) {
                    let Some((nested, kind)) = nested else { continue };
                    let parent = match place {
                        Some(key) => Parent::Key { map: to, key, base: NONE },
                        None => Parent::Item { list: to, item },
                    };
                    open.extend(self.doc().state.at(parent, kind).map(|copy| (nested, copy)));
                }
            }
            let mut from = 0;
            for (len, marks) in marks {
                let Data::Text(text) = self.doc().state.data(to) else { break };
                let start = Anchor { element: text.sequence.at(from), after: false };
                let end = Anchor { element: text.sequence.at(from + len - 1), after: true };
                from += len;
                for (key, value) in marks {
                    self.edit(to, Edit::Mark(Box::new(Mark { start, end, key, value })));
                }
            }
        }
    }
}
