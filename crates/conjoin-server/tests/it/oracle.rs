//! The rooms against a slow model that is obviously right: after every step of a random history,
//! what each client was told is what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conjoin_server::Limits;
use conjoin_server::rooms::{CloseReason, ConnId, Input, Output, Rooms};
use conjoin_signaling::{ClientMessage, Description, ErrorCode, ServerMessage};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

const MAX_PEERS: usize = 2;
const WAIT: u64 = 2_000;

#[derive(Debug, Clone)]
enum Step {
    Open,
    Join { conn: usize, room: u8, peer: u8, token: Token },
    Leave { conn: usize, room: u8, peer: u8 },
    Offer { conn: usize, forged: u8, to: u8 },
    Pong { conn: usize },
    Close { conn: usize },
    Pass { ms: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Token {
    None,
    Right,
    Wrong,
}

fn step() -> impl Strategy<Value = Step> {
    let (conn, room, peer) = (0..8_usize, 0..2_u8, 0..3_u8);
    let token = prop_oneof![Just(Token::None), Just(Token::Right), Just(Token::Wrong)];
    prop_oneof![
        2 => Just(Step::Open),
        6 => (conn.clone(), room.clone(), peer.clone(), token)
            .prop_map(|(conn, room, peer, token)| Step::Join { conn, room, peer, token }),
        1 => (conn.clone(), room, peer.clone()).prop_map(|(conn, room, peer)| Step::Leave { conn, room, peer }),
        4 => (conn.clone(), peer.clone(), peer).prop_map(|(conn, forged, to)| Step::Offer { conn, forged, to }),
        1 => conn.clone().prop_map(|conn| Step::Pong { conn }),
        1 => conn.prop_map(|conn| Step::Close { conn }),
        2 => (1..2_500_u64).prop_map(|ms| Step::Pass { ms }),
    ]
}

/// A peer id in a room, who holds it, and who wants it until when.
#[derive(Debug)]
struct Seat {
    room: u8,
    peer: u8,
    holder: u64,
    claim: Option<(u64, u64)>,
}

/// What is true.
#[derive(Debug, Default)]
struct Model {
    now: u64,
    opened: u64,
    open: Vec<u64>,
    seats: Vec<Seat>,
    /// What a step has to tell sockets, beside the lists.
    errors: Vec<(u64, ErrorCode)>,
    closed: Vec<u64>,
    delivered: Option<(u64, u8)>,
}

impl Model {
    fn seat_of(&mut self, conn: u64) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.holder == conn)
    }

    fn apply(&mut self, step: &Step, conn: u64) {
        match *step {
            Step::Open => {
                self.opened += 1;
                self.open.push(self.opened);
            }
            Step::Join { room, peer, token, .. } => self.join(conn, room, peer, token),
            Step::Leave { room, peer, .. } => {
                if self.seat_of(conn).is_some_and(|seat| (seat.room, seat.peer) == (room, peer)) {
                    self.vacate(conn);
                } else if let Some(seat) = self.claimed_by(conn)
                    && (seat.room, seat.peer) == (room, peer)
                {
                    seat.claim = None;
                } else {
                    self.errors.push((conn, ErrorCode::NotJoined));
                }
            }
            Step::Offer { to, .. } => match self.seat_of(conn).map(|seat| (seat.room, seat.peer)) {
                None => self.errors.push((conn, ErrorCode::NotJoined)),
                Some((room, from)) => {
                    match self.seats.iter().find(|seat| (seat.room, seat.peer) == (room, to)) {
                        Some(seat) => self.delivered = Some((seat.holder, from)),
                        None => self.errors.push((conn, ErrorCode::UnknownPeer)),
                    }
                }
            },
            Step::Pong { .. } => {}
            Step::Close { .. } => self.close(conn),
            Step::Pass { ms } => {
                self.now += ms;
                for index in 0..self.seats.len() {
                    if let Some((claimer, until)) = self.seats[index].claim
                        && until <= self.now
                    {
                        self.replace(index, claimer);
                    }
                }
            }
        }
        // Whatever a holder sends shows that it lives.
        if !matches!(step, Step::Pass { .. } | Step::Open | Step::Close { .. })
            && let Some(seat) = self.seat_of(conn)
            && let Some((claimer, _)) = seat.claim.take()
        {
            self.errors.push((claimer, ErrorCode::IdTaken));
        }
    }

