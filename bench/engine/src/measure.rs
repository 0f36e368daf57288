//! Processor time of this thread, and medians over rounds in which all engines take turns, so that what
//! slows the machine for a while slows each of them.

use anyhow::{Context as _, Result};
use cpu_time::ThreadTime;

/// What something gave, and the milliseconds of processor time that it took.
///
/// # Errors
/// Its own.
pub fn timed<R>(work: impl FnOnce() -> Result<R>) -> Result<(f64, R)> {
    let start = ThreadTime::now();
    let result = work()?;
    Ok((start.elapsed().as_secs_f64() * 1e3, result))
}

/// An engine in a measurement.
pub struct Contestant<'c> {
    /// What it is called.
    pub name: &'static str,
    /// Measures once; each time as many figures.
    pub round: Box<dyn FnMut() -> Result<Vec<f64>> + 'c>,
}

/// The median of each figure of each engine.
///
/// # Errors
/// When a round goes wrong.
pub fn medians(rounds: usize, contestants: &mut [Contestant<'_>]) -> Result<Vec<Vec<f64>>> {
    let mut all: Vec<Vec<Vec<f64>>> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        for (contestant, figures) in contestants.iter_mut().zip(&mut all) {
            eprint!("\r\x1b[K  round {round} of {rounds}: {}", contestant.name);
            settle();
            figures.push((contestant.round)().with_context(|| contestant.name)?);
        }
    }
    eprint!("\r\x1b[K");
    Ok(all.iter().map(|rounds| across(rounds)).collect())
}

/// Has the allocator put in order what the engine before has freed. It puts that off to when somebody asks for
/// memory, and then does some at a time: after millions of small pieces, the next engine would pay for it.
fn settle() {
    for _ in 0..1000 {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
    }
}

/// The median of each figure, given all figures of each round.
fn across(rounds: &[Vec<f64>]) -> Vec<f64> {
    let figures = rounds.first().map_or(0, Vec::len);
    (0..figures).map(|figure| median(rounds.iter().map(|round| round[figure]).collect())).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median() {
        assert_eq!(across(&[vec![3.0, 10.0], vec![1.0, 30.0], vec![2.0, 20.0]]), [2.0, 20.0]);
        assert!(across(&[]).is_empty());
    }
}
