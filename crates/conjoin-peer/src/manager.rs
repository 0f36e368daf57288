//! The machine itself: inputs are sorted to signaling, links and sessions.
//!
//! The larger steps are `#[inline(never)]`, here and in the modules that serve this one: else all
//! become one function of 40 KB in wasm, which browsers optimise so late that the slowest of 200
//! edits took half as long again (p99 against y-webrtc in one run: 0.61 and 0.69 with, 0.87 and
//! 1.07 without).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use conjoin_core::{Doc, VersionVector};

use crate::backoff::Random;
use crate::io::{Channel, Event, Input, LinkId, LinkState, Output, PeerInfo, Session, Stats, Status, Wire};
use crate::pace::Pace;
use crate::peer::Peer;
use crate::signaling::{PROBE, Signaling};
use crate::sync::{Context, Effect, Heard, Sync, Violation};

/// When inputs come this much later than the deadline, nothing ran here in the meantime: the
/// machine slept, or the page was paused.
const SLEPT: Duration = Duration::from_secs(3);

/// A peer that broke the protocol is left alone for this long.
const BLOCK: Duration = Duration::from_secs(60);

/// One peer's side of a room: finds the others, keeps links to them, keeps the document in step.
///
/// See the [crate] for how to drive it.
#[derive(Debug)]
pub struct Manager {
    pub(crate) peer_id: String,
    pub(crate) session: Option<Session>,
    pub(crate) random: Random,
    pub(crate) now: Duration,
    pub(crate) signaling: Signaling,
    pub(crate) peers: BTreeMap<String, Peer>,
    pub(crate) links: BTreeMap<LinkId, String>,
    pub(crate) next_link: u64,
    /// The attempts that links closed lately belonged to.
    pub(crate) closed: Vec<String>,
    /// How often others offer new links, all together.
    pub(crate) offers: Pace,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) peers_changed: bool,
    pub(crate) stats: Stats,
    expected: Option<Duration>,
    log: bool,
}

impl Manager {
    /// A manager that is in no room. `peer_id` is what the signaling server will call this peer,
    /// fresh for each session; `seed` should come from good randomness.
    pub fn new(peer_id: String, seed: u64) -> Self {
        Self {
            peer_id,
            session: None,
            random: Random::new(seed),
            now: Duration::ZERO,
            signaling: Signaling::default(),
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 0,
            closed: Vec::new(),
            offers: Pace::default(),
            outputs: VecDeque::new(),
            peers_changed: false,
            stats: Stats::default(),
            expected: None,
            log: true,
        }
    }

    /// Whether each message on the wire is told by [`Event::Wire`], as it is unless this is called.
    /// Without it, busy rooms cost less.
    pub const fn log_messages(&mut self, log: bool) {
        self.log = log;
    }

    /// Takes in what happened at `now`, a time since any fixed start that never goes back.
    ///
    /// `doc` is always the same document; peers' edits are applied to it here.
    pub fn handle(&mut self, now: Duration, doc: &mut Doc, input: Input) {
        self.now = self.now.max(now);
        if self.expected.is_some_and(|at| self.now > at + SLEPT) {
            self.woke();
        }
        match input {
            Input::Connect(session) => self.connect(doc, session),
            Input::Disconnect => self.disconnect(doc),
            Input::Edited => {
                let own = [(doc.replica(), doc.version().get(doc.replica()))].into_iter().collect();
                self.spread(doc, &own, None);
            }
            Input::NetworkChanged => {
                self.woke();
                self.check_signaling();
            }
            Input::SignalingOpened => self.signaling_opened(),
            Input::SignalingClosed { reason } => self.signaling_closed(reason),
            Input::SignalingMessage(text) => self.signaling_message(doc, &text),
            Input::Described { link, description } => self.described(link, description),
            Input::Candidate { link, candidate } => self.candidate(link, candidate),
            Input::Link { link, state } => self.link_changed(doc, link, state),
            Input::LinkFailed { link, error } => self.link_failed(doc, link, &error),
            Input::ChannelOpened { link, channel } => {
                let name = self.session.as_ref().and_then(|session| session.name.clone());
                self.with_sync(doc, link, |sync, cx| sync.opened(cx, channel, name.as_deref()));
                self.check_ready(doc, link);
            }
            Input::ChannelClosed { link, .. } => self.link_failed(doc, link, "the channel was closed"),
            Input::Frame { link, channel, data } => self.frame(doc, link, channel, data),
            Input::Writable { link } => {
                self.with_sync(doc, link, |sync, cx| sync.writable(cx));
            }
            Input::Timeout => {}
        }
        // Any input may come late enough that something is due.
        self.run_timers(doc);
        if std::mem::take(&mut self.peers_changed) {
            self.event(Event::Peers);
        }
        self.expected = self.deadline();
    }

