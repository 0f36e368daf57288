//! A digest of all that happens in a run.

use std::time::Duration;

use conjoin_peer::Input;

use crate::links::Body;
use crate::signaling::ToServer;
use crate::world::Happening;

/// FNV-1a over what happens, when, to whom, with which bytes.
#[derive(Debug)]
pub(crate) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    pub(crate) const fn digest(&self) -> u64 {
        self.0
    }

    pub(crate) fn note(&mut self, at: Duration, happening: &Happening) {
        self.word(at.as_nanos() as u64);
        match happening {
            Happening::Input(peer, input) => self.input(1, *peer, input),
            Happening::Socket(peer, _, input) => self.input(2, *peer, input),
            Happening::Deadline(peer, _) => self.words([3, *peer as u64]),
            Happening::Server(ToServer::Text(conn, text)) => {
                self.words([4, conn.0]);
                self.bytes(text.as_bytes());
            }
            Happening::Server(ToServer::Pong(conn)) => self.words([5, conn.0]),
            Happening::Server(ToServer::Closed(conn)) => self.words([6, conn.0]),
            Happening::Server(ToServer::Deadline(_)) => self.word(7),
            Happening::Connect(peer, link, ..) => self.words([8, *peer as u64, link.0]),
            Happening::Packet(packet) => {
                self.words([9, packet.to.0 as u64, packet.to.1.0]);
                match &packet.body {
                    Body::Live(data) => self.bytes(data),
                    Body::Data(number, chunk) => self.words([*number, chunk.size() as u64]),
                    Body::Sack(_) | Body::Close => {}
                }
            }
            Happening::Retransmit(peer, link) => self.words([10, *peer as u64, link.0]),
            Happening::Acknowledge(peer, link) => self.words([11, *peer as u64, link.0]),
            Happening::Watch(peer, link, _) => self.words([12, *peer as u64, link.0]),
        }
    }

    fn input(&mut self, tag: u64, peer: usize, input: &Input) {
        self.words([tag, peer as u64]);
        match input {
            Input::SignalingMessage(text) => self.bytes(text.as_bytes()),
            Input::Frame { data, .. } => self.bytes(data),
            _ => {}
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        for &byte in rest {
            self.word(u64::from(byte));
        }
    }

    fn words<const N: usize>(&mut self, words: [u64; N]) {
        for word in words {
            self.word(word);
        }
    }

    const fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
    }
}
