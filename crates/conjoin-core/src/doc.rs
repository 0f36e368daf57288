//! The document: values, what was seen, and the history for those who have seen less.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::DecodeError;
use crate::delta::Delta;
use crate::log::{HistoryGone, Log};
use crate::op::{Change, Edit, Name, Op};
use crate::pending::Pending;
use crate::size;
use crate::state::{Container, MapRef, Stamp, State, Written, bits, float, put, write};
use crate::transaction::Transaction;
use crate::value::{Changed, Target, Value};
use crate::version::{OpId, ReplicaId, VersionVector};

/// Named values that many replicas edit at once.
///
/// A counter is there as soon as somebody adds to it, a register as soon as somebody sets it;
/// what was never written reads as zero, nothing or empty.
#[derive(Debug, Clone)]
pub struct Doc {
    pub(crate) replica: ReplicaId,
    pub(crate) version: VersionVector,
    /// The logical time the next operation takes: above that of all seen.
    pub(crate) lamport: u64,
    /// The latest operations: those that no other seen operation depends on.
    pub(crate) heads: Vec<OpId>,
    /// The strings each replica has introduced, by number.
    pub(crate) names: BTreeMap<ReplicaId, Vec<Arc<str>>>,
    /// The numbers of this replica's own strings.
    pub(crate) own_names: BTreeMap<Arc<str>, u64>,
    pub(crate) state: State,
    pub(crate) state_limit: usize,
    pub(crate) log: Log,
    /// What came too early, by whom it came from.
    pub(crate) pending: Vec<(u64, Pending)>,
}

/// What a transaction did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// The edits, for others; empty if there were none.
    pub delta: Delta,
    /// Which values they changed.
    pub changed: Changed,
}

/// What applying a delta did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Which values changed.
    pub changed: Changed,
    /// Whether something waits for changes that have not come yet. They should be asked for.
    pub missing: bool,
}

/// Why a delta or snapshot was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The bytes could not be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It holds operations of this very replica that it never made. Either somebody lies, or two
    /// instances edit as the same replica.
    #[error("operations in the name of this replica that it never made")]
    ForgedReplica,
    /// An operation contradicts what it is said to depend on.
    #[error("an operation contradicts its history: {0}")]
    Inconsistent(&'static str),
    /// The state would grow above its limit.
    #[error("the state would take more than {limit} bytes")]
    TooLarge {
        /// What [`Doc::set_state_limit`] allows.
        limit: usize,
    },
}

