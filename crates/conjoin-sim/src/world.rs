//! Peers, what users do to them and what befalls them, and the clock that drives it all.

use std::collections::BTreeMap;
use std::time::Duration;

use conjoin_core::{Doc, ReplicaId};
use conjoin_peer::{Event, Input, LinkId, Manager, Output, Session, Status};
use conjoin_server::rooms::{ConnId, Rooms};

use crate::links::{Packet, Side};
use crate::network::{Conditions, Network};
use crate::queue::Queue;
use crate::random::Random;
use crate::signaling::{self, ToServer};
use crate::trace::Trace;

/// More inputs than this for one peer in one virtual second are a storm.
const STORM: u32 = 5_000;

/// More timers than this in one virtual second, for each link and above a few, are a storm too.
const TIMER_STORM: u32 = 120;

/// More may never wait in a manager for the channel of one peer: the largest message that scenarios
/// make is somewhat over a megabyte. It is looked at once in so many inputs.
const MOST_QUEUED: usize = 4 << 20;
const LOOK: u32 = 50;

/// Packets for a paused process that its system keeps.
const SOCKET_BUFFER: usize = 256;

/// In a page in the background, timers run once in this time.
const THROTTLED: Duration = Duration::from_secs(1);

/// Whether a peer's program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Awake,
    /// The process is stopped; what comes for it waits.
    Paused,
    /// The machine sleeps; what is sent to it is lost.
    Asleep,
    Dead,
}

pub(crate) struct Node {
    pub(crate) manager: Manager,
    pub(crate) doc: Doc,
    pub(crate) sides: BTreeMap<LinkId, Side>,
    pub(crate) conn: Option<ConnId>,
    pub(crate) mode: Mode,
    background: bool,
    /// What its program finds when it runs again.
    waiting: Vec<Input>,
    waiting_packets: Vec<Packet>,
    /// What the sockets of an offline peer hold: to the server, and from it.
    pub(crate) held_up: Vec<String>,
    pub(crate) held_down: Vec<Input>,
    problems: Vec<String>,
    /// For each increment made here, how many operations there were after it.
    pub(crate) increments: Vec<u64>,
    /// The deadline that is in the queue.
    armed: Option<Duration>,
    second: u64,
    inputs: u32,
    timeouts: u32,
    /// How many timers there were in all.
    pub(crate) timers: u64,
}

#[derive(Debug)]
pub(crate) enum Happening {
    /// Something happens in a peer's own driver.
    Input(usize, Input),
    /// Something comes by a signaling socket, if it is still the peer's.
    Socket(usize, ConnId, Input),
    Deadline(usize, Duration),
    Server(ToServer),
    /// Try to bring up a link, in this round of descriptions, first tried at this time.
    Connect(usize, LinkId, u32, Duration),
    Packet(Packet),
    /// Look whether the reliable channel has to send something again.
    Retransmit(usize, LinkId),
    /// Acknowledge what came by the reliable channel.
    Acknowledge(usize, LinkId),
    /// Look whether a path still answers; it did last at this time.
    Watch(usize, LinkId, Duration),
}

/// A room of simulated peers.
pub struct World {
    pub(crate) now: Duration,
    pub(crate) random: Random,
    pub(crate) network: Network,
    pub(crate) nodes: Vec<Node>,
    pub(crate) rooms: Rooms,
    pub(crate) server_up: bool,
    pub(crate) server_armed: Option<Duration>,
    pub(crate) next_conn: u64,
    pub(crate) conns: BTreeMap<ConnId, usize>,
    queue: Queue<Happening>,
    trace: Trace,
    events: u64,
    log: bool,
    live_channel: bool,
}

