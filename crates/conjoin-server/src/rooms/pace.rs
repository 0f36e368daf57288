//! How fast one socket may send: a token bucket, kept as the time at which it will be full again
//! (the generic cell rate algorithm, ITU-T I.371), so that it needs no timer.

use std::time::Duration;

use crate::Limits;

/// The pace of one socket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    full_at: Duration,
    refused: u32,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Handle it.
    Fine,
    /// Drop it and say so.
    Tell,
    /// Drop it; it was said already.
    Drop,
    /// Close the socket.
    Close,
}

impl Pace {
    /// Counts a message that came at `now`.
    pub(super) fn take(&mut self, now: Duration, limits: &Limits) -> Verdict {
        let each = Duration::from_secs(1) / limits.messages_per_second.max(1);
        let window = each * limits.message_burst.max(1);
        let debt = self.full_at.saturating_sub(now);
        if debt + each <= window {
            self.full_at = now.max(self.full_at) + each;
            // Only a real pause is forgiven, or a flood at twice the rate would never end.
            if debt <= window / 2 {
                self.refused = 0;
            }
            return Verdict::Fine;
        }
        self.refused += 1;
        match self.refused {
            1 => Verdict::Tell,
            n if n > limits.messages_per_second => Verdict::Close,
            _ => Verdict::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { messages_per_second: 10, message_burst: 30, ..Limits::default() }
    }

    #[test]
    fn a_burst_and_then_the_steady_rate_are_fine() {
        let (mut pace, limits) = (Pace::default(), limits());
        for _ in 0..30 {
            assert_eq!(pace.take(Duration::ZERO, &limits), Verdict::Fine);
        }
        for tick in 1..200 {
            assert_eq!(pace.take(Duration::from_millis(100) * tick, &limits), Verdict::Fine);
        }
    }

    #[test]
    fn one_too_many_is_told_once_and_going_on_closes() {
        let (mut pace, limits) = (Pace::default(), limits());
        let verdicts: Vec<_> = (0..42).map(|_| pace.take(Duration::ZERO, &limits)).collect();
        assert!(verdicts[..30].iter().all(|verdict| *verdict == Verdict::Fine));
        assert_eq!(verdicts[30], Verdict::Tell);
        assert!(verdicts[31..40].iter().all(|verdict| *verdict == Verdict::Drop));
        assert_eq!(verdicts[40], Verdict::Close);
    }

    #[test]
    fn a_flood_at_twice_the_rate_ends() {
        let (mut pace, limits) = (Pace::default(), limits());
        let closed = (0..1000).find(|n| pace.take(Duration::from_millis(50) * *n, &limits) == Verdict::Close);
        assert!(closed.is_some());
    }

    #[test]
    fn a_pause_is_forgiven() {
        let (mut pace, limits) = (Pace::default(), limits());
        for _ in 0..35 {
            pace.take(Duration::ZERO, &limits);
        }
        assert_eq!(pace.take(Duration::from_secs(2), &limits), Verdict::Fine);
        let verdicts: Vec<_> = (0..20).map(|_| pace.take(Duration::from_secs(2), &limits)).collect();
        assert!(verdicts.contains(&Verdict::Tell), "the count starts anew: {verdicts:?}");
    }
}
