//! Waiting for what must come, with a bound.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Between two looks. Short beside every bound in use, long beside the cost of a look.
const PAUSE: Duration = Duration::from_millis(15);

/// Looks again and again until `look` gives something, and gives that with the time it took.
///
/// # Errors
/// When `bound` has passed without it, or `look` fails.
pub fn wait<T>(
    what: &str,
    bound: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<(T, Duration)> {
    let start = Instant::now();
    loop {
        // The time is read before the look: something seen by a look that began in time is in time.
        let elapsed = start.elapsed();
        if let Some(found) = look()? {
            return Ok((found, elapsed));
        }
        if elapsed > bound {
            bail!("waited {:.1} s in vain for: {what}", bound.as_secs_f64());
        }
        thread::sleep(PAUSE);
    }
}
