//! Loads a signaling server, and measures it from outside. `cargo xtask bench server` starts both.
//!
//! The figures go to standard output as one JSON object, the progress to standard error.
#![allow(clippy::print_stdout, reason = "the figures are what this program is for")]

mod client;
mod frame;
mod load;
mod message;
mod process;
mod slow_reader;
mod soak;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::Value;
use tokio::task::LocalSet;

use crate::process::Process;

#[derive(Debug, Parser)]
struct Args {
    /// Where the server listens.
    #[arg(long)]
    server: SocketAddr,
    /// The id of the server's process.
    #[arg(long)]
    process: u32,
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Many sockets: idle, then with as many relays as the server takes, then with half of them.
    Load(load::Args),
    /// Everything at random, for a long time.
    Soak(soak::Args),
    /// Whether one client that does not read is felt by its room mates.
    SlowReader(slow_reader::Args),
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
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
    let process = Process::new(args.process)?;
    // One thread: what is measured beside it has the other cores.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        match &args.mode {
            Mode::Load(load) => load::run(args.server, &process, load).await,
            Mode::Soak(soak) => soak::run(args.server, &process, soak).await,
            Mode::SlowReader(slow) => slow_reader::run(args.server, slow).await,
        }
    }))
}

/// A time: `90s`, `5m`.
fn time(text: &str) -> Result<Duration, String> {
    let (number, scale) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(seconds), _) => (seconds, 1),
        (_, Some(minutes)) => (minutes, 60),
        _ => (text, 1),
    };
    let seconds = number.parse::<u32>().map_err(|_| "a time is a number of seconds, or ends in s or m")?;
    Ok(Duration::from_secs(u64::from(seconds) * scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn times_are_read() {
        assert_eq!(time("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("7"), Ok(Duration::from_secs(7)));
        assert!(time("soon").is_err() && time("m").is_err() && time("-1s").is_err());
    }
}
