//! The real `conjoin serve` as one process, loaded by another: what thousands of sockets cost, how
//! relays between them fare, and whether anything stays behind.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use conjoin_e2e::Server;
use serde_json::Value;

use crate::{
    report,
    run::{output, run as run_command},
    workspace::Workspace,
};

/// What is measured.
///
/// Without --soak or --slow-reader: how fast so many sockets join, what they cost idle, how many
/// relays a second the server manages, and how it fares with half of them.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sockets, one run for each number [default: 1000,5000,15000; --soak: 400]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    connections: Vec<usize>,
    /// Peers in a room
    #[arg(long, value_name = "N", default_value_t = 4)]
    room_size: usize,
    /// Bytes of a relayed message; the offer of a browser has about as many
    #[arg(long, value_name = "BYTES", default_value_t = 1200)]
    payload: usize,
    /// How long the sockets are held idle, answering pings, before anything is relayed
    #[arg(long, value_name = "TIME", default_value = "10s")]
    hold: String,
    /// Join, leave, relay and vanish at random for this long; fails if memory or files stay behind
    #[arg(long, value_name = "TIME", conflicts_with = "hold")]
    soak: Option<String>,
    /// When --soak first counts the memory
    #[arg(long, value_name = "TIME", default_value = "5m", requires = "soak")]
    warm_up: String,
    /// What happens in --soak, and when
    #[arg(long, value_name = "N", default_value_t = 1, requires = "soak")]
    seed: u64,
    /// Whether the room mates of a client that never reads feel it
    #[arg(long, conflicts_with_all = ["soak", "hold", "connections"])]
    slow_reader: bool,
}

/// Resident memory of an idle connection, in bytes.
const IDLE_GOAL: f64 = 6.0 * 1024.0;

/// Processor time of a relay, in microseconds.
const RELAY_GOAL: f64 = 10.0;

/// Latency that one relay in a hundred may have at half the most the server manages, in milliseconds.
const LATENCY_GOAL: f64 = 20.0;

/// By how much memory may change in a soak.
const SOAK_GOAL: f64 = 0.1;

/// How much later one message in a hundred may come if a room mate does not read.
const SLOW_READER_GOAL: f64 = 1.5;

/// `cargo xtask bench server`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("this bench reads what a process costs from /proc, as Linux has it");
    }
    // One after the other: built together they would share features, and the server would be another.
    for package in ["conjoin-cli", "conjoin-bench-server"] {
        run_command(workspace.cargo().args(["build", "--release", "--package", package]))?;
    }
    let bench = Bench {
        server: workspace.binary("release"),
        generator: workspace.target.join("release/conjoin-bench-server"),
        folder: workspace.target.join("bench/server"),
    };
    fs::create_dir_all(&bench.folder)?;
    match (&arguments.soak, arguments.slow_reader) {
        (Some(time), _) => soak(&bench, arguments, time),
        (None, true) => slow_reader(&bench, arguments),
        (None, false) => load(&bench, arguments),
    }
}

/// What is run.
struct Bench {
    server: PathBuf,
    generator: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// Loads a fresh server that takes so many connections, and gives what was measured.
    fn measure(&self, connections: usize, arguments: &[&str]) -> Result<Value> {
        // As an operator would set it for this load: a generator asks much more of each socket than a
        // browser does, and /healthz is asked beside the sockets.
        let most = (connections + 100).to_string();
        let settings = [
            "--max-connections",
            &most,
            "--max-rooms",
            &most,
            "--messages-per-second",
            "100000",
            "--message-burst",
            "100000",
        ];
        report::command(&format!("conjoin serve {}", settings.join(" ")));
        let server = Server::start_binary(
            &self.server,
            &settings.map(AsRef::as_ref),
            &self.folder.join("server.log"),
        )?;
        let address = server.address().trim_start_matches("http://").replace("localhost", "127.0.0.1");
        let mut command = Command::new(&self.generator);
        command.args(["--server", &address, "--process", &server.process().to_string()]).args(arguments);
        Ok(serde_json::from_str(&output(&mut command)?)?)
    }
}

