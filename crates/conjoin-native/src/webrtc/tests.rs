//! Two connections without a network, on a clock of their own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conjoin_peer::{Channel, LinkState, MAX_FRAME};

use super::{Certificate, WebRtc};
use crate::connection::{Connection, LocalCandidate, Packet, Poll};

/// Two ends, and all they told.
struct Pair {
    now: Instant,
    ends: [WebRtc; 2],
    told: [Vec<Poll>; 2],
    /// Nothing arrives.
    cut: bool,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let ends = [7, 8].map(|port| {
            let mut end = WebRtc::new(&Certificate::generate(), now);
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            assert!(end.add_local(LocalCandidate::Host(address)).is_some());
            end
        });
        Self { now, ends, told: Default::default(), cut: false }
    }

    fn linked() -> Self {
        let mut pair = Self::new();
        pair.negotiate(false);
        pair.run(Duration::from_secs(3));
        for end in 0..2 {
            assert!(pair.states(end).contains(&LinkState::Connected), "{:?}", pair.told[end]);
            for channel in [Channel::Bulk, Channel::Live] {
                assert!(
                    pair.told[end].iter().any(|told| matches!(told, Poll::Opened(open) if *open == channel))
                );
            }
        }
        pair
    }

    fn negotiate(&mut self, ice_restart: bool) {
        let offer = self.ends[0].offer(ice_restart).expect("an offer");
        let answer = self.ends[1].accept(&offer).expect("an answer");
        self.ends[0].complete(&answer).expect("the answer is taken");
    }

    /// Lets time go on, packet by packet.
    fn run(&mut self, time: Duration) {
        let end_of_time = self.now + time;
        while self.now < end_of_time {
            let mut next = end_of_time;
            let mut packets = true;
            while std::mem::take(&mut packets) {
                for end in 0..2 {
                    loop {
                        match self.ends[end].poll() {
                            Poll::Transmit { from, to, data } => {
                                packets = true;
                                if !self.cut {
                                    self.ends[1 - end].receive(self.now, Packet { from, to, data: &data });
                                }
                            }
                            Poll::Idle(at) => {
                                next = next.min(at);
                                break;
                            }
                            Poll::Ended(reason) => {
                                self.told[end].push(Poll::Ended(reason));
                                break;
                            }
                            told => self.told[end].push(told),
                        }
                    }
                }
            }
            self.now = next.max(self.now + Duration::from_millis(1));
            for end in &mut self.ends {
                end.timeout(self.now);
            }
        }
    }

    fn states(&self, end: usize) -> Vec<LinkState> {
        let state = |told: &Poll| match told {
            Poll::State(state) => Some(*state),
            _ => None,
        };
        self.told[end].iter().filter_map(state).collect()
    }
}

#[test]
fn messages_cross_on_both_channels_up_to_the_largest_frame() {
    let mut pair = Pair::linked();
    let large = vec![7; MAX_FRAME];
    assert!(pair.ends[0].write(Channel::Bulk, &large));
    assert!(pair.ends[1].write(Channel::Live, b"small"));
    assert!(pair.ends[0].buffered(Channel::Bulk) >= MAX_FRAME);
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.ends[0].buffered(Channel::Bulk), 0);
    let is = |told: &Poll, channel, data: &[u8]| matches!(told, Poll::Message(on, bytes) if *on == channel && bytes == data);
    assert!(pair.told[1].iter().any(|told| is(told, Channel::Bulk, &large)));
    assert!(pair.told[0].iter().any(|told| is(told, Channel::Live, b"small")));
}

#[test]
fn what_the_manager_may_hand_over_is_taken() {
    let mut pair = Pair::linked();
    let frame = vec![7; MAX_FRAME];
    // 64 KiB may be left when it hands over 256 KiB and one frame.
    for _ in 0..(64 + 256) / 16 + 1 {
        assert!(pair.ends[0].write(Channel::Bulk, &frame));
    }
}

#[test]
fn a_path_that_is_cut_is_told_and_comes_back_by_itself() {
    let mut pair = Pair::linked();
    pair.cut = true;
    pair.run(Duration::from_secs(8));
    assert_eq!(pair.states(0).last(), Some(&LinkState::Disconnected));
    pair.cut = false;
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.states(0).last(), Some(&LinkState::Connected));
    assert!(pair.ends[0].write(Channel::Live, b"here again"));
}

