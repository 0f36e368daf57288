//! WebRTC as far as a driver sees it: descriptions, candidates, a link that comes up, goes down
//! and closes, a reliable and an unreliable channel.
//!
//! The model holds the manager to the driver's contract: a candidate before a description, a
//! frame that is too large, or more than the channel was said to take, is a panic here.

use std::time::Duration;

use conjoin_peer::{Channel, Input, LOW_WATER, LinkId, LinkState, MAX_FRAME, Output};

use crate::sctp::{Chunk, Receiver, SACK_DELAY, Sack, Sender};
use crate::world::{Happening, Mode, World};

/// What the browser takes to make a description.
const DESCRIBE: Duration = Duration::from_millis(3);

/// A path is "disconnected" after this long without an answer, and "failed" after the longer time.
const DISCONNECTED: Duration = Duration::from_secs(5);
const FAILED: Duration = Duration::from_secs(25);

/// So long candidates are tried before a link counts as failed.
const GATHERING: Duration = Duration::from_secs(15);

/// More may never wait in a channel: what is handed over before it is asked whether it is
/// writable, on top of what it may hold then.
const MOST_BUFFERED: usize = LOW_WATER + 256 * 1024 + MAX_FRAME;

/// One end of a link.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// The other end, as its description told.
    remote: Option<(usize, LinkId)>,
    /// The end it was connected with: encryption is set up between these two, and no others.
    paired: Option<(usize, LinkId)>,
    /// How often descriptions were exchanged.
    round: u32,
    candidates: u32,
    up: bool,
    opened: bool,
    sender: Sender,
    receiver: Receiver,
    /// The time-out of the reliable channel that is in the queue.
    armed: Option<Duration>,
    awaiting: bool,
    /// What the app was last told.
    told: Option<LinkState>,
    watched: bool,
}

/// What travels between two ends.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) from: (usize, LinkId),
    pub(crate) to: (usize, LinkId),
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Live(Vec<u8>),
    Data(u64, Chunk),
    Sack(Sack),
    Close,
}

impl Body {
    fn size(&self) -> usize {
        match self {
            Self::Live(data) => data.len(),
            Self::Data(_, chunk) => chunk.size(),
            Self::Sack(_) | Self::Close => 16,
        }
    }
}

/// A description is text that tells whose it is.
fn description(kind: &str, peer: usize, link: LinkId) -> String {
    format!("{kind} {peer} {}", link.0)
}

fn parse(text: &str) -> Option<(usize, LinkId)> {
    let mut words = text.split(' ').skip(1);
    let peer = words.next()?.parse().ok()?;
    Some((peer, LinkId(words.next()?.parse().ok()?)))
}

impl World {
    fn side(&mut self, at: usize, link: LinkId) -> Option<&mut Side> {
        self.nodes[at].sides.get_mut(&link)
    }

    pub(crate) fn drive_link(&mut self, at: usize, output: Output) {
        match output {
            Output::OpenLink { link, .. } => {
                let before = self.nodes[at].sides.insert(link, Side::default());
                assert!(before.is_none(), "link {link:?} was opened twice");
            }
            Output::Offer { link, .. } => self.describe(at, link, "offer"),
            Output::Accept { link, offer } => {
                self.set_remote(at, link, &offer);
                self.describe(at, link, "answer");
            }
            Output::Complete { link, answer } => self.set_remote(at, link, &answer),
            Output::AddCandidate { link, .. } => {
                if let Some(side) = self.side(at, link) {
                    assert!(side.remote.is_some(), "a candidate came before the description of {link:?}");
                    side.candidates += 1;
                }
            }
            Output::CloseLink { link } => {
                let side = self.nodes[at].sides.remove(&link);
                if let Some(to) = side.filter(|side| side.up).and_then(|side| side.remote) {
                    self.carry(Packet { from: (at, link), to, body: Body::Close });
                    self.watch_path(to.0, to.1);
                }
            }
            Output::Send { link, channel, data } => self.send(at, link, channel, data),
            Output::AwaitWritable { link } => {
                if let Some(side) = self.side(at, link) {
                    side.awaiting = true;
                }
                self.say_writable(at, link);
            }
            _ => unreachable!("no output for a link"),
        }
    }

    fn describe(&mut self, at: usize, link: LinkId, kind: &str) {
        let description = description(kind, at, link);
        self.later(DESCRIBE, Happening::Input(at, Input::Described { link, description }));
        for nth in 1..3 {
            let candidate = Input::Candidate { link, candidate: format!("candidate {nth}") };
            self.later(DESCRIBE * (nth + 1), Happening::Input(at, candidate));
        }
    }

