//! The signaling server, and the sockets between it and the peers.

use std::time::Duration;

use conjoin_peer::{Input, Output};
use conjoin_server::Limits;
use conjoin_server::rooms::{self, ConnId, Rooms};

use crate::random::Random;
use crate::world::{Happening, Mode, World};

/// Between a peer and the server.
const DELAY: Duration = Duration::from_millis(15);

/// A socket that broke while its machine was offline is found broken within this time.
const RESET: Duration = Duration::from_secs(5);

/// What reaches the server.
#[derive(Debug)]
pub(crate) enum ToServer {
    Text(ConnId, String),
    Pong(ConnId),
    Closed(ConnId),
    Deadline(Duration),
}

pub(crate) fn rooms(seed: u64) -> Rooms {
    let mut tokens = Random::new(!seed);
    // The mesh is to be measured beyond what is sensible.
    let limits = Limits { max_peers_per_room: 1000, ..Limits::default() };
    Rooms::new(limits, Vec::new(), move || {
        let mut token = [0; 16];
        token[..8].copy_from_slice(&tokens.next().to_le_bytes());
        token
    })
}

impl World {
    /// The signaling server is killed.
    pub fn stop_server(&mut self) {
        self.say(|| "the server dies".into());
        self.server_up = false;
        self.break_sockets();
    }

    /// A new signaling server, which knows nothing of the former.
    pub fn start_server(&mut self) {
        self.say(|| "a new server starts".into());
        self.rooms = rooms(self.random.next());
        self.server_armed = None;
        self.server_up = true;
    }

    /// All signaling sockets break, as when a proxy in front of the server starts anew.
    pub fn break_sockets(&mut self) {
        for (conn, at) in std::mem::take(&mut self.conns) {
            let reason = "the connection was lost".into();
            self.later(DELAY, Happening::Socket(at, conn, Input::SignalingClosed { reason }));
            self.later(DELAY, Happening::Server(ToServer::Closed(conn)));
        }
    }

    /// A peer's end of the socket is closed without a word.
    pub(crate) fn socket_breaks(&mut self, at: usize) {
        if let Some(conn) = self.nodes[at].conn.take()
            && !self.network.is_offline(at)
        {
            self.later(DELAY, Happening::Server(ToServer::Closed(conn)));
        }
    }

    pub(crate) fn tell_server(&mut self, at: usize, output: Output) {
        let offline = self.network.is_offline(at);
        match output {
            Output::OpenSignaling { .. } if offline || !self.server_up => {
                // Offline, the attempt fails at once or gets no answer at all.
                if !offline || self.random.chance(0.5) {
                    let reason = "no server".into();
                    self.later(DELAY, Happening::Input(at, Input::SignalingClosed { reason }));
                }
            }
            Output::OpenSignaling { .. } => {
                let conn = ConnId(self.next_conn);
                self.next_conn += 1;
                self.conns.insert(conn, at);
                self.nodes[at].conn = Some(conn);
                self.serve(rooms::Input::Connected(conn));
                self.later(DELAY * 2, Happening::Socket(at, conn, Input::SignalingOpened));
            }
            Output::SendSignaling(text) => {
                let Some(conn) = self.nodes[at].conn else { return };
                if offline {
                    self.nodes[at].held_up.push(text);
                } else {
                    self.later(DELAY, Happening::Server(ToServer::Text(conn, text)));
                }
            }
            Output::CloseSignaling => {
                self.nodes[at].held_up.clear();
                self.nodes[at].held_down.clear();
                self.socket_breaks(at);
            }
            _ => unreachable!("no output for the server"),
        }
    }

    pub(crate) fn hear_server(&mut self, at: usize, conn: ConnId, input: Input) {
        if self.nodes[at].conn != Some(conn) {
            return self.reset(at, conn);
        }
        if self.network.is_offline(at) {
            return self.nodes[at].held_down.push(input);
        }
        if matches!(input, Input::SignalingClosed { .. }) {
            self.nodes[at].conn = None;
        }
        self.input(at, input);
    }

    /// Something came for a socket that the peer has closed, which its system answers.
    fn reset(&mut self, at: usize, conn: ConnId) {
        if !self.network.is_offline(at) && self.nodes[at].mode != Mode::Dead {
            self.later(DELAY, Happening::Server(ToServer::Closed(conn)));
        }
    }

    /// A peer is online again: what its socket held goes on, or the socket is found broken.
    pub(crate) fn release_socket(&mut self, at: usize) {
        let up = std::mem::take(&mut self.nodes[at].held_up);
        let down = std::mem::take(&mut self.nodes[at].held_down);
        let Some(conn) = self.nodes[at].conn else { return };
        if self.conns.contains_key(&conn) {
            for input in down {
                self.hear_server(at, conn, input);
            }
            for text in up {
                self.later(DELAY, Happening::Server(ToServer::Text(conn, text)));
            }
        } else {
            let found = self.random.upto(RESET);
            let reason = "the connection was lost".into();
            self.later(found, Happening::Socket(at, conn, Input::SignalingClosed { reason }));
        }
    }

    pub(crate) fn at_server(&mut self, what: ToServer) {
        match what {
            ToServer::Text(conn, text) => self.serve(rooms::Input::Text(conn, &text)),
            ToServer::Pong(conn) => self.serve(rooms::Input::Pong(conn)),
            ToServer::Closed(conn) => {
                self.conns.remove(&conn);
                self.serve(rooms::Input::Closed(conn));
            }
            ToServer::Deadline(at) => {
                if self.server_armed == Some(at) {
                    self.server_armed = None;
                    self.serve(rooms::Input::Timeout);
                }
            }
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
                        self.later(DELAY, Happening::Socket(at, conn, Input::SignalingMessage(text)));
                    }
                }
                rooms::Output::Ping(conn) => {
                    // A paused page's browser answers for it.
                    let Some(&at) = self.conns.get(&conn) else { continue };
                    if self.nodes[at].conn != Some(conn) {
                        self.reset(at, conn);
                    } else if matches!(self.nodes[at].mode, Mode::Awake | Mode::Paused)
                        && !self.network.is_offline(at)
                    {
                        self.later(DELAY * 2, Happening::Server(ToServer::Pong(conn)));
                    }
                }
                rooms::Output::Close(conn, reason) => {
                    if let Some(at) = self.conns.remove(&conn) {
                        let closed = Input::SignalingClosed { reason: reason.to_string() };
                        self.later(DELAY, Happening::Socket(at, conn, closed));
                    }
                }
            }
        }
        if let Some(deadline) = self.rooms.deadline()
            && self.server_armed.is_none_or(|armed| deadline < armed)
        {
            self.server_armed = Some(deadline);
            let delay = deadline.saturating_sub(self.now);
            self.later(delay, Happening::Server(ToServer::Deadline(deadline)));
        }
    }
}
