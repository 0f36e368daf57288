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
    fn the_account_of_the_size_is_that_of_the_state(history in steps(3)) {
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
        prop_assert!(fresh.merge_snapshot(&doc.snapshot()).is_ok());
        if doc.state_size() > 0 {
            let mut small = Doc::new(ReplicaId::new(7));
            small.set_state_limit(doc.state_size() - 1);
            let limit = doc.state_size() - 1;
            prop_assert_eq!(small.merge_snapshot(&doc.snapshot()), Err(ApplyError::TooLarge { limit }));
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

#[test]
fn a_million_keys_are_refused_and_leave_the_state_as_it_was() {
    const LIMIT: usize = 1 << 20;
    let mut liar = Doc::new(ReplicaId::new(2));
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(LIMIT);
    let refused = (0..1_000_000).find_map(|key| {
        let delta = liar.transact(|tx| tx.map("m").set(&key.to_string(), key)).delta;
        let before = doc.version().clone();
        doc.apply(&delta).err().inspect(|_| assert_eq!(*doc.version(), before, "applied in part"))
    });
    assert_eq!(refused, Some(ApplyError::TooLarge { limit: LIMIT }));
    assert!(doc.state_size() <= LIMIT && doc.map("m").len() > LIMIT / 1000);

    // The same at once, as one transaction and as a state.
    let mut liar = Doc::new(ReplicaId::new(2));
    let delta = liar.transact(|tx| (0..20_000).for_each(|key| tx.map("m").set(&key.to_string(), key))).delta;
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(LIMIT);
    assert_eq!(doc.apply(&delta), Err(ApplyError::TooLarge { limit: LIMIT }));
    assert_eq!(doc.merge_snapshot(&liar.snapshot()), Err(ApplyError::TooLarge { limit: LIMIT }));
    assert_eq!((doc.state_size(), doc.map("m").len()), (0, 0));
    // Own edits are the user's, and others' go on as far as they fit.
    doc.transact(|tx| tx.counter("n").add(1));
    doc.apply(&Doc::new(ReplicaId::new(3)).transact(|tx| tx.counter("n").add(1)).delta).expect("fits");
    assert_eq!(doc.counter("n"), 2);
}

#[test]
fn values_and_replicas_count_as_much_as_keys() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(1 << 20);
    let mut liar = Doc::new(ReplicaId::new(2));
    for _ in 0..100 {
        let delta = liar.transact(|tx| tx.register("r").set(vec![0; 300_000])).delta;
        doc.apply(&delta).expect("each takes the place of the one before");
    }
    let large = liar.transact(|tx| tx.register("r").set(vec![0; 1 << 20])).delta;
    assert!(matches!(doc.apply(&large), Err(ApplyError::TooLarge { .. })));

    let replica = |id| Doc::new(ReplicaId::new(id)).transact(|tx| tx.counter("n").add(1)).delta;
    let refused = (1000..).find(|&id| doc.apply(&replica(id)).is_err());
    assert!(refused.is_some_and(|id| id < 2000), "replicas without end: {refused:?}");
    assert!(doc.state_size() <= 1 << 20);
}

#[test]
fn nobody_takes_the_room_of_others_for_early_changes() {
    let mut doc = Doc::new(ReplicaId::new(1));
    for start in 1..20_000 {
        assert!(doc.apply_from(1, &forged(start * 2, 0)).expect("early, not wrong").missing);
    }
    let mut honest = Doc::new(ReplicaId::new(8));
    let first = honest.transact(|tx| tx.counter("n").add(1)).delta;
    let deltas: Vec<_> = (0..10).map(|_| honest.transact(|tx| tx.counter("n").add(1)).delta).collect();
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
    use conjoin_core::codec::Writer;
    // A snapshot of nothing but empty strings, and a delta of one change with very many operations.
    let mut snapshot = b"CJS\x01\x00".to_vec();
    snapshot.varint(20 << 20);
    snapshot.resize(snapshot.len() + (20 << 20), 0);
    let refused = Doc::new(ReplicaId::new(1)).merge_snapshot(&snapshot);
    assert!(matches!(refused, Err(ApplyError::TooLarge { .. })), "{refused:?}");

    let mut delta = b"CJD\x01\x01\0\0\0\0\0\0\0\0\x01\x04\0\0\0".to_vec();
    delta.varint(10 << 20);
    delta.resize(delta.len() + (30 << 20), 0);
    assert_eq!(Delta::from_bytes(&delta), Err(DecodeError::Malformed("number of operations")));
}

#[test]
fn a_snapshot_without_news_moves_no_logical_time() {
    // Two operations at once leave logical time behind their number.
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.counter("n").add(1));
    let other = Doc::new(ReplicaId::new(2)).transact(|tx| tx.counter("n").add(1)).delta;
    doc.apply(&other).expect("an honest delta applies");
    let mut lie = doc.snapshot();
    // The lamport time stands after the version: the magic, two replicas, one string, two counts.
    let at = 4 + 17 + 3 + 5;
    assert_eq!(lie[at], 1);
    lie[at] = 2;
    doc.merge_snapshot(&lie).expect("well-formed");
    doc.transact(|tx| tx.counter("n").add(1));
    let mut third = Doc::new(ReplicaId::new(3));
    third.apply(&doc.delta_since(&Default::default()).expect("all is kept")).expect("history applies");
    assert_eq!(third.counter("n"), 3);
}

