//! A store that is killed, or loses power while it writes, has all that was done.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use conjoin::Storage;
use conjoin_store::{DATABASE, Store};

use crate::support::{append, bytes, copy, replace};

/// What each room has, as far as it was done.
type Model = BTreeMap<String, Vec<Vec<u8>>>;

/// Does something at random to the store and the model. Gives the room that was changed.
fn step(store: &Store, model: &mut Model, random: &mut fastrand::Rng) -> String {
    let name = format!("room {}", random.u8(..4));
    let parts = model.entry(name.clone()).or_default();
    match random.u8(..10) {
        0 => {
            assert_eq!(store.remove(&name), Ok(!parts.is_empty()));
            parts.clear();
        }
        1 => {
            let whole = bytes(random, 20_000);
            replace(&store.room(&name).unwrap(), &whole).unwrap();
            *parts = vec![whole];
        }
        _ => {
            let most = if random.u8(..10) == 0 { 9_000 } else { 80 };
            let delta = bytes(random, most);
            append(&store.room(&name).unwrap(), &delta).unwrap();
            parts.push(delta);
        }
    }
    name
}

fn contents(folder: &Path) -> Model {
    let store = Store::open(folder).unwrap();
    let rooms = store.rooms().unwrap();
    rooms
        .into_iter()
        .map(|room| {
            let parts = store.room(&room.name).unwrap().load().unwrap();
            assert_eq!(room.bytes, parts.iter().map(|part| part.len() as u64).sum::<u64>());
            (room.name, parts)
        })
        .collect()
}

fn without_empty(model: &Model) -> Model {
    model
        .iter()
        .filter(|room| !room.1.is_empty())
        .map(|(name, parts)| (name.clone(), parts.clone()))
        .collect()
}

#[test]
fn what_was_done_is_there_after_a_crash_at_any_moment() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let mut model = Model::new();
        for _ in 0..40 {
            step(&store, &mut model, &mut random);
            if random.u8(..8) == 0 {
                let left = copy(folder.path());
                assert_eq!(contents(left.path()), without_empty(&model), "seed {seed}");
                // Or it goes on with what is left.
                if random.bool() {
                    drop(store);
                    folder = left;
                    store = Store::open(folder.path()).unwrap();
                }
            }
        }
        drop(store);
        assert_eq!(contents(folder.path()), without_empty(&model), "seed {seed}");
    }
}

/// While something is written the power fails: of the sectors it changes, some are written, some are not,
/// some are garbage. What stood before the write in the same sector stays, as SQLite expects of disks.
#[test]
fn a_write_that_is_torn_is_there_or_is_not_and_harms_nothing() {
    let log = format!("{DATABASE}-wal");
    let mut torn = 0;
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut model = Model::new();
        for _ in 0..random.u8(3..60) {
            step(&store, &mut model, &mut random);
        }
        let old = without_empty(&model);
        let before = copy(folder.path());
        step(&store, &mut model, &mut random);
        let new = without_empty(&model);
        let after = copy(folder.path());
        let read = |folder: &tempfile::TempDir, name: &str| fs::read(folder.path().join(name)).unwrap();
        if read(&before, DATABASE) != read(&after, DATABASE) {
            // The log was taken into the database, with syncs in between: not one write.
            continue;
        }
        let (was, is) = (read(&before, &log), read(&after, &log));
        let first = was.iter().zip(&is).position(|(was, is)| was != is).unwrap_or(was.len().min(is.len()));
        for _ in 0..12 {
            let crashed = copy(before.path());
            let mut left = was.clone();
            left.resize(random.usize(was.len().min(is.len())..=was.len().max(is.len())), 0);
            for (at, sector) in left.chunks_mut(512).enumerate() {
                let from = at * 512;
                let end = (from + sector.len()).min(is.len());
                if end <= first || from >= end || was.get(from..end) == Some(&is[from..end]) {
                    continue;
                }
                match random.u8(..8) {
                    0 => sector[first.saturating_sub(from).min(512)..].fill_with(|| random.u8(..)),
                    1..=3 => {}
                    _ => sector[..end - from].copy_from_slice(&is[from..end]),
                }
            }
            fs::write(crashed.path().join(&log), left).unwrap();
            let found = contents(crashed.path());
            assert!(found == old || found == new, "seed {seed}");
            torn += usize::from(found == old && old != new);
        }
    }
    assert!(torn > 10, "{torn}");
}
