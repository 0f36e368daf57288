//! Peers that break the protocol lose their link, with a reason, and cost nothing else.

use conjoin_peer::{Channel, Input, MAX_FRAME, Output};
use proptest::prelude::*;

use crate::scene::{Scene, link};

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
    let frame = Input::Frame { link: link(0), channel: Channel::Bulk, data: data.to_vec() };
    let outputs = scene.all(frame);
    assert!(outputs.contains(&Output::CloseLink { link: link(0) }), "{outputs:?}");
    let told = outputs.into_iter().find_map(|output| match output {
        Output::Event(conjoin_peer::Event::Problem(problem)) => Some(problem),
        _ => None,
    });
    told.expect("the user is told")
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
fn a_message_that_never_ends_is_cut_off() {
    let mut scene = connected();
    scene.frame(link(0), Channel::Bulk, &[5 | 0x80]);
    let rest = [vec![0x40 | 0x80], vec![0; MAX_FRAME - 1]].concat();
    while scene.manager.peers()[0].version.is_some() {
        scene.frame(link(0), Channel::Bulk, &rest);
    }
    assert!(scene.manager.stats().bytes_received < 80 << 20);
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