impl Doc {
    /// An empty document, edited here as `replica`, which must be fresh for each session.
    pub const fn new(replica: ReplicaId) -> Self {
        Self {
            replica,
            version: VersionVector::new(),
            lamport: 0,
            heads: Vec::new(),
            names: BTreeMap::new(),
            own_names: BTreeMap::new(),
            state: State {
                kinds: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new()],
                size: 0,
            },
            state_limit: size::DEFAULT_LIMIT,
            log: Log::new(),
            pending: Vec::new(),
        }
    }

    /// The replica that edits made here belong to.
    pub const fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// What was seen.
    pub const fn version(&self) -> &VersionVector {
        &self.version
    }

    /// The value of a counter. Past the range of 64 bits it stays at the bound until it is back.
    pub fn counter(&self, name: &str) -> i64 {
        self.state.counter(name)
    }

    /// The value of a floating-point counter, the same to the last bit on every replica. What one
    /// replica added, and the whole, stay at the bound past the range of finite numbers.
    pub fn float_counter(&self, name: &str) -> f64 {
        self.state.float_counter(name)
    }

    /// The value of a register, if it was ever set.
    pub fn register(&self, name: &str) -> Option<&Value> {
        self.state.register(name)
    }

    /// A map.
    pub fn map(&self, name: &str) -> MapRef<'_> {
        self.state.map(name)
    }

    /// Edits. All of `edit` becomes one delta that others apply as a whole.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let commit = doc.transact(|tx| {
    ///     tx.counter("visits").increment();
    ///     tx.map("colors").set("sky", "blue");
    /// });
    /// assert_eq!(commit.delta.operations(), 2);
    /// assert_eq!(doc.map("colors").get("sky"), Some(&Value::from("blue")));
    /// ```
    pub fn transact(&mut self, edit: impl FnOnce(&mut Transaction<'_>)) -> Commit {
        let mut tx = Transaction::new(self);
        edit(&mut tx);
        tx.commit()
    }

    /// Takes in changes of others: in any order, any number of times.
    ///
    /// A change whose dependencies are missing waits in a bounded buffer until they come.
    ///
    /// # Errors
    /// If a change contradicts what was seen, or was made in this replica's name. What came
    /// before it in the delta has been applied.
    pub fn apply(&mut self, delta: &Delta) -> Result<Applied, ApplyError> {
        self.apply_from(0, delta)
    }

    /// As [`apply`](Self::apply), for deltas of several sources: each has a buffer of its own for
    /// what came too early, so that one that sends what never fits in takes no room from the
    /// others. What is [missing](Applied::missing) is told for this source alone.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_from(&mut self, source: u64, delta: &Delta) -> Result<Applied, ApplyError> {
        let mut changed = Changed::default();
        let mut dropped = false;
        let mut result = Ok(());
        for change in &delta.changes {
            if change.end() <= self.version.get(change.replica) {
                continue;
            }
            if change.replica == self.replica {
                result = Err(ApplyError::ForgedReplica);
            } else if change.is_ready(&self.version) {
                result = self.apply_change(change, &mut changed);
            } else if !self.pending_of(source).insert(change) {
                dropped = true;
            }
            if result.is_err() {
                break;
            }
        }
        self.settle(&mut changed);
        result.map(|()| Applied {
            changed,
            missing: dropped || self.pending.iter().any(|entry| entry.0 == source),
        })
    }

    /// Drops what came too early from a source that is not there any more.
    pub fn forget_source(&mut self, source: u64) {
        self.pending.retain(|entry| entry.0 != source);
    }

    fn pending_of(&mut self, source: u64) -> &mut Pending {
        let at = self.pending.iter().position(|entry| entry.0 == source).unwrap_or_else(|| {
            self.pending.push((source, Pending::default()));
            self.pending.len() - 1
        });
        &mut self.pending[at].1
    }

    /// Exactly what somebody at `version` lacks.
    ///
    /// # Errors
    /// If the history since then is not kept any more. [`snapshot`](Self::snapshot) helps then.
    pub fn delta_since(&self, version: &VersionVector) -> Result<Delta, HistoryGone> {
        self.log.between(version, &self.version)
    }

    /// What somebody at `since` lacks of what was seen at `until`.
    ///
    /// # Errors
    /// If the history since then is not kept any more.
    pub fn delta_between(&self, since: &VersionVector, until: &VersionVector) -> Result<Delta, HistoryGone> {
        let seen =
            until.iter().map(|(replica, count)| (replica, count.min(self.version.get(replica)))).collect();
        self.log.between(since, &seen)
    }

    /// Keeps about `bytes` of memory of history, 4 MiB unless set; the oldest goes first. The
    /// values are not touched: those whose version is older get a snapshot.
    pub fn set_history_limit(&mut self, bytes: usize) {
        self.log.set_limit(bytes);
    }

    /// Takes in no more from others once the state takes about `bytes` of memory, 256 MiB unless
    /// set. A snapshot that is not larger itself may bring it to twice that, and then nothing more
    /// is taken. Own edits are never refused, but those who are at their limit will not take them.
    pub const fn set_state_limit(&mut self, bytes: usize) {
        self.state_limit = bytes;
    }

    /// About how many bytes of memory the state takes: the values, their names, and who has
    /// edited. Names and keys stay even when nothing is left under them, and history is apart.
    pub fn state_size(&self) -> usize {
        self.state.size + self.version.len() * size::REPLICA
    }

    /// How many bytes more the state may take, after so many.
    pub(crate) fn room(&self, more: usize) -> Result<usize, ApplyError> {
        let limit = self.state_limit;
        limit.checked_sub(self.state_size().saturating_add(more)).ok_or(ApplyError::TooLarge { limit })
    }

    /// Applies what waited for changes that are here now.
    pub(crate) fn settle(&mut self, changed: &mut Changed) {
        let mut pending = std::mem::take(&mut self.pending);
        let mut progress = !pending.is_empty();
        while std::mem::take(&mut progress) {
            pending.retain_mut(|(_, pending)| {
                progress |= pending.pass(self.version.clone(), |change| {
                    // One that contradicts its history is dropped. Nobody is blamed: what it
                    // contradicts may have been the lie.
                    let _ = self.apply_change(change, changed);
                    self.version.clone()
                });
                !pending.is_empty()
            });
        }
        self.pending = pending;
    }

    /// Applies a change that is ready and not seen, as a whole or not at all.
    fn apply_change(&mut self, change: &Arc<Change>, changed: &mut Changed) -> Result<(), ApplyError> {
        let seen = self.version.get(change.replica);
        let rest;
        let change = if change.start < seen {
            rest = Arc::new(change.slice(seen, change.end()));
            &rest
        } else {
            change
        };
        // Its author had seen no more than what it depends on, all of which is here, and each operation
        // moves logical time on by one. (Whose clock a lying snapshot moved is not to be refused for it.)
        if change.lamport > self.lamport && change.lamport > self.version.total() {
            return Err(ApplyError::Inconsistent("its logical time is ahead of its dependencies"));
        }
        let replica = if seen == 0 { size::REPLICA } else { 0 };
        let room = self.room(replica)?;
        let table = self.names.get(&change.replica).map_or(&[][..], Vec::as_slice);
        let mut new = Vec::new();
        let mut most = 0;
        for op in &change.ops {
            most += size::SUM + op.value().map_or(0, Value::size);
            for name in op.names() {
                let string = match name {
                    Name::New(string) => {
                        most += size::string(string);
                        new.push(string.clone());
                        string
                    }
                    Name::Known(index) => table
                        .iter()
                        .chain(&new)
                        .nth(*index as usize)
                        .ok_or(ApplyError::Inconsistent("it uses a name that was not introduced"))?,
                };
                most += size::entry(string);
            }
        }
        if most > room {
            return Err(ApplyError::TooLarge { limit: self.state_limit });
        }
        self.state.size += new.iter().map(|string| size::string(string)).sum::<usize>();
        let table = self.names.entry(change.replica).or_default();
        table.append(&mut new);
        for (lamport, op) in (change.lamport..).zip(&change.ops) {
            self.state.apply(op, Stamp { lamport, replica: change.replica }, table, changed);
        }
        self.record(change.clone());
        Ok(())
    }

    /// Applies an operation of a transaction, the `nth` of it.
    pub(crate) fn apply_own(&mut self, op: &Op, nth: u64, changed: &mut Changed) {
        let stamp = Stamp { lamport: self.lamport + nth, replica: self.replica };
        let table = self.names.entry(self.replica).or_default();
        self.state.apply(op, stamp, table, changed);
    }

    /// Ends a transaction whose operations have been applied.
    pub(crate) fn commit(&mut self, ops: Vec<Op>) -> Delta {
        if ops.is_empty() {
            return Delta::default();
        }
        let deps = self.heads.iter().filter(|head| head.replica != self.replica).copied().collect();
        let start = self.version.get(self.replica);
        let change = Arc::new(Change { replica: self.replica, start, lamport: self.lamport, deps, ops });
        self.record(change.clone());
        Delta { changes: vec![change] }
    }

    /// Takes note of a change that was applied.
    fn record(&mut self, change: Arc<Change>) {
        self.version.advance(change.replica, change.end());
        self.lamport = self.lamport.max(change.lamport_end());
        self.heads.retain(|head| head.replica != change.replica && !change.deps.contains(head));
        self.heads.push(OpId { replica: change.replica, seq: change.end() - 1 });
        self.log.push(change);
    }
}

