//! Deltas, states and snapshots from anybody.

use conjoin_core::{Delta, Doc, Expand, Kind, OpId, ReplicaId, Transaction, VersionVector};

use crate::view::View;

/// A document takes in 2^31 operations at most. Nobody comes there by editing; what bytes claim beyond
/// this leaves no room to check what follows.
const ROOM: u64 = 1 << 30;

/// The replicas of the documents here.
const EMPTY: ReplicaId = ReplicaId::new(1);
pub(crate) const USED: ReplicaId = ReplicaId::new(2);
pub(crate) const OTHER: ReplicaId = ReplicaId::new(3);
const LATE: ReplicaId = ReplicaId::new(4);

/// The roots and keys of a used document, in the order in which its author introduces them.
pub(crate) const STRINGS: [&str; 8] = ["m", "l", "t", "n", "f", "r", "s", "k"];

/// A document with something of everything, in which two replicas wrote, and what its operations made.
pub(crate) struct Used {
    pub(crate) doc: Doc,
    /// Operations that made nested values.
    pub(crate) made: Vec<(Kind, OpId)>,
    /// Items of lists and characters of texts.
    pub(crate) elements: Vec<(Kind, OpId)>,
}

impl Used {
    pub(crate) fn new() -> Self {
        let mut other = Doc::new(OTHER);
        other.transact(|tx| {
            tx.counter("n").add(3);
            tx.register("r").set("theirs");
            tx.text("t").push("seen before");
            tx.map("m").text("k").push("theirs");
        });
        let mut used = Self { doc: Doc::new(USED), made: Vec::new(), elements: Vec::new() };
        let delta = other.delta_since(&VersionVector::new()).expect("nothing was forgotten");
        used.doc.apply(&delta).expect("an honest delta applies");
        used.make(Kind::Map, |tx| _ = tx.map("m").map("l"));
        used.make(Kind::List, |tx| _ = tx.map("m").map("l").list("t"));
        used.make(Kind::Counter, |tx| _ = tx.map("m").counter("n"));
        used.make(Kind::FloatCounter, |tx| _ = tx.map("m").float_counter("f"));
        used.make(Kind::Register, |tx| _ = tx.map("m").register("r"));
        used.make(Kind::Set, |tx| _ = tx.map("m").set_of("s"));
        used.make(Kind::Map, |tx| _ = tx.list("l").insert_map(0).expect("at the start"));
        used.make(Kind::Text, |tx| _ = tx.list("l").insert_text(1).expect("at the end"));
        used.elements(Kind::Text, 5, |tx| tx.text("t").insert(4, "héllo").expect("in the text"));
        used.elements(Kind::List, 3, |tx| tx.list("l").insert_all(1, [1, 2, 3]).expect("in the list"));
        used.doc.transact(everything);
        // What of theirs was made at once with all that.
        other.transact(|tx| {
            tx.text("t").replace(2..6, "at once").expect("in the text");
            tx.list("l").insert_all(0, ["x", "y"]).expect("at the start");
            tx.map("m").map("l").set("k", 1);
            tx.set("s").insert(7);
        });
        let delta = other.delta_since(&VersionVector::new()).expect("nothing was forgotten");
        used.doc.apply(&delta).expect("an honest delta applies");
        used.elements
            .extend((0..other.version().get(OTHER)).map(|seq| (Kind::Text, OpId { replica: OTHER, seq })));
        used
    }

    fn next(&self) -> OpId {
        OpId { replica: USED, seq: self.doc.version().get(USED) }
    }

