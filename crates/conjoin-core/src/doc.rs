//! The document: values, what was seen, and the history for those who have seen less.

use crate::changed::{Changed, Origin};
use crate::codec::{DecodeError, Reader};
use crate::delta::Delta;
use crate::log::{HistoryGone, Log};
use crate::noted::Noted;
use crate::numbers::{Lv, Numbers};
use crate::pending::Pending;
use crate::size;
use crate::state::State;
use crate::strings::{Names, Strings};
use crate::transaction::Transaction;
use crate::version::{OpId, ReplicaId, VersionVector};

/// Named values that many replicas edit at once.
///
/// A value is there as soon as somebody edits it; what was never edited reads as zero, nothing or empty.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
/// let delta = ada.transact(|tx| tx.text("notes").push("Hello")).delta();
/// bob.apply(&delta)?;
/// assert_eq!(bob.text("notes").to_string(), "Hello");
/// assert_eq!(bob.counter("never edited"), 0);
/// # Ok::<(), conjoin_core::ApplyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Doc {
    pub(crate) replica: ReplicaId,
    pub(crate) version: VersionVector,
    /// Where in it who made the latest operations stands.
    latest: usize,
    pub(crate) numbers: Numbers,
    pub(crate) strings: Strings,
    /// The strings each replica has introduced, by its number.
    pub(crate) names: Vec<Names>,
    pub(crate) state: State,
    pub(crate) state_limit: usize,
    pub(crate) log: Log,
    /// Operations are taken only of those who had seen all with numbers below this.
    pub(crate) floor: Lv,
    /// What came too early, by whom it came from.
    pub(crate) pending: Vec<(u64, Pending)>,
    /// What the last transaction or delta changed.
    pub(crate) raw: Noted,
}

/// What a transaction did.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let commit = doc.transact(|tx| tx.counter("clicks").increment());
/// let (for_others, for_the_page) = (commit.delta(), commit.changed());
/// assert_eq!((for_others.operations(), for_the_page.patches.len()), (1, 1));
/// ```
#[derive(Debug)]
pub struct Commit<'a> {
    doc: &'a Doc,
    /// The number of its first operation.
    pub(crate) start: Lv,
}

impl<'a> Commit<'a> {
    /// What was done since the operation of this number.
    pub(crate) const fn new(doc: &'a Doc, start: Lv) -> Self {
        Self { doc, start }
    }

    /// Its first operation and how many there are, if there are any.
    pub(crate) fn operations(&self) -> Option<(OpId, u32)> {
        let len = self.doc.numbers.next() - self.start;
        (len > 0).then(|| (self.doc.numbers.id(self.start), len))
    }

    /// The document with these edits.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let commit = doc.transact(|tx| tx.counter("clicks").increment());
    /// assert_eq!(commit.doc().counter("clicks"), 1);
    /// ```
    pub const fn doc(&self) -> &'a Doc {
        self.doc
    }

    /// Whether it edited nothing.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.transact(|_| ()).is_empty());
    /// assert!(!doc.transact(|tx| tx.counter("clicks").increment()).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.start == self.doc.numbers.next()
    }

    /// The edits, for others.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// let delta = ada.transact(|tx| tx.counter("clicks").increment()).delta();
    /// bob.apply(&delta)?;
    /// assert_eq!(bob.counter("clicks"), 1);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn delta(&self) -> Delta {
        let end = self.doc.numbers.next();
        self.doc.delta_of(&mut |writing| self.doc.write_changes(self.start, end, writing))
    }

    /// Appends what [`Delta::encode_with`] of [`delta`](Self::delta) would, with nothing between the document and
    /// the bytes.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, codec::Reader};
    ///
    /// let session = [ReplicaId::new(1), ReplicaId::new(2)];
    /// let [mut ada, mut bob] = session.map(Doc::new);
    /// let mut bytes = Vec::new();
    /// ada.transact(|tx| tx.text("t").push("Hi")).encode_with(&mut bytes, &mut |replica| replica.get() - 1);
    /// bob.apply_with(0, &mut Reader::new(&bytes), &|number| session.get(number as usize).copied())?;
    /// assert_eq!(bob.text("t").to_string(), "Hi");
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn encode_with(&self, out: &mut Vec<u8>, index: &mut dyn FnMut(ReplicaId) -> u64) {
        self.doc.write_delta(self.start, self.doc.numbers.next(), out, index);
    }

    /// What it changed.
    ///
    /// ```
    /// use conjoin_core::{Diff, Doc, Marks, Origin, ReplicaId, TextStep};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let changed = doc.transact(|tx| tx.text("t").push("Hi")).changed();
    /// assert_eq!(changed.origin, Origin::Local);
    /// assert_eq!(changed.patches[0].diff, Diff::Text(vec![TextStep::Insert("Hi".into(), Marks::new())]));
    /// ```
    pub fn changed(&self) -> Changed {
        self.doc.changed(&self.doc.raw, Origin::Local, None)
    }

    /// The version with these edits.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let version = doc.transact(|tx| tx.counter("clicks").add(2)).version().clone();
    /// assert_eq!(version.get(ReplicaId::new(1)), 1);
    /// ```
    pub fn version(&self) -> &VersionVector {
        &self.doc.version
    }
}

