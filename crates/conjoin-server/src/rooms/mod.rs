//! The rooms: who is where, who may say what to whom.
//!
//! One state machine without I/O, clocks or randomness of its own. Whoever drives it
//!
//! 1. hands one [`Input`] to [`Rooms::handle`], with the time;
//! 2. takes [`Rooms::poll`] until it gives `None`, and does what each [`Output`] says;
//! 3. hands in [`Input::Timeout`] when [`Rooms::deadline`] has come.
//!
//! The same inputs at the same times with the same randomness give the same outputs.
//!
//! ```
//! use std::time::Duration;
//! use conjoin_server::rooms::{ConnId, Input, Output, Rooms};
//! use conjoin_server::Limits;
//!
//! let mut seed = 0;
//! let mut rooms = Rooms::new(Limits::default(), Vec::new(), move || {
//!     seed += 1;
//!     u128::to_le_bytes(seed)
//! });
//! let now = Duration::ZERO;
//! rooms.handle(now, Input::Connected(ConnId(1)));
//! rooms.handle(now, Input::Text(ConnId(1), r#"{"type":"join","roomId":"r","peerId":"p"}"#));
//! let Some(Output::Send(ConnId(1), peers)) = rooms.poll() else { panic!("no answer") };
//! assert!(peers.starts_with(r#"{"type":"peers","roomId":"r","peers":[]"#));
//! ```
//!
//! # What holds
//!
//! - A socket is at most one peer in one room. Nothing it sends acts for another peer, and nothing
//!   it sends reaches another room.
//! - A peer id is held by one socket in a room. It changes hands at once to a socket that brings
//!   the resume token of the id, and otherwise only when its holder is closed or does not answer a
//!   ping in time. The room mates see nothing of that.
//! - Each deadline of a socket is kept as one entry that may be early, so that a message costs no
//!   timer.

mod close;
mod message;
mod pace;
mod seats;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use close::CloseReason;
use conjoin_signaling::{ErrorCode, IceServer, ServerMessage};

use crate::Limits;
use message::{Invalid, Message};
use pace::{Pace, Verdict};

