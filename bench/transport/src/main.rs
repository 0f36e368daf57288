//! Measures the native driver and rooms of native peers. `cargo xtask bench transport` runs it.
//!
//! The figures go to standard output as one JSON object, the progress to standard error.
#![allow(clippy::print_stdout, reason = "the figures are what this program is for")]

mod browsers;
mod churn;
mod crowd;
mod pair;
mod peer;
mod pipe;
mod process;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::Value;

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Two drivers on this machine, beside raw UDP and TCP.
    Pair(pair::Args),
    /// A page and a driver, beside two pages.
    Browsers(browsers::Args),
    /// Many peers in one process, held for a time.
    Crowd(crowd::Args),
    /// Joins and leaves without end.
    Churn(churn::Args),
}

fn main() -> ExitCode {
    let figures = run(&Args::parse());
    match figures {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match &args.mode {
            Mode::Pair(args) => pair::run(args).await,
            Mode::Browsers(args) => browsers::run(args).await,
            Mode::Crowd(args) => crowd::run(args).await,
            Mode::Churn(args) => churn::run(args).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }
}
