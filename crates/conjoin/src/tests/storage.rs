//! Rooms that save: what others may believe, and when.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::time::Duration;

use conjoin_core::{Delta, Doc, ReplicaId, VersionVector};
use conjoin_peer::{Event, Status};

use super::network::Network;
use super::{note, take};
use crate::{Room, Saved, Storage, StorageError};

/// A disk in memory that does what a test says. Cloning gives another handle to the same disk.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What a crash leaves.
    synced: Vec<Vec<u8>>,
    /// Requests wait until they are told to be done.
    slow: bool,
    waiting: Vec<(bool, Vec<u8>, Saved)>,
    error: Option<StorageError>,
    /// Only appending is refused.
    no_wholes: bool,
    /// Requests so far: deltas, wholes.
    requests: [usize; 2],
    /// Which of the rooms opened one after the other it listens to.
    opened: usize,
}

/// A room's end of the disk.
struct End {
    disk: Disk,
    number: usize,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// For the next room: earlier ones are not heard any more, as after a crash.
    fn end(&self) -> End {
        let mut state = self.lock();
        state.opened += 1;
        mem::take(&mut state.waiting).into_iter().for_each(mem::forget);
        End { disk: self.clone(), number: state.opened }
    }

    fn set_slow(&self, slow: bool) {
        self.lock().slow = slow;
    }

    fn set_error(&self, error: Option<StorageError>) {
        self.lock().error = error;
    }

    /// Does what waits, and what that leads to.
    fn sync(&self) {
        loop {
            let waiting = mem::take(&mut self.lock().waiting);
            if waiting.is_empty() {
                return;
            }
            for (is_whole, bytes, saved) in waiting {
                let result = self.lock().save(is_whole, bytes);
                saved.done(result);
            }
        }
    }

    /// The document that a crash now would leave.
    fn document(&self) -> Doc {
        let mut doc = Doc::new(ReplicaId::new(u64::MAX));
        for part in &self.lock().synced {
            match Delta::from_bytes(part) {
                Ok(delta) => assert!(!doc.apply(&delta).unwrap().missing),
                Err(_) => drop(doc.merge_snapshot(part).unwrap()),
            }
        }
        doc
    }
}

impl State {
    fn bytes(&self) -> usize {
        self.synced.iter().map(Vec::len).sum()
    }

    fn save(&mut self, is_whole: bool, bytes: Vec<u8>) -> Result<(), StorageError> {
        self.requests[usize::from(is_whole)] += 1;
        if is_whole && self.no_wholes {
            return Err(StorageError::Full("no room for so much".into()));
        }
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if is_whole {
            self.synced.clear();
        }
        self.synced.push(bytes);
        Ok(())
    }
}

impl End {
    fn request(&self, is_whole: bool, bytes: Vec<u8>, saved: Saved) {
        let mut state = self.disk.lock();
        if state.opened != self.number {
            return mem::forget(saved);
        }
        if state.slow {
            state.waiting.push((is_whole, bytes, saved));
            return;
        }
        let result = state.save(is_whole, bytes);
        drop(state);
        saved.done(result);
    }
}

impl Storage for End {
    fn load(&self) -> Result<Vec<Vec<u8>>, StorageError> {
        Ok(self.disk.lock().synced.clone())
    }

    fn append(&self, delta: Vec<u8>, saved: Saved) {
        self.request(false, delta, saved);
    }

    fn replace(&self, whole: Vec<u8>, saved: Saved) {
        self.request(true, whole, saved);
    }
}

/// What `room` knows the other to have.
fn told(room: &Room, other: &Room) -> VersionVector {
    let peers = room.peers().now();
    peers
        .into_iter()
        .find(|peer| peer.id == other.peer_id())
        .and_then(|peer| peer.version)
        .unwrap_or_default()
}

/// A keeper and a peer that have met.
fn pair(network: &Network, disk: &Disk) -> (Room, Room) {
    let keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
    let ada = network.room("Ada");
    keeper.connect();
    network.settle();
    ada.connect();
    network.settle();
    (keeper, ada)
}

fn pass(network: &Network, room: &Room, time: Duration) {
    network.run_until(room.now() + time);
}