    fn make(&mut self, kind: Kind, make: impl FnOnce(&mut Transaction<'_>)) {
        self.made.push((kind, self.next()));
        self.doc.transact(make);
    }

    fn elements(&mut self, kind: Kind, count: u64, make: impl FnOnce(&mut Transaction<'_>)) {
        let first = self.next();
        self.elements.extend((first.seq..first.seq + count).map(|seq| (kind, OpId { seq, ..first })));
        self.doc.transact(make);
    }
}

/// Edits values of every kind.
fn everything(tx: &mut Transaction<'_>) {
    tx.counter("n").add(-1);
    tx.float_counter("f").add(0.5).expect("finite");
    tx.register("r").set("mine");
    tx.map("m").set("k", "mine");
    tx.map("m").map("m").set("k", 1);
    tx.map("m").remove("m");
    tx.set("s").insert(7);
    tx.set("s").remove(7);
    tx.set("s").insert("in");
    let mut list = tx.list("l");
    list.insert_all(0, ["a", "b", "c"]).expect("at the start");
    list.move_to(0, list.len() - 1).expect("in the list");
    list.remove(0..1).expect("in the list");
    list.set(0, true).expect("in the list");
    let mut text = tx.text("t");
    text.insert(0, "0é2🦀4").expect("at the start");
    text.delete(1..3).expect("in the text");
    text.mark(0..2, "bold", true, Expand::After).expect("in the text");
    text.push("end");
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

    for mut doc in [Doc::new(EMPTY), Used::new().doc] {
        let before = doc.version().clone();
        let applied = doc.apply(&delta).is_ok();
        assert!(doc.version().covers(&before), "a document never forgets what it has seen");
        // What contradicts its history may apply once more was seen: what is taken in whole may not.
        if applied && doc.version().covers(&delta.end()) {
            let once = View::of(&doc);
            let twice = doc.apply(&delta).expect("all of it was seen");
            assert!(twice.changed().is_empty(), "nothing new: {:?}", twice.changed());
            assert_eq!(View::of(&doc), once, "twice is as good as once");
        }
        others_can_follow(&doc);
        goes_on(doc);
    }
}

/// Bytes of a state or snapshot, from anybody.
pub fn snapshot(data: &[u8]) {
    let docs = [Doc::new(EMPTY), Used::new().doc].map(|mut doc| {
        // What the last edit changed cannot be asked for any more; that is no trace.
        drop(doc.apply(&Delta::default()));
        let before = all(&doc);
        if doc.merge_snapshot(data).is_err() {
            assert_eq!(all(&doc), before, "what is refused leaves no trace");
            return None;
        }
        let once = View::of(&doc);
        let twice = doc.merge_snapshot(data).expect("it was taken before");
        assert!(twice.changed().is_empty(), "nothing new: {:?}", twice.changed());
        assert_eq!(View::of(&doc), once, "twice is as good as once");
        Some(doc)
    });
    for doc in docs.iter().flatten() {
        others_can_follow(doc);
        goes_on(doc.clone());
    }
    let [Some(mut empty), Some(mut used)] = docs else { return };
    // Where it speaks for those whom the second document knows better, each believes its own eyes.
    if [USED, OTHER].iter().any(|replica| empty.version().get(*replica) > 0) {
        return;
    }
    empty.merge_snapshot(&used.snapshot()).expect("a document's own snapshot merges");
    used.merge_snapshot(&empty.snapshot()).expect("a document's own snapshot merges");
    assert_eq!(View::of(&empty), View::of(&used), "they have seen the same");
}

/// A new document that took in these bytes of another one.
fn follower(bytes: &[u8]) -> Doc {
    let mut doc = Doc::new(LATE);
    doc.merge_snapshot(bytes).expect("a document's own bytes merge");
    doc
}

/// Whoever gets the state, the snapshot or the whole history has the same as `doc`.
pub(crate) fn others_can_follow(doc: &Doc) {
    if doc.version().total() > ROOM || doc.version().get(LATE) > 0 {
        return;
    }
    let view = View::of(doc);
    assert_eq!(View::of(&follower(&doc.state())), view, "by state");
    assert_eq!(View::of(&follower(&doc.snapshot())), view, "by snapshot");
    let Ok(history) = doc.delta_since(&VersionVector::new()) else { return };
    let mut other = Doc::new(LATE);
    let history = Delta::from_bytes(&history.to_bytes()).expect("what was written can be read");
    let missing = other.apply(&history).expect("a document's own history applies").missing;
    assert!(!missing);
    assert_eq!(View::of(&other), view, "by history");
}

/// Editing goes on, and others understand the edits, however they got what was before.
pub(crate) fn goes_on(mut doc: Doc) {
    if doc.version().total() > ROOM || doc.version().get(LATE) > 0 {
        return;
    }
    let others = [follower(&doc.state()), follower(&doc.snapshot())];
    let before = doc.counter("n");
    let edit = doc.transact(everything).delta();
    if before > i64::MIN && before < i64::MAX {
        assert_eq!(doc.counter("n"), before - 1);
    }
    assert_eq!(doc.register("r"), Some(&"mine".into()), "the latest write stands");
    assert_eq!(doc.map("m").get("k"), Some(&"mine".into()), "the latest write stands");
    assert!(doc.set("s").contains("in") && !doc.set("s").contains(7));
    assert_eq!(doc.list("l").get(0), Some(&true.into()));
    assert!(doc.text("t").to_string().starts_with("0🦀4"));
    assert!(doc.text("t").to_string().ends_with("end"));
    let edit = Delta::from_bytes(&edit.to_bytes()).expect("what was written can be read");
    let view = View::of(&doc);
    for mut other in others {
        let missing = other.apply(&edit).expect("an honest edit applies").missing;
        assert!(!missing);
        assert_eq!(View::of(&other), view);
    }
    others_can_follow(&doc);
}