    fn join(&mut self, conn: u64, room: u8, peer: u8, token: Token) {
        match self.seat_of(conn).map(|seat| (seat.room, seat.peer)) {
            Some((_, own)) if own != peer => return self.errors.push((conn, ErrorCode::NotJoined)),
            Some((own, _)) if own == room => return,
            Some(_) => self.vacate(conn),
            None => {}
        }
        if let Some(seat) = self.claimed_by(conn) {
            if (seat.room, seat.peer) == (room, peer) && matches!(token, Token::None) {
                return;
            }
            seat.claim = None;
        }
        let Some(index) = self.seats.iter().position(|seat| (seat.room, seat.peer) == (room, peer)) else {
            return self.enter(conn, room, peer);
        };
        match (token, self.seats[index].claim) {
            (Token::Right, claim) => {
                self.errors.extend(claim.map(|(claimer, _)| (claimer, ErrorCode::IdTaken)));
                self.replace(index, conn);
            }
            (_, Some(_)) => self.errors.push((conn, ErrorCode::IdTaken)),
            (_, None) => self.seats[index].claim = Some((conn, self.now + WAIT)),
        }
    }

    fn claimed_by(&mut self, conn: u64) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.claim.is_some_and(|(claimer, _)| claimer == conn))
    }

    fn enter(&mut self, conn: u64, room: u8, peer: u8) {
        if self.seats.iter().filter(|seat| seat.room == room).count() >= MAX_PEERS {
            return self.errors.push((conn, ErrorCode::Full));
        }
        self.seats.push(Seat { room, peer, holder: conn, claim: None });
    }

    fn vacate(&mut self, conn: u64) {
        let Some(index) = self.seats.iter().position(|seat| seat.holder == conn) else { return };
        let seat = self.seats.swap_remove(index);
        if let Some((claimer, _)) = seat.claim {
            self.enter(claimer, seat.room, seat.peer);
        }
    }

    fn replace(&mut self, index: usize, conn: u64) {
        let seat = &mut self.seats[index];
        let former = std::mem::replace(&mut seat.holder, conn);
        seat.claim = None;
        self.errors.push((former, ErrorCode::Replaced));
        self.closed.push(former);
        self.open.retain(|open| *open != former);
    }

    fn close(&mut self, conn: u64) {
        self.open.retain(|open| *open != conn);
        if let Some(seat) = self.claimed_by(conn) {
            seat.claim = None;
        }
        match self.seat_of(conn) {
            Some(seat) if seat.claim.is_some() => {
                seat.holder = seat.claim.take().expect("it was there").0;
            }
            Some(_) => self.vacate(conn),
            None => {}
        }
    }

    fn mates(&self, conn: u64) -> Option<BTreeSet<u8>> {
        let room = self.seats.iter().find(|seat| seat.holder == conn)?.room;
        let mates = self.seats.iter().filter(|seat| seat.room == room && seat.holder != conn);
        Some(mates.map(|seat| seat.peer).collect())
    }
}

/// What clients believe, from what they were told.
#[derive(Debug, Default)]
struct Clients {
    lists: BTreeMap<u64, BTreeSet<u8>>,
    tokens: BTreeMap<(u8, u8), String>,
}

fn room_id(room: u8) -> String {
    format!("room {room}")
}

fn peer_id(peer: u8) -> String {
    format!("peer \"{peer}\"")
}

fn peer_of(id: &str) -> u8 {
    id.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("only our own ids are told")
}

fn message(step: &Step, clients: &Clients) -> Option<String> {
    let message = match *step {
        Step::Join { room, peer, token, .. } => ClientMessage::Join {
            room_id: room_id(room),
            peer_id: peer_id(peer),
            peer_name: None,
            resume_token: match token {
                Token::None => None,
                Token::Right => clients.tokens.get(&(room, peer)).cloned(),
                Token::Wrong => Some("0".repeat(32)),
            },
        },
        Step::Leave { room, peer, .. } => {
            ClientMessage::Leave { room_id: room_id(room), peer_id: peer_id(peer) }
        }
        Step::Offer { forged, to, .. } => ClientMessage::Offer(Description {
            from_peer_id: peer_id(forged),
            to_peer_id: peer_id(to),
            sdp: "{\"sdp\":\"v=0\"}".into(),
            connection: Some("c1".into()),
        }),
        Step::Open | Step::Pong { .. } | Step::Close { .. } | Step::Pass { .. } => return None,
    };
    Some(message.to_json())
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let day = Duration::from_secs(86_400);
    let limits = Limits {
        max_peers_per_room: MAX_PEERS,
        messages_per_second: 1_000_000,
        ping_interval: day,
        ping_timeout: day,
        join_timeout: day,
        ..Limits::default()
    };
    let mut seed = 1_u128;
    let mut rooms = Rooms::new(limits, Vec::new(), move || {
        seed += 1;
        seed.to_be_bytes()
    });
    let (mut model, mut clients) = (Model::default(), Clients::default());
    for step in steps {
        let conn = match step {
            Step::Join { conn, .. }
            | Step::Leave { conn, .. }
            | Step::Offer { conn, .. }
            | Step::Pong { conn }
            | Step::Close { conn } => match model.open.get(conn % model.open.len().max(1)) {
                Some(conn) => *conn,
                None => continue,
            },
            Step::Open => model.opened + 1,
            Step::Pass { .. } => 0,
        };
        let text = message(step, &clients);
        model.apply(step, conn);
        let input = match step {
            Step::Open => Input::Connected(ConnId(conn)),
            Step::Pong { .. } => Input::Pong(ConnId(conn)),
            Step::Close { .. } => Input::Closed(ConnId(conn)),
            Step::Pass { .. } => Input::Timeout,
            _ => Input::Text(ConnId(conn), text.as_deref().expect("all other steps send a message")),
        };
        rooms.handle(Duration::from_millis(model.now), input);
        check(&mut rooms, &mut model, &mut clients)?;
    }
    Ok(())
}