#[test]
fn edits_of_those_whose_clock_a_snapshot_moved_are_taken() {
    // What it tells is true but for the time, which is as late as it can be.
    let mut honest: Vec<_> = (6..9).map(|id| Doc::new(ReplicaId::new(id))).collect();
    let deltas: Vec<_> =
        honest.iter_mut().map(|doc| doc.transact(|tx| tx.counter("n").add(1)).delta).collect();
    let seen = [(6, 1), (7, 1), (8, 1)];
    let mut lie = snapshot(&seen, &[(0, 0), (1, 0), (2, 0)], &[(0, 1), (1, 1), (2, 1)]);
    // After the magic, three replicas, one string and the version.
    let at = 4 + 25 + 3 + 7;
    assert_eq!(lie[at], 0);
    lie[at] = 3;
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.merge_snapshot(&lie).expect("well-formed");
    let edit = doc.transact(|tx| tx.counter("n").add(1)).delta;
    let mut other = Doc::new(ReplicaId::new(2));
    for delta in deltas.iter().chain([&edit]) {
        other.apply(delta).expect("honest");
    }
    assert_eq!(other.counter("n"), 4);
}

/// A snapshot with one counter "n": what was seen of which replicas, the heads, and the sums, all with
/// replicas by their places in `seen`.
fn snapshot(seen: &[(u64, u64)], heads: &[(u64, u64)], sums: &[(u64, u64)]) -> Vec<u8> {
    use conjoin_core::codec::Writer;
    let mut bytes = b"CJS\x01".to_vec();
    bytes.varint(seen.len() as u64);
    seen.iter().for_each(|(replica, _)| bytes.extend_from_slice(&replica.to_le_bytes()));
    bytes.extend_from_slice(&[1, 1, b'n']);
    let counts = (0..).zip(seen).filter(|(_, seen)| seen.1 > 0).map(|(at, seen)| (at, seen.1));
    let list = |bytes: &mut Vec<u8>, entries: &[(u64, u64)]| {
        bytes.varint(entries.len() as u64);
        for &(replica, number) in entries {
            bytes.varint(replica);
            bytes.varint(number);
        }
    };
    list(&mut bytes, &counts.collect::<Vec<_>>());
    bytes.push(0);
    list(&mut bytes, heads);
    bytes.extend_from_slice(&[0, 1, 0]);
    bytes.varint(sums.len() as u64);
    for &(replica, sum) in sums {
        bytes.varint(replica);
        bytes.zigzag(sum as i64);
        bytes.push(0);
    }
    bytes.extend_from_slice(&[0, 0, 0]);
    bytes
}

fn refused(bytes: &[u8]) -> bool {
    matches!(
        Doc::new(ReplicaId::new(1)).merge_snapshot(bytes),
        Err(ApplyError::Decode(DecodeError::Malformed(_)))
    )
}

#[test]
fn a_snapshot_tells_no_sum_of_those_we_have_seen_more_of() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.register("r").set(1));
    let lie = snapshot(&[(1, 1), (7, 1)], &[(1, 0)], &[(0, 1_000), (1, 5)]);
    doc.merge_snapshot(&lie).expect("well-formed");
    assert_eq!(doc.counter("n"), 5, "only what the other added");
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

#[test]
fn a_snapshot_speaks_for_nobody_it_has_not_seen() {
    assert!(!refused(&snapshot(&[(6, 1), (7, 1)], &[], &[(0, 1), (1, 1)])));
    assert!(refused(&snapshot(&[(6, 0), (7, 1)], &[], &[(0, 1), (1, 1)])));
}

#[test]
fn a_snapshot_names_each_replica_once_in_order() {
    assert!(refused(&snapshot(&[(6, 1), (7, 1)], &[], &[(1, 1), (0, 1)])));
    assert!(refused(&snapshot(&[(6, 1), (7, 1)], &[], &[(0, 1), (0, 1)])));
}

#[test]
fn the_heads_of_a_snapshot_are_the_latest_operations() {
    assert!(!refused(&snapshot(&[(7, 3)], &[(0, 2)], &[])));
    assert!(refused(&snapshot(&[(7, 3)], &[(0, 1)], &[])), "an earlier one");
    assert!(refused(&snapshot(&[(7, 3)], &[(0, 2), (0, 2)], &[])), "more of them than replicas");
}

#[test]
fn a_change_that_is_refused_leaves_no_trace() {
    let mut doc = Doc::new(ReplicaId::new(1));
    let before = doc.snapshot();
    assert!(doc.apply(&forged(0, 1 << 40)).is_err());
    assert_eq!(doc.snapshot(), before);
}

/// What took time by the square of its length would not be done with these today.
#[test]
fn as_many_replicas_as_fit_a_message_are_taken_in_without_delay() {
    let count = 200_000;
    let odd: Vec<_> = (0..count).map(|n| (2 * n + 3, 1)).collect();
    let even: Vec<_> = (0..count).map(|n| (2 * n + 2, 1)).collect();
    let sums: Vec<_> = (0..count).map(|n| (n, 1)).collect();
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.set_state_limit(2 << 30);
    for seen in [odd, even] {
        doc.merge_snapshot(&snapshot(&seen, &[], &sums)).expect("well-formed");
    }
    assert_eq!(doc.counter("n"), 2 * count as i64);
}
