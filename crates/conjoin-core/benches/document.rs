//! The hot paths of a document: `cargo xtask bench core`.

use std::time::Duration;

use conjoin_core::codec::Reader;
use conjoin_core::{Delta, Doc, ReplicaId, UndoManager};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

const EDITS: usize = 10_000;

fn main() {
    divan::main();
}

fn fresh() -> (Doc, Doc) {
    (Doc::new(ReplicaId::new(1)), Doc::new(ReplicaId::new(2)))
}

/// As a session sends it: encoded against agreed numbers, decoded, applied.
fn send(delta: &Delta, to: &mut Doc) -> usize {
    let mut bytes = Vec::with_capacity(64);
    delta.encode_with(&mut bytes, &mut |replica| replica.get());
    let delta = Delta::decode_with(&mut Reader::new(&bytes), &|index| Some(ReplicaId::new(index)));
    to.apply(&delta.expect("just encoded")).expect("an honest delta applies");
    bytes.len()
}

#[divan::bench]
fn increment(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(EDITS)).with_inputs(fresh).bench_values(|(mut doc, _)| {
        for _ in 0..EDITS {
            doc.transact(|tx| tx.counter("clicks").increment());
        }
        doc
    });
}

#[divan::bench]
fn increment_and_send(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(EDITS)).with_inputs(fresh).bench_values(|(mut from, mut to)| {
        for _ in 0..EDITS {
            let delta = from.transact(|tx| tx.counter("clicks").increment()).delta();
            black_box(send(&delta, &mut to));
        }
        (from, to)
    });
}

#[divan::bench]
fn set_in_a_map_of_1000_and_send(bencher: Bencher<'_, '_>) {
    let keys: Vec<_> = (0..1_000).map(|key| format!("key {key}")).collect();
    bencher.counter(ItemsCount::new(EDITS)).with_inputs(fresh).bench_values(|(mut from, mut to)| {
        for nth in 0..EDITS {
            let delta = from.transact(|tx| tx.map("cells").set(&keys[nth % 1_000], nth as i64)).delta();
            black_box(send(&delta, &mut to));
        }
        (from, to)
    });
}

#[divan::bench]
fn take_back_1000_deletions(bencher: Bencher<'_, '_>) {
    let mut doc = Doc::new(ReplicaId::new(1));
    for nth in 0..10_000 {
        let at = nth * 7919 % (doc.text("t").len() + 1);
        doc.transact(|tx| tx.text("t").insert(at, "hello ").expect("it is within the text"));
    }
    let mut undo = UndoManager::new();
    undo.transact(&mut doc, Duration::ZERO, |tx| {
        for nth in (0..1000).rev() {
            tx.text("t").delete(nth * 60..nth * 60 + 2).expect("it is within the text");
        }
    });
    bencher.with_inputs(|| (doc.clone(), undo.clone())).bench_values(|(mut doc, mut undo)| {
        undo.undo(&mut doc);
        (doc, undo)
    });
}

fn with_history() -> Doc {
    let (mut doc, _) = fresh();
    for nth in 0..EDITS {
        doc.transact(|tx| tx.map("cells").set(&format!("key {}", nth % 1_000), nth as i64));
    }
    doc
}

#[divan::bench]
fn bring_up_a_latecomer_by_delta(bencher: Bencher<'_, '_>) {
    let doc = with_history();
    bencher.counter(ItemsCount::new(EDITS)).with_inputs(|| fresh().1).bench_values(|mut late| {
        let delta = doc.delta_since(late.version()).expect("nothing was forgotten");
        black_box(send(&delta, &mut late));
        late
    });
}

#[divan::bench]
fn bring_up_a_latecomer_by_snapshot(bencher: Bencher<'_, '_>) {
    let doc = with_history();
    bencher.with_inputs(|| fresh().1).bench_values(|mut late| {
        late.merge_snapshot(&doc.snapshot()).expect("an honest snapshot merges");
        late
    });
}
