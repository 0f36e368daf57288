//! What once went wrong, each as small as it could be made.

use conjoin_core::{
    ApplyError, Diff, Doc, HistoryGone, Kind, Marks, ReplicaId, TextStep, Value, VersionVector,
};

fn docs() -> (Doc, Doc) {
    (Doc::new(ReplicaId::new(1)), Doc::new(ReplicaId::new(2)))
}

/// Brings a document up to date with another.
fn send(from: &Doc, to: &mut Doc) {
    let delta = from.delta_since(to.version()).expect("all is kept");
    assert!(!to.apply(&delta).expect("an honest delta applies").missing);
}

#[test]
fn a_deletion_is_taken_by_who_numbers_the_elements_otherwise() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("a"));
    send(&ada, &mut bob);
    bob.transact(|tx| tx.text("t").push("x"));
    ada.transact(|tx| tx.text("t").push("b"));
    ada.transact(|tx| tx.text("t").delete(..).expect("in bounds"));
    send(&ada, &mut bob);
    assert_eq!(bob.text("t").to_string(), "x");
}

#[test]
fn a_deletion_may_span_the_elements_of_several_replicas() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("ab"));
    send(&ada, &mut bob);
    bob.transact(|tx| tx.text("t").push("cd"));
    bob.transact(|tx| tx.text("t").delete(1..3).expect("in bounds"));
    send(&bob, &mut ada);
    assert_eq!(ada.text("t").to_string(), "ad");
}

#[test]
fn a_deletion_may_span_what_several_operations_of_the_same_change_made() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| {
        let mut list = tx.list("l");
        list.push(1);
        list.insert(0, 0).expect("in bounds");
        list.move_to(0, 1).expect("in bounds");
    });
    ada.transact(|tx| tx.list("l").remove(0..2).expect("in bounds"));
    bob.transact(|tx| tx.list("l").push(2));
    send(&ada, &mut bob);
    assert_eq!(bob.list("l").get(0), Some(&Value::Int(2)));
    let mut fresh = Doc::new(ReplicaId::new(3));
    fresh.apply(&bob.delta_since(&VersionVector::new()).expect("all is kept")).expect("applies");
    assert_eq!(fresh.list("l").len(), 1);
}

#[test]
fn what_stood_beside_something_let_go_of_can_be_stored() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("ab"));
    ada.transact(|tx| tx.text("t").insert(1, "x").expect("in bounds"));
    ada.transact(|tx| tx.text("t").push("z"));
    ada.transact(|tx| tx.text("t").delete(2..3).expect("in bounds"));
    ada.compact(&ada.version().clone());
    bob.merge_snapshot(&ada.state()).expect("an honest state merges");
    assert_eq!(bob.text("t").to_string(), "axz");
}

#[test]
fn who_has_compacted_takes_over_the_state_of_who_has_seen_all_of_it() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("a"));
    ada.transact(|tx| tx.text("t").delete(..).expect("in bounds"));
    send(&ada, &mut bob);
    ada.compact(&ada.version().clone());
    bob.transact(|tx| tx.text("t").push("b"));
    bob.set_history_limit(0);
    // What is new here is kept, too: it was made knowing what was let go of, and its history is here.
    ada.transact(|tx| tx.text("t").push("c"));
    let applied = ada.merge_snapshot(&bob.state()).expect("it has all that was let go of");
    assert_eq!(applied.changed().patches.len(), 1);
    assert_eq!((ada.text("t").to_string().as_str(), ada.version().len()), ("cb", 2));
    let back = ada.delta_since(bob.version()).expect("it is new");
    bob.apply(&back).expect("it applies");
    assert_eq!(bob.text("t").to_string(), ada.text("t").to_string());
}

/// Ada has compacted what Bob has not seen all of.
fn behind_a_compaction() -> (Doc, Doc) {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| {
        tx.text("t").push("abc");
        tx.map("m").list("l").push(1);
    });
    send(&ada, &mut bob);
    ada.transact(|tx| {
        tx.text("t").delete(1..2).expect("in bounds");
        tx.map("m").list("l").push(2);
        tx.counter("c").increment();
    });
    ada.compact(&ada.version().clone());
    assert_eq!(ada.compacted(), *ada.version());
    ada.transact(|tx| tx.text("t").push("d"));
    assert_eq!(ada.delta_since(bob.version()).err(), Some(HistoryGone));
    (ada, bob)
}

