//! All that can happen to the rooms of the server, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use conjoin_server::Limits;
use conjoin_server::rooms::{ConnId, Input, Output, Rooms};
use conjoin_signaling::{Candidate, ClientMessage, Description, ErrorCode, ServerMessage};

use crate::frames::{damaged, take};

const ROOMS: [&str; 3] = ["r", "s", "ü"];
const PEERS: [&str; 3] = ["a", "b", "c \"d\""];

/// At one moment, so many time-outs in a row may each have something to do.
const TIMEOUTS: usize = 3;

/// Where a socket is, as the outputs tell.
#[derive(Debug, Clone, PartialEq)]
struct Seat {
    room: String,
    peer: String,
}

struct World {
    rooms: Rooms,
    limits: Limits,
    now: Duration,
    opened: u64,
    open: BTreeSet<ConnId>,
    /// The seat that a socket last asked for.
    wanted: BTreeMap<ConnId, Seat>,
    seats: BTreeMap<ConnId, Seat>,
    /// Who is in the room of a socket, as that socket was told.
    lists: BTreeMap<ConnId, BTreeSet<String>>,
    tokens: BTreeMap<(String, String), String>,
}

/// A history of inputs, mostly such as sockets and clients would bring about.
pub fn rooms(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(mut world) = World::new(&mut input) else { return };
    while !input.is_empty() {
        if world.step(&mut input).is_err() {
            break;
        }
    }
    world.finish();
}

impl World {
    fn new(input: &mut Unstructured<'_>) -> Result<Self> {
        let strict = input.ratio(1, 4)?;
        let limits = Limits {
            max_message: 2000,
            max_peers_per_room: input.int_in_range(1..=3)?,
            max_rooms: input.int_in_range(1..=3)?,
            max_connections: input.int_in_range(1..=8)?,
            // An account of who is where is only kept where nobody talks in vain.
            messages_per_second: if strict { 2 } else { 1_000_000 },
            message_burst: if strict { 3 } else { 1_000_000 },
            ..Limits::default()
        };
        let mut token = 0_u128;
        let rooms = Rooms::new(limits.clone(), Vec::new(), move || {
            token += 1;
            token.to_be_bytes()
        });
        Ok(Self {
            rooms,
            limits,
            now: Duration::ZERO,
            opened: 0,
            open: BTreeSet::new(),
            wanted: BTreeMap::new(),
            seats: BTreeMap::new(),
            lists: BTreeMap::new(),
            tokens: BTreeMap::new(),
        })
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let conn = self.conn(input)?;
        match input.int_in_range(0..=11u8)? {
            0 | 1 => {
                let conn = ConnId(self.opened);
                self.opened += 1;
                if self.open.len() < self.limits.max_connections {
                    self.open.insert(conn);
                }
                self.handle(Input::Connected(conn), None);
            }
            2..=5 => {
                let token = match input.int_in_range(0..=3u8)? {
                    0 => Some("0".repeat(32)),
                    1 => None,
                    _ => {
                        let key = ((*input.choose(&ROOMS)?).to_owned(), (*input.choose(&PEERS)?).to_owned());
                        self.tokens.get(&key).cloned()
                    }
                };
                self.say(
                    conn,
                    &ClientMessage::Join {
                        room_id: (*input.choose(&ROOMS)?).into(),
                        peer_id: (*input.choose(&PEERS)?).into(),
                        peer_name: input.arbitrary::<bool>()?.then(|| "Ada".into()),
                        resume_token: token,
                    },
                );
            }
            6 => {
                let (room_id, peer_id) = ((*input.choose(&ROOMS)?).into(), (*input.choose(&PEERS)?).into());
                self.say(conn, &ClientMessage::Leave { room_id, peer_id });
            }
            7 | 8 => {
                let (from_peer_id, to_peer_id) =
                    ((*input.choose(&PEERS)?).into(), (*input.choose(&PEERS)?).into());
                let message = match input.arbitrary()? {
                    true => ClientMessage::Offer(Description {
                        from_peer_id,
                        to_peer_id,
                        sdp: "sdp".into(),
                        connection: None,
                    }),
                    false => ClientMessage::IceCandidate(Candidate {
                        from_peer_id,
                        to_peer_id,
                        candidate: "here".into(),
                        connection: Some("7".into()),
                    }),
                };
                let text = damaged(message.to_json().into_bytes(), input)?;
                self.handle(Input::Binary(conn, &text), Some(conn));
            }
            9 => {
                let bytes = take(input)?;
                self.handle(Input::Binary(conn, &bytes), Some(conn));
            }
            10 => {
                let unit = *input.choose(&[1, 100])?;
                self.now += Duration::from_millis(unit * u64::from(input.arbitrary::<u8>()?));
                self.handle(Input::Timeout, None);
            }
            _ => match input.int_in_range(0..=3u8)? {
                0 if input.arbitrary()? => self.handle(Input::Malformed(conn), Some(conn)),
                0 => self.handle(Input::TooLarge(conn), Some(conn)),
                1 | 2 => self.handle(Input::Pong(conn), Some(conn)),
                _ => {
                    self.gone(conn);
                    self.handle(Input::Closed(conn), Some(conn));
                }
            },
        }
        Ok(())
    }

