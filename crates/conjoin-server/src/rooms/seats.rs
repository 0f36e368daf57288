//! Who holds which peer id in which room: join, leave, take-over, and the relays between them.

use std::time::Duration;

use conjoin_signaling::{ErrorCode, PeerEntry, ServerMessage};

use super::message::Relay;
use super::{CloseReason, ConnId, Member, Output, Place, Rooms, Seat, Waiting};

impl Rooms {
    pub(super) fn join(
        &mut self,
        now: Duration,
        conn: ConnId,
        seat: Seat,
        name: Option<&str>,
        token: Option<&str>,
    ) {
        let Some(state) = self.conns.get(&conn) else { return };
        match &state.place {
            Place::Outside => {}
            Place::Inside(held) if held.peer != seat.peer => {
                let why = format!("This socket is peer {} already; another peer needs its own", held.peer);
                return self.error(conn, ErrorCode::NotJoined, why);
            }
            Place::Inside(held) if held.room == seat.room => {
                if let Some(member) = self.member_mut(&seat) {
                    member.name = name.map(Into::into);
                }
                return self.welcome(conn, &seat);
            }
            Place::Inside(_) => self.vacate(conn),
            Place::Waiting(waiting) if waiting.seat == seat && token.is_none() => return,
            Place::Waiting(_) => self.stop_waiting(conn),
        }
        let name = name.map(Into::into);
        match self.rooms.get(&seat.room).and_then(|room| room.members.get(&seat.peer)) {
            None => self.enter(conn, seat, name),
            Some(member) if token.is_some_and(|token| same_token(&member.token, token)) => {
                let (holder, token) = (member.conn, member.token);
                self.take_over(holder, conn, name, Some(token));
            }
            Some(member) => {
                let holder = member.conn;
                self.challenge(now, holder, conn, seat, name);
            }
        }
    }

    pub(super) fn leave(&mut self, conn: ConnId, room: &str, peer: &str) {
        let own = |seat: &Seat| *seat.room == *room && *seat.peer == *peer;
        match self.conns.get(&conn).map(|state| &state.place) {
            Some(Place::Inside(seat)) if own(seat) => self.vacate(conn),
            Some(Place::Waiting(waiting)) if own(&waiting.seat) => self.stop_waiting(conn),
            _ => self.error(
                conn,
                ErrorCode::NotJoined,
                format!("This socket is not peer {peer} in room {room}"),
            ),
        }
    }

    pub(super) fn relay(&mut self, conn: ConnId, relay: &Relay<'_>) {
        let Some(Place::Inside(seat)) = self.conns.get(&conn).map(|state| &state.place) else {
            return self.error(conn, ErrorCode::NotJoined, "Join a room first");
        };
        match self.rooms.get(&seat.room).and_then(|room| room.members.get(&*relay.to)) {
            Some(target) => self.outputs.push_back(Output::Send(target.conn, relay.signed(&seat.peer))),
            None => self.error(conn, ErrorCode::UnknownPeer, format!("No peer {} in this room", relay.to)),
        }
    }

    /// A socket is gone. Whoever waits for its seat gets it as it is.
    pub(super) fn forget(&mut self, conn: ConnId) {
        match self.conns.get(&conn).map(|state| (&state.place, state.challenger)) {
            Some((Place::Inside(_), Some(challenger))) => {
                if let Some(Place::Waiting(waiting)) = self.conns.get(&challenger).map(|state| &state.place) {
                    let name = waiting.name.clone();
                    self.hand_over(conn, challenger, name, None);
                }
            }
            Some((Place::Inside(_), None)) => self.vacate(conn),
            Some((Place::Waiting(_), _)) => self.stop_waiting(conn),
            Some((Place::Outside, _)) | None => {}
        }
        if let Some(state) = self.conns.remove(&conn) {
            self.timers.remove(&(state.wake, conn));
        }
    }

