//! Peers that break the protocol lose their link, with a reason, and cost nothing else.

use std::time::Duration;

use conjoin_core::codec::Writer;
use conjoin_core::{Delta, Doc, ReplicaId};
use conjoin_peer::{Channel, Event, Input, LinkId, LinkState, MAX_FRAME, Output, PeerState};
use conjoin_signaling::{Description, ServerMessage};
use proptest::prelude::*;

use crate::scene::{Scene, description, link};

fn hello(replica: u64) -> Vec<u8> {
    let mut hello = vec![1, b'C', b'J', 1, 0];
    hello.extend_from_slice(&replica.to_le_bytes());
    hello.extend_from_slice(&[3, b'e', b'v', b'e', 0]);
    hello
}

/// A manager that is connected to a peer which says it is replica 66, named "eve".
fn connected() -> Scene {
    let mut scene = Scene::joined("a", &["z"]);
    scene.up(link(0));
    scene.frame(link(0), Channel::Bulk, &hello(66));
    assert_eq!(scene.manager.peers()[0].name.as_deref(), Some("eve"));
    scene
}

fn problem(scene: &mut Scene, data: &[u8]) -> String {
    problem_on(scene, link(0), data).expect("it breaks the protocol")
}

/// Why the link is closed upon this frame, if it is.
fn problem_on(scene: &mut Scene, link: LinkId, data: &[u8]) -> Option<String> {
    let outputs = scene.all(Input::Frame { link, channel: Channel::Bulk, data: data.to_vec() });
    let closed = outputs.contains(&Output::CloseLink { link });
    let told = problems(outputs).pop();
    assert_eq!(closed, told.is_some(), "who is disconnected is told of: {told:?}");
    told
}

fn problems(outputs: Vec<Output>) -> Vec<String> {
    let told = outputs.into_iter().filter_map(|output| match output {
        Output::Event(Event::Problem(problem)) => Some(problem),
        _ => None,
    });
    told.collect()
}

/// A delta of one operation of the replica that the sender numbered so: adds 1 to "n".
fn delta(author: u8, start: u64) -> Vec<u8> {
    let mut message = vec![3, 0, 1, 0, author];
    message.varint(start);
    message.extend_from_slice(&[0, 0, 1, b'n', 2]);
    message
}

/// The kinds of the messages in one frame that are sent over a link.
fn sent_kinds(outputs: &[Output], over: LinkId) -> Vec<u8> {
    let kinds = outputs.iter().filter_map(|output| match output {
        Output::Send { link, data, .. } if *link == over => Some(data[0]),
        _ => None,
    });
    kinds.collect()
}

/// A manager connected to "y", replica 55, and to "z", replica 66.
fn connected_to_two() -> Scene {
    let mut scene = Scene::joined("a", &["y", "z"]);
    for (nth, replica) in [(0, 55), (1, 66)] {
        scene.up(link(nth));
        scene.frame(link(nth), Channel::Bulk, &hello(replica));
    }
    scene
}

#[test]
fn each_violation_is_told() {
    assert!(problem(&mut connected(), &[0x3f]).contains("eve: it sent invalid data"));
    assert!(problem(&mut connected(), &[0x40, 1]).contains("a frame out of place"));
    assert!(problem(&mut connected(), &hello(67)).contains("a second Hello"));
    // A snapshot with operations in our own name.
    let mut twin = conjoin_core::Doc::new(conjoin_core::ReplicaId::new(1));
    twin.transact(|tx| tx.counter("n").add(1));
    let forged = [vec![5], twin.snapshot()].concat();
    assert!(problem(&mut connected(), &forged).contains("that it never made"));

    let fresh = || {
        let mut scene = Scene::joined("a", &["z"]);
        scene.up(link(0));
        scene
    };
    assert!(problem(&mut fresh(), &[8, 0, 0, 0, 0, 0]).contains("before its Hello"));
    assert!(problem(&mut fresh(), &hello(1)).contains("the same replica"));
    assert!(problem(&mut fresh(), &[1, b'C', b'J', 2]).contains("version 2"));
}

