//! The bytes themselves: what this version writes, later ones must read.

use conjoin_core::{Delta, Doc, ReplicaId, VersionVector};

fn doc() -> Doc {
    let mut doc = Doc::new(ReplicaId::new(0x0102_0304_0506_0708));
    doc.transact(|tx| tx.counter("n").add(-2));
    doc.transact(|tx| {
        tx.register("t").set("hi");
        tx.map("m").set("n", true);
    });
    doc
}

const DELTA: &[u8] = b"CJD\x01\x01\x08\x07\x06\x05\x04\x03\x02\x01\x01\
    \x04\x00\x00\x03\
    \x00\x00\x01n\x03\
    \x02\x00\x01t\x05\x02hi\
    \x03\x00\x01m\x01\x02";

#[test]
fn a_delta_is_written_as_specified() {
    let doc = doc();
    let delta = doc.delta_since(&Default::default()).expect("nothing was forgotten");
    assert_eq!(delta.to_bytes(), DELTA);
    assert_eq!(Delta::from_bytes(DELTA), Ok(delta));
}

#[test]
fn a_part_that_ends_before_it_begins_is_empty() {
    let other = doc();
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.apply(&other.delta_since(&VersionVector::new()).expect("all is kept")).expect("applies");
    doc.transact(|tx| ["a", "b"].into_iter().for_each(|name| tx.counter(name).increment()));
    // All of the other's, and of ours what lies between the two operations of one transaction.
    let version = |count| [(doc.replica(), 1), (other.replica(), count)].into_iter().collect();
    let delta = doc.delta_between(&version(0), &version(3)).expect("all is kept");
    assert_eq!((delta.operations(), delta.len()), (3, 1), "{delta:?}");
    assert_eq!(Delta::from_bytes(&delta.to_bytes()), Ok(delta));
}

#[test]
fn an_increment_in_a_session_takes_few_bytes() {
    let mut doc = doc();
    for _ in 0..1000 {
        doc.transact(|tx| tx.counter("n").increment());
    }
    let delta = doc.transact(|tx| tx.counter("n").increment()).delta();
    let mut bytes = Vec::new();
    delta.encode_with(&mut bytes, &mut |_| 0);
    assert_eq!(bytes.len(), 8);
}
