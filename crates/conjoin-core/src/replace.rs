//! Taking over another document whole, where neither history nor states can be joined: what one of both has
//! [let go of](Doc::compact) tells nobody any more where the rest of the other's stood.
//!
//! Whoever has seen all that is here has all of it. What it has not seen is done again on its state, which
//! works as long as the history of that is kept here and was made knowing what the other has let go of.
//!
//! Values keep the numbers that followers know them by, and are told the difference.

use std::iter::Peekable;

use crate::doc::{ApplyError, Doc};
use crate::log::Log;
use crate::noted::{Noted, Raw};
use crate::numbers::{Lv, NONE};
use crate::sequence::Sequence;
use crate::state::{Data, Held, Parent, empty};

impl Doc {
    /// Becomes what the other document is, with all that was seen here and not there.
    pub(crate) fn take_over(&mut self, mut theirs: Self) -> Result<(), ApplyError> {
        theirs.replica = self.replica;
        theirs.state_limit = self.state_limit;
        if !self.version.is_empty() {
            let more = self.delta_since(&theirs.version).map_err(|_| ApplyError::Compacted)?;
            // What its history says of values goes by their numbers there.
            theirs.log = Log::new();
            theirs.log.skip(0, theirs.numbers.next());
            if !theirs.take_all(&more)? {
                return Err(ApplyError::Contradiction);
            }
            let numbers = self.numbers_of(&theirs)?;
            theirs.log.renumber(&numbers);
            if !theirs.state.renumber(&numbers) || !self.has_same_names(&theirs) {
                return Err(ApplyError::Contradiction);
            }
        }
        theirs.log.set_limit(self.log.limit());
        self.become_other(theirs);
        Ok(())
    }

    /// Takes the place of this document, and tells the difference.
    pub(crate) fn become_other(&mut self, mut other: Self) {
        other.pending = std::mem::take(&mut self.pending);
        other.raw = self.difference(&other);
        *self = other;
        self.settle();
    }

    /// The numbers that another document's values, which has all that are here, have here or get.
    fn numbers_of(&self, other: &Self) -> Result<Vec<u32>, ApplyError> {
        let mut numbers = vec![NONE; other.state.containers.next() as usize];
        let mut found = vec![NONE; self.state.containers.next() as usize];
        let roots = self.state.places().filter_map(|(parent, kind, container)| match parent {
            Parent::Root(name) => {
                let there = other.strings.find(self.strings.get(name));
                Some((container, there.and_then(|name| other.state.root(kind, name))))
            }
            _ => None,
        });
        let nested = self.state.containers.makers().map(|(made, container)| {
            let made = other.numbers.lv(self.numbers.id(made));
            (container, made.and_then(|made| other.state.containers.made(made)))
        });
        for (container, there) in roots.chain(nested) {
            let there = there.ok_or(ApplyError::Contradiction)?;
            let (number, place) = (&mut numbers[there as usize], &mut found[container as usize]);
            let is_new = *number == NONE && *place == NONE;
            let same_kind = self.state.container(container).kind == other.state.container(there).kind;
            if !same_kind || !(is_new || (*number, *place) == (container, there)) {
                return Err(ApplyError::Contradiction);
            }
            (*number, *place) = (container, there);
        }
        if found.contains(&NONE) {
            return Err(ApplyError::Contradiction);
        }
        let absent = numbers.iter_mut().filter(|number| **number == NONE);
        for (number, next) in absent.zip(found.len() as u32..) {
            *number = next;
        }
        Ok(numbers)
    }

    /// Whether another document has the strings of this replica by the same numbers.
    fn has_same_names(&self, other: &Self) -> bool {
        let names = |doc: &Self| -> Vec<_> {
            let own = doc.numbers.replica_number(self.replica).and_then(|own| doc.names.get(own as usize));
            let list = own.map_or(&[][..], |names| names.list());
            list.iter().map(|&(string, seq)| (doc.strings.get(string).clone(), seq)).collect()
        };
        names(self) == names(other)
    }