#[test]
fn who_broke_the_protocol_is_left_alone_for_a_while() {
    let mut scene = connected();
    problem(&mut scene, &[0x3f]);
    assert_eq!(scene.offer("z", "again"), [], "not at once");
    let outputs = scene.next_deadline();
    assert!(
        scene.now.as_secs() >= 60 && matches!(&outputs[..], [Output::OpenLink { .. }, Output::Offer { .. }])
    );
}

#[test]
fn who_offers_without_end_does_not_use_up_the_browsers_links() {
    let opened = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::OpenLink { .. }));
    let mut scene = Scene::joined("a", &[]);
    let offers = |scene: &mut Scene, from: &str| {
        (0..100).filter(|nth| opened(&scene.offer(from, &nth.to_string()))).count()
    };
    assert_eq!(offers(&mut scene, "eve"), 10);
    assert!(opened(&scene.offer("bob", "1")), "others are not held back");
    let crowd: usize = (0..100).map(|nth| offers(&mut scene, &format!("eve {nth}"))).sum();
    assert!(crowd < 200, "nor does a crowd: {crowd} links");
    scene.now += std::time::Duration::from_secs(20);
    assert!(opened(&scene.offer("eve", "later")), "in earnest, this time");
}

#[test]
fn a_message_that_never_ends_is_cut_off() {
    let mut stranger = Scene::joined("a", &["z"]);
    stranger.up(link(0));
    // Who has not even said Hello gets less.
    for (mut scene, most) in [(connected(), 80 << 20), (stranger, 5 << 20)] {
        scene.frame(link(0), Channel::Bulk, &[5 | 0x80]);
        let rest = [vec![0x40 | 0x80], vec![0; MAX_FRAME - 1]].concat();
        while problem_on(&mut scene, link(0), &rest).is_none() {
            assert!(scene.manager.stats().bytes_received < most);
        }
    }
}

proptest! {
    #[test]
    fn random_frames_do_no_harm(frames in prop::collection::vec((any::<bool>(), any::<Vec<u8>>()), 0..20)) {
        let mut scene = connected();
        for (live, data) in frames {
            let channel = if live { Channel::Live } else { Channel::Bulk };
            scene.frame(link(0), channel, &data);
        }
        scene.doc.transact(|tx| tx.counter("n").add(1));
        scene.input(Input::Edited);
        prop_assert_eq!(scene.doc.counter("n"), 1);
    }
}

#[test]
fn edits_from_the_future_for_ever_end_the_link() {
    let mut scene = connected();
    let mut start = 1;
    let told = loop {
        scene.now += Duration::from_millis(100);
        // Its own later edits, and never the first.
        start += 1;
        if let Some(told) = problem_on(&mut scene, link(0), &delta(0, start)) {
            break told;
        }
        assert!(scene.now.as_secs() < 600, "it goes on for ever");
    };
    assert!(told.contains("without what they are built on"), "{told}");
    assert!(scene.now.as_secs() >= 30, "an honest peer might have been slow: {:?}", scene.now);
    assert!(scene.doc.version().is_empty());
}

#[test]
fn early_edits_of_honest_peers_do_not_end_the_link() {
    let mut scene = connected();
    // One edit in ten is lost, and given half a minute later.
    for nth in 0..3_000 {
        scene.now += Duration::from_millis(100);
        let lost = nth / 300 * 300;
        if nth != lost {
            assert_eq!(problem_on(&mut scene, link(0), &delta(0, nth)), None);
        }
        if nth == lost + 299 {
            assert_eq!(problem_on(&mut scene, link(0), &delta(0, lost)), None);
        }
    }
    assert_eq!(scene.doc.counter("n"), 3_000);
    // Nights of sleep between two early edits.
    for nth in 0..30 {
        scene.now += Duration::from_secs(8 * 3600);
        let frame = Input::Frame { link: link(0), channel: Channel::Live, data: delta(0, 4_000 + nth) };
        assert_eq!(problems(scene.all(frame)), Vec::<String>::new());
    }
}

