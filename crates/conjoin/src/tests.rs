//! Tests of rooms: real managers and documents on drivers that share a network in memory.

mod documents;
mod network;
mod storage;
mod undo;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conjoin_core::Value;
use conjoin_core::behavior::Behavior;
use conjoin_peer::{Direction, Event, PeerState, Session, Status};

use self::network::Network;
use crate::Room;

/// Notes the values of a behavior.
fn note<T>(behavior: &Behavior<T>) -> Arc<Mutex<Vec<T>>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let notes: Arc<Mutex<Vec<T>>> = Arc::default();
    let inside = notes.clone();
    behavior.subscribe(move |value| inside.lock().unwrap().push(value.clone())).forget();
    notes
}

fn take<T>(notes: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut notes.lock().unwrap())
}

/// Two rooms that have met.
fn pair() -> (Network, Room, Room) {
    let network = Network::new();
    let (ada, bob) = (network.room("Ada"), network.room("Bob"));
    ada.connect();
    network.settle();
    bob.connect();
    network.settle();
    (network, ada, bob)
}

#[test]
fn rooms_that_meet_list_each_other_and_share_edits() {
    let (network, ada, bob) = pair();
    assert_eq!((ada.status().now(), bob.status().now()), (Status::Joined, Status::Joined));
    let peers = ada.peers().now();
    assert_eq!(peers.len(), 1);
    assert_eq!((peers[0].id.as_str(), peers[0].state), (bob.peer_id().as_str(), PeerState::Connected));
    assert_eq!((peers[0].name.as_deref(), peers[0].replica), (Some("Bob"), Some(bob.replica())));

    ada.counter("clicks").increment();
    bob.counter("clicks").add(41);
    bob.float_counter("weight").add(0.5).unwrap();
    ada.register("title").set("Atlas");
    ada.map("marks").set("sea", 7);
    bob.map("marks").set("hill", true);
    network.settle();
    bob.map("marks").remove("sea");
    network.settle();
    for room in [&ada, &bob] {
        assert_eq!(room.counter("clicks").get(), 42);
        assert_eq!(room.float_counter("weight").get(), 0.5);
        assert_eq!(room.register("title").get(), Some(Value::from("Atlas")));
        assert_eq!(room.map("marks").get("sea"), None);
        assert_eq!(room.map("marks").entries(), [("hill".to_owned(), Value::from(true))].into());
        assert_eq!((room.map("marks").len(), room.map("sea").is_empty()), (1, true));
    }
    assert_eq!(ada.version().now(), bob.version().now());
    assert_eq!(ada.version().now().total(), 7);
}

#[test]
fn edits_made_apart_add_up_when_rooms_meet() {
    let network = Network::new();
    let (ada, bob) = (network.room("Ada"), network.room("Bob"));
    ada.counter("clicks").add(2);
    bob.counter("clicks").add(3);
    let watched = note(&bob.counter("clicks").watch());
    ada.connect();
    bob.connect();
    network.settle();
    assert_eq!((ada.counter("clicks").get(), bob.counter("clicks").get()), (5, 5));
    assert_eq!(take(&watched), [5]);
}

#[test]
fn frames_are_with_the_driver_before_transact_returns() {
    let (network, ada, bob) = pair();
    let before = network.frames_from(&ada);
    let told = Arc::new(AtomicUsize::new(0));
    let watched = bob.counter("clicks").watch().subscribe({
        let (network, ada, told) = (network.clone(), ada.clone(), told.clone());
        move |_| {
            told.store(network.frames_from(&ada), SeqCst);
        }
    });
    ada.counter("clicks").increment();
    assert_eq!(network.frames_from(&ada), before + 1);
    network.settle();
    assert!(told.load(SeqCst) > before);
    drop(watched);
}

#[test]
fn one_transaction_is_seen_as_one_change_here_and_there() {
    let (network, ada, bob) = pair();
    let both = |room: &Room| {
        let (left, right) = (room.counter("left").watch(), room.counter("right").watch());
        left.combine(&right, |left, right| (*left, *right))
    };
    let (here, there) = (note(&both(&ada)), note(&both(&bob)));
    ada.transact(|tx| {
        tx.counter("left").add(1);
        tx.counter("right").add(2);
        tx.counter("left").add(10);
    });
    assert_eq!(take(&here), [(11, 2)]);
    network.settle();
    assert_eq!(take(&there), [(11, 2)]);
    ada.transact(|_| ());
    assert_eq!(take(&here), []);
}

