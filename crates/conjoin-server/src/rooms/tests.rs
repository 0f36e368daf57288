use conjoin_signaling::MAX_NAME;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// The rooms with a clock, and what came out of them since it was last looked at.
struct Scene {
    rooms: Rooms,
    now: Duration,
    outputs: Vec<Output>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let mut seed = 0_u128;
        let randomness = move || {
            seed += 1;
            seed.to_be_bytes()
        };
        Self { rooms: Rooms::new(limits, Vec::new(), randomness), now: Duration::ZERO, outputs: Vec::new() }
    }

    fn input(&mut self, input: Input<'_>) -> &mut Self {
        self.rooms.handle(self.now, input);
        self.outputs.extend(std::iter::from_fn(|| self.rooms.poll()));
        self
    }

    fn open(&mut self, conn: u64) -> &mut Self {
        self.input(Input::Connected(ConnId(conn)))
    }

    fn text(&mut self, conn: u64, text: &str) -> &mut Self {
        self.input(Input::Text(ConnId(conn), text))
    }

    fn close(&mut self, conn: u64) -> &mut Self {
        self.input(Input::Closed(ConnId(conn)))
    }

    fn pong(&mut self, conn: u64) -> &mut Self {
        self.input(Input::Pong(ConnId(conn)))
    }

    fn join(&mut self, conn: u64, room: &str, peer: &str) -> &mut Self {
        self.open(conn).text(conn, &format!(r#"{{"type":"join","roomId":"{room}","peerId":"{peer}"}}"#))
    }

    fn resume(&mut self, conn: u64, room: &str, peer: &str, token: &str) -> &mut Self {
        let join =
            format!(r#"{{"type":"join","roomId":"{room}","peerId":"{peer}","resumeToken":"{token}"}}"#);
        self.open(conn).text(conn, &join)
    }

    /// Lets time pass, with all timers on the way.
    fn pass(&mut self, time: Duration) -> &mut Self {
        let end = self.now + time;
        while let Some(due) = self.rooms.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = end;
        self
    }

    /// What came out, in short: `1<peers`, `2<error:id-taken`, `1!ping`, `1!close:4000`.
    fn seen(&mut self) -> Vec<String> {
        let short = |output: Output| match output {
            Output::Ping(ConnId(conn)) => format!("{conn}!ping"),
            Output::Close(ConnId(conn), reason) => format!("{conn}!close:{}", reason.code()),
            Output::Send(ConnId(conn), text) => {
                let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                let detail = json.get("code").or(json.get("peerId")).or(json.get("fromPeerId"));
                let kind = json["type"].as_str().unwrap();
                match detail.and_then(|detail| detail.as_str()) {
                    Some(detail) => format!("{conn}<{kind}:{detail}"),
                    None => format!("{conn}<{kind}"),
                }
            }
        };
        std::mem::take(&mut self.outputs).into_iter().map(short).collect()
    }

    /// The resume token that a socket was sent last.
    fn token(&self, conn: u64) -> String {
        let sent = self.outputs.iter().rev().find_map(|output| match output {
            Output::Send(ConnId(to), text) if *to == conn => match ServerMessage::from_json(text) {
                Ok(ServerMessage::Peers { resume_token, .. }) => resume_token,
                _ => None,
            },
            _ => None,
        });
        sent.expect("a socket that joined has a token")
    }
}

#[test]
fn messages_look_as_in_the_dialect() {
    let mut scene = Scene::new();
    scene.open(1).open(2);
    scene.text(1, r#"{"type":"join","roomId":"r","peerId":"a","peerName":"Ann"}"#);
    scene.text(2, r#"{"type":"join","roomId":"r","peerId":"b"}"#);
    scene.text(2, r#"{"type":"offer","fromPeerId":"z","toPeerId":"a","sdp":"{}"}"#);
    scene.text(2, r#"{"type":"leave","roomId":"r","peerId":"b"}"#);
    scene.text(2, "{").text(2, r#"{"type":"news"}"#);
    let token = |n: u32| format!("{n:032x}");
    let send = |conn, text: String| Output::Send(ConnId(conn), text);
    assert_eq!(
        scene.outputs,
        [
            send(1, format!(r#"{{"type":"peers","roomId":"r","peers":[],"resumeToken":"{}"}}"#, token(1))),
            send(
                2,
                format!(
                    r#"{{"type":"peers","roomId":"r","peers":[{{"id":"a","name":"Ann"}}],"resumeToken":"{}"}}"#,
                    token(2)
                )
            ),
            send(1, r#"{"type":"peer-joined","roomId":"r","peerId":"b"}"#.into()),
            send(1, r#"{"type":"offer","fromPeerId":"b","toPeerId":"a","sdp":"{}"}"#.into()),
            send(1, r#"{"type":"peer-left","roomId":"r","peerId":"b"}"#.into()),
            send(2, r#"{"type":"error","message":"Invalid message format","code":"invalid-message"}"#.into()),
        ]
    );
}

#[test]
fn ice_servers_are_handed_out() {
    let server = IceServer { urls: vec!["stun:s".into()], username: None, credential: None };
    let mut rooms = Rooms::new(Limits::default(), vec![server], || [0; 16]);
    rooms.handle(Duration::ZERO, Input::Connected(ConnId(1)));
    rooms.handle(Duration::ZERO, Input::Text(ConnId(1), r#"{"type":"join","roomId":"r","peerId":"a"}"#));
    let Some(Output::Send(_, peers)) = rooms.poll() else { panic!("no answer") };
    assert!(peers.contains(r#""iceServers":[{"urls":["stun:s"]}]"#), "{peers}");
}

#[test]
fn an_empty_room_is_deleted() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "s", "b");
    assert_eq!((scene.rooms.rooms(), scene.rooms.peers(), scene.rooms.connections()), (2, 2, 2));
    scene.text(1, r#"{"type":"leave","roomId":"r","peerId":"a"}"#);
    assert_eq!((scene.rooms.rooms(), scene.rooms.peers(), scene.rooms.connections()), (1, 1, 2));
    scene.close(1).close(2);
    assert_eq!((scene.rooms.rooms(), scene.rooms.peers(), scene.rooms.connections()), (0, 0, 0));
    assert_eq!(scene.rooms.deadline(), None);
}

#[test]
fn leave_acts_for_the_own_peer_alone() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").seen();
    scene.text(2, r#"{"type":"leave","roomId":"r","peerId":"a"}"#);
    scene.text(2, r#"{"type":"leave","roomId":"s","peerId":"b"}"#);
    assert_eq!(scene.seen(), ["2<error:not-joined", "2<error:not-joined"]);
    assert_eq!(scene.rooms.peers(), 2);
}

#[test]
fn a_socket_is_one_peer() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").seen();
    scene.join(2, "r", "c");
    assert_eq!(scene.seen(), ["2<error:not-joined"]);
    scene.join(2, "r", "b");
    assert_eq!(scene.seen(), ["2<peers"], "joining again only asks for the list");
}

#[test]
fn another_room_takes_the_socket_out_of_the_former() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").join(3, "s", "c").seen();
    scene.join(2, "s", "b");
    assert_eq!(scene.seen(), ["1<peer-left:b", "2<peers", "3<peer-joined:b"]);
}

#[test]
fn relays_stay_in_the_room() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "s", "b").open(3).seen();
    let offer = |to| format!(r#"{{"type":"offer","fromPeerId":"b","toPeerId":"{to}","sdp":""}}"#);
    scene.text(1, &offer("b"));
    assert_eq!(scene.seen(), ["1<error:unknown-peer"]);
    scene.text(3, &offer("a"));
    assert_eq!(scene.seen(), ["3<error:not-joined"]);
}

#[test]
fn the_token_takes_over_at_once_and_nobody_sees_it() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b");
    let token = scene.token(1);
    scene.seen();
    scene.resume(3, "r", "a", &token);
    assert_eq!(scene.token(3), token, "a lost answer must not cost the next take-over");
    assert_eq!(scene.seen(), ["3<peers", "1<error:replaced", "1!close:4000"]);
    scene.close(1).text(1, r#"{"type":"leave","roomId":"r","peerId":"a"}"#);
    scene.text(2, r#"{"type":"offer","toPeerId":"a"}"#);
    assert_eq!(scene.seen(), ["3<offer:b"], "what the former socket does evicts nobody");
    assert_eq!(scene.rooms.peers(), 2);
}

#[test]
fn a_token_is_good_for_its_own_id_only() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").join(3, "s", "a");
    let (of_b, elsewhere) = (scene.token(2), scene.token(3));
    scene.seen();
    scene.resume(4, "r", "a", &of_b);
    assert_eq!(scene.seen(), ["1!ping"]);
    scene.resume(4, "r", "a", &elsewhere);
    assert_eq!(scene.seen(), ["1!ping"]);
    scene.resume(4, "r", "a", "");
    assert_eq!(scene.seen(), ["1!ping"]);
}

#[test]
fn a_live_holder_keeps_its_id() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").seen();
    scene.join(2, "r", "a");
    assert_eq!(scene.seen(), ["1!ping"]);
    scene.pass(1_900 * MS).pong(1);
    assert_eq!(scene.seen(), ["2<error:id-taken"]);
    scene.pass(100 * MS).join(2, "r", "c");
    assert_eq!(scene.seen(), ["2<peers", "1<peer-joined:c"], "the socket may choose another id");
}

#[test]
fn a_holder_that_is_silent_for_two_seconds_loses_its_id() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b");
    let former = scene.token(1);
    scene.seen();
    scene.join(3, "r", "a").pass(1_999 * MS);
    assert_eq!(scene.seen(), ["1!ping"]);
    scene.pass(MS);
    assert_ne!(scene.token(3), former, "the former holder may be somebody else");
    assert_eq!(scene.seen(), ["3<peers", "1<error:replaced", "1!close:4000"]);
}

#[test]
fn one_waits_for_an_id_at_a_time() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "a").seen();
    scene.join(3, "r", "a").join(2, "r", "a");
    assert_eq!(scene.seen(), ["3<error:id-taken"]);
    scene.text(2, r#"{"type":"offer","toPeerId":"a"}"#);
    assert_eq!(scene.seen(), ["2<error:not-joined"], "who waits is not inside");
}

#[test]
fn who_has_the_token_goes_before_who_waits() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a");
    let token = scene.token(1);
    scene.join(2, "r", "a").seen();
    scene.resume(3, "r", "a", &token);
    assert_eq!(scene.seen(), ["2<error:id-taken", "3<peers", "1<error:replaced", "1!close:4000"]);
    scene.pass(3_000 * MS);
    assert_eq!(scene.seen(), [""; 0]);
}

#[test]
fn who_waits_gets_the_seat_of_a_socket_that_closes() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").join(3, "r", "a").seen();
    scene.close(1);
    assert_eq!(scene.seen(), ["3<peers"]);
    scene.pass(3_000 * MS);
    assert_eq!(scene.seen(), [""; 0]);
    assert_eq!(scene.rooms.peers(), 2);
}

#[test]
fn who_waits_enters_anew_when_the_holder_leaves() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").join(3, "r", "a").seen();
    scene.text(1, r#"{"type":"leave","roomId":"r","peerId":"a"}"#);
    assert_eq!(scene.seen(), ["2<peer-left:a", "3<peers", "2<peer-joined:a"]);
}

#[test]
fn who_waits_may_change_its_mind() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "a").seen();
    scene.text(2, r#"{"type":"leave","roomId":"r","peerId":"a"}"#).pass(3_000 * MS);
    assert_eq!(scene.seen(), [""; 0]);
    scene.pong(1).join(2, "r", "a").seen();
    scene.close(2).pass(3_000 * MS);
    assert_eq!(scene.seen(), [""; 0]);
    scene.join(4, "r", "a").seen();
    scene.join(4, "r", "d").pong(1);
    assert_eq!(scene.seen(), ["4<peers", "1<peer-joined:d"]);
}

#[test]
fn a_vanished_peer_leaves_within_fifteen_seconds() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").join(2, "r", "b").seen();
    for _ in 0..15 {
        scene.pass(1_000 * MS).pong(2);
    }
    assert_eq!(scene.seen(), ["1!ping", "1!close:1008", "2<peer-left:a"]);
}

#[test]
fn a_peer_that_answers_stays() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").seen();
    for _ in 0..100 {
        scene.pass(8_000 * MS);
        assert_eq!(scene.seen(), ["1!ping"]);
        scene.pass(4_900 * MS).pong(1);
    }
    assert_eq!(scene.rooms.peers(), 1);
}

#[test]
fn who_never_joins_is_closed() {
    let mut scene = Scene::new();
    scene.open(1).pass(9_000 * MS).pong(1).pass(1_000 * MS);
    assert_eq!(scene.seen(), ["1!ping", "1!close:1008"]);
    scene.open(2).text(2, "{}").pass(5_000 * MS).join(2, "r", "a").seen();
    for _ in 0..10 {
        scene.pass(5_000 * MS).pong(2);
    }
    assert_eq!(scene.rooms.peers(), 1);
}

#[test]
fn who_waited_for_an_id_has_time_for_another() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").open(2).pass(7_000 * MS).pong(1).pass(2_500 * MS).seen();
    scene.join(2, "r", "a").pass(1_000 * MS).pong(1).pass(5_000 * MS);
    assert_eq!(scene.seen(), ["1!ping", "2<error:id-taken"]);
}

#[test]
fn what_is_full_is_refused() {
    let limits = Limits { max_peers_per_room: 2, max_rooms: 2, max_connections: 5, ..Limits::default() };
    let mut scene = Scene::with(limits);
    scene.join(1, "r", "a").join(2, "r", "b").seen();
    scene.join(3, "r", "c");
    assert_eq!(scene.seen(), ["3<error:full"]);
    scene.join(3, "s", "c").seen();
    scene.join(4, "t", "d");
    assert_eq!(scene.seen(), ["4<error:full"]);
    scene.join(3, "t", "c");
    assert_eq!(scene.seen(), ["3<peers"], "its former room made place");
    scene.open(5).seen();
    scene.open(6);
    assert_eq!(scene.seen(), ["6<error:full", "6!close:1013"]);
    assert_eq!(scene.rooms.connections(), 5);
}

#[test]
fn too_large_a_message_closes_the_socket() {
    let mut scene = Scene::with(Limits { max_message: 1_000, ..Limits::default() });
    scene.join(1, "r", "a").join(2, "r", "b").join(3, "r", "c").join(4, "r", "d").seen();
    scene.text(1, &" ".repeat(1_001));
    assert_eq!(scene.seen()[..2], ["1<error:too-large", "1!close:1009"]);
    scene.input(Input::Binary(ConnId(2), &[b' '; 1_001]));
    assert_eq!(scene.seen()[..2], ["2<error:too-large", "2!close:1009"]);
    scene.input(Input::TooLarge(ConnId(3)));
    assert_eq!(scene.seen(), ["3<error:too-large", "3!close:1009", "4<peer-left:c"]);
    scene.text(4, &" ".repeat(1_000));
    assert_eq!(scene.seen(), ["4<error:invalid-message"]);
}

#[test]
fn a_flood_is_told_and_then_closed() {
    let mut scene = Scene::with(Limits { messages_per_second: 10, message_burst: 20, ..Limits::default() });
    scene.join(1, "r", "a").join(2, "r", "b").seen();
    for _ in 0..40 {
        scene.text(1, r#"{"type":"news"}"#);
    }
    assert_eq!(scene.seen(), ["1<error:rate-limited", "1!close:1008", "2<peer-left:a"]);
}

#[test]
fn binary_is_read_like_text() {
    let mut scene = Scene::new();
    scene.open(1).input(Input::Binary(ConnId(1), br#"{"type":"join","roomId":"r","peerId":"a"}"#));
    assert_eq!(scene.seen(), ["1<peers"]);
    scene.input(Input::Binary(ConnId(1), b"{\"type\":\"\xff\"}"));
    assert_eq!(scene.seen(), ["1<error:invalid-message"]);
}

#[test]
fn names_are_bounded_and_empty_ones_absent() {
    let mut scene = Scene::new();
    scene.join(1, "r", "a").open(2).seen();
    scene.text(
        2,
        &format!(r#"{{"type":"join","roomId":"r","peerId":"b","peerName":"{}"}}"#, "x".repeat(MAX_NAME + 1)),
    );
    assert_eq!(scene.seen(), ["2<error:invalid-message"]);
    scene.text(2, r#"{"type":"join","roomId":"r","peerId":"b","peerName":""}"#);
    let joined = Output::Send(ConnId(1), r#"{"type":"peer-joined","roomId":"r","peerId":"b"}"#.into());
    assert_eq!(scene.outputs.last(), Some(&joined));
}
