//! The messages as they stand in JSON: one object for all of them, with the fields that any has.
//!
//! A derived enum would do the same with several times the code, which browsers have to load.

use serde::{Deserialize, Serialize};

use crate::{
    Candidate, ClientMessage, Description, ErrorCode, IceServer, InvalidMessage, PeerEntry, ServerMessage,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Wire {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<PeerEntry>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ice_servers: Vec<IceServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<ErrorCode>,
}

impl Wire {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and lists of strings always have a JSON form")
    }

    pub(crate) fn from_json(text: &str, limit: usize) -> Result<Self, InvalidMessage> {
        if text.len() > limit {
            return Err(InvalidMessage(format!("{} bytes, at most {limit} are taken", text.len())));
        }
        serde_json::from_str(text).map_err(|error| InvalidMessage(error.to_string()))
    }

    fn new(kind: &str) -> Self {
        Self { r#type: kind.to_owned(), ..Self::default() }
    }

    fn description(kind: &str, description: &Description) -> Self {
        Self {
            from_peer_id: Some(description.from_peer_id.clone()),
            to_peer_id: Some(description.to_peer_id.clone()),
            sdp: Some(description.sdp.clone()),
            connection: description.connection.clone(),
            ..Self::new(kind)
        }
    }

    fn candidate(candidate: &Candidate) -> Self {
        Self {
            from_peer_id: Some(candidate.from_peer_id.clone()),
            to_peer_id: Some(candidate.to_peer_id.clone()),
            candidate: Some(candidate.candidate.clone()),
            connection: candidate.connection.clone(),
            ..Self::new("ice-candidate")
        }
    }

    fn into_description(self) -> Result<Description, InvalidMessage> {
        Ok(Description {
            from_peer_id: self.from_peer_id.unwrap_or_default(),
            to_peer_id: needed(self.to_peer_id, "toPeerId")?,
            sdp: needed(self.sdp, "sdp")?,
            connection: self.connection,
        })
    }

    fn into_candidate(self) -> Result<Candidate, InvalidMessage> {
        Ok(Candidate {
            from_peer_id: self.from_peer_id.unwrap_or_default(),
            to_peer_id: needed(self.to_peer_id, "toPeerId")?,
            candidate: needed(self.candidate, "candidate")?,
            connection: self.connection,
        })
    }
}

fn needed<T>(field: Option<T>, name: &str) -> Result<T, InvalidMessage> {
    field.ok_or_else(|| InvalidMessage(format!("{name} is missing")))
}

impl From<&ClientMessage> for Wire {
    fn from(message: &ClientMessage) -> Self {
        match message {
            ClientMessage::Join { room_id, peer_id, peer_name, resume_token } => Self {
                room_id: Some(room_id.clone()),
                peer_id: Some(peer_id.clone()),
                peer_name: peer_name.clone(),
                resume_token: resume_token.clone(),
                ..Self::new("join")
            },
            ClientMessage::Leave { room_id, peer_id } => {
                Self { room_id: Some(room_id.clone()), peer_id: Some(peer_id.clone()), ..Self::new("leave") }
            }
            ClientMessage::Offer(offer) => Self::description("offer", offer),
            ClientMessage::Answer(answer) => Self::description("answer", answer),
            ClientMessage::IceCandidate(candidate) => Self::candidate(candidate),
        }
    }
}

impl TryFrom<Wire> for ClientMessage {
    type Error = InvalidMessage;

    fn try_from(wire: Wire) -> Result<Self, InvalidMessage> {
        Ok(match &*wire.r#type {
            "join" => Self::Join {
                room_id: needed(wire.room_id, "roomId")?,
                peer_id: needed(wire.peer_id, "peerId")?,
                peer_name: wire.peer_name,
                resume_token: wire.resume_token,
            },
            "leave" => Self::Leave {
                room_id: needed(wire.room_id, "roomId")?,
                peer_id: needed(wire.peer_id, "peerId")?,
            },
            "offer" => Self::Offer(wire.into_description()?),
            "answer" => Self::Answer(wire.into_description()?),
            "ice-candidate" => Self::IceCandidate(wire.into_candidate()?),
            _ => return Err(InvalidMessage("its type is not known".to_owned())),
        })
    }
}

impl From<&ServerMessage> for Wire {
    fn from(message: &ServerMessage) -> Self {
        match message {
            ServerMessage::Peers { room_id, peers, ice_servers, resume_token } => Self {
                room_id: Some(room_id.clone()),
                peers: Some(peers.clone()),
                ice_servers: ice_servers.clone(),
                resume_token: resume_token.clone(),
                ..Self::new("peers")
            },
            ServerMessage::PeerJoined { room_id, peer_id, peer_name } => Self {
                room_id: Some(room_id.clone()),
                peer_id: Some(peer_id.clone()),
                peer_name: peer_name.clone(),
                ..Self::new("peer-joined")
            },
            ServerMessage::PeerLeft { room_id, peer_id } => Self {
                room_id: Some(room_id.clone()),
                peer_id: Some(peer_id.clone()),
                ..Self::new("peer-left")
            },
            ServerMessage::Error { message, code } => {
                Self { message: Some(message.clone()), code: *code, ..Self::new("error") }
            }
            ServerMessage::Offer(offer) => Self::description("offer", offer),
            ServerMessage::Answer(answer) => Self::description("answer", answer),
            ServerMessage::IceCandidate(candidate) => Self::candidate(candidate),
            ServerMessage::Unknown => Self::new("unknown"),
        }
    }
}

impl TryFrom<Wire> for ServerMessage {
    type Error = InvalidMessage;

    fn try_from(wire: Wire) -> Result<Self, InvalidMessage> {
        Ok(match &*wire.r#type {
            "peers" => Self::Peers {
                room_id: needed(wire.room_id, "roomId")?,
                peers: needed(wire.peers, "peers")?,
                ice_servers: wire.ice_servers,
                resume_token: wire.resume_token,
            },
            "peer-joined" => Self::PeerJoined {
                room_id: needed(wire.room_id, "roomId")?,
                peer_id: needed(wire.peer_id, "peerId")?,
                peer_name: wire.peer_name,
            },
            "peer-left" => Self::PeerLeft {
                room_id: needed(wire.room_id, "roomId")?,
                peer_id: needed(wire.peer_id, "peerId")?,
            },
            "error" => Self::Error { message: needed(wire.message, "message")?, code: wire.code },
            "offer" => Self::Offer(wire.into_description()?),
            "answer" => Self::Answer(wire.into_description()?),
            "ice-candidate" => Self::IceCandidate(wire.into_candidate()?),
            "" => return Err(InvalidMessage("type is missing".to_owned())),
            _ => Self::Unknown,
        })
    }
}