    fn set_remote(&mut self, at: usize, link: LinkId, text: &str) {
        let now = self.now;
        let delay = self.network.conditions.delay;
        if let Some(side) = self.side(at, link) {
            side.remote = parse(text);
            side.round += 1;
            let round = side.round;
            self.later(delay * 4, Happening::Connect(at, link, round, now));
        }
    }

    /// Whether both ends point at each other, run, and a path is whole both ways.
    fn is_whole(&self, (at, link): (usize, LinkId), to: (usize, LinkId)) -> bool {
        let Some(other) = self.nodes.get(to.0).and_then(|node| node.sides.get(&to.1)) else { return false };
        let awake = [at, to.0].iter().all(|&peer| self.nodes[peer].mode == Mode::Awake);
        let strangers = other.paired.is_some_and(|end| end != (at, link))
            || self.nodes[at].sides.get(&link).and_then(|side| side.paired).is_some_and(|end| end != to);
        awake && other.remote == Some((at, link)) && !strangers && self.network.connects(at, to.0)
    }

    /// Tries candidates: whether both ends know where to reach the other.
    pub(crate) fn try_connect(&mut self, at: usize, link: LinkId, round: u32, since: Duration) {
        let Some(side) = self.nodes[at].sides.get(&link).filter(|side| side.round == round) else { return };
        let Some(remote) = side.remote else { return };
        let candidates = side.candidates
            + self
                .nodes
                .get(remote.0)
                .and_then(|node| node.sides.get(&remote.1))
                .map_or(0, |it| it.candidates);
        if candidates == 0 || !self.is_whole((at, link), remote) {
            if self.now < since + GATHERING {
                self.later(Duration::from_millis(50), Happening::Connect(at, link, round, since));
            } else {
                self.tell(at, link, LinkState::Failed);
            }
            return;
        }
        let spread = self.network.conditions.delay.min(Duration::from_millis(5));
        let live = self.has_live_channel();
        for ((at, link), other) in [((at, link), remote), (remote, (at, link))] {
            let skew = self.random.upto(spread);
            let Some(side) = self.side(at, link) else { continue };
            side.up = true;
            side.paired = Some(other);
            side.told = Some(LinkState::Connected);
            let first = !std::mem::replace(&mut side.opened, true);
            let mut inputs = vec![Input::Link { link, state: LinkState::Connected }];
            if first {
                inputs.push(Input::ChannelOpened { link, channel: Channel::Bulk });
                if live {
                    inputs.push(Input::ChannelOpened { link, channel: Channel::Live });
                }
            }
            for input in inputs {
                self.later(skew, Happening::Input(at, input));
            }
        }
    }

    fn tell(&mut self, at: usize, link: LinkId, state: LinkState) {
        if let Some(side) = self.side(at, link) {
            side.told = Some(state);
            self.say(|| format!("#{at} link {} is {state:?}", link.0));
            self.input(at, Input::Link { link, state });
        }
    }

    /// After something happened to paths: those that are not whole any more are watched.
    pub(crate) fn watch_paths(&mut self) {
        let ends = self.nodes.iter().enumerate();
        let ends: Vec<_> =
            ends.flat_map(|(at, node)| node.sides.keys().map(move |&link| (at, link))).collect();
        for (at, link) in ends {
            self.watch_path(at, link);
        }
    }

    fn watch_path(&mut self, at: usize, link: LinkId) {
        let Some(side) = self.nodes[at].sides.get(&link).filter(|side| side.up && !side.watched) else {
            return;
        };
        let Some(remote) = side.remote else { return };
        if !self.is_whole((at, link), remote) {
            let now = self.now;
            if let Some(side) = self.side(at, link) {
                side.watched = true;
            }
            self.later(Duration::from_secs(1), Happening::Watch(at, link, now));
        }
    }

    /// Looks every second whether the path of a link answers, until it does.
    pub(crate) fn watch(&mut self, at: usize, link: LinkId, answered: Duration) {
        let Some(side) = self.nodes[at].sides.get(&link) else { return };
        let (told, Some(remote)) = (side.told, side.remote) else { return };
        let whole = self.is_whole((at, link), remote);
        let state = match self.now - answered {
            silence if silence >= FAILED => LinkState::Failed,
            silence if silence >= DISCONNECTED => LinkState::Disconnected,
            _ => LinkState::Connected,
        };
        let awake = self.nodes[at].mode == Mode::Awake;
        // What has failed stays failed until descriptions are exchanged again.
        if awake && told != Some(state) && told != Some(LinkState::Failed) {
            self.tell(at, link, state);
        }
        let settled = whole && (state == LinkState::Connected || told == Some(LinkState::Failed));
        if settled || self.nodes[at].mode == Mode::Dead {
            if let Some(side) = self.side(at, link) {
                side.watched = false;
            }
            return;
        }
        let answered = if whole { self.now } else { answered };
        self.later(Duration::from_secs(1), Happening::Watch(at, link, answered));
    }

