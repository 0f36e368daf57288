//! The reliable, ordered channel, as SCTP (RFC 9260) carries it: messages in packets, selective
//! acknowledgements, a congestion window, fast retransmit, and a retransmission time-out of one
//! second at least. That time-out is what a lost packet costs where little is sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Payload of one packet.
const PACKET: usize = 1150;

/// The bounds of the retransmission time-out: RTO.Min of RFC 9260, 16, and in place of its RTO.Max
/// of a minute what browsers wait at most.
const RTO_MIN: Duration = Duration::from_secs(1);
const RTO_MAX: Duration = Duration::from_secs(3);

/// So many later packets must be acknowledged before one counts as lost (7.2.4).
const REPORTS: u8 = 3;

/// Acknowledgements wait this long for a second packet (6.2).
pub(crate) const SACK_DELAY: Duration = Duration::from_millis(200);

/// A piece of a message.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    message: Arc<Vec<u8>>,
    size: usize,
    last: bool,
}

impl Chunk {
    pub(crate) const fn size(&self) -> usize {
        self.size
    }
}

/// What arrived: all before `next`, and these beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sack {
    next: u64,
    beyond: Vec<u64>,
}

#[derive(Debug)]
struct Flying {
    chunk: Chunk,
    sent: Duration,
    again: bool,
    acked: bool,
    lost: bool,
    reports: u8,
}

/// The sending half of one direction.
#[derive(Debug)]
pub(crate) struct Sender {
    unsent: VecDeque<Chunk>,
    unsent_bytes: usize,
    /// The number of the first in flight.
    first: u64,
    flight: VecDeque<Flying>,
    flight_bytes: usize,
    window: usize,
    threshold: usize,
    /// The window was halved for a loss before this number.
    recovered: u64,
    smoothed: Option<(Duration, Duration)>,
    timeout: Duration,
    /// When the time-out strikes.
    pub(crate) deadline: Option<Duration>,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            first: 0,
            flight: VecDeque::new(),
            flight_bytes: 0,
            window: 10 * PACKET,
            threshold: usize::MAX,
            recovered: 0,
            smoothed: None,
            timeout: RTO_MIN,
            deadline: None,
        }
    }
}

impl Sender {
    pub(crate) fn push(&mut self, message: Vec<u8>) {
        let message = Arc::new(message);
        let mut left = message.len();
        self.unsent_bytes += left;
        loop {
            let size = left.min(PACKET);
            left -= size;
            self.unsent.push_back(Chunk { message: message.clone(), size, last: left == 0 });
            if left == 0 {
                return;
            }
        }
    }

    /// Bytes that wait for their first packet.
    pub(crate) const fn buffered(&self) -> usize {
        self.unsent_bytes
    }

    /// Bytes that wait, or are not known to have arrived.
    pub(crate) fn outstanding(&self) -> usize {
        let flying = self.flight.iter().filter(|flying| !flying.acked);
        self.unsent_bytes + flying.map(|flying| flying.chunk.size).sum::<usize>()
    }

    /// The next packet that may go now.
    pub(crate) fn next(&mut self, now: Duration) -> Option<(u64, Chunk)> {
        if self.flight_bytes >= self.window {
            return None;
        }
        let next = match self.flight.iter_mut().position(|flying| flying.lost && !flying.acked) {
            Some(at) => {
                let flying = &mut self.flight[at];
                flying.lost = false;
                flying.again = true;
                flying.sent = now;
                (self.first + at as u64, flying.chunk.clone())
            }
            None => {
                let chunk = self.unsent.pop_front()?;
                self.unsent_bytes -= chunk.size;
                let flying = Flying {
                    chunk: chunk.clone(),
                    sent: now,
                    again: false,
                    acked: false,
                    lost: false,
                    reports: 0,
                };
                self.flight.push_back(flying);
                (self.first + self.flight.len() as u64 - 1, chunk)
            }
        };
        self.flight_bytes += next.1.size;
        self.deadline.get_or_insert(now + self.timeout);
        Some(next)
    }

