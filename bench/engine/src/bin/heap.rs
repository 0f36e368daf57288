//! How much memory an engine's document takes after loading: `heap <engine> <file>` prints bytes.
#![allow(clippy::print_stdout, reason = "the figure is what this program is for")]

use std::{alloc::System, env, fs, process::ExitCode};

use anyhow::{Context as _, Result};
use conjoin_bench_engine::engines::TEXT;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    match run() {
        Ok(bytes) => {
            println!("{bytes}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<usize> {
    let mut arguments = env::args().skip(1);
    let (name, file) = arguments.next().zip(arguments.next()).context("heap <engine> <file>")?;
    let engine = TEXT.iter().find(|engine| engine.name == name).context("no such engine")?;
    let saved = fs::read(file)?;
    engine.heap(&saved, &|| {
        let stats = ALLOCATOR.stats();
        stats.bytes_allocated - stats.bytes_deallocated
    })
}
