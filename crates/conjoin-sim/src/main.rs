//! `conjoin-sim`: rooms of simulated peers, by the thousand.
#![allow(clippy::print_stdout, reason = "a command line talks on standard output")]

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use conjoin_sim::run::{Failure, Plan, Report};
use conjoin_sim::{Scenario, scale};

/// Plays scenarios with the real peer manager and the real rooms of the server, in a virtual
/// network on a virtual clock.
///
/// Each seed is one run of one scenario; the scenarios take turns. After each quiet time it is
/// checked that those who can reach each other agree, that every increment counts once, that each
/// list of peers tells the truth, and that no queue or timer got out of hand.
#[derive(Debug, Parser)]
#[command(name = "conjoin-sim", bin_name = "cargo xtask sim")]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 1000, value_name = "N")]
    seeds: u64,

    /// The first seed
    #[arg(long, default_value_t = 0, value_name = "N")]
    from: u64,

    /// Only this seed, telling all that happens; needs --scenario
    #[arg(long, value_name = "N", requires = "scenario")]
    seed: Option<u64>,

    /// So many peers, in place of what the scenario says
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u16).range(1..=200))]
    peers: Option<u16>,

    /// Only this scenario: a name, or a file; all if not given
    #[arg(long, value_name = "S")]
    scenario: Option<String>,

    /// List the scenarios
    #[arg(long)]
    list: bool,

    /// Measure how a mesh scales and what loss costs, and write it to this file
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "docs/scale.md")]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let all = || Scenario::all(&Scenario::folder()).map_err(|error| error.to_string());
    if arguments.list {
        for scenario in all()? {
            println!("{:<24} {}", scenario.name, scenario.about);
        }
        return Ok(true);
    }
    if let Some(file) = &arguments.report {
        let report = scale::report(|what| eprintln!("{what}"));
        std::fs::write(file, report).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("wrote {}", file.display());
        return Ok(true);
    }
    let scenarios = match &arguments.scenario {
        None => all()?,
        Some(name) => vec![named(name)?],
    };
    let peers = arguments.peers.map(usize::from);
    if let Some(seed) = arguments.seed {
        return Ok(replay(&scenarios[0], seed, peers));
    }
    Ok(play(&Plan { scenarios, first: arguments.from, count: arguments.seeds, peers }))
}

/// A scenario by its name, or from any file.
fn named(name: &str) -> Result<Scenario, String> {
    let known = Scenario::folder().join(name).with_extension("scenario");
    let file = if known.is_file() { known } else { PathBuf::from(name) };
    if !file.is_file() {
        return Err(format!("there is no scenario `{name}`, and no such file; --list tells which there are"));
    }
    Scenario::read(Path::new(&file)).map_err(|error| error.to_string())
}

/// One run, told.
fn replay(scenario: &Scenario, seed: u64, peers: Option<usize>) -> bool {
    eprintln!("{}: {}", scenario.name, scenario.about);
    match scenario.play(seed, peers, true) {
        Ok(outcome) => {
            println!("all was well; trace {:016x}", outcome.trace);
            true
        }
        Err(why) => {
            println!("{why}");
            false
        }
    }
}

fn play(plan: &Plan) -> bool {
    let start = Instant::now();
    let shows = std::io::stderr().is_terminal();
    let report = plan.run(|done| {
        if shows && (done % 100 == 0 || done == plan.count) {
            eprint!("\r{done} of {}", plan.count);
            let _ = std::io::stderr().flush();
        }
    });
    if shows {
        eprintln!("\r\x1b[K");
    }
    print(&report);
    let runs: u64 = report.sums.values().map(|sum| sum.runs).sum();
    println!("\n{runs} runs in {:.1} s, trace {:016x}", start.elapsed().as_secs_f64(), report.trace);
    for failure in report.failures.iter().take(20) {
        print_failure(failure, plan);
    }
    if report.failures.len() > 20 {
        println!("and {} more", report.failures.len() - 20);
    }
    report.failures.is_empty()
}

fn print(report: &Report) {
    println!(
        "{:<26}{:>8}{:>8}{:>14}{:>16}{:>14}",
        "scenario", "runs", "failed", "events", "virtual time", "all well in"
    );
    for (name, sum) in &report.sums {
        let hours = sum.time.as_secs_f64() / 3600.0;
        let (quiet, seed) = (sum.quiet.0.as_secs_f64(), sum.quiet.1);
        println!(
            "{name:<26}{:>8}{:>8}{:>14}{hours:>14.1} h{quiet:>12.1} s, seed {seed}",
            sum.runs, sum.failed, sum.events
        );
    }
}

fn print_failure(failure: &Failure, plan: &Plan) {
    let Failure { scenario, seed, why } = failure;
    let peers = plan.peers.map(|peers| format!(" --peers {peers}")).unwrap_or_default();
    println!("\nseed {seed} of {scenario} failed: {why}");
    println!("  cargo xtask sim --scenario {scenario} --seed {seed}{peers}");
}
