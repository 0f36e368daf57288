//! Liveness of one peer: heartbeats, round-trip times, and how long it has been silent.

use std::collections::VecDeque;
use std::time::Duration;

/// Between heartbeats, in a small room. With more peers it grows, so that all heartbeats together
/// stay cheap.
const INTERVAL: Duration = Duration::from_secs(2);

/// The share of the interval for each peer.
const PER_PEER: Duration = Duration::from_millis(120);

/// The quiet after edits before a heartbeat.
const SETTLE: Duration = Duration::from_millis(400);

/// Heartbeats that may be on their way at once before the oldest counts as lost.
const IN_FLIGHT: usize = 8;

#[derive(Debug)]
pub(crate) struct Pulse {
    next_token: u64,
    sent: VecDeque<(u64, Duration)>,
    /// Smoothed round-trip time and its variation, as in RFC 6298, but with a quarter of each new
    /// sample in place of an eighth: samples are seconds apart, and the first, taken while all is
    /// being set up, are the worst.
    smoothed: Option<(Duration, Duration)>,
    heard: Duration,
    next: Duration,
    settle_at: Option<Duration>,
    interval: Duration,
}

impl Pulse {
    pub(crate) const fn new(now: Duration) -> Self {
        Self {
            next_token: 0,
            sent: VecDeque::new(),
            smoothed: None,
            heard: now,
            next: now,
            settle_at: None,
            interval: INTERVAL,
        }
    }

    pub(crate) fn set_peers(&mut self, peers: usize) {
        self.interval = INTERVAL.max(PER_PEER * u32::try_from(peers).unwrap_or(u32::MAX));
    }

    /// When the next heartbeat is due.
    pub(crate) fn next(&self) -> Duration {
        self.settle_at.map_or(self.next, |at| at.min(self.next))
    }

    /// After edits, a heartbeat soon tells both sides that they agree, or that something is
    /// missing. Where there are many peers, it can wait for its turn.
    pub(crate) fn settle(&mut self, now: Duration) {
        self.settle_at = (self.interval == INTERVAL).then_some(now + SETTLE);
    }

    /// Asks for a heartbeat now.
    pub(crate) const fn hurry(&mut self, now: Duration) {
        self.next = now;
    }

    /// Takes note of a heartbeat sent now; gives its token.
    pub(crate) fn beat(&mut self, now: Duration) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        // Those that were not answered may only be lost: the next come sooner and sooner.
        let pause = match self.sent.len() {
            0 => self.interval,
            unanswered => self.interval / (2 << unanswered.min(3)),
        };
        if self.sent.len() == IN_FLIGHT {
            self.sent.pop_front();
        }
        self.sent.push_back((token, now));
        self.next = now + pause;
        self.settle_at = None;
        token
    }

    /// Takes note of an answer; says whether it told a round-trip time.
    pub(crate) fn echoed(&mut self, token: u64, now: Duration) -> bool {
        let Some(at) = self.sent.iter().position(|sent| sent.0 == token) else { return false };
        let sample = now.saturating_sub(self.sent[at].1);
        self.sent.drain(..=at);
        self.smoothed = Some(match self.smoothed {
            None => (sample, sample / 2),
            Some((mean, variation)) => ((mean * 3 + sample) / 4, (variation * 3 + mean.abs_diff(sample)) / 4),
        });
        true
    }

    /// Takes note that something came.
    pub(crate) const fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// When something came last.
    pub(crate) const fn last_heard(&self) -> Duration {
        self.heard
    }

    /// After a time in which nothing ran here, such as sleep: its silence proves nothing.
    pub(crate) fn forgive(&mut self, now: Duration) {
        self.heard = self.heard.max(now.saturating_sub(self.interval));
        self.hurry(now);
    }

    /// When the silence becomes suspicious.
    pub(crate) fn suspect_at(&self) -> Duration {
        self.heard + self.interval * 2 + Duration::from_secs(1)
    }

    /// When the peer counts as gone.
    pub(crate) fn gone_at(&self) -> Duration {
        self.heard + self.interval * 4 + Duration::from_secs(2)
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.smoothed.map(|smoothed| smoothed.0)
    }

    /// How long to wait for an acknowledgement before sending again.
    pub(crate) fn patience(&self) -> Duration {
        match self.smoothed {
            None => Duration::from_millis(100),
            Some((mean, variation)) => {
                let slack = (variation * 4).max(mean / 4).max(Duration::from_millis(5));
                (mean + slack).clamp(Duration::from_millis(15), Duration::from_secs(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_measured_by_token() {
        let at = Duration::from_millis;
        let mut pulse = Pulse::new(at(0));
        let (first, second) = (pulse.beat(at(0)), pulse.beat(at(10)));
        assert!(pulse.echoed(second, at(30)));
        assert_eq!(pulse.rtt(), Some(at(20)));
        assert!(!pulse.echoed(first, at(40)), "older than one answered: counts as lost");
        assert!(!pulse.echoed(99, at(40)));
        let third = pulse.beat(at(40));
        assert!(pulse.echoed(third, at(68)));
        assert_eq!(pulse.rtt(), Some(at(22)));
    }

    #[test]
    fn silence_is_told_from_sleep() {
        let at = Duration::from_secs;
        let mut pulse = Pulse::new(at(0));
        pulse.heard(at(100));
        assert!(pulse.gone_at() > at(105) && pulse.gone_at() < at(115));
        pulse.forgive(at(5000));
        assert!(pulse.gone_at() > at(5005) && pulse.next() == at(5000));
    }
}
