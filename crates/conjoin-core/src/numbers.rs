//! Local numbers of operations, and what each operation's author had seen.
//!
//! A document numbers the operations it applies, from 0, in the order in which it does. That order is
//! a causal one, so an operation's number is above those of all its author had seen. Inside, everything
//! speaks in these numbers; ids of replicas stand on the wire alone. Operations of one replica that
//! follow each other take one entry however many there are.
//!
//! The history is a graph: each span of operations names the latest operations its author had seen.
//! What an author had *not* seen of what is here is found by walking back from both ends until they
//! meet, as in J. Gentle and M. Kleppmann, *Collaborative Text Editing with Eg-walker* (2025): the cost
//! is that of the concurrent part alone.

use std::ops::Range;

use crate::replicas::Replicas;
use crate::sorted::Sorted;
use crate::version::{OpId, ReplicaId};

/// The local number of an operation.
pub(crate) type Lv = u32;

/// No operation. As a left origin the start of a sequence, as a right origin its end.
pub(crate) const NONE: Lv = Lv::MAX;

/// So many operations a document takes in from others; as many again are left for its own.
pub(crate) const MAX_OPS: u64 = 1 << 31;

/// Operations of one replica with consecutive numbers, each having seen the one before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) lv: Lv,
    pub(crate) replica: u32,
    pub(crate) seq: u32,
    pub(crate) lamport: u32,
    /// Where the operations of other replicas that it had seen stand in the list of them all.
    deps: u32,
}

/// When an operation was made: logical time, ties settled by replica.
pub(crate) type Stamp = (u32, ReplicaId);

#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    replicas: Replicas,
    spans: Vec<Span>,
    deps: Vec<Lv>,
    /// For each replica the first sequence number of each of its spans, and which span that is.
    places: Vec<Vec<(u32, u32)>>,
    next: Lv,
    /// The latest operations, in order: those no other one here had seen.
    heads: Vec<Lv>,
    /// What the authors of the latest concurrent operations had not seen.
    recent: Vec<Recent>,
    /// Which of them was asked for last.
    asked: usize,
    /// How often one was.
    asks: u32,
    /// Room for the next.
    spare: Vec<Range<Lv>>,
    /// Room for what is asked about.
    parents: Vec<Lv>,
    /// Whether the one last asked about had not seen something: the first of those.
    is_behind: bool,
    /// Whether it had seen nothing of others since it made its operation before.
    goes_on: bool,
}

/// What those had not seen of all up to `until` here who had seen these operations last.
#[derive(Debug, Clone, Default)]
struct Recent {
    /// In order.
    parents: Vec<Lv>,
    until: Lv,
    unseen: Vec<Range<Lv>>,
    /// When it was asked for last.
    asked: u32,
}

/// So many of the latest are searched before all others are.
const LATE: usize = 16;

