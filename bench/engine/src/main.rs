//! The figures go to standard output as one JSON object, the progress to standard error.
#![allow(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum as _};
use conjoin_bench_engine::{
    engines::{RECORDS, TEXT},
    rows::{Part, Row, Settings, measure},
};
use serde_json::{Value, json};

#[derive(Debug, Parser)]
struct Args {
    /// The folder of the traces.
    #[arg(long)]
    traces: PathBuf,
    /// The sequential trace.
    #[arg(long, default_value = "automerge-paper")]
    trace: String,
    /// Only these measurements.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    only: Vec<Row>,
    /// How often each is repeated.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure engines even where they take many seconds.
    #[arg(long)]
    slow: bool,
    /// As a process of its own: the engine, and the first line that it has figures for.
    #[arg(long, hide = true, num_args = 2)]
    part: Option<Vec<String>>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(figures) => {
            if let Some(figures) = figures {
                println!("{figures}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The figures, unless this is a process of one engine, which has told them.
fn run(args: Args) -> Result<Option<Value>> {
    ensure!(args.rounds > 0, "a median needs a round");
    let rows = if args.only.is_empty() { Row::value_variants().to_vec() } else { args.only };
    let part = match args.part.as_deref() {
        Some([engine, line]) => Some(Part { engine: engine.clone(), line: line.clone() }),
        _ => None,
    };
    let settings =
        Settings { traces: args.traces, trace: args.trace, rows, rounds: args.rounds, slow: args.slow, part };
    let lines = measure(&settings)?;
    if settings.part.is_some() {
        return Ok(None);
    }
    let mut engines: Vec<&str> = TEXT.iter().map(|engine| engine.name).collect();
    engines.extend(
        RECORDS.iter().map(|engine| engine.name).filter(|name| TEXT.iter().all(|it| it.name != *name)),
    );
    Ok(Some(
        json!({ "trace": settings.trace, "rounds": settings.rounds, "engines": engines, "lines": lines }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
