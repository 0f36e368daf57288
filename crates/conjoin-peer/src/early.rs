//! A peer's early changes: those that came before what they are built on.
//!
//! An honest peer sends only what it has applied itself, so it can give all that is missing when
//! it is asked. One that goes on sending changes from the future, and never what they need,
//! breaks the protocol. Before that is said of anybody, it was asked many times, over both
//! channels, and had a long time: only time in which it kept sending early changes counts, not
//! sleep on either side, and not what it takes to receive a large message.

use std::time::Duration;

use crate::{MAX_FRAME, MAX_MESSAGE};

/// So often it must have been asked.
const REQUESTS: u32 = 20;

/// And so long it must have gone on.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most that counts between two early changes: in longer pauses, somebody may have slept.
const PAUSE: Duration = Duration::from_secs(1);

/// What a peer owes.
#[derive(Debug, Default)]
pub(crate) struct Early {
    last: Option<Duration>,
    waited: Duration,
    requests: u32,
    frames: usize,
}

impl Early {
    /// Whether something waits for what is missing.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.last.is_some()
    }

    /// It was asked; says how often before.
    pub(crate) const fn asked(&mut self) -> u32 {
        self.requests += 1;
        self.requests - 1
    }

    /// A whole frame of a message that may bring what is missing.
    pub(crate) fn receiving(&mut self, now: Duration, bytes: usize) {
        // As many as the largest message has. Small ones could go on for ever.
        if bytes == MAX_FRAME && self.frames < MAX_MESSAGE / MAX_FRAME {
            self.frames += 1;
            self.last = self.last.map(|_| now);
        }
    }

    /// It sent changes: `missing` says whether some wait, `fresh` whether some could be applied.
    /// Says whether it still keeps to the protocol.
    pub(crate) fn received(&mut self, now: Duration, missing: bool, fresh: bool) -> bool {
        if fresh || !missing {
            *self = Self { last: missing.then_some(now), ..Self::default() };
            return true;
        }
        self.waited += now.saturating_sub(self.last.unwrap_or(now)).min(PAUSE);
        self.last = Some(now);
        self.waited < PATIENCE || self.requests < REQUESTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many early changes, this far apart, are taken before the peer is refused.
    fn taken(apart: Duration, mut between: impl FnMut(&mut Early, Duration, u32)) -> Option<u32> {
        let mut early = Early::default();
        (0..100_000).find(|&nth| {
            let now = apart * nth;
            early.asked();
            between(&mut early, now, nth);
            !early.received(now, true, false)
        })
    }

    #[test]
    fn who_never_delivers_is_refused_after_a_long_time_awake() {
        let apart = Duration::from_millis(100);
        assert_eq!(taken(apart, |_, _, _| ()), Some(600));
        // Hours of sleep count as one pause each.
        assert_eq!(taken(Duration::from_secs(3600), |_, _, _| ()), Some(60));
    }

    #[test]
    fn whatever_helps_starts_anew() {
        let apart = Duration::from_millis(100);
        let fresh = |early: &mut Early, now, nth| {
            if nth % 500 == 0 {
                early.received(now, true, true);
            }
        };
        assert_eq!(taken(apart, fresh), None);
        // A large message on its way is no silence, but it has an end.
        let frames = |early: &mut Early, now, _| early.receiving(now, MAX_FRAME);
        let most = u32::try_from(MAX_MESSAGE / MAX_FRAME).expect("fits");
        assert_eq!(taken(apart, frames), Some(most + 599));
        let small = |early: &mut Early, now, _| early.receiving(now, 2);
        assert_eq!(taken(apart, small), Some(600));
    }

    #[test]
    fn nobody_is_refused_who_was_not_asked() {
        let mut early = Early::default();
        assert!((0..10_000).all(|nth| early.received(Duration::from_millis(100 * nth), true, false)));
    }
}