#[test]
fn what_one_peer_owes_is_not_asked_of_others() {
    let mut scene = connected_to_two();
    let outputs = scene.frame(link(0), Channel::Live, &delta(0, 7));
    assert!(sent_kinds(&outputs, link(0)).contains(&4), "asked for what is missing: {outputs:?}");
    for nth in 0..10 {
        scene.now += Duration::from_millis(200);
        let outputs = scene.frame(link(1), Channel::Live, &delta(0, nth));
        assert!(!sent_kinds(&outputs, link(1)).contains(&4), "{outputs:?}");
    }
    assert_eq!(scene.doc.counter("n"), 10);
}

#[test]
fn the_replica_of_another_cannot_be_claimed() {
    let mut scene = Scene::joined("a", &["y", "z"]);
    scene.up(link(0));
    scene.up(link(1));
    scene.frame(link(0), Channel::Bulk, &hello(55));
    let told = problem_on(&mut scene, link(1), &hello(55)).expect("refused");
    assert!(told.contains("it claims to be the replica of eve"), "{told}");
    assert_eq!(scene.manager.peers()[0].state, PeerState::Connected, "the one who was first stays");
    // The first answers, so the other is refused again, and then for longer.
    scene.now += Duration::from_secs(1);
    scene.frame(link(0), Channel::Live, &[9, 0]);
    let offered = (0..20).any(|_| {
        let outputs = scene.next_deadline();
        outputs.iter().any(|output| matches!(output, Output::Offer { link: LinkId(2), .. }))
    });
    assert!(offered && scene.now.as_secs() < 10, "{:?}", scene.now);
    scene.frame(link(0), Channel::Live, &[9, 1]);
    scene.up(link(2));
    assert!(problem_on(&mut scene, link(2), &hello(55)).is_some());
    for _ in 0..2 {
        let outputs = scene.offer("z", "again");
        assert!(!outputs.iter().any(|output| matches!(output, Output::Accept { .. })), "{outputs:?}");
        scene.now += Duration::from_secs(30);
    }
}

#[test]
fn who_comes_back_under_a_new_id_is_not_locked_out() {
    // The old link is known to be down: the new one takes its place at once.
    let mut scene = Scene::joined("a", &["y", "z"]);
    scene.up(link(0));
    scene.up(link(1));
    scene.frame(link(0), Channel::Bulk, &hello(55));
    scene.input(Input::Link { link: link(0), state: LinkState::Disconnected });
    let outputs = scene.frame(link(1), Channel::Bulk, &hello(55));
    assert!(outputs.contains(&Output::CloseLink { link: link(0) }), "{outputs:?}");
    assert_eq!(scene.manager.peers()[1].state, PeerState::Connected);

    // It is not known yet: the old one does not answer, and the new one gets in when it comes again.
    let mut scene = Scene::joined("a", &["y", "z"]);
    scene.up(link(0));
    scene.up(link(1));
    scene.frame(link(0), Channel::Bulk, &hello(55));
    assert!(problem_on(&mut scene, link(1), &hello(55)).is_some());
    let offered = (0..20).any(|_| {
        let outputs = scene.next_deadline();
        outputs.iter().any(|output| matches!(output, Output::Offer { link: LinkId(2), .. }))
    });
    assert!(offered && scene.now.as_secs() < 10, "{:?}", scene.now);
    scene.up(link(2));
    assert_eq!(problem_on(&mut scene, link(2), &hello(55)), None);
}

