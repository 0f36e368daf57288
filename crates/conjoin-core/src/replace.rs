//! Taking over another document whole, where neither history nor states can be joined: what one of both has
//! [let go of](Doc::compact) tells nobody any more where the rest of the other's stood.
//!
//! Whoever has seen all that is here has all of it. What it has not seen is done again on its state, which
//! works as long as the history of that is kept here and was made knowing what the other has let go of.
//!
//! Values keep the numbers that followers know them by, and are told the difference.

use crate::doc::{ApplyError, Doc};
use crate::log::Log;
use crate::noted::{Noted, Raw};
use crate::numbers::NONE;
use crate::sequence::Sequence;
use crate::state::{Data, Held, MarkRecord, Members, Parent, empty};
use crate::strings::{Names, StrId};
use crate::version::ReplicaId;

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
        let same: Vec<u32> = (0..other.state.containers.next()).collect();
        other.raw = self.difference(&other, &same, &same);
        *self = other;
        self.settle();
    }

    /// The numbers that the values here have in another document, [`NONE`] for those that are not there.
    pub(crate) fn numbers_in(&self, other: &Self) -> Result<Vec<u32>, ApplyError> {
        let mut numbers = vec![NONE; self.state.containers.next() as usize];
        for (parent, kind, container) in self.state.containers.places() {
            if let Parent::Root(name) = parent
                && let Some(name) = other.strings.find(self.strings.get(name))
            {
                numbers[container as usize] = other.state.root(kind, name).unwrap_or(NONE);
            }
        }
        // Any of the operations that made a nested one names it.
        for (made, container) in self.state.containers.makers() {
            let Some(made) = other.numbers.lv(self.numbers.id(made)) else { continue };
            let there = other.state.containers.made(made).ok_or(ApplyError::Contradiction)?;
            let number = &mut numbers[container as usize];
            if *number != NONE && *number != there {
                return Err(ApplyError::Contradiction);
            }
            *number = there;
        }
        Ok(numbers)
    }

    /// The numbers that another document's values, which has all that are here, have here or get.
    fn numbers_of(&self, other: &Self) -> Result<Vec<u32>, ApplyError> {
        let mut numbers = vec![NONE; other.state.containers.next() as usize];
        let there = self.numbers_in(other)?;
        for (container, &there) in (0..).zip(&there) {
            let number = numbers.get_mut(there as usize).ok_or(ApplyError::Contradiction)?;
            if *number != NONE || self.state.container(container).kind != other.state.container(there).kind {
                return Err(ApplyError::Contradiction);
            }
            *number = container;
        }
        let mut next = there.len() as u32;
        for number in &mut numbers {
            if *number == NONE {
                *number = next;
                next += 1;
            }
        }
        Ok(numbers)
    }

    /// Whether another document has the strings of this replica by the same numbers.
    fn has_same_names(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.names_of(self.replica), other.names_of(self.replica));
        let same = |ours: &(StrId, u32), theirs: &(StrId, u32)| {
            ours.1 == theirs.1 && self.strings.get(ours.0) == other.strings.get(theirs.0)
        };
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
    }

    fn names_of(&self, replica: ReplicaId) -> &[(StrId, u32)] {
        let number = self.numbers.replica_number(replica);
        number.and_then(|number| self.names.get(number as usize)).map_or(&[], Names::list)
    }

    /// What leads from here to another document: `there` says which numbers the values here have there, `here`
    /// which ones the values there have here.
    pub(crate) fn difference(&self, other: &Self, there: &[u32], here: &[u32]) -> Noted {
        let mut raw = Noted::new();
        for container in 0..other.state.containers.next() {
            let Some(after) = other.state.containers.peek(container) else { continue };
            let before = self.state.containers.peek(here[container as usize]);
            let before = before.as_deref().unwrap_or_else(|| empty(other.state.container(container).kind));
            match (before, &*after) {
                (Data::Counter(before), Data::Counter(after))
                | (Data::FloatCounter(before), Data::FloatCounter(after)) => {
                    let (mut before, mut after) = (before.clone(), after.clone());
                    for sum in &after.0 {
                        before.of(sum.0, &mut 0);
                    }
                    for (replica, before) in before.0 {
                        if *after.of(replica, &mut 0) != before {
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
                        let before = match was.and_then(|key| before.slots.get(&key)).map(|slot| &slot.held) {
                            None => Held::Nothing,
                            Some(Held::Container(container)) => Held::Container(there[*container as usize]),
                            Some(held) => held.clone(),
                        };
                        if before != slot.held {
                            raw.push(Raw::Held { container, at: key, before });
                        }
                    }
                    for (&key, slot) in &before.slots {
                        if let Some(key) = other.strings.find(self.strings.get(key))
                            && after.slots.get(&key).is_none()
                        {
                            raw.push(Raw::Held { container, at: key, before: slot.held.clone() });
                        }
                    }
                }
                (Data::Set(before), Data::Set(after)) => {
                    lacking(container, before, after, &mut raw);
                    lacking(container, after, before, &mut raw);
                }
                // Nothing is woken for it that was loaded and nobody asked anything of yet.
                (Data::List(before), Data::List(after)) if before.sequence.len() == 0 => {
                    splice(container, 0, 0, after.sequence.len(), &mut raw);
                }
                (Data::List(before), Data::List(after)) => {
                    self.splice(container, &before.sequence, other, &after.sequence, &mut raw);
                    for (item, held) in before.items.iter() {
                        if let Some(item) = other.numbers.lv(self.numbers.id(item))
                            && after.items.get(item).is_some_and(|other| other != held)
                        {
                            raw.push(Raw::Held { container, at: item, before: held.clone() });
                        }
                    }
                }
                (Data::Text(before), Data::Text(after)) if before.sequence.is_empty() => {
                    splice(container, 0, 0, after.sequence.len(), &mut raw);
                }
                (Data::Text(before), Data::Text(after)) => {
                    self.splice(container, &before.sequence, other, &after.sequence, &mut raw);
                    for mark in &after.marks {
                        if !self.version.contains(other.numbers.id(mark.lv)) {
                            raw.push(Raw::Format { container, mark: mark.lv });
                        }
                    }
                    // None of those there, but something is to be said of marks.
                    let gone = |mark: &MarkRecord| !other.version.contains(self.numbers.id(mark.lv));
                    if before.marks.iter().any(gone) {
                        raw.push(Raw::Format { container, mark: NONE });
                    }
                }
                _ => {}
            }
        }
        raw
    }

    /// What leads from one sequence to another. Both have the elements that are in both in the same order.
    fn splice(&self, container: u32, before: &Sequence, other: &Self, after: &Sequence, raw: &mut Noted) {
        // How far along both, and how many came in since something stayed.
        let (mut was, mut at, mut inserted) = (0, 0, 0);
        for lv in after.elements(true) {
            let place = self.numbers.lv(other.numbers.id(lv)).and_then(|lv| before.find(lv));
            match place.filter(|place| place.visible && place.index >= was) {
                None => inserted += 1,
                Some(stays) => {
                    splice(container, at, stays.index - was, inserted, raw);
                    (was, at, inserted) = (stays.index + 1, at + inserted + 1, 0);
                }
            }
        }
        splice(container, at, before.len() - was, inserted, raw);
    }
}

/// Notes what happened at an index of a sequence, if something did.
fn splice(container: u32, at: usize, deleted: usize, inserted: usize, raw: &mut Noted) {
    if deleted + inserted > 0 {
        let (at, deleted, inserted) = (at as u32, deleted as u32, inserted as u32);
        raw.push(Raw::Splice { container, at, deleted, inserted });
    }
}

/// Notes the values of a set that another one lacks.
fn lacking(container: u32, members: &Members, other: &Members, raw: &mut Noted) {
    for value in members.values.keys() {
        if !other.values.contains_key(value) {
            raw.push(Raw::Member { container, value: value.0.clone() });
        }
    }
}
