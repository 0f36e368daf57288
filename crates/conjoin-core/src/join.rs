//! Joining two documents by their states alone: the least upper bound of both (Shapiro et al. 2011).
//!
//! What one has and the other has not is new where the other's version does not reach, and gone where it
//! does.

use std::ops::Range;

use crate::doc::{ApplyError, Doc};
use crate::numbers::{Lv, NONE, Numbers};
use crate::op::Anchor;
use crate::order::sort_by_number;
use crate::sequence::{Origins, Run, Sequence, cut_at};
use crate::size;
use crate::state::{Adds, Author, Data, Held, List, MarkRecord, Members, Parent, put_write, size_of_writes};
use crate::strings::Names;
use crate::value::Ordered;
use crate::version::VersionVector;

/// Another document's numbers of operations and containers in terms of one's own.
struct Translation<'a> {
    theirs: &'a Doc,
    /// Stretches of their numbers, where each begins here.
    ranges: Vec<(Lv, Lv, u32)>,
    containers: Vec<u32>,
    /// The first number of those that are new here.
    new: Lv,
    /// What they have seen, and what was seen here.
    version: &'a VersionVector,
}

impl Translation<'_> {
    fn lv(&self, lv: Lv) -> Lv {
        if lv == NONE {
            return NONE;
        }
        let (from, to, _) = self.ranges[self.ranges.partition_point(|range| range.0 <= lv) - 1];
        to + (lv - from)
    }

    /// Their numbers in stretches that follow each other here too.
    fn parts(&self, lvs: Range<Lv>) -> impl Iterator<Item = (Range<Lv>, Lv)> + '_ {
        let first = self.ranges.partition_point(|range| range.0 <= lvs.start) - 1;
        let ranges = self.ranges[first..].iter().take_while(move |range| range.0 < lvs.end);
        ranges.map(move |&(from, to, len)| {
            let part = from.max(lvs.start)..(from + len).min(lvs.end);
            let at = to + (part.start - from);
            (part, at)
        })
    }

    fn is_new(&self, ours: Lv) -> bool {
        ours >= self.new && ours != NONE
    }

    fn held(&self, held: &Held) -> Held {
        match held {
            Held::Container(container) => Held::Container(self.containers[*container as usize]),
            held => held.clone(),
        }
    }
}

impl Doc {
    /// Takes in the state of another document, unless it must be taken over whole, which is told.
    pub(crate) fn join(&mut self, theirs: &Self) -> Result<bool, ApplyError> {
        self.raw.clear();
        if !self.version.covers(&theirs.version) {
            // Where something was let go of, the order of what stood beside it cannot be found again.
            if theirs.floor > 0 || self.floor > 0 {
                return Ok(false);
            }
            // What is refused leaves no trace.
            let mut joined = self.copy()?;
            joined.join_state(theirs)?;
            std::mem::swap(&mut joined.log, &mut self.log);
            joined.log.skip(self.numbers.next(), joined.numbers.next());
            self.become_other(joined);
        }
        Ok(true)
    }

    fn join_state(&mut self, theirs: &Self) -> Result<(), ApplyError> {
        let before = self.version.clone();
        let new = self.numbers.next();
        let mut tr =
            Translation { theirs, ranges: Vec::new(), containers: Vec::new(), new, version: &theirs.version };
        self.join_numbers(theirs, &mut tr)?;
        self.join_names(theirs, &before)?;
        for number in 0..theirs.state.containers.next() {
            let container = theirs.state.container(number);
            let string =
                |strings: &mut crate::strings::Strings, id| strings.intern_shared(theirs.strings.get(id));
            let parent = match container.parent {
                Parent::Root(name) => Parent::Root(string(&mut self.strings, name)),
                Parent::Key { map, key, base } => Parent::Key {
                    map: tr.containers[map as usize],
                    key: string(&mut self.strings, key),
                    base: tr.lv(base),
                },
                Parent::Item { list, item } => {
                    Parent::Item { list: tr.containers[list as usize], item: tr.lv(item) }
                }
            };
            let made = tr.lv(container.made);
            let known = self.state.containers.made(made);
            let ours = self.state.make(container.kind, parent, made, &self.strings);
            if known.is_some_and(|known| known != ours) {
                return Err(ApplyError::Contradiction);
            }
            tr.containers.push(ours);
        }
        for (made, container) in theirs.state.containers.makers() {
            let (made, container) = (tr.lv(made), tr.containers[container as usize]);
            match self.state.containers.make(made, container) {
                Some(other) if other != container => return Err(ApplyError::Contradiction),
                Some(_) => {}
                None => self.state.size += size::SUM,
            }
        }
        for there in 0..theirs.state.containers.next() {
            let here = tr.containers[there as usize];
            if theirs.state.containers.holds(there) || self.state.containers.holds(here) {
                self.join_data(here, theirs.state.data(there), &tr, &before)?;
            }
        }
        self.version.join(&theirs.version);
        Ok(())
    }

