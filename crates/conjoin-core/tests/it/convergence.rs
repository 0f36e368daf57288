//! Whatever is lost, late, doubled or offline: all agree in the end, and on the right thing.

use conjoin_core::{Causality, Doc, ReplicaId};
use proptest::prelude::*;

use crate::oracle::{World, steps};

proptest! {
    #[test]
    fn every_document_reads_as_its_version_says(history in steps(4)) {
        let mut world = World::new(4);
        for step in &history {
            world.step(step);
            world.check();
        }
        world.settle();
        world.check();
        for doc in &world.docs {
            prop_assert_eq!(doc.version().compare(world.docs[0].version()), Causality::Equal);
        }
    }

    #[test]
    fn deltas_may_come_in_any_order_and_twice(history in steps(3), order in any::<prop::sample::Index>()) {
        let mut world = World::new(3);
        for step in &history {
            world.step(step);
        }
        world.settle();
        let mut fresh = Doc::new(ReplicaId::new(7));
        let count = world.deltas.len();
        if count > 0 {
            // A stride coprime to the count visits all, out of order.
            let stride = (1..=count).rev().find(|stride| gcd(*stride, count) == 1).unwrap_or(1);
            let first = order.index(count);
            for at in (0..count).map(|nth| (first + nth * stride) % count) {
                fresh.apply(&world.deltas[at]).expect("an honest delta applies");
                world.check_doc(&fresh);
                fresh.apply(&world.deltas[at]).expect("an honest delta applies twice");
            }
        }
        prop_assert_eq!(fresh.version(), world.docs[0].version());
        world.check_doc(&fresh);
    }

    #[test]
    fn what_changed_is_told(history in steps(2)) {
        let mut world = World::new(2);
        for step in &history {
            world.step(step);
        }
        let version = world.docs[1].version().clone();
        let Ok(delta) = world.docs[0].delta_since(&version) else { return Ok(()) };
        let before = world.docs[1].clone();
        let changed = world.docs[1].apply(&delta).expect("an honest delta applies").changed;
        let after = &world.docs[1];
        for name in crate::oracle::NAMES {
            let told = |kind| changed.iter().any(|target| target.kind == kind && &*target.name == name);
            prop_assert!(told(conjoin_core::Kind::Counter) || before.counter(name) == after.counter(name));
            prop_assert!(told(conjoin_core::Kind::Register) || before.register(name) == after.register(name));
            let entries = |doc: &Doc| doc.map(name).iter().map(|(k, v)| (k.to_owned(), v.clone())).collect::<Vec<_>>();
            prop_assert!(told(conjoin_core::Kind::Map) || entries(&before) == entries(after));
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[test]
fn an_early_change_waits_and_says_so() {
    let mut ada = Doc::new(ReplicaId::new(1));
    let first = ada.transact(|tx| tx.counter("n").add(1)).delta;
    let second = ada.transact(|tx| tx.counter("n").add(2)).delta;

    let mut bob = Doc::new(ReplicaId::new(2));
    let applied = bob.apply(&second).expect("an early delta is no error");
    assert!(applied.missing && applied.changed.is_empty());
    assert_eq!(bob.counter("n"), 0);

    let applied = bob.apply(&first).expect("what was missing applies");
    assert!(!applied.missing && !applied.changed.is_empty());
    assert_eq!(bob.counter("n"), 3);
}

#[test]
fn a_floating_point_sum_stays_at_its_bound() {
    let mut docs = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    for amount in [f64::MAX, f64::MAX] {
        for doc in &mut docs {
            doc.transact(|tx| tx.float_counter("w").add(amount).expect("finite"));
        }
    }
    let [one, two] = &mut docs;
    one.merge_snapshot(&two.snapshot()).expect("what is written can be read");
    two.apply(&one.delta_since(two.version()).expect("all is kept")).expect("applies");
    assert_eq!((one.float_counter("w"), two.float_counter("w")), (f64::MAX, f64::MAX));
    one.transact(|tx| tx.float_counter("w").add(-f64::MAX).expect("finite"));
    assert_eq!(one.float_counter("w"), f64::MAX, "of the two, one is back to zero");
}

#[cfg(panic = "unwind")]
#[test]
fn a_panic_in_a_transaction_leaves_a_document_that_others_can_follow() {
    let mut ada = Doc::new(ReplicaId::new(1));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ada.transact(|tx| {
            tx.counter("n").add(1);
            panic!("in the middle");
        });
    }));
    assert!(caught.is_err());
    let mut bob = Doc::new(ReplicaId::new(2));
    bob.apply(&ada.delta_since(bob.version()).expect("nothing was forgotten")).expect("applies");
    assert_eq!((ada.counter("n"), bob.counter("n")), (1, 1));
}

#[test]
fn history_stays_within_its_limit_and_latecomers_get_the_state() {
    let mut ada = Doc::new(ReplicaId::new(1));
    ada.set_history_limit(10_000);
    for _ in 0..10_000 {
        ada.transact(|tx| tx.counter("n").increment());
    }
    let mut bob = Doc::new(ReplicaId::new(2));
    assert!(ada.delta_since(bob.version()).is_err());
    let snapshot = ada.snapshot();
    assert!(snapshot.len() < 100, "{} bytes", snapshot.len());
    bob.merge_snapshot(&snapshot).expect("merges");
    assert_eq!(bob.counter("n"), 10_000);

    let delta = ada.transact(|tx| tx.counter("n").increment()).delta;
    bob.apply(&delta).expect("edits go on after a snapshot");
    assert_eq!(bob.counter("n"), 10_001);
    assert!(ada.delta_since(bob.version()).expect("recent history is there").is_empty());
}
