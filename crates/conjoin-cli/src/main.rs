//! The conjoin command: serve rooms and the demo site, and keep rooms, from one binary.

mod addresses;
mod args;
mod files;
mod ice;
mod keep;
mod keep_used;
mod keeper;
mod log;
mod serve;
mod signals;
mod units;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Serve(args) => serve::run(*args),
        Command::Keep(args) => keep::run(*args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
