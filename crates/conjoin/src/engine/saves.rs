//! What a room does for its storage.

use std::mem;
#[cfg(not(target_arch = "wasm32"))]
use std::task::Poll;
use std::task::Waker;

use conjoin_core::VersionVector;
use conjoin_peer::{Event, Input, PeerInfo, PeerState};

use super::{Engine, Job, State};
use crate::saving::{Finished, Saving};
use crate::storage::{Saved, StorageError};

impl Engine {
    /// Has the storage save what is new, if it is not saving already; says whether it does now.
    pub(super) fn save(&self) -> bool {
        let now = self.driver.now();
        let save = {
            let State { saving, doc, .. } = &mut *self.state();
            saving.as_mut().and_then(|saving| saving.begin(doc, now))
        };
        let begins = save.is_some();
        if let Some(save) = save {
            let engine = self.this.clone();
            save.start(Saved::new(move |result| {
                if let Some(engine) = engine.upgrade() {
                    engine.enqueue(Job::Saved(result));
                }
            }));
        }
        begins
    }

    /// A save is done: what waited for it can be performed. If it failed, the room is left until one
    /// succeeds, as others wait for what cannot be sent.
    pub(super) fn saved(&self, result: Result<(), StorageError>) {
        let now = self.driver.now();
        let (finished, connect, waiting) = {
            let State { saving, doc, wanted, session, waiting, .. } = &mut *self.state();
            let Some(saving) = saving else { return };
            (saving.finished(doc, now, result), wanted.then(|| session.clone()), mem::take(waiting))
        };
        match finished {
            Finished::Saved { outputs, recovered } => {
                let performs = !outputs.is_empty();
                for output in outputs {
                    self.driver.perform(output);
                }
                if performs {
                    // A driver may send what it was given only when it is told when to wake.
                    self.feed(Input::Timeout);
                }
                if recovered {
                    self.storage_error.set(None);
                    if let Some(session) = connect {
                        self.feed(Input::Connect(session));
                    }
                }
            }
            Finished::Failed { outputs, error, is_news } => {
                for output in outputs {
                    self.driver.perform(output);
                }
                self.feed(Input::Disconnect);
                if is_news {
                    let problem = format!(
                        "edits cannot be saved: {error}. This peer stays away from the others until they can"
                    );
                    self.enqueue(Job::Tell(Event::Problem(problem)));
                }
                self.storage_error.set(Some(error));
            }
        }
        // Now, as what is left to send was handed to the driver.
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn compact(&self, version: &VersionVector) -> bool {
        {
            let State { manager, doc, saving, .. } = &mut *self.state();
            let knows = |peer: PeerInfo| {
                let said = peer.version.filter(|_| peer.state == PeerState::Connected);
                said.is_some_and(|said| said.covers(version))
            };
            if saving.as_ref().is_some_and(Saving::is_failing) || !manager.peers().into_iter().all(knows) {
                return false;
            }
            let before = doc.compacted();
            doc.compact(version);
            if doc.compacted() == before {
                return false;
            }
            if let Some(saving) = saving {
                saving.outgrow();
            }
        }
        // What follows from it is saved.
        self.feed(Input::Timeout);
        true
    }

    /// Done when all that is here is saved, or cannot be.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        let engine = self.this.clone();
        std::future::poll_fn(move |context| {
            // When the room goes, it has the rest saved itself.
            let Some(engine) = engine.upgrade() else { return Poll::Ready(()) };
            let State { saving, doc, waiting, .. } = &mut *engine.state();
            if saving.as_ref().is_none_or(|saving| saving.is_settled(doc)) {
                return Poll::Ready(());
            }
            waiting.push(context.waker().clone());
            Poll::Pending
        })
    }
}