    /// What leads from here to a document that has all values that are here, by the same numbers.
    fn difference(&self, other: &Self) -> Noted {
        let mut raw = Noted::new();
        for (container, after) in (0..).zip(other.state.all_data()) {
            let new = || empty(other.state.container(container).kind);
            match (self.state.containers.data(container).unwrap_or_else(new), after) {
                (Data::Counter(before), Data::Counter(after))
                | (Data::FloatCounter(before), Data::FloatCounter(after)) => {
                    let mut was = before.clone();
                    for &(replica, sum) in &after.0 {
                        let before = *was.of(replica, &mut 0);
                        if before != sum {
                            raw.push(Raw::Sum { container, replica, before });
                        }
                    }
                }
                (Data::Register(before), Data::Register(_)) => {
                    raw.push(Raw::Writes { container, before: before.clone() });
                }
                (Data::Map(before), Data::Map(after)) => {
                    for (&key, slot) in &after.slots {
                        let was = self.strings.find(other.strings.get(key));
                        let was = was.and_then(|key| before.slots.get(&key));
                        let before = was.map_or(Held::Nothing, |slot| slot.held.clone());
                        if before != slot.held {
                            raw.push(Raw::Key { container, key, before });
                        }
                    }
                }
                (Data::Set(before), Data::Set(after)) => {
                    let (before, after) = (&before.values, &after.values);
                    let gone = before.keys().filter(|value| !after.contains_key(value));
                    let new = after.keys().filter(|value| !before.contains_key(value));
                    gone.chain(new).for_each(|value| {
                        raw.push(Raw::Member { container, value: value.0.clone() });
                    });
                }
                // Nothing is woken for it that was loaded and nobody asked anything of yet.
                (Data::List(before), Data::List(after)) if before.len() == 0 => {
                    insertion(container, after.len(), &mut raw);
                }
                (Data::List(before), Data::List(after)) => {
                    self.splice(container, &before.sequence, other, &after.sequence, &mut raw);
                    for (item, held) in before.items.iter() {
                        if let Some(item) = other.numbers.lv(self.numbers.id(item))
                            && after.items.get(item).is_some_and(|other| other != held)
                        {
                            raw.push(Raw::Assigned { container, item, before: held.clone() });
                        }
                    }
                }
                (Data::Text(before), Data::Text(after)) => {
                    if before.sequence.is_empty() {
                        insertion(container, after.sequence.len(), &mut raw);
                    } else {
                        self.splice(container, &before.sequence, other, &after.sequence, &mut raw);
                        let new = |lv: Lv| !self.version.contains(other.numbers.id(lv));
                        let marks = after.marks.iter().map(|mark| mark.lv).filter(|&mark| new(mark));
                        marks.for_each(|mark| raw.push(Raw::Format { container, mark }));
                    }
                }
                _ => {}
            }
        }
        raw
    }

    /// What leads from one sequence to another. Both have the elements that are in both in the same order.
    fn splice(&self, container: u32, before: &Sequence, other: &Self, after: &Sequence, raw: &mut Noted) {
        let mut push = |at: usize, deleted: usize, inserted: usize| {
            if deleted + inserted > 0 {
                let (at, deleted, inserted) = (at as u32, deleted as u32, inserted as u32);
                raw.push(Raw::Splice { container, at, deleted, inserted });
            }
        };
        let mut old = stays((self, before), (other, after)).peekable();
        let mut new = stays((other, after), (self, before)).peekable();
        let mut at = 0;
        loop {
            let (deleted, inserted) = (count(&mut old, false), count(&mut new, false));
            push(at, deleted, inserted);
            at += inserted;
            let mut stayed = 0;
            while old.peek() == Some(&true) && new.next_if_eq(&true).is_some() {
                old.next();
                stayed += 1;
            }
            at += stayed;
            if deleted + inserted + stayed == 0 {
                break;
            }
        }
    }
}

/// A whole sequence came.
fn insertion(container: u32, len: usize, raw: &mut Noted) {
    if len > 0 {
        raw.push(Raw::Splice { container, at: 0, deleted: 0, inserted: len as u32 });
    }
}

/// For each visible element of a sequence whether it is visible in another document's, too.
fn stays<'s>(
    (doc, sequence): (&'s Doc, &'s Sequence),
    (other, there): (&'s Doc, &'s Sequence),
) -> impl Iterator<Item = bool> + 's {
    sequence.elements(true).map(|lv| {
        let lv = other.numbers.lv(doc.numbers.id(lv));
        lv.and_then(|lv| there.find(lv)).is_some_and(|place| place.visible)
    })
}

fn count(flags: &mut Peekable<impl Iterator<Item = bool>>, wanted: bool) -> usize {
    std::iter::from_fn(|| flags.next_if(|flag| *flag == wanted)).count()
}
