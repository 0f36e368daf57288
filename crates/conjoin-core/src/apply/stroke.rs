//! Taking in the change that a single stroke of a key makes: the shortest there is, and by far the most frequent.
//!
//! All it says is known already but a letter, or which one goes, so that the questions of `incoming.rs` need not be
//! asked. What is anything else, comes early or is wrong is left to that.

use super::Resolve;
use crate::codec::Reader;
use crate::doc::Doc;
use crate::log::Entry;
use crate::numbers::{Lv, MAX_OPS, NONE};
use crate::op::Edit;
use crate::size;
use crate::state::Author;
use crate::version::{OpId, ReplicaId};
use crate::wire::{Does, Id, Stroke, typed};

/// More room than a stroke takes besides that for its text.
const ROOM: usize = 64 << 10;

impl Doc {
    /// Takes in a change if it is text typed on, see `typing.rs`. Says whether it was; if not, nothing was read
    /// or done.
    pub(crate) fn take_typed(&mut self, reader: &mut Reader<'_>, resolve: Resolve<'_>) -> bool {
        let mut ahead = reader.clone();
        let done = self.typed(&mut ahead, resolve).is_some();
        if done {
            *reader = ahead;
        }
        done
    }

    fn typed(&mut self, reader: &mut Reader<'_>, resolve: Resolve<'_>) -> Option<()> {
        let (author, seq, name, text) = typed(reader)?;
        let latest = self.numbers.latest_author()?;
        let replica = self.numbers.replica(latest);
        let end = u64::from(self.numbers.next()) + text.len() as u64;
        let is_next = u64::from(self.numbers.next_seq()) == seq && end <= MAX_OPS;
        if replica == self.replica || !is_next || resolve(author) != Some(replica) {
            return None;
        }
        let name = self.names.get(latest as usize)?.get(name)?;
        let container = self.state.edited_text(name)?;
        self.room(ROOM + size::ELEMENT * text.len()).ok()?;
        if !self.type_on(container, None, text) {
            return None;
        }
        self.saw(replica, seq + text.len() as u64);
        Some(())
    }

    /// Takes in a change if it is such a stroke. Says whether it was; if not, nothing was read or done.
    pub(crate) fn take_stroke(&mut self, reader: &mut Reader<'_>, resolve: Resolve<'_>) -> bool {
        let mut ahead = reader.clone();
        let done = Stroke::read(&mut ahead).and_then(|stroke| self.strike(&stroke, resolve)).is_some();
        if done {
            *reader = ahead;
        }
        done
    }

    fn strike(&mut self, stroke: &Stroke<'_>, resolve: Resolve<'_>) -> Option<()> {
        let replica = resolve(stroke.author).filter(|&replica| replica != self.replica)?;
        let number = self.numbers.replica_number(replica)?;
        let name = self.names.get(number as usize)?.get(stroke.name)?;
        let container = self.state.edited_text(name)?;
        let dep = match stroke.dep {
            None => None,
            Some((by, seq)) => {
                Some(self.numbers.lv(OpId { replica: resolve(by).filter(|&by| by != replica)?, seq })?)
            }
        };
        let follows = dep.is_none() && self.numbers.follows(number);
        let seen = if follows { u64::from(self.numbers.next_seq()) } else { self.version.get(replica) };
        let len = match stroke.does {
            Does::Insert { text, .. } if text.len() == 1 => 1,
            Does::Insert { text, .. } => u32::try_from(text.chars().count()).ok()?,
            Does::Delete { count, .. } => count,
        };
        let lv = self.numbers.next();
        if seen != stroke.seq
            || u64::from(lv) + u64::from(len) > MAX_OPS
            || self.room(ROOM + size::ELEMENT * len as usize).is_err()
        {
            return None;
        }
        self.numbers.ask(Some(number), dep.as_slice());
        self.edit_text(stroke, (number, replica), follows, (container, len), resolve)?;
        if follows {
            self.numbers.follow(len);
        } else {
            self.numbers.push(number, len, dep.as_slice());
            self.numbers.made(len);
        }
        self.saw(replica, stroke.seq + u64::from(len));
        Some(())
    }

    fn edit_text(
        &mut self,
        stroke: &Stroke<'_>,
        author: (u32, ReplicaId),
        joins: bool,
        (container, len): (u32, u32),
        resolve: Resolve<'_>,
    ) -> Option<()> {
        let replica = author.1;
        let lv = self.numbers.next();
        let unseen = self.numbers.asked();
        if unseen.first().is_some_and(|range| range.start < self.floor) {
            return None;
        }
        // Nothing in a text goes by the time of an edit.
        let by = Author { numbers: &self.numbers, replica, unseen, start: lv, lamport: 0 };
        match stroke.does {
            Does::Insert { left, text } => {
                let left =
                    if let Some(left) = left { Some(self.struck(left, author, resolve)?) } else { None };
                let at = self.state.insert_text(container, lv, left, (text, len), &by, &mut self.raw).ok()?;
                let edit = Edit::Insert { left, text: String::new() };
                self.log.push_text(Entry { lv, len, container, named: NONE, at, edit }, text, joins);
            }
            Does::Delete { first, count, down } => {
                let first = self.struck(first, author, resolve)?;
                // Elements with consecutive numbers elsewhere may be apart here.
                if count > 1 && count > self.numbers.run(first, false) {
                    return None;
                }
                let elements = (first, count, down);
                let at = self.state.delete_text(container, elements, &by, &mut self.raw).ok()?;
                self.log.push_delete(lv, (container, NONE), at, elements, joins);
            }
        }
        Some(())
    }

    /// The number of an element that a stroke names.
    fn struck(&self, id: Id, (number, replica): (u32, ReplicaId), resolve: Resolve<'_>) -> Option<Lv> {
        match id.by {
            None => self.numbers.lv_of(number, u32::try_from(id.seq).ok()?),
            Some(by) => {
                let by = resolve(by).filter(|&by| by != replica)?;
                self.numbers.lv(OpId { replica: by, seq: id.seq })
            }
        }
    }
}
