//! A store in a folder of its own, and copies of it as a crash would leave them.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use conjoin::{Saved, Storage, StorageError};
use conjoin_store::RoomStorage;
use tempfile::TempDir;

/// Longer than anything here takes, even on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

pub(crate) fn append(room: &RoomStorage, bytes: &[u8]) -> Result<(), StorageError> {
    let (tell, told) = channel();
    room.append(bytes.to_vec(), Saved::new(move |result| tell.send(result).unwrap()));
    told.recv_timeout(BOUND).unwrap()
}

pub(crate) fn replace(room: &RoomStorage, bytes: &[u8]) -> Result<(), StorageError> {
    let (tell, told) = channel();
    room.replace(bytes.to_vec(), Saved::new(move |result| tell.send(result).unwrap()));
    told.recv_timeout(BOUND).unwrap()
}

/// What is on the disk now, which is what is there when the process is killed now.
pub(crate) fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

pub(crate) fn bytes(random: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    let len = random.usize(..most);
    std::iter::repeat_with(|| random.u8(..)).take(len).collect()
}
