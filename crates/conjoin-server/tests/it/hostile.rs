//! Clients that mean harm, on bare TCP where no honest WebSocket library would do it. Each is
//! limited or closed, and the others in its room go on.

use std::time::Duration;

use conjoin_server::{Config, Limits};
use conjoin_signaling::{MAX_ID, MAX_NAME};
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{BOUND, Client, Running};

/// A connection on which a test writes what it likes.
struct Raw(TcpStream);

impl Raw {
    async fn open(server: &Running) -> Self {
        Self(TcpStream::connect(server.address).await.expect("it listens"))
    }

    /// One that is a WebSocket already.
    async fn socket(server: &Running) -> Self {
        Self::open(server).await.upgraded().await
    }

    /// Does the opening handshake.
    async fn upgraded(mut self) -> Self {
        let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert!(self.write(request.as_bytes()).await);
        let mut head = Vec::new();
        // Not a byte more: what the server says next may follow at once.
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(BOUND, self.0.read_u8()).await.expect("an answer in time");
            head.push(byte.expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        self
    }

    /// One that has joined room `r`.
    async fn joined(server: &Running, peer: &str) -> Self {
        Self::socket(server).await.entered(peer).await
    }

    /// Joins room `r`.
    async fn entered(mut self, peer: &str) -> Self {
        let join = json!({"type": "join", "roomId": "r", "peerId": peer}).to_string();
        assert!(self.write(&frame(0x81, join.as_bytes())).await);
        self.expect("peers").await;
        self
    }

    /// Writes, unless the server has closed.
    async fn write(&mut self, bytes: &[u8]) -> bool {
        timeout(BOUND, self.0.write_all(bytes)).await.expect("the server reads or closes").is_ok()
    }

    /// The next frame of the server; `None` if it closed.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let first = self.0.read_u8().await?;
            let length = match self.0.read_u8().await? {
                126 => usize::from(self.0.read_u16().await?),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((first & 0x0f, payload))
        };
        timeout(BOUND, read).await.expect("a frame or the end in time").ok()
    }

    async fn expect(&mut self, kind: &str) -> Value {
        let (_, text) = self.frame().await.expect("the socket is open");
        let message: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// An error of this code, then a close of this status, whatever stands before them.
    async fn expect_end(&mut self, code: Option<&str>, status: u16) {
        let mut told = None;
        while let Some((opcode, payload)) = self.frame().await {
            match opcode {
                1 => {
                    let message: Value = serde_json::from_slice(&payload).expect("JSON");
                    told = message["code"].as_str().map(str::to_owned).or(told);
                }
                8 => {
                    assert_eq!(payload.get(..2), Some(&status.to_be_bytes()[..]), "{payload:?}");
                    assert_eq!(told.as_deref(), code);
                    return;
                }
                _ => {}
            }
        }
        panic!("the connection ended without a close; told {told:?}");
    }
}

/// A frame of a client's, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    frame.extend(payload);
    frame
}

fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..126 => header.push(0x80 | length as u8),
        126..=0xffff => {
            header.push(0x80 | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}

/// Two honest peers of room `r`, whose talk must go on.
struct Honest {
    ann: Client,
    bob: Client,
    said: u32,
}

impl Honest {
    async fn enter(server: &Running) -> Self {
        let ann = server.joined("r", "ann").await;
        Self { ann, bob: server.joined("r", "bob").await, said: 0 }
    }

    /// Bob hears what Ann says, whoever comes and goes meanwhile.
    async fn talk(&mut self) {
        self.said += 1;
        let sdp = self.said.to_string();
        self.ann.send(json!({"type": "offer", "toPeerId": "bob", "sdp": sdp})).await;
        loop {
            let heard = self.bob.next().await;
            if heard["type"] == "offer" {
                assert_eq!((heard["fromPeerId"].as_str(), &heard["sdp"]), (Some("ann"), &json!(sdp)));
                return;
            }
        }
    }
}

fn quick() -> Limits {
    let soon = Duration::from_millis(400);
    Limits { ping_interval: soon, ping_timeout: soon, join_timeout: soon, ..Limits::default() }
}

#[tokio::test]
async fn a_frame_that_claims_to_be_huge_is_refused_at_its_header() {
    let server = Running::start().await;
    let mut honest = Honest::enter(&server).await;
    for length in [64 * 1024 + 1, 1 << 32, 1 << 62] {
        let mut eve = Raw::joined(&server, "eve").await;
        assert!(eve.write(&header(0x81, length)).await);
        eve.expect_end(Some("too-large"), 1009).await;
        honest.talk().await;
    }
    server.until(|load| load.connections == 2).await;
}

#[tokio::test]
async fn a_frame_of_more_than_2_to_the_63_is_refused() {
    let server = Running::start().await;
    let mut eve = Raw::joined(&server, "eve").await;
    assert!(eve.write(&header(0x81, u64::MAX)).await);
    eve.expect_end(Some("too-large"), 1009).await;
}

#[tokio::test]
async fn an_endless_message_in_fragments_is_refused_when_it_gets_too_large() {
    let server = Running::start().await;
    let mut honest = Honest::enter(&server).await;
    let mut eve = Raw::joined(&server, "eve").await;
    let mut first = 0x01;
    for _ in 0..65 {
        assert!(eve.write(&frame(first, &[b' '; 1024])).await, "closed before the limit");
        first = 0x00;
    }
    eve.expect_end(Some("too-large"), 1009).await;
    honest.talk().await;
}

#[tokio::test]
async fn an_endless_stream_of_empty_fragments_ends() {
    let server = Running::limited(quick()).await;
    let mut eve = Raw::joined(&server, "eve").await;
    let many = frame(0x00, b"").repeat(1000);
    assert!(eve.write(&frame(0x01, b"")).await);
    // It says nothing, as no message is ever whole, and is found by a ping that it does not answer.
    for _ in 0..100_000 {
        if !eve.write(&many).await {
            break;
        }
        if server.load().connections == 0 {
            break;
        }
    }
    server.until(|load| load.connections == 0).await;
}

#[tokio::test]
async fn a_stream_of_pings_is_a_flood() {
    for opcode in [0x89, 0x8a] {
        let limits = Limits { messages_per_second: 10, message_burst: 20, ..Limits::default() };
        let server = Running::limited(limits).await;
        let mut eve = Raw::joined(&server, "eve").await;
        assert!(eve.write(&frame(opcode, b"x").repeat(100)).await);
        eve.expect_end(Some("rate-limited"), 1008).await;
        server.until(|load| load.connections == 0).await;
    }
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_socket() {
    let server = Running::start().await;
    let mut honest = Honest::enter(&server).await;
    let unmasked = [0x81, 0x02, b'{', b'}'].to_vec();
    for broken in [
        unmasked,
        frame(0x83, b"reserved opcode"),
        frame(0xf1, b"reserved bits"),
        frame(0x89, &[b'x'; 126]),
        frame(0x09, b"a ping in fragments"),
        frame(0x00, b"goes on with nothing"),
        [frame(0x01, b"a"), frame(0x81, b"b")].concat(),
        frame(0x88, b"x"),
    ] {
        let mut eve = Raw::joined(&server, "eve").await;
        assert!(eve.write(&broken).await);
        eve.expect_end(Some("invalid-message"), 1002).await;
        server.until(|load| load.peers == 2).await;
        honest.talk().await;
    }
}

#[tokio::test]
async fn text_that_is_no_utf8_ends_the_socket() {
    let server = Running::start().await;
    let mut honest = Honest::enter(&server).await;
    let mut eve = Raw::joined(&server, "eve").await;
    assert!(eve.write(&frame(0x81, b"{\"type\":\"\xff\"}")).await);
    eve.expect_end(Some("invalid-message"), 1002).await;
    honest.talk().await;
    server.until(|load| load.connections == 2).await;
}

#[tokio::test]
async fn what_is_no_message_is_told_and_the_socket_goes_on() {
    let server = Running::start().await;
    let mut eve = server.joined("r", "eve").await;
    let deep = |open: &str, close: &str| format!("{{\"x\":{}{}}}", open.repeat(10_000), close.repeat(10_000));
    for text in [
        String::new(),
        "no JSON".to_owned(),
        "\0".repeat(1000),
        deep("[", "]"),
        deep("[", ""),
        format!("{}1{}", r#"{"x":"#.repeat(10_000), "}".repeat(10_000)),
        format!(r#"{{"type":"offer","toPeerId":{}}}"#, "9".repeat(60_000)),
        format!(r#"{{"type":"join","roomId":"r","peerId":"{}"}}"#, "p".repeat(MAX_ID + 1)),
        format!(r#"{{"type":"join","roomId":"{}","peerId":"eve"}}"#, "r".repeat(60_000)),
        format!(r#"{{"type":"join","roomId":"r","peerId":"eve","peerName":"{}"}}"#, "n".repeat(MAX_NAME + 1)),
    ] {
        eve.send_text(&text).await;
        eve.expect_error("invalid-message").await;
    }
    eve.socket.send(Message::binary(b"\xff\xfe".to_vec())).await.unwrap();
    eve.expect_error("invalid-message").await;
    assert_eq!(eve.all_until_now().await, [Value::Null; 0]);
}

#[tokio::test]
async fn ids_and_names_of_the_greatest_length_are_taken() {
    let server = Running::start().await;
    let (room, name) = ("r".repeat(MAX_ID), "ü".repeat(MAX_NAME / 2));
    let id = |n: usize| format!("{n:0MAX_ID$}");
    let mut first = server.joined(&room, &id(0)).await;
    let mut mates = Vec::new();
    for n in 1..64 {
        let mut client = server.client().await;
        client.send(json!({"type": "join", "roomId": room, "peerId": id(n), "peerName": name})).await;
        let peers = client.expect("peers").await;
        assert_eq!(peers["peers"].as_array().map(Vec::len), Some(n));
        let joined = first.expect("peer-joined").await;
        assert_eq!((joined["peerId"].as_str(), joined["peerName"].as_str()), (Some(&*id(n)), Some(&*name)));
        client.close().await;
        first.expect("peer-left").await;
        // Somebody of that id stays.
        mates.push(server.joined(&room, &id(n)).await);
        first.expect("peer-joined").await;
    }
}

#[tokio::test]
async fn a_thousand_rooms_on_one_socket_are_one_room_at_a_time() {
    let server = Running::start().await;
    let mut honest = Honest::enter(&server).await;
    let mut eve = server.client().await;
    for n in 0..1_000 {
        eve.send(json!({"type": "join", "roomId": format!("room-{n}"), "peerId": "eve"})).await;
        eve.expect("peers").await;
        assert_eq!((server.load().rooms, server.load().peers), (2, 3));
    }
    honest.talk().await;
    eve.close().await;
    server.until(|load| load.rooms == 1).await;
}

#[tokio::test]
async fn rooms_on_many_sockets_are_as_many_as_the_limit() {
    let server = Running::limited(Limits { max_rooms: 10, ..Limits::default() }).await;
    let mut honest = Honest::enter(&server).await;
    let mut sockets = Vec::new();
    for n in 0..50 {
        let mut eve = server.client().await;
        eve.send(json!({"type": "join", "roomId": format!("room-{n}"), "peerId": "eve"})).await;
        if n < 9 {
            eve.expect("peers").await;
        } else {
            eve.expect_error("full").await;
        }
        sockets.push(eve);
    }
    assert_eq!(server.load().rooms, 10);
    honest.talk().await;
    drop(sockets);
    server.until(|load| load.rooms == 1).await;
}

#[tokio::test]
async fn sockets_beyond_the_limit_are_told_and_closed() {
    let server = Running::limited(Limits { max_connections: 5, ..Limits::default() }).await;
    let mut honest = Honest::enter(&server).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(server.client().await);
    }
    server.until(|load| load.connections == 5).await;
    for _ in 0..20 {
        Raw::socket(&server).await.expect_end(Some("full"), 1013).await;
    }
    assert_eq!(server.load().connections, 5);
    honest.talk().await;
}

#[tokio::test]
async fn who_neither_joins_nor_answers_is_closed() {
    let server = Running::limited(quick()).await;
    let mut silent = Raw::socket(&server).await;
    silent.expect_end(None, 1008).await;
    let mut unanswering = Raw::joined(&server, "eve").await;
    unanswering.expect_end(None, 1008).await;
    server.until(|load| load.connections == 0).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_system_keeps_little_for_who_does_not_read() {
    const QUEUE: usize = 64 * 1024;
    let limits = Limits { messages_per_second: 1_000_000, message_burst: 1_000_000, ..Limits::default() };
    let server = Running::with(Config { limits, queue_limit: QUEUE, ..Config::default() }).await;
    let mut honest = Honest::enter(&server).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let _eve = Raw(stream).upgraded().await.entered("eve").await;
    let sdp = "x".repeat(1_000);
    let mut sent = 0;
    while server.load().connections == 3 {
        assert!(sent < 8 * QUEUE, "{sent} bytes wait for one socket");
        honest.ann.send(json!({"type": "offer", "toPeerId": "eve", "sdp": sdp})).await;
        sent += sdp.len();
        honest.talk().await;
    }
}

#[tokio::test]
async fn who_neither_reads_nor_closes_is_dropped_all_the_same() {
    let limits = Limits { messages_per_second: 1_000_000, message_burst: 1_000_000, ..Limits::default() };
    let server = Running::with(Config { limits, queue_limit: 64 * 1024, ..Config::default() }).await;
    let mut honest = Honest::enter(&server).await;
    let mut eve = Raw::joined(&server, "eve").await;
    let sdp = "x".repeat(50_000);
    while server.load().connections == 3 {
        honest.ann.send(json!({"type": "offer", "toPeerId": "eve", "sdp": sdp})).await;
    }
    honest.talk().await;
    // Not only out of the room: the connection is gone too, though nothing was read from it.
    loop {
        if !eve.write(&frame(0x8a, b"")).await {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_opening_handshake_is_not_waited_for() {
    let server = Running::start().await;
    let mut eve = Raw::open(&server).await;
    assert!(eve.write(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n").await);
    assert_eq!(timeout(BOUND, eve.0.read_u8()).await.expect("an end in time").ok(), None);
    // Nor does it help to send a little now and then.
    let mut eve = Raw::open(&server).await;
    let mut head = b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    let dripping = async {
        while let Some(byte) = head.next()
            && eve.write(&[*byte]).await
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(2 * BOUND, dripping).await.expect("the server closes");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Running::start().await;
    let mut eve = Raw::open(&server).await;
    assert_eq!(timeout(BOUND, eve.0.read_u8()).await.expect("an end in time").ok(), None);
}

#[tokio::test]
async fn too_large_a_request_head_is_refused() {
    let server = Running::start().await;
    let mut honest = Honest::enter(&server).await;
    for head in [
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(5_000)),
    ] {
        let mut eve = Raw::open(&server).await;
        // It may answer and close before all is written.
        eve.write(head.as_bytes()).await;
        let mut answer = Vec::new();
        // What was not read any more may make the end a reset.
        drop(timeout(BOUND, eve.0.read_to_end(&mut answer)).await.expect("an end in time"));
        let status = String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned);
        assert!(status.is_none_or(|status| ["431", "414", "400"].contains(&&*status)), "{answer:?}");
        honest.talk().await;
    }
}