/// What applying a delta did.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
/// let first = ada.transact(|tx| tx.text("t").push("Hello")).delta();
/// let second = ada.transact(|tx| tx.text("t").push("!")).delta();
/// assert!(bob.apply(&second)?.missing); // What it goes on from has not come yet.
/// let applied = bob.apply(&first)?;
/// assert!(!applied.missing);
/// assert_eq!(applied.changed().patches.len(), 1);
/// # Ok::<(), conjoin_core::ApplyError>(())
/// ```
#[derive(Debug)]
pub struct Applied<'a> {
    doc: &'a Doc,
    /// Whether something waits for changes that have not come yet. They should be asked for.
    pub missing: bool,
}

impl<'a> Applied<'a> {
    pub(crate) const fn new(doc: &'a Doc, missing: bool) -> Self {
        Self { doc, missing }
    }

    /// What it changed.
    ///
    /// ```
    /// use conjoin_core::{Diff, Doc, Origin, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// let delta = ada.transact(|tx| tx.counter("clicks").add(2)).delta();
    /// let changed = bob.apply(&delta)?.changed();
    /// assert_eq!((changed.origin, &changed.patches[0].diff), (Origin::Remote, &Diff::Counter(2)));
    /// assert!(bob.apply(&delta)?.changed().is_empty()); // Nothing is told twice.
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn changed(&self) -> Changed {
        self.doc.changed(&self.doc.raw, Origin::Remote, None)
    }
}

/// Why a delta or snapshot was refused.
///
/// ```
/// use conjoin_core::{ApplyError, DecodeError, Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// let error = doc.merge_snapshot(b"something else").map(|_| ()).unwrap_err();
/// assert_eq!(error, ApplyError::Decode(DecodeError::NotConjoin));
/// assert_eq!(error.to_string(), "this is not Conjoin data");
/// ```
// A byte, so that it costs nothing to hand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The bytes could not be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It holds operations of this very replica that it never made. Either somebody lies, or two
    /// instances edit as the same replica.
    #[error("operations in the name of this replica that it never made")]
    ForgedReplica,
    /// An operation names another that is not among what it is said to depend on.
    #[error("an operation contradicts its history: it names an operation that its author cannot have seen")]
    UnknownOperation,
    /// An operation names an element of a text or list that is not among what it is said to depend on.
    #[error("an operation contradicts its history: it names an element that its author cannot have seen")]
    UnknownElement,
    /// An operation uses a name by a number that its replica gave to none.
    #[error("an operation contradicts its history: it uses a name that was not introduced")]
    UnknownName,
    /// An operation edits a value of a kind it is not for.
    #[error("an operation contradicts its history: it edits a value of another kind")]
    WrongKind,
    /// A state says otherwise of operations that are known.
    #[error("a state contradicts what is known")]
    Contradiction,
    /// Edits were made without having seen what the document that should take them in has
    /// [compacted](Doc::compact): those that came, or, if it is a state that came, some that are here.
    #[error("edits were made without knowing history that was compacted")]
    Compacted,
    /// The state would grow above [its limit](Doc::state_limit).
    #[error("the state would take more than its limit")]
    TooLarge,
}

impl Doc {
    /// An empty document, edited here as `replica`, which must be fresh for each session.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let doc = Doc::new(ReplicaId::new(1));
    /// assert!(doc.version().is_empty());
    /// ```
    // Made in a few places, of many parts: a browser should load that once.
    #[inline(never)]
    pub const fn new(replica: ReplicaId) -> Self {
        Self {
            replica,
            version: VersionVector::new(),
            latest: 0,
            numbers: Numbers::new(),
            strings: Strings::new(),
            names: Vec::new(),
            state: State::new(),
            state_limit: size::DEFAULT_LIMIT,
            log: Log::new(),
            floor: 0,
            pending: Vec::new(),
            raw: Noted::new(),
        }
    }

    /// The replica that edits made here belong to.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// assert_eq!(Doc::new(ReplicaId::new(7)).replica(), ReplicaId::new(7));
    /// ```
    pub const fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// What was seen.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Hello"));
    /// assert_eq!(doc.version().get(ReplicaId::new(1)), 5);
    /// ```
    pub const fn version(&self) -> &VersionVector {
        &self.version
    }