fn load(bench: &Bench, arguments: &Arguments) -> Result<()> {
    let sizes = if arguments.connections.is_empty() {
        vec![1_000, 5_000, 15_000]
    } else {
        arguments.connections.clone()
    };
    let mut rows = vec![
        [
            "connections",
            "joins/s",
            "idle memory of one",
            "relays/s",
            "CPU of a relay",
            "at half: p50",
            "p99",
            "CPU",
            "lost",
            "errors",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let mut missed = Vec::new();
    for connections in sizes {
        let figures = bench.measure(
            connections,
            &[
                "load",
                "--connections",
                &connections.to_string(),
                "--room-size",
                &arguments.room_size.to_string(),
                "--payload",
                &arguments.payload.to_string(),
                "--hold",
                &arguments.hold,
            ],
        )?;
        let figure = |name| number(&figures, name);
        let (idle, cost) = (figure("idle_bytes")?, figure("relay_micros")?);
        let (p99, lost, errors) = (figure("half_p99_millis")?, figure("lost")?, figure("errors")?);
        rows.push(vec![
            connections.to_string(),
            format!("{:.0}", figure("joins_per_second")?),
            format!("{:.2} KiB", idle / 1024.0),
            format!("{:.0}", figure("relays_per_second")?),
            format!("{cost:.1} µs"),
            format!("{:.2} ms", figure("half_p50_millis")?),
            format!("{p99:.2} ms"),
            format!("{:.1} µs", figure("half_micros")?),
            format!("{lost:.0}"),
            format!("{errors:.0}"),
        ]);
        for (what, value, goal) in [
            ("memory", idle, IDLE_GOAL),
            ("CPU of a relay", cost, RELAY_GOAL),
            ("p99", p99, LATENCY_GOAL),
            ("lost", lost, 0.0),
            ("errors", errors, 0.0),
        ] {
            if value > goal {
                missed.push(format!("{what} with {connections} connections"));
            }
        }
    }
    report::heading(&format!(
        "conjoin serve, rooms of {}, relays of {} bytes, idle for {}",
        arguments.room_size, arguments.payload, arguments.hold
    ));
    report::table(&rows);
    println!(
        "  goals: idle at most {:.0} KiB, a relay at most {RELAY_GOAL} µs, p99 at most {LATENCY_GOAL} ms, none lost",
        IDLE_GOAL / 1024.0
    );
    judge(&missed)
}

fn soak(bench: &Bench, arguments: &Arguments, time: &str) -> Result<()> {
    let connections = match arguments.connections[..] {
        [] => 400,
        [one] => one,
        _ => bail!("--soak takes one number of --connections"),
    };
    let figures = bench.measure(
        connections,
        &[
            "soak",
            "--connections",
            &connections.to_string(),
            "--room-size",
            &arguments.room_size.to_string(),
            "--payload",
            &arguments.payload.to_string(),
            "--time",
            time,
            "--warm-up",
            &arguments.warm_up,
            "--seed",
            &arguments.seed.to_string(),
        ],
    )?;
    let figure = |name| number(&figures, name);
    let (first, last) = (figure("first_bytes")?, figure("last_bytes")?);
    let ratio = last / first;
    let left = &figures["left"];
    let gone = ["rooms", "peers", "connections"].iter().all(|what| left[what] == 0);
    let (files_before, files_after) = (figure("files_before")?, figure("files_after")?);
    let mebibytes = |bytes: f64| format!("{:.2} MiB", bytes / 1024.0 / 1024.0);
    report::heading(&format!("{time} of joins, leaves, relays and deaths, {connections} sockets at most"));
    let row = |cells: [String; 5]| cells.to_vec();
    report::table(&[
        row(["", "before", "after the warm-up", "last minute", "all gone"].map(str::to_owned)),
        row([
            "memory".to_owned(),
            mebibytes(figure("bytes_before")?),
            mebibytes(first),
            mebibytes(last),
            mebibytes(figure("bytes_after")?),
        ]),
        row([
            "open files".to_owned(),
            format!("{files_before:.0}"),
            String::new(),
            String::new(),
            format!("{files_after:.0}"),
        ]),
        row([
            "rooms, peers, sockets".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            format!("{}, {}, {}", left["rooms"], left["peers"], left["connections"]),
        ]),
    ]);
    println!(
        "  {} joins, {} leaves, {} closes, {} kills, {} of {} relays received, {:.0} % of a core; memory × {ratio:.3}",
        figures["joins"],
        figures["leaves"],
        figures["closes"],
        figures["kills"],
        figures["received"],
        figures["relays"],
        figure("core_share")? * 100.0
    );
    let mut missed = Vec::new();
    if (ratio - 1.0).abs() > SOAK_GOAL {
        missed.push(format!("memory changed by more than {:.0} %", SOAK_GOAL * 100.0));
    }
    if !gone || files_after > files_before {
        missed.push("something stayed behind".to_owned());
    }
    judge(&missed)
}

fn slow_reader(bench: &Bench, arguments: &Arguments) -> Result<()> {
    let figures = bench.measure(10, &["slow-reader", "--payload", &arguments.payload.to_string()])?;
    let figure = |name: &str| number(&figures, name);
    let (closed, rounds) = (figure("closed")?, figure("rounds")?);
    let mut rows =
        vec![["relay between mates", "all read", "one never reads", "ratio"].map(str::to_owned).to_vec()];
    let mut ratios = Vec::new();
    for part in ["p50", "p99"] {
        let (without, with) =
            (figure(&format!("without_{part}_millis"))?, figure(&format!("with_{part}_millis"))?);
        ratios.push(with / without);
        rows.push(vec![
            part.to_owned(),
            format!("{without:.2} ms"),
            format!("{with:.2} ms"),
            format!("{:.2}", with / without),
        ]);
    }
    report::heading("One client that never reads");
    report::table(&rows);
    println!(
        "  it was closed as too slow in {closed} of {rounds} rounds; goal: p99 × {SLOW_READER_GOAL} at most"
    );
    let mut missed = Vec::new();
    if ratios.last().is_some_and(|ratio| *ratio > SLOW_READER_GOAL) {
        missed.push("p99".to_owned());
    }
    if closed < rounds {
        missed.push("the one that never reads was not closed".to_owned());
    }
    judge(&missed)
}

fn number(figures: &Value, name: &str) -> Result<f64> {
    figures[name].as_f64().with_context(|| format!("the bench tells no {name}: {figures}"))
}

fn judge(missed: &[String]) -> Result<()> {
    if !missed.is_empty() {
        bail!("goals missed: {}", missed.join(", "));
    }
    report::good("all goals reached");
    Ok(())
}