    fn send(&mut self, at: usize, link: LinkId, channel: Channel, data: Vec<u8>) {
        assert!(data.len() <= MAX_FRAME, "a frame of {} bytes", data.len());
        let Some(side) = self.side(at, link).filter(|side| side.up) else { return };
        let Some(to) = side.remote else { return };
        match channel {
            Channel::Bulk => {
                side.sender.push(data);
                let buffered = side.sender.buffered();
                assert!(buffered <= MOST_BUFFERED, "peer {at} has {buffered} bytes in a channel");
                self.pump(at, link);
            }
            Channel::Live => self.carry(Packet { from: (at, link), to, body: Body::Live(data) }),
        }
    }

    fn carry(&mut self, packet: Packet) {
        let Packet { from, to, body } = packet;
        let path = (from.0, to.0);
        let copies = self.network.carry(&mut self.random, self.now, path, body.size());
        for takes in copies.into_iter().flatten() {
            self.later(takes, Happening::Packet(Packet { from, to, body: body.clone() }));
        }
    }

    /// Sends what the reliable channel may send now.
    fn pump(&mut self, at: usize, link: LinkId) {
        let now = self.now;
        while let Some(side) = self.side(at, link)
            && let Some(to) = side.remote
            && let Some((number, chunk)) = side.sender.next(now)
        {
            self.carry(Packet { from: (at, link), to, body: Body::Data(number, chunk) });
        }
        let Some(side) = self.side(at, link) else { return };
        if let Some(deadline) = side.sender.deadline
            && side.armed.is_none()
        {
            side.armed = Some(deadline);
            self.later(deadline.saturating_sub(now), Happening::Retransmit(at, link));
        }
        self.say_writable(at, link);
    }

    pub(crate) fn retransmit(&mut self, at: usize, link: LinkId) {
        let now = self.now;
        let Some(side) = self.side(at, link) else { return };
        side.armed = None;
        if side.sender.deadline.is_some_and(|deadline| deadline <= now) {
            side.sender.expire(now);
        }
        if self.nodes[at].mode == Mode::Awake {
            self.pump(at, link);
        }
    }

    pub(crate) fn acknowledge(&mut self, at: usize, link: LinkId) {
        if self.nodes[at].mode != Mode::Awake {
            return;
        }
        let Some(side) = self.side(at, link).filter(|side| side.receiver.unacknowledged > 0) else { return };
        let Some(to) = side.remote else { return };
        let sack = side.receiver.sack();
        self.carry(Packet { from: (at, link), to, body: Body::Sack(sack) });
    }

    pub(crate) fn packet(&mut self, packet: Packet) {
        let Packet { from, to: (at, link), body } = packet;
        let now = self.now;
        let Some(side) = self.side(at, link).filter(|side| side.paired == Some(from)) else { return };
        match body {
            Body::Live(data) => self.input(at, Input::Frame { link, channel: Channel::Live, data }),
            Body::Data(number, chunk) => {
                let (whole, at_once) = side.receiver.take(number, chunk);
                let waits = side.receiver.unacknowledged == 1;
                for data in whole {
                    self.input(at, Input::Frame { link, channel: Channel::Bulk, data });
                }
                if at_once {
                    self.acknowledge(at, link);
                } else if waits {
                    self.later(SACK_DELAY, Happening::Acknowledge(at, link));
                }
            }
            Body::Sack(sack) => {
                side.sender.acknowledged(now, &sack);
                self.pump(at, link);
            }
            Body::Close => self.input(at, Input::ChannelClosed { link, channel: Channel::Bulk }),
        }
    }

    /// How much waits in the channels of a peer to those it can reach, if anything.
    pub(crate) fn unsent(&self, at: usize) -> Option<usize> {
        let sides = self.nodes[at].sides.iter();
        let whole = sides.filter(|(link, side)| {
            side.up && side.remote.is_some_and(|remote| self.is_whole((at, **link), remote))
        });
        Some(whole.map(|(_, side)| side.sender.outstanding()).sum()).filter(|&bytes| bytes > 0)
    }

    fn say_writable(&mut self, at: usize, link: LinkId) {
        if let Some(side) = self.side(at, link)
            && side.sender.buffered() <= LOW_WATER
            && std::mem::take(&mut side.awaiting)
        {
            self.later(Duration::ZERO, Happening::Input(at, Input::Writable { link }));
        }
    }
}
