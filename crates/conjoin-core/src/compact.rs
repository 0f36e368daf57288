//! Compaction: letting go of history that everybody has seen.
//!
//! Deleted characters and items must stay as long as somebody who does not know of the deletion may yet
//! insert beside them. Once everybody knows, nobody can any more.

use std::ops::Range;

use crate::doc::Doc;
use crate::numbers::{Lv, lies_in};
use crate::op::Edit;
use crate::order::sort_by_number;
use crate::size;
use crate::state::{Data, List, Text};
use crate::version::VersionVector;

impl Doc {
    /// Lets go of what only those need who have seen less than `version`: the history up to it, and what was
    /// deleted before it; or only up to an earlier point, if operations from around then were made by replicas
    /// that had not seen each other's. Says how many operations of history are left.
    ///
    /// Every operation that is not here yet must be made, or have been made, by somebody who had seen
    /// `version`: it is for you to know who there is. What comes and does not is refused with
    /// [`ApplyError::Compacted`](crate::ApplyError::Compacted), and a [`delta_since`](Self::delta_since)
    /// from before is gone. Of `version`, what was not seen here does not count.
    ///
    /// ```
    /// use conjoin_core::{ApplyError, Doc, ReplicaId};
    ///
    /// let mut ada = Doc::new(ReplicaId::new(1));
    /// ada.transact(|tx| tx.text("t").push("draft"));
    /// let late = ada.fork(ReplicaId::new(2));
    /// ada.transact(|tx| tx.text("t").delete(..).unwrap());
    /// ada.compact(&ada.version().clone());
    ///
    /// let mut bob = Doc::new(ReplicaId::new(3));
    /// bob.merge_snapshot(&ada.snapshot())?; // Who has seen nothing gets the state.
    /// assert_eq!(bob.text("t").to_string(), "");
    ///
    /// let mut late = late; // Who edits without having seen all that is refused.
    /// let delta = late.transact(|tx| tx.text("t").push("!")).delta();
    /// assert_eq!(ada.apply(&delta).map(|_| ()), Err(ApplyError::Compacted));
    /// # Ok::<(), ApplyError>(())
    /// ```
    pub fn compact(&mut self, version: &VersionVector) -> u64 {
        let floor = self.agreed(self.seen_by_all(version)).max(self.floor);
        // Those deleted later may be inserted beside by who does not know it yet.
        let mut later: Vec<(u32, Range<Lv>)> = Vec::new();
        for entry in self.log.range(floor, self.numbers.next()) {
            match &entry.edit {
                Edit::Delete { first, count, down } => {
                    let lowest = if *down { first - (count - 1) } else { *first };
                    later.push((entry.container, lowest..lowest + count));
                }
                Edit::Move { item, .. } => later.push((entry.container, *item..item + 1)),
                _ => {}
            }
        }
        // What was deleted since then is not known without the history since then: all of it stays.
        let knows = self.log.holds(floor, self.numbers.next());
        let mut freed = 0;
        for at in 0..self.state.containers.next() {
            if !knows || !self.state.containers.holds(at) {
                continue;
            }
            let mut kept: Vec<Range<Lv>> =
                later.iter().filter(|entry| entry.0 == at).map(|entry| entry.1.clone()).collect();
            sort_by_number(&mut kept, |range| range.start);
            let kept = merged(kept);
            match self.state.containers.data_mut(at) {
                Data::Text(text) => freed += compact_text(text, floor, &kept),
                Data::List(list) => freed += compact_list(list, floor, &kept),
                _ => {}
            }
        }
        self.state.size -= freed;
        self.floor = floor;
        self.log.drop_below(floor);
        u64::from(self.numbers.next() - floor)
    }