    fn join_numbers(&mut self, theirs: &Self, tr: &mut Translation<'_>) -> Result<(), ApplyError> {
        let numbers = &theirs.numbers;
        for (at, span) in numbers.spans().iter().enumerate() {
            let len = numbers.span_end(at) - span.lv;
            let replica = self.numbers.introduce(numbers.replica(span.replica));
            let known = self.numbers.count(replica).saturating_sub(span.seq).min(len);
            let mut done = 0;
            while done < known {
                let lv = self.numbers.lv_of(replica, span.seq + done).ok_or(ApplyError::Contradiction)?;
                let run = (self.numbers.span_end(self.numbers.span_of(lv)) - lv).min(known - done);
                tr.ranges.push((span.lv + done, lv, run));
                done += run;
            }
            if done < len {
                let mut deps: Vec<Lv> = Vec::new();
                if done == 0 {
                    for &dep in numbers.deps(at) {
                        deps.push(tr.lv(dep));
                    }
                }
                let lv = self.numbers.push(replica, len - done, &deps);
                tr.ranges.push((span.lv + done, lv, len - done));
            }
        }
        Ok(())
    }

    fn join_names(&mut self, theirs: &Self, before: &VersionVector) -> Result<(), ApplyError> {
        // All whose operations came are known by now.
        self.names.resize_with(self.numbers.replicas().len(), Names::default);
        for (at, names) in theirs.names.iter().enumerate() {
            let id = theirs.numbers.replica(at as u32);
            if theirs.version.get(id) <= before.get(id) {
                continue;
            }
            let replica = self.numbers.introduce(id) as usize;
            let known = self.names[replica].list().len();
            for (nth, &(string, seq)) in names.list().iter().enumerate() {
                let string = self.strings.intern_shared(theirs.strings.get(string));
                if nth < known {
                    if self.names[replica].list()[nth] != (string, seq) {
                        return Err(ApplyError::Contradiction);
                    }
                } else if self.names[replica].introduce(string, seq) {
                    self.state.size += size::string(self.strings.get(string));
                } else {
                    return Err(ApplyError::Contradiction);
                }
            }
        }
        Ok(())
    }

    fn join_data(
        &mut self,
        container: u32,
        theirs: &Data,
        tr: &Translation<'_>,
        before: &VersionVector,
    ) -> Result<(), ApplyError> {
        let (numbers, size) = (&self.numbers, &mut self.state.size);
        // What is here and not there is gone if they have seen it.
        let seen_by_them = |lv: Lv| lv < tr.new && tr.version.contains(numbers.id(lv));
        match (self.state.containers.data_mut(container), theirs) {
            (Data::Counter(ours), Data::Counter(theirs))
            | (Data::FloatCounter(ours), Data::FloatCounter(theirs)) => {
                let news = |replica| tr.version.get(replica) > before.get(replica);
                ours.join(theirs, &news, size);
            }
            (Data::Register(ours), Data::Register(theirs)) => {
                *size -= size_of_writes(ours);
                for write in std::mem::take(ours) {
                    if !seen_by_them(write.0) || theirs.iter().any(|other| tr.lv(other.0) == write.0) {
                        ours.push(write);
                    }
                }
                for (lv, value) in theirs {
                    let lv = tr.lv(*lv);
                    if tr.is_new(lv) {
                        put_write(ours, lv, value, &|lv| numbers.stamp(lv));
                    }
                }
                *size += size_of_writes(ours);
            }
            (Data::Map(ours), Data::Map(theirs)) => {
                for (&key, slot) in &theirs.slots {
                    let lv = tr.lv(slot.lv);
                    if !tr.is_new(lv) {
                        continue;
                    }
                    let key = self.strings.intern_shared(tr.theirs.strings.get(key));
                    let author = author(numbers, lv);
                    ours.put(key, lv, tr.held(&slot.held), &author, &self.strings, size);
                }
            }
            (Data::Set(ours), Data::Set(theirs)) => join_sets(ours, theirs, tr, &seen_by_them, size),
            (Data::Text(ours), Data::Text(theirs)) => {
                let text = theirs.sequence.slice(0..theirs.sequence.len());
                for (lv, len) in
                    join_sequences(&mut ours.sequence, &theirs.sequence, &text, tr, numbers, size)?
                {
                    ours.sequence.hide(lv, len, &mut |_, _| ()).map_err(|_| ApplyError::Contradiction)?;
                }
                for mark in &theirs.marks {
                    let lv = tr.lv(mark.lv);
                    if !tr.is_new(lv) {
                        continue;
                    }
                    let anchor =
                        |anchor: Anchor<Lv>| Anchor { element: anchor.element.map(|lv| tr.lv(lv)), ..anchor };
                    let key = self.strings.intern_shared(tr.theirs.strings.get(mark.key));
                    let (start, end) = (anchor(mark.start), anchor(mark.end));
                    let known =
                        |anchor: Anchor<Lv>| anchor.element.is_none_or(|lv| ours.sequence.holds(lv, 1));
                    if !known(start) || !known(end) {
                        return Err(ApplyError::Contradiction);
                    }
                    let record = MarkRecord { lv, start, end, key, value: mark.value.clone() };
                    *size += record.size();
                    ours.put_mark(record);
                }
            }
            (Data::List(ours), Data::List(theirs)) => join_lists(ours, theirs, tr, numbers, size)?,
            _ => return Err(ApplyError::Contradiction),
        }
        Ok(())
    }
}

