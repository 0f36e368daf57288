//! The signaling messages, and the limits that client and server agree on.
//!
//! One JSON object a WebSocket message, in the dialect of Cliffy's signaling server. Fields that
//! dialect does not have are optional, so its clients and servers read these messages too:
//! `iceServers` and `resumeToken` on `peers`, `resumeToken` on `join`, `code` on `error`, and
//! `connection` on the relayed messages.
//!
//! ```
//! use conjoin_signaling::ClientMessage;
//!
//! let join = ClientMessage::Join {
//!     room_id: "atlas".into(),
//!     peer_id: "p1".into(),
//!     peer_name: None,
//!     resume_token: None,
//! };
//! assert_eq!(join.to_json(), r#"{"type":"join","roomId":"atlas","peerId":"p1"}"#);
//! assert_eq!(ClientMessage::from_json(&join.to_json()), Ok(join));
//! ```

mod json;
mod wire;

use std::fmt;

use wire::Wire;

/// The largest signaling message a client sends, in bytes.
///
/// A session description is 1 to 4 KiB; this leaves room for many candidates.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// The largest signaling message a client accepts, in bytes: the list of a large room, with the
/// longest ids and names, is longer than anything that clients send.
pub const MAX_SERVER_MESSAGE: usize = 1024 * 1024;

/// The longest room or peer id, in bytes.
pub const MAX_ID: usize = 128;

/// The longest display name, in bytes.
pub const MAX_NAME: usize = 256;

/// What a client sends to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// Enter a room. Answered with [`ServerMessage::Peers`].
    Join {
        /// The room.
        room_id: String,
        /// The id this client chose for itself.
        peer_id: String,
        /// A name to show to the others.
        peer_name: Option<String>,
        /// What an earlier join was given: proves that `peer_id` is ours to take over.
        resume_token: Option<String>,
    },
    /// Leave the room. Not answered.
    Leave {
        /// The room.
        room_id: String,
        /// The client's own id.
        peer_id: String,
    },
    /// A session description that offers a link.
    Offer(Description),
    /// A session description that answers an offer.
    Answer(Description),
    /// An address at which a link may be reached.
    IceCandidate(Candidate),
}

/// What the server sends to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// Who is in the room already, the receiver not included. The newcomer offers to each.
    Peers {
        /// The room.
        room_id: String,
        /// Those already there.
        peers: Vec<PeerEntry>,
        /// STUN and TURN servers to use; none are needed on one machine or LAN.
        ice_servers: Vec<IceServer>,
        /// To be sent with the next join after a lost socket, to take over at once.
        resume_token: Option<String>,
    },
    /// Somebody entered the room, and will offer.
    PeerJoined {
        /// The room.
        room_id: String,
        /// Who.
        peer_id: String,
        /// A name to show.
        peer_name: Option<String>,
    },
    /// Somebody left the room.
    PeerLeft {
        /// The room.
        room_id: String,
        /// Who.
        peer_id: String,
    },
    /// Something was refused.
    Error {
        /// For people.
        message: String,
        /// For programs.
        code: Option<ErrorCode>,
    },
    /// An offer, relayed.
    Offer(Description),
    /// An answer, relayed.
    Answer(Description),
    /// A candidate, relayed.
    IceCandidate(Candidate),
    /// A type this version does not know; to be ignored.
    Unknown,
}

/// A peer as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerEntry {
    /// Its id.
    pub id: String,
    /// A name to show.
    pub name: Option<String>,
}

/// A session description on its way from one peer to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The sender; the server overwrites what a client writes here.
    pub from_peer_id: String,
    /// The receiver, in the same room.
    pub to_peer_id: String,
    /// JSON text of `{type, sdp}`.
    pub sdp: String,
    /// Which attempt to connect this belongs to, so that late messages of an earlier attempt
    /// are told apart. Absent from clients that do not know it.
    pub connection: Option<String>,
}

/// An ICE candidate on its way from one peer to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The sender; the server overwrites what a client writes here.
    pub from_peer_id: String,
    /// The receiver, in the same room.
    pub to_peer_id: String,
    /// JSON text of an `RTCIceCandidateInit`.
    pub candidate: String,
    /// Which attempt to connect this belongs to, as in [`Description::connection`].
    pub connection: Option<String>,
}

/// A STUN or TURN server, in the form of the browser's `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` addresses.
    pub urls: Vec<String>,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN.
    pub credential: Option<String>,
}