    /// Edits. All of `edit` becomes one delta that others apply as a whole, up to 64 KiB; a larger one may
    /// reach them in parts.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let commit = doc.transact(|tx| {
    ///     tx.counter("visits").increment();
    ///     tx.map("colors").set("sky", "blue");
    /// });
    /// assert_eq!(commit.delta().operations(), 2);
    /// assert_eq!(doc.map("colors").get("sky"), Some(&Value::from("blue")));
    /// ```
    pub fn transact(&mut self, edit: impl FnOnce(&mut Transaction<'_>)) -> Commit<'_> {
        let start = self.numbers.next();
        self.begin();
        let mut tx = Transaction::new(self);
        edit(&mut tx);
        drop(tx);
        Commit { doc: self, start }
    }

    /// Takes note that so many operations of a replica were seen.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub(crate) fn saw(&mut self, replica: ReplicaId, count: u64) {
        self.version.advance_latest(&mut self.latest, replica, count);
    }

    /// Whose the next operation on this value would be, were it to go on with the last one here with nothing said.
    pub(crate) fn leads_in(&self, container: u32) -> Option<ReplicaId> {
        let author = self.numbers.leader()?;
        self.log.last_of(container, self.numbers.next())?;
        Some(self.numbers.replica(author))
    }

    /// Forgets what the last transaction or delta left to be asked for: what it changed, and history above
    /// the limit.
    fn begin(&mut self) {
        self.raw.clear();
        self.log.trim(self.numbers.next());
    }

    /// Takes in changes of others: in any order, any number of times.
    ///
    /// A change whose dependencies are missing waits in a bounded buffer until they come.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// let first = ada.transact(|tx| tx.text("t").push("Hello")).delta();
    /// let second = ada.transact(|tx| tx.text("t").push("!")).delta();
    /// for delta in [&second, &first, &first] {
    ///     bob.apply(delta)?;
    /// }
    /// assert_eq!(bob.text("t").to_string(), "Hello!");
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    ///
    /// # Errors
    /// If a change contradicts what was seen, or was made in this replica's name. What came
    /// before it in the delta has been applied; [`last_changed`](Self::last_changed) tells what that changed.
    pub fn apply(&mut self, delta: &Delta) -> Result<Applied<'_>, ApplyError> {
        self.apply_from(0, delta)
    }

