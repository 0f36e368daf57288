//! The conjoin command: serve rooms and the demo site, keep rooms, and join them from a terminal, in one binary.

mod addresses;
mod args;
mod doctor;
mod files;
mod ice;
mod join;
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
        Command::Serve(args) => serve::run(*args).map(|()| ExitCode::SUCCESS),
        Command::Keep(args) => keep::run(*args).map(|()| ExitCode::SUCCESS),
        Command::Join(args) => join::run(*args),
        Command::Doctor(args) => doctor::run(&args),
    };
    done.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}
