//! Peers, the server, and the clock that drives them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use conjoin_core::{Doc, ReplicaId};
use conjoin_peer::{
    Channel, Event, Input, LOW_WATER, LinkId, LinkState, MAX_FRAME, Manager, Output, PeerState, Session,
    Status,
};
use conjoin_server::Limits;
use conjoin_server::rooms::{self, ConnId, Rooms};

use crate::network::{Conditions, Random};
use crate::rtc::{DISCONNECTED, FAILED, RETRANSMIT, Rtc, description};

/// Between a peer and the server.
const SIGNALING_DELAY: Duration = Duration::from_millis(15);

/// What the browser takes to make a description.
const DESCRIBE: Duration = Duration::from_millis(3);

/// More inputs than this for one peer in one virtual second are a storm.
const STORM: u32 = 5_000;

struct Node {
    manager: Manager,
    doc: Doc,
    rtc: Rtc,
    conn: Option<ConnId>,
    alive: bool,
    /// While asleep, what comes waits.
    asleep: bool,
    waiting: Vec<Input>,
    problems: Vec<String>,
    /// For each increment made here, how many operations there were after it.
    increments: Vec<u64>,
    busy: (u64, u32),
}

#[derive(Debug)]
enum Happening {
    /// An input for a peer, of the time when it had this socket, if that matters.
    Input(usize, Option<ConnId>, Input),
    Deadline(usize),
    ServerText(ConnId, String),
    ServerPong(ConnId),
    ServerClosed(ConnId),
    ServerDeadline,
    /// Try to bring up a link, first tried at this time.
    Connect(usize, LinkId, u32, Duration),
    /// A bulk frame arrives, or is sent again if the path is cut.
    Bulk {
        from: usize,
        link: LinkId,
        to: (usize, LinkId),
        nth: u64,
        data: Vec<u8>,
    },
    /// Look whether a path answers.
    Watch(usize, LinkId, Duration),
}

/// A room of simulated peers.
pub struct World {
    now: Duration,
    random: Random,
    conditions: Conditions,
    nodes: Vec<Node>,
    rooms: Rooms,
    server_up: bool,
    next_conn: u64,
    conns: BTreeMap<ConnId, usize>,
    /// Pairs between which nothing passes.
    cut: BTreeSet<(usize, usize)>,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    next_happening: u64,
    trace: u64,
}