    pub(super) fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.outputs.push_back(Output::Close(conn, reason));
        self.forget(conn);
    }

    /// The holder of an id gave a sign of life: the one who wanted it does not get it.
    pub(super) fn keep_seat(&mut self, holder: ConnId) {
        let Some(challenger) = self.conns.get_mut(&holder).and_then(|state| state.challenger.take()) else {
            return;
        };
        let Some(state) = self.conns.get_mut(&challenger) else { return };
        let Place::Waiting(waiting) = std::mem::replace(&mut state.place, Place::Outside) else { return };
        self.arm(challenger);
        self.error(
            challenger,
            ErrorCode::IdTaken,
            format!("The id {} is taken in this room", waiting.seat.peer),
        );
    }

    /// Gives the seat of one socket to another, tells the former and closes it.
    pub(super) fn take_over(
        &mut self,
        from: ConnId,
        to: ConnId,
        name: Option<Box<str>>,
        token: Option<[u8; 16]>,
    ) {
        if self.conns.get(&from).is_some_and(|state| state.challenger != Some(to)) {
            self.keep_seat(from);
        }
        self.hand_over(from, to, name, token);
        self.error(from, ErrorCode::Replaced, "A newer socket took this peer's place");
        self.close(from, CloseReason::Replaced);
    }

    /// Gives the seat of one socket to another, unseen by the room. The former is left outside.
    fn hand_over(&mut self, from: ConnId, to: ConnId, name: Option<Box<str>>, token: Option<[u8; 16]>) {
        let Some(former) = self.conns.get_mut(&from) else { return };
        former.challenger = None;
        let Place::Inside(seat) = std::mem::replace(&mut former.place, Place::Outside) else { return };
        // The former holder may know the old token, and is not who holds the seat now.
        let token = token.unwrap_or_else(|| (self.randomness)());
        if let Some(member) = self.member_mut(&seat) {
            *member = Member { conn: to, name, token };
        }
        self.sit(to, seat);
    }

    /// Takes a seat that nobody holds.
    fn enter(&mut self, conn: ConnId, seat: Seat, name: Option<Box<str>>) {
        let size = self.rooms.get(&seat.room).map(|room| room.members.len());
        let full = match size {
            Some(size) => (size >= self.limits.max_peers_per_room).then_some("The room is full"),
            None => (self.rooms.len() >= self.limits.max_rooms)
                .then_some("The server has no place for another room"),
        };
        if let Some(why) = full {
            return self.error(conn, ErrorCode::Full, why);
        }
        let member = Member { conn, name: name.clone(), token: (self.randomness)() };
        self.rooms.entry(seat.room.clone()).or_default().members.insert(seat.peer.clone(), member);
        self.peers += 1;
        self.sit(conn, seat.clone());
        self.tell_others(&seat, || ServerMessage::PeerJoined {
            room_id: (*seat.room).into(),
            peer_id: (*seat.peer).into(),
            peer_name: name.map(Into::into),
        });
    }

    /// Gives up the seat of a socket. Whoever waits for it enters anew.
    fn vacate(&mut self, conn: ConnId) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let challenger = state.challenger.take();
        let Place::Inside(seat) = std::mem::replace(&mut state.place, Place::Outside) else { return };
        self.tell_others(&seat, || ServerMessage::PeerLeft {
            room_id: (*seat.room).into(),
            peer_id: (*seat.peer).into(),
        });
        if let Some(room) = self.rooms.get_mut(&seat.room) {
            room.members.remove(&seat.peer);
            self.peers -= 1;
            if room.members.is_empty() {
                self.rooms.remove(&seat.room);
            }
        }
        let Some(challenger) = challenger else { return };
        let Some(state) = self.conns.get_mut(&challenger) else { return };
        if let Place::Waiting(waiting) = std::mem::replace(&mut state.place, Place::Outside) {
            self.enter(challenger, waiting.seat, waiting.name);
            self.arm(challenger);
        }
    }

    /// Asks the holder of an id for a sign of life, on behalf of one who wants the id.
    fn challenge(&mut self, now: Duration, holder: ConnId, conn: ConnId, seat: Seat, name: Option<Box<str>>) {
        let Some(state) = self.conns.get_mut(&holder) else { return };
        if state.challenger.is_some() {
            let why = format!("The id {} is taken in this room", seat.peer);
            return self.error(conn, ErrorCode::IdTaken, why);
        }
        state.challenger = Some(conn);
        state.pinged.get_or_insert(now);
        self.outputs.push_back(Output::Ping(holder));
        self.arm(holder);
        if let Some(state) = self.conns.get_mut(&conn) {
            let until = now + self.limits.takeover_wait;
            // It waits for the server now, not the server for it.
            state.join_by = Some(until + self.limits.join_timeout);
            state.place = Place::Waiting(Box::new(Waiting { seat, name, holder, until }));
        }
        self.arm(conn);
    }

    fn stop_waiting(&mut self, conn: ConnId) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        if let Place::Waiting(waiting) = std::mem::replace(&mut state.place, Place::Outside)
            && let Some(holder) = self.conns.get_mut(&waiting.holder)
        {
            holder.challenger = None;
        }
    }

    /// Puts a socket on a seat that is noted as its own already.
    fn sit(&mut self, conn: ConnId, seat: Seat) {
        if let Some(state) = self.conns.get_mut(&conn) {
            state.place = Place::Inside(seat.clone());
            state.join_by = None;
        }
        self.welcome(conn, &seat);
    }

    /// Tells a member who else is there.
    fn welcome(&mut self, conn: ConnId, seat: &Seat) {
        let Some(room) = self.rooms.get(&seat.room) else { return };
        let others = room.members.iter().filter(|(peer, _)| **peer != seat.peer);
        let peers = ServerMessage::Peers {
            room_id: (*seat.room).into(),
            peers: others
                .map(|(peer, member)| PeerEntry {
                    id: (**peer).into(),
                    name: member.name.as_deref().map(Into::into),
                })
                .collect(),
            ice_servers: self.ice_servers.clone(),
            resume_token: room.members.get(&seat.peer).map(|member| token_text(&member.token)),
        };
        self.send(conn, &peers);
    }

    fn tell_others(&mut self, seat: &Seat, message: impl FnOnce() -> ServerMessage) {
        let Some(room) = self.rooms.get(&seat.room) else { return };
        if room.members.len() < 2 {
            return;
        }
        let text = message().to_json();
        for (_, member) in room.members.iter().filter(|(peer, _)| **peer != seat.peer) {
            self.outputs.push_back(Output::Send(member.conn, text.clone()));
        }
    }

    fn member_mut(&mut self, seat: &Seat) -> Option<&mut Member> {
        self.rooms.get_mut(&seat.room)?.members.get_mut(&seat.peer)
    }
}

fn token_text(token: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*token))
}

/// Compares in a time that does not tell how much of a guess is right.
fn same_token(token: &[u8; 16], guess: &str) -> bool {
    let token = token_text(token);
    token.len() == guess.len() && token.bytes().zip(guess.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}
