//! The rooms, driven: one lock around the state machine, held for microseconds and never while
//! waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conjoin_signaling::IceServer;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::debug;

use crate::Limits;
use crate::outbox::Outbox;
use crate::rooms::{CloseReason, ConnId, Input, Output, Rooms};

/// The rooms and the queues of all sockets.
pub(crate) struct Hub {
    start: Instant,
    queue_limit: usize,
    state: Mutex<State>,
    /// Told when the timer has to wake earlier than it set out to.
    sooner: Notify,
}

struct State {
    rooms: Rooms,
    outboxes: HashMap<ConnId, Arc<Outbox>>,
    last_id: u64,
    /// When the timer is going to wake.
    armed: Option<Duration>,
    closed: bool,
}

/// How much the server has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Rooms with at least one peer.
    pub rooms: usize,
    /// Peers in rooms.
    pub peers: usize,
    /// Signaling sockets.
    pub connections: usize,
}

impl Hub {
    pub(crate) fn new(limits: Limits, ice_servers: Vec<IceServer>, queue_limit: usize) -> Self {
        let rooms = Rooms::new(limits, ice_servers, || {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).expect("a running system has randomness");
            bytes
        });
        let state = State { rooms, outboxes: HashMap::new(), last_id: 0, armed: None, closed: false };
        Self { start: Instant::now(), queue_limit, state: Mutex::new(state), sooner: Notify::new() }
    }

    /// Lets a socket in: its number, and the queue of what is to be written to it.
    pub(crate) fn connect(&self) -> (ConnId, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::default());
        let mut state = self.lock();
        state.last_id += 1;
        let conn = ConnId(state.last_id);
        if state.closed {
            outbox.close(CloseReason::GoingAway);
        } else {
            state.outboxes.insert(conn, outbox.clone());
            self.handle(&mut state, Input::Connected(conn));
        }
        (conn, outbox)
    }

    /// Hands in what happened on a socket.
    pub(crate) fn input(&self, input: Input<'_>) {
        self.handle(&mut self.lock(), input);
    }

    /// Tells all sockets to close, and lets no new ones in.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for (conn, outbox) in std::mem::take(&mut state.outboxes) {
            outbox.close(CloseReason::GoingAway);
            state.rooms.handle(self.start.elapsed(), Input::Closed(conn));
        }
        while state.rooms.poll().is_some() {}
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load {
            rooms: state.rooms.rooms(),
            peers: state.rooms.peers(),
            connections: state.rooms.connections(),
        }
    }

    pub(crate) fn rooms(&self) -> Vec<(Arc<str>, usize)> {
        self.lock().rooms.occupancy().collect()
    }

    /// Hands in the time whenever it is due; never ends.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = {
                let mut state = self.lock();
                state.armed = state.rooms.deadline();
                state.armed
            };
            let due = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(self.start + at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.input(Input::Timeout),
                () = self.sooner.notified() => {}
            }
        }
    }

    fn handle(&self, state: &mut State, input: Input<'_>) {
        let now = self.start.elapsed();
        if let Input::Closed(conn) = input {
            state.outboxes.remove(&conn);
        }
        state.rooms.handle(now, input);
        while let Some(output) = state.rooms.poll() {
            match output {
                Output::Send(conn, text) => {
                    let Some(outbox) = state.outboxes.get(&conn) else { continue };
                    if !outbox.push(text, self.queue_limit) {
                        debug!(conn = conn.0, "too slow");
                        outbox.close(CloseReason::TooSlow);
                        state.outboxes.remove(&conn);
                        // What this gives to do comes after what is already on the list.
                        state.rooms.handle(now, Input::Closed(conn));
                    }
                }
                Output::Ping(conn) => {
                    if let Some(outbox) = state.outboxes.get(&conn) {
                        outbox.ping();
                    }
                }
                Output::Close(conn, reason) => {
                    if let Some(outbox) = state.outboxes.remove(&conn) {
                        debug!(conn = conn.0, %reason, "closing");
                        outbox.close(reason);
                    }
                }
            }
        }
        let due = state.rooms.deadline();
        if due.is_some_and(|due| state.armed.is_none_or(|armed| due < armed)) {
            state.armed = due;
            self.sooner.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under this lock would be a bug of the rooms; the other sockets go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
