//! A link at work: a connection, its sockets, and the task that looks after both.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use conjoin_peer::{Channel, IceServer, Input, LOW_WATER, LinkId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::sleep_until;

use crate::Candidates;
use crate::connection::{CHANNELS, Connection, LocalCandidate, Poll};
use crate::gather::{Gathered, Gatherer, Service};
use crate::interfaces::route;
use crate::mdns::MAX_NAMES;
use crate::socket::{Sender, Sockets, Udp};

/// How long what was sent may take to leave after the link was closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often is looked for something to read, and so much is gathered, before others get their turn.
const READS: usize = 16;
const ENOUGH: usize = 64;

/// A link to a peer, perhaps still to be.
pub(crate) struct Link {
    id: LinkId,
    sockets: Sockets,
    candidates: Candidates,
    /// What the signaling server names.
    ice_servers: Vec<IceServer>,
    /// Names of the peer that may be looked up now.
    names: Arc<Semaphore>,
    state: Mutex<State>,
    /// There is something to tell, or the deadline is nearer than the task knows.
    wake: Notify,
}

struct State {
    connection: Box<dyn Connection>,
    gatherer: Gatherer,
    sender: Sender,
    addresses: BTreeSet<IpAddr>,
    /// What the task must tell.
    inputs: Vec<Input>,
    /// When the connection wants to be called.
    deadline: Instant,
    /// Until when the task sleeps.
    armed: Instant,
    /// Somebody waits for the bulk channel to drain.
    awaited: bool,
    /// The link was closed here; this is when patience ends.
    closing: Option<Instant>,
    ended: bool,
}

