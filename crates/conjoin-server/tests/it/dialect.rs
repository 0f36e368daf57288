//! The Cliffy dialect, with none of the faults of its server.

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{Client, Running};

#[tokio::test]
async fn peers_meet_and_are_introduced() {
    let server = Running::start().await;
    let mut ann = server.client().await;
    ann.send(json!({"type": "join", "roomId": "r", "peerId": "a", "peerName": "Ann"})).await;
    let peers = ann.expect("peers").await;
    assert_eq!(peers["peers"], json!([]));
    assert!(peers["resumeToken"].is_string() && peers.get("iceServers").is_none());

    let mut bob = server.client().await;
    bob.send(json!({"type": "join", "roomId": "r", "peerId": "b"})).await;
    assert_eq!(bob.expect("peers").await["peers"], json!([{"id": "a", "name": "Ann"}]));
    assert_eq!(ann.next().await, json!({"type": "peer-joined", "roomId": "r", "peerId": "b"}));

    bob.send(json!({"type": "leave", "roomId": "r", "peerId": "b"})).await;
    assert_eq!(ann.next().await, json!({"type": "peer-left", "roomId": "r", "peerId": "b"}));
    server.stop().await;
}

#[tokio::test]
async fn any_query_and_binary_frames_are_taken() {
    let server = Running::start().await;
    let mut client = Client::open(&format!("ws://{}/?room=r&x=%20", server.address)).await;
    let join = Bytes::from_static(br#"{"type":"join","roomId":"r","peerId":"a"}"#);
    client.socket.send(Message::Binary(join)).await.unwrap();
    client.expect("peers").await;
}

#[tokio::test]
async fn a_relay_carries_the_real_sender_and_all_its_fields() {
    let server = Running::start().await;
    let (mut ann, mut bob) = (server.joined("r", "a").await, server.joined("r", "b").await);
    ann.expect("peer-joined").await;
    for kind in ["offer", "answer", "ice-candidate"] {
        let mut message = json!({
            "type": kind, "fromPeerId": "somebody else", "toPeerId": "a", "connection": "7",
            "sdp": "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}", "later": {"deep": [1, null]},
        });
        bob.send(message.clone()).await;
        message["fromPeerId"] = "b".into();
        assert_eq!(ann.next().await, message);
    }
}

#[tokio::test]
async fn a_relay_to_nobody_or_to_another_room_is_refused() {
    let server = Running::start().await;
    let (mut ann, mut bob) = (server.joined("r", "a").await, server.joined("s", "b").await);
    bob.send(json!({"type": "offer", "fromPeerId": "b", "toPeerId": "a", "sdp": "{}"})).await;
    bob.expect_error("unknown-peer").await;
    bob.send(json!({"type": "offer", "fromPeerId": "b", "toPeerId": "c", "sdp": "{}"})).await;
    bob.expect_error("unknown-peer").await;
    assert_eq!(ann.all_until_now().await, [json!(null); 0]);
}

#[tokio::test]
async fn nobody_is_evicted_by_another() {
    let server = Running::start().await;
    let (mut ann, mut bob) = (server.joined("r", "a").await, server.joined("r", "b").await);
    ann.expect("peer-joined").await;
    let mut eve = server.client().await;
    for leave in [
        json!({"type": "leave", "roomId": "r", "peerId": "a"}),
        json!({"type": "leave", "roomId": "r", "peerId": "b"}),
    ] {
        eve.send(leave.clone()).await;
        eve.expect_error("not-joined").await;
        if leave["peerId"] != "b" {
            bob.send(leave).await;
            bob.expect_error("not-joined").await;
        }
    }
    assert_eq!(ann.all_until_now().await, [json!(null); 0]);
    assert_eq!(server.load().peers, 2);
}

#[tokio::test]
async fn malformed_messages_leave_the_socket_open_and_unknown_types_are_ignored() {
    let server = Running::start().await;
    let mut client = server.joined("r", "a").await;
    client.send_text("{").await;
    let error = json!({"type": "error", "message": "Invalid message format", "code": "invalid-message"});
    assert_eq!(client.next().await, error);
    client.send(json!({"type": "weather", "roomId": 5})).await;
    assert_eq!(client.all_until_now().await, [json!(null); 0]);
}

#[tokio::test]
async fn a_closed_or_lost_socket_leaves_at_once() {
    let server = Running::start().await;
    let (mut ann, bob) = (server.joined("r", "a").await, server.joined("r", "b").await);
    ann.expect("peer-joined").await;
    bob.close().await;
    assert_eq!(ann.expect("peer-left").await["peerId"], "b");
    let cat = server.joined("r", "c").await;
    ann.expect("peer-joined").await;
    drop(cat);
    assert_eq!(ann.expect("peer-left").await["peerId"], "c");
    server.until(|load| load.connections == 1).await;
}

#[tokio::test]
async fn ice_servers_are_handed_to_clients() {
    let config = conjoin_server::Config {
        ice_servers: vec![conjoin_server::IceServer {
            urls: vec!["turn:t".into()],
            username: Some("u".into()),
            credential: Some("c".into()),
        }],
        ..Default::default()
    };
    let server = Running::with(config).await;
    let mut client = server.client().await;
    client.send(json!({"type": "join", "roomId": "r", "peerId": "a"})).await;
    let peers = client.expect("peers").await;
    assert_eq!(peers["iceServers"], json!([{"urls": ["turn:t"], "username": "u", "credential": "c"}]));
}
