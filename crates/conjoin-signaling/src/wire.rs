//! The messages as they stand in JSON: one object for all of them, with the fields that any has.

use crate::json::{Malformed, Reader, Writer};
use crate::{
    Candidate, ClientMessage, Description, ErrorCode, IceServer, InvalidMessage, PeerEntry, ServerMessage,
};

#[derive(Default)]
pub(crate) struct Wire {
    r#type: String,
    room_id: Option<String>,
    peer_id: Option<String>,
    peer_name: Option<String>,
    peers: Option<Vec<PeerEntry>>,
    ice_servers: Vec<IceServer>,
    resume_token: Option<String>,
    from_peer_id: Option<String>,
    to_peer_id: Option<String>,
    sdp: Option<String>,
    candidate: Option<String>,
    connection: Option<String>,
    message: Option<String>,
    code: Option<ErrorCode>,
}

/// The fields, in the order they are written in.
const FIELDS: [&str; 14] = [
    "type",
    "roomId",
    "peerId",
    "peerName",
    "peers",
    "iceServers",
    "resumeToken",
    "fromPeerId",
    "toPeerId",
    "sdp",
    "candidate",
    "connection",
    "message",
    "code",
];

impl Wire {
    pub(crate) fn to_json(&self) -> String {
        let mut json = Writer::object();
        let text = |json: &mut Writer, field: usize, value: Option<&str>| {
            if let Some(value) = value {
                json.member(FIELDS[field]);
                json.string(value);
            }
        };
        text(&mut json, 0, Some(&self.r#type));
        text(&mut json, 1, self.room_id.as_deref());
        text(&mut json, 2, self.peer_id.as_deref());
        text(&mut json, 3, self.peer_name.as_deref());
        if let Some(peers) = &self.peers {
            json.member(FIELDS[4]);
            json.list(peers.len(), &mut |json, at| write_peer(json, &peers[at]));
        }
        if !self.ice_servers.is_empty() {
            json.member(FIELDS[5]);
            json.list(self.ice_servers.len(), &mut |json, at| write_server(json, &self.ice_servers[at]));
        }
        text(&mut json, 6, self.resume_token.as_deref());
        text(&mut json, 7, self.from_peer_id.as_deref());
        text(&mut json, 8, self.to_peer_id.as_deref());
        text(&mut json, 9, self.sdp.as_deref());
        text(&mut json, 10, self.candidate.as_deref());
        text(&mut json, 11, self.connection.as_deref());
        text(&mut json, 12, self.message.as_deref());
        text(&mut json, 13, self.code.map(code_name));
        json.close();
        json.text
    }

    pub(crate) fn from_json(text: &str, limit: usize) -> Result<Self, InvalidMessage> {
        if text.len() > limit {
            return Err(InvalidMessage(format!("{} bytes, at most {limit} are taken", text.len())));
        }
        Self::read(text).map_err(|Malformed(reason)| InvalidMessage(reason.to_owned()))
    }

    fn read(text: &str) -> Result<Self, Malformed> {
        let mut wire = Self::default();
        let mut json = Reader::new(text);
        json.object(&FIELDS, &mut |json, field| {
            match field {
                0 => wire.r#type = json.string()?,
                1 => wire.room_id = json.optional()?,
                2 => wire.peer_id = json.optional()?,
                3 => wire.peer_name = json.optional()?,
                4 if json.null() => {}
                4 => {
                    let mut peers = Vec::new();
                    json.list(&mut |json| {
                        peers.push(read_peer(json)?);
                        Ok(())
                    })?;
                    wire.peers = Some(peers);
                }
                5 => json.list(&mut |json| {
                    wire.ice_servers.push(read_server(json)?);
                    Ok(())
                })?,
                6 => wire.resume_token = json.optional()?,
                7 => wire.from_peer_id = json.optional()?,
                8 => wire.to_peer_id = json.optional()?,
                9 => wire.sdp = json.optional()?,
                10 => wire.candidate = json.optional()?,
                11 => wire.connection = json.optional()?,
                12 => wire.message = json.optional()?,
                _ => wire.code = json.optional()?.map(|name| code_of(&name)),
            }
            Ok(())
        })?;
        json.end()?;
        Ok(wire)
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

fn write_peer(json: &mut Writer, peer: &PeerEntry) {
    json.open();
    json.member("id");
    json.string(&peer.id);
    if let Some(name) = &peer.name {
        json.member("name");
        json.string(name);
    }
    json.close();
}

fn read_peer(json: &mut Reader<'_>) -> Result<PeerEntry, Malformed> {
    let (mut id, mut name) = (None, None);
    json.object(&["id", "name"], &mut |json, field| {
        match field {
            0 => id = Some(json.string()?),
            _ => name = json.optional()?,
        }
        Ok(())
    })?;
    Ok(PeerEntry { id: id.ok_or(Malformed("a peer has no id"))?, name })
}

fn write_server(json: &mut Writer, server: &IceServer) {
    json.open();
    json.member("urls");
    json.list(server.urls.len(), &mut |json, at| json.string(&server.urls[at]));
    for (field, value) in [("username", &server.username), ("credential", &server.credential)] {
        if let Some(value) = value {
            json.member(field);
            json.string(value);
        }
    }
    json.close();
}

fn read_server(json: &mut Reader<'_>) -> Result<IceServer, Malformed> {
    let (mut urls, mut username, mut credential) = (None, None, None);
    json.object(&["urls", "username", "credential"], &mut |json, field| {
        match field {
            0 => {
                let urls = urls.insert(Vec::new());
                json.list(&mut |json| {
                    urls.push(json.string()?);
                    Ok(())
                })?;
            }
            1 => username = json.optional()?,
            _ => credential = json.optional()?,
        }
        Ok(())
    })?;
    Ok(IceServer { urls: urls.ok_or(Malformed("a server has no urls"))?, username, credential })
}

const CODES: [(&str, ErrorCode); 8] = [
    ("invalid-message", ErrorCode::InvalidMessage),
    ("id-taken", ErrorCode::IdTaken),
    ("replaced", ErrorCode::Replaced),
    ("unknown-peer", ErrorCode::UnknownPeer),
    ("not-joined", ErrorCode::NotJoined),
    ("full", ErrorCode::Full),
    ("rate-limited", ErrorCode::RateLimited),
    ("too-large", ErrorCode::TooLarge),
];

fn code_name(code: ErrorCode) -> &'static str {
    CODES.iter().find(|entry| entry.1 == code).map_or("other", |entry| entry.0)
}

fn code_of(name: &str) -> ErrorCode {
    CODES.iter().find(|entry| entry.0 == name).map_or(ErrorCode::Other, |entry| entry.1)
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

#[cfg(test)]
mod tests;