impl Link {
    /// A link with these addresses of this machine, and the candidates for them.
    pub(crate) fn new(
        id: LinkId,
        connection: Box<dyn Connection>,
        sockets: Sockets,
        candidates: Candidates,
        ice_servers: Vec<IceServer>,
        addresses: &BTreeSet<IpAddr>,
    ) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            connection,
            gatherer: Gatherer::default(),
            sender: Sender::default(),
            addresses: BTreeSet::new(),
            inputs: Vec::new(),
            deadline: now,
            armed: now,
            awaited: false,
            closing: None,
            ended: false,
        };
        let names = Arc::new(Semaphore::new(MAX_NAMES));
        let (state, wake) = (Mutex::new(state), Notify::new());
        let link = Self { id, sockets, candidates, ice_servers, names, state, wake };
        // Those it has from the start stand in its descriptions.
        link.add_addresses(&mut link.state(), addresses);
        Arc::new(link)
    }

    /// These are the addresses of this machine now.
    pub(crate) fn set_addresses(&self, addresses: &BTreeSet<IpAddr>) {
        self.with(|state| {
            for gone in state.addresses.difference(addresses) {
                state.connection.remove_local(*gone);
            }
            state.addresses.retain(|address| addresses.contains(address));
            for candidate in self.add_addresses(state, addresses) {
                state.inputs.push(Input::Candidate { link: self.id, candidate });
            }
            let is_here = |address: IpAddr| address.is_loopback() || addresses.contains(&address);
            state.gatherer.reroute(Instant::now(), is_here, |server| self.base(server));
        });
    }

    /// The servers to ask for more addresses.
    pub(crate) fn ice_servers(&self) -> &[IceServer] {
        &self.ice_servers
    }

    /// There is a server to ask for more addresses.
    pub(crate) fn add_server(&self, service: &Service, server: SocketAddr) {
        if self.candidates == Candidates::Relayed && *service == Service::Stun {
            return;
        }
        self.with(|state| {
            state.gatherer.add(Instant::now(), service.clone(), server, |server| self.base(server));
        });
    }

    /// Whether a TURN server is spoken to over a stream.
    pub(crate) fn has_stream(&self, server: SocketAddr) -> bool {
        self.state().gatherer.has_stream(server)
    }

    /// There is a stream to a TURN server, into which `outlet` leads: from this end of it to that.
    pub(crate) fn add_stream(
        &self,
        path: (SocketAddr, SocketAddr),
        credentials: (&str, &str),
        outlet: mpsc::Sender<Vec<u8>>,
    ) {
        self.with(|state| state.gatherer.add_stream(Instant::now(), path, credentials, outlet));
    }

    /// A message came in such a stream.
    pub(crate) fn receive_stream(&self, path: (SocketAddr, SocketAddr), data: &[u8]) {
        self.with(|State { gatherer, connection, .. }| {
            let now = Instant::now();
            gatherer.receive_stream(now, path, data, |packet| connection.receive(now, packet));
        });
    }

    /// Such a stream has ended.
    pub(crate) fn remove_stream(&self, path: (SocketAddr, SocketAddr)) {
        self.with(|state| state.gatherer.remove_stream(path));
    }

    /// The address of this link that packets to this place leave from.
    fn base(&self, to: SocketAddr) -> Option<SocketAddr> {
        let address = route(to)?;
        Some(SocketAddr::new(address, self.sockets.of(&address)?.port()))
    }

    /// The candidates for addresses that are new.
    fn add_addresses(&self, state: &mut State, addresses: &BTreeSet<IpAddr>) -> Vec<String> {
        let mut candidates = Vec::new();
        for address in addresses {
            let Some(socket) = self.sockets.of(address) else { continue };
            if state.addresses.insert(*address) && self.candidates == Candidates::All {
                let candidate = LocalCandidate::Host(SocketAddr::new(*address, socket.port()));
                candidates.extend(state.connection.add_local(candidate));
            }
        }
        candidates
    }

    /// Makes an offer.
    pub(crate) fn offer(&self, ice_restart: bool) {
        self.negotiate(|connection| connection.offer(ice_restart).map(Some));
    }

    /// Answers an offer.
    pub(crate) fn accept(&self, offer: &str) {
        self.negotiate(|connection| connection.accept(offer).map(Some));
    }

    /// Takes an answer.
    pub(crate) fn complete(&self, answer: &str) {
        self.negotiate(|connection| connection.complete(answer).map(|()| None));
    }

    fn negotiate(&self, step: impl FnOnce(&mut dyn Connection) -> Result<Option<String>, String>) {
        let link = self.id;
        self.with(|state| {
            match step(&mut *state.connection) {
                Ok(Some(description)) => state.inputs.push(Input::Described { link, description }),
                Ok(None) => {}
                Err(error) => state.inputs.push(Input::LinkFailed { link, error }),
            }
            state.gatherer.refresh(Instant::now());
        });
    }

    /// Leave to look up one more name of the peer, while it is held.
    pub(crate) fn may_look_up(&self) -> Option<OwnedSemaphorePermit> {
        self.names.clone().try_acquire_owned().ok()
    }

    /// Adds a remote candidate, if it is one.
    pub(crate) fn add_candidate(&self, candidate: &str) {
        self.with(|state| state.connection.add_remote(candidate));
    }

    /// Takes a frame, which [`flush`](Self::flush) sends. A congested live channel drops it: what it carries is
    /// sent again, newer, by the next one.
    pub(crate) fn send(&self, channel: Channel, data: &[u8]) {
        let mut state = self.state();
        if channel == Channel::Live && state.connection.buffered(channel) > LOW_WATER {
            return;
        }
        if !state.connection.write(channel, data) {
            state.inputs.push(Input::ChannelClosed { link: self.id, channel });
            self.wake.notify_one();
        }
    }

    /// Sends what was taken.
    pub(crate) fn flush(&self) {
        self.with(|_| ());
    }

    /// Tells when the bulk channel has room.
    pub(crate) fn await_writable(&self) {
        self.with(|state| state.awaited = true);
    }

    /// Closes the link when what was sent has left, or after a moment. Nothing is told any more.
    pub(crate) fn close(&self) {
        self.with(|state| state.closing = Some(Instant::now() + PATIENCE));
        self.wake.notify_one();
    }

    /// Does something with the connection, and then what the connection wants. Not for the task.
    fn with(&self, act: impl FnOnce(&mut State)) {
        let mut state = self.state();
        act(&mut state);
        self.settle(&mut state);
        if !state.inputs.is_empty() || state.deadline < state.armed || state.sender.blocked_on().is_some() {
            self.wake.notify_one();
        }
    }

    /// Sends and notes all that the connection has to send and tell.
    fn settle(&self, state: &mut State) {
        self.drain(state);
        state.sender.flush(&self.sockets);
        if state.awaited && state.connection.buffered(Channel::Bulk) <= LOW_WATER {
            state.awaited = false;
            state.inputs.push(Input::Writable { link: self.id });
        }
    }

    /// Gathers what the connection has to send and tell, until it is idle or the system takes no more.
    fn drain(&self, state: &mut State) {
        let link = self.id;
        while state.sender.blocked_on().is_none() || state.sender.flush(&self.sockets) {
            match state.connection.poll() {
                Poll::Transmit { from, to, data } if state.gatherer.lends(from) => {
                    state.gatherer.send(Instant::now(), from, to, data);
                }
                Poll::Transmit { from, to, data } => state.sender.push(&self.sockets, from, to, data),
                Poll::State(now) => state.inputs.push(Input::Link { link, state: now }),
                Poll::Opened(channel) => state.inputs.push(Input::ChannelOpened { link, channel }),
                Poll::Closed(channel) => state.inputs.push(Input::ChannelClosed { link, channel }),
                Poll::Message(channel, data) => state.inputs.push(Input::Frame { link, channel, data }),
                Poll::Idle(_) if self.gather(state) => {}
                Poll::Idle(deadline) => {
                    let wake = state.gatherer.wake();
                    state.deadline = wake.map_or(deadline, |wake| wake.min(deadline));
                    return;
                }
                Poll::Ended(error) => {
                    if !std::mem::replace(&mut state.ended, true) {
                        state.inputs.push(Input::LinkFailed { link, error });
                    }
                    return;
                }
            }
        }
    }

    /// Sends and notes what is to be sent to servers and was found there; whether it is news for the connection.
    fn gather(&self, state: &mut State) -> bool {
        let mut news = false;
        if state.gatherer.is_idle() {
            return news;
        }
        while let Some(gathered) = state.gatherer.poll(Instant::now()) {
            match gathered {
                Gathered::Transmit { from, to, data } => state.sender.push(&self.sockets, from, to, data),
                Gathered::Found(local) => {
                    let candidate = state.connection.add_local(local);
                    let told = candidate.map(|candidate| Input::Candidate { link: self.id, candidate });
                    state.inputs.extend(told);
                    news = true;
                }
                Gathered::Lost(local) => {
                    state.connection.withdraw(local);
                    news = true;
                }
            }
        }
        news
    }

    /// Looks after the link until it is closed.
    pub(crate) async fn run(self: Arc<Self>, tell: impl Fn(Input)) {
        while let Some(inputs) = self.next() {
            for input in inputs {
                tell(input);
            }
            let (deadline, blocked) = self.arm();
            tokio::select! {
                () = self.wake.notified() => self.settle(&mut self.state()),
                () = readable(self.sockets.v4.as_ref()) => self.receive(self.sockets.v4.as_ref()),
                () = readable(self.sockets.v6.as_ref()) => self.receive(self.sockets.v6.as_ref()),
                () = writable(blocked.and_then(|address| self.sockets.of(&address))) => {
                    self.settle(&mut self.state());
                }
                () = sleep_until(deadline.into()) => {
                    let mut state = self.state();
                    state.connection.timeout(Instant::now());
                    self.settle(&mut state);
                }
            }
        }
    }

    /// What is to be told; nothing if the link has ended.
    fn next(&self) -> Option<Vec<Input>> {
        let mut state = self.state();
        let inputs = std::mem::take(&mut state.inputs);
        if state.closing.is_none() && (!state.ended || !inputs.is_empty()) {
            return Some(inputs);
        }
        let now = Instant::now();
        let until = *state.closing.get_or_insert(now + PATIENCE);
        let drained = CHANNELS.iter().all(|channel| state.connection.buffered(*channel) == 0);
        if drained || state.ended || now >= until {
            if !state.ended {
                state.connection.close();
            }
            self.settle(&mut state);
            state.gatherer.close(now);
            self.gather(&mut state);
            state.sender.flush(&self.sockets);
            if state.gatherer.is_closed() || now >= until {
                return None;
            }
            state.deadline = state.gatherer.wake().unwrap_or(until);
        }
        Some(Vec::new())
    }

    /// Until when the task may sleep, and whose socket has no room.
    fn arm(&self) -> (Instant, Option<IpAddr>) {
        let mut state = self.state();
        state.armed = state.closing.map_or(state.deadline, |until| until.min(state.deadline));
        (state.armed, state.sender.blocked_on())
    }

    /// Takes what has come.
    fn receive(&self, socket: Option<&Udp>) {
        let Some(socket) = socket else { return };
        let mut state = self.state();
        for _ in 0..READS {
            let now = Instant::now();
            let any = socket.receive(|packet| {
                let State { connection, gatherer, .. } = &mut *state;
                if !gatherer.receive(now, packet, |packet| connection.receive(now, packet)) {
                    connection.receive(now, packet);
                }
                self.drain(&mut state);
            });
            if !any || state.inputs.len() >= ENOUGH {
                break;
            }
        }
        self.settle(&mut state);
    }

    /// A panic leaves a connection that nobody should use; what it does then harms nobody else.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn readable(socket: Option<&Udp>) {
    match socket {
        Some(socket) => socket.readable().await,
        None => std::future::pending().await,
    }
}

async fn writable(socket: Option<&Udp>) {
    match socket {
        Some(socket) => socket.writable().await,
        None => std::future::pending().await,
    }
}
