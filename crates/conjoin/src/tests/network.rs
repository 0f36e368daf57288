//! A network in memory: a signaling server, links that open as soon as both sides agreed, and a
//! clock that moves only when a test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conjoin_peer::{Channel, Input, LinkId, LinkState, Output, Session};
use conjoin_signaling::{ClientMessage, PeerEntry, ServerMessage};

use crate::driver::{Driver, Identity, Sink};
use crate::engine::Engine;
use crate::{Room, Storage, StorageError};

/// Cloning gives another handle to the same network.
#[derive(Clone)]
pub(super) struct Network(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    server_is_up: bool,
    hosts: Vec<Host>,
    /// Both ends of each link that both sides agreed on.
    links: BTreeMap<End, End>,
    deliveries: VecDeque<(usize, Input)>,
}

/// A driver's side of the network.
struct Host {
    peer_id: String,
    sink: Sink,
    wake: Option<Duration>,
    frames: usize,
    /// Connected to the server; there, in a room, as somebody.
    socket: Option<Option<Member>>,
    crashed: bool,
}

struct Member {
    room: String,
    peer: PeerEntry,
}

/// A host and one of its links.
type End = (usize, LinkId);

struct MemoryDriver {
    network: Network,
    host: usize,
    obstacle: Option<String>,
}

