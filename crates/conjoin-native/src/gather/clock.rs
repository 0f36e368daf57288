//! Times of the STUN and TURN machines, which count from a moment of their own.

use std::time::{Duration, Instant};

/// A moment to count from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) const fn new(begun: Instant) -> Self {
        Self(begun)
    }

    pub(super) fn at(self, time: Instant) -> stun_proto::Instant {
        let since = time.saturating_duration_since(self.0).as_nanos();
        stun_proto::Instant::from_nanos(i64::try_from(since).unwrap_or(i64::MAX))
    }

    pub(super) fn time(self, at: stun_proto::Instant) -> Instant {
        let begun = stun_proto::Instant::from_nanos(0);
        self.0 + at.checked_duration_since(begun).unwrap_or(Duration::ZERO)
    }
}