#[test]
fn what_was_there_is_there_again_under_a_new_replica() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    ada.text("notes").push("kept");
    network.settle();
    keeper.counter("clicks").add(2);
    network.settle();
    let before = keeper.replica();
    drop(ada);
    network.settle();
    drop(keeper);

    let keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
    assert_eq!((keeper.text("notes").get().as_str(), keeper.counter("clicks").get()), ("kept", 2));
    assert_ne!(keeper.replica(), before);
    keeper.connect();
    let bob = network.room("Bob");
    bob.connect();
    network.settle();
    assert_eq!((bob.text("notes").get().as_str(), bob.counter("clicks").get()), ("kept", 2));
}

#[test]
fn nothing_is_acknowledged_or_passed_on_before_it_is_saved() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    disk.set_slow(true);
    ada.counter("clicks").increment();
    network.settle();
    assert_eq!(keeper.counter("clicks").get(), 1);
    pass(&network, &ada, Duration::from_secs(3));
    assert!(!told(&ada, &keeper).covers(&ada.version().now()));
    // A newcomer gets nothing that is not saved, either.
    let bob = network.room("Bob");
    drop(ada);
    bob.connect();
    network.settle();
    assert_eq!((bob.counter("clicks").get(), disk.document().counter("clicks")), (0, 0));
    disk.sync();
    network.settle();
    assert_eq!(disk.document().counter("clicks"), 1);
    pass(&network, &bob, Duration::from_secs(10));
    assert_eq!(bob.counter("clicks").get(), 1);
}

#[test]
fn an_acknowledgement_follows_as_soon_as_it_is_saved() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    disk.set_slow(true);
    for _ in 0..3 {
        ada.counter("clicks").increment();
        network.settle();
        pass(&network, &ada, Duration::from_millis(10));
    }
    assert!(told(&ada, &keeper).is_empty());
    disk.sync();
    pass(&network, &ada, Duration::from_millis(10));
    assert_eq!(told(&ada, &keeper), ada.version().now());
}

#[test]
fn own_edits_go_out_when_they_are_saved() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    disk.set_slow(true);
    let before = network.frames_from(&keeper);
    keeper.counter("clicks").increment();
    network.settle();
    assert_eq!((network.frames_from(&keeper), ada.counter("clicks").get()), (before, 0));
    assert_eq!(keeper.counter("clicks").get(), 1);
    disk.sync();
    network.settle();
    assert_eq!(ada.counter("clicks").get(), 1);
}

#[test]
fn who_leaves_waits_until_all_is_saved_or_cannot_be() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, _ada) = pair(&network, &disk);
    let is_done = |leaving: &mut Pin<Box<dyn Future<Output = ()> + '_>>| {
        leaving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    };
    disk.set_slow(true);
    keeper.counter("clicks").increment();
    keeper.counter("clicks").increment();
    let mut leaving: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(keeper.leave());
    assert!(!is_done(&mut leaving) && disk.document().counter("clicks") == 0);
    disk.sync();
    assert!(is_done(&mut leaving) && disk.document().counter("clicks") == 2);
    disk.set_error(Some(StorageError::Full("the disk is full".into())));
    keeper.counter("clicks").increment();
    let mut leaving: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(keeper.leave());
    assert!(!is_done(&mut leaving));
    disk.sync();
    assert!(is_done(&mut leaving) && keeper.storage_error().now().is_some());
}

#[test]
fn what_happens_during_a_save_is_saved_together() {
    let (network, disk) = (Network::new(), Disk::default());
    let keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
    disk.set_slow(true);
    for _ in 0..100 {
        keeper.counter("clicks").increment();
    }
    disk.sync();
    assert_eq!(disk.lock().requests, [2, 0]);
    assert_eq!(disk.document().counter("clicks"), 100);
}

#[test]
fn a_long_tail_becomes_a_whole() {
    let (network, disk) = (Network::new(), Disk::default());
    let keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
    let mut most = 0;
    for n in 0..4_000 {
        keeper.map("cells").set("a", n);
        keeper.map("cells").set("b", n);
        most = most.max(disk.lock().bytes());
    }
    let [deltas, wholes] = disk.lock().requests;
    assert!(deltas == 8_000 - wholes && (1..=20).contains(&wholes), "{deltas} {wholes}");
    assert!(most < 400_000, "{most}");
    assert_eq!(disk.document().version(), &keeper.version().now());
}

