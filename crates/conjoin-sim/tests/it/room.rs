//! The peer manager in rooms of simulated peers, watched more closely than scenarios do.

use std::time::Duration;

use conjoin_peer::{PeerState, Status};
use conjoin_sim::{Conditions, World};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Runs a test for many seeds, and says which one failed.
fn seeds(count: u64, run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    for seed in 0..count {
        if let Err(failure) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("seed {seed} failed");
            std::panic::resume_unwind(failure);
        }
    }
}

#[test]
fn those_who_cannot_reach_each_other_sync_through_a_third() {
    seeds(20, |seed| {
        let mut world = World::new(seed, Conditions::good());
        for _ in 0..3 {
            world.add_peer();
        }
        world.partition(&[0], &[2]);
        world.run(seconds(5));
        world.increment(0);
        world.increment(2);
        world.run(seconds(1));
        for at in 0..3 {
            assert_eq!(world.doc(at).counter("n"), 2, "peer {at}");
        }
        world.run(seconds(60));
        assert!(world.problems(0).iter().any(|problem| problem.contains("TURN")), "the user is told");
        world.heal();
        world.run(seconds(90));
        world.check();
    });
}

#[test]
fn a_peer_that_leaves_is_gone_at_once_and_may_come_back() {
    let mut world = World::new(1, Conditions::good());
    for _ in 0..3 {
        world.add_peer();
    }
    world.run(seconds(5));
    world.disconnect(1);
    world.increment(1);
    world.run(Duration::from_millis(200));
    assert_eq!(world.manager(0).peers().len(), 1);
    assert_eq!(world.manager(1).status(), &Status::Offline);
    assert!(world.manager(1).peers().is_empty());
    world.increment(0);
    world.connect(1);
    world.run(seconds(5));
    world.check();
    assert_eq!(world.doc(2).counter("n"), 2);
}

#[test]
fn a_peer_that_vanishes_is_gone_within_fifteen_seconds() {
    for silent in [false, true] {
        seeds(20, |seed| {
            let mut world = World::new(seed, Conditions::good());
            for _ in 0..4 {
                world.add_peer();
            }
            world.run(seconds(5 + seed));
            world.increment(2);
            world.run(Duration::from_millis(seed * 5));
            world.crash(2, silent);
            world.run(seconds(15));
            world.check();
        });
    }
}

#[test]
fn links_live_on_without_the_server_and_newcomers_come_after() {
    seeds(20, |seed| {
        let mut world = World::new(seed, Conditions::lossy(0.02));
        for _ in 0..3 {
            world.add_peer();
        }
        world.run(seconds(5));
        world.stop_server();
        world.run(seconds(seed));
        assert!(world.manager(0).status() != &Status::Joined || seed == 0);
        world.increment(0);
        world.run(seconds(5));
        world.check();
        world.start_server();
        world.add_peer();
        world.run(seconds(60));
        world.increment(3);
        world.run(seconds(10));
        world.check();
    });
}

#[test]
fn a_peer_that_dies_while_the_server_is_away_is_gone_too() {
    let mut world = World::new(5, Conditions::good());
    for _ in 0..3 {
        world.add_peer();
    }
    world.run(seconds(5));
    world.stop_server();
    world.crash(0, true);
    world.run(seconds(15));
    world.check();
}

#[test]
fn after_sleep_all_is_as_before() {
    seeds(20, |seed| {
        let mut world = World::new(seed, Conditions::lossy(0.02));
        for _ in 0..3 {
            world.add_peer();
        }
        world.run(seconds(5));
        world.sleep(1);
        world.increment(0);
        world.run(seconds(3 * seed));
        world.wake(1);
        world.increment(1);
        world.run(seconds(60));
        world.check();
    });
}

#[test]
fn a_large_state_reaches_a_latecomer_and_blocks_nobody() {
    let mut world = World::new(9, Conditions::good());
    world.add_peer();
    world.add_peer();
    world.run(seconds(2));
    world.write(0, 3_000_000);
    world.run(seconds(20));
    let late = world.add_peer();
    world.run(seconds(20));
    world.increment(late);
    world.run(seconds(3));
    world.check();
    assert!(world.doc(late).register("big").is_some());
}

#[test]
fn a_long_offline_history_is_brought_up() {
    let mut world = World::new(11, Conditions::lossy(0.01));
    world.add_peer();
    world.add_peer();
    world.run(seconds(2));
    world.disconnect(0);
    for _ in 0..200 {
        for _ in 0..100 {
            world.increment(0);
        }
        world.run(Duration::from_millis(50));
    }
    world.increment(1);
    world.connect(0);
    world.run(seconds(30));
    world.check();
}

#[test]
fn a_peer_being_connected_is_listed_as_such() {
    let mut world = World::new(1, Conditions::good());
    world.add_peer();
    world.run(seconds(1));
    world.add_peer();
    world.run(Duration::from_millis(70));
    assert_eq!(world.manager(1).peers()[0].state, PeerState::Connecting);
    world.run(seconds(1));
    world.check();
}