#[test]
fn a_path_that_stays_cut_fails_and_a_restart_brings_it_back() {
    let mut pair = Pair::linked();
    pair.cut = true;
    pair.run(Duration::from_secs(60));
    assert_eq!(pair.states(0).last(), Some(&LinkState::Failed));
    pair.cut = false;
    pair.negotiate(true);
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.states(0).last(), Some(&LinkState::Connected));
    assert!(pair.ends[0].write(Channel::Bulk, b"here again"));
    pair.run(Duration::from_secs(5));
    assert!(pair.told[1].iter().any(|told| matches!(told, Poll::Message(_, data) if data == b"here again")));
}

#[test]
fn who_closes_is_known_to_have_closed() {
    let mut pair = Pair::linked();
    pair.ends[0].close();
    pair.run(Duration::from_secs(3));
    assert!(
        pair.told[1].iter().any(|told| matches!(told, Poll::Closed(_) | Poll::Ended(_))),
        "{:?}",
        pair.told[1]
    );
    assert!(!pair.ends[0].write(Channel::Bulk, b"too late"));
}

#[test]
fn what_is_no_description_is_refused_with_a_reason() {
    let offer = Pair::new().ends[0].offer(false).expect("an offer");
    for wrong in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"type":"answer","sdp":"v=0"}"#,
        r#"{"type":"offer"}"#,
        r#"{"type":"offer","sdp":7}"#,
    ] {
        let error = Pair::new().ends[1].accept(wrong).expect_err(wrong);
        assert_eq!(error, "the peer sent a malformed offer", "{wrong}");
    }
    let lines: Vec<&str> = offer.split("\\r\\n").collect();
    let mut refused = 0;
    for left_out in 0..lines.len() {
        let mut some = lines.clone();
        some.remove(left_out);
        // Whether it can be used without a line or not: nothing panics, and the reason is short.
        if let Err(error) = Pair::new().ends[1].accept(&some.join("\\r\\n")) {
            refused += 1;
            assert!(error.len() < 400 && !error.contains('\n'), "{error}");
        }
    }
    assert!(refused > 0);
    assert!(Pair::new().ends[0].complete(r#"{"type":"answer","sdp":"v=0"}"#).is_err());
}

#[test]
fn what_is_no_candidate_is_passed_over() {
    let mut pair = Pair::linked();
    let name = r#"{"candidate":"candidate:1 1 udp 2113937151 b1946ac9.local 53012 typ host","sdpMid":"0"}"#;
    let tcp =
        r#"{"candidate":"candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active","sdpMid":"0"}"#;
    for candidate in ["", "null", "{}", r#"{"candidate":""}"#, r#"{"candidate":7}"#, name, tcp] {
        pair.ends[0].add_remote(candidate);
    }
    pair.ends[0].write(Channel::Live, b"all well");
    pair.run(Duration::from_secs(1));
    assert!(pair.told[1].iter().any(|told| matches!(told, Poll::Message(_, data) if data == b"all well")));
}

#[test]
fn noise_from_the_network_harms_nothing() {
    let mut pair = Pair::linked();
    let (from, to) = (SocketAddr::from(([192, 0, 2, 7], 9)), SocketAddr::from(([127, 0, 0, 1], 7)));
    let mut noise = 1_u64;
    for length in 0..600 {
        let data: Vec<u8> = (0..length)
            .map(|at| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // The first byte tells STUN, DTLS and RTP apart.
                if at == 0 { (length % 256) as u8 } else { (noise >> 33) as u8 }
            })
            .collect();
        for from in [from, SocketAddr::from(([127, 0, 0, 1], 8))] {
            pair.ends[0].receive(pair.now, Packet { from, to, data: &data });
        }
    }
    pair.run(Duration::from_secs(1));
    assert!(pair.ends[0].write(Channel::Live, b"all well"));
    pair.run(Duration::from_secs(1));
    assert!(pair.told[1].iter().any(|told| matches!(told, Poll::Message(_, data) if data == b"all well")));
}
