//! A session with one peer over one link: who has seen what, and bringing each other up to date.
//!
//! After both said Hello, each side keeps three versions of the other: `acked`, what it certainly
//! has; `known`, that and what is on its way over the reliable channel; and `due`, what it should
//! have. What lies between `known` and `due` is sent: if it fits one packet, over the live
//! channel, again and again until it is acknowledged; otherwise once, over the bulk channel.
//!
//! Lost and dropped messages need no bookkeeping: heartbeats carry a digest of what was seen, and
//! where digests differ in a quiet moment, the versions are exchanged.

use std::collections::BTreeSet;
use std::time::Duration;

use conjoin_core::{ApplyError, Changed, DecodeError, Delta, Doc, ReplicaId, VersionVector};

use crate::MAX_MESSAGE;
use crate::early::Early;
use crate::io::{Channel, Direction, Stats};
use crate::message::{Message, Numbers, Seen};
use crate::pulse::Pulse;
use crate::stream::{Inbox, Outbox, Step};

mod compacted;

/// The largest live message: with the headers around it, it fits one packet on any path.
const LIVE_LIMIT: usize = 1000;

/// The largest Hello: with as many replicas as there may be.
const MAX_HELLO: usize = 4 << 20;

/// Changes of more bytes than this are not even tried on the live channel.
const LIVE_BYTES: usize = 64 * 1024;

/// About so many bytes of changes go into one bulk message.
const BULK_PART: usize = 256 * 1024;

/// Live frames with something new that go out before one was acknowledged; further edits wait
/// and go together.
const IN_FLIGHT: u32 = 4;

/// So often a live frame is sent again before its content goes by bulk.
const RESENDS: u32 = 4;

/// An acknowledgement waits this long for a delta to travel with, unless a second is waiting.
const ACK_DELAY: Duration = Duration::from_millis(5);

/// Between two exchanges of versions with one peer.
const CLOCK_PAUSE: Duration = Duration::from_secs(1);

/// Between two answers to requests of one peer, which are cheaper to make than to answer.
const ANSWER_PAUSE: Duration = Duration::from_millis(100);

/// A peer that goes on asking for so long does not get what it lacks from the authors it is connected
/// to: then it gets all of it from us.
const AUTHOR_PATIENCE: Duration = Duration::from_secs(5);

/// Without data for this long, differing digests mean that something is missing.
const QUIET: Duration = Duration::from_millis(300);

/// What a session is told with each call, and where it puts what it wants done.
pub(crate) struct Context<'a> {
    pub(crate) now: Duration,
    pub(crate) doc: &'a mut Doc,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) stats: &'a mut Stats,
    /// Whether somebody wants to be told of each message.
    pub(crate) log: bool,
    /// What the document knows this session as.
    pub(crate) source: u64,
}

impl Context<'_> {
    fn note(&mut self, direction: Direction, channel: Channel, message: &Message, bytes: usize) {
        if matches!(message, Message::DeltaResponse { .. } | Message::FullState(_)) {
            match direction {
                Direction::Sent => self.stats.deltas_sent += 1,
                Direction::Received => self.stats.deltas_received += 1,
            }
        }
        if self.log {
            let (message, detail) = (message.name(), message.detail());
            self.effects.push(Effect::Wire { direction, channel, message, detail, bytes });
        }
    }
}

/// What a session wants done.
pub(crate) enum Effect {
    Send(Channel, Vec<u8>),
    AwaitWritable,
    Changed(Changed),
    /// Something about the peer that the user should see.
    Problem(String),
    Wire {
        direction: Direction,
        channel: Channel,
        message: &'static str,
        detail: String,
        bytes: usize,
    },
}

/// What a frame brought that concerns more than this session.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Nothing,
    /// Both have said Hello.
    Ready,
    /// What the list of peers shows of this one changed.
    News,
    /// These operations are new here.
    Fresh(VersionVector),
    /// The peer leaves.
    Goodbye,
}

