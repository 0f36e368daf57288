//! What once went wrong, each as small as it could be made.

use conjoin_core::{ApplyError, Doc, ReplicaId, Value, VersionVector};

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
fn a_state_is_refused_clearly_by_who_has_compacted() {
    let (mut ada, mut bob) = docs();
    ada.transact(|tx| tx.text("t").push("a"));
    ada.transact(|tx| tx.text("t").delete(..).expect("in bounds"));
    send(&ada, &mut bob);
    ada.compact(&ada.version().clone());
    bob.transact(|tx| tx.text("t").push("b"));
    bob.set_history_limit(0);
    assert_eq!(ada.merge_snapshot(&bob.state()).err(), Some(ApplyError::Compacted));
    assert_eq!(ada.text("t").to_string(), "");
}
