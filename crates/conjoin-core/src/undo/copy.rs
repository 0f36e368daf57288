//! Copies of values with all that is nested in them: what comes back as an item of a list is made anew.

use super::Again;
use crate::items::{Item, Items};
use crate::log::Local;
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit, Mark};
use crate::state::{Data, Held, Parent};
use crate::strings::StrId;
use crate::transaction::Transaction;
use crate::value::{Kind, Value};

/// A nested value to be copied, if it is one.
type Nested = Option<(u32, Kind)>;

/// What the operations of a copy stand for.
enum For {
    /// Nothing that could be taken back.
    Nothing,
    /// A write.
    Write(Lv),
    /// Characters.
    Chars(Vec<Lv>),
    /// Items, each with the write of what it holds and its slot.
    Items(Vec<[Lv; 3]>),
}

impl Transaction<'_> {
    /// Puts what one value holds into another of its kind, which is empty, with all that is nested. Takes note
    /// that it stands for that.
    pub(super) fn copy_into(&mut self, from: u32, to: u32, again: &mut Again) {
        let mut open = vec![(from, to)];
        while let Some((from, to)) = open.pop() {
            let doc = self.doc();
            let made = |container: u32| doc.numbers.id(doc.state.containers[container as usize].made);
            again.containers.insert(made(from), made(to));
            // Nested values of the copy are found by where they were made once their edit is done.
            let mut edits: Vec<(Local, Vec<Nested>, For)> = Vec::new();
            let nested = |held: &Held| match held {
                Held::Container(nested) => Some((*nested, doc.state.containers[*nested as usize].kind)),
                _ => None,
            };
            match doc.state.data(from) {
                Data::Counter(sums) => edits.push((Edit::AddInt(sums.total()), Vec::new(), For::Nothing)),
                Data::FloatCounter(sums) => {
                    edits.push((Edit::AddFloat(sums.float_total()), Vec::new(), For::Nothing));
                }
                Data::Register(writes) => {
                    let write =
                        |write: &(Lv, Value)| (Edit::Write(write.1.clone()), Vec::new(), For::Write(write.0));
                    edits.extend(writes.first().map(write));
                }
                Data::Map(map) => {
                    for (&key, slot) in &map.slots {
                        match &slot.held {
                            Held::Nothing => {}
                            Held::Value(value) => {
                                let edit = Edit::Put { key, value: value.clone() };
                                edits.push((edit, Vec::new(), For::Write(slot.lv)));
                            }
                            held @ Held::Container(_) => {
                                let nested = nested(held);
                                let Some((_, kind)) = nested else { continue };
                                let edit = Edit::Make { key, kind, base: None };
                                edits.push((edit, vec![nested], For::Write(slot.lv)));
                            }
                        }
                    }
                }
                Data::Set(members) => {
                    edits.extend(members.values.iter().map(|(value, adds)| {
                        let add = adds.last().map_or(For::Nothing, |&add| For::Write(add));
                        (Edit::Include(value.0.clone()), Vec::new(), add)
                    }));
                }
                Data::List(list) => {
                    let (mut items, mut inner, mut ids) = (Items::default(), Vec::new(), Vec::new());
                    for (lv, held) in (0..list.sequence.len()).filter_map(|at| list.at(at)) {
                        items.push(&match (held, nested(held)) {
                            (Held::Value(value), _) => Item::Value(value.clone()),
                            (_, Some((_, kind))) => Item::Nested(kind),
                            _ => continue,
                        });
                        inner.push(nested(held));
                        ids.push([lv, list.written(lv), list.slot_of(lv)]);
                    }
                    if !ids.is_empty() {
                        edits.push((Edit::InsertItems { left: None, items }, inner, For::Items(ids)));
                    }
                }
                Data::Text(text) => {
                    let whole = text.sequence.slice(0..text.sequence.len());
                    if !whole.is_empty() {
                        let chars = text.sequence.elements(true).collect();
                        edits.push((Edit::Insert { left: None, text: whole }, Vec::new(), For::Chars(chars)));
                    }
                    // The marks follow below, once there are characters for them to stand beside.
                }
            }
            let marks: Vec<(usize, Vec<(StrId, Value)>)> = match doc.state.data(from) {
                Data::Text(text) if !text.marks.is_empty() => (text.spans(&doc.numbers).into_iter())
                    .map(|(len, marks)| {
                        (len, marks.into_iter().map(|(key, value)| (key, value.clone())).collect())
                    })
                    .collect(),
                _ => Vec::new(),
            };
            for (edit, inner, stands_for) in edits {
                let place = if let Edit::Make { key, .. } = &edit { Some(*key) } else { None };
                let Some(lv) = self.edit(to, edit) else { continue };
                let numbers = &self.doc().numbers;
                let id = |lv: Lv| numbers.id(lv);
                match stands_for {
                    For::Nothing => {}
                    For::Write(write) => _ = again.writes.insert(id(lv), id(write)),
                    For::Chars(chars) => {
                        for (char, new) in chars.into_iter().zip(lv..) {
                            again.came_back(id(char), id(new));
                        }
                    }
                    For::Items(items) => {
                        for ([item, written, slot], new) in items.into_iter().zip(lv..) {
                            again.came_back(id(item), id(new));
                            again.writes.insert(id(new), id(written));
                            again.slots.insert(id(new), id(slot));
                        }
                    }
                }
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
