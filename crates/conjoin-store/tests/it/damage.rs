//! What is damaged is told, and left as it is.

use std::fs;
use std::path::Path;

use conjoin::{Storage, StorageError};
use conjoin_store::{DATABASE, Store};

use crate::support::{append, bytes, copy, replace};

/// A store with three rooms, closed.
fn store(random: &mut fastrand::Rng) -> (tempfile::TempDir, Vec<Vec<Vec<u8>>>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let rooms = (0..3)
        .map(|n| {
            let room = store.room(&format!("room {n}")).unwrap();
            let mut parts = vec![bytes(random, 30_000)];
            replace(&room, &parts[0]).unwrap();
            for _ in 0..6 {
                parts.push(bytes(random, 200));
                append(&room, parts.last().unwrap()).unwrap();
            }
            parts
        })
        .collect();
    drop(store);
    (folder, rooms)
}

/// Whether a store that has `bad` as its database says that it is damaged. If not, all must be there.
fn is_told(folder: &Path, rooms: &[Vec<Vec<u8>>], bad: &[u8]) -> bool {
    let path = folder.join(DATABASE);
    fs::write(&path, bad).unwrap();
    let store = match Store::open(folder) {
        Ok(store) => store,
        Err(error) => {
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
            assert!(fs::read(&path).unwrap() == bad, "it was changed");
            return true;
        }
    };
    let mut told = false;
    for (n, parts) in rooms.iter().enumerate() {
        match store.room(&format!("room {n}")).unwrap().load() {
            Ok(loaded) => assert!(&loaded == parts),
            Err(StorageError::Damaged(_)) => told = true,
            Err(error) => panic!("{error}"),
        }
    }
    told
}

#[test]
fn a_changed_byte_anywhere_is_told_or_means_nothing() {
    let mut random = fastrand::Rng::with_seed(1);
    let (folder, rooms) = store(&mut random);
    let good = fs::read(folder.path().join(DATABASE)).unwrap();
    assert!(!folder.path().join(format!("{DATABASE}-wal")).exists(), "it was closed");
    let mut told = 0;
    for n in 0..150 {
        let damaged = copy(folder.path());
        let mut bad = good.clone();
        // The first pages hold what is most dangerous to lose.
        let at = if n % 2 == 0 { random.usize(..bad.len()) } else { random.usize(..6 * 4096) };
        bad[at] ^= 1 << random.u8(..8);
        told += usize::from(is_told(damaged.path(), &rooms, &bad));
    }
    assert!(told > 60, "{told}");
}

#[test]
fn a_file_cut_short_is_told() {
    let (folder, rooms) = store(&mut fastrand::Rng::with_seed(2));
    let good = fs::read(folder.path().join(DATABASE)).unwrap();
    for len in [10, 100, 511, 4096, 4097, good.len() / 2, good.len() - 4096] {
        let cut = copy(folder.path());
        assert!(is_told(cut.path(), &rooms, &good[..len]), "{len}");
    }
}

#[test]
fn stores_of_others_and_of_the_future_are_refused() {
    let (folder, _) = store(&mut fastrand::Rng::with_seed(3));
    let path = folder.path().join(DATABASE);
    let good = fs::read(&path).unwrap();
    // Where SQLite has user_version and application_id.
    for (at, fault) in
        [(63, "newer version of this program (format 2, this one knows 1)"), (68, "another program")]
    {
        let mut other = good.clone();
        other[at] = 2;
        fs::write(&path, &other).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(fault), "{error}");
        assert!(fs::read(&path).unwrap() == other);
    }
    fs::write(&path, "# Notes\n".repeat(1000)).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("file is not a database"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(file.join("store")).unwrap_err();
    assert!(error.to_string().starts_with("cannot make the folder"), "{error}");
}