#[test]
fn where_there_is_no_room_for_the_whole_it_goes_on_in_parts() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    disk.lock().no_wholes = true;
    for n in 0..6_000 {
        keeper.map("cells").set("a", format!("{n:0>20}"));
    }
    network.settle();
    let [deltas, wholes] = disk.lock().requests;
    assert!(deltas == 6_000 && wholes > 0, "{deltas} {wholes}");
    assert_eq!((keeper.status().now(), ada.map("cells").len()), (Status::Joined, 1));
}

#[test]
fn a_room_that_cannot_save_says_so_and_stays_away_until_it_can() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    let problems: Arc<Mutex<Vec<String>>> = Arc::default();
    let inside = problems.clone();
    let _told = keeper.on_event(move |event| {
        if let Event::Problem(problem) = event {
            inside.lock().unwrap().push(problem.clone());
        }
    });
    let status = note(&keeper.status());
    disk.set_error(Some(StorageError::Full("the disk is full".into())));
    ada.counter("clicks").increment();
    network.settle();
    assert_eq!(
        take(&problems),
        ["edits cannot be saved: the disk is full. This peer stays away from the others until they can"]
    );
    assert_eq!((take(&status), ada.peers().now().len()), (vec![Status::Offline], 0));
    assert_eq!(keeper.storage_error().now(), Some(StorageError::Full("the disk is full".into())));
    // It tries again, quietly, and does not come back before; not even when it is told to.
    keeper.connect();
    let before = disk.lock().requests;
    pass(&network, &ada, Duration::from_secs(20));
    let after = disk.lock().requests;
    assert!((3..=8).contains(&(after.iter().sum::<usize>() - before.iter().sum::<usize>())), "{after:?}");
    assert_eq!((take(&problems).len(), ada.peers().now().len()), (0, 0));
    keeper.counter("clicks").add(10);

    disk.set_error(None);
    pass(&network, &ada, Duration::from_secs(31));
    assert_eq!((keeper.status().now(), keeper.storage_error().now()), (Status::Joined, None));
    assert_eq!(told(&ada, &keeper), ada.version().now());
    assert_eq!((ada.counter("clicks").get(), disk.document().counter("clicks")), (11, 11));
}

#[test]
fn a_storage_that_gives_no_answer_has_failed() {
    struct Nothing;
    impl Storage for Nothing {
        fn load(&self) -> Result<Vec<Vec<u8>>, StorageError> {
            Ok(Vec::new())
        }
        fn append(&self, _: Vec<u8>, _: Saved) {}
        fn replace(&self, _: Vec<u8>, _: Saved) {}
    }
    let network = Network::new();
    let keeper = network.room_with_storage("Keeper", Nothing).unwrap();
    keeper.connect();
    network.settle();
    assert_eq!(keeper.status().now(), Status::Joined);
    keeper.counter("clicks").increment();
    network.settle();
    assert_eq!((keeper.status().now(), keeper.counter("clicks").get()), (Status::Offline, 1));
}

