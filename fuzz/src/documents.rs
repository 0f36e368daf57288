//! Deltas and snapshots from anybody.

use conjoin_core::{Delta, Doc, ReplicaId, VersionVector};

use crate::state::State;

/// A document takes in no number above 2^48, so its own last operations below that are its last. Nobody
/// comes there by editing; what a snapshot claims beyond this leaves no room to check what follows.
const ROOM: u64 = 1 << 47;

/// The replicas of the documents here.
const EMPTY: ReplicaId = ReplicaId::new(1);
const USED: ReplicaId = ReplicaId::new(2);
const OTHER: ReplicaId = ReplicaId::new(3);
const LATE: ReplicaId = ReplicaId::new(4);

/// A document with something of everything, in which two replicas wrote.
fn used() -> Doc {
    let mut other = Doc::new(OTHER);
    other.transact(|tx| {
        tx.counter("n").add(3);
        tx.register("r").set("theirs");
    });
    let mut doc = Doc::new(USED);
    let delta = other.delta_since(&VersionVector::new()).expect("nothing was forgotten");
    doc.apply(&delta).expect("an honest delta applies");
    doc.transact(|tx| {
        tx.counter("n").add(-1);
        tx.float_counter("f").add(0.5).expect("finite");
        tx.map("m").set("k", 7);
    });
    doc.transact(|tx| tx.map("m").remove("k"));
    doc
}

/// Everything about a document, what waits and its history included.
fn all(doc: &Doc) -> String {
    format!("{doc:?}")
}

/// Bytes of a delta, from anybody.
pub fn delta(data: &[u8]) {
    let Ok(delta) = Delta::from_bytes(data) else { return };
    let bytes = delta.to_bytes();
    let again = Delta::from_bytes(&bytes).expect("what was written can be read");
    assert_eq!(again.to_bytes(), bytes, "what is read is what was written");
    assert_eq!(
        (again.len(), again.operations(), again.end()),
        (delta.len(), delta.operations(), delta.end())
    );
    let parts = delta.clone().split(512);
    assert_eq!(parts.iter().map(Delta::operations).sum::<u64>(), delta.operations());

    for mut doc in [Doc::new(EMPTY), used()] {
        let before = doc.version().clone();
        let result = doc.apply(&delta);
        assert!(doc.version().covers(&before), "a document never forgets what it has seen");
        // What contradicts its history may apply once more was seen: what is taken in whole may not.
        if result.is_ok() && doc.version().covers(&delta.end()) {
            let once = all(&doc);
            let twice = doc.apply(&delta).expect("all of it was seen");
            assert!(twice.changed.is_empty() && all(&doc) == once, "twice is as good as once");
        }
        others_can_follow(&doc);
        goes_on(doc);
    }
}

/// Bytes of a snapshot, from anybody.
pub fn snapshot(data: &[u8]) {
    let docs = [Doc::new(EMPTY), used()].map(|mut doc| {
        let before = all(&doc);
        if doc.merge_snapshot(data).is_err() {
            assert_eq!(all(&doc), before, "what is refused leaves no trace");
            return None;
        }
        let once = all(&doc);
        let twice = doc.merge_snapshot(data).expect("it was taken before");
        assert!(twice.changed.is_empty(), "nothing new: {:?}", twice.changed);
        assert_eq!(all(&doc), once, "twice is as good as once");
        Some(doc)
    });
    for doc in docs.iter().flatten() {
        others_can_follow(doc);
        goes_on(doc.clone());
    }
    let [Some(mut empty), Some(mut used)] = docs else { return };
    // Where it speaks for those whom the second document knows better, each believes its own eyes.
    let spoken = State::of(&empty).version;
    if [USED, OTHER].iter().any(|replica| spoken.contains_key(&replica.get())) {
        return;
    }
    empty.merge_snapshot(&used.snapshot()).expect("a document's own snapshot merges");
    used.merge_snapshot(&empty.snapshot()).expect("a document's own snapshot merges");
    assert_eq!(State::of(&empty), State::of(&used), "they have seen the same");
}

/// Whoever gets the state, or the whole history, has the same as `doc`.
pub(crate) fn others_can_follow(doc: &Doc) {
    if doc.version().total() > ROOM {
        return;
    }
    let state = State::of(doc);
    let mut other = Doc::new(LATE);
    if doc.version().get(LATE) > 0 {
        return;
    }
    other.merge_snapshot(&doc.snapshot()).expect("a document's own snapshot merges");
    assert_eq!(State::of(&other), state, "by snapshot");
    let Ok(history) = doc.delta_since(&VersionVector::new()) else { return };
    let mut other = Doc::new(LATE);
    let history = Delta::from_bytes(&history.to_bytes()).expect("what was written can be read");
    let applied = other.apply(&history).expect("a document's own history applies");
    assert!(!applied.missing);
    assert_eq!(State::of(&other), state, "by history");
}

/// Editing goes on, and others understand the edits.
fn goes_on(mut doc: Doc) {
    if doc.version().total() > ROOM {
        return;
    }
    let mut other = Doc::new(LATE);
    if doc.version().get(LATE) > 0 {
        return;
    }
    other.merge_snapshot(&doc.snapshot()).expect("a document's own snapshot merges");
    let own = |doc: &Doc| State::of(doc).sum("n", doc.replica().get()).unwrap_or(0);
    let before = own(&doc);
    let edit = doc.transact(|tx| {
        tx.counter("n").add(1);
        tx.register("r").set("mine");
        tx.map("m").set("k", "mine");
    });
    assert_eq!(own(&doc), before + 1);
    assert_eq!(doc.register("r"), Some(&"mine".into()), "the latest write stands");
    assert_eq!(doc.map("m").get("k"), Some(&"mine".into()), "the latest write stands");
    let edit = Delta::from_bytes(&edit.delta.to_bytes()).expect("what was written can be read");
    assert!(!other.apply(&edit).expect("an honest edit applies").missing);
    assert_eq!(State::of(&other), State::of(&doc));
}
