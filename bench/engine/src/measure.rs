//! Processor time of this thread, and medians over rounds in which all engines take turns, so that what
//! slows the machine for a while slows each of them.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

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
            figures.push((contestant.round)().with_context(|| contestant.name)?);
        }
    }
    eprint!("\r\x1b[K");
    Ok(all.iter().map(|rounds| across(rounds)).collect())
}

/// Starts a process that [serves](serve) an engine, and waits until it is ready.
///
/// Each has a heap of its own. In one heap, each would be as slow as those before it had left it untidy: asked for by
/// millions of small pieces, it gives the next pieces here and there, and is put in order when somebody does not expect
/// it.
///
/// # Errors
/// When it cannot be started, or ends before it is ready.
pub fn start(name: &'static str, mut program: Command) -> Result<Contestant<'static>> {
    let mut process = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", program.get_program().display()))?;
    let mut start = process.stdin.take().context("it has an input")?;
    let mut figures = BufReader::new(process.stdout.take().context("it has an output")?).lines();
    let mut told = move || -> Result<Vec<f64>> {
        let line = figures.next().context("it has ended")??;
        Ok(serde_json::from_str(&line)?)
    };
    told()?;
    let round = Box::new(move || {
        writeln!(start)?;
        told()
    });
    Ok(Contestant { name, round })
}

/// Measures an engine each time that a line comes in, and answers with one of figures; with one of none when it is
/// ready.
///
/// # Errors
/// When a round goes wrong.
pub fn serve(engine: &mut Contestant<'_>) -> Result<()> {
    let tell = |figures: &[f64]| -> Result<()> {
        let mut out = io::stdout();
        serde_json::to_writer(&out, figures)?;
        writeln!(out)?;
        Ok(out.flush()?)
    };
    tell(&[])?;
    for line in io::stdin().lines() {
        line?;
        settle();
        tell(&(engine.round)().context(engine.name)?)?;
    }
    Ok(())
}

/// Has the allocator put in order what the round before has freed. It puts that off to when somebody asks for memory, and
/// then does some at a time: after millions of small pieces, the next round would pay for it.
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
