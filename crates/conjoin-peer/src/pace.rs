//! How often something may happen.

use std::time::Duration;

/// Counts what happens in each stretch of time.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: Duration,
    count: u32,
}

impl Pace {
    /// Whether it may happen once more: at most this often in each stretch.
    pub(crate) fn allows(&mut self, now: Duration, most: u32, stretch: Duration) -> bool {
        if now >= self.since + stretch {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_has_its_own_count() {
        let at = Duration::from_secs;
        let mut pace = Pace::default();
        let allowed = (0..10).filter(|_| pace.allows(at(100), 3, at(20))).count();
        assert_eq!(allowed, 3);
        assert!(!pace.allows(at(119), 3, at(20)) && pace.allows(at(120), 3, at(20)));
    }
}
