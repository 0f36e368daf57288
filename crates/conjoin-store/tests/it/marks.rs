//! What a room had is known later.

use std::time::{Duration, SystemTime};

use conjoin::{ReplicaId, VersionVector};
use conjoin_store::Store;

use crate::support::append;

#[test]
fn marks_last_until_they_or_their_room_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let version: VersionVector = [(ReplicaId::new(7), 3)].into_iter().collect();
    store.mark("atlas", &version).unwrap();
    assert_eq!(store.marks("atlas").unwrap(), [], "there is no such room");
    append(&store.room("atlas").unwrap(), b"a delta").unwrap();
    append(&store.room("plans").unwrap(), b"a delta").unwrap();
    let before = SystemTime::now() - Duration::from_secs(2);
    for room in ["atlas", "plans"] {
        store.mark(room, &version).unwrap();
    }
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    store.forget_marks("atlas", before).unwrap();
    let marks = store.marks("atlas").unwrap();
    assert!(marks.len() == 1 && marks[0].0 > before && marks[0].1 == version, "{marks:?}");
    store.forget_marks("atlas", marks[0].0).unwrap();
    assert_eq!((store.marks("atlas").unwrap().len(), store.marks("plans").unwrap().len()), (0, 1));
    store.remove("plans").unwrap();
    append(&store.room("plans").unwrap(), b"a delta").unwrap();
    assert_eq!(store.marks("plans").unwrap(), []);
}
