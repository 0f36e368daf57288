//! What runs of the simulator once brought to light.

use std::time::Duration;

use conjoin_peer::PeerState;
use conjoin_sim::{Conditions, World};

/// A large value was sent again each time that its receiver asked for what comes before later edits,
/// although it was on its way.
#[test]
fn what_is_on_its_way_is_not_sent_again() {
    let bandwidth = Some(25_000);
    let mut world = World::new(1, Conditions { bandwidth, ..Conditions::good() });
    let (author, reader) = (world.add_peer(), world.add_peer());
    world.run(Duration::from_secs(2));
    world.write(author, 200_000);
    for _ in 0..20 {
        world.run(Duration::from_millis(300));
        world.increment(author);
    }
    world.settle().expect("well");
    let sent = world.manager(author).stats().bytes_sent;
    assert!(sent < 220_000, "{sent} bytes for a value of 200,000");
    assert_eq!(world.doc(reader).counter("n"), 20);
}

/// What an author was sending over a narrow line was sent by everybody else too, as soon as they had
/// it.
#[test]
fn a_large_value_comes_from_its_author_alone() {
    let bandwidth = Some(50_000);
    let mut world = World::new(1, Conditions { bandwidth, ..Conditions::good() });
    for _ in 0..4 {
        world.add_peer();
    }
    world.run(Duration::from_secs(2));
    world.write(0, 100_000);
    for _ in 0..10 {
        world.run(Duration::from_millis(500));
        world.increment(1);
    }
    world.settle().expect("well");
    let sent: u64 = (0..4).map(|at| world.manager(at).stats().bytes_sent).sum();
    assert!(sent < 330_000, "{sent} bytes for 100,000 to each of three");
}

/// A peer that had given up a link took the other's ICE restart for a new connection, which no browser
/// can make of it: both waited for a time-out. After a long sleep, this was the rule.
#[test]
fn a_link_given_up_by_one_side_is_made_anew_when_the_other_restarts_it() {
    // Here the one that sleeps is the one that restarts.
    let mut world = World::new(3, Conditions::good());
    for _ in 0..2 {
        world.add_peer();
    }
    world.run(Duration::from_secs(5));
    world.sleep(1);
    world.run(Duration::from_secs(60));
    world.wake(1);
    world.run(Duration::from_secs(3));
    world.check();
}

/// After sleep, the others took the sleeper for new and waited four seconds for its offer, while it still
/// held on to its old links.
#[test]
fn after_sleep_links_are_back_as_soon_as_the_server_is() {
    for seed in 0..20 {
        let mut world = World::new(seed, Conditions::good());
        for _ in 0..3 {
            world.add_peer();
        }
        world.run(Duration::from_secs(5));
        world.sleep(1);
        world.run(Duration::from_secs(60));
        world.wake(1);
        // It may take five seconds until the system finds the old socket broken, and one to try again.
        world.run(Duration::from_secs(7));
        world.check();
    }
}

/// Where many packets got lost, a peer that was there was taken to be gone for a moment, now and then.
#[test]
fn a_lossy_path_is_not_taken_for_a_silent_peer() {
    let mut world = World::new(2, Conditions::lossy(0.35));
    for _ in 0..4 {
        world.add_peer();
    }
    world.run(Duration::from_secs(60));
    for _ in 0..20_000 {
        world.run(Duration::from_millis(200));
        for at in 0..4 {
            let all = world.manager(at).peers().iter().all(|peer| peer.state == PeerState::Connected);
            assert!(all, "at {at} after {:?}", world.now());
        }
    }
}
