//! What one client cannot do to the others.

use std::time::{Duration, Instant};

use conjoin_server::{Config, Limits, Server};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{BOUND, Running};

#[tokio::test]
async fn too_large_a_message_is_told_and_the_socket_closed() {
    let server = Running::start().await;
    for size in [64 * 1024 + 1, 10 << 20] {
        let client = server.joined("r", "a").await;
        let (mut sink, mut stream) = client.socket.split();
        // The server stops reading messages long before the large one is through, so this may fail.
        let sending = tokio::spawn(async move { drop(sink.send(Message::text(" ".repeat(size))).await) });
        let mut seen = Vec::new();
        while let Ok(Some(Ok(message))) = timeout(BOUND, stream.next()).await {
            seen.push(match message {
                Message::Text(text) => {
                    serde_json::from_str::<serde_json::Value>(&text).unwrap()["code"].to_string()
                }
                Message::Close(Some(frame)) => u16::from(frame.code).to_string(),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(seen, ["\"too-large\"", "1009"], "{size} bytes");
        sending.abort();
        server.until(|load| load.peers == 0).await;
    }
}

#[tokio::test]
async fn the_largest_message_is_relayed() {
    let server = Running::start().await;
    let (mut ann, mut bob) = (server.joined("r", "a").await, server.joined("r", "b").await);
    ann.expect("peer-joined").await;
    let empty = json!({"type": "offer", "fromPeerId": "b", "toPeerId": "a", "sdp": ""}).to_string().len();
    let sdp = "x".repeat(64 * 1024 - empty);
    bob.send(json!({"type": "offer", "fromPeerId": "b", "toPeerId": "a", "sdp": sdp})).await;
    assert_eq!(ann.expect("offer").await["sdp"], sdp);
}

#[tokio::test]
async fn who_does_not_read_slows_nobody() {
    let limits = Limits { messages_per_second: 1_000_000, message_burst: 1_000_000, ..Limits::default() };
    let server = Running::with(Config { limits, queue_limit: 128 * 1024, ..Config::default() }).await;
    let (mut quick, mut sender) = (server.joined("r", "quick").await, server.joined("r", "sender").await);
    quick.expect("peer-joined").await;
    let _stuck = server.joined("r", "stuck").await;
    quick.expect("peer-joined").await;
    sender.expect("peer-joined").await;
    let large = "x".repeat(60_000);
    let mut slowest = Duration::ZERO;
    for n in 0.. {
        assert!(n < 5_000, "the stuck socket is still there");
        sender.send(json!({"type": "offer", "toPeerId": "stuck", "sdp": large})).await;
        sender.send(json!({"type": "offer", "toPeerId": "quick", "sdp": n.to_string()})).await;
        let sent = Instant::now();
        let message = quick.next().await;
        slowest = slowest.max(sent.elapsed());
        if message["type"] == "peer-left" {
            assert_eq!(message["peerId"], "stuck");
            break;
        }
        assert_eq!(message["sdp"], n.to_string());
    }
    assert!(slowest < Duration::from_secs(1), "a room mate waited {slowest:?}");
    server.until(|load| load.connections == 2).await;
}

#[tokio::test]
async fn a_flood_is_told_and_closed() {
    let limits = Limits { messages_per_second: 10, message_burst: 20, ..Limits::default() };
    let server = Running::limited(limits).await;
    let (mut ann, mut eve) = (server.joined("r", "a").await, server.joined("r", "e").await);
    ann.expect("peer-joined").await;
    for _ in 0..40 {
        eve.send(json!({"type": "news"})).await;
    }
    eve.expect_error("rate-limited").await;
    assert_eq!(eve.expect_close().await, 1008);
    assert_eq!(ann.expect("peer-left").await["peerId"], "e");
}

#[tokio::test]
async fn a_vanished_peer_is_found_by_pings_and_a_quiet_one_stays() {
    let limits = Limits {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Running::limited(limits).await;
    let mut ann = server.joined("r", "a").await;
    let _vanished = server.joined("r", "v").await;
    ann.expect("peer-joined").await;
    assert_eq!(ann.expect("peer-left").await["peerId"], "v");
    // Several more rounds in which only pongs come from here.
    let quiet = timeout(Duration::from_secs(2), ann.next()).await;
    assert!(quiet.is_err(), "nothing is said: {quiet:?}");
    assert_eq!(server.load().peers, 1);
}

#[tokio::test]
async fn who_never_joins_is_closed() {
    let server =
        Running::limited(Limits { join_timeout: Duration::from_millis(200), ..Limits::default() }).await;
    let mut client = server.client().await;
    assert_eq!(client.expect_close().await, 1008);
    server.until(|load| load.connections == 0).await;
}

#[tokio::test]
async fn a_full_server_and_a_full_room_say_so() {
    let limits = Limits { max_peers_per_room: 1, max_connections: 2, ..Limits::default() };
    let server = Running::limited(limits).await;
    let _ann = server.joined("r", "a").await;
    let mut bob = server.client().await;
    bob.send(json!({"type": "join", "roomId": "r", "peerId": "b"})).await;
    bob.expect_error("full").await;
    let mut cat = server.client().await;
    cat.expect_error("full").await;
    assert_eq!(cat.expect_close().await, 1013);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_crowd_that_comes_at_once_waits_for_its_turn() {
    // It does not accept yet. Without enough room to wait, connections would be dropped.
    let server = Server::bind(Config::default()).await.unwrap();
    let mut crowd = Vec::new();
    for n in 0..400 {
        let connected = timeout(BOUND, TcpStream::connect(server.local_addr())).await;
        crowd.push(connected.unwrap_or_else(|_| panic!("connection {n} was dropped")).unwrap());
    }
}
