//! Waiting longer after each failure, and never in step with others.

use std::time::Duration;

/// A small generator for jitter and attempt ids (splitmix64, Steele et al. 2014). Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// Doubling delays up to a bound, each drawn from its upper half.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    failures: u32,
}

const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    pub(crate) const fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// The delay before the next try, after one more failure.
    pub(crate) fn fail(&mut self, random: &mut Random) -> Duration {
        let full = self.first.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        full / 2 + full.mul_f64((random.next() >> 11) as f64 / (1u64 << 54) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_bound_and_differ() {
        let mut random = Random::new(1);
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for nth in 0..20 {
            let full = Duration::from_secs(1 << nth.min(5)).min(LONGEST);
            let delay = backoff.fail(&mut random);
            assert!(delay >= full / 2 && delay <= full, "{nth}: {delay:?}");
        }
        let mut other = Backoff::new(Duration::from_secs(1));
        assert_ne!(other.fail(&mut random), Backoff::new(Duration::from_secs(1)).fail(&mut random));
    }
}