    /// As [`apply`](Self::apply), for deltas of several sources: each has a buffer of its own for
    /// what came too early, so that one that sends what never fits in takes no room from the
    /// others. What is [missing](Applied::missing) is told for this source alone.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob, mut eve] = [1, 2, 3].map(|id| Doc::new(ReplicaId::new(id)));
    /// ada.transact(|tx| tx.text("t").push("Hello"));
    /// let early = ada.transact(|tx| tx.text("t").push("!")).delta();
    /// let fits = eve.transact(|tx| tx.counter("clicks").increment()).delta();
    /// assert!(bob.apply_from(1, &early)?.missing);
    /// assert!(!bob.apply_from(3, &fits)?.missing);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_from(&mut self, source: u64, delta: &Delta) -> Result<Applied<'_>, ApplyError> {
        self.take(source, &mut delta.reader(), delta.len(), &|number| delta.resolve(number))
    }

    /// As [`apply_from`](Self::apply_from), for what [`Delta::encode_with`] or [`Commit::encode_with`] wrote, with
    /// nothing between the bytes and the document.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, codec::Reader};
    ///
    /// let session = [ReplicaId::new(1), ReplicaId::new(2)];
    /// let [mut ada, mut bob] = session.map(Doc::new);
    /// let mut bytes = Vec::new();
    /// ada.transact(|tx| tx.counter("clicks").increment())
    ///     .encode_with(&mut bytes, &mut |replica| replica.get() - 1);
    /// bob.apply_with(0, &mut Reader::new(&bytes), &|number| session.get(number as usize).copied())?;
    /// assert_eq!(bob.counter("clicks"), 1);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`apply`](Self::apply), and as [`Delta::decode_with`]. What came before in the bytes has been applied.
    pub fn apply_with(
        &mut self,
        source: u64,
        reader: &mut Reader<'_>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Applied<'_>, ApplyError> {
        let changes = reader.count(Delta::LEAST)?;
        self.take(source, reader, changes, resolve)
    }

    fn take(
        &mut self,
        source: u64,
        reader: &mut Reader<'_>,
        changes: usize,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Applied<'_>, ApplyError> {
        self.begin();
        let is_stroke =
            changes == 1 && (self.take_typed(reader, resolve) || self.take_stroke(reader, resolve));
        let dropped = if is_stroke { Ok(false) } else { self.take_in(source, reader, changes, resolve) };
        if self.pending.is_empty() {
            return dropped.map(|dropped| Applied::new(self, dropped));
        }
        self.settle();
        let missing = dropped? || self.pending.iter().any(|entry| entry.0 == source);
        Ok(Applied::new(self, missing))
    }

    /// What was changed by the last delta, also if some of it was refused.
    ///
    /// ```
    /// use conjoin_core::{Diff, Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// bob.apply(&ada.transact(|tx| tx.counter("clicks").add(2)).delta())?;
    /// assert_eq!(bob.last_changed().patches[0].diff, Diff::Counter(2));
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn last_changed(&self) -> Changed {
        self.changed(&self.raw, Origin::Remote, None)
    }

    /// Drops what came too early from a source that is not there any more.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// let first = ada.transact(|tx| tx.text("t").push("Hello")).delta();
    /// let second = ada.transact(|tx| tx.text("t").push("!")).delta();
    /// bob.apply_from(1, &second)?; // It waits.
    /// bob.forget_source(1);
    /// bob.apply_from(2, &first)?;
    /// assert_eq!(bob.text("t").to_string(), "Hello");
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn forget_source(&mut self, source: u64) {
        self.pending.retain(|entry| entry.0 != source);
    }

    pub(crate) fn pending_of(&mut self, source: u64) -> &mut Pending {
        let at = self.pending.iter().position(|entry| entry.0 == source).unwrap_or_else(|| {
            self.pending.push((source, Pending::default()));
            self.pending.len() - 1
        });
        &mut self.pending[at].1
    }

    /// Applies what waited for changes that are here now.
    pub(crate) fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        let mut progress = true;
        while std::mem::take(&mut progress) {
            pending.retain_mut(|(_, pending)| {
                progress |= pending.pass(self);
                !pending.is_empty()
            });
        }
        self.pending = pending;
    }

    /// Exactly what somebody at `version` lacks.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// ada.transact(|tx| tx.counter("clicks").add(2));
    /// bob.apply(&ada.delta_since(bob.version())?)?;
    /// ada.transact(|tx| tx.counter("clicks").add(3));
    /// let lacking = ada.delta_since(bob.version())?;
    /// assert_eq!(lacking.operations(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the history since then is not kept any more. [`snapshot`](Self::snapshot) helps then.
    pub fn delta_since(&self, version: &VersionVector) -> Result<Delta, HistoryGone> {
        self.delta_between(version, &self.version)
    }

    /// Keeps about `bytes` of memory of history, 64 MiB unless set; the oldest goes first. The
    /// values are not touched: those whose version is older get the state.
    ///
    /// ```
    /// use conjoin_core::{Doc, HistoryGone, ReplicaId, VersionVector};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.set_history_limit(0);
    /// doc.transact(|tx| tx.counter("clicks").increment());
    /// doc.transact(|tx| tx.counter("clicks").increment());
    /// assert_eq!(doc.delta_since(&VersionVector::new()), Err(HistoryGone));
    /// assert_eq!(doc.counter("clicks"), 2);
    /// ```
    pub fn set_history_limit(&mut self, bytes: usize) {
        self.log.set_limit(bytes);
        self.log.trim(self.numbers.next());
    }

    /// Takes in no more from others once the state takes about `bytes` of memory, 256 MiB unless
    /// set. A snapshot that is not larger itself may bring it to twice that, and then nothing more
    /// is taken. Own edits are never refused, but those who are at their limit will not take them.
    ///
    /// ```
    /// use conjoin_core::{ApplyError, Doc, ReplicaId};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// bob.set_state_limit(1000);
    /// let large = ada.transact(|tx| tx.text("t").push(&"x".repeat(10_000))).delta();
    /// assert_eq!(bob.apply(&large).map(|_| ()), Err(ApplyError::TooLarge));
    /// ```
    pub const fn set_state_limit(&mut self, bytes: usize) {
        self.state_limit = bytes;
    }

    /// What [`set_state_limit`](Self::set_state_limit) allows.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert_eq!(doc.state_limit(), 256 << 20);
    /// doc.set_state_limit(1 << 20);
    /// assert_eq!(doc.state_limit(), 1 << 20);
    /// ```
    pub const fn state_limit(&self) -> usize {
        self.state_limit
    }

    /// About how many bytes of memory the state takes: the values, their names, and who has
    /// edited. Names and keys stay even when nothing is left under them, and history is apart.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let before = doc.state_size();
    /// doc.transact(|tx| tx.text("t").push(&"x".repeat(1000)));
    /// assert!(doc.state_size() >= before + 1000);
    /// ```
    pub fn state_size(&self) -> usize {
        self.state.size + self.version.len() * size::REPLICA
    }

    /// How many bytes more the state may take, after so many.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn room(&self, more: usize) -> Result<usize, ApplyError> {
        self.state_limit.checked_sub(self.state_size().saturating_add(more)).ok_or(ApplyError::TooLarge)
    }
}
