//! Saving, reading, listing, deleting; one at a time.

use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use conjoin::{Saved, Storage, StorageError};
use conjoin_store::{DATABASE, Store};

use crate::support::{BOUND, append, replace};

#[test]
fn parts_come_back_in_their_order_and_a_whole_takes_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (atlas, other) = (store.room("atlas").unwrap(), store.room("other").unwrap());
    assert_eq!(atlas.load().unwrap(), Vec::<Vec<u8>>::new());
    append(&atlas, b"one").unwrap();
    append(&other, b"another").unwrap();
    append(&atlas, b"two").unwrap();
    append(&atlas, b"").unwrap();
    assert_eq!(atlas.load().unwrap(), [&b"one"[..], b"two", b""]);
    replace(&atlas, b"whole").unwrap();
    append(&atlas, b"three").unwrap();
    drop((atlas, other, store));
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.room("atlas").unwrap().load().unwrap(), [&b"whole"[..], b"three"]);
    assert_eq!(store.room("other").unwrap().load().unwrap(), [b"another"]);
}

#[test]
fn what_was_asked_last_is_saved_before_the_store_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let atlas = Store::open(folder.path()).unwrap().room("atlas").unwrap();
    for n in 0..100u8 {
        atlas.append(vec![n], Saved::new(|_| {}));
    }
    drop(atlas);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.room("atlas").unwrap().load().unwrap().len(), 100);
}

#[test]
fn rooms_are_listed_touched_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for name in ["b", "a", "ä/../\0"] {
        append(&store.room(name).unwrap(), b"12345").unwrap();
    }
    let rooms = store.rooms().unwrap();
    let names: Vec<_> = rooms.iter().map(|room| (room.name.as_str(), room.bytes)).collect();
    assert_eq!(names, [("a", 5), ("b", 5), ("ä/../\0", 5)]);
    let age = SystemTime::now().duration_since(rooms[0].used).unwrap();
    assert!(age < Duration::from_secs(3600), "{age:?}");
    store.touch(vec!["a".into(), "nowhere".into()]).unwrap();
    assert_eq!(store.rooms().unwrap().len(), 3);

    let open = store.room("a").unwrap();
    assert_eq!(store.remove("a"), Err(StorageError::Unavailable("the room \"a\" is open".into())));
    drop(open);
    assert_eq!((store.remove("a"), store.remove("a")), (Ok(true), Ok(false)));
    let again = store.room("a").unwrap();
    assert_eq!(again.load().unwrap(), Vec::<Vec<u8>>::new());
    append(&again, b"new").unwrap();
    assert_eq!(again.load().unwrap(), [b"new"]);
}

#[test]
fn a_store_and_a_room_have_one_user_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let said = Store::open(folder.path()).unwrap_err();
    let expected = format!("the store {} is in use by another process", folder.path().display());
    assert_eq!(said, StorageError::Unavailable(expected));
    let atlas = store.room("atlas").unwrap();
    let said = store.room("atlas").unwrap_err();
    assert_eq!(said, StorageError::Unavailable("the room \"atlas\" is open already".into()));
    drop(atlas);
    drop(store.room("atlas").unwrap());
    drop(store);
    Store::open(folder.path()).unwrap();
}

#[test]
fn at_the_limit_nothing_more_is_taken_and_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.set_limit(1 << 20).unwrap();
    let (atlas, other) = (store.room("atlas").unwrap(), store.room("other").unwrap());
    append(&other, b"small").unwrap();
    let mut parts = 0;
    let said = loop {
        match append(&atlas, &[parts; 20_000]) {
            Ok(()) => parts += 1,
            Err(error) => break error,
        }
        assert!(parts < 60);
    };
    let expected =
        format!("the store {} has reached its limit of 1024 KiB", folder.path().join(DATABASE).display());
    assert_eq!(said, StorageError::Full(expected));
    assert!(parts > 40 && store.size().unwrap() <= 1 << 20);
    assert_eq!(atlas.load().unwrap().len(), usize::from(parts));
    // A shorter whole makes room, also for others.
    replace(&atlas, &[7; 300_000]).unwrap();
    append(&other, &[8; 300_000]).unwrap();
    assert!(store.size().unwrap() <= 1 << 20);
    drop(other);
    store.remove("other").unwrap();
    append(&atlas, &[9; 300_000]).unwrap();
    store.set_limit(2 << 20).unwrap();
    append(&atlas, &[9; 600_000]).unwrap();
}

#[test]
fn the_disk_gets_back_what_is_not_needed_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let atlas = store.room("atlas").unwrap();
    for _ in 0..10 {
        append(&atlas, &[1; 1 << 20]).unwrap();
    }
    let before = store.size().unwrap();
    replace(&atlas, b"whole").unwrap();
    let after = store.size().unwrap();
    assert!(before > 10 << 20 && after < 2 << 20, "{before} {after}");
}

#[test]
fn one_that_does_not_fit_takes_no_others_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.set_limit(1 << 20).unwrap();
    let rooms: Vec<_> = (0..5).map(|n| store.room(&format!("room {n}")).unwrap()).collect();
    let (tell, told) = channel();
    for (n, room) in rooms.iter().enumerate() {
        let (tell, bytes) = (tell.clone(), if n == 2 { 2 << 20 } else { 1000 });
        room.append(vec![0; bytes], Saved::new(move |result| tell.send((n, result.is_ok())).unwrap()));
    }
    let mut results: Vec<_> = (0..5).map(|_| told.recv_timeout(BOUND).unwrap()).collect();
    results.sort_unstable();
    assert_eq!(results, [(0, true), (1, true), (2, false), (3, true), (4, true)]);
    assert_eq!(rooms.iter().map(|room| room.load().unwrap().len()).collect::<Vec<_>>(), [1, 1, 0, 1, 1]);
}

#[test]
fn who_is_told_that_something_is_saved_cannot_wait_for_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let atlas = store.room("atlas").unwrap();
    let (tell, told) = channel();
    let inside = store.clone();
    atlas.append(vec![1], Saved::new(move |_| tell.send(inside.size().is_err()).unwrap()));
    assert!(told.recv_timeout(BOUND).unwrap());
    // It may have the last handle, though.
    let (tell, told) = channel();
    let last = Store::open(tempfile::tempdir().unwrap().path()).unwrap();
    let room = last.room("atlas").unwrap();
    let (go, wait) = channel::<()>();
    room.append(
        vec![1],
        Saved::new(move |_| {
            wait.recv().unwrap();
            drop(last);
            tell.send(()).unwrap();
        }),
    );
    drop(room);
    go.send(()).unwrap();
    told.recv_timeout(BOUND).unwrap();
}
