//! What clients send, built with little work.

use std::time::{Duration, Instant};

const KIND: &str = r#"{"type":"offer","connection":""#;
const DIGITS: usize = 20;

/// The id of peer `number`: as long as clients choose them.
pub(crate) fn peer(number: usize) -> String {
    format!("{:016x}", (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

pub(crate) fn join(room: &str, peer: &str) -> String {
    format!(r#"{{"type":"join","roomId":"{room}","peerId":"{peer}","peerName":"Ada"}}"#)
}

pub(crate) fn leave(room: &str, peer: &str) -> String {
    format!(r#"{{"type":"leave","roomId":"{room}","peerId":"{peer}"}}"#)
}

/// Offers that carry the time at which they were due.
pub(crate) struct Offers {
    start: Instant,
    sdp: String,
}

impl Offers {
    /// Offers of `size` bytes in all, or a little more where that is too little for the ids.
    pub(crate) fn new(size: usize) -> Self {
        // Lines and their escapes as in a description that travels as JSON in JSON.
        let line = r"a=candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host generation 0\\r\\n";
        let frame = Self { start: Instant::now(), sdp: String::new() };
        let left = size.saturating_sub(frame.offer(Duration::ZERO, &peer(0), &peer(1)).len());
        let mut sdp = line.repeat(left / line.len());
        sdp.extend(std::iter::repeat_n('=', left - sdp.len()));
        Self { sdp, ..frame }
    }

    /// The time since these offers were made, which they are stamped with.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn offer(&self, due: Duration, from: &str, to: &str) -> String {
        let (stamp, sdp) = (due.as_nanos(), &self.sdp);
        format!(r#"{KIND}{stamp:0DIGITS$}","fromPeerId":"{from}","toPeerId":"{to}","sdp":"{sdp}"}}"#)
    }

    /// How long an offer took, if this is one.
    pub(crate) fn latency(&self, text: &[u8]) -> Option<Duration> {
        let digits = text.strip_prefix(KIND.as_bytes())?.get(..DIGITS)?;
        let due = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(self.now().saturating_sub(Duration::from_nanos(due)))
    }
}

/// The value below which `part` of all values lie, by the nearest rank; zero without values.
pub(crate) fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_has_its_size_and_tells_its_time() {
        for size in [300, 1200, 5000] {
            let offers = Offers::new(size);
            let offer = offers.offer(offers.now(), &peer(7), &peer(8));
            assert_eq!(offer.len(), size);
            assert!(serde_json::from_str::<serde_json::Value>(&offer).is_ok(), "{offer}");
            assert!(offers.latency(offer.as_bytes()).is_some_and(|latency| latency <= offers.now()));
        }
        assert_eq!(Offers::new(0).latency(join("r", "p").as_bytes()), None);
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 0.5), values[99]);
        assert_eq!(quantile(&values, 0.99), values[197]);
        assert_eq!(quantile(&values, 1.0), values[199]);
    }
}
