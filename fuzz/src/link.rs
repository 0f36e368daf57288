//! A driver that does nothing but hold the manager to its contract.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conjoin_core::{Delta, Doc, ReplicaId, VersionVector, codec::Writer};
use conjoin_peer::{Channel, Event, Input, LinkId, MAX_FRAME, Manager, Output};
use conjoin_signaling::ClientMessage;

/// Own edits go to this counter.
pub(crate) const OWN: &str = "own";

/// Handed over to a bulk channel at most, before the manager waits for it to be writable.
const WINDOW: usize = 256 * 1024 + MAX_FRAME;

/// A live frame and the headers around it fit one packet.
const PACKET: usize = 1200;

/// One input brings about at most so many outputs, for each link and for what is not of a link.
const OUTPUTS: usize = 400;

/// At one moment, so many time-outs in a row may each have something to do.
const TIMEOUTS: usize = 8;

/// A manager with its document, and what it may do next.
pub(crate) struct Driver {
    pub(crate) manager: Manager,
    pub(crate) doc: Doc,
    pub(crate) now: Duration,
    pub(crate) links: BTreeMap<LinkId, Link>,
    /// The number after the highest that a link had.
    pub(crate) next_link: u64,
    /// What the last attempt to connect to a peer was called.
    pub(crate) attempts: BTreeMap<String, Option<String>>,
    /// Whether a socket to the signaling server was asked for and not closed since.
    socket: bool,
    own: i64,
}

/// A link that is open.
#[derive(Debug, Default)]
pub(crate) struct Link {
    offered: bool,
    /// Whether a remote description was set.
    described: bool,
    pub(crate) open: BTreeSet<Channel>,
    /// Bytes given to the bulk channel since it was last said to be writable.
    handed: usize,
    pub(crate) awaits: bool,
}

impl Driver {
    pub(crate) fn new(peer_id: &str) -> Self {
        Self {
            manager: Manager::new(peer_id.into(), 1),
            doc: Doc::new(ReplicaId::new(1)),
            now: Duration::ZERO,
            links: BTreeMap::new(),
            next_link: 0,
            attempts: BTreeMap::new(),
            socket: false,
            own: 0,
        }
    }

    /// Hands in an input, and whatever time demands after it.
    pub(crate) fn input(&mut self, input: Input) -> Vec<Output> {
        match &input {
            Input::SignalingClosed { .. } => self.socket = false,
            Input::ChannelOpened { link, channel } => {
                if let Some(link) = self.links.get_mut(link) {
                    link.open.insert(*channel);
                }
            }
            Input::Writable { link } => {
                if let Some(link) = self.links.get_mut(link) {
                    (link.handed, link.awaits) = (0, false);
                }
            }
            _ => {}
        }
        let mut outputs = self.handle(input);
        for nth in 0.. {
            if self.manager.deadline().is_none_or(|at| at > self.now) {
                break;
            }
            assert!(nth < TIMEOUTS, "time-outs that never end: {:?}", outputs.last());
            outputs.extend(self.handle(Input::Timeout));
        }
        outputs
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.manager.handle(self.now, &mut self.doc, input);
        let outputs: Vec<_> = std::iter::from_fn(|| self.manager.poll()).collect();
        let bound = OUTPUTS * (self.links.len() + 1);
        assert!(outputs.len() <= bound, "{} outputs at once", outputs.len());
        for output in &outputs {
            self.check(output);
        }
        outputs
    }

    fn check(&mut self, output: &Output) {
        match output {
            Output::OpenSignaling { .. } => self.socket = true,
            Output::CloseSignaling => assert!(std::mem::take(&mut self.socket), "no socket to close"),
            Output::SendSignaling(text) => {
                let message = ClientMessage::from_json(text).expect("our own messages are valid");
                if let ClientMessage::Offer(description) | ClientMessage::Answer(description) = message {
                    self.attempts.insert(description.to_peer_id, description.connection);
                }
            }
            Output::OpenLink { link, .. } => {
                assert!(link.0 >= self.next_link, "the number of {link:?} was used before");
                self.next_link = link.0 + 1;
                self.links.insert(*link, Link::default());
            }
            Output::Offer { link, ice_restart } => {
                let link = self.open(link);
                assert_eq!(link.offered, *ice_restart, "offered once, restarted after that");
                link.offered = true;
            }
            Output::Accept { link, .. } => {
                let link = self.open(link);
                assert!(!link.offered, "either offered or accepted");
                link.described = true;
            }
            Output::Complete { link, .. } => {
                let link = self.open(link);
                assert!(link.offered, "nothing to be answered");
                link.described = true;
            }
            Output::AddCandidate { link, .. } => {
                assert!(self.open(link).described, "a description comes first")
            }
            Output::CloseLink { link } => {
                self.open(link);
                self.links.remove(link);
            }
            Output::Send { link, channel, data } => {
                let link = self.open(link);
                assert!(link.open.contains(channel), "{channel:?} is not open");
                assert!(!data.is_empty() && data.len() <= MAX_FRAME, "a frame of {} bytes", data.len());
                match channel {
                    Channel::Live => assert!(data.len() <= PACKET, "a packet of {} bytes", data.len()),
                    Channel::Bulk => {
                        link.handed += data.len();
                        assert!(link.handed <= WINDOW, "{} bytes at once", link.handed);
                    }
                }
            }
            Output::AwaitWritable { link } => self.open(link).awaits = true,
            Output::Event(_) => {}
        }
    }