/// So many are remembered.
const RECENT: usize = 8;

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self {
            replicas: Replicas::new(),
            spans: Vec::new(),
            deps: Vec::new(),
            places: Vec::new(),
            next: 0,
            heads: Vec::new(),
            recent: Vec::new(),
            asked: 0,
            asks: 0,
            spare: Vec::new(),
            parents: Vec::new(),
            is_behind: false,
            goes_on: false,
        }
    }

    /// The number the next operation takes.
    pub(crate) const fn next(&self) -> Lv {
        self.next
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    pub(crate) fn replicas(&self) -> &[ReplicaId] {
        self.replicas.ids()
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn replica(&self, number: u32) -> ReplicaId {
        self.replicas.ids()[number as usize]
    }

    pub(crate) fn replica_number(&self, replica: ReplicaId) -> Option<u32> {
        self.latest(replica).or_else(|| self.replicas.number(replica))
    }

    /// The number of a replica, if the last operation here is its.
    fn latest(&self, replica: ReplicaId) -> Option<u32> {
        let last = self.spans.last()?.replica;
        (self.replica(last) == replica).then_some(last)
    }

    /// The number of a replica, which it gets if it has none.
    pub(crate) fn introduce(&mut self, replica: ReplicaId) -> u32 {
        if let Some(last) = self.latest(replica) {
            return last;
        }
        let number = self.replicas.introduce(replica);
        if number as usize == self.places.len() {
            self.places.push(Vec::new());
        }
        number
    }

    /// The number of a replica that has none yet.
    pub(crate) fn introduce_new(&mut self, replica: ReplicaId) -> Option<u32> {
        let next = self.replicas.ids().len() as u32;
        (self.introduce(replica) == next).then_some(next)
    }

    /// How many operations of a replica are here.
    pub(crate) fn count(&self, replica: u32) -> u32 {
        let Some(&(seq, span)) = self.places[replica as usize].last() else { return 0 };
        seq + (self.span_end(span as usize) - self.spans[span as usize].lv)
    }

    /// The number of an operation that is here.
    pub(crate) fn lv(&self, id: OpId) -> Option<Lv> {
        self.lv_of(self.replica_number(id.replica)?, u32::try_from(id.seq).ok()?)
    }

    #[inline]
    pub(crate) fn lv_of(&self, replica: u32, seq: u32) -> Option<Lv> {
        match self.spans.last() {
            // Of the latest it is asked most.
            Some(last) if last.replica == replica && last.seq <= seq => {
                last.lv.checked_add(seq - last.seq).filter(|&lv| lv < self.next)
            }
            _ => self.earlier_lv_of(replica, seq),
        }
    }

    fn earlier_lv_of(&self, replica: u32, seq: u32) -> Option<Lv> {
        let places = &self.places[replica as usize];
        let (first, span) = places[count_until(places, |place| place.0 <= seq).checked_sub(1)?];
        let lv = self.spans[span as usize].lv.checked_add(seq - first)?;
        (lv < self.span_end(span as usize)).then_some(lv)
    }

    /// Which span an operation is in.
    pub(crate) fn span_of(&self, lv: Lv) -> usize {
        match self.spans.last() {
            Some(last) if last.lv <= lv => self.spans.len() - 1,
            _ => count_until(&self.spans, |span| span.lv <= lv).saturating_sub(1),
        }
    }

    pub(crate) fn span_end(&self, span: usize) -> Lv {
        self.spans.get(span + 1).map_or(self.next, |next| next.lv)
    }

    /// The operations of others that the author of a span had seen last.
    pub(crate) fn deps(&self, span: usize) -> &[Lv] {
        let end = self.spans.get(span + 1).map_or(self.deps.len(), |next| next.deps as usize);
        &self.deps[self.spans[span].deps as usize..end]
    }

    pub(crate) fn id(&self, lv: Lv) -> OpId {
        let span = &self.spans[self.span_of(lv)];
        OpId { replica: self.replica(span.replica), seq: u64::from(span.seq + (lv - span.lv)) }
    }

    /// How many operations from this one on, upwards or downwards, have consecutive numbers both here and
    /// with their replica.
    pub(crate) fn run(&self, lv: Lv, down: bool) -> u32 {
        let span = self.span_of(lv);
        if down { lv + 1 - self.spans[span].lv } else { self.span_end(span) - lv }
    }

    /// Whether an operation that is here is one of this replica.
    pub(crate) fn is_of(&self, lv: Lv, replica: u32) -> bool {
        self.spans[self.span_of(lv)].replica == replica
    }

    pub(crate) fn author(&self, lv: Lv) -> ReplicaId {
        self.replica(self.spans[self.span_of(lv)].replica)
    }

    pub(crate) fn stamp(&self, lv: Lv) -> Stamp {
        let span = &self.spans[self.span_of(lv)];
        (span.lamport + (lv - span.lv), self.replica(span.replica))
    }

    /// The logical time of an operation of this replica whose author had seen these.
    pub(crate) fn lamport_after(&self, replica: Option<u32>, deps: &[Lv]) -> u32 {
        if let Some(last) = self.spans.last().filter(|last| Some(last.replica) == replica && deps.is_empty())
        {
            return last.lamport + (self.next - last.lv);
        }
        let own = replica.and_then(|replica| self.last_of(replica));
        let mut lamport = own.map_or(0, |lv| self.stamp(lv).0 + 1);
        for &dep in deps {
            lamport = lamport.max(self.stamp(dep).0 + 1);
        }
        lamport
    }

    fn last_of(&self, replica: u32) -> Option<Lv> {
        let &(_, span) = self.places[replica as usize].last()?;
        Some(self.span_end(span as usize) - 1)
    }

    /// Numbers the next `len` operations of a replica, whose author had seen `deps` of others.
    pub(crate) fn push(&mut self, replica: u32, len: u32, deps: &[Lv]) -> Lv {
        let lv = self.next;
        let end = lv.checked_add(len).expect("nobody makes two billion operations in one session");
        if !(self.follows(replica) && deps.is_empty()) {
            let lamport = self.lamport_after(Some(replica), deps);
            let seq = self.count(replica);
            let previous = self.last_of(replica);
            for lv in deps.iter().chain(&previous) {
                if let Ok(at) = self.heads.binary_search(lv) {
                    self.heads.remove(at);
                }
            }
            self.heads.push(lv);
            self.places[replica as usize].push((seq, self.spans.len() as u32));
            self.spans.push(Span { lv, replica, seq, lamport, deps: self.deps.len() as u32 });
            self.deps.extend_from_slice(deps);
        }
        self.next = end;
        // The last span's end is a head, and the heads are in order.
        if let Some(head) = self.heads.last_mut() {
            *head = end - 1;
        }
        lv
    }

    /// Whether the last operation here is this replica's, so that its next one can follow on it.
    pub(crate) fn follows(&self, replica: u32) -> bool {
        self.spans.last().is_some_and(|last| last.replica == replica)
    }

    /// Whether nobody else has made anything since this replica's last operation, that it had not seen.
    fn leads(&self, replica: u32) -> bool {
        self.heads.len() == 1 && self.follows(replica)
    }

    /// Whose the last operation here is, if it had seen all others: what it makes next can follow with nothing said.
    pub(crate) fn leader(&self) -> Option<u32> {
        let last = self.spans.last()?;
        (self.heads.len() == 1).then_some(last.replica)
    }

    /// The sequence number of the next operation of whoever made the last one here.
    pub(crate) fn next_seq(&self) -> u32 {
        self.spans.last().map_or(0, |last| last.seq + (self.next - last.lv))
    }

    /// Numbers the next `len` operations of whoever made the last one here, and has seen nothing new since.
    #[inline]
    pub(crate) fn follow(&mut self, len: u32) -> Lv {
        let lv = self.next;
        self.next = lv.checked_add(len).expect("nobody makes two billion operations in one session");
        if let Some(head) = self.heads.last_mut() {
            *head = self.next - 1;
        }
        if self.heads.len() > 1 {
            self.go_on(lv);
        }
        lv
    }

    /// Takes note that who has made the operation before this one has made all from it on, too.
    fn go_on(&mut self, lv: Lv) {
        if let Some(recent) = self.recent.get_mut(self.asked)
            && recent.until == lv
            && recent.parents == [lv.wrapping_sub(1)]
        {
            recent.until = self.next;
            recent.parents[0] = self.next - 1;
        }
    }

    /// Whose the last operation here is.
    pub(crate) fn latest_author(&self) -> Option<u32> {
        self.spans.last().map(|last| last.replica)
    }

    /// What others have made that a replica's next operation here has seen last.
    pub(crate) fn deps_of_next(&self, replica: u32) -> Vec<Lv> {
        if self.leads(replica) {
            return Vec::new();
        }
        let previous = self.last_of(replica);
        let mut deps = self.heads.clone();
        deps.retain(|head| Some(*head) != previous);
        deps
    }

    /// Finds out what the author of a replica's next operation had not seen of all that is here: `deps` is the
    /// latest of others' that it had seen.
    #[inline]
    pub(crate) fn ask(&mut self, replica: Option<u32>, deps: &[Lv]) {
        self.is_behind = false;
        if !deps.is_empty() || !replica.is_some_and(|replica| self.leads(replica)) {
            self.find_unseen(replica, deps);
        }
    }

    fn find_unseen(&mut self, replica: Option<u32>, deps: &[Lv]) {
        let previous = replica.and_then(|replica| self.last_of(replica));
        self.goes_on = deps.is_empty() && previous.is_some();
        self.is_behind = self.heads.iter().any(|head| Some(*head) != previous && !deps.contains(head));
        if !self.is_behind {
            return;
        }
        let mut parents = std::mem::take(&mut self.parents);
        parents.clear();
        parents.extend_from_slice(deps);
        parents.extend(previous);
        parents.sort_unstable();
        match self.recent.iter().position(|recent| recent.parents == parents) {
            Some(at) => {
                let next = self.next;
                let recent = self.ask_for(at);
                if recent.until < next {
                    extend(&mut recent.unseen, recent.until..next);
                    recent.until = next;
                }
            }
            None => {
                let mut unseen = std::mem::take(&mut self.spare);
                let known = match (previous, deps) {
                    (Some(previous), &[dep]) => self.unseen_after(previous, dep, &mut unseen),
                    _ => false,
                };
                if !known {
                    unseen = self.walk(&parents);
                }
                self.remember(&parents, self.next, unseen);
            }
        }
        self.parents = parents;
    }

    /// Remembers what is asked for, in the place of what was asked for longest ago.
    fn remember(&mut self, parents: &[Lv], until: Lv, unseen: Vec<Range<Lv>>) {
        let mut at = self.recent.len();
        if at < RECENT {
            self.recent.push(Recent::default());
        } else {
            at = 0;
            for other in 1..RECENT {
                if self.recent[other].asked < self.recent[at].asked {
                    at = other;
                }
            }
        }
        let recent = self.ask_for(at);
        recent.parents.clear();
        recent.parents.extend_from_slice(parents);
        recent.until = until;
        self.spare = std::mem::replace(&mut recent.unseen, unseen);
    }

    /// Takes note that this one is asked for.
    fn ask_for(&mut self, at: usize) -> &mut Recent {
        self.asks = self.asks.wrapping_add(1);
        self.asked = at;
        let recent = &mut self.recent[at];
        recent.asked = self.asks;
        recent
    }

    /// What was found.
    pub(crate) fn asked(&self) -> &[Range<Lv>] {
        if self.is_behind { &self.recent[self.asked].unseen } else { &[] }
    }

    /// Both at once.
    pub(crate) fn unseen(&mut self, replica: Option<u32>, deps: &[Lv]) -> Vec<Range<Lv>> {
        self.ask(replica, deps);
        self.asked().to_vec()
    }

    /// What whoever made an operation last, and has seen one of another since, had not seen, if that can be told from
    /// what it had not seen when it made its own. Says whether it can.
    fn unseen_after(&self, previous: Lv, dep: Lv, unseen: &mut Vec<Range<Lv>>) -> bool {
        let Some(recent) = self.recent.iter().find(|recent| recent.parents == [previous]) else {
            return false;
        };
        let author = self.spans[self.span_of(dep)].replica;
        unseen.clear();
        for range in recent.unseen.iter().cloned().chain(std::iter::once(recent.until..self.next)) {
            let (from, to) = (range.start, range.end.min(dep + 1));
            // The author had seen what it had made before. What others had made it may have seen or not.
            let of = if from < to { &self.spans[self.span_of(from)..=self.span_of(to - 1)] } else { &[] };
            if of.iter().any(|span| span.replica != author) {
                return false;
            }
            let rest = from.max(to)..range.end;
            if !rest.is_empty() {
                extend(unseen, rest);
            }
        }
        true
    }

    /// What the author of an operation that is here had not seen, of all that is here now.
    pub(crate) fn unseen_by(&self, lv: Lv) -> Vec<Range<Lv>> {
        self.walk(&[lv])
    }

    /// Takes note that the replica which was [asked](Self::ask) about made `len` operations.
    pub(crate) fn made(&mut self, len: u32) {
        if !self.is_behind {
            return;
        }
        let recent = &mut self.recent[self.asked];
        let until = recent.until + len;
        if self.goes_on {
            (recent.parents[0], recent.until) = (until - 1, until);
            return;
        }
        // Others may come who had seen the same as it, but not what only it had made.
        let unseen = recent.unseen.clone();
        self.remember(&[until - 1], until, unseen);
    }

    /// What is here and not among `parents` and what came before them.
    fn walk(&self, parents: &[Lv]) -> Vec<Range<Lv>> {
        // Where to go on, and whether what is there is seen: one by one, the largest number first.
        let mut ways = Ways::default();
        parents.iter().for_each(|&lv| ways.add(lv, true));
        self.heads.iter().for_each(|&lv| ways.add(lv, false));
        let mut unseen: Vec<Range<Lv>> = Vec::new();
        while ways.unseen > 0
            && let Some((lv, mut seen)) = ways.next(0)
        {
            let at = self.span_of(lv);
            let first = self.spans[at].lv;
            // Whatever else stands in this span: what comes before something seen is seen.
            while let Some((other, other_seen)) = ways.next(first) {
                if other_seen && !seen {
                    seen = true;
                    unseen.push(other + 1..lv + 1);
                }
            }
            if !seen {
                unseen.push(first..lv + 1);
            }
            let span = &self.spans[at];
            if let Some(seq) = span.seq.checked_sub(1)
                && let Some(before) = self.lv_of(span.replica, seq)
            {
                ways.add(before, seen);
            }
            self.deps(at).iter().for_each(|&dep| ways.add(dep, seen));
        }
        unseen.reverse();
        let mut merged: Vec<Range<Lv>> = Vec::with_capacity(unseen.len());
        for range in unseen.into_iter().filter(|range| !range.is_empty()) {
            extend(&mut merged, range);
        }
        merged
    }
}

/// Operations to go on from, and whether each is seen.
#[derive(Default)]
struct Ways {
    all: Sorted<Lv, u32>,
    /// How many are not.
    unseen: usize,
}

impl Ways {
    fn add(&mut self, lv: Lv, seen: bool) {
        let before = self.all.insert(lv, u32::from(seen));
        if before == Some(1) {
            // What is seen stays so.
            self.all.insert(lv, 1);
            return;
        }
        self.unseen += usize::from(!seen);
        self.unseen -= usize::from(before.is_some());
    }

    /// The largest, unless it is below `least`.
    fn next(&mut self, least: Lv) -> Option<(Lv, bool)> {
        let &(lv, seen) = self.all.last().filter(|way| way.0 >= least)?;
        self.all.remove(&lv);
        self.unseen -= usize::from(seen == 0);
        Some((lv, seen == 1))
    }
}

/// How many of some things in order come before a turn, which is near their end mostly.
fn count_until<T>(all: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    let late = all.len().saturating_sub(LATE);
    match all.get(late) {
        Some(first) if is_before(first) => late + all[late..].partition_point(is_before),
        _ => all[..late].partition_point(is_before),
    }
}

/// Appends a range, one with the last if it follows on it.
fn extend(ranges: &mut Vec<Range<Lv>>, range: Range<Lv>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// Whether a number lies in one of some ranges, which are in order.
pub(crate) fn lies_in(ranges: &[Range<Lv>], lv: Lv) -> bool {
    let at = ranges.partition_point(|range| range.end <= lv);
    ranges.get(at).is_some_and(|range| range.start <= lv)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_refused_change_said_it_had_seen_is_forgotten() {
        let mut numbers = Numbers::new();
        let [ada, bob] = [1, 2].map(|id| numbers.introduce(ReplicaId::new(id)));
        let lv = numbers.push(bob, 1, &[]);
        numbers.push(ada, 2, &[]);
        assert_eq!(numbers.unseen(Some(bob), &[lv + 2]), []);
        assert_eq!(numbers.unseen(Some(bob), &[]).first(), Some(&(lv + 1..lv + 3)));
    }

    proptest! {
        #[test]
        fn what_was_not_seen_is_found(
            steps in prop::collection::vec((0..4u64, 1..4u32, prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<bool>()), 1..40)
        ) {
            let mut numbers = Numbers::new();
            let mut past: Vec<BTreeSet<Lv>> = Vec::new();
            let mut last: BTreeMap<u64, Lv> = BTreeMap::new();
            for (replica, len, deps, types_on) in steps {
                let number = numbers.introduce(ReplicaId::new(replica));
                let mut seen = last.get(&replica).map_or_else(BTreeSet::new, |&lv| past[lv as usize].clone());
                let mut deps: Vec<Lv> =
                    if past.is_empty() { Vec::new() } else { deps.iter().map(|dep| dep.index(past.len()) as Lv).collect() };
                for &dep in &deps {
                    seen.extend(&past[dep as usize]);
                }
                // As an author would say it: the latest, of others.
                let all: Vec<Lv> = deps.clone();
                let own = last.get(&replica).copied();
                deps.retain(|dep| {
                    !all.iter().chain(&own).any(|other| other != dep && past[*other as usize].contains(dep)) && Some(*dep) != own
                });
                deps.sort_unstable();
                deps.dedup();
                // Of who goes on nothing must be asked.
                let lv = if types_on && deps.is_empty() && numbers.follows(number) {
                    numbers.follow(len)
                } else {
                    let unseen = numbers.unseen(Some(number), &deps);
                    for lv in 0..numbers.next() {
                        prop_assert_eq!(lies_in(&unseen, lv), !seen.contains(&lv));
                    }
                    let lv = numbers.push(number, len, &deps);
                    numbers.made(len);
                    lv
                };
                for lv in lv..lv + len {
                    seen.insert(lv);
                    past.push(seen.clone());
                    let id = numbers.id(lv);
                    prop_assert_eq!(numbers.lv(id), Some(lv));
                    prop_assert_eq!(id.replica, ReplicaId::new(replica));
                    let longest = seen.iter().filter(|&&other| other != lv).map(|&other| numbers.stamp(other).0 + 1).max();
                    prop_assert_eq!(numbers.stamp(lv).0, longest.unwrap_or(0));
                }
                last.insert(replica, numbers.next() - 1);
                let heads: BTreeSet<Lv> =
                    (0..numbers.next()).filter(|lv| !past.iter().enumerate().any(|(other, seen)| other as Lv != *lv && seen.contains(lv))).collect();
                prop_assert_eq!(numbers.heads.iter().copied().collect::<BTreeSet<_>>(), heads);
                prop_assert_eq!(numbers.lv(OpId { replica: ReplicaId::new(replica), seq: u64::from(numbers.count(number)) }), None);
            }
        }
    }
}
