//! Bytes and changes from those who lie.

use conjoin_core::{ApplyError, DecodeError, Delta, Doc, ReplicaId};
use proptest::prelude::*;

use crate::oracle::{World, steps};

fn take_in(bytes: &[u8]) {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.counter("n").add(1));
    if let Ok(delta) = Delta::from_bytes(bytes) {
        let _ = doc.apply(&delta);
    }
    let _ = doc.merge_snapshot(bytes);
    // Whatever came, the document goes on, and others can follow.
    doc.transact(|tx| tx.counter("n").add(1));
    let mut other = Doc::new(ReplicaId::new(2));
    other.merge_snapshot(&doc.snapshot()).expect("a document's own snapshot is always readable");
}

proptest! {
    #[test]
    fn random_bytes_are_refused_or_harmless(kind in prop::sample::select(b"DS".to_vec()), body: Vec<u8>) {
        let mut bytes = vec![b'C', b'J', kind, 1];
        bytes.extend(body);
        take_in(&bytes);
    }

    #[test]
    fn damaged_bytes_are_refused_or_harmless(
        history in steps(2),
        snapshot: bool,
        at: prop::sample::Index,
        byte: u8,
        cut: prop::sample::Index,
    ) {
        let mut world = World::new(2);
        history.iter().for_each(|step| world.step(step));
        let doc = &world.docs[0];
        let mut bytes = match doc.delta_since(&Default::default()) {
            Ok(delta) if !snapshot => delta.to_bytes(),
            _ => doc.snapshot(),
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        take_in(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        take_in(&bytes);
    }
}

#[test]
fn operations_in_our_own_name_are_refused() {
    let mut doc = Doc::new(ReplicaId::new(1));
    let forged = Doc::new(ReplicaId::new(1)).transact(|tx| tx.counter("n").add(1_000)).delta;
    assert_eq!(doc.apply(&forged), Err(ApplyError::ForgedReplica));
    let mut twin = Doc::new(ReplicaId::new(1));
    twin.transact(|tx| tx.counter("n").add(1_000));
    assert_eq!(doc.merge_snapshot(&twin.snapshot()), Err(ApplyError::ForgedReplica));
    assert_eq!(doc.counter("n"), 0);
}

/// One change of replica 7: `start`, time above it, and one operation that sets register "r".
fn forged(start: u64, time_above_start: u64) -> Delta {
    use conjoin_core::codec::Writer;
    let mut bytes = b"CJD\x01\x01".to_vec();
    bytes.extend_from_slice(&7u64.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0]);
    bytes.varint(start);
    bytes.varint(time_above_start);
    bytes.extend_from_slice(&[2, 0, 1, b'r', 0]);
    Delta::from_bytes(&bytes).expect("well-formed")
}

#[test]
fn logical_time_cannot_be_pushed_ahead() {
    let mut doc = Doc::new(ReplicaId::new(1));
    assert!(matches!(doc.apply(&forged(0, 1 << 40)), Err(ApplyError::Inconsistent(_))));
    assert!(doc.apply(&forged(0, 0)).is_ok());
}

#[test]
fn changes_from_the_future_take_bounded_memory_and_block_nobody() {
    let mut doc = Doc::new(ReplicaId::new(1));
    for start in 1..20_000 {
        let applied = doc.apply(&forged(start * 2, 0)).expect("early, not wrong");
        assert!(applied.missing);
    }
    let honest = Doc::new(ReplicaId::new(3)).transact(|tx| tx.counter("n").add(5)).delta;
    doc.apply(&honest).expect("applies");
    assert_eq!(doc.counter("n"), 5);
}

#[test]
fn lengths_that_lie_are_refused_before_memory_is_taken() {
    use conjoin_core::codec::Writer;
    for header in [b"CJD\x01", b"CJS\x01"] {
        let mut bytes = header.to_vec();
        bytes.varint(u64::MAX);
        bytes.resize(1 << 20, 0);
        let error = match header[2] {
            b'D' => Delta::from_bytes(&bytes).map(|_| ()).map_err(ApplyError::from),
            _ => Doc::new(ReplicaId::new(1)).merge_snapshot(&bytes).map(|_| ()),
        };
        assert_eq!(error, Err(ApplyError::Decode(DecodeError::Truncated)));
    }
}
