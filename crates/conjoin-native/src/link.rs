//! A link at work: a connection, its sockets, and the task that looks after both.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use conjoin_peer::{Channel, Input, LOW_WATER, LinkId};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::connection::{Connection, LocalCandidate, Poll};
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
    state: Mutex<State>,
    /// There is something to tell, or the deadline is nearer than the task knows.
    wake: Notify,
}

struct State {
    connection: Box<dyn Connection>,
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
        addresses: &BTreeSet<IpAddr>,
    ) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            connection,
            sender: Sender::default(),
            addresses: BTreeSet::new(),
            inputs: Vec::new(),
            deadline: now,
            armed: now,
            awaited: false,
            closing: None,
            ended: false,
        };
        let link = Self { id, sockets, state: Mutex::new(state), wake: Notify::new() };
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
        });
    }

    /// The candidates for addresses that are new.
    fn add_addresses(&self, state: &mut State, addresses: &BTreeSet<IpAddr>) -> Vec<String> {
        let mut candidates = Vec::new();
        for address in addresses {
            let Some(socket) = self.sockets.of(address) else { continue };
            if state.addresses.insert(*address) {
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
        self.with(|state| match step(&mut *state.connection) {
            Ok(Some(description)) => state.inputs.push(Input::Described { link, description }),
            Ok(None) => {}
            Err(error) => state.inputs.push(Input::LinkFailed { link, error }),
        });
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
                Poll::Transmit { from, to, data } => state.sender.push(&self.sockets, from, to, data),
                Poll::State(now) => state.inputs.push(Input::Link { link, state: now }),
                Poll::Opened(channel) => state.inputs.push(Input::ChannelOpened { link, channel }),
                Poll::Closed(channel) => state.inputs.push(Input::ChannelClosed { link, channel }),
                Poll::Message(channel, data) => state.inputs.push(Input::Frame { link, channel, data }),
                Poll::Idle(deadline) => {
                    state.deadline = deadline;
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
        let Some(until) = state.closing else {
            return (!state.ended || !inputs.is_empty()).then_some(inputs);
        };
        let drained = CHANNELS.iter().all(|channel| state.connection.buffered(*channel) == 0);
        if drained || state.ended || Instant::now() >= until {
            state.connection.close();
            self.settle(&mut state);
            return None;
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
                state.connection.receive(now, packet);
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

const CHANNELS: [Channel; 2] = [Channel::Bulk, Channel::Live];

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
