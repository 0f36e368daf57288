//! What packets meet on their way from one peer to another.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::random::Random;

/// What IP, UDP, DTLS and SCTP add to each packet.
pub const PACKET_HEADERS: usize = 20 + 8 + 13 + 24 + 28;

/// A queue at the bottleneck holds what takes this long to send; more is dropped.
const BOTTLENECK_QUEUE: Duration = Duration::from_millis(300);

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
    /// What one peer can send to all others together, in bytes a second; `None` is without limit.
    pub bandwidth: Option<u64>,
}

impl Conditions {
    /// A good network: 10 ms one way.
    pub const fn good() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            bandwidth: None,
        }
    }

    /// A network that loses this share of packets, duplicates half as many, and reorders.
    pub const fn lossy(loss: f64) -> Self {
        Self { jitter: Duration::from_millis(15), loss, duplication: loss / 2.0, ..Self::good() }
    }
}

/// The paths between all peers.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) conditions: Conditions,
    /// From whom nothing reaches whom for now.
    cut: BTreeSet<(usize, usize)>,
    /// Pairs that can never reach each other, as behind two NATs without a relay.
    apart: BTreeSet<(usize, usize)>,
    /// Peers without any network.
    offline: BTreeSet<usize>,
    /// Until when the uplink of each peer is busy with what it has sent.
    busy: Vec<Duration>,
}

impl Network {
    pub(crate) const fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            cut: BTreeSet::new(),
            apart: BTreeSet::new(),
            offline: BTreeSet::new(),
            busy: Vec::new(),
        }
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn keep_apart(&mut self, a: usize, b: usize) {
        self.apart.extend([(a, b), (b, a)]);
    }

    pub(crate) fn set_offline(&mut self, peer: usize, offline: bool) {
        if offline {
            self.offline.insert(peer);
        } else {
            self.offline.remove(&peer);
        }
    }

    pub(crate) fn is_offline(&self, peer: usize) -> bool {
        self.offline.contains(&peer)
    }

    /// Whether anything from one peer reaches the other.
    pub(crate) fn passes(&self, from: usize, to: usize) -> bool {
        let blocked = self.cut.contains(&(from, to)) || self.apart.contains(&(from, to));
        !blocked && !self.is_offline(from) && !self.is_offline(to)
    }

    /// Whether two peers can talk with each other.
    pub(crate) fn connects(&self, a: usize, b: usize) -> bool {
        self.passes(a, b) && self.passes(b, a)
    }

    /// Sends a packet of so many bytes at `now`; gives how long its copies take: none if it is
    /// lost, two if it is doubled.
    pub(crate) fn carry(
        &mut self,
        random: &mut Random,
        now: Duration,
        (from, to): (usize, usize),
        bytes: usize,
    ) -> [Option<Duration>; 2] {
        let Conditions { delay, jitter, loss, duplication, bandwidth } = self.conditions;
        let mut queued = Duration::ZERO;
        if let Some(rate) = bandwidth {
            if self.busy.len() <= from {
                self.busy.resize(from + 1, Duration::ZERO);
            }
            let takes = Duration::from_nanos((bytes + PACKET_HEADERS) as u64 * 1_000_000_000 / rate.max(1));
            let free = self.busy[from].max(now);
            if free - now > BOTTLENECK_QUEUE {
                return [None; 2];
            }
            self.busy[from] = free + takes;
            queued = free + takes - now;
        }
        if !self.passes(from, to) || random.chance(loss) {
            return [None; 2];
        }
        let first = queued + delay + random.upto(jitter);
        let second = random.chance(duplication).then(|| queued + delay + random.upto(jitter));
        [Some(first), second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_one_way_passes_the_other() {
        let mut network = Network::new(Conditions::good());
        network.cut(0, 1);
        assert!(!network.passes(0, 1) && network.passes(1, 0) && !network.connects(0, 1));
        network.keep_apart(0, 2);
        network.heal();
        assert!(network.connects(0, 1) && !network.connects(2, 0));
    }

    #[test]
    fn a_narrow_uplink_queues_and_then_drops() {
        let conditions = Conditions { bandwidth: Some(100_000), ..Conditions::good() };
        let mut network = Network::new(conditions);
        let mut random = Random::new(1);
        let mut last = Duration::ZERO;
        let mut arrived = 0;
        for _ in 0..100 {
            if let [Some(takes), None] = network.carry(&mut random, Duration::ZERO, (0, 1), 1000) {
                assert!(takes > last, "one after the other");
                last = takes;
                arrived += 1;
            }
        }
        assert!((25..35).contains(&arrived), "{arrived} of 1 KB in the queue of 300 ms");
        let other = network.carry(&mut random, Duration::ZERO, (1, 0), 1000);
        assert!(other[0].is_some_and(|takes| takes < Duration::from_millis(25)), "another's uplink is free");
    }
}