    pub(crate) fn acknowledged(&mut self, now: Duration, sack: &Sack) {
        if sack.next < self.first {
            return;
        }
        let limited = self.flight_bytes + PACKET >= self.window;
        let mut newly = 0;
        let mut highest = None;
        let beyond = sack.beyond.iter().copied();
        for number in (self.first..sack.next).chain(beyond) {
            let Some(flying) = number.checked_sub(self.first).and_then(|at| self.flight.get_mut(at as usize))
            else {
                continue;
            };
            if std::mem::replace(&mut flying.acked, true) {
                continue;
            }
            newly += flying.chunk.size;
            highest = Some(number);
            if !flying.lost {
                self.flight_bytes -= flying.chunk.size;
            }
            if !flying.again {
                let sample = now - flying.sent;
                self.measure(sample);
            }
        }
        let moved = sack.next > self.first;
        while self.first < sack.next && self.flight.pop_front().is_some() {
            self.first += 1;
        }
        if let Some(highest) = highest {
            self.report(highest);
        }
        if moved {
            if limited && self.first >= self.recovered {
                self.window += match self.window < self.threshold {
                    true => newly.min(PACKET),
                    false => PACKET * newly / self.window,
                };
            }
            self.deadline = (!self.flight.is_empty()).then_some(now + self.timeout);
        }
    }

    /// Counts against those before `highest`; what was passed by too often is lost.
    fn report(&mut self, highest: u64) {
        let end = highest.saturating_sub(self.first) as usize;
        for at in 0..end.min(self.flight.len()) {
            let flying = &mut self.flight[at];
            if flying.acked || flying.lost {
                continue;
            }
            flying.reports = flying.reports.saturating_add(1);
            if flying.reports == REPORTS {
                flying.lost = true;
                self.flight_bytes -= flying.chunk.size;
                if self.first + at as u64 >= self.recovered {
                    self.recovered = self.first + self.flight.len() as u64;
                    self.threshold = (self.window / 2).max(4 * PACKET);
                    self.window = self.threshold;
                }
            }
        }
    }

    fn measure(&mut self, sample: Duration) {
        let (mean, variation) = match self.smoothed {
            None => (sample, sample / 2),
            Some((mean, variation)) => ((mean * 7 + sample) / 8, (variation * 3 + mean.abs_diff(sample)) / 4),
        };
        self.smoothed = Some((mean, variation));
        self.timeout = (mean + variation * 4).clamp(RTO_MIN, RTO_MAX);
    }

    /// The time-out struck: all that is in flight goes again, one packet at first.
    pub(crate) fn expire(&mut self, now: Duration) {
        self.threshold = (self.window / 2).max(4 * PACKET);
        self.window = PACKET;
        self.timeout = (self.timeout * 2).min(RTO_MAX);
        for flying in self.flight.iter_mut().filter(|flying| !flying.acked) {
            flying.lost = true;
            flying.reports = REPORTS;
        }
        self.flight_bytes = 0;
        self.deadline = (!self.flight.is_empty()).then_some(now + self.timeout);
    }
}

/// The receiving half.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    next: u64,
    beyond: BTreeMap<u64, Chunk>,
    /// Packets since the last acknowledgement.
    pub(crate) unacknowledged: u32,
}

impl Receiver {
    /// Takes a packet; gives the messages that are whole now, and whether to acknowledge at once.
    pub(crate) fn take(&mut self, number: u64, chunk: Chunk) -> (Vec<Vec<u8>>, bool) {
        let mut whole = Vec::new();
        let expected = number == self.next;
        if number >= self.next {
            self.beyond.insert(number, chunk);
        }
        while let Some(chunk) = self.beyond.remove(&self.next) {
            self.next += 1;
            if chunk.last {
                whole.push(chunk.message.to_vec());
            }
        }
        self.unacknowledged += 1;
        (whole, !expected || !self.beyond.is_empty() || self.unacknowledged >= 2)
    }