#[test]
fn every_kind_of_value_can_be_watched() {
    let (network, ada, bob) = pair();
    let weight = note(&bob.float_counter("weight").watch());
    let title = note(&bob.register("title").watch());
    let marks = note(&bob.map("marks").watch());
    let hill = note(&bob.map("marks").watch_key("hill"));
    ada.transact(|tx| {
        tx.float_counter("weight").add(1.5).unwrap();
        tx.register("title").set("Atlas");
        tx.map("marks").set("hill", 1);
        tx.map("marks").set("sea", 2);
    });
    network.settle();
    assert_eq!(take(&weight), [1.5]);
    assert_eq!(take(&title), [Some(Value::from("Atlas"))]);
    let all = [("hill".to_owned(), Value::from(1)), ("sea".to_owned(), Value::from(2))];
    assert_eq!(take(&marks), [all.into()]);
    assert_eq!(take(&hill), [Some(Value::from(1))]);
    ada.map("marks").set("sea", 3);
    network.settle();
    assert_eq!((take(&marks).len(), take(&hill).len()), (1, 0));
    assert_eq!(bob.float_counter("weight").add(f64::NAN), Err(conjoin_core::NotFinite));
    assert_eq!(bob.float_counter("weight").get(), 1.5);
}

#[test]
fn callbacks_may_edit_and_leave() {
    let (network, ada, bob) = pair();
    // Bob answers each of Ada's clicks until there are ten, then leaves.
    let clicks = bob.counter("clicks");
    let subscription = clicks.watch().subscribe({
        let (bob, clicks) = (bob.clone(), clicks.clone());
        move |n| {
            assert_eq!(clicks.watch().now(), *n);
            if *n < 10 {
                clicks.increment();
            } else {
                bob.disconnect();
            }
        }
    });
    ada.counter("clicks").increment();
    network.settle();
    assert_eq!((ada.counter("clicks").get(), bob.counter("clicks").get()), (10, 10));
    assert_eq!((bob.status().now(), ada.peers().now().len()), (Status::Offline, 0));
    drop(subscription);

    // And comes back when told that he is out.
    let back = bob.status().subscribe({
        let bob = bob.clone();
        move |status| {
            if *status == Status::Offline {
                bob.connect();
            }
        }
    });
    bob.connect();
    network.settle();
    bob.disconnect();
    network.settle();
    assert_eq!((bob.status().now(), ada.peers().now().len()), (Status::Joined, 1));
    drop(back);
}

#[test]
fn events_tell_what_went_over_the_wire() {
    let (network, ada, bob) = pair();
    let log = Arc::new(Mutex::new(Vec::new()));
    let subscription = ada.on_event({
        let log = log.clone();
        move |event| {
            if let Event::Wire(wire) = event {
                log.lock().unwrap().push((wire.direction, wire.message, wire.peer_name.clone()));
            }
        }
    });
    ada.counter("clicks").increment();
    network.settle();
    bob.counter("clicks").increment();
    network.settle();
    let seen = take(&log);
    assert!(seen.contains(&(Direction::Sent, "DeltaResponse", "Bob".to_owned())), "{seen:?}");
    assert!(seen.contains(&(Direction::Received, "DeltaResponse", "Bob".to_owned())), "{seen:?}");
    drop(subscription);
    ada.counter("clicks").increment();
    network.settle();
    assert!(take(&log).is_empty());
}

#[test]
fn listeners_may_come_and_go_while_they_are_told() {
    let (network, ada, bob) = pair();
    let calls: [Arc<AtomicUsize>; 2] = Default::default();
    let slot: Arc<Mutex<Option<crate::Subscription>>> = Arc::default();
    let once = ada.on_event({
        let (ada, calls, slot) = (ada.clone(), calls.clone(), slot.clone());
        move |_| {
            calls[0].fetch_add(1, SeqCst);
            let later = calls[1].clone();
            let inner = ada.on_event(move |_| {
                later.fetch_add(1, SeqCst);
            });
            // Drops itself; the inner one stays.
            let own = slot.lock().unwrap().replace(inner);
            drop(own);
        }
    });
    *slot.lock().unwrap() = Some(once);
    bob.counter("clicks").increment();
    network.settle();
    assert_eq!(calls[0].load(SeqCst), 1);
    bob.counter("clicks").increment();
    network.settle();
    assert!(calls[1].load(SeqCst) > 0);
}

#[test]
fn a_server_that_cannot_be_reached_is_told_and_tried_again() {
    let network = Network::new();
    network.set_server(false);
    let ada = network.room("Ada");
    let log = note(&ada.status());
    ada.connect();
    network.settle();
    let Status::Retrying { reason, at } = ada.status().now() else { panic!("{:?}", ada.status()) };
    assert_eq!(reason, "signaling server at memory cannot be reached");
    assert!(at > ada.now());
    network.set_server(true);
    network.run_until(at);
    assert_eq!(ada.status().now(), Status::Joined);
    assert_eq!(take(&log).len(), 4);
}

#[test]
fn where_no_peer_can_be_reached_the_user_is_told_at_once() {
    let network = Network::new();
    let ada = network.room_with_obstacle("Ada", "there is no WebRTC here");
    let problems: Arc<Mutex<Vec<Event>>> = Arc::default();
    let _subscription = ada.on_event({
        let problems = problems.clone();
        move |event| problems.lock().unwrap().push(event.clone())
    });
    ada.connect();
    network.settle();
    assert_eq!(take(&problems), [Event::Problem("there is no WebRTC here".to_owned())]);
    assert_eq!(ada.status().now(), Status::Offline);
    ada.counter("clicks").increment();
    assert_eq!(ada.counter("clicks").get(), 1);
}