#[test]
fn what_cannot_be_read_is_refused_and_left_as_it_is() {
    let (network, disk) = (Network::new(), Disk::default());
    let keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
    keeper.counter("clicks").add(1);
    keeper.counter("clicks").add(2);
    drop(keeper);
    let good = disk.lock().synced.clone();
    assert_eq!(good.len(), 2);
    let open = |parts: &[Vec<u8>]| {
        disk.lock().synced = parts.to_vec();
        let opened = network.room_with_storage("Keeper", disk.end()).map(|_| ());
        assert_eq!(disk.lock().synced, parts);
        opened
    };
    let mut garbled = good.clone();
    garbled[0][1] = 0;
    for (parts, fault) in [
        (garbled, "part 1 of 2 cannot be read: this is not Conjoin data"),
        (good[1..].to_vec(), "part 1 of 1 cannot be read"),
        (vec![good[0].clone(), Vec::new()], "part 2 of 2 cannot be read: this is not Conjoin data"),
    ] {
        match open(&parts) {
            Err(StorageError::Damaged(said)) => assert!(said.starts_with(fault), "{said}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open(&good), Ok(()));
}

/// Writers edit and note what the keeper has acknowledged; it crashes at any moment, and comes back with
/// what the disk had synced by then.
#[test]
fn crashes_lose_nothing_that_was_acknowledged() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (network, disk) = (Network::new(), Disk::default());
        disk.set_slow(true);
        let writers = [network.room("Ada"), network.room("Bob")];
        writers.iter().for_each(Room::connect);
        let mut keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
        keeper.connect();
        for _ in 0..60 {
            match random.u8(..16) {
                0 => {
                    network.crash(mem::replace(&mut keeper, network.room("Nobody")));
                    keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
                    keeper.connect();
                }
                1..=4 => disk.sync(),
                5 => keeper.text("notes").push("k"),
                6 => disk.set_error(random.bool().then(|| StorageError::Unavailable("gone".into()))),
                7..=10 => writers[random.usize(..2)].text("notes").push("w"),
                11 => network.settle(),
                _ => pass(&network, &keeper, Duration::from_millis(random.u64(1..1500))),
            }
            // Whatever anybody else has of the keeper's edits, and believes it to have, is on the disk.
            let doc = disk.document();
            for writer in &writers {
                assert!(doc.version().covers(&told(writer, &keeper)), "seed {seed}");
                let own = writer.version().now().get(keeper.replica());
                assert!(doc.version().get(keeper.replica()) >= own, "seed {seed}");
            }
        }
        disk.set_error(None);
        for _ in 0..80 {
            disk.sync();
            pass(&network, &keeper, Duration::from_secs(1));
        }
        assert_eq!(disk.document().version(), &writers[0].version().now(), "seed {seed}");
        assert_eq!(writers[0].version().now(), writers[1].version().now(), "seed {seed}");
    }
}

#[test]
fn what_is_let_go_of_leaves_the_disk_and_nothing_else_does() {
    let (network, disk) = (Network::new(), Disk::default());
    let (keeper, ada) = pair(&network, &disk);
    let notes = ada.text("notes");
    for n in 0..500 {
        notes.insert(n / 2, "x").unwrap();
        ada.map("cells").set("a", n as i64);
    }
    for _ in 0..499 {
        notes.delete(0..1).unwrap();
    }
    network.settle();
    keeper.counter("clicks").increment();
    let (version, bytes) = (keeper.version().now(), disk.lock().bytes());
    assert!(!keeper.compact(&version), "Ada has not acknowledged the last edit");
    let bob = network.room("Bob");
    bob.connect();
    network.settle();
    pass(&network, &ada, Duration::from_secs(10));
    assert!(keeper.compact(&version) && !keeper.compact(&version));
    assert!(disk.lock().bytes() < bytes / 2, "{} {bytes}", disk.lock().bytes());
    assert_eq!(disk.document().version(), &version);

    // The others go on as before, and a newcomer gets all.
    ada.text("notes").push("y");
    bob.counter("clicks").increment();
    network.settle();
    let (text, cells) = (ada.text("notes").get(), ada.map("cells").get("a"));
    drop((ada, bob));
    let cy = network.room("Cy");
    cy.connect();
    network.settle();
    assert_eq!((cy.text("notes").get(), cy.map("cells").get("a")), (text, cells));
    assert_eq!(cy.counter("clicks").get(), 2);
    let left = disk.document();
    assert_eq!((left.version(), left.counter("clicks")), (&cy.version().now(), 2));
}

#[test]
fn letting_go_of_history_on_a_full_disk_loses_nothing() {
    let (network, disk) = (Network::new(), Disk::default());
    let keeper = network.room_with_storage("Keeper", disk.end()).unwrap();
    keeper.text("notes").push("draft");
    keeper.text("notes").delete(0..4).unwrap();
    disk.lock().no_wholes = true;
    assert!(keeper.compact(&keeper.version().now()));
    keeper.counter("clicks").increment();
    let left = disk.document();
    assert_eq!((left.text("notes").to_string(), left.counter("clicks")), ("t".to_owned(), 1));
    assert_eq!(keeper.storage_error().now(), None);
}
