//! What a room needs of the platform.

use std::sync::Weak;
use std::time::Duration;

use conjoin_core::ReplicaId;
use conjoin_core::behavior::{MaybeSend, MaybeSync};
use conjoin_peer::{Input, Output};

use crate::engine::Engine;

/// Sockets, data channels, a timer and a clock, for one room.
///
/// A driver may be called while it is calling its [`Sink`], and may call its sink while it is
/// being called. When it is dropped, it closes what is still open.
pub(crate) trait Driver: MaybeSend + MaybeSync {
    /// The time since any fixed start.
    fn now(&self) -> Duration;

    /// Does what the manager asks; never an [`Output::Event`].
    fn perform(&self, output: Output);

    /// Hands in [`Input::Timeout`] at this time at the latest. Replaces the time set before.
    fn wake_at(&self, time: Option<Duration>);

    /// Done when what was closed is closed, and what was sent there has left.
    #[cfg(not(target_arch = "wasm32"))]
    fn drained(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    /// Why no peer can ever be reached from here, if so.
    fn obstacle(&self) -> Option<String> {
        None
    }
}

/// Where a driver hands in what happened. It does not keep the room alive.
#[derive(Clone)]
pub(crate) struct Sink(Weak<Engine>);

impl Sink {
    pub(crate) const fn new(engine: Weak<Engine>) -> Self {
        Self(engine)
    }

    /// Something happened.
    pub(crate) fn input(&self, input: Input) {
        if let Some(engine) = self.0.upgrade() {
            engine.feed(input);
        }
    }

    /// The app is being put aside, perhaps for ever: whoever is in a room leaves it now.
    #[cfg(any(target_arch = "wasm32", test))]
    pub(crate) fn pause(&self) {
        if let Some(engine) = self.0.upgrade() {
            engine.pause();
        }
    }

    /// The app came back: what [`pause`](Self::pause) left is joined again.
    #[cfg(any(target_arch = "wasm32", test))]
    pub(crate) fn resume(&self) {
        if let Some(engine) = self.0.upgrade() {
            engine.resume();
        }
    }
}

/// What makes one room different from all others; random.
pub(crate) struct Identity {
    pub(crate) peer_id: String,
    pub(crate) replica: ReplicaId,
    /// For the manager's own choices.
    pub(crate) seed: u64,
}

impl Identity {
    /// From random numbers, each different.
    pub(crate) fn random(mut random: impl FnMut() -> u64) -> Self {
        Self { peer_id: format!("{:016x}", random()), replica: ReplicaId::new(random()), seed: random() }
    }
}
