//! Rooms in native programs.

use std::pin::Pin;
use std::time::Duration;

use conjoin_native::{Candidates, NativeDriver};
use conjoin_peer::{Output, Session};

use crate::driver::{Driver, Identity, Sink};
use crate::engine::Engine;
use crate::{Room, Storage, StorageError};

impl Driver for NativeDriver {
    fn now(&self) -> Duration {
        conjoin_native::now()
    }

    fn perform(&self, output: Output) {
        self.perform(output);
    }

    fn wake_at(&self, time: Option<Duration>) {
        self.wake_at(time);
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.drained())
    }
}

impl Room {
    /// A room with an empty document, offline at first.
    ///
    /// In a native program it works on the tokio runtime it is made in; made outside of one, on a thread that
    /// such rooms share. It notices by itself when addresses of the machine come and go, and when the machine
    /// wakes from sleep.
    ///
    /// In a browser, the room says goodbye when the page goes away; when the page comes back from the
    /// back/forward cache, the room connects again. It notices by itself when the network comes back or the page
    /// is looked at again.
    pub fn new(session: Session) -> Self {
        Self::from_engine(Engine::new(session, Identity::random(conjoin_native::random), driver))
    }

    /// A room with the document that `storage` has, offline at first; otherwise as [`new`](Self::new).
    ///
    /// See [`Storage`] for what that means. The room edits as a new replica each time.
    ///
    /// # Errors
    /// If what the storage has cannot be read.
    pub fn open(session: Session, storage: impl Storage + 'static) -> Result<Self, StorageError> {
        Engine::open(session, Identity::random(conjoin_native::random), storage, driver)
            .map(Self::from_engine)
    }

    /// A room like any [`new`](Self::new) one, but peers are told only some ways to this machine.
    ///
    /// In native programs only.
    pub fn with_candidates(session: Session, candidates: Candidates) -> Self {
        Self::from_engine(Engine::new(session, Identity::random(conjoin_native::random), |sink| {
            Box::new(NativeDriver::with_candidates(candidates, move |input| sink.input(input)))
        }))
    }

    /// Leaves the room as [`disconnect`](Self::disconnect) does, and waits until the goodbyes and the edits made
    /// last have left this program: about as long as a message takes there and back, and a second at most.
    ///
    /// A room with a storage first waits until all that is here is saved, or could not be
    /// ([`storage_error`](Self::storage_error)): only what is saved is sent.
    ///
    /// For programs that end now; in others, nothing needs to wait.
    pub async fn leave(&self) {
        self.disconnect();
        let settled = self.engine().settled();
        settled.await;
        let drained = self.engine().drained();
        drained.await;
    }
}

fn driver(sink: Sink) -> Box<dyn Driver> {
    Box::new(NativeDriver::new(move |input| sink.input(input)))
}
