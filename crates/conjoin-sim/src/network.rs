//! What packets meet on their way.

use std::time::Duration;

/// A seeded generator (splitmix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `bound`, which is at least 1.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }
}

/// How good the network between peers is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The least time a packet takes, one way.
    pub delay: Duration,
    /// Up to so much is added at random, so packets overtake each other.
    pub jitter: Duration,
    /// The share of packets that are lost.
    pub loss: f64,
    /// The share of packets that arrive twice.
    pub duplication: f64,
}

impl Conditions {
    /// A good network: 10 ms one way.
    pub const fn good() -> Self {
        Self { delay: Duration::from_millis(10), jitter: Duration::ZERO, loss: 0.0, duplication: 0.0 }
    }

    /// A network that loses this share of packets, duplicates half as many, and reorders.
    pub const fn lossy(loss: f64) -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::from_millis(15),
            loss,
            duplication: loss / 2.0,
        }
    }

    /// How long this packet takes.
    pub(crate) fn travel(&self, random: &mut Random) -> Duration {
        self.delay + Duration::from_nanos(random.below(self.jitter.as_nanos() as u64 + 1))
    }
}
