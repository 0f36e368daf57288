//! Bytes and changes from those who lie.

use conjoin_core::codec::Writer;
use conjoin_core::{ApplyError, DecodeError, Delta, Doc, ReplicaId, VersionVector};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::edits::edit;
use crate::reader::read;
use crate::world::{World, steps};

/// Whatever came, the document goes on, and others who take in what it has read the same.
fn goes_on(doc: &mut Doc) {
    doc.transact(|tx| {
        tx.counter("a").add(1);
        tx.map("m").set("x", 1);
        tx.map("a").text("y").push("more");
        tx.text("t").push("more");
        tx.list("l").push("more");
        tx.list("l").insert_map(0).expect("there is a start").set("x", 1);
    });
    let mut other = Doc::new(ReplicaId::new(1 << 40));
    other.merge_snapshot(&doc.state()).expect("a document's own state is always readable");
    assert_eq!(read(&other), read(doc), "by state");
    if let Ok(delta) = doc.delta_since(&VersionVector::new()) {
        let mut other = Doc::new(ReplicaId::new(1 << 40));
        let applied = other.apply(&delta).expect("what a document took in it can hand on");
        assert!(!applied.missing);
        assert_eq!(read(&other), read(doc), "by delta");
    }
}

fn take_in(bytes: &[u8]) {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.counter("a").add(1));
    take_into(&mut doc, bytes);
}

fn take_into(doc: &mut Doc, bytes: &[u8]) {
    let before = (doc.version().clone(), read(doc));
    if let Ok(delta) = Delta::from_bytes(bytes) {
        let _ = doc.apply(&delta);
    }
    if doc.merge_snapshot(bytes).is_err() && *doc.version() == before.0 {
        assert_eq!(read(doc), before.1, "what is refused changes nothing");
    }
    goes_on(doc);
}

proptest! {
    #[test]
    fn the_account_of_the_size_is_that_of_the_state(history in steps(3, edit, 20)) {
        let mut world = World::new(3);
        for step in &history {
            world.step(step);
            for doc in &world.docs {
                // Taken in anew, each thing in it is counted once.
                let mut fresh = Doc::new(ReplicaId::new(7));
                fresh.merge_snapshot(&doc.snapshot()).expect("a document's own snapshot merges");
                prop_assert_eq!(fresh.state_size(), doc.state_size());
            }
        }
        // What is at the limit can be handed on, and what is above it cannot.
        let doc = &world.docs[0];
        let mut fresh = Doc::new(ReplicaId::new(7));
        fresh.set_state_limit(doc.state_size());
        prop_assert!(fresh.merge_snapshot(&doc.state()).is_ok());
        if doc.state_size() > 0 {
            let mut small = Doc::new(ReplicaId::new(7));
            small.set_state_limit(doc.state_size() - 1);
            prop_assert_eq!(small.merge_snapshot(&doc.state()).err(), Some(ApplyError::TooLarge));
            prop_assert!(small.version().is_empty() && small.state_size() == 0);
        }
    }

    #[test]
    fn random_bytes_are_refused_or_harmless(kind in prop::sample::select(b"DS".to_vec()), body: Vec<u8>) {
        let mut bytes = vec![b'C', b'J', kind, 1];
        bytes.extend(body);
        take_in(&bytes);
    }

    #[test]
    fn damaged_bytes_are_refused_or_harmless(
        history in steps(2, edit, 20),
        snapshot: bool,
        at: Index,
        byte: u8,
        cut: Index,
    ) {
        let world = World::after(2, &history);
        let doc = &world.docs[0];
        let mut bytes = match doc.delta_since(&Default::default()) {
            Ok(delta) if !snapshot => delta.to_bytes(),
            _ => doc.snapshot(),
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        take_in(&bytes);
        take_into(&mut world.docs[1].clone(), &bytes);
        bytes.truncate(cut.index(bytes.len()));
        take_in(&bytes);
    }

    #[test]
    fn who_lies_about_a_few_bytes_misleads_but_breaks_nothing(
        history in steps(3, edit, 20),
        lies in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>(), any::<u8>()), 1..6),
    ) {
        let mut world = World::after(3, &history);
        for (to, which, at, byte) in lies {
            if world.deltas.is_empty() {
                break;
            }
            let mut bytes = world.deltas[which.index(world.deltas.len())].to_bytes();
            // Behind the replicas, whose ids would only become others.
            let at = (4 + at.index(bytes.len() - 4)).min(bytes.len() - 1);
            bytes[at] = byte;
            let to = to.index(world.docs.len());
            if let Ok(lie) = Delta::from_bytes(&bytes) {
                let _ = world.docs[to].apply(&lie);
            }
        }
        world.docs.iter_mut().for_each(goes_on);
    }
}

