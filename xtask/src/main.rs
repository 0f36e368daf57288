//! Builds, demos, tests and measures Conjoin: `cargo xtask --help`.
//!
//! All set-up is in here. A fresh machine needs cargo and nothing else to begin with; what is missing is
//! installed, or named together with the line that installs it.
#![allow(clippy::print_stdout, reason = "a command line talks on standard output")]

mod arrange;
mod bench;
mod bindgen;
mod compress;
mod demo;
mod example;
mod fuzz;
mod install;
mod report;
mod run;
mod shots;
mod sim;
mod site;
mod size;
mod test;
mod watch;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Builds, demos, tests and measures Conjoin.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build everything and serve the demo; prints the address
    Demo(demo::Arguments),
    /// Build the web pages into site/dist
    Site(site::Arguments),
    /// Build an example for browsers, and say how to serve it
    Example(example::Arguments),
    /// Check and test everything, or only the steps named
    Test(test::Arguments),
    /// Build and weigh what a browser loads; fails if over a limit
    Size,
    /// Play scenarios in a simulated network, thousands of times; `sim --help` tells all
    #[command(disable_help_flag = true)]
    Sim(sim::Arguments),
    /// Measure, side by side with others
    #[command(subcommand)]
    Bench(bench::Command),
    /// Feed random input to the decoders and state machines; fails on a finding
    Fuzz(fuzz::Arguments),
    /// Take a screenshot of every state of the page, into target/shots
    Shots,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::bad(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let workspace = Workspace::locate()?;
    match command {
        Command::Demo(arguments) => demo::run(&workspace, &arguments),
        Command::Site(arguments) => site::run(&workspace, &arguments),
        Command::Example(arguments) => example::run(&workspace, &arguments),
        Command::Test(arguments) => test::run(&workspace, &arguments),
        Command::Size => size::run(&workspace),
        Command::Sim(arguments) => sim::run(&workspace, &arguments),
        Command::Bench(command) => bench::run(&workspace, &command),
        Command::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
        Command::Shots => shots::run(&workspace),
    }
}
