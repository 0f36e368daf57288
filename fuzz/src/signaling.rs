//! Signaling texts, as clients and the server read them.

use std::time::Duration;

use conjoin_server::Limits;
use conjoin_server::rooms::{ConnId, Input, Output, Rooms};
use conjoin_signaling::{ClientMessage, MAX_MESSAGE, MAX_SERVER_MESSAGE, ServerMessage};

/// Two sockets in one room. What the first says is arbitrary.
const SENDER: ConnId = ConnId(1);
const RECEIVER: ConnId = ConnId(2);
const SENDER_ID: &str = "sender \"1\"";

/// A text message from anybody.
pub fn signaling(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        client_messages(text);
        server_messages(text);
    }
    relay(data);
}

fn client_messages(text: &str) {
    let Ok(message) = ClientMessage::from_json(text) else { return };
    let json = message.to_json();
    if json.len() <= MAX_MESSAGE {
        assert_eq!(ClientMessage::from_json(&json), Ok(message));
    }
}

fn server_messages(text: &str) {
    let Ok(message) = ServerMessage::from_json(text) else { return };
    let json = message.to_json();
    if json.len() <= MAX_SERVER_MESSAGE {
        assert_eq!(ServerMessage::from_json(&json), Ok(message));
    }
}

/// What the server makes of it: whatever it passes on is signed with the sender's real id, however the
/// receiver reads it, and says the same otherwise.
fn relay(data: &[u8]) {
    let mut rooms = Rooms::new(Limits::default(), Vec::new(), || [7; 16]);
    let mut handle = |input: Input<'_>| {
        rooms.handle(Duration::ZERO, input);
        std::iter::from_fn(|| rooms.poll()).collect::<Vec<_>>()
    };
    for (conn, peer) in [(SENDER, SENDER_ID), (RECEIVER, "b")] {
        handle(Input::Connected(conn));
        let join = ClientMessage::Join {
            room_id: "r".into(),
            peer_id: peer.into(),
            peer_name: None,
            resume_token: None,
        };
        handle(Input::Text(conn, &join.to_json()));
    }
    for output in handle(Input::Binary(SENDER, data)) {
        let Output::Send(to, text) = output else { continue };
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
            // What a receiver in a browser reads, and this one does not: a number out of range, half a
            // surrogate pair, or brackets too deep, in the sender's own words.
            assert_eq!(to, RECEIVER, "the server's own words are JSON: {text}");
            continue;
        };
        let kind = json["type"].as_str().expect("of some type");
        if to == SENDER || kind == "peer-left" {
            ServerMessage::from_json(&text).expect("the server's own messages are valid");
            continue;
        }
        assert!(["offer", "answer", "ice-candidate"].contains(&kind), "{text}");
        assert_eq!(json["fromPeerId"], SENDER_ID);
        assert_eq!(json["toPeerId"], "b");
        let mut said: serde_json::Value = serde_json::from_slice(data).expect("what is passed on was read");
        said["fromPeerId"] = SENDER_ID.into();
        assert_eq!(json, said, "only the sender differs");
        if let Ok(ServerMessage::Offer(description) | ServerMessage::Answer(description)) =
            ServerMessage::from_json(&text)
        {
            assert_eq!((&*description.from_peer_id, &*description.to_peer_id), (SENDER_ID, "b"));
        }
    }
}