/// One socket. The driver numbers them, and never uses a number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// A socket opened.
    Connected(ConnId),
    /// A text message came.
    Text(ConnId, &'a str),
    /// A binary message came; read like text.
    Binary(ConnId, &'a [u8]),
    /// A message came that the driver did not take because of its size.
    TooLarge(ConnId),
    /// Something came that is no WebSocket frame, or a text that is no UTF-8: nothing after it can
    /// be read.
    Malformed(ConnId),
    /// A pong, or a ping of the client's, came.
    Pong(ConnId),
    /// A socket closed.
    Closed(ConnId),
    /// The time of [`Rooms::deadline`] came.
    Timeout,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this text.
    Send(ConnId, String),
    /// Send a WebSocket ping.
    Ping(ConnId),
    /// Close the socket after what was sent before. Its number is forgotten already: whatever it
    /// still sends is ignored.
    Close(ConnId, CloseReason),
}

/// The state machine. See the [module](self) for how it is driven.
pub struct Rooms {
    limits: Limits,
    ice_servers: Vec<IceServer>,
    randomness: Box<dyn FnMut() -> [u8; 16] + Send>,
    conns: BTreeMap<ConnId, Conn>,
    rooms: BTreeMap<Arc<str>, Room>,
    /// How many members all rooms have together.
    peers: usize,
    /// One entry for each of `conns`: the same as its `wake`.
    timers: BTreeSet<(Duration, ConnId)>,
    outputs: VecDeque<Output>,
}

struct Conn {
    place: Place,
    pace: Pace,
    /// When it last gave a sign of life.
    heard: Duration,
    /// Since when a ping is out.
    pinged: Option<Duration>,
    /// Until when it has to join. `None` once it has.
    join_by: Option<Duration>,
    /// When to look at its deadlines: at the first of them or before.
    wake: Duration,
    /// Who gets this socket's seat if it does not answer.
    challenger: Option<ConnId>,
}

/// Where a socket is.
enum Place {
    Outside,
    /// Joining, while the holder of the id has time to answer a ping.
    Waiting(Box<Waiting>),
    Inside(Seat),
}

/// A peer id in a room.
#[derive(Clone, PartialEq, Eq)]
struct Seat {
    room: Arc<str>,
    peer: Arc<str>,
}

struct Waiting {
    seat: Seat,
    name: Option<Box<str>>,
    holder: ConnId,
    until: Duration,
}

#[derive(Default)]
struct Room {
    members: BTreeMap<Arc<str>, Member>,
}

struct Member {
    conn: ConnId,
    name: Option<Box<str>>,
    token: [u8; 16],
}

impl Rooms {
    /// Without rooms or sockets. `randomness` makes the resume tokens: 16 bytes nobody can guess.
    pub fn new(
        limits: Limits,
        ice_servers: Vec<IceServer>,
        randomness: impl FnMut() -> [u8; 16] + Send + 'static,
    ) -> Self {
        Self {
            limits,
            ice_servers,
            randomness: Box::new(randomness),
            conns: BTreeMap::new(),
            rooms: BTreeMap::new(),
            peers: 0,
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`, a duration since any fixed start.
    ///
    /// Inputs of a socket that is not connected, or no more, are ignored.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) {
        match input {
            Input::Connected(conn) => self.connected(now, conn),
            Input::Text(conn, text) => self.text(now, conn, text),
            Input::Binary(conn, bytes) if bytes.len() > self.limits.max_message => self.too_large(conn),
            Input::Binary(conn, bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.text(now, conn, text),
                // No JSON text is empty, so this is answered like any other that is none.
                Err(_) => self.text(now, conn, ""),
            },
            Input::TooLarge(conn) => self.too_large(conn),
            Input::Malformed(conn) => self.malformed(conn),
            Input::Pong(conn) => {
                self.is_taken(now, conn);
                self.keep_seat(conn);
            }
            Input::Closed(conn) => self.forget(conn),
            Input::Timeout => self.timeout(now),
        }
    }

    /// What is to be done next; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due. It may turn out that nothing was to be done yet.
    pub fn deadline(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// How many sockets there are.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// How many rooms there are; none is empty.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// The rooms, and how many peers each has.
    pub fn occupancy(&self) -> impl Iterator<Item = (Arc<str>, usize)> + '_ {
        self.rooms.iter().map(|(name, room)| (name.clone(), room.members.len()))
    }

    /// How many peers the rooms have together.
    pub fn peers(&self) -> usize {
        self.peers
    }

    fn connected(&mut self, now: Duration, conn: ConnId) {
        if self.conns.contains_key(&conn) {
            return;
        }
        if self.conns.len() >= self.limits.max_connections {
            self.error(conn, ErrorCode::Full, "The server is full");
            self.outputs.push_back(Output::Close(conn, CloseReason::Full));
            return;
        }
        let wake = now + self.limits.ping_interval.min(self.limits.join_timeout);
        self.timers.insert((wake, conn));
        let fresh = Conn {
            place: Place::Outside,
            pace: Pace::default(),
            heard: now,
            pinged: None,
            join_by: Some(now + self.limits.join_timeout),
            wake,
            challenger: None,
        };
        self.conns.insert(conn, fresh);
    }

    fn text(&mut self, now: Duration, conn: ConnId, text: &str) {
        if text.len() > self.limits.max_message {
            return self.too_large(conn);
        }
        if self.is_taken(now, conn) {
            self.message(now, conn, text);
        }
        // After the message: if that was its leave, the one who waits gets the seat.
        self.keep_seat(conn);
    }

    fn message(&mut self, now: Duration, conn: ConnId, text: &str) {
        match Message::read(text) {
            Ok(Message::Relay(relay)) => self.relay(conn, &relay),
            Ok(Message::Join { room, peer, name, token }) => {
                let seat = Seat { room: (*room).into(), peer: (*peer).into() };
                self.join(now, conn, seat, name.as_deref(), token.as_deref());
            }
            Ok(Message::Leave { room, peer }) => self.leave(conn, &room, &peer),
            Ok(Message::Unknown) => {}
            Err(Invalid(why)) => self.error(conn, ErrorCode::InvalidMessage, why),
        }
    }

    /// Notes a sign of life, and says whether the socket may send what it sent.
    fn is_taken(&mut self, now: Duration, conn: ConnId) -> bool {
        let Some(state) = self.conns.get_mut(&conn) else { return false };
        state.heard = now;
        state.pinged = None;
        let verdict = state.pace.take(now, &self.limits);
        match verdict {
            Verdict::Fine => return true,
            Verdict::Drop => {}
            Verdict::Tell => {
                let rate = self.limits.messages_per_second;
                self.error(conn, ErrorCode::RateLimited, format!("More than {rate} messages a second"));
            }
            Verdict::Close => self.close(conn, CloseReason::RateLimited),
        }
        false
    }

    fn too_large(&mut self, conn: ConnId) {
        if self.conns.contains_key(&conn) {
            let most = self.limits.max_message;
            self.error(conn, ErrorCode::TooLarge, format!("A message may have at most {most} bytes"));
            self.close(conn, CloseReason::TooLarge);
        }
    }

    fn malformed(&mut self, conn: ConnId) {
        if self.conns.contains_key(&conn) {
            self.error(conn, ErrorCode::InvalidMessage, "This is no WebSocket message of UTF-8 text");
            self.close(conn, CloseReason::Malformed);
        }
    }

    fn timeout(&mut self, now: Duration) {
        while let Some(&(at, conn)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            self.wake(now, conn);
        }
    }

    /// Does what is due for a socket whose timer was just taken out.
    fn wake(&mut self, now: Duration, conn: ConnId) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        if let Place::Waiting(waiting) = &state.place {
            if waiting.until <= now {
                let (holder, name) = (waiting.holder, waiting.name.clone());
                self.take_over(holder, conn, name, None);
            }
        } else if state.join_by.is_some_and(|by| by <= now) {
            return self.close(conn, CloseReason::NeverJoined);
        }
        let Some(state) = self.conns.get_mut(&conn) else { return };
        match state.pinged {
            Some(since) if since + self.limits.ping_timeout <= now => {
                return self.close(conn, CloseReason::NoAnswer);
            }
            None if state.heard + self.limits.ping_interval <= now => {
                state.pinged = Some(now);
                self.outputs.push_back(Output::Ping(conn));
            }
            _ => {}
        }
        self.arm(conn);
    }

    /// Sets the timer of a socket to its first deadline.
    fn arm(&mut self, conn: ConnId) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let life = match state.pinged {
            Some(since) => since + self.limits.ping_timeout,
            None => state.heard + self.limits.ping_interval,
        };
        let place = match &state.place {
            Place::Waiting(waiting) => Some(waiting.until),
            Place::Outside | Place::Inside(_) => state.join_by,
        };
        let wake = place.map_or(life, |place| place.min(life));
        self.timers.remove(&(state.wake, conn));
        state.wake = wake;
        self.timers.insert((wake, conn));
    }

    fn send(&mut self, conn: ConnId, message: &ServerMessage) {
        self.outputs.push_back(Output::Send(conn, message.to_json()));
    }

    fn error(&mut self, conn: ConnId, code: ErrorCode, message: impl Into<String>) {
        self.send(conn, &ServerMessage::error(code, message));
    }
}

#[cfg(test)]
mod tests;