    pub(crate) fn sack(&mut self) -> Sack {
        self.unacknowledged = 0;
        Sack { next: self.next, beyond: self.beyond.keys().copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Conditions, Network};
    use crate::queue::Queue;
    use crate::random::Random;

    enum Step {
        Data(u64, Chunk),
        Sack(Sack),
        Look,
    }

    /// Sends messages over a network; gives when each arrived.
    fn send(seed: u64, conditions: Conditions, messages: &[Vec<u8>], pause: Duration) -> Vec<Duration> {
        let mut random = Random::new(seed);
        let mut network = Network::new(conditions);
        let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
        let mut queue = Queue::default();
        let mut arrivals = Vec::new();
        let mut unsent = messages.iter();
        let mut next_push = Duration::ZERO;
        queue.push(Duration::ZERO, Step::Look);
        while arrivals.len() < messages.len() {
            let (now, step) = queue.pop(Duration::MAX).expect("the channel never stands still");
            match step {
                Step::Data(number, chunk) => {
                    for message in receiver.take(number, chunk).0 {
                        assert_eq!(message, messages[arrivals.len()], "in order, whole, once");
                        arrivals.push(now);
                    }
                    let sack = receiver.sack();
                    for takes in network.carry(&mut random, now, (1, 0), 16).into_iter().flatten() {
                        queue.push(now + takes, Step::Sack(sack.clone()));
                    }
                }
                Step::Sack(sack) => sender.acknowledged(now, &sack),
                Step::Look => {
                    if now >= next_push
                        && let Some(message) = unsent.next()
                    {
                        sender.push(message.clone());
                        next_push = now + pause;
                        queue.push(next_push, Step::Look);
                    }
                    if sender.deadline.is_some_and(|at| at <= now) {
                        sender.expire(now);
                    }
                }
            }
            while let Some((number, chunk)) = sender.next(now) {
                for takes in network.carry(&mut random, now, (0, 1), chunk.size()).into_iter().flatten() {
                    queue.push(now + takes, Step::Data(number, chunk.clone()));
                }
            }
            if let Some(at) = sender.deadline {
                queue.push(at, Step::Look);
            }
        }
        arrivals
    }

    #[test]
    fn messages_of_all_sizes_arrive_in_order_whatever_is_lost() {
        for seed in 0..30 {
            let mut random = Random::new(seed);
            let messages: Vec<Vec<u8>> =
                (0..40).map(|nth| vec![nth; 1 + random.below(8000) as usize]).collect();
            send(seed, Conditions::lossy(seed as f64 / 100.0), &messages, Duration::from_millis(3));
        }
    }

    #[test]
    fn a_lost_packet_costs_a_second_where_little_is_sent() {
        let pause = Duration::from_secs(5);
        let arrivals = send(1, Conditions { loss: 0.2, ..Conditions::good() }, &vec![vec![1; 10]; 50], pause);
        let late = arrivals.iter().zip(0u32..).filter(|(at, nth)| **at - pause * *nth > RTO_MIN).count();
        assert!((4..20).contains(&late), "{late} of 50 came after more than a second");
    }

    #[test]
    fn a_wide_path_is_filled_and_a_narrow_one_shared() {
        let message = vec![vec![7; 2_000_000]];
        let took = |bandwidth| {
            let conditions = Conditions { bandwidth, ..Conditions::good() };
            send(1, conditions, &message, Duration::ZERO)[0]
        };
        assert!(took(None) < Duration::from_secs(1), "{:?}", took(None));
        let narrow = took(Some(500_000));
        assert!((4..9).contains(&narrow.as_secs()), "2 MB at 0.5 MB/s took {narrow:?}");
    }
}
