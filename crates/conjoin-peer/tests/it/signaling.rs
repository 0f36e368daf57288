//! The signaling server: found, lost, found again, and what it refuses.

use std::time::Duration;

use conjoin_peer::{Input, Output, Status};
use conjoin_signaling::{ClientMessage, ErrorCode, ServerMessage};

use crate::scene::{Scene, sent, session};

#[test]
fn a_server_that_cannot_be_reached_is_tried_again_ever_more_slowly() {
    let mut scene = Scene::new("a", 1);
    scene.input(Input::Connect(session()));
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        scene.input(Input::SignalingClosed { reason: "no answer".into() });
        let Status::Retrying { at, reason } = scene.manager.status().clone() else { panic!("not retrying") };
        assert_eq!(reason, "no answer");
        longest = longest.max(at - scene.now);
        assert_eq!(scene.next_deadline(), [Output::OpenSignaling { url: "ws://s".into() }]);
    }
    assert!(longest > Duration::from_secs(15) && longest <= Duration::from_secs(30));
}

#[test]
fn a_server_that_does_not_answer_counts_as_lost() {
    let mut scene = Scene::new("a", 1);
    scene.input(Input::Connect(session()));
    assert_eq!(scene.next_deadline(), [Output::CloseSignaling]);
    assert!(
        matches!(scene.manager.status(), Status::Retrying { reason, .. } if reason.contains("did not answer"))
    );
}

#[test]
fn after_a_lost_socket_the_token_is_brought() {
    let mut scene = Scene::joined("a", &[]);
    scene.input(Input::SignalingClosed { reason: "lost".into() });
    scene.next_deadline();
    let outputs = scene.input(Input::SignalingOpened);
    assert!(matches!(
        &sent(&outputs)[..],
        [ClientMessage::Join { resume_token: Some(token), .. }] if token == "token"
    ));
}

#[test]
fn a_change_of_network_checks_the_socket() {
    let mut scene = Scene::joined("a", &[]);
    let outputs = scene.input(Input::NetworkChanged);
    assert!(matches!(&sent(&outputs)[..], [ClientMessage::Join { .. }]));
    assert_eq!(scene.next_deadline(), [Output::CloseSignaling], "no answer: the socket was dead");
    assert_eq!(
        scene.input(Input::NetworkChanged),
        [Output::OpenSignaling { url: "ws://s".into() }],
        "at once"
    );
}

#[test]
fn a_taken_id_is_not_fought_over() {
    for code in [ErrorCode::IdTaken, ErrorCode::Replaced] {
        let mut scene = Scene::joined("a", &[]);
        assert_eq!(scene.server(&ServerMessage::error(code, "taken")), [Output::CloseSignaling]);
        assert_eq!(scene.manager.status(), &Status::Refused { reason: "taken".into() });
        assert_eq!(scene.manager.deadline(), None);
        let outputs = scene.input(Input::Connect(session()));
        assert_eq!(outputs, [Output::OpenSignaling { url: "ws://s".into() }], "the user may try again");
    }
}

#[test]
fn a_full_room_is_tried_again_later() {
    let mut scene = Scene::new("a", 1);
    scene.input(Input::Connect(session()));
    scene.input(Input::SignalingOpened);
    scene.server(&ServerMessage::error(ErrorCode::Full, "the room is full"));
    assert!(
        matches!(scene.manager.status(), Status::Retrying { reason, .. } if reason == "the room is full")
    );
}

#[test]
fn what_a_strange_server_says_does_no_harm() {
    let mut scene = Scene::joined("a", &["z"]);
    for text in ["", "{", "[]", r#"{"type":"peers"}"#, r#"{"type":"news"}"#, "\u{0}"] {
        scene.input(Input::SignalingMessage(text.into()));
    }
    // Another room, ourselves, strangers.
    for message in [
        ServerMessage::PeerLeft { room_id: "other".into(), peer_id: "z".into() },
        ServerMessage::PeerLeft { room_id: "r".into(), peer_id: "stranger".into() },
        ServerMessage::PeerJoined { room_id: "r".into(), peer_id: "a".into(), peer_name: None },
    ] {
        assert_eq!(scene.server(&message), []);
    }
    assert_eq!(scene.manager.peers().len(), 1);
}
