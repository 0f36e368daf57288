//! Where a room keeps its document: the seam between rooms and what saves them.

use std::fmt;

use conjoin_core::behavior::{MaybeSend, MaybeSync};

/// Keeps the document of one room: on disk, in a browser's IndexedDB, wherever bytes last.
///
/// What is saved is a sequence of byte strings, oldest first. A room [`load`](Self::load)s all of it
/// once, when it is [opened](crate::Room::open), and from then on appends what is new, and now and then
/// puts a shorter whole in place of all. It asks for one thing after the other: the next when the last
/// is [`done`](Saved::done), except for one last request when the room itself goes, which must be worked
/// on after the others.
///
/// A room acknowledges edits of others, passes them on, and sends its own, only when they are saved. So
/// `done(Ok(()))` is a promise that the bytes will be there after a crash. It may be called at once or
/// later, on any thread; a room that waits gathers edits meanwhile and saves them together.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use conjoin::{Saved, Storage, StorageError};
///
/// /// Lasts as long as the program does.
/// #[derive(Clone, Default)]
/// struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);
///
/// impl Storage for Memory {
///     fn load(&self) -> Result<Vec<Vec<u8>>, StorageError> {
///         Ok(self.0.lock().unwrap().clone())
///     }
///     fn append(&self, delta: Vec<u8>, saved: Saved) {
///         self.0.lock().unwrap().push(delta);
///         saved.done(Ok(()));
///     }
///     fn replace(&self, whole: Vec<u8>, saved: Saved) {
///         *self.0.lock().unwrap() = vec![whole];
///         saved.done(Ok(()));
///     }
/// }
/// ```
pub trait Storage: MaybeSend + MaybeSync {
    /// All that is saved, oldest first; empty if nothing is.
    ///
    /// # Errors
    /// If it cannot be read, or is not all there. What is there must stay as it is then.
    fn load(&self) -> Result<Vec<Vec<u8>>, StorageError>;

    /// Saves this behind what is saved.
    fn append(&self, delta: Vec<u8>, saved: Saved);

    /// Saves this in place of all that is saved: after a crash either is there, never neither.
    fn replace(&self, whole: Vec<u8>, saved: Saved);
}

/// Why something could not be saved or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no room for it. Make room; the document tries again by itself.
    #[error("{0}")]
    Full(String),
    /// What was saved is damaged or not all there. A copy of it, from a backup or of another peer, helps.
    #[error("{0}")]
    Damaged(String),
    /// The storage cannot be used now: it is not there, not permitted, or in use by another program.
    #[error("{0}")]
    Unavailable(String),
}

#[cfg(not(target_arch = "wasm32"))]
type Callback = Box<dyn FnOnce(Result<(), StorageError>) + Send>;
#[cfg(target_arch = "wasm32")]
type Callback = Box<dyn FnOnce(Result<(), StorageError>)>;

/// Whom a [`Storage`] tells that something is saved, or why not.
///
/// Dropping it without a word counts as a failure.
pub struct Saved(Option<Callback>);

impl Saved {
    /// Calls `callback` once. Rooms make their own; this is for testing a storage by itself.
    pub fn new(callback: impl FnOnce(Result<(), StorageError>) + MaybeSend + 'static) -> Self {
        Self(Some(Box::new(callback)))
    }

    /// Tells that what was asked for is safe, or that it could not be done. What was saved before must
    /// still be there then.
    pub fn done(mut self, result: Result<(), StorageError>) {
        if let Some(callback) = self.0.take() {
            callback(result);
        }
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        if let Some(callback) = self.0.take() {
            callback(Err(StorageError::Unavailable("the storage is gone".into())));
        }
    }
}

impl fmt::Debug for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved").finish_non_exhaustive()
    }
}
