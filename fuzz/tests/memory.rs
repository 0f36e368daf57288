//! What decoding takes, by an allocator that counts.

use conjoin_core::codec::Writer;
use conjoin_core::{Delta, Doc, ReplicaId};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const INPUT: usize = 1 << 20;

/// The most memory that reading takes at a time, for each byte of its input.
fn cost(bytes: &[u8]) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut doc = Doc::new(ReplicaId::new(1));
    if let Ok(delta) = Delta::from_bytes(bytes) {
        drop(doc.apply(&delta));
    }
    drop(doc.merge_snapshot(bytes));
    (ALLOCATOR.peak_usage() - before) / bytes.len()
}

/// `INPUT` bytes that start with `start` and as high a count as there can be of what takes `each` bytes,
/// and go on with the same `thing` to the end.
fn claims(start: &[u8], each: usize, thing: &[u8]) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.varint(((INPUT - start.len() - 4) / each) as u64);
    while bytes.len() + thing.len() <= INPUT {
        bytes.extend_from_slice(thing);
    }
    bytes.resize(INPUT, 0xff);
    bytes
}

const ONE_REPLICA: [u8; 9] = [1, 7, 0, 0, 0, 0, 0, 0, 0];

// One test alone: others would allocate meanwhile.
#[test]
fn decoding_takes_memory_in_proportion_to_what_is_there() {
    let delta = |rest: &[u8]| [b"CJD\x01", rest].concat();
    let snapshot = |rest: &[u8]| [b"CJS\x01", rest].concat();
    let in_delta = |rest: &[u8]| delta(&[&ONE_REPLICA[..], rest].concat());
    let in_snapshot = |rest: &[u8]| snapshot(&[&ONE_REPLICA[..], &[1, 1, b'n'], rest].concat());

    // Counts that nothing justifies, wherever a count stands: nothing is taken for them.
    for start in [
        delta(&[]),
        in_delta(&[]),
        in_delta(&[1, 2, 0, 0, 0]),
        in_delta(&[1, 4, 0, 0, 0]),
        snapshot(&[]),
        snapshot(&ONE_REPLICA),
        in_snapshot(&[]),
        in_snapshot(&[0, 0]),
        in_snapshot(&[0, 0, 0]),
        in_snapshot(&[0, 0, 0, 1, 0]),
        in_snapshot(&[0, 0, 0, 0]),
        in_snapshot(&[0, 0, 0, 0, 1, 0]),
        in_snapshot(&[0, 0, 0, 0, 0, 0, 0, 1, 0]),
    ] {
        for each in [1, 2, 4] {
            assert!(cost(&claims(&start, each, &[0xff])) <= 20, "{start:?} claims one for {each} bytes");
        }
        let mut endless = start.clone();
        endless.varint(u64::MAX);
        endless.resize(INPUT, 0);
        assert!(cost(&endless) <= 20, "{start:?} claims more than can be counted");
    }

    // The smallest things there are, as many as fit: here memory is what holding them takes.
    let mut changes = in_delta(&[]);
    changes.varint((INPUT / 4 - 8) as u64);
    changes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, b'n', 2]);
    while changes.len() + 4 <= INPUT {
        changes.extend_from_slice(&[1, 0, 1, 2]);
    }
    for (what, bytes) in [
        ("changes", changes),
        ("operations", claims(&in_delta(&[1, 4, 0, 0, 0]), 3, &[0, 1, 2])),
        ("dependencies", claims(&in_delta(&[1, 2, 0, 0, 0]), 2, &[0, 0])),
        ("strings", claims(&snapshot(&ONE_REPLICA), 1, &[0])),
        ("names", claims(&in_snapshot(&[0, 0, 0, 1, 0]), 1, &[0])),
    ] {
        let cost = cost(&bytes);
        assert!(cost <= 64, "{what}: {cost} bytes for each");
    }
}
