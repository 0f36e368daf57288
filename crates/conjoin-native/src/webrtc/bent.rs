//! Descriptions and candidates that somebody bent. They come from peers, so they may be anything.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Certificate, WebRtc};
use crate::connection::{Connection, LocalCandidate, Packet, Poll};

/// An offer of Firefox.
const FIREFOX: &str = "v=0
o=mozilla...THIS_IS_SDPARTA-99.0 3767763689521215655 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 67:9D:D5:E5:FE:3F:E6:5B:BD:0E:1C:3B:F9:AD:F4:DF:11:76:31:3C:82:C0:CF:F3:2F:FC:61:62:7B:C9:31:2F
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=candidate:0 1 UDP 2122187007 37729a1c-325a-4443-be75-67df35ba1c57.local 48042 typ host
a=candidate:1 1 UDP 2122252543 192.0.2.7 44059 typ host
a=candidate:2 1 TCP 2105458943 37729a1c-325a-4443-be75-67df35ba1c57.local 9 typ host tcptype active
a=sendrecv
a=end-of-candidates
a=extmap-allow-mixed
a=ice-pwd:7149c7f70eab97a055d55acf5a2df63e
a=ice-ufrag:b0626659
a=mid:0
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
";

/// In place of a value.
const VALUES: [&str; 8] = ["", "0", "-1", "99999999999999999999", "\u{0}", "🦀", "a:b:c d e f", "% s=/\\\""];

fn connection(certificate: &Certificate) -> WebRtc {
    let mut connection = WebRtc::new(certificate, Instant::now());
    let address = ([127, 0, 0, 1], 7).into();
    connection.add_local(LocalCandidate::Host(address)).expect("an address is news");
    connection
}

fn description(kind: &str, sdp: &str) -> String {
    json!({"type": kind, "sdp": sdp}).to_string()
}

fn sdp(description: &str) -> String {
    let description: Value = serde_json::from_str(description).expect("a description is JSON");
    description["sdp"].as_str().expect("and has a text").to_owned()
}

/// The text with each line in turn left out, doubled, cut, moved to the end, or with another value, and with
/// each of its numbers in turn made larger than any.
fn bend(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut bent = Vec::new();
    let join = |lines: &[&str]| lines.join("\r\n") + "\r\n";
    for (i, line) in lines.iter().enumerate() {
        let [before, after] = [&lines[..i], &lines[i + 1..]];
        let with = |line: &str| join(&[before, &[line], after].concat());
        bent.push(join(&[before, after].concat()));
        bent.push(join(&[before, after, &[*line]].concat()));
        bent.push(with(&format!("{line}\r\n{line}")));
        bent.push(with(&line[..line.len() / 2]));
        bent.extend([65, 128, 256, 5_000].map(|more| with(&format!("{line}{}", "x".repeat(more)))));
        for separator in [':', '='] {
            if let Some((name, _)) = line.split_once(separator) {
                bent.extend(VALUES.map(|value| with(&format!("{name}{separator}{value}"))));
            }
        }
        let words: Vec<&str> = line.split(' ').collect();
        for (n, word) in words.iter().enumerate() {
            if word.bytes().all(|byte| byte.is_ascii_digit()) {
                let mut words = words.clone();
                words[n] = "99999999999999999999";
                bent.push(with(&words.join(" ")));
            }
        }
    }
    bent
}

/// Lets it do what it wants for some time: it must come to rest each time.
fn run(connection: &mut WebRtc) {
    let mut now = Instant::now();
    for _ in 0..20 {
        let idle = (0..1_000).any(|_| matches!(connection.poll(), Poll::Idle(_) | Poll::Ended(_)));
        assert!(idle, "it never comes to rest");
        now += Duration::from_millis(500);
        connection.timeout(now);
    }
}

/// A packet comes: it must come to rest.
fn receive(connection: &mut WebRtc, data: &[u8]) {
    let (from, to) = (([192, 0, 2, 7], 44_059).into(), ([127, 0, 0, 1], 7).into());
    connection.receive(Instant::now(), Packet { from, to, data });
    let idle = (0..1_000).any(|_| matches!(connection.poll(), Poll::Idle(_) | Poll::Ended(_)));
    assert!(idle, "it never comes to rest");
}

#[test]
fn bent_offers_are_refused_or_answered() {
    let certificate = Certificate::generate();
    let own = sdp(&connection(&certificate).offer(false).expect("an offer"));
    let [mut answered, mut refused] = [0, 0];
    for sdp in [own.as_str(), FIREFOX].into_iter().flat_map(bend) {
        let mut connection = connection(&certificate);
        match connection.accept(&description("offer", &sdp)) {
            Ok(_) => answered += 1,
            Err(reason) => {
                refused += 1;
                assert!(!reason.is_empty());
            }
        }
        run(&mut connection);
    }
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
}

#[test]
fn bent_answers_are_refused_or_taken() {
    let certificate = Certificate::generate();
    let [mut taken, mut refused] = [0, 0];
    loop {
        // An answer to this very offer, or it would be refused for that.
        let mut connection = connection(&certificate);
        let offer = connection.offer(false).expect("an offer");
        let answer = self::connection(&certificate).accept(&offer).expect("an answer");
        let Some(sdp) = bend(&sdp(&answer)).into_iter().nth(taken + refused) else { break };
        match connection.complete(&description("answer", &sdp)) {
            Ok(()) => taken += 1,
            Err(_) => refused += 1,
        }
        run(&mut connection);
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}

#[test]
fn bent_candidates_and_packets_do_no_harm() {
    let certificate = Certificate::generate();
    let mut connection = connection(&certificate);
    connection.accept(&description("offer", &FIREFOX.replace('\n', "\r\n"))).expect("an answer");
    let candidate = "candidate:1 1 UDP 2122252543 192.0.2.7 44059 typ host";
    for candidate in bend(candidate).iter().map(|line| line.trim_end()) {
        for mid in [json!("0"), json!("9"), json!(9), Value::Null] {
            connection.add_remote(&json!({"candidate": candidate, "sdpMid": mid}).to_string());
        }
    }
    for text in ["", "null", "[]", "{", "{\"candidate\":7}", "\u{0}"] {
        connection.add_remote(text);
    }
    run(&mut connection);
    // STUN with attributes of all kinds and lengths, and what is none.
    for kind in (0..0x40).chain(0x8020..0x8060).chain(0xc050..0xc060) {
        for (length, told) in
            [(0, 0), (4, 4), (4, 3), (8, 8), (8, 5), (20, 20), (24, 24), (4, 9), (0, 0xffff)]
        {
            let mut data = vec![0, 1, 0, length as u8 + 4, 0x21, 0x12, 0xa4, 0x42];
            data.extend([7; 12]);
            data.extend([u16::to_be_bytes(kind), u16::to_be_bytes(told)].concat());
            data.extend((0..length).map(|i| if i == 1 { 2 } else { i as u8 }));
            receive(&mut connection, &data);
        }
    }
    // What begins like STUN, DTLS, RTP or nothing known, of all sorts of lengths.
    for first in 0..=u8::MAX {
        for length in [0, 1, 19, 20, 21, 1_200, 1_500] {
            let data: Vec<u8> = (0..length).map(|i| if i == 0 { first } else { (i * 37) as u8 }).collect();
            receive(&mut connection, &data);
        }
    }
    run(&mut connection);
}