impl World {
    /// An empty room. `seed` decides everything that happens by chance.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            now: Duration::ZERO,
            random: Random::new(seed),
            conditions,
            nodes: Vec::new(),
            rooms: Self::server(seed),
            server_up: true,
            next_conn: 0,
            conns: BTreeMap::new(),
            cut: BTreeSet::new(),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next_happening: 0,
            trace: 0xcbf2_9ce4_8422_2325,
        }
    }

    fn server(seed: u64) -> Rooms {
        let mut tokens = Random::new(!seed);
        Rooms::new(Limits::default(), Vec::new(), move || {
            let mut token = [0; 16];
            token[..8].copy_from_slice(&tokens.next().to_le_bytes());
            token
        })
    }

    /// A new peer, which joins at once. Gives its number.
    pub fn add_peer(&mut self) -> usize {
        let at = self.nodes.len();
        let id = format!("{:08x}-{at}", self.random.below(1 << 32));
        let manager = Manager::new(id, self.random.next());
        self.nodes.push(Node {
            manager,
            doc: Doc::new(ReplicaId::new(self.random.next())),
            rtc: Rtc::default(),
            conn: None,
            alive: true,
            asleep: false,
            waiting: Vec::new(),
            problems: Vec::new(),
            increments: Vec::new(),
            busy: (0, 0),
        });
        self.connect(at);
        at
    }

    /// The peer joins, or joins again.
    pub fn connect(&mut self, at: usize) {
        let session = Session { server: "ws://sim".into(), room: "sim".into(), name: Some(format!("#{at}")) };
        self.input(at, Input::Connect(session));
    }

    /// The peer leaves in an orderly way; its document lives on.
    pub fn disconnect(&mut self, at: usize) {
        self.input(at, Input::Disconnect);
    }

    /// The peer adds one to the counter.
    pub fn increment(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.doc.transact(|tx| tx.counter("n").increment());
        node.increments.push(node.doc.version().get(node.doc.replica()));
        self.input(at, Input::Edited);
    }

    /// The peer writes so many bytes into a register.
    pub fn write(&mut self, at: usize, bytes: usize) {
        let fill = self.random.next() as u8;
        self.nodes[at].doc.transact(|tx| tx.register("big").set(vec![fill; bytes]));
        self.input(at, Input::Edited);
    }

    /// The peer is gone without a word: killed, or its power cut. If `silent`, not even its
    /// sockets are closed. What it edited and nobody heard of is lost with it.
    pub fn crash(&mut self, at: usize, silent: bool) {
        self.nodes[at].alive = false;
        if let Some(conn) = self.nodes[at].conn.take()
            && !silent
        {
            self.later(SIGNALING_DELAY, Happening::ServerClosed(conn));
        }
    }

    /// The machine of a peer sleeps: nothing runs, what comes waits.
    pub fn sleep(&mut self, at: usize) {
        self.nodes[at].asleep = true;
    }

    /// It wakes.
    pub fn wake(&mut self, at: usize) {
        self.nodes[at].asleep = false;
        for input in std::mem::take(&mut self.nodes[at].waiting) {
            self.input(at, input);
        }
        self.input(at, Input::Timeout);
    }

    /// Nothing passes between these two groups of peers, until [`heal`](Self::heal).
    pub fn partition(&mut self, left: &[usize], right: &[usize]) {
        for &a in left {
            for &b in right {
                self.cut.insert((a, b));
                self.cut.insert((b, a));
            }
        }
    }

    /// All paths are whole again.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// Other conditions from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// The signaling server is killed.
    pub fn stop_server(&mut self) {
        self.server_up = false;
        for (conn, at) in std::mem::take(&mut self.conns) {
            let reason = "the connection was lost".into();
            self.later(SIGNALING_DELAY, Happening::Input(at, Some(conn), Input::SignalingClosed { reason }));
        }
    }

    /// A new signaling server, which knows nothing of the former.
    pub fn start_server(&mut self) {
        let seed = self.random.next();
        self.rooms = Self::server(seed);
        self.server_up = true;
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now = at;
            let happening = self.happenings.remove(&id).expect("queued with its happening");
            self.note(id);
            self.happen(happening);
        }
        self.now = until;
    }

    /// A digest of all that happened: the same for the same seed.
    pub const fn trace(&self) -> u64 {
        self.trace
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

    fn live(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len())
            .filter(|&at| self.nodes[at].alive && self.nodes[at].manager.status() != &Status::Offline)
    }

    /// Everything is as it must be after a quiet time: all agree, nothing was lost or counted
    /// twice, and the lists of peers tell the truth.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(&self) {
        let live: Vec<_> = self.live().collect();
        let expected = self.expected(&live);
        for &at in &live {
            let node = &self.nodes[at];
            assert_eq!(node.doc.counter("n"), expected, "the counter of peer {at}");
            assert_eq!(node.doc.version(), self.nodes[live[0]].doc.version(), "the version of peer {at}");
            assert_eq!(node.doc.register("big"), self.nodes[live[0]].doc.register("big"), "peer {at}");
            let listed: Vec<_> = node.manager.peers().into_iter().map(|peer| (peer.id, peer.state)).collect();
            let others = live.iter().filter(|&&other| other != at);
            let mut truth: Vec<_> = others
                .map(|&other| (self.nodes[other].manager.peer_id().to_owned(), PeerState::Connected))
                .collect();
            truth.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(listed, truth, "the peers that peer {at} lists");
            if self.server_up {
                assert_eq!(node.manager.status(), &Status::Joined, "the status of peer {at}");
            }
            for peer in node.manager.peers() {
                assert_eq!(peer.version.as_ref(), Some(node.doc.version()), "what {at} knows of {}", peer.id);
                assert!(peer.rtt.is_some_and(|rtt| rtt >= self.conditions.delay * 2), "a round-trip time");
            }
        }
    }

    /// How many increments there are: all of those who live, and those of the dead that somebody
    /// living heard of.
    fn expected(&self, live: &[usize]) -> i64 {
        let heard = |node: &Node| {
            let counts = live.iter().map(|&at| self.nodes[at].doc.version().get(node.doc.replica()));
            counts.max().unwrap_or(0)
        };
        let count = |(at, node): (usize, &Node)| {
            let upto = if live.contains(&at) { u64::MAX } else { heard(node) };
            node.increments.iter().filter(|&&after| after <= upto).count()
        };
        self.nodes.iter().enumerate().map(count).sum::<usize>() as i64
    }

    fn note(&mut self, what: u64) {
        for word in [self.now.as_nanos() as u64, what] {
            self.trace = (self.trace ^ word).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn later(&mut self, delay: Duration, happening: Happening) {
        let id = self.next_happening;
        self.next_happening += 1;
        self.happenings.insert(id, happening);
        self.queue.push(Reverse((self.now + delay, id)));
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a, b)) || !self.nodes[a].alive || !self.nodes[b].alive
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Input(at, conn, input) => {
                if conn.is_none() || self.nodes[at].conn == conn {
                    if matches!(input, Input::SignalingClosed { .. }) {
                        self.nodes[at].conn = None;
                    }
                    self.input(at, input);
                }
            }
            Happening::Deadline(at) => {
                if self.nodes[at].manager.deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.input(at, Input::Timeout);
                }
            }
            Happening::ServerText(conn, text) => self.serve(rooms::Input::Text(conn, &text)),
            Happening::ServerPong(conn) => self.serve(rooms::Input::Pong(conn)),
            Happening::ServerClosed(conn) => {
                self.conns.remove(&conn);
                self.serve(rooms::Input::Closed(conn));
            }
            Happening::ServerDeadline => {
                if self.rooms.deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.serve(rooms::Input::Timeout);
                }
            }
            Happening::Connect(at, link, round, since) => self.try_connect(at, link, round, since),
            Happening::Bulk { from, link, to, nth, data } => self.bulk(from, link, to, nth, data),
            Happening::Watch(at, link, since) => self.watch(at, link, since),
        }
    }

    fn input(&mut self, at: usize, input: Input) {
        let node = &mut self.nodes[at];
        if !node.alive {
            return;
        }
        if node.asleep {
            node.waiting.push(input);
            return;
        }
        let second = self.now.as_secs();
        node.busy = if node.busy.0 == second { (second, node.busy.1 + 1) } else { (second, 1) };
        assert!(node.busy.1 < STORM, "peer {at} got {STORM} inputs in one second");
        node.manager.handle(self.now, &mut node.doc, input);
        while let Some(output) = self.nodes[at].manager.poll() {
            self.output(at, output);
        }
        if let Some(deadline) = self.nodes[at].manager.deadline() {
            self.later(deadline.saturating_sub(self.now), Happening::Deadline(at));
        }
    }

    fn output(&mut self, at: usize, output: Output) {
        match output {
            Output::OpenSignaling { .. } => {
                if self.server_up {
                    let conn = ConnId(self.next_conn);
                    self.next_conn += 1;
                    self.conns.insert(conn, at);
                    self.nodes[at].conn = Some(conn);
                    self.serve(rooms::Input::Connected(conn));
                    self.later(SIGNALING_DELAY * 2, Happening::Input(at, Some(conn), Input::SignalingOpened));
                } else {
                    let reason = "no server".into();
                    self.later(
                        SIGNALING_DELAY,
                        Happening::Input(at, None, Input::SignalingClosed { reason }),
                    );
                }
            }
            Output::SendSignaling(text) => {
                if let Some(conn) = self.nodes[at].conn {
                    self.later(SIGNALING_DELAY, Happening::ServerText(conn, text));
                }
            }
            Output::CloseSignaling => {
                if let Some(conn) = self.nodes[at].conn.take() {
                    self.later(SIGNALING_DELAY, Happening::ServerClosed(conn));
                }
            }
            Output::OpenLink { link, .. } => self.nodes[at].rtc.open(link),
            Output::Offer { link, .. } => self.describe(at, link, "offer"),
            Output::Accept { link, offer } => {
                self.nodes[at].rtc.describe(link, &offer);
                self.describe(at, link, "answer");
                self.start_connecting(at, link);
            }
            Output::Complete { link, answer } => {
                self.nodes[at].rtc.describe(link, &answer);
                self.start_connecting(at, link);
            }
            Output::AddCandidate { link, .. } => self.nodes[at].rtc.add_candidate(link),
            Output::CloseLink { link } => {
                let side = self.nodes[at].rtc.sides.remove(&link);
                if let Some((peer, remote)) = side.filter(|side| side.up).and_then(|side| side.remote)
                    && !self.is_cut(at, peer)
                {
                    let closed = Input::ChannelClosed { link: remote, channel: Channel::Bulk };
                    self.later(self.conditions.delay * 2, Happening::Input(peer, None, closed));
                }
            }
            Output::Send { link, channel, data } => self.send(at, link, channel, data),
            Output::AwaitWritable { link } => {
                if let Some(side) = self.nodes[at].rtc.sides.get_mut(&link) {
                    side.awaiting = true;
                }
                self.say_writable(at, link);
            }
            Output::Event(Event::Problem(problem)) => self.nodes[at].problems.push(problem),
            Output::Event(_) => {}
        }
    }

    fn describe(&mut self, at: usize, link: LinkId, kind: &str) {
        let description = description(kind, at, link);
        self.later(DESCRIBE, Happening::Input(at, None, Input::Described { link, description }));
        for nth in 1..3 {
            let candidate = Input::Candidate { link, candidate: format!("candidate {nth}") };
            self.later(DESCRIBE * (nth + 1), Happening::Input(at, None, candidate));
        }
    }

    fn start_connecting(&mut self, at: usize, link: LinkId) {
        if let Some(side) = self.nodes[at].rtc.sides.get(&link) {
            let round = side.round;
            self.later(self.conditions.delay * 4, Happening::Connect(at, link, round, self.now));
        }
    }

    /// Whether both sides point at each other and know where to reach the other.
    fn try_connect(&mut self, at: usize, link: LinkId, round: u32, since: Duration) {
        let Some(side) = self.nodes[at].rtc.sides.get(&link) else { return };
        let Some((peer, remote)) = side.remote.filter(|_| side.round == round) else { return };
        let Some(other) = self.nodes.get(peer).and_then(|node| node.rtc.sides.get(&remote)) else { return };
        let agreed = other.remote == Some((at, link)) && side.candidates + other.candidates > 0;
        if !agreed || self.is_cut(at, peer) {
            if self.now < since + Duration::from_secs(15) {
                self.later(Duration::from_millis(50), Happening::Connect(at, link, round, since));
            } else {
                self.input(at, Input::Link { link, state: LinkState::Failed });
            }
            return;
        }
        for (peer, link) in [(at, link), (peer, remote)] {
            let Some(side) = self.nodes[peer].rtc.sides.get_mut(&link) else { continue };
            side.up = true;
            side.told = Some(LinkState::Connected);
            let first = !std::mem::replace(&mut side.opened, true);
            let skew = Duration::from_micros(self.random.below(5_000));
            let inputs = Rtc::came_up(link);
            let count = if first { inputs.len() } else { 1 };
            for input in inputs.into_iter().take(count) {
                self.later(skew, Happening::Input(peer, None, input));
            }
            if first {
                self.later(DISCONNECTED, Happening::Watch(peer, link, self.now));
            }
        }
    }

    /// Looks every second whether the path of a link still answers.
    fn watch(&mut self, at: usize, link: LinkId, answered: Duration) {
        let Some(side) = self.nodes[at].rtc.sides.get(&link) else { return };
        let Some((peer, remote)) = side.remote else { return };
        let whole = !self.is_cut(at, peer) && self.nodes[peer].rtc.sides.contains_key(&remote);
        let answered = if whole { self.now } else { answered };
        let state = match self.now - answered {
            silence if silence >= FAILED => LinkState::Failed,
            silence if silence >= DISCONNECTED => LinkState::Disconnected,
            _ => LinkState::Connected,
        };
        // What has failed stays failed until descriptions are exchanged again.
        if side.told != Some(state) && side.told != Some(LinkState::Failed) {
            if let Some(side) = self.nodes[at].rtc.sides.get_mut(&link) {
                side.told = Some(state);
            }
            self.input(at, Input::Link { link, state });
        }
        self.later(Duration::from_secs(1), Happening::Watch(at, link, answered));
    }

    fn send(&mut self, at: usize, link: LinkId, channel: Channel, data: Vec<u8>) {
        assert!(data.len() <= MAX_FRAME, "a frame of {} bytes", data.len());
        let Some(side) = self.nodes[at].rtc.sides.get_mut(&link) else { return };
        let Some((peer, remote)) = side.remote.filter(|_| side.up) else { return };
        let travel = self.conditions.travel(&mut self.random);
        match channel {
            Channel::Bulk => {
                side.buffered += data.len();
                let mut travel = travel;
                while self.random.chance(self.conditions.loss) {
                    travel += RETRANSMIT;
                }
                side.bulk_arrives = side.bulk_arrives.max(self.now + travel);
                let delay = side.bulk_arrives - self.now;
                let nth = side.bulk_sent;
                side.bulk_sent += 1;
                self.later(delay, Happening::Bulk { from: at, link, to: (peer, remote), nth, data });
            }
            Channel::Live => {
                if self.is_cut(at, peer) || self.random.chance(self.conditions.loss) {
                    return;
                }
                if self.random.chance(self.conditions.duplication) {
                    let again = self.conditions.travel(&mut self.random);
                    self.arrive(again, (peer, remote), channel, data.clone());
                }
                self.arrive(travel, (peer, remote), channel, data);
            }
        }
    }

    fn arrive(&mut self, delay: Duration, to: (usize, LinkId), channel: Channel, data: Vec<u8>) {
        let frame = Input::Frame { link: to.1, channel, data };
        self.later(delay, Happening::Input(to.0, None, frame));
    }

    fn bulk(&mut self, from: usize, link: LinkId, to: (usize, LinkId), nth: u64, data: Vec<u8>) {
        let cut = self.cut.contains(&(from, to.0));
        let Some(side) = self.nodes[from].rtc.sides.get_mut(&link) else { return };
        if cut || nth != side.bulk_arrived {
            let again = if cut { RETRANSMIT } else { Duration::from_millis(10) };
            self.later(again, Happening::Bulk { from, link, to, nth, data });
            return;
        }
        side.bulk_arrived += 1;
        side.buffered -= data.len();
        self.say_writable(from, link);
        self.input(to.0, Input::Frame { link: to.1, channel: Channel::Bulk, data });
    }

    fn say_writable(&mut self, at: usize, link: LinkId) {
        if let Some(side) = self.nodes[at].rtc.sides.get_mut(&link)
            && side.buffered <= LOW_WATER
            && std::mem::take(&mut side.awaiting)
        {
            self.later(Duration::ZERO, Happening::Input(at, None, Input::Writable { link }));
        }
    }

    fn serve(&mut self, input: rooms::Input<'_>) {
        if !self.server_up {
            return;
        }
        self.rooms.handle(self.now, input);
        while let Some(output) = self.rooms.poll() {
            match output {
                rooms::Output::Send(conn, text) => {
                    if let Some(&at) = self.conns.get(&conn) {
                        let message = Input::SignalingMessage(text);
                        self.later(SIGNALING_DELAY, Happening::Input(at, Some(conn), message));
                    }
                }
                rooms::Output::Ping(conn) => {
                    if let Some(&at) = self.conns.get(&conn)
                        && self.nodes[at].alive
                        && !self.nodes[at].asleep
                    {
                        self.later(SIGNALING_DELAY * 2, Happening::ServerPong(conn));
                    }
                }
                rooms::Output::Close(conn, reason) => {
                    if let Some(at) = self.conns.remove(&conn) {
                        let closed = Input::SignalingClosed { reason: format!("{reason:?}") };
                        self.later(SIGNALING_DELAY, Happening::Input(at, Some(conn), closed));
                    }
                }
            }
        }
        if let Some(deadline) = self.rooms.deadline() {
            self.later(deadline.saturating_sub(self.now), Happening::ServerDeadline);
        }
    }
}