    /// What was [compacted](Self::compact), here or by who gave the state that this document took in. Who has
    /// not seen all of it is given no [delta](Self::delta_since), and its edits are refused; it can take in
    /// the [state](Self::state).
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("draft"));
    /// doc.transact(|tx| tx.text("t").delete(..).unwrap());
    /// assert!(doc.compacted().is_empty());
    /// doc.compact(&doc.version().clone());
    /// assert_eq!(doc.compacted(), *doc.version());
    /// ```
    pub fn compacted(&self) -> VersionVector {
        let numbers = &self.numbers;
        let mut version = VersionVector::new();
        for (at, span) in numbers.spans().iter().enumerate().take_while(|(_, span)| span.lv < self.floor) {
            let end = numbers.span_end(at).min(self.floor);
            version.advance(numbers.replica(span.replica), u64::from(span.seq + (end - span.lv)));
        }
        version
    }

    /// The highest number up to `most` such that whoever made an operation from there on had seen all below:
    /// where something that was made at once with what was let go of stands is not known without that. (These
    /// are the critical versions of Gentle and Kleppmann's Eg-walker, 2025.)
    fn agreed(&self, most: Lv) -> Lv {
        let numbers = &self.numbers;
        // For each span, the latest operation that its author had seen before, and whether it had seen all.
        let mut heads: Vec<Lv> = Vec::new();
        let mut spans: Vec<(Option<Lv>, bool)> = Vec::new();
        for (at, span) in numbers.spans().iter().enumerate() {
            let own = span.seq.checked_sub(1).and_then(|seq| numbers.lv_of(span.replica, seq));
            let parents = || numbers.deps(at).iter().copied().chain(own);
            heads.retain(|head| !parents().any(|parent| parent == *head));
            spans.push((parents().max(), heads.is_empty()));
            heads.push(numbers.span_end(at) - 1);
        }
        let mut highest = most;
        for (at, (latest, saw_all)) in spans.iter().enumerate().rev() {
            let span = &numbers.spans()[at];
            let end = numbers.span_end(at).min(highest);
            if *saw_all && end > span.lv {
                return end;
            }
            highest = highest.min(latest.map_or(0, |latest| latest + 1));
        }
        0
    }

    /// All operations with numbers below this are in `version`.
    fn seen_by_all(&self, version: &VersionVector) -> Lv {
        let numbers = &self.numbers;
        for (at, span) in numbers.spans().iter().enumerate() {
            let seen = version.get(numbers.replica(span.replica)).saturating_sub(u64::from(span.seq));
            if seen < u64::from(numbers.span_end(at) - span.lv) {
                return span.lv + seen as Lv;
            }
        }
        numbers.next()
    }
}

/// Ranges in order, those that touch as one.
fn merged(ranges: Vec<Range<Lv>>) -> Vec<Range<Lv>> {
    let mut merged: Vec<Range<Lv>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Takes out what was deleted below `floor`; says how much that is in the account of the size.
fn compact_text(text: &mut Text, floor: Lv, later: &[Range<Lv>]) -> usize {
    let mut anchors: Vec<Lv> =
        text.marks.iter().flat_map(|mark| [mark.start.element, mark.end.element]).flatten().collect();
    anchors.sort_unstable();
    let gone = |lv: Lv| lv < floor && !lies_in(later, lv) && anchors.binary_search(&lv).is_err();
    text.sequence.purge(gone) * size::ELEMENT
}

fn compact_list(list: &mut List, floor: Lv, later: &[Range<Lv>]) -> usize {
    let stays = |item: Lv| item >= floor || lies_in(later, item);
    // The slot an item stands in stays with it, and the first one names it.
    let gone = |slot: Lv| {
        let item = list.item_of(slot);
        slot < floor && !stays(item) && (!list.shows(item) || (list.slot_of(item) != slot && item != slot))
    };
    let mut purged: Vec<Lv> = list.sequence.elements(false).filter(|&slot| gone(slot)).collect();
    let mut freed = 0;
    purged.sort_unstable();
    let is_purged = |slot: &Lv| purged.binary_search(slot).is_ok();
    freed += list.sequence.purge(|slot| is_purged(&slot)) * size::ELEMENT;
    list.moved.retain(|slot, _| {
        !is_purged(slot) || {
            freed += size::ENTRY;
            false
        }
    });
    // The first slot goes last, after the item itself.
    list.items.retain(|item, held| {
        let goes = is_purged(&item);
        if goes {
            freed += size::ENTRY + held.size();
        }
        !goes
    });
    list.slots.retain(|item, _| !is_purged(item));
    list.written.retain(|item, _| !is_purged(item));
    freed
}