    /// Any socket there ever was, rather one that is open.
    fn conn(&self, input: &mut Unstructured<'_>) -> Result<ConnId> {
        let open: Vec<_> = self.open.iter().copied().collect();
        if open.is_empty() || input.ratio(1, 16)? {
            return Ok(ConnId(input.int_in_range(0..=self.opened)?));
        }
        input.choose(&open).copied()
    }

    fn gone(&mut self, conn: ConnId) {
        self.open.remove(&conn);
        self.seats.remove(&conn);
        self.wanted.remove(&conn);
        self.lists.remove(&conn);
    }

    fn say(&mut self, conn: ConnId, message: &ClientMessage) {
        match message {
            ClientMessage::Join { room_id, peer_id, .. } if self.open.contains(&conn) => {
                let seat = Seat { room: room_id.clone(), peer: peer_id.clone() };
                let held = self.seats.get(&conn).cloned();
                if held.as_ref().is_none_or(|held| held.peer == seat.peer) {
                    if held.is_some_and(|held| held != seat) {
                        self.seats.remove(&conn);
                    }
                    self.wanted.insert(conn, seat);
                }
            }
            ClientMessage::Leave { room_id, peer_id } => {
                let seat = Seat { room: room_id.clone(), peer: peer_id.clone() };
                if self.seats.get(&conn) == Some(&seat) {
                    self.seats.remove(&conn);
                }
            }
            _ => {}
        }
        self.handle(Input::Text(conn, &message.to_json()), Some(conn));
    }

    /// Hands in an input that `from` brought about, and holds what comes out against the account.
    fn handle(&mut self, input: Input<'_>, from: Option<ConnId>) {
        self.rooms.handle(self.now, input);
        self.outputs(from);
        for nth in 0.. {
            if self.rooms.deadline().is_none_or(|at| at > self.now) {
                break;
            }
            // Late time-outs are part of the game, but one moment's are to be done in a few.
            assert!(nth < TIMEOUTS, "time-outs that never end");
            self.rooms.handle(self.now, Input::Timeout);
            self.outputs(None);
        }
        assert_eq!(self.rooms.connections(), self.open.len());
        assert!(self.rooms.connections() <= self.limits.max_connections);
        assert!(self.rooms.rooms() <= self.limits.max_rooms && self.rooms.rooms() <= self.rooms.peers());
        assert!(self.rooms.peers() <= self.rooms.rooms() * self.limits.max_peers_per_room);
        if self.keeps_account() {
            assert_eq!(self.rooms.peers(), self.seats.len());
            let rooms: BTreeSet<_> = self.seats.values().map(|seat| &seat.room).collect();
            assert_eq!(self.rooms.rooms(), rooms.len());
            for (conn, seat) in &self.seats {
                let mates =
                    self.seats.values().filter(|mate| mate.room == seat.room && mate.peer != seat.peer);
                let mates: BTreeSet<_> = mates.map(|mate| mate.peer.clone()).collect();
                assert_eq!(self.lists.get(conn), Some(&mates), "what {conn:?} was told is what is true");
            }
        }
    }