/// Why the server refused something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not JSON, or a field is missing or too long.
    InvalidMessage,
    /// Another live client has the id.
    IdTaken,
    /// This socket's id was taken over by a newer socket of the same client; it is closed.
    Replaced,
    /// No such peer in the room.
    UnknownPeer,
    /// A message that needs a room came before `join`, or names another room or id.
    NotJoined,
    /// The room or the server is full.
    Full,
    /// More messages than the server takes from one client.
    RateLimited,
    /// A message larger than the server takes.
    TooLarge,
    /// A code this version does not know.
    Other,
}

/// A message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidMessage(String);

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid signaling message: {}", self.0)
    }
}

impl std::error::Error for InvalidMessage {}

impl ClientMessage {
    /// As JSON text.
    pub fn to_json(&self) -> String {
        Wire::from(self).to_json()
    }

    /// From JSON text.
    ///
    /// # Errors
    /// If the text is no known message or longer than [`MAX_MESSAGE`].
    pub fn from_json(text: &str) -> Result<Self, InvalidMessage> {
        Wire::from_json(text, MAX_MESSAGE)?.try_into()
    }
}

impl ServerMessage {
    /// As JSON text.
    pub fn to_json(&self) -> String {
        Wire::from(self).to_json()
    }

    /// From JSON text. A `type` this version does not know gives [`ServerMessage::Unknown`].
    ///
    /// # Errors
    /// If the text is no message or longer than [`MAX_SERVER_MESSAGE`].
    pub fn from_json(text: &str) -> Result<Self, InvalidMessage> {
        Wire::from_json(text, MAX_SERVER_MESSAGE)?.try_into()
    }

    /// An error with a code.
    pub fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), code: Some(code) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_cliffy_dialect_are_read() {
        let peers = r#"{"type":"peers","roomId":"r","peers":[{"id":"a"},{"id":"b","name":"B"}]}"#;
        let Ok(ServerMessage::Peers { peers, ice_servers, resume_token, .. }) =
            ServerMessage::from_json(peers)
        else {
            panic!("not read: {peers}");
        };
        assert_eq!(peers.len(), 2);
        assert_eq!(peers[0].name, None);
        assert!(ice_servers.is_empty() && resume_token.is_none());

        let offer = r#"{"type":"offer","fromPeerId":"a","toPeerId":"b","sdp":"{}"}"#;
        let Ok(ClientMessage::Offer(offer)) = ClientMessage::from_json(offer) else {
            panic!("not read: {offer}")
        };
        assert_eq!(offer.to_peer_id, "b");

        let error = r#"{"type":"error","message":"Invalid message format"}"#;
        assert!(matches!(ServerMessage::from_json(error), Ok(ServerMessage::Error { code: None, .. })));
    }

    #[test]
    fn an_absent_name_is_an_absent_key() {
        let joined = ServerMessage::PeerJoined { room_id: "r".into(), peer_id: "a".into(), peer_name: None };
        assert_eq!(joined.to_json(), r#"{"type":"peer-joined","roomId":"r","peerId":"a"}"#);
    }

    #[test]
    fn unknown_types_and_codes_are_not_errors() {
        assert_eq!(ServerMessage::from_json(r#"{"type":"news","x":[1]}"#), Ok(ServerMessage::Unknown));
        let error = ServerMessage::from_json(r#"{"type":"error","message":"m","code":"odd"}"#);
        assert!(matches!(error, Ok(ServerMessage::Error { code: Some(ErrorCode::Other), .. })));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(ClientMessage::from_json("{").is_err());
        assert!(ClientMessage::from_json(r#"{"type":"join"}"#).is_err());
        assert!(ClientMessage::from_json(&" ".repeat(MAX_MESSAGE + 1)).is_err());
        assert!(ServerMessage::from_json(&" ".repeat(MAX_SERVER_MESSAGE + 1)).is_err());
    }

    #[test]
    fn the_list_of_a_large_room_is_read() {
        let peer = PeerEntry { id: "\"".repeat(MAX_ID), name: Some("\"".repeat(MAX_NAME)) };
        let peers = vec![peer; 1_000];
        let list =
            ServerMessage::Peers { room_id: "r".into(), peers, ice_servers: Vec::new(), resume_token: None };
        assert!(list.to_json().len() > MAX_MESSAGE);
        assert_eq!(ServerMessage::from_json(&list.to_json()), Ok(list));
    }
}