/// Why a session cannot go on.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("it sent invalid data ({0})")]
    Decode(#[from] DecodeError),
    #[error("it sent {0}")]
    Frame(&'static str),
    #[error("it sent an impossible edit ({0})")]
    Apply(ApplyError),
    #[error("it sent an impossible edit (the state would take more than {0} bytes)")]
    TooLarge(usize),
    #[error("it speaks version {0} of the protocol, and this program version {ours}; update the older one", ours = crate::message::PROTOCOL)]
    Protocol(u8),
    #[error("it edits as the same replica as this program")]
    SameReplica,
    #[error("it claims to be the replica of {0}")]
    TakenReplica(String),
    #[error("it keeps sending edits without what they are built on")]
    NeverComplete,
    #[error(
        "it has compacted history that is not known here, and there are edits here that it cannot take any more. They are kept here: export them, and join with a new document"
    )]
    Compacted,
}

impl Violation {
    /// Of sending what a document refuses.
    fn refused(error: ApplyError, doc: &Doc) -> Self {
        match error {
            ApplyError::TooLarge => Self::TooLarge(doc.state_limit()),
            error => Self::Apply(error),
        }
    }
}

/// Who the peer says it is.
#[derive(Debug)]
struct Other {
    replica: ReplicaId,
    name: Option<String>,
    /// The replicas it is connected to directly.
    neighbors: BTreeSet<ReplicaId>,
}

#[derive(Debug)]
pub(crate) struct Sync {
    numbers: Numbers,
    known_replicas: Vec<ReplicaId>,
    outbox: Outbox,
    inbox: Inbox,
    live_open: bool,
    said_hello: bool,
    other: Option<Other>,
    pub(crate) pulse: Pulse,

    acked: VersionVector,
    known: VersionVector,
    due: VersionVector,
    promised: VersionVector,

    /// How far live frames have told, acknowledged or not.
    told: VersionVector,
    in_flight: u32,
    resend_at: Option<Duration>,
    resends: u32,
    /// A delta of several bulk messages is on its way.
    streaming: bool,
    /// How many bulk messages were sent, how many of them up to the last with changes, and how many
    /// came.
    bulk_sent: u64,
    bulk_changes: u64,
    bulk_received: u64,

    /// What is to be acknowledged, and when at the latest.
    ack: VersionVector,
    ack_at: Option<Duration>,

    /// Changes of the peer that wait for others.
    early: Early,
    /// The peer asked for what it lacks and was not answered yet; since when it does so.
    asked: bool,
    asked_since: Duration,
    /// Neighbors the peer was not told of yet: more, fewer.
    untold: [BTreeSet<ReplicaId>; 2],
    /// The peer was told why its edits are not taken in; it refused some, and got all that is here.
    refused: bool,
    gave_all: bool,

    last_data: Duration,
    clock_after: Duration,
    request_after: Duration,
    /// When requests of the peer are answered again: for changes, for the version.
    delta_after: Duration,
    version_after: Duration,
}

