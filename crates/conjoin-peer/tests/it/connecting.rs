//! Offers, answers, candidates, glare.

use conjoin_peer::{Channel, Event, Input, LinkState, Output, PeerState};
use conjoin_signaling::{ClientMessage, ServerMessage};

use crate::scene::{Scene, description, link, sent};

#[test]
fn the_newcomer_offers_to_those_already_there() {
    let mut scene = Scene::joined("m", &[]);
    let outputs = scene.peers(&["a", "z"]);
    assert!(matches!(
        &outputs[..],
        [
            Output::OpenLink { link: l0, .. },
            Output::Offer { link: l1, ice_restart: false },
            Output::OpenLink { link: l2, .. },
            Output::Offer { link: l3, ice_restart: false },
        ] if l0 == l1 && l2 == l3 && l0 != l2
    ));
    let outputs = scene.input(Input::Described { link: link(0), description: "mine".into() });
    assert!(
        matches!(&sent(&outputs)[..], [ClientMessage::Offer(offer)] if offer.to_peer_id == "a" && offer.sdp == "mine")
    );
}

#[test]
fn those_already_there_wait_for_the_newcomer_but_not_for_ever() {
    let mut scene = Scene::joined("m", &[]);
    let joined = ServerMessage::PeerJoined { room_id: "r".into(), peer_id: "z".into(), peer_name: None };
    assert_eq!(scene.server(&joined), []);
    assert!(matches!(&scene.next_deadline()[..], [Output::OpenLink { .. }, Output::Offer { .. }]));
}

#[test]
fn when_both_offer_the_lower_id_stands() {
    let mut lower = Scene::joined("a", &["z"]);
    assert_eq!(lower.offer("z", "theirs"), [], "ours stands");

    let mut higher = Scene::joined("z", &["a"]);
    let outputs = higher.offer("a", "theirs");
    assert!(matches!(
        &outputs[..],
        [Output::CloseLink { link: old }, Output::OpenLink { .. }, Output::Accept { link: new, .. }] if old != new
    ));
}

#[test]
fn candidates_wait_for_the_description_they_belong_to() {
    let mut scene = Scene::joined("a", &["z"]);
    let outputs = scene.input(Input::Described { link: link(0), description: "mine".into() });
    let [ClientMessage::Offer(offer)] = &sent(&outputs)[..] else { panic!("no offer") };
    let attempt = offer.connection.clone().expect("attempts are named");

    assert_eq!(scene.candidate("z", &attempt, "early"), []);
    let outputs = scene.server(&ServerMessage::Answer(description("z", &attempt)));
    assert!(matches!(
        &outputs[..],
        [Output::Complete { .. }, Output::AddCandidate { candidate, .. }] if candidate == "early"
    ));
    assert!(matches!(&scene.candidate("z", &attempt, "late")[..], [Output::AddCandidate { .. }]));

    // Of an attempt whose offer is still on its way.
    assert_eq!(scene.candidate("z", "next", "early"), []);
    let outputs = scene.offer("z", "next");
    assert!(matches!(outputs.last(), Some(Output::AddCandidate { candidate, .. }) if candidate == "early"));
}

#[test]
fn an_answer_to_an_earlier_attempt_is_ignored() {
    let mut scene = Scene::joined("a", &["z"]);
    assert_eq!(scene.server(&ServerMessage::Answer(description("z", "another"))), []);
    // A client that does not know attempts can only mean the present one.
    let answer = conjoin_signaling::Description { connection: None, ..description("z", "") };
    assert!(matches!(&scene.server(&ServerMessage::Answer(answer))[..], [Output::Complete { .. }]));
}

#[test]
fn what_comes_of_closed_links_is_ignored() {
    let mut scene = Scene::joined("z", &["a"]);
    scene.offer("a", "theirs");
    for input in [
        Input::Described { link: link(0), description: "late".into() },
        Input::Candidate { link: link(0), candidate: "late".into() },
        Input::Link { link: link(0), state: LinkState::Failed },
        Input::LinkFailed { link: link(0), error: "late".into() },
        Input::ChannelOpened { link: link(0), channel: Channel::Bulk },
        Input::ChannelClosed { link: link(0), channel: Channel::Bulk },
        Input::Frame { link: link(0), channel: Channel::Bulk, data: vec![0xff] },
        Input::Writable { link: link(0) },
        Input::Timeout,
    ] {
        assert_eq!(scene.all(input), []);
    }
}

/// Two managers whose links are up and who have said Hello.
fn connected() -> (Scene, Scene) {
    let mut ada = Scene::joined("ada", &["bob"]);
    let mut bob = Scene::joined("bob", &[]);
    bob.doc = conjoin_core::Doc::new(conjoin_core::ReplicaId::new(2));
    bob.offer("ada", "x");
    let (from_ada, from_bob) = (ada.up(link(0)), bob.up(link(0)));
    ada.frame(link(0), Channel::Bulk, &from_bob);
    bob.frame(link(0), Channel::Bulk, &from_ada);
    assert_eq!(ada.manager.peers()[0].state, PeerState::Connected);
    assert_eq!(bob.manager.peers()[0].state, PeerState::Connected);
    (ada, bob)
}