impl Network {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { server_is_up: true, ..State::default() })))
    }

    /// A room in which everybody is, once connected.
    pub(super) fn room(&self, name: &str) -> Room {
        self.add(name, None)
    }

    /// A room with the document that the storage has.
    pub(super) fn room_with_storage(
        &self,
        name: &str,
        storage: impl Storage + 'static,
    ) -> Result<Room, StorageError> {
        let (session, identity) = self.invent(name);
        let peer_id = identity.peer_id.clone();
        let engine = Engine::open(session, identity, storage, |sink| self.driver(peer_id, sink, None))?;
        Ok(Room::from_engine(engine))
    }

    pub(super) fn room_with_obstacle(&self, name: &str, obstacle: &str) -> Room {
        self.add(name, Some(obstacle.to_owned()))
    }

    fn add(&self, name: &str, obstacle: Option<String>) -> Room {
        let (session, identity) = self.invent(name);
        let peer_id = identity.peer_id.clone();
        Room::from_engine(Engine::new(session, identity, |sink| self.driver(peer_id, sink, obstacle)))
    }

    fn invent(&self, name: &str) -> (Session, Identity) {
        let session = Session { server: "memory".into(), room: "atlas".into(), name: Some(name.into()) };
        let mut random = 1 + 100 * self.lock().hosts.len() as u64;
        let identity = Identity::random(|| {
            random += 1;
            random
        });
        (session, identity)
    }

    fn driver(&self, peer_id: String, sink: Sink, obstacle: Option<String>) -> Box<dyn Driver> {
        let mut state = self.lock();
        let host = state.hosts.len();
        state.hosts.push(Host { peer_id, sink, wake: None, frames: 0, socket: None, crashed: false });
        Box::new(MemoryDriver { network: self.clone(), host, obstacle })
    }

    /// As when the program of the room is killed: nothing more comes from it.
    pub(super) fn crash(&self, room: Room) {
        let mut state = self.lock();
        let id = room.peer_id();
        let host =
            state.hosts.iter().position(|host| host.peer_id == id).expect("the room is of this network");
        state.leave(host);
        let links: Vec<_> = state.links.keys().filter(|end| end.0 == host).copied().collect();
        for (host, link) in links {
            state.perform(host, Output::CloseLink { link });
        }
        let host = &mut state.hosts[host];
        (host.crashed, host.wake, host.socket) = (true, None, None);
        drop(state);
        drop(room);
    }

    pub(super) fn set_server(&self, up: bool) {
        self.lock().server_is_up = up;
    }

    /// How many frames the room gave to its driver.
    pub(super) fn frames_from(&self, room: &Room) -> usize {
        self.lock().host(room).frames
    }

    /// As when the page of the room is put aside.
    pub(super) fn pause(&self, room: &Room) {
        let sink = self.lock().host(room).sink.clone();
        sink.pause();
    }

    /// As when the page comes back.
    pub(super) fn resume(&self, room: &Room) {
        let sink = self.lock().host(room).sink.clone();
        sink.resume();
    }

    /// How many links have both ends.
    pub(super) fn open_links(&self) -> usize {
        self.lock().links.len() / 2
    }

    /// Delivers everything that is under way, and what follows from it, in no time.
    pub(super) fn settle(&self) {
        loop {
            let (sink, input) = {
                let mut state = self.lock();
                let Some((host, input)) = state.deliveries.pop_front() else { return };
                (state.hosts[host].sink.clone(), input)
            };
            sink.input(input);
        }
    }

    /// Lets time pass, with all timers in it.
    pub(super) fn run_until(&self, time: Duration) {
        loop {
            self.settle();
            let sink = {
                let mut state = self.lock();
                let next =
                    state.hosts.iter().enumerate().filter_map(|(host, at)| Some((at.wake?, host))).min();
                let Some((at, host)) = next.filter(|(at, _)| *at <= time) else {
                    state.now = state.now.max(time);
                    return;
                };
                state.now = state.now.max(at);
                state.hosts[host].wake = None;
                state.hosts[host].sink.clone()
            };
            sink.input(Input::Timeout);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver for MemoryDriver {
    fn now(&self) -> Duration {
        self.network.lock().now
    }

    fn perform(&self, output: Output) {
        let mut state = self.network.lock();
        if !state.hosts[self.host].crashed {
            state.perform(self.host, output);
        }
    }

    fn wake_at(&self, time: Option<Duration>) {
        let host = &mut self.network.lock().hosts[self.host];
        host.wake = time.filter(|_| !host.crashed);
    }

    fn obstacle(&self) -> Option<String> {
        self.obstacle.clone()
    }
}

impl Drop for MemoryDriver {
    fn drop(&mut self) {
        let mut state = self.network.lock();
        state.hosts[self.host].wake = None;
        state.leave(self.host);
        state.hosts[self.host].socket = None;
    }
}

impl State {
    fn host(&self, room: &Room) -> &Host {
        let id = room.peer_id();
        self.hosts.iter().find(|host| host.peer_id == id).expect("the room was made by this network")
    }

    fn deliver(&mut self, host: usize, input: Input) {
        self.deliveries.push_back((host, input));
    }

    fn perform(&mut self, host: usize, output: Output) {
        match output {
            Output::OpenSignaling { url } => {
                if self.server_is_up {
                    self.hosts[host].socket = Some(None);
                    self.deliver(host, Input::SignalingOpened);
                } else {
                    let reason = format!("signaling server at {url} cannot be reached");
                    self.deliver(host, Input::SignalingClosed { reason });
                }
            }
            Output::SendSignaling(message) => {
                let message = ClientMessage::from_json(&message).expect("a manager sends valid messages");
                self.serve(host, message);
            }
            Output::CloseSignaling => {
                self.leave(host);
                self.hosts[host].socket = None;
            }
            Output::OpenLink { .. } | Output::AddCandidate { .. } | Output::Event(_) => {}
            Output::Offer { link, .. } => {
                let description = describe("offer", (host, link));
                self.deliver(host, Input::Described { link, description });
            }
            Output::Accept { link, offer } => {
                let other = end(&offer);
                self.links.insert((host, link), other);
                self.links.insert(other, (host, link));
                let description = describe("answer", (host, link));
                self.deliver(host, Input::Described { link, description });
            }
            Output::Complete { link, answer } => {
                for (host, link) in [(host, link), end(&answer)] {
                    self.deliver(host, Input::Link { link, state: LinkState::Connected });
                    for channel in [Channel::Bulk, Channel::Live] {
                        self.deliver(host, Input::ChannelOpened { link, channel });
                    }
                }
            }
            Output::CloseLink { link } => {
                if let Some((host, link)) = self.links.remove(&(host, link)) {
                    self.links.remove(&(host, link));
                    self.deliver(host, Input::ChannelClosed { link, channel: Channel::Bulk });
                }
            }
            Output::Send { link, channel, data } => {
                self.hosts[host].frames += 1;
                if let Some(&(host, link)) = self.links.get(&(host, link)) {
                    self.deliver(host, Input::Frame { link, channel, data });
                }
            }
            Output::AwaitWritable { link } => self.deliver(host, Input::Writable { link }),
        }
    }

    /// The signaling server.
    fn serve(&mut self, host: usize, message: ClientMessage) {
        match message {
            ClientMessage::Join { room_id, peer_id, peer_name, .. } => {
                let peer = PeerEntry { id: peer_id.clone(), name: peer_name.clone() };
                let mates = self.mates(&room_id);
                let peers = mates.iter().map(|(_, peer)| peer.clone()).collect();
                for (mate, _) in mates {
                    let (room_id, peer_id, peer_name) = (room_id.clone(), peer_id.clone(), peer_name.clone());
                    self.tell(mate, &ServerMessage::PeerJoined { room_id, peer_id, peer_name });
                }
                self.hosts[host].socket = Some(Some(Member { room: room_id.clone(), peer }));
                let (ice_servers, resume_token) = (Vec::new(), None);
                self.tell(host, &ServerMessage::Peers { room_id, peers, ice_servers, resume_token });
            }
            ClientMessage::Leave { .. } => self.leave(host),
            ClientMessage::Offer(description) => {
                let to = description.to_peer_id.clone();
                self.relay(host, &to, &ServerMessage::Offer(description));
            }
            ClientMessage::Answer(description) => {
                let to = description.to_peer_id.clone();
                self.relay(host, &to, &ServerMessage::Answer(description));
            }
            ClientMessage::IceCandidate(_) => unreachable!("this driver gathers no candidates"),
        }
    }

    fn mates(&self, room: &str) -> Vec<(usize, PeerEntry)> {
        let members = self.hosts.iter().enumerate().filter_map(|(host, at)| match &at.socket {
            Some(Some(member)) if member.room == room => Some((host, member.peer.clone())),
            _ => None,
        });
        members.collect()
    }

    fn leave(&mut self, host: usize) {
        let Some(member) = self.hosts[host].socket.as_mut().and_then(Option::take) else { return };
        for (mate, _) in self.mates(&member.room) {
            let (room_id, peer_id) = (member.room.clone(), member.peer.id.clone());
            self.tell(mate, &ServerMessage::PeerLeft { room_id, peer_id });
        }
    }

    fn relay(&mut self, from: usize, to: &str, message: &ServerMessage) {
        let Some(Some(member)) = &self.hosts[from].socket else { return };
        let mates = self.mates(&member.room);
        if let Some((host, _)) = mates.into_iter().find(|(_, peer)| peer.id == to) {
            self.tell(host, message);
        }
    }

    fn tell(&mut self, host: usize, message: &ServerMessage) {
        self.deliver(host, Input::SignalingMessage(message.to_json()));
    }
}

fn describe(kind: &str, (host, link): End) -> String {
    serde_json::json!({ "type": kind, "sdp": format!("{host} {}", link.0) }).to_string()
}

fn end(description: &str) -> End {
    let description: serde_json::Value = serde_json::from_str(description).expect("made above");
    let (host, link) = description["sdp"].as_str().and_then(|sdp| sdp.split_once(' ')).expect("made above");
    (host.parse().expect("made above"), LinkId(link.parse().expect("made above")))
}
