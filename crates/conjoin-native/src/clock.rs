//! The clock of managers, which goes on while the machine sleeps: so they notice.

use std::time::Duration;

/// The time since some fixed moment before the program began.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    // Which clock goes on in sleep differs: this one stands still on Linux, where there is another.
    #[cfg(target_vendor = "apple")]
    const CLOCK: ClockId = ClockId::Monotonic;
    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: ClockId = ClockId::Boottime;
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The time since some fixed moment. On Windows it goes on in sleep by itself.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub fn now() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::now;

    #[test]
    fn time_does_not_go_back() {
        let first = now();
        assert!(now() >= first);
    }
}
