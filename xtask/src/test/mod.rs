//! `cargo xtask test`: everything that must hold, in an order in which cheap failures come first.

mod layers;
mod lint;
mod tally;
mod wasm;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;
use conjoin_e2e::Kind;
use tally::Tally;

use crate::{
    example, install, report,
    run::run as run_command,
    sim,
    site::{self, Quality},
    size,
    workspace::Workspace,
};

/// What to test.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these steps; without any, all of them in this order
    steps: Vec<Step>,
    /// Go on after a step that failed
    #[arg(long)]
    keep_going: bool,
    /// For the browser step: only the tests whose names contain this
    #[arg(long)]
    only: Option<String>,
}

/// A step of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// rustfmt has nothing to change
    Format,
    /// No crate depends on one above it, and the core on no I/O
    Layers,
    /// clippy has nothing to say, natively and for wasm
    Lint,
    /// Unit, property, integration and documentation tests
    Unit,
    /// A thousand rooms in a simulated network, over all scenarios
    Sim,
    /// The tests of the core and the peer manager again, as wasm in a browser
    Wasm,
    /// The documentation builds without a warning
    Doc,
    /// What a browser loads is within its limits
    Size,
    /// The pages in real browsers against the real server
    Browser,
}

/// `cargo xtask test`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let steps =
        if arguments.steps.is_empty() { Step::value_variants().to_vec() } else { arguments.steps.clone() };
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut rows = vec![vec!["step".to_owned(), "time".to_owned(), String::new()]];
    let mut failed = Vec::new();
    for step in steps {
        let name = step.name();
        report::heading(&name);
        let begun = Instant::now();
        let result = step.run(workspace, arguments, &mut tally);
        let time = report::duration(begun.elapsed());
        match result {
            Ok(()) => {
                report::good(&format!("{name}, {time}"));
                rows.push(vec![name, time, "passed".to_owned()]);
            }
            Err(error) => {
                report::bad(&format!("{name}, {time}: {error:#}"));
                rows.push(vec![name.clone(), time, "failed".to_owned()]);
                failed.push(name);
                if !arguments.keep_going {
                    break;
                }
            }
        }
    }
    report::heading("summary");
    report::table(&rows);
    println!("in {}", report::duration(start.elapsed()));
    // A step that fails without a failed test, as formatting does, counts as one.
    let failures = tally.failed.max(failed.len());
    println!("\n{} passed, {failures} failed, {} skipped", tally.passed, tally.ignored);
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// What is tested besides what is on unless said otherwise. Browsers get none of it.
pub(super) const FEATURES: &str = "--features=conjoin-core/serde";

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, workspace: &Workspace, arguments: &Arguments, tally: &mut Tally) -> Result<()> {
        match self {
            Self::Format => lint::format(workspace),
            Self::Layers => layers::check(workspace),
            Self::Lint => lint::clippy(workspace),
            Self::Unit => {
                install::networks()?;
                tally.cargo_test(workspace, &["--workspace", "--exclude", "conjoin-e2e", FEATURES], &[])
            }
            Self::Sim => sim::test(workspace),
            Self::Wasm => wasm::run(workspace, tally),
            Self::Doc => lint::documentation(workspace),
            Self::Size => size::run(workspace),
            Self::Browser => browser(workspace, arguments.only.as_deref(), tally),
        }
    }
}

/// The end-to-end tests, against a binary that carries the site as users get it.
fn browser(workspace: &Workspace, only: Option<&str>, tally: &mut Tally) -> Result<()> {
    for kind in Kind::ALL {
        install::browser(kind)?;
    }
    site::build(workspace, Quality::Release)?;
    let visits = example::build(workspace, "visits")?;
    run_command(workspace.cargo().args(["build", "--package", "conjoin-cli", "--package", "visits"]))?;
    let binary = workspace.binary("debug");
    let program = binary.with_file_name(format!("visits{}", std::env::consts::EXE_SUFFIX));
    // One at a time: two browsers and a server fill two cores, and the tests have bounds to keep.
    let mut arguments =
        vec!["--package", "conjoin-e2e", "--test", "it", "--", "--test-threads=1", "--show-output"];
    arguments.extend(only);
    // An error of a test says by itself what went wrong where.
    let environment = [
        ("CONJOIN_BINARY", binary.as_os_str()),
        ("CONJOIN_VISITS", program.as_os_str()),
        ("CONJOIN_VISITS_PAGES", visits.as_os_str()),
        ("RUST_LIB_BACKTRACE", "0".as_ref()),
    ];
    tally.cargo_test(workspace, &arguments, &environment)
}