#[test]
fn an_edit_is_one_small_frame_and_is_acknowledged() {
    let (mut ada, mut bob) = connected();
    ada.doc.transact(|tx| tx.counter("clicks").increment());
    ada.input(Input::Edited);
    for _ in 0..3 {
        ada.doc.transact(|tx| tx.counter("clicks").increment());
        let outputs = ada.input(Input::Edited);
        let [Output::Send { channel: Channel::Live, data, .. }] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(bob.frame(link(0), Channel::Live, data), [], "the acknowledgement waits for company");
        assert_eq!(bob.doc.counter("clicks"), ada.doc.counter("clicks"));
        let outputs = bob.next_deadline();
        // The first time, the acknowledgement introduces the replica it names.
        for output in outputs {
            let Output::Send { channel, data, .. } = output else { panic!("{output:?}") };
            assert_eq!(ada.frame(link(0), channel, &data), []);
        }
        assert_eq!(
            ada.manager.peers()[0].version.as_ref(),
            Some(ada.doc.version()),
            "synced with whom is known"
        );
    }
    ada.doc.transact(|tx| tx.counter("clicks").increment());
    let outputs = ada.input(Input::Edited);
    let [Output::Send { data, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(data.len() <= 12, "{} bytes", data.len());
}

#[test]
fn an_answer_carries_the_acknowledgement() {
    let (mut ada, mut bob) = connected();
    ada.doc.transact(|tx| tx.counter("clicks").increment());
    for output in ada.input(Input::Edited) {
        let Output::Send { channel, data, .. } = output else { panic!("{output:?}") };
        bob.frame(link(0), channel, &data);
    }
    bob.doc.transact(|tx| tx.counter("clicks").increment());
    for output in bob.input(Input::Edited) {
        let Output::Send { channel, data, .. } = output else { panic!("{output:?}") };
        ada.frame(link(0), channel, &data);
    }
    assert_eq!(ada.doc.counter("clicks"), 2);
    let known = ada.manager.peers()[0].version.clone();
    assert_eq!(known.as_ref(), Some(ada.doc.version()), "both the answer and what it answers");
}

#[test]
fn many_edits_at_once_go_together() {
    let (mut ada, mut bob) = connected();
    let mut frames = Vec::new();
    for _ in 0..200 {
        ada.doc.transact(|tx| tx.counter("clicks").increment());
        frames.extend(ada.input(Input::Edited));
    }
    assert!(frames.len() < 10, "{} frames", frames.len());
    while let Some(Output::Send { channel, data, .. }) = frames.pop() {
        for output in bob.frame(link(0), channel, &data) {
            let Output::Send { channel, data, .. } = output else { continue };
            frames.extend(ada.frame(link(0), channel, &data));
        }
    }
    assert_eq!(bob.doc.counter("clicks"), 200);
}

#[test]
fn a_link_that_breaks_is_made_again() {
    let (mut ada, _) = connected();
    let outputs = ada.input(Input::ChannelClosed { link: link(0), channel: Channel::Bulk });
    assert_eq!(outputs, [Output::CloseLink { link: link(0) }]);
    assert_eq!(ada.manager.peers()[0].state, PeerState::Reconnecting);
    assert!(matches!(&ada.next_deadline()[..], [Output::OpenLink { .. }, Output::Offer { .. }]));
}

#[test]
fn who_was_connected_before_is_not_blamed_on_missing_paths() {
    let (mut ada, _) = connected();
    ada.input(Input::ChannelClosed { link: link(0), channel: Channel::Bulk });
    let told = (0..10).find_map(|_| {
        ada.now = ada.manager.deadline()?;
        ada.all(Input::Timeout).into_iter().find_map(|output| match output {
            Output::Event(Event::Problem(problem)) => Some(problem),
            _ => None,
        })
    });
    let told = told.expect("after some attempts the user is told");
    assert!(told.contains("cannot be reached any more") && !told.contains("TURN"), "{told}");
}

#[test]
fn a_path_that_fails_is_replaced_without_losing_the_link() {
    let (mut ada, mut bob) = connected();
    ada.input(Input::Link { link: link(0), state: LinkState::Failed });
    assert_eq!(ada.manager.peers()[0].state, PeerState::Reconnecting);
    let outputs = ada.next_deadline();
    assert!(outputs.contains(&Output::Offer { link: link(0), ice_restart: true }), "{outputs:?}");
    assert!(matches!(&bob.offer("ada", "x")[..], [Output::Accept { link: same, .. }] if *same == link(0)));
    ada.input(Input::Link { link: link(0), state: LinkState::Connected });
    assert_eq!(ada.manager.peers()[0].state, PeerState::Connected);
}

#[test]
fn leaving_is_said_to_everybody() {
    let (mut ada, mut bob) = connected();
    let outputs = ada.input(Input::Disconnect);
    assert!(matches!(&sent(&outputs)[..], [ClientMessage::Leave { .. }]));
    assert!(outputs.ends_with(&[Output::CloseSignaling, Output::CloseLink { link: link(0) }]));
    for output in outputs {
        if let Output::Send { channel, data, .. } = output {
            bob.frame(link(0), channel, &data);
        }
    }
    assert!(bob.manager.peers().is_empty());
    assert_eq!(ada.manager.deadline(), None, "nothing is left to do");
}

#[test]
fn an_edit_that_changes_no_value_is_told_too() {
    let (mut ada, mut bob) = connected();
    // Both set the same register; bob's write is the later, so ada's changes nothing there.
    ada.doc.transact(|tx| tx.register("r").set(1));
    bob.doc.transact(|tx| tx.counter("n").add(1));
    bob.doc.transact(|tx| tx.register("r").set(2));
    for output in ada.input(Input::Edited) {
        let Output::Send { channel, data, .. } = output else { panic!("{output:?}") };
        let told = bob.all(Input::Frame { link: link(0), channel, data });
        let changed = |output: &Output| matches!(output, Output::Event(conjoin_peer::Event::Changed(_)));
        assert!(told.iter().any(changed), "the version moved: {told:?}");
    }
    assert_eq!(bob.doc.register("r"), Some(&2.into()));
    assert!(bob.doc.version().covers(ada.doc.version()));
}
