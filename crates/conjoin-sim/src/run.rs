//! Many runs, on all processors, and what came of them.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::scenario::{Outcome, Scenario};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenarios, which take turns.
    pub scenarios: Vec<Scenario>,
    /// The first seed.
    pub first: u64,
    /// How many seeds.
    pub count: u64,
    /// How many peers, if not as many as the scenario says.
    pub peers: Option<usize>,
}

/// A run that ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// What was wrong.
    pub why: String,
}

/// What runs of one scenario came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many runs.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How much happened in all of them.
    pub events: u64,
    /// How much virtual time passed.
    pub time: Duration,
    /// The longest quiet that was needed until all was well, and by which seed.
    pub quiet: (Duration, u64),
}

/// What all runs came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// By name of the scenario.
    pub sums: BTreeMap<String, Sum>,
    /// Those that ended badly, by seed.
    pub failures: Vec<Failure>,
    /// A digest of all that happened in all runs: the same on any machine.
    pub trace: u64,
}

impl Plan {
    /// The scenario that a seed plays: they take turns.
    fn scenario(&self, seed: u64) -> &Scenario {
        &self.scenarios[(seed % self.scenarios.len() as u64) as usize]
    }

    /// Runs it all. `progress` is told now and then how many runs are done.
    ///
    /// # Panics
    /// If there is no scenario.
    pub fn run(&self, progress: impl Fn(u64) + Sync) -> Report {
        assert!(!self.scenarios.is_empty(), "there is something to play");
        let next = AtomicU64::new(0);
        let report = Mutex::new(Report::default());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // A panic is a failure like any other, told with its seed at the end.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let nth = next.fetch_add(1, Ordering::Relaxed);
                        if nth >= self.count {
                            return;
                        }
                        let seed = self.first + nth;
                        let scenario = self.scenario(seed);
                        let played = play(scenario, seed, self.peers);
                        if let Ok(mut report) = report.lock() {
                            report.add(scenario, seed, played);
                        }
                        progress(nth + 1);
                    }
                });
            }
        });
        std::panic::set_hook(hook);
        let mut report = report.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        report.failures.sort_by_key(|failure| failure.seed);
        report
    }
}

/// Plays a scenario, and takes a panic for a failure.
///
/// # Errors
/// What was wrong.
pub fn play(scenario: &Scenario, seed: u64, peers: Option<usize>) -> Result<Outcome, String> {
    catch_unwind(AssertUnwindSafe(|| scenario.play(seed, peers, false)))
        .unwrap_or_else(|panic| Err(told(&*panic)))
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

impl Report {
    fn add(&mut self, scenario: &Scenario, seed: u64, played: Result<Outcome, String>) {
        let sum = self.sums.entry(scenario.name.clone()).or_default();
        sum.runs += 1;
        match played {
            Ok(outcome) => {
                sum.events += outcome.events;
                sum.time += outcome.time;
                sum.quiet = sum.quiet.max((outcome.quiet, seed));
                // Runs end in any order; the sum does not depend on it.
                self.trace = self.trace.wrapping_add(outcome.trace.wrapping_mul(seed.wrapping_mul(2) + 1));
            }
            Err(why) => {
                sum.failed += 1;
                self.failures.push(Failure { scenario: scenario.name.clone(), seed, why });
            }
        }
    }
}