#[test]
fn claims_about_our_own_edits_are_checked_wherever_they_come() {
    let define = || {
        let mut scene = connected();
        scene.frame(link(0), Channel::Bulk, &[2, 1, 0, 0, 0, 0, 0, 0, 0]);
        scene
    };
    // Our replica is number 1 now. One operation of it, in each message that can say so.
    let mut acknowledging = vec![3, 2, 1, 1, 1];
    acknowledging.push(0);
    for message in [
        &delta(1, 0)[..],
        &acknowledging,
        &[4, 1, 1, 1, 0],
        &[6, 1, 1, 1, 0],
        &[7, 1, 1, 1, 0],
        &[10, 1, 1, 1],
    ] {
        let told = problem(&mut define(), message);
        assert!(told.contains("that it never made"), "{message:?}: {told}");
    }
    let mut scene = Scene::joined("a", &["z"]);
    scene.up(link(0));
    let mut claims = hello(66);
    claims.pop();
    claims.extend_from_slice(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(problem(&mut scene, &claims).contains("that it never made"));
}

#[test]
fn boasting_is_believed_no_further_than_it_goes() {
    let mut scene = Scene::joined("a", &["z"]);
    scene.up(link(0));
    let mut boast = hello(66);
    boast.pop();
    boast.push(100);
    for replica in 1000..1100u64 {
        boast.extend_from_slice(&replica.to_le_bytes());
        boast.varint(u64::MAX);
    }
    scene.frame(link(0), Channel::Bulk, &boast);
    assert!(scene.manager.peers()[0].version.as_ref().is_some_and(|version| version.is_empty()));
    // Its digests say for ever that it has more, and it never gives it.
    let mut asked = 0;
    for nth in 0..200u8 {
        scene.now += Duration::from_millis(50);
        let outputs = scene.frame(link(0), Channel::Live, &[8, nth & 0x7f, 1, 2, 3, 4]);
        asked += sent_kinds(&outputs, link(0)).iter().filter(|kind| [4, 6].contains(kind)).count();
        scene.frame(link(0), Channel::Live, &[7, 1, 1, 5, 0]);
    }
    assert!((5..=11).contains(&asked), "asked {asked} times in ten seconds");
}

#[test]
fn a_state_above_the_limit_is_refused_with_the_reason() {
    let mut scene = connected();
    scene.doc.set_state_limit(100_000);
    let mut liar = Doc::new(ReplicaId::new(66));
    liar.transact(|tx| (0..10_000).for_each(|key| tx.map("m").set(&key.to_string(), key)));
    let state = [vec![5], liar.snapshot()].concat();
    for (nth, frame) in state.chunks(MAX_FRAME - 1).enumerate() {
        let more = if (nth + 1) * (MAX_FRAME - 1) < state.len() { 0x80 } else { 0 };
        let frame = if nth == 0 { frame.to_vec() } else { [&[0x40], frame].concat() };
        let first = frame[0] | more;
        let told = problem_on(&mut scene, link(0), &[&[first], &frame[1..]].concat());
        assert_eq!(told.is_some(), more == 0, "{told:?}");
        assert!(told.is_none_or(|told| told.contains("more than 100000 bytes")));
    }
    assert!(scene.doc.map("m").is_empty());
}

#[test]
fn questions_without_end_pile_up_no_answers() {
    let mut scene = connected_to_two();
    // More replicas than a packet holds, and more than the channel takes at once.
    for replica in 0..300 {
        let mut author = Doc::new(ReplicaId::new(1_000_000 + replica));
        let delta = author.transact(|tx| tx.counter("n").increment()).delta();
        scene.doc.apply(&delta).expect("applies");
    }
    scene.doc.transact(|tx| tx.register("large").set(vec![7; 1 << 20]));
    scene.input(Input::Edited);
    assert!(scene.manager.queued_bytes()["z"] > 500_000, "much waits");
    let answer = Description { connection: None, ..description("y", "") };
    scene.server(&ServerMessage::Answer(answer));
    // It never takes them, and asks on.
    let state = [vec![5], Doc::new(ReplicaId::new(9)).snapshot()].concat();
    let mut waiting = Vec::new();
    for nth in 0..40u64 {
        for question in [&[6, 0, 0][..], &[4, 0, 0], &[8, 0, 1, 2, 3, 4], &delta(0, 7), &state] {
            scene.now += Duration::from_millis(20);
            assert_eq!(problem_on(&mut scene, link(1), question), None);
        }
        // Now and then another comes and goes, of which it is told.
        if nth % 5 == 0 {
            let new = link(2 + nth / 5);
            scene.offer("y", &nth.to_string());
            scene.up(new);
            scene.frame(new, Channel::Bulk, &hello(55));
        }
        waiting.push(scene.manager.queued_bytes()["z"]);
    }
    // Once, it is told the numbers of the replicas.
    assert!(waiting[39] <= waiting[9], "{waiting:?}");
}

#[test]
fn questions_are_not_answered_faster_than_they_matter() {
    let mut scene = connected();
    // Too much for a packet: it goes by the bulk channel, which takes it at once.
    for replica in 0..200 {
        let mut author = Doc::new(ReplicaId::new(1_000_000 + replica));
        scene.doc.apply(&author.transact(|tx| tx.counter("n").increment()).delta()).expect("applies");
    }
    scene.frame(link(0), Channel::Live, &[6, 0, 0]);
    let before = scene.manager.stats().bytes_sent;
    for _ in 0..1_000 {
        scene.frame(link(0), Channel::Live, &[6, 0, 0]);
        scene.frame(link(0), Channel::Bulk, &[4, 0, 0]);
    }
    let sent = scene.manager.stats().bytes_sent - before;
    assert!(sent < 20_000, "{sent} bytes for 4000");
    // Later, it is answered again.
    for (question, answer) in [([6, 0, 0], 7), ([4, 0, 0x7f], 3)] {
        scene.now += Duration::from_secs(1);
        scene.input(Input::Timeout);
        scene.now += Duration::from_secs(1);
        let outputs = scene.frame(link(0), Channel::Bulk, &question);
        assert!(sent_kinds(&outputs, link(0)).contains(&answer), "{outputs:?}");
    }
}

#[test]
fn a_server_that_names_peers_without_end_is_not_followed() {
    let mut scene = Scene::joined("a", &[]);
    let mut told = Vec::new();
    for nth in 0..3_000 {
        let joined =
            ServerMessage::PeerJoined { room_id: "r".into(), peer_id: format!("p{nth}"), peer_name: None };
        told.extend(problems(scene.all(Input::SignalingMessage(joined.to_json()))));
    }
    assert_eq!(scene.manager.peers().len(), 1024);
    assert!(matches!(&told[..], [told] if told.contains("more than 1024")), "told once: {told:?}");
}

#[test]
fn what_a_closed_link_left_waiting_is_dropped() {
    let mut scene = connected();
    scene.frame(link(0), Channel::Live, &delta(0, 1));
    let waits = |scene: &mut Scene| scene.doc.apply_from(1, &Delta::default()).expect("empty").missing;
    assert!(waits(&mut scene));
    scene.frame(link(0), Channel::Bulk, &[11]);
    assert!(!waits(&mut scene));
}

#[test]
fn others_do_not_hear_of_one_who_only_claimed_to_be_another() {
    let mut scene = Scene::joined("a", &["x", "y", "z"]);
    for (nth, replica) in [(0, 77), (1, 55), (2, 55)] {
        scene.up(link(nth));
        let outputs = scene.frame(link(nth), Channel::Bulk, &hello(replica));
        let told = sent_kinds(&outputs, link(0)).contains(&12);
        assert_eq!(told, nth == 1, "a neighbor came, and none went: {outputs:?}");
    }
}

#[test]
fn candidates_of_any_length_are_not_kept() {
    let mut scene = Scene::joined("a", &["z"]);
    scene.candidate("z", "next", &"x".repeat(5_000));
    scene.candidate("z", "next", "short");
    scene.server(&ServerMessage::Answer(Description { connection: None, ..description("z", "") }));
    let outputs = scene.offer("z", "next");
    let added = outputs.iter().filter(|output| matches!(output, Output::AddCandidate { .. })).count();
    assert_eq!(added, 1, "{outputs:?}");
}