    /// What the driver must do next, until there is nothing more.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`], if nothing else happens before.
    pub fn deadline(&self) -> Option<Duration> {
        let joined = self.signaling.is_joined();
        let peers = self.peers.values().flat_map(|peer| peer.due(joined)).map(|(at, _)| at);
        peers.chain(self.signaling.deadline()).min()
    }

    /// What the signaling server calls this peer.
    pub fn peer_id(&self) -> &str {
        &self.peer_id
    }

    /// Where this peer stands with the signaling server.
    pub const fn status(&self) -> &Status {
        self.signaling.status()
    }

    /// The others in the room, by id.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.peers.iter().map(|(id, peer)| peer.info(id)).collect()
    }

    /// Counts since the manager was made.
    pub fn stats(&self) -> Stats {
        let rtts = self.peers.values().filter_map(|peer| peer.link.as_ref()?.sync.pulse.rtt());
        let (sum, count) = rtts.fold((Duration::ZERO, 0), |(sum, count), rtt| (sum + rtt, count + 1));
        Stats { rtt: (count > 0).then(|| sum / count.max(1)), ..self.stats }
    }

    /// For each peer with a link, the bytes that wait here until its bulk channel takes them.
    /// However little a peer takes and however much it asks, that is little more than one message.
    pub fn queued_bytes(&self) -> BTreeMap<&str, usize> {
        let links = self.peers.iter().filter_map(|(id, peer)| Some((id, peer.link.as_ref()?)));
        links.map(|(id, link)| (id.as_str(), link.sync.queued())).collect()
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    #[inline(never)]
    fn connect(&mut self, doc: &mut Doc, session: Session) {
        if self.session.as_ref() == Some(&session) && !matches!(self.status(), Status::Refused { .. }) {
            return self.check_signaling();
        }
        if self.session.is_some() {
            self.disconnect(doc);
        }
        self.session = Some(session);
        self.open_signaling();
    }

    #[inline(never)]
    fn disconnect(&mut self, doc: &mut Doc) {
        let links: Vec<_> = self.links.keys().copied().collect();
        for link in &links {
            self.with_sync(doc, *link, |sync, cx| sync.goodbye(cx));
        }
        self.leave_signaling();
        for link in links {
            doc.forget_source(link.source());
            self.outputs.push_back(Output::CloseLink { link });
        }
        self.links.clear();
        self.peers_changed |= !self.peers.is_empty();
        self.peers.clear();
        self.session = None;
    }

    /// After sleep or a change of network: nobody's silence counts, and everybody is asked.
    fn woke(&mut self) {
        let now = self.now;
        for link in self.peers.values_mut().filter_map(|peer| peer.link.as_mut()) {
            link.sync.pulse.forgive(now);
        }
    }

    #[inline(never)]
    fn frame(&mut self, doc: &mut Doc, link: LinkId, channel: Channel, data: Vec<u8>) {
        if !self.links.contains_key(&link) {
            return;
        }
        self.stats.bytes_received += data.len() as u64;
        self.stats.frames_received += 1;
        match self.with_sync(doc, link, |sync, cx| sync.frame(cx, channel, data)) {
            None | Some(Ok(Heard::Nothing)) => {}
            Some(Ok(Heard::Ready)) => self.introduced(doc, link),
            Some(Ok(Heard::News)) => self.peers_changed = true,
            Some(Ok(Heard::Fresh(fresh))) => {
                self.peers_changed = true;
                self.spread(doc, &fresh, Some(link));
            }
            Some(Ok(Heard::Goodbye)) => {
                if let Some(id) = self.links.get(&link).cloned() {
                    self.remove_peer(doc, &id);
                }
            }
            Some(Err(violation)) => self.violated(doc, link, &violation),
        }
        self.heard_again(link);
    }

    /// A peer that was suspected of being gone was heard.
    fn heard_again(&mut self, link: LinkId) {
        let Some(id) = self.links.get(&link) else { return };
        if let Some(link) = self.peers.get_mut(id).and_then(|peer| peer.link.as_mut())
            && std::mem::take(&mut link.suspect)
        {
            self.peers_changed = true;
        }
    }

    #[inline(never)]
    pub(crate) fn violated(&mut self, doc: &mut Doc, link: LinkId, violation: &Violation) {
        let Some(id) = self.links.get(&link).cloned() else { return };
        let mut until = self.now + BLOCK;
        if let Some(peer) = self.peers.get_mut(&id) {
            let contests = matches!(violation, Violation::TakenReplica(_));
            if contests && !std::mem::replace(&mut peer.contested, true) {
                until = self.now + PROBE + Duration::from_secs(1);
            }
            peer.blocked_until = Some(until);
            // This one comes again with each try, until the other documents in the room bring the two together.
            let told = *violation == Violation::Compacted && std::mem::replace(&mut peer.parted, true);
            if !told {
                let label = peer.label(&id);
                self.event(Event::Problem(format!("disconnected from {label}: {violation}")));
            }
        }
        self.drop_link(doc, &id);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.retry_at = Some(until);
        }
    }

    /// Hands operations that are new here to those who do not get them elsewhere.
    #[inline(never)]
    pub(crate) fn spread(&mut self, doc: &mut Doc, fresh: &VersionVector, from: Option<LinkId>) {
        if fresh.is_empty() {
            return;
        }
        let links: Vec<_> = self.links.keys().copied().filter(|link| Some(*link) != from).collect();
        for link in links {
            self.with_sync(doc, link, |sync, cx| {
                sync.offer(cx.now, fresh);
                sync.flush(cx);
            });
        }
    }

    /// Calls into the session of a link, and passes on what it wants done.
    pub(crate) fn with_sync<T>(
        &mut self,
        doc: &mut Doc,
        link: LinkId,
        call: impl FnOnce(&mut Sync, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let id = self.links.get(&link)?;
        let peer = self.peers.get_mut(id)?;
        let mut effects = Vec::new();
        let (now, log, stats) = (self.now, self.log, &mut self.stats);
        let mut cx = Context { now, doc, effects: &mut effects, stats, log, source: link.source() };
        let result = call(&mut peer.link.as_mut()?.sync, &mut cx);
        for effect in effects {
            self.outputs.push_back(match effect {
                Effect::Send(channel, data) => {
                    self.stats.bytes_sent += data.len() as u64;
                    self.stats.frames_sent += 1;
                    Output::Send { link, channel, data }
                }
                Effect::AwaitWritable => Output::AwaitWritable { link },
                Effect::Changed(changed) => Output::Event(Event::Changed(changed)),
                Effect::Problem(problem) => {
                    Output::Event(Event::Problem(format!("{} {problem}", peer.label(id))))
                }
                Effect::Wire { direction, channel, message, detail, bytes } => {
                    let (peer, peer_name) = (id.clone(), peer.label(id));
                    let wire = Wire { at: now, direction, peer, peer_name, channel, message, detail, bytes };
                    Output::Event(Event::Wire(wire))
                }
            });
        }
        Some(result)
    }

    #[inline(never)]
    fn link_changed(&mut self, doc: &mut Doc, link: LinkId, state: LinkState) {
        let now = self.now;
        let Some(id) = self.links.get(&link).cloned() else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let ready = peer.is_ready();
        let Some(link) = peer.link.as_mut() else { return };
        match state {
            LinkState::Connected => {
                link.down_since = None;
                link.restart_until = None;
            }
            LinkState::Disconnected | LinkState::Failed if !ready => {
                if state == LinkState::Failed {
                    return self.connect_failed(doc, &id);
                }
            }
            LinkState::Disconnected => link.down_since = link.down_since.or(Some(now)),
            // Nothing to wait for.
            LinkState::Failed => link.down_since = Some(now.saturating_sub(Duration::from_secs(2))),
        }
        self.peers_changed = true;
    }
}