#[test]
fn the_last_handle_says_goodbye() {
    let (network, ada, bob) = pair();
    let (clicks, peers) = (bob.counter("clicks"), ada.peers());
    drop(bob);
    network.settle();
    assert_eq!(peers.now().len(), 1, "a handle to a value keeps the room");
    drop(clicks);
    network.settle();
    assert_eq!(peers.now(), []);
    assert_eq!(network.open_links(), 0);
}

#[test]
fn a_page_put_aside_leaves_and_comes_back() {
    let (network, ada, bob) = pair();
    network.pause(&bob);
    network.pause(&bob);
    network.settle();
    assert_eq!((ada.peers().now().len(), bob.status().now()), (0, Status::Offline));
    ada.counter("clicks").increment();
    network.resume(&bob);
    network.settle();
    assert_eq!((ada.peers().now().len(), bob.counter("clicks").get()), (1, 1));

    bob.disconnect();
    network.pause(&bob);
    network.resume(&bob);
    network.settle();
    assert_eq!(bob.status().now(), Status::Offline, "who was out stays out");
}

#[test]
fn a_new_session_counts_from_the_next_connect_and_keeps_the_document() {
    let (network, ada, bob) = pair();
    bob.counter("clicks").add(5);
    network.settle();
    bob.set_session(Session { room: "other".to_owned(), ..bob.session() });
    network.settle();
    assert_eq!(ada.peers().now().len(), 1);
    bob.connect();
    network.settle();
    assert_eq!((bob.session().room.as_str(), bob.status().now()), ("other", Status::Joined));
    assert_eq!((ada.peers().now().len(), bob.counter("clicks").get()), (0, 5));
}

#[test]
fn statistics_follow_at_a_measured_pace() {
    let (network, ada, bob) = pair();
    let before = ada.stats().now();
    let log = note(&ada.stats());
    let start = ada.now();
    for _ in 0..10 {
        ada.counter("clicks").increment();
        network.settle();
    }
    assert_eq!(take(&log), [], "within one moment nothing changes");
    network.run_until(start + Duration::from_millis(600));
    let changes = take(&log);
    assert!((1..=2).contains(&changes.len()), "{changes:?}");
    assert!(ada.stats().now().deltas_sent > before.deltas_sent);
    assert!(ada.stats().now().rtt.is_some());
    assert_eq!(bob.stats().now().deltas_received, ada.stats().now().deltas_sent);
}

#[test]
fn an_edit_that_uses_its_own_room_panics_and_harms_nothing() {
    let (network, ada, bob) = pair();
    let ada2 = ada.clone();
    let edit = move || ada2.transact(|_| ada2.counter("clicks").get());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(edit)).unwrap_err();
    let message = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert_eq!(message, "a room cannot be used by what edits or reads it; use what that is given");
    assert_eq!(ada.transact(|tx| tx.doc().counter("clicks")), 0);
    bob.transact(|tx| tx.counter("clicks").add(ada.counter("clicks").get() + 1));
    network.settle();
    assert_eq!(ada.counter("clicks").get(), 1);
}

#[test]
fn a_callback_that_panics_does_not_stop_the_room() {
    let (network, ada, bob) = pair();
    let bad = ada.on_event(|_| panic!("as this test wants"));
    bob.counter("clicks").increment();
    let settle = || network.settle();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(settle)).is_err());
    drop(bad);
    network.settle();
    bob.counter("clicks").increment();
    network.settle();
    assert_eq!(ada.counter("clicks").get(), 2);
}

#[test]
fn values_that_nobody_watches_any_more_are_forgotten() {
    let network = Network::new();
    let ada = network.room("Ada");
    for n in 0..1_000 {
        let name = format!("counter {n}");
        let watched = ada.counter(&name).watch();
        ada.counter(&name).increment();
        assert_eq!(watched.now(), 1);
    }
    assert!(ada.engine().watched_values() <= 64);
    let kept: Vec<_> = (0..100).map(|n| ada.map("marks").watch_key(&n.to_string())).collect();
    ada.map("marks").set("99", "x");
    assert_eq!(kept[99].now(), Some(Value::from("x")));
    assert!((100..200).contains(&ada.engine().watched_values()));
}

#[test]
fn rooms_are_shared_between_threads() {
    let (network, ada, bob) = pair();
    let seen = note(&ada.counter("clicks").watch());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let clicks = ada.counter("clicks");
            scope.spawn(move || (0..250).for_each(|_| clicks.increment()));
        }
    });
    network.settle();
    assert_eq!(bob.counter("clicks").get(), 1_000);
    assert_eq!(ada.counter("clicks").watch().now(), 1_000);
    assert_eq!(seen.lock().unwrap().last(), Some(&1_000));
}