fn check(rooms: &mut Rooms, model: &mut Model, clients: &mut Clients) -> Result<(), TestCaseError> {
    let mut errors = Vec::new();
    let mut closed = Vec::new();
    let mut delivered = None;
    while let Some(output) = rooms.poll() {
        match output {
            Output::Ping(ConnId(conn)) => {
                prop_assert!(model.open.contains(&conn), "a ping to a closed socket")
            }
            Output::Close(ConnId(conn), reason) => {
                prop_assert_eq!(reason, CloseReason::Replaced);
                closed.push(conn);
            }
            Output::Send(ConnId(conn), text) => {
                prop_assert!(!closed.contains(&conn), "a message after the close");
                match ServerMessage::from_json(&text).expect("the server sends its own messages") {
                    ServerMessage::Peers { room_id, peers, resume_token, .. } => {
                        clients.lists.insert(conn, peers.iter().map(|peer| peer_of(&peer.id)).collect());
                        let seat = model.seat_of(conn).expect("only who is inside gets a list");
                        prop_assert_eq!(room_id, self::room_id(seat.room));
                        let token = resume_token.expect("every list carries a token");
                        clients.tokens.insert((seat.room, seat.peer), token);
                    }
                    ServerMessage::PeerJoined { peer_id, .. } => {
                        let list = clients.lists.get_mut(&conn).expect("a list comes first");
                        prop_assert!(list.insert(peer_of(&peer_id)), "joined twice");
                    }
                    ServerMessage::PeerLeft { peer_id, .. } => {
                        let list = clients.lists.get_mut(&conn).expect("a list comes first");
                        prop_assert!(list.remove(&peer_of(&peer_id)), "left, but was not there");
                    }
                    ServerMessage::Error { code, .. } => {
                        errors.push((conn, code.expect("every error has a code")))
                    }
                    ServerMessage::Offer(offer) => {
                        prop_assert_eq!(offer.connection.as_deref(), Some("c1"));
                        prop_assert!(delivered.replace((conn, peer_of(&offer.from_peer_id))).is_none());
                    }
                    other => prop_assert!(false, "not asked for: {other:?}"),
                }
            }
        }
    }
    let sorted = |mut errors: Vec<(u64, ErrorCode)>| {
        errors.sort_by_key(|(conn, code)| (*conn, format!("{code:?}")));
        errors
    };
    prop_assert_eq!(sorted(errors), sorted(std::mem::take(&mut model.errors)));
    let sets = (BTreeSet::from_iter(closed), BTreeSet::from_iter(std::mem::take(&mut model.closed)));
    prop_assert_eq!(sets.0, sets.1);
    prop_assert_eq!(delivered, model.delivered.take());
    for conn in &model.open {
        if let Some(mates) = model.mates(*conn) {
            prop_assert_eq!(clients.lists.get(conn), Some(&mates), "the list of {}", conn);
        }
    }
    let due =
        model.seats.iter().filter_map(|seat| seat.claim).map(|(_, until)| Duration::from_millis(until)).min();
    prop_assert!(due.is_none_or(|due| rooms.deadline().is_some_and(|deadline| deadline <= due)));
    prop_assert_eq!(rooms.connections(), model.open.len());
    prop_assert_eq!(rooms.peers(), model.seats.len());
    prop_assert_eq!(rooms.rooms(), model.seats.iter().map(|seat| seat.room).collect::<BTreeSet<_>>().len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_clients_are_told_is_what_is_true(steps in proptest::collection::vec(step(), 1..80)) {
        run(&steps)?;
    }
}