    fn open(&mut self, link: &LinkId) -> &mut Link {
        let link = self.links.get_mut(link);
        link.expect("nothing is asked of a link that is not open")
    }

    /// Lets time pass, with all time-outs on the way that lie further apart than a few.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..TIMEOUTS {
            let Some(at) = self.manager.deadline().filter(|at| *at <= until) else { break };
            self.now = at.max(self.now);
            self.input(Input::Timeout);
        }
        self.now = until;
        self.input(Input::Timeout);
    }

    /// An edit of our own.
    pub(crate) fn edit(&mut self, text: Option<String>) {
        self.own += 1;
        self.doc.transact(|tx| {
            tx.counter(OWN).increment();
            if let Some(text) = text {
                tx.register(OWN).set(text);
            }
        });
        self.input(Input::Edited);
    }

    /// Whatever came, what we added ourselves is there.
    pub(crate) fn own_edits_survive(&self) {
        assert_eq!(self.doc.counter_of(OWN, self.doc.replica()), self.own, "own edits survive");
    }
}

/// Whether a link was closed.
pub(crate) fn closed(outputs: &[Output], link: LinkId) -> bool {
    outputs.contains(&Output::CloseLink { link })
}

/// Whether the user was told of something wrong.
pub(crate) fn problem(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Event(Event::Problem(_))))
}

/// A peer that knows the protocol, with a document of its own.
pub(crate) struct Remote {
    pub(crate) doc: Doc,
    /// A replica that it passes changes on for.
    pub(crate) third: Doc,
    /// What the other side was given.
    told: VersionVector,
}

impl Remote {
    pub(crate) fn new(replica: u64) -> Self {
        let doc = |replica| Doc::new(ReplicaId::new(replica));
        Self { doc: doc(replica), third: doc(replica + 1000), told: VersionVector::new() }
    }

    /// Both replicas are introduced by it, with an honest version.
    pub(crate) fn hello(&self) -> Vec<u8> {
        let mut hello = vec![1, b'C', b'J', 1, 0];
        hello.extend_from_slice(&self.doc.replica().get().to_le_bytes());
        hello.bytes(b"eve");
        // A replica of which nothing was seen gets its number by Define.
        hello.varint(0);
        hello
    }

    pub(crate) fn define(&self) -> Vec<u8> {
        [&[2][..], &self.third.replica().get().to_le_bytes()].concat()
    }

    fn number(&self, replica: ReplicaId) -> u64 {
        u64::from(replica != self.doc.replica())
    }

    /// An edit by itself or by the third, as a DeltaResponse.
    pub(crate) fn edit(&mut self, third: bool, name: &str, again: bool) -> Vec<u8> {
        let delta = if third {
            let delta = self.third.transact(|tx| tx.text(name).push("five")).delta();
            // It fails if a message that was damaged came back from the other side.
            drop(self.doc.apply(&delta));
            delta
        } else {
            self.doc
                .transact(|tx| {
                    tx.counter(name).add(2);
                    tx.map(name).set("k", name);
                    tx.register(name).set(name);
                    tx.list(name).push(name);
                })
                .delta()
        };
        let delta = if again { self.rest().unwrap_or(delta) } else { delta };
        self.response(&delta)
    }

    /// All that was not told yet.
    fn rest(&mut self) -> Option<Delta> {
        let delta = self.doc.delta_since(&self.told).ok();
        self.told.join(self.doc.version());
        delta
    }

    fn response(&self, delta: &Delta) -> Vec<u8> {
        let mut message = vec![3, 0];
        delta.encode_with(&mut message, &mut |replica| self.number(replica));
        message
    }

    /// What it has seen, as a message of this kind.
    pub(crate) fn version(&self, kind: u8) -> Vec<u8> {
        let mut message = vec![kind];
        let version = self.doc.version();
        let told = version
            .iter()
            .filter(|(replica, _)| [self.doc.replica(), self.third.replica()].contains(replica));
        told.collect::<VersionVector>().encode_with(&mut message, &mut |replica| self.number(replica));
        message
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        [&[5][..], &self.doc.snapshot()].concat()
    }

    pub(crate) fn state(&self) -> Vec<u8> {
        [&[5][..], &self.doc.state()].concat()
    }

    pub(crate) fn heartbeat(&self, digest: u32) -> Vec<u8> {
        [&[8, 1][..], &digest.to_le_bytes()].concat()
    }
}