impl Sync {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            numbers: Numbers::default(),
            known_replicas: Vec::new(),
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            live_open: false,
            said_hello: false,
            other: None,
            pulse: Pulse::new(now),
            acked: VersionVector::new(),
            known: VersionVector::new(),
            due: VersionVector::new(),
            promised: VersionVector::new(),
            told: VersionVector::new(),
            in_flight: 0,
            resend_at: None,
            resends: 0,
            streaming: false,
            bulk_sent: 0,
            bulk_changes: 0,
            bulk_received: 0,
            ack: VersionVector::new(),
            ack_at: None,
            early: Early::default(),
            asked: false,
            asked_since: now,
            untold: [BTreeSet::new(), BTreeSet::new()],
            refused: false,
            gave_all: false,
            last_data: now,
            clock_after: now,
            request_after: now,
            delta_after: now,
            version_after: now,
        }
    }

    /// Whether both have said Hello.
    pub(crate) fn is_ready(&self) -> bool {
        self.said_hello && self.other.is_some()
    }

    pub(crate) fn replica(&self) -> Option<ReplicaId> {
        self.other.as_ref().map(|other| other.replica)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.other.as_ref()?.name.as_deref()
    }

    /// What the peer is known to have applied.
    pub(crate) const fn acked(&self) -> &VersionVector {
        &self.acked
    }

    /// What the peer said in its Hello to have, of what was missing here then.
    pub(crate) const fn promised(&self) -> &VersionVector {
        &self.promised
    }

    /// A channel opened. The bulk channel starts with Hello.
    pub(crate) fn opened(&mut self, cx: &mut Context<'_>, channel: Channel, name: Option<&str>) {
        match channel {
            Channel::Live => self.live_open = true,
            Channel::Bulk if !self.said_hello => {
                self.said_hello = true;
                let version = cx.doc.version().clone();
                let name = name.map(ToOwned::to_owned);
                self.send(cx, Channel::Bulk, &Message::Hello { replica: cx.doc.replica(), name, version });
            }
            Channel::Bulk => {}
        }
        if self.is_ready() {
            self.flush(cx);
        }
    }

    /// Bytes that wait for the bulk channel to take them.
    pub(crate) const fn queued(&self) -> usize {
        self.outbox.queued()
    }

    pub(crate) fn writable(&mut self, cx: &mut Context<'_>) {
        self.outbox.writable();
        self.drain(cx);
        self.tell_neighbors(cx);
        self.flush(cx);
    }

    /// Takes a frame from the peer.
    pub(crate) fn frame(
        &mut self,
        cx: &mut Context<'_>,
        channel: Channel,
        data: Vec<u8>,
    ) -> Result<Heard, Violation> {
        self.pulse.heard(cx.now);
        let message = match channel {
            Channel::Live => data,
            Channel::Bulk => {
                let bytes = data.len();
                let most = if self.other.is_some() { MAX_MESSAGE } else { MAX_HELLO };
                match self.inbox.take(data, most).map_err(Violation::Frame)? {
                    Some(message) => {
                        self.bulk_received += 1;
                        message
                    }
                    None => {
                        self.early.receiving(cx.now, bytes);
                        return Ok(Heard::Nothing);
                    }
                }
            }
        };
        // The first live frames may overtake the Hello, which numbers the replicas they name.
        if channel == Channel::Live && self.other.is_none() {
            return Ok(Heard::Nothing);
        }
        let bytes = message.len();
        let message = match Message::decode(&message, &mut self.known_replicas) {
            Ok(message) => message,
            // It overtook the Define it needs: as good as lost, and sent again like a lost one.
            Err(DecodeError::UnknownReplica) if channel == Channel::Live => return Ok(Heard::Nothing),
            Err(DecodeError::NewerVersion) => {
                return Err(Violation::Protocol(Message::protocol(&message).unwrap_or_default()));
            }
            Err(error) => return Err(error.into()),
        };
        cx.note(Direction::Received, channel, &message, bytes);
        self.message(cx, message)
    }

    #[inline(never)]
    fn message(&mut self, cx: &mut Context<'_>, message: Message) -> Result<Heard, Violation> {
        if self.other.is_none() && !matches!(message, Message::Hello { .. } | Message::Goodbye) {
            return Err(Violation::Frame("something before its Hello"));
        }
        match message {
            Message::Hello { replica, name, version } => {
                if replica == cx.doc.replica() {
                    return Err(Violation::SameReplica);
                }
                if self.other.is_some() {
                    return Err(Violation::Frame("a second Hello"));
                }
                self.other = Some(Other { replica, name, neighbors: BTreeSet::new() });
                self.has(cx, &version)?;
                self.known = self.acked.clone();
                self.due = cx.doc.version().clone();
                let own = cx.doc.version();
                self.promised = version.iter().filter(|&(of, count)| count > own.get(of)).collect();
                if self.is_ready() {
                    self.flush(cx);
                }
                Ok(Heard::Ready)
            }
            Message::Define(_) => Ok(Heard::Nothing),
            Message::DeltaResponse { delta, ack, .. } => {
                if !ack.is_empty() {
                    self.acknowledged(cx, &ack)?;
                }
                self.delta(cx, &delta)
            }
            Message::FullState(snapshot) => {
                let before = cx.doc.version().clone();
                let changed = match cx.doc.merge_snapshot(&snapshot) {
                    Ok(applied) => applied.changed(),
                    Err(ApplyError::Compacted) => return Err(Violation::Compacted),
                    Err(error) => return Err(Violation::refused(error, cx.doc)),
                };
                self.refused = false;
                self.last_data = cx.now;
                cx.effects.push(Effect::Changed(changed));
                let version = cx.doc.version().clone();
                let fresh = version.iter().filter(|&(replica, count)| count > before.get(replica)).collect();
                let ours = self.seen(cx);
                self.send(cx, Channel::Bulk, &Message::ClockResponse(ours));
                Ok(Heard::Fresh(fresh))
            }
            Message::DeltaRequest(seen) => {
                self.has(cx, &seen.version)?;
                self.forget_lost(&seen);
                self.asked = true;
                self.serve(cx);
                Ok(Heard::News)
            }
            Message::ClockRequest(seen) => {
                if cx.now >= self.version_after {
                    self.version_after = cx.now + ANSWER_PAUSE;
                    let ours = Message::ClockResponse(self.seen(cx));
                    self.send_small(cx, &ours);
                }
                self.clock(cx, &seen)?;
                Ok(Heard::News)
            }
            Message::ClockResponse(seen) => {
                self.clock(cx, &seen)?;
                Ok(Heard::News)
            }
            Message::Heartbeat { token, digest } => {
                self.send(cx, Channel::Live, &Message::Echo { token });
                Ok(self.compare(cx, digest))
            }
            Message::Echo { token } => {
                Ok(if self.pulse.echoed(token, cx.now) { Heard::News } else { Heard::Nothing })
            }
            Message::Ack(version) => {
                self.acknowledged(cx, &version)?;
                Ok(Heard::News)
            }
            Message::Goodbye => Ok(Heard::Goodbye),
            Message::Compacted(version) => self.was_refused(cx, &version),
            Message::Neighbors { more, fewer } => {
                if let Some(other) = &mut self.other {
                    other.neighbors.extend(more);
                    for replica in fewer {
                        other.neighbors.remove(&replica);
                    }
                }
                Ok(Heard::Nothing)
            }
        }
    }

    /// Gives the peer what it asked for, if it was not just given.
    fn serve(&mut self, cx: &mut Context<'_>) {
        if self.asked && cx.now >= self.delta_after {
            if cx.now > self.delta_after + AUTHOR_PATIENCE {
                self.asked_since = cx.now;
            }
            self.asked = false;
            self.delta_after = cx.now + ANSWER_PAUSE;
            let authors_fail = cx.now >= self.asked_since + AUTHOR_PATIENCE;
            self.due = if authors_fail { cx.doc.version().clone() } else { self.ours_to_tell(cx) };
            // What went by the live channel did not reach it.
            self.told = VersionVector::new();
            self.flush(cx);
        }
    }

    fn acknowledged(&mut self, cx: &mut Context<'_>, version: &VersionVector) -> Result<(), Violation> {
        self.has(cx, version)?;
        self.resends = 0;
        if self.acked.covers(&self.told) {
            self.in_flight = 0;
            self.resend_at = None;
        } else {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        self.flush(cx);
        Ok(())
    }

    #[inline(never)]
    fn delta(&mut self, cx: &mut Context<'_>, delta: &Delta) -> Result<Heard, Violation> {
        let end = delta.end();
        let before = cx.doc.version().clone();
        let applied = cx.doc.apply_from(cx.source, delta).map(|applied| applied.missing);
        // Of what is refused, what came before may have been applied.
        let changed = cx.doc.last_changed();
        self.last_data = cx.now;
        self.pulse.settle(cx.now);
        // It may be more than the delta brought: what waited for it is applied too.
        let after = cx.doc.version();
        let fresh: VersionVector =
            after.iter().filter(|&(replica, count)| count > before.get(replica)).collect();
        let mut seen: VersionVector = end.iter().map(|(replica, _)| (replica, after.get(replica))).collect();
        seen.join(&fresh);
        // The version is something to be told too: an edit may change no value.
        if !fresh.is_empty() || !changed.is_empty() {
            cx.effects.push(Effect::Changed(changed));
        }
        let missing = match applied {
            Ok(missing) => missing,
            Err(ApplyError::Compacted) => {
                self.refuse(cx);
                return Ok(Heard::Fresh(fresh));
            }
            Err(error) => return Err(Violation::refused(error, cx.doc)),
        };
        if !self.early.received(cx.now, missing, !fresh.is_empty()) {
            return Err(Violation::NeverComplete);
        }
        // It has what it sends.
        self.has(cx, &end)?;
        self.acknowledge(cx, &seen, &fresh);
        if missing && cx.now >= self.request_after {
            self.request(cx);
        }
        Ok(Heard::Fresh(fresh))
    }

    /// Asks for what early changes are built on: by either channel in turn, as one may be stuck
    /// and the other lossy.
    fn request(&mut self, cx: &mut Context<'_>) {
        self.request_after = cx.now + self.pulse.patience();
        let channel = if self.early.asked().is_multiple_of(2) { Channel::Bulk } else { Channel::Live };
        self.send(cx, channel, &Message::DeltaRequest(self.seen(cx)));
    }

    /// Acknowledges with the next delta or soon; at once if the peer is waiting for it already.
    fn acknowledge(&mut self, cx: &mut Context<'_>, seen: &VersionVector, fresh: &VersionVector) {
        self.ack.join(seen);
        if fresh.is_empty() || self.ack_at.is_some() {
            self.send_ack(cx);
        } else {
            self.ack_at = Some(cx.now + ACK_DELAY);
        }
    }

    fn send_ack(&mut self, cx: &mut Context<'_>) {
        self.ack_at = None;
        let ack = Message::Ack(std::mem::take(&mut self.ack));
        self.send(cx, Channel::Live, &ack);
    }

    /// The peer has seen all of `version`, as far as there is such a thing.
    fn has(&mut self, cx: &Context<'_>, version: &VersionVector) -> Result<(), Violation> {
        let own = cx.doc.replica();
        if version.get(own) > cx.doc.version().get(own) {
            return Err(Violation::Apply(ApplyError::ForgedReplica));
        }
        for (replica, count) in version.iter() {
            self.acked.advance(replica, count.min(cx.doc.version().get(replica)));
        }
        self.known.join(&self.acked);
        Ok(())
    }

    fn seen(&self, cx: &Context<'_>) -> Seen {
        Seen { version: cx.doc.version().clone(), received: self.bulk_received }
    }

    /// The peer told all it has seen: what it lacks is due, unless it gets that from its author.
    fn clock(&mut self, cx: &mut Context<'_>, seen: &Seen) -> Result<(), Violation> {
        self.has(cx, &seen.version)?;
        self.forget_lost(seen);
        self.due = self.ours_to_tell(cx);
        self.flush(cx);
        Ok(())
    }

    /// If nothing is on its way by the bulk channel, what the peer lacks of what was sent by it was
    /// lost there: it had no place for it.
    fn forget_lost(&mut self, seen: &Seen) {
        if seen.received >= self.bulk_changes {
            self.known = self.acked.clone();
        }
    }

    /// Whether the peer gets operations of this replica from us: not its own, and not those of
    /// others to whom it is connected.
    fn is_ours_to_tell(&self, replica: ReplicaId) -> bool {
        let other = self.other.as_ref();
        other.is_some_and(|other| replica != other.replica && !other.neighbors.contains(&replica))
    }

    fn ours_to_tell(&self, cx: &Context<'_>) -> VersionVector {
        cx.doc.version().iter().filter(|&(replica, _)| self.is_ours_to_tell(replica)).collect()
    }

    /// Holds the peer's digest against ours.
    fn compare(&mut self, cx: &mut Context<'_>, digest: u32) -> Heard {
        if digest == cx.doc.version().digest() {
            let news = self.acked != *cx.doc.version();
            self.acked = cx.doc.version().clone();
            self.known = self.acked.clone();
            return if news { Heard::News } else { Heard::Nothing };
        }
        let quiet = self.resend_at.is_none() && self.outbox.is_empty() && cx.now >= self.last_data + QUIET;
        if quiet && cx.now >= self.clock_after {
            self.clock_after = cx.now + CLOCK_PAUSE;
            if self.early.is_waiting() {
                self.request(cx);
            }
            let request = Message::ClockRequest(self.seen(cx));
            self.send_small(cx, &request);
        }
        Heard::Nothing
    }

    /// Takes note of operations new here that the peer should get, unless it gets them from their
    /// author directly.
    pub(crate) fn offer(&mut self, now: Duration, fresh: &VersionVector) {
        if self.other.is_none() {
            return;
        }
        self.pulse.settle(now);
        for (replica, count) in fresh.iter() {
            if self.is_ours_to_tell(replica) {
                self.due.advance(replica, count);
            }
        }
    }

    /// Tells the peer whom we are connected to directly.
    pub(crate) fn neighbors(&mut self, cx: &mut Context<'_>, more: Vec<ReplicaId>, fewer: Vec<ReplicaId>) {
        if self.is_ready() {
            for (news, sign) in [(more, 0), (fewer, 1)] {
                for replica in news {
                    // What came and went in the meantime need not be told.
                    if !self.untold[1 - sign].remove(&replica) {
                        self.untold[sign].insert(replica);
                    }
                }
            }
            self.tell_neighbors(cx);
        }
    }

    fn tell_neighbors(&mut self, cx: &mut Context<'_>) {
        if self.outbox.is_empty() && self.untold.iter().any(|replicas| !replicas.is_empty()) {
            let [more, fewer] = std::mem::take(&mut self.untold).map(|set| set.into_iter().collect());
            self.send(cx, Channel::Bulk, &Message::Neighbors { more, fewer });
        }
    }

    /// Sends what is due and not known to be there.
    #[inline(never)]
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) {
        // While the bulk channel is busy, edits gather and go together.
        while self.is_ready() && self.outbox.is_empty() {
            self.due = self.due.iter().filter(|&(replica, count)| count > self.known.get(replica)).collect();
            if self.due.is_empty() {
                self.resend_at = None;
                return;
            }
            let Ok(delta) = cx.doc.delta_between(&self.known, &self.due) else {
                self.send_state(cx);
                continue;
            };
            if delta.is_empty() {
                return;
            }
            if self.flush_live(cx, &delta) {
                return;
            }
            self.flush_bulk(cx, delta);
        }
    }

    /// Sends the delta over the live channel now or later, if that is the way for it.
    fn flush_live(&mut self, cx: &mut Context<'_>, delta: &Delta) -> bool {
        if !self.live_open || self.resends >= RESENDS || delta.size() > LIVE_BYTES {
            return false;
        }
        let again = self.resend_at.is_some_and(|at| cx.now >= at);
        let new = !self.told.covers(&self.due) && self.in_flight < IN_FLIGHT;
        if !again && !new && self.resend_at.is_some() {
            return true;
        }
        let message = Message::DeltaResponse { delta: delta.clone(), has_more: false, ack: self.ack.clone() };
        let bytes = message.encode(&mut self.numbers);
        if bytes.len() > LIVE_LIMIT {
            return false;
        }
        self.ack = VersionVector::new();
        self.ack_at = None;
        self.send_encoded(cx, Channel::Live, &message, bytes);
        if new {
            self.in_flight += 1;
        } else {
            self.resends += 1;
        }
        self.told.join(&self.due);
        self.resend_at = Some(cx.now + ACK_DELAY + self.pulse.patience() * (1 << self.resends.min(3)));
        true
    }

    /// Sends the first part of the delta over the bulk channel, or the state if that is shorter.
    fn flush_bulk(&mut self, cx: &mut Context<'_>, delta: Delta) {
        let mut parts = delta.split(BULK_PART);
        let has_more = parts.len() > 1;
        let starts = has_more && !std::mem::replace(&mut self.streaming, has_more);
        if starts && Self::may_send_state(cx.doc) {
            let whole: usize = parts.iter().map(|part| part.to_bytes().len()).sum();
            if cx.doc.snapshot().len() < whole {
                return self.send_state(cx);
            }
        }
        let delta = parts.swap_remove(0);
        self.known.join(&delta.end());
        self.told = VersionVector::new();
        self.in_flight = 0;
        self.resends = 0;
        self.resend_at = None;
        let ack = VersionVector::new();
        self.send(cx, Channel::Bulk, &Message::DeltaResponse { delta, has_more, ack });
        self.bulk_changes = self.bulk_sent;
    }

    fn send_state(&mut self, cx: &mut Context<'_>) {
        self.known = cx.doc.version().clone();
        let snapshot = cx.doc.snapshot();
        self.send(cx, Channel::Bulk, &Message::FullState(snapshot));
        self.bulk_changes = self.bulk_sent;
    }

    /// Leaves without a time-out on the other side.
    pub(crate) fn goodbye(&mut self, cx: &mut Context<'_>) {
        if self.said_hello {
            // By both channels: one of them may be congested or lossy.
            self.send(cx, Channel::Live, &Message::Goodbye);
            self.send(cx, Channel::Bulk, &Message::Goodbye);
        }
    }

    /// When [`timeout`](Self::timeout) has something to do.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let beat = self.is_ready().then(|| self.pulse.next());
        let resend = self.resend_at.filter(|_| self.outbox.is_empty());
        let serve = self.asked.then_some(self.delta_after);
        beat.into_iter().chain(resend).chain(self.ack_at).chain(serve).min()
    }

    pub(crate) fn timeout(&mut self, cx: &mut Context<'_>) {
        if self.is_ready() && cx.now >= self.pulse.next() {
            let token = self.pulse.beat(cx.now);
            let digest = cx.doc.version().digest();
            self.send(cx, Channel::Live, &Message::Heartbeat { token, digest });
        }
        if self.resend_at.is_some_and(|at| cx.now >= at) {
            self.flush(cx);
        }
        self.serve(cx);
        if self.ack_at.is_some_and(|at| cx.now >= at) {
            self.send_ack(cx);
        }
    }

    /// A message that is worth a packet, or else goes by bulk.
    fn send_small(&mut self, cx: &mut Context<'_>, message: &Message) {
        let bytes = message.encode(&mut self.numbers);
        let channel = if bytes.len() > LIVE_LIMIT { Channel::Bulk } else { Channel::Live };
        self.send_encoded(cx, channel, message, bytes);
    }

    fn send(&mut self, cx: &mut Context<'_>, channel: Channel, message: &Message) {
        let bytes = message.encode(&mut self.numbers);
        self.send_encoded(cx, channel, message, bytes);
    }

    fn send_encoded(&mut self, cx: &mut Context<'_>, channel: Channel, message: &Message, bytes: Vec<u8>) {
        if let Some(define) = self.numbers.take_fresh() {
            let bytes = define.encode(&mut self.numbers);
            self.put(cx, Channel::Bulk, &define, bytes);
        }
        let channel = if self.live_open { channel } else { Channel::Bulk };
        self.put(cx, channel, message, bytes);
    }

    fn put(&mut self, cx: &mut Context<'_>, channel: Channel, message: &Message, bytes: Vec<u8>) {
        let live = channel == Channel::Live && bytes.len() <= LIVE_LIMIT;
        // A peer that asks and asks but takes no answers must not make them pile up.
        if !live && message.may_be_lost() && !self.outbox.is_empty() {
            return;
        }
        cx.note(Direction::Sent, channel, message, bytes.len());
        if live {
            cx.effects.push(Effect::Send(channel, bytes));
        } else {
            self.bulk_sent += 1;
            self.outbox.push(bytes);
            self.drain(cx);
        }
    }

    fn drain(&mut self, cx: &mut Context<'_>) {
        while let Some(step) = self.outbox.next() {
            cx.effects.push(match step {
                Step::Send(frame) => Effect::Send(Channel::Bulk, frame),
                Step::AwaitWritable => Effect::AwaitWritable,
            });
        }
    }
}