impl State {
    /// Applies one operation. `names` are the strings of its replica, its own included.
    fn apply(&mut self, op: &Op, stamp: Stamp, names: &[Arc<str>], changed: &mut Changed) {
        let resolve = |name: &Name| name.resolve(names).clone();
        let (kind, name) = (op.kind(), resolve(&op.name));
        let written = |value: Option<&Value>| Written { stamp, value: value.cloned() };
        let mut target_key = None;
        let (container, size) = self.get_mut(kind, &name);
        let new = match (container, &op.edit) {
            (Container::Counter(sums), Edit::AddInt(amount)) => {
                *sums.of(stamp.replica, size) += i128::from(*amount);
                true
            }
            (Container::FloatCounter(sums), Edit::AddFloat(amount)) => {
                let sum = sums.of(stamp.replica, size);
                *sum = bits(float(*sum) + amount);
                true
            }
            (Container::Register(register), Edit::Set(value)) => write(register, written(Some(value)), size),
            (Container::Map(entries), Edit::Put { key, .. } | Edit::Remove { key }) => {
                let value = if let Edit::Put { value, .. } = &op.edit { Some(value) } else { None };
                let key = resolve(key);
                let new = put(entries, &key, written(value), size);
                target_key = Some(key);
                new
            }
            _ => unreachable!("a container is of the kind of the operations that find it"),
        };
        if new {
            changed.insert(Target { kind, name, key: target_key });
        }
    }
}