    fn keeps_account(&self) -> bool {
        self.limits.messages_per_second > 100
    }

    fn outputs(&mut self, from: Option<ConnId>) {
        let mut most = 4 * (self.limits.max_connections + 1);
        while let Some(output) = self.rooms.poll() {
            most = most.checked_sub(1).expect("an input brings about no more than a few words to everybody");
            match output {
                Output::Ping(conn) => assert!(self.open.contains(&conn), "a ping to nobody"),
                Output::Close(conn, _) => {
                    // One too many was never taken in.
                    assert!(self.open.contains(&conn) || conn.0 + 1 == self.opened, "{conn:?} closed twice");
                    self.gone(conn);
                }
                Output::Send(conn, text) => self.sent(from, conn, &text),
            }
        }
    }

    fn sent(&mut self, from: Option<ConnId>, to: ConnId, text: &str) {
        let Ok(message) = ServerMessage::from_json(text) else {
            // In the sender's own words, which were not all that a message needs.
            assert!(from.is_some_and(|from| self.neighbors(from, to)), "only who shares a room: {text}");
            return;
        };
        assert!(
            self.open.contains(&to)
                || matches!(message, ServerMessage::Error { code: Some(ErrorCode::Full), .. }),
            "a message to nobody: {text}"
        );
        match message {
            ServerMessage::Peers { room_id, peers, resume_token, .. } => {
                let seat = self.wanted.get(&to).expect("only who asked for a seat gets one").clone();
                if self.keeps_account() {
                    assert_eq!(seat.room, room_id);
                    // Whoever had it before has it no more.
                    self.seats.retain(|conn, held| *conn == to || *held != seat);
                }
                let token = resume_token.expect("with each list comes a token");
                self.tokens.insert((seat.room.clone(), seat.peer.clone()), token);
                self.lists.insert(to, peers.into_iter().map(|peer| peer.id).collect());
                self.seats.insert(to, seat);
            }
            ServerMessage::PeerJoined { room_id, peer_id, .. } => {
                self.told(to, &room_id);
                let list = self.lists.entry(to).or_default();
                assert!(list.insert(peer_id) || !self.keeps_account(), "joined twice");
            }
            ServerMessage::PeerLeft { room_id, peer_id } => {
                self.told(to, &room_id);
                let list = self.lists.entry(to).or_default();
                assert!(list.remove(&peer_id) || !self.keeps_account(), "left, but was not there");
            }
            ServerMessage::Error { code, .. } => assert!(code.is_some(), "programs want a code"),
            ServerMessage::Offer(Description { from_peer_id, to_peer_id, .. })
            | ServerMessage::Answer(Description { from_peer_id, to_peer_id, .. })
            | ServerMessage::IceCandidate(Candidate { from_peer_id, to_peer_id, .. }) => {
                let from = from.expect("somebody sent it");
                assert!(self.neighbors(from, to), "only who shares a room: {text}");
                if self.keeps_account() {
                    assert_eq!(from_peer_id, self.seats[&from].peer, "signed by its sender");
                    assert_eq!(to_peer_id, self.seats[&to].peer);
                }
            }
            ServerMessage::Unknown => panic!("not for the server to say: {text}"),
        }
    }

    fn told(&self, to: ConnId, room: &str) {
        if self.keeps_account() {
            assert_eq!(self.seats.get(&to).map(|seat| &*seat.room), Some(room), "only of its own room");
        }
    }

    fn neighbors(&self, one: ConnId, other: ConnId) -> bool {
        let room = |conn| self.seats.get(&conn).map(|seat| &seat.room);
        !self.keeps_account() || (room(one).is_some() && room(one) == room(other))
    }

    /// When all are gone, nothing is left.
    fn finish(mut self) {
        for conn in self.open.clone() {
            self.gone(conn);
            self.handle(Input::Closed(conn), Some(conn));
        }
        assert_eq!((self.rooms.peers(), self.rooms.rooms(), self.rooms.deadline()), (0, 0, None));
    }
}
