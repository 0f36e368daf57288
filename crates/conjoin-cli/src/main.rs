//! The conjoin command: serve rooms and the demo site from one binary.

mod addresses;
mod args;
mod files;
mod ice;
mod log;
mod serve;
mod units;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let Args { command: Command::Serve(args) } = Args::parse();
    match serve::run(*args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