fn author(numbers: &Numbers, lv: Lv) -> Author<'_> {
    Author { numbers, replica: numbers.author(lv), unseen: &[], start: NONE, lamport: 0 }
}

fn join_sets(
    ours: &mut Members,
    theirs: &Members,
    tr: &Translation<'_>,
    seen_by_them: &dyn Fn(Lv) -> bool,
    size: &mut usize,
) {
    let stays = |value: &Ordered, add: Lv| {
        let theirs = theirs.values.get(value).unwrap_or(&Adds::NONE);
        !seen_by_them(add) || theirs.iter().any(|&other| tr.lv(other) == add)
    };
    let mut less = Vec::new();
    for (value, adds) in &ours.values {
        if !adds.iter().all(|&add| stays(value, add)) {
            less.push(value.clone());
        }
    }
    for value in less {
        ours.exclude(&value.0, &|add| stays(&value, add), size);
    }
    for (value, adds) in &theirs.values {
        for &add in &**adds {
            let add = tr.lv(add);
            if tr.is_new(add) {
                ours.include(&value.0, add, &|_| true, size);
            }
        }
    }
}

/// A stretch of another sequence, in one's own numbers.
struct Piece<'t> {
    lv: Lv,
    len: u32,
    origins: Origins,
    /// Its text, if it is visible.
    text: &'t str,
}

/// Takes in their elements that are new here, as a causal order has them. `text` is their visible text, unless all
/// come in hidden. Tells those known here that they have hidden.
fn join_sequences(
    ours: &mut Sequence,
    theirs: &Sequence,
    text: &str,
    tr: &Translation<'_>,
    numbers: &Numbers,
    size: &mut usize,
) -> Result<Vec<(Lv, u32)>, ApplyError> {
    let (mut new, mut hidden) = (Vec::new(), Vec::new());
    let mut rest = text;
    for Run { lv, len, visible, left, right } in theirs.runs() {
        for (part, ours) in tr.parts(lv..lv + len) {
            let len = part.end - part.start;
            let mut text = "";
            if visible {
                (text, rest) = cut_at(rest, len).unwrap_or((rest, ""));
            }
            if tr.is_new(ours) {
                let left = if part.start == lv { left } else { part.start - 1 };
                let origins = Origins { left: tr.lv(left), right: tr.lv(right) };
                new.push(Piece { lv: ours, len, origins, text });
            } else if !visible {
                hidden.push((ours, len));
            }
        }
    }
    sort_by_number(&mut new, |piece| piece.lv);
    for Piece { lv, len, origins, text } in new {
        let content = (!text.is_empty()).then(|| text.into());
        let done = ours.insert_between(lv, len, origins, content, &author(numbers, lv));
        done.map_err(|_| ApplyError::Contradiction)?;
        *size += len as usize * size::ELEMENT;
    }
    Ok(hidden)
}

fn join_lists(
    ours: &mut List,
    theirs: &List,
    tr: &Translation<'_>,
    numbers: &Numbers,
    size: &mut usize,
) -> Result<(), ApplyError> {
    // All slots come in hidden; each item then shows the one it stands in.
    join_sequences(&mut ours.sequence, &theirs.sequence, "", tr, numbers, size)?;
    for (&slot, &item) in &theirs.moved {
        let (slot, item) = (tr.lv(slot), tr.lv(item));
        match ours.moved.insert(slot, item) {
            Some(other) if other != item => return Err(ApplyError::Contradiction),
            Some(_) => {}
            None => *size += size::ENTRY,
        }
    }
    for (item, held) in theirs.items.iter() {
        let lv = tr.lv(item);
        let (written, slot) = (tr.lv(theirs.written(item)), tr.lv(theirs.slot_of(item)));
        let is_known = ours.items.get(lv).is_some();
        if !is_known && !tr.is_new(lv) {
            return Err(ApplyError::Contradiction);
        }
        let newer = |theirs: Lv, ours: Lv| tr.is_new(theirs) && numbers.stamp(theirs) > numbers.stamp(ours);
        if !is_known {
            *size += size::ENTRY + held.size();
            ours.items.put(lv, tr.held(held));
            if written != lv {
                ours.written.insert(lv, written);
            }
        } else if newer(written, ours.written(lv)) {
            ours.assign(lv, written, tr.held(held), size);
        }
        let (was, here, there) = (ours.slot_of(lv), ours.shows(lv), theirs.shows(item));
        let moved = newer(slot, was);
        if moved {
            ours.slots.insert(lv, slot);
        }
        if here && (moved || !there) {
            ours.sequence.hide(was, 1, &mut |_, _| ()).map_err(|_| ApplyError::Contradiction)?;
        }
        if there && (!is_known || (here && moved)) {
            let slot = ours.slot_of(lv);
            ours.sequence.show(slot).map_err(|_| ApplyError::Contradiction)?;
        }
    }
    if ours.is_sound() { Ok(()) } else { Err(ApplyError::Contradiction) }
}
