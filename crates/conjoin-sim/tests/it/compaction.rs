//! Rooms in which some have compacted their documents, and others come back late.

use std::time::Duration;

use conjoin_sim::{Conditions, World};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Three who have typed something and agree, of which the last has left.
fn one_of_three_away(seed: u64) -> World {
    let mut world = World::new(seed, Conditions::good());
    for _ in 0..3 {
        world.add_peer();
    }
    world.run(seconds(5));
    world.type_text(0, "seen by all. ");
    world.run(seconds(5));
    world.disconnect(2);
    world.type_text(0, "not seen. ");
    world.run(seconds(1));
    world.increment(1);
    world.run(seconds(5));
    world
}

#[test]
fn who_was_away_takes_over_what_the_others_have_compacted() {
    for seed in 0..10 {
        let mut world = one_of_three_away(seed);
        world.compact(0);
        world.compact(1);
        world.type_text(1, "since. ");
        world.run(seconds(2));
        world.connect(2);
        world.run(seconds(60));
        world.check();
        assert_eq!(world.doc(2).text("notes").to_string(), "seen by all. not seen. since. ");
        assert_eq!(world.doc(2).counter("n"), 1);
        assert_eq!(world.doc(2).compacted(), world.doc(0).compacted());
        world.type_text(2, "back. ");
        world.run(seconds(2));
        world.check();
    }
}

#[test]
fn who_edited_what_all_others_have_compacted_is_told_and_loses_nothing() {
    for seed in 0..10 {
        let mut world = one_of_three_away(seed);
        world.type_text(2, "mine. ");
        world.compact(0);
        world.compact(1);
        world.connect(2);
        world.run(seconds(200));
        let told = |at: usize, what: &str| {
            world.problems(at).iter().filter(|problem| problem.contains(what)).count()
        };
        assert_eq!(
            told(2, "export them, and join with a new document"),
            2,
            "once of each: {:?}",
            world.problems(2)
        );
        for at in [0, 1] {
            assert!(told(at, "cannot be taken in") > 0, "{:?}", world.problems(at));
            assert_eq!(world.doc(at).text("notes").to_string(), "seen by all. not seen. ");
        }
        assert_eq!(world.doc(2).text("notes").to_string(), "seen by all. mine. ");
    }
}

#[test]
fn one_who_has_kept_its_history_brings_the_others_together() {
    for seed in 0..10 {
        let mut world = one_of_three_away(seed);
        world.type_text(2, "mine. ");
        world.compact(0);
        world.connect(2);
        world.run(seconds(200));
        world.check();
        let text = world.doc(0).text("notes").to_string();
        assert!(["seen by all. ", "not seen. ", "mine. "].iter().all(|part| text.contains(part)), "{text}");
    }
}
