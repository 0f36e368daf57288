//! Rooms in the browser.

use std::time::Duration;

use conjoin_peer::{Output, Session};
use conjoin_web::{Notice, WebDriver};

use crate::driver::{Driver, Identity, Sink};
use crate::engine::Engine;
use crate::{Room, Storage, StorageError};

impl Driver for WebDriver {
    fn now(&self) -> Duration {
        conjoin_web::now()
    }

    fn perform(&self, output: Output) {
        self.perform(output);
    }

    fn wake_at(&self, time: Option<Duration>) {
        self.wake_at(time);
    }

    fn obstacle(&self) -> Option<String> {
        conjoin_web::obstacle()
    }
}

impl Room {
    /// A room with an empty document, offline at first.
    ///
    /// When the page goes away, the room says goodbye; when the page comes back from the browser's
    /// back/forward cache, the room connects again. It notices by itself when the network comes back or
    /// the page is looked at again.
    pub fn new(session: Session) -> Self {
        Self::from_engine(Engine::new(session, Identity::random(conjoin_web::random), driver))
    }

    /// A room with the document that `storage` has, offline at first.
    ///
    /// See [`Storage`] for what that means. The room edits as a new replica each time.
    ///
    /// # Errors
    /// If what the storage has cannot be read.
    pub fn open(session: Session, storage: impl Storage + 'static) -> Result<Self, StorageError> {
        Engine::open(session, Identity::random(conjoin_web::random), storage, driver).map(Self::from_engine)
    }
}

fn driver(sink: Sink) -> Box<dyn Driver> {
    Box::new(WebDriver::new(move |notice| match notice {
        Notice::Input(input) => sink.input(input),
        Notice::Hidden => sink.pause(),
        Notice::Shown => sink.resume(),
    }))
}
