//! Rooms on disk: many documents in one crash-safe store.
//!
//! A [`Store`] is a folder with an SQLite database. [`Store::room`] gives the [`Storage`] of one room in
//! it. Whatever was [`done`](Saved::done) is there after the process was killed or the power failed; what
//! is damaged is told and left as it is. One process at a time opens a store.
//!
//! ```
//! use conjoin::{Saved, Storage};
//! use conjoin_store::Store;
//!
//! # fn main() -> Result<(), conjoin::StorageError> {
//! # let folder = tempfile::tempdir().unwrap();
//! let store = Store::open(folder.path())?;
//! let atlas = store.room("atlas")?; // For `Room::open(session, atlas)`.
//! let (tell, told) = std::sync::mpsc::channel();
//! atlas.append(b"a delta".to_vec(), Saved::new(move |result| tell.send(result).unwrap()));
//! told.recv().unwrap()?;
//! assert_eq!(atlas.load()?, [b"a delta"]);
//! # Ok(())
//! # }
//! ```
//!
//! # How it is written
//!
//! One thread writes. All that waits for it goes into one transaction with one sync of the disk, whichever
//! rooms it is of. The database is in WAL mode, `synchronous=FULL`. Each part of a room is checked with
//! a CRC-32 when it is read, and counted, so nothing is missing unnoticed; the whole database is checked
//! when the store is opened.

mod database;
mod marks;
mod writer;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use conjoin::{Saved, Storage, StorageError, VersionVector};

use crate::database::Database;
use crate::writer::Writer;

/// The name of the database in the folder of a store.
pub const DATABASE: &str = "rooms.db";

/// Rooms in a folder. Cloning gives another handle to the same store.
///
/// When the last handle and the last [`RoomStorage`] are gone, what they asked for is saved and the store
/// closed.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    writer: Writer,
    /// The rooms that have a storage now.
    open: Mutex<BTreeSet<String>>,
}

/// A room of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    /// Its name.
    pub name: String,
    /// When it was saved or [touched](Store::touch) last, to the second.
    pub used: SystemTime,
    /// How many bytes of deltas and wholes it has.
    pub bytes: u64,
}

impl Store {
    /// Opens the store in this folder, which is made if it is not there.
    ///
    /// All of it is read and checked, which takes about a second for each gigabyte.
    ///
    /// # Errors
    /// If another process has it open, if it is damaged, if a newer version of this program wrote it, or if
    /// it cannot be read and written. Nothing of it is changed then.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StorageError> {
        let folder = folder.as_ref().to_owned();
        let database = Database::open(&folder)?;
        let writer = Writer::start(database)?;
        Ok(Self { inner: Arc::new(Inner { folder, writer, open: Mutex::default() }) })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Lets the database take this many bytes of disk at the most. What does not fit any more is refused with
    /// [`StorageError::Full`], and what is saved stays. While something is written, the log beside the database
    /// takes some megabytes more.
    ///
    /// # Errors
    /// If the store cannot be used.
    pub fn set_limit(&self, bytes: u64) -> Result<(), StorageError> {
        self.inner.writer.run(move |database| database.set_limit(bytes))
    }

    /// The storage of the room of this name. The room is there once something is saved.
    ///
    /// # Errors
    /// If the room has a storage already that was not dropped: two would not know of each other.
    pub fn room(&self, name: &str) -> Result<RoomStorage, StorageError> {
        if !self.inner.open().insert(name.to_owned()) {
            return Err(StorageError::Unavailable(format!("the room {name:?} is open already")));
        }
        Ok(RoomStorage { inner: self.inner.clone(), name: name.into() })
    }

    /// The rooms there are, by name.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn rooms(&self) -> Result<Vec<RoomInfo>, StorageError> {
        self.inner.writer.run(|database| database.rooms())
    }

    /// Notes that these rooms are used now, those of them that are there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn touch(&self, rooms: Vec<String>) -> Result<(), StorageError> {
        self.inner.writer.run(move |database| database.touch(&rooms))
    }

    /// Notes what a room has now, if it is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn mark(&self, room: &str, version: &VersionVector) -> Result<(), StorageError> {
        let (room, mark) = (room.to_owned(), marks::encode(version));
        self.inner.writer.run(move |database| database.mark(&room, SystemTime::now(), &mark))
    }

    /// What was [noted](Self::mark) for a room and not forgotten, and when, to the second; oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn marks(&self, room: &str) -> Result<Vec<(SystemTime, VersionVector)>, StorageError> {
        let name = room.to_owned();
        let marks = self.inner.writer.run(move |database| database.marks(&name))?;
        // One that is damaged is as good as none.
        Ok(marks.into_iter().filter_map(|(time, mark)| Some((time, marks::decode(&mark)?))).collect())
    }

    /// Forgets what was noted for a room up to this time.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn forget_marks(&self, room: &str, until: SystemTime) -> Result<(), StorageError> {
        let room = room.to_owned();
        self.inner.writer.run(move |database| database.forget_marks(&room, until))
    }

    /// Deletes a room; says whether it was there.
    ///
    /// # Errors
    /// If the room has a storage, or it cannot be written.
    pub fn remove(&self, name: &str) -> Result<bool, StorageError> {
        // Nobody opens it meanwhile.
        let open = self.inner.open();
        if open.contains(name) {
            return Err(StorageError::Unavailable(format!("the room {name:?} is open")));
        }
        let name = name.to_owned();
        self.inner.writer.run(move |database| database.remove(&name))
    }

    /// How many bytes the database takes on disk, without the log beside it.
    ///
    /// # Errors
    /// If the store cannot be used.
    pub fn size(&self) -> Result<u64, StorageError> {
        self.inner.writer.run(|database| database.size())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("folder", &self.inner.folder).finish_non_exhaustive()
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The storage of one room.
pub struct RoomStorage {
    inner: Arc<Inner>,
    name: Arc<str>,
}

impl Storage for RoomStorage {
    fn load(&self) -> Result<Vec<Vec<u8>>, StorageError> {
        let name = self.name.clone();
        self.inner.writer.run(move |database| database.load(&name))
    }

    fn append(&self, delta: Vec<u8>, saved: Saved) {
        self.inner.writer.save(self.name.clone(), delta, false, saved);
    }

    fn replace(&self, whole: Vec<u8>, saved: Saved) {
        self.inner.writer.save(self.name.clone(), whole, true, saved);
    }
}

impl Drop for RoomStorage {
    fn drop(&mut self) {
        self.inner.open().remove(&*self.name);
    }
}

impl fmt::Debug for RoomStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomStorage").field("room", &self.name).finish_non_exhaustive()
    }
}