#[test]
fn operations_in_our_own_name_are_refused() {
    let mut doc = Doc::new(ReplicaId::new(1));
    let forged = Doc::new(ReplicaId::new(1)).transact(|tx| tx.counter("n").add(1_000)).delta();
    assert_eq!(doc.apply(&forged).err(), Some(ApplyError::ForgedReplica));
    let mut twin = Doc::new(ReplicaId::new(1));
    twin.transact(|tx| tx.counter("n").add(1_000));
    assert_eq!(doc.merge_snapshot(&twin.snapshot()).err(), Some(ApplyError::ForgedReplica));
    assert_eq!(doc.counter("n"), 0);
}

#[test]
fn an_operation_that_made_one_value_is_not_taken_for_having_made_another() {
    let mut doc = Doc::new(ReplicaId::new(1));
    let mut other = Doc::new(ReplicaId::new(2));
    other.transact(|tx| tx.map("m").list("y").push(1));
    doc.merge_snapshot(&other.state()).expect("honest");
    let mut liar = Doc::new(ReplicaId::new(2));
    liar.transact(|tx| (0..9).for_each(|nth| tx.map("m").map("y").set("x", nth)));
    assert_eq!(doc.merge_snapshot(&liar.state()).err(), Some(ApplyError::Contradiction));
    goes_on(&mut doc);
}

/// One change of replica 7 that starts here, with one operation that sets register "r".
fn forged(start: u64) -> Delta {
    let mut bytes = b"CJD\x01\x01".to_vec();
    bytes.extend_from_slice(&7u64.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0]);
    bytes.varint(start);
    bytes.extend_from_slice(&[2, 0, 1, b'r', 0]);
    Delta::from_bytes(&bytes).expect("well-formed")
}

#[test]
fn changes_from_the_future_take_bounded_memory_and_block_nobody() {
    let mut doc = Doc::new(ReplicaId::new(1));
    for start in 1..20_000 {
        let applied = doc.apply(&forged(start * 2)).expect("early, not wrong");
        assert!(applied.missing);
    }
    let honest = Doc::new(ReplicaId::new(3)).transact(|tx| tx.counter("n").add(5)).delta();
    doc.apply(&honest).expect("applies");
    assert_eq!(doc.counter("n"), 5);
}