#[test]
fn who_is_behind_a_compaction_takes_over_the_state() {
    let (mut ada, mut bob) = behind_a_compaction();
    let applied = bob.merge_snapshot(&ada.state()).expect("there is nothing here that is not there");
    let changed = applied.changed();
    let text = changed.iter().find(|patch| patch.target.kind == Kind::Text).expect("it changed");
    let steps = vec![
        TextStep::Retain(1, Marks::new()),
        TextStep::Delete(1),
        TextStep::Retain(1, Marks::new()),
        TextStep::Insert("d".to_owned(), Marks::new()),
    ];
    assert_eq!(text.diff, Diff::Text(steps));
    assert_eq!((bob.text("t").to_string().as_str(), bob.counter("c")), ("acd", 1));
    assert_eq!(bob.map("m").list("l").len(), 2);
    assert_eq!((bob.version(), bob.compacted()), (ada.version(), ada.compacted()));
    // From then on all goes by deltas.
    bob.transact(|tx| tx.map("m").list("l").push(3));
    ada.transact(|tx| tx.text("t").insert(1, "x").expect("in bounds"));
    send(&bob, &mut ada);
    send(&ada, &mut bob);
    assert_eq!((ada.text("t").to_string(), ada.map("m").list("l").len()), (bob.text("t").to_string(), 3));
}

#[test]
fn who_is_behind_a_compaction_with_edits_of_its_own_keeps_them_and_is_told() {
    let (mut ada, mut bob) = behind_a_compaction();
    bob.transact(|tx| tx.text("t").push("!"));
    let before = bob.to_json();
    assert_eq!(bob.merge_snapshot(&ada.state()).err(), Some(ApplyError::Compacted));
    assert_eq!(bob.to_json(), before);
    let delta = bob.delta_since(ada.version()).expect("it is new");
    assert_eq!(ada.apply(&delta).err(), Some(ApplyError::Compacted));
    assert_eq!(ada.text("t").to_string(), "acd");
}

#[test]
fn edits_made_behind_a_compaction_come_in_with_all_that_was_let_go_of() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("abc"));
    send(&ada, &mut bob);
    bob.transact(|tx| tx.text("t").insert(2, "!").expect("in bounds"));
    ada.transact(|tx| tx.text("t").delete(1..2).expect("in bounds"));
    let mut eve = Doc::new(ReplicaId::new(3));
    send(&ada, &mut eve);
    send(&bob, &mut eve);
    ada.compact(&ada.version().clone());
    ada.transact(|tx| tx.text("t").push("d"));
    let delta = bob.delta_since(ada.version()).expect("it is new");
    assert_eq!(ada.apply(&delta).err(), Some(ApplyError::Compacted));
    ada.merge_snapshot(&eve.snapshot()).expect("it has all that was let go of");
    assert_eq!(ada.text("t").to_string(), "a!cd");
    assert!(ada.compacted().is_empty());
}

#[test]
fn what_was_made_at_once_with_what_was_let_go_of_stands_where_it_did() {
    let (mut bob, mut ada) = docs();
    let mut eve = Doc::new(ReplicaId::new(3));
    ada.transact(|tx| tx.text("t").push("a"));
    send(&ada, &mut bob);
    bob.transact(|tx| tx.text("t").push("b"));
    ada.transact(|tx| tx.text("t").delete(..).expect("in bounds"));
    for doc in [&mut bob, &mut eve] {
        send(&ada, doc);
    }
    send(&bob, &mut eve);
    // All have seen it, yet Ada does not know what Bob typed beside it.
    eve.compact(&ada.version().clone());
    ada.transact(|tx| tx.text("t").push("c"));
    send(&ada, &mut eve);
    send(&ada, &mut bob);
    assert_eq!((eve.text("t").to_string(), bob.text("t").to_string()), ("cb".to_owned(), "cb".to_owned()));
    assert_eq!(eve.compacted().total(), 1, "not the deletion: he had not seen it");
    eve.transact(|tx| tx.text("t").push("d"));
    let all = eve.version().clone();
    eve.compact(&all);
    assert_eq!(eve.compacted(), all);
}

#[test]
fn who_compacts_within_what_was_typed_goes_on_where_the_cursor_is() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("abc"));
    let known = ada.version().clone();
    ada.transact(|tx| tx.text("t").push("de"));
    send(&ada, &mut bob);
    ada.compact(&known);
    // As many characters from the front as are left of what was typed.
    ada.transact(|tx| tx.text("t").insert(2, "x").expect("in bounds"));
    send(&ada, &mut bob);
    assert_eq!(ada.text("t").to_string(), "abxcde");
    assert_eq!(bob.text("t").to_string(), "abxcde");
}
