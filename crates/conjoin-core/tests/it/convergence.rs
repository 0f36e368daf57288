//! Whatever is lost, late, doubled or offline: all agree in the end, and on the right thing.

use conjoin_core::{Causality, Doc, ReplicaId, VersionVector};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::edits::{edit, list_edit, text_edit};
use crate::world::{Step, World, steps, through_bytes, typing};

/// Plays a history, with a look at each document that a step was done to, and lets all agree.
fn play(replicas: usize, history: &[Step]) {
    let mut world = World::new(replicas);
    for step in history {
        let at = world.step(step);
        world.check(at);
    }
    world.settle();
    world.check_all();
    for doc in &world.docs {
        assert_eq!(doc.version().compare(world.docs[0].version()), Causality::Equal);
    }
}

proptest! {
    #[test]
    fn every_document_reads_as_its_version_says(history in steps(4, edit, 40)) {
        play(4, &history);
    }

    #[test]
    fn every_text_reads_as_its_version_says(history in steps(3, text_edit, 30)) {
        play(3, &history);
    }

    #[test]
    fn every_list_reads_as_its_version_says(history in steps(3, list_edit, 30)) {
        play(3, &history);
    }

    #[test]
    fn what_is_typed_reads_as_its_version_says(history in typing(3, 24)) {
        play(3, &history);
    }

    #[test]
    fn two_replicas_agree(history in steps(2, edit, 40)) {
        play(2, &history);
    }

    #[test]
    fn many_replicas_that_seldom_meet_agree(history in steps(6, edit, 20)) {
        play(6, &history);
    }

    #[test]
    fn deltas_may_come_in_any_order_and_twice(
        history in steps(3, edit, 20),
        order in prop::collection::vec(any::<Index>(), 60),
    ) {
        let world = World::after(3, &history);
        let mut order = order.into_iter();
        let mut rest = world.deltas.clone();
        let mut fresh = Doc::new(ReplicaId::new(7));
        while !rest.is_empty() {
            let next = order.next().map_or(0, |index| index.index(rest.len()));
            let delta = through_bytes(&rest.swap_remove(next));
            for _ in 0..2 {
                fresh.apply(&delta).expect("an honest delta applies");
                world.check_doc("who got it all in disorder", &fresh);
            }
        }
        let all: VersionVector = world.deltas.iter().fold(VersionVector::new(), |mut all, delta| {
            all.join(&delta.end());
            all
        });
        prop_assert_eq!(fresh.version(), &all);
    }

    #[test]
    fn parts_of_a_transaction_are_taken_as_they_come(
        history in steps(2, edit, 12),
        cuts in prop::collection::vec((any::<Index>(), any::<Index>()), 1..8),
    ) {
        let mut world = World::after(2, &history);
        // With all of the history: nobody has forgotten anything of what the deltas carry.
        let mut whole = Doc::new(ReplicaId::new(7));
        for delta in world.deltas.clone() {
            whole.apply(&delta).expect("an honest delta applies");
        }
        let mut fresh = Doc::new(ReplicaId::new(8));
        for (of, to) in cuts {
            let replicas: Vec<_> = whole.version().iter().collect();
            if replicas.is_empty() {
                break;
            }
            let (replica, count) = replicas[of.index(replicas.len())];
            let mut until = fresh.version().clone();
            until.advance(replica, to.index(count as usize + 1) as u64);
            let delta = whole.delta_between(fresh.version(), &until).expect("all is kept");
            fresh.apply(&through_bytes(&delta)).expect("an honest delta applies");
            world.check_doc("who got it in parts", &fresh);
        }
        let rest = whole.delta_since(fresh.version()).expect("all is kept");
        fresh.apply(&through_bytes(&rest)).expect("an honest delta applies");
        prop_assert_eq!(fresh.version(), whole.version());
        world.check_doc("who got it in parts", &fresh);
        world.settle();
    }
}

proptest! {
    // Long ones, so that sequences have more than a leaf; fewer, as the oracle is slow.
    #![proptest_config(ProptestConfig { cases: (ProptestConfig::default().cases / 16).max(1), ..ProptestConfig::default() })]

    #[test]
    fn long_histories_of_a_text_read_as_their_versions_say(history in steps(3, text_edit, 200)) {
        play(3, &history);
    }

    #[test]
    fn long_histories_of_a_list_read_as_their_versions_say(history in steps(3, list_edit, 200)) {
        play(3, &history);
    }
}