impl World {
    /// An empty room. `seed` decides everything that happens by chance.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            now: Duration::ZERO,
            random: Random::new(seed),
            network: Network::new(conditions),
            nodes: Vec::new(),
            rooms: signaling::rooms(seed),
            server_up: true,
            server_armed: None,
            next_conn: 0,
            conns: BTreeMap::new(),
            queue: Queue::default(),
            trace: Trace::default(),
            events: 0,
            log: false,
            live_channel: true,
        }
    }

    /// Tells all that happens on the standard error output.
    pub const fn set_log(&mut self, log: bool) {
        self.log = log;
    }

    /// Without it, links have the reliable channel alone: to see what the other one is good for.
    pub const fn set_live_channel(&mut self, live: bool) {
        self.live_channel = live;
    }

    pub(crate) const fn has_live_channel(&self) -> bool {
        self.live_channel
    }

    /// A new peer, which joins at once. Gives its number.
    pub fn add_peer(&mut self) -> usize {
        let at = self.nodes.len();
        let id = format!("{:08x}-{at}", self.random.below(1 << 32));
        let mut manager = Manager::new(id, self.random.next());
        manager.log_messages(self.log);
        self.nodes.push(Node {
            manager,
            doc: Doc::new(ReplicaId::new(self.random.next())),
            sides: BTreeMap::new(),
            conn: None,
            mode: Mode::Awake,
            background: false,
            waiting: Vec::new(),
            waiting_packets: Vec::new(),
            held_up: Vec::new(),
            held_down: Vec::new(),
            problems: Vec::new(),
            increments: Vec::new(),
            armed: None,
            second: 0,
            inputs: 0,
            timeouts: 0,
            timers: 0,
        });
        self.connect(at);
        at
    }

    /// The peer joins, or joins again.
    pub fn connect(&mut self, at: usize) {
        self.say(|| format!("#{at} joins"));
        let session = Session { server: "ws://sim".into(), room: "sim".into(), name: Some(format!("#{at}")) };
        self.input(at, Input::Connect(session));
    }

    /// The peer leaves in an orderly way; its document lives on.
    pub fn disconnect(&mut self, at: usize) {
        self.say(|| format!("#{at} leaves"));
        self.input(at, Input::Disconnect);
    }

    /// The peer adds one to the counter.
    pub fn increment(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.mode != Mode::Awake {
            return;
        }
        node.doc.transact(|tx| tx.counter("n").increment());
        node.increments.push(node.doc.version().get(node.doc.replica()));
        self.say(|| format!("#{at} increments"));
        self.input(at, Input::Edited);
    }

    /// The peer does something at random: mostly increments, and sometimes it writes a register or
    /// a map, several values in one transaction, or removes one.
    pub fn edit(&mut self, at: usize) {
        let [kind, which, amount] = [8, 5, 1000].map(|bound| self.random.below(bound));
        if kind < 4 {
            return self.increment(at);
        }
        let node = &mut self.nodes[at];
        if node.mode != Mode::Awake {
            return;
        }
        let key = format!("key {which}");
        node.doc.transact(|tx| match kind {
            4 => tx.register("title").set(amount as i64),
            5 => tx.map("board").remove(&key),
            6 => tx.map("board").set(&key, format!("text {amount}")),
            _ => {
                tx.counter("n").increment();
                tx.map("board").set(&key, amount as i64);
                let _ = tx.float_counter("weight").add(amount as f64 / 8.0);
            }
        });
        if kind == 7 {
            node.increments.push(node.doc.version().get(node.doc.replica()));
        }
        self.say(|| format!("#{at} edits"));
        self.input(at, Input::Edited);
    }

    /// The peer writes so many bytes into a register.
    pub fn write(&mut self, at: usize, bytes: usize) {
        let fill = self.random.next() as u8;
        if self.nodes[at].mode != Mode::Awake {
            return;
        }
        self.say(|| format!("#{at} writes {bytes} bytes"));
        self.nodes[at].doc.transact(|tx| tx.register("big").set(vec![fill; bytes]));
        self.input(at, Input::Edited);
    }

    /// The peer appends to a text.
    pub fn type_text(&mut self, at: usize, text: &str) {
        if self.nodes[at].mode != Mode::Awake {
            return;
        }
        self.say(|| format!("#{at} types"));
        self.nodes[at].doc.transact(|tx| tx.text("notes").push(text));
        self.input(at, Input::Edited);
    }

    /// The peer lets go of its history and of all that was deleted.
    pub fn compact(&mut self, at: usize) {
        self.say(|| format!("#{at} compacts"));
        let doc = &mut self.nodes[at].doc;
        let version = doc.version().clone();
        doc.compact(&version);
    }

    /// The peer is gone without a word: killed, or its power cut. If `silent`, not even its
    /// sockets are closed. What it edited and nobody heard of is lost with it.
    pub fn crash(&mut self, at: usize, silent: bool) {
        self.say(|| format!("#{at} dies"));
        self.nodes[at].mode = Mode::Dead;
        if !silent {
            self.socket_breaks(at);
        }
        self.watch_paths();
    }

    /// The machine of a peer sleeps: nothing runs, and what is sent to it is lost.
    pub fn sleep(&mut self, at: usize) {
        self.say(|| format!("#{at} sleeps"));
        self.stop(at, Mode::Asleep);
        self.network.set_offline(at, true);
        self.watch_paths();
    }

    /// The process of a peer is stopped: nothing runs, and what comes waits.
    pub fn pause(&mut self, at: usize) {
        self.say(|| format!("#{at} pauses"));
        self.stop(at, Mode::Paused);
        self.watch_paths();
    }

    fn stop(&mut self, at: usize, mode: Mode) {
        if self.nodes[at].mode == Mode::Awake {
            self.nodes[at].mode = mode;
        }
    }

    /// It runs again.
    pub fn wake(&mut self, at: usize) {
        let slept = match self.nodes[at].mode {
            Mode::Awake | Mode::Dead => return,
            mode => mode == Mode::Asleep,
        };
        self.say(|| format!("#{at} wakes"));
        self.nodes[at].mode = Mode::Awake;
        if slept {
            self.go_online(at);
        }
        for packet in std::mem::take(&mut self.nodes[at].waiting_packets) {
            self.packet(packet);
        }
        for input in std::mem::take(&mut self.nodes[at].waiting) {
            self.input(at, input);
        }
        self.input(at, Input::Timeout);
        for link in self.nodes[at].sides.keys().copied().collect::<Vec<_>>() {
            self.retransmit(at, link);
            self.acknowledge(at, link);
        }
        self.watch_paths();
    }

    /// A peer has no network at all, to the server neither.
    pub fn offline(&mut self, at: usize) {
        self.say(|| format!("#{at} is offline"));
        self.network.set_offline(at, true);
        self.watch_paths();
    }

    /// It has one again; sometimes its system says so.
    pub fn online(&mut self, at: usize) {
        if self.nodes[at].mode == Mode::Asleep {
            return;
        }
        self.say(|| format!("#{at} is online"));
        self.go_online(at);
        if self.random.chance(0.5) {
            let takes = self.random.upto(Duration::from_millis(500));
            self.later(takes, Happening::Input(at, Input::NetworkChanged));
        }
        self.watch_paths();
    }

    fn go_online(&mut self, at: usize) {
        if self.network.is_offline(at) {
            self.network.set_offline(at, false);
            self.release_socket(at);
        }
    }

    /// Whether a peer's page is in the background, where timers come once a second.
    pub fn set_background(&mut self, at: usize, background: bool) {
        self.nodes[at].background = background;
    }

    /// Nothing gets from these peers to those, until [`heal`](Self::heal).
    pub fn cut(&mut self, from: &[usize], to: &[usize]) {
        self.say(|| format!("nothing gets from {from:?} to {to:?}"));
        for &a in from {
            for &b in to {
                self.network.cut(a, b);
            }
        }
        self.watch_paths();
    }

    /// Nothing passes between these two groups of peers, until [`heal`](Self::heal).
    pub fn partition(&mut self, left: &[usize], right: &[usize]) {
        self.cut(left, right);
        self.cut(right, left);
    }

    /// All paths are whole again, but for those that [never](Self::keep_apart) are.
    pub fn heal(&mut self) {
        self.say(|| "all paths are whole".into());
        self.network.heal();
        self.watch_paths();
    }

    /// These two can never reach each other, as behind two NATs without a relay.
    pub fn keep_apart(&mut self, a: usize, b: usize) {
        self.network.keep_apart(a, b);
        self.watch_paths();
    }

    /// Other conditions from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.say(|| format!("{conditions:?}"));
        self.network.conditions = conditions;
    }

    /// What the network is like.
    pub const fn conditions(&self) -> Conditions {
        self.network.conditions
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// If a peer breaks its contract with the driver, or gets into a storm.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, happening)) = self.queue.pop(until) {
            self.now = at;
            self.events += 1;
            self.trace.note(at, &happening);
            self.happen(happening);
        }
        self.now = until;
    }

    /// A digest of all that happened: the same for the same seed, on any machine.
    pub const fn trace(&self) -> u64 {
        self.trace.digest()
    }

    /// How much happened.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How much time has passed.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// How many peers there ever were.
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nobody ever came.
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What the peer was told went wrong.
    pub fn problems(&self, at: usize) -> &[String] {
        &self.nodes[at].problems
    }

    /// The document of a peer.
    pub fn doc(&self, at: usize) -> &Doc {
        &self.nodes[at].doc
    }

    /// The manager of a peer.
    pub fn manager(&self, at: usize) -> &Manager {
        &self.nodes[at].manager
    }

    /// Those who live and want to be in the room.
    pub fn present(&self) -> Vec<usize> {
        let here = |at: &usize| {
            self.nodes[*at].mode != Mode::Dead && self.nodes[*at].manager.status() != &Status::Offline
        };
        (0..self.nodes.len()).filter(here).collect()
    }

    /// Those who live and left the room.
    pub fn absent(&self) -> Vec<usize> {
        let away = |at: &usize| {
            self.nodes[*at].mode != Mode::Dead && self.nodes[*at].manager.status() == &Status::Offline
        };
        (0..self.nodes.len()).filter(away).collect()
    }

    /// Those of the present whose programs run.
    pub fn awake(&self) -> Vec<usize> {
        self.present().into_iter().filter(|&at| self.nodes[at].mode == Mode::Awake).collect()
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        if self.log {
            eprintln!("{:>10.3} {}", self.now.as_secs_f64(), what());
        }
    }

    pub(crate) fn later(&mut self, delay: Duration, happening: Happening) {
        self.queue.push(self.now + delay, happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Input(at, input) => self.input(at, input),
            Happening::Socket(at, conn, input) => self.hear_server(at, conn, input),
            Happening::Deadline(at, deadline) => {
                if self.nodes[at].armed == Some(deadline) {
                    self.nodes[at].armed = None;
                    if self.nodes[at].mode == Mode::Awake {
                        self.input(at, Input::Timeout);
                    }
                }
            }
            Happening::Server(what) => self.at_server(what),
            Happening::Connect(at, link, round, since) => self.try_connect(at, link, round, since),
            Happening::Packet(packet) => match self.nodes[packet.to.0].mode {
                Mode::Awake => self.packet(packet),
                Mode::Paused => {
                    let waiting = &mut self.nodes[packet.to.0].waiting_packets;
                    if waiting.len() < SOCKET_BUFFER {
                        waiting.push(packet);
                    }
                }
                Mode::Asleep | Mode::Dead => {}
            },
            Happening::Retransmit(at, link) => self.retransmit(at, link),
            Happening::Acknowledge(at, link) => self.acknowledge(at, link),
            Happening::Watch(at, link, answered) => self.watch(at, link, answered),
        }
    }

    pub(crate) fn input(&mut self, at: usize, input: Input) {
        let now = self.now;
        let node = &mut self.nodes[at];
        match node.mode {
            Mode::Awake => {}
            Mode::Paused | Mode::Asleep => return node.waiting.push(input),
            Mode::Dead => return,
        }
        if node.second != now.as_secs() {
            (node.second, node.inputs, node.timeouts) = (now.as_secs(), 0, 0);
        }
        node.inputs += 1;
        if input == Input::Timeout {
            node.timeouts += 1;
            node.timers += 1;
        }
        let limit = TIMER_STORM * (node.sides.len() as u32 + 1);
        assert!(node.inputs < STORM.max(limit * 4), "peer {at} got {STORM} inputs in one second");
        assert!(node.timeouts < limit, "peer {at} got {limit} timers in one second");
        node.manager.handle(now, &mut node.doc, input);
        while let Some(output) = self.nodes[at].manager.poll() {
            self.output(at, output);
        }
        let node = &self.nodes[at];
        if node.inputs.is_multiple_of(LOOK)
            && let Some((peer, bytes)) = node.manager.queued_bytes().into_iter().find(|it| it.1 > MOST_QUEUED)
        {
            panic!("{bytes} bytes wait at peer {at} for {peer}");
        }
        self.arm(at);
    }

    fn arm(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let Some(mut deadline) = node.manager.deadline() else { return };
        if node.background {
            deadline = Duration::from_secs(deadline.max(self.now).as_secs()) + THROTTLED;
        }
        if node.armed.is_none_or(|armed| deadline < armed) {
            node.armed = Some(deadline);
            self.later(deadline.saturating_sub(self.now), Happening::Deadline(at, deadline));
        }
    }

    fn output(&mut self, at: usize, output: Output) {
        match output {
            Output::OpenSignaling { .. } | Output::SendSignaling(_) | Output::CloseSignaling => {
                self.tell_server(at, output);
            }
            Output::Event(Event::Problem(problem)) => {
                self.say(|| format!("#{at} is told: {problem}"));
                self.nodes[at].problems.push(problem);
            }
            Output::Event(Event::Wire(wire)) => self.say(|| {
                let (direction, channel) = (wire.direction, wire.channel.label());
                let (peer, message, detail) = (wire.peer_name, wire.message, wire.detail);
                format!("#{at} {direction:?} {peer} {channel} {message}: {detail}, {} bytes", wire.bytes)
            }),
            Output::Event(Event::Status) => {
                self.say(|| format!("#{at} is {:?}", self.nodes[at].manager.status()));
            }
            Output::Event(_) => {}
            output => self.drive_link(at, output),
        }
    }
}