#[test]
fn lengths_that_lie_are_refused_before_memory_is_taken() {
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

#[test]
fn a_million_keys_are_refused_and_leave_the_state_as_it_was() {
    const LIMIT: usize = 1 << 20;
    let mut liar = Doc::new(ReplicaId::new(2));
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(LIMIT);
    let refused = (0..1_000_000).find_map(|key| {
        let delta = liar.transact(|tx| tx.map("m").set(&key.to_string(), key)).delta();
        let before = doc.version().clone();
        doc.apply(&delta).err().inspect(|_| assert_eq!(*doc.version(), before, "applied in part"))
    });
    assert_eq!(refused, Some(ApplyError::TooLarge));
    assert!(doc.state_size() <= LIMIT && doc.map("m").len() > LIMIT / 1000);

    // The same at once, as one transaction, which travels in parts, and as a state.
    let mut liar = Doc::new(ReplicaId::new(2));
    let delta =
        liar.transact(|tx| (0..20_000).for_each(|key| tx.map("m").set(&key.to_string(), key))).delta();
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(LIMIT);
    assert_eq!(doc.apply(&delta).err(), Some(ApplyError::TooLarge));
    assert!(doc.state_size() <= LIMIT);
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(LIMIT);
    assert_eq!(doc.merge_snapshot(&liar.snapshot()).err(), Some(ApplyError::TooLarge));
    assert_eq!((doc.state_size(), doc.map("m").len()), (0, 0));
    // Own edits are the user's, and others' go on as far as they fit.
    doc.transact(|tx| tx.counter("n").add(1));
    doc.apply(&Doc::new(ReplicaId::new(3)).transact(|tx| tx.counter("n").add(1)).delta()).expect("fits");
    assert_eq!(doc.counter("n"), 2);
}

#[test]
fn values_and_replicas_count_as_much_as_keys() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(1 << 20);
    let mut liar = Doc::new(ReplicaId::new(2));
    for _ in 0..100 {
        let delta = liar.transact(|tx| tx.register("r").set(vec![0; 300_000])).delta();
        doc.apply(&delta).expect("each takes the place of the one before");
    }
    let large = liar.transact(|tx| tx.register("r").set(vec![0; 1 << 20])).delta();
    assert!(matches!(doc.apply(&large), Err(ApplyError::TooLarge)));

    let replica = |id| Doc::new(ReplicaId::new(id)).transact(|tx| tx.counter("n").add(1)).delta();
    let refused = (1000..).find(|&id| doc.apply(&replica(id)).is_err());
    assert!(refused.is_some_and(|id| id < 2000), "replicas without end: {refused:?}");
    assert!(doc.state_size() <= 1 << 20);
}

#[test]
fn nobody_takes_the_room_of_others_for_early_changes() {
    let mut doc = Doc::new(ReplicaId::new(1));
    for start in 1..20_000 {
        assert!(doc.apply_from(1, &forged(start * 2)).expect("early, not wrong").missing);
    }
    let mut honest = Doc::new(ReplicaId::new(8));
    let first = honest.transact(|tx| tx.counter("n").add(1)).delta();
    let deltas: Vec<_> = (0..10).map(|_| honest.transact(|tx| tx.counter("n").add(1)).delta()).collect();
    for delta in &deltas {
        assert!(doc.apply_from(2, delta).expect("early").missing);
    }
    // All of them waited, though the first source has used up what is its.
    assert!(!doc.apply_from(2, &first).expect("applies").missing);
    assert_eq!(doc.counter("n"), 11);
    doc.forget_source(1);
    assert!(!doc.apply_from(1, &first).expect("seen").missing, "nothing of it is left");
}

#[test]
fn few_bytes_do_not_become_many_in_memory() {
    // A snapshot of nothing but empty strings, and a delta of one change with very many operations.
    let mut snapshot = b"CJS\x01\x00".to_vec();
    snapshot.varint(20 << 20);
    snapshot.resize(snapshot.len() + (20 << 20), 0);
    let refused = Doc::new(ReplicaId::new(1)).merge_snapshot(&snapshot).err();
    assert!(matches!(refused, Some(ApplyError::TooLarge)), "{refused:?}");

    let mut delta = b"CJD\x01\x01\0\0\0\0\0\0\0\0\x01\x04\0\0".to_vec();
    delta.varint(10 << 20);
    delta.resize(delta.len() + (40 << 20), 0);
    let delta = Delta::from_bytes(&delta).expect("well-formed");
    assert!(delta.size() < 41 << 20, "{}", delta.size());
    let refused = Doc::new(ReplicaId::new(1)).apply(&delta).err();
    assert!(matches!(refused, Some(ApplyError::TooLarge)), "{refused:?}");
}

#[test]
fn a_snapshot_tells_no_write_of_those_we_have_seen_as_much_of() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.counter("n").add(1));
    // Another instance of the same replica, which wrote something else.
    let mut twin = Doc::new(ReplicaId::new(1));
    twin.transact(|tx| tx.register("r").set("lie"));
    doc.merge_snapshot(&twin.snapshot()).expect("no more operations than we made");
    assert_eq!(doc.register("r"), None);
}
