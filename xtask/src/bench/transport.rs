//! Native peers on this machine: a pair of drivers beside raw UDP and TCP, a driver and a page beside two pages,
//! a crowd that is held, joins and leaves without end.

mod browsers;

use std::process::Command;

use anyhow::{Context, Result, bail};
use conjoin_e2e::Kind;
use serde_json::Value;

use super::statistics::{median, quantile};
use crate::{
    report,
    run::{output, run as run_command},
    workspace::Workspace,
};

/// What is measured.
///
/// Without --browsers, --crowd or --churn: how fast two drivers connect, round trips and streams beside raw UDP and TCP in
/// the same run, and the memory of a connected pair.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Rounds; in each, everything is measured once
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// So many native peers in rooms of ten, held for --seconds while they edit; fails if a link or an edit is lost
    #[arg(long, value_name = "PEERS", num_args = 0..=1, default_missing_value = "200", conflicts_with = "churn")]
    crowd: Option<usize>,
    /// How long --crowd holds
    #[arg(long, value_name = "N", default_value_t = 600, requires = "crowd")]
    seconds: u64,
    /// So many joins and leaves of one process; fails if memory, files or tasks stay behind
    #[arg(long, value_name = "JOINS", num_args = 0..=1, default_missing_value = "10000")]
    churn: Option<usize>,
    /// A page of this browser (chromium or firefox) linked to a native driver, beside two pages; --rounds counts
    #[arg(
        long,
        value_name = "BROWSER",
        num_args = 0..=1,
        default_missing_value = "chromium",
        value_parser = browsers::kind,
        conflicts_with_all = ["crowd", "churn"]
    )]
    browsers: Option<Kind>,
}

/// Until both channels are open at both ends, in milliseconds.
const OPEN_GOAL: f64 = 15.0;

/// How much longer one round trip in a hundred may take than over raw UDP, in microseconds.
const TRIP_GOAL: f64 = 1_000.0;

/// Megabytes a second in messages of 16 KiB.
const STREAM_GOAL: f64 = 20.0;

/// Messages of 100 bytes a second.
const MESSAGES_GOAL: f64 = 60_000.0;

/// Memory of a connected pair, both ends, in KiB.
const PAIR_GOAL: f64 = 160.0;

/// By how much memory may grow from the first tenth of the joins to the last.
const CHURN_GOAL: f64 = 1.1;

/// `cargo xtask bench transport`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("this bench reads what a process costs from /proc, as Linux has it");
    }
    run_command(workspace.cargo().args(["build", "--release", "--package", "conjoin-bench-transport"]))?;
    let bench = |arguments: &[&str]| -> Result<Value> {
        let mut command = Command::new(workspace.target.join("release/conjoin-bench-transport"));
        Ok(serde_json::from_str(&output(command.args(arguments))?)?)
    };
    let rounds = arguments.rounds.to_string();
    if let Some(kind) = arguments.browsers {
        let page = browsers::Page::serve(workspace, kind)?;
        return browsers::print(&bench(&[
            "browsers",
            "--page",
            page.address(),
            "--browser",
            kind.name(),
            "--rounds",
            &rounds,
        ])?);
    }
    match (arguments.crowd, arguments.churn) {
        (Some(peers), _) => {
            let (peers, seconds) = (peers.to_string(), arguments.seconds.to_string());
            crowd(&bench(&["crowd", "--peers", &peers, "--seconds", &seconds])?)
        }
        (None, Some(joins)) => churn(&bench(&["churn", "--joins", &joins.to_string()])?),
        (None, None) => pair(&bench(&["pair", "--rounds", &rounds])?),
    }
}

fn pair(figures: &Value) -> Result<()> {
    let mut missed = Vec::new();
    let mut judge = |what: &str, met: bool| {
        if !met {
            missed.push(what.to_owned());
        }
    };
    report::heading("Two native peers on this machine");
    let opened = median(&numbers(&figures["open_millis"])?);
    let pair = number(figures, "pair_bytes")? / 1024.0;
    println!("  open            {opened:.1} ms, median (goal: at most {OPEN_GOAL:.0})");
    println!("  connected pair  {pair:.0} KiB (goal: at most {PAIR_GOAL:.0})");
    judge("open", opened <= OPEN_GOAL);
    judge("memory of a pair", pair <= PAIR_GOAL);

    report::heading("Round trip of 100 bytes");
    let mut rows = vec![["", "p50", "p99"].map(str::to_owned).to_vec()];
    let mut p99 = [0.0; 2];
    for name in ["live", "bulk", "udp", "tcp"] {
        let trips = numbers(&figures["trips_micros"][name])?;
        let (half, most) = (quantile(&trips, 0.5), quantile(&trips, 0.99));
        rows.push(vec![title(name).to_owned(), format!("{half:.0} µs"), format!("{most:.0} µs")]);
        match name {
            "live" => p99[0] = most,
            "udp" => p99[1] = most,
            _ => {}
        }
    }
    report::table(&rows);
    println!("  goal: p99 of live at most {TRIP_GOAL:.0} µs above that of raw UDP");
    judge("round trip", p99[0] <= p99[1] + TRIP_GOAL);

    report::heading("One way, as fast as it goes");
    let header = ["", "bytes", "messages/s", "MB/s", "× raw UDP", "CPU s/GB"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut streams: Vec<Stream> = Vec::new();
    for stream in figures["streams"].as_array().context("the bench tells no streams")? {
        let name = stream["name"].as_str().context("a stream has no name")?.to_owned();
        let size = number(stream, "size")?;
        let figures = ["messages_per_second", "megabytes_per_second", "cpu_seconds_per_gigabyte"];
        let figures = [number(stream, figures[0])?, number(stream, figures[1])?, number(stream, figures[2])?];
        match streams.iter_mut().find(|stream| stream.name == name && stream.size == size) {
            Some(known) => known.figures.push(figures),
            None => streams.push(Stream { name, size, figures: vec![figures] }),
        }
    }
    let udp = |size: f64| {
        // The largest datagram stands for all larger messages.
        let wanted = if size <= 100.0 { 100.0 } else { 1_200.0 };
        streams
            .iter()
            .find(|stream| stream.name == "udp" && stream.size == wanted)
            .map(|stream| stream.median(1))
    };
    for stream in &streams {
        let [messages, megabytes, cpu] = [0, 1, 2].map(|figure| stream.median(figure));
        let ratio = udp(stream.size).map(|udp| format!("{:.2}", megabytes / udp)).unwrap_or_default();
        rows.push(vec![
            title(&stream.name).to_owned(),
            format!("{:.0}", stream.size),
            format!("{messages:.0}"),
            format!("{megabytes:.1}"),
            ratio,
            format!("{cpu:.1}"),
        ]);
        if stream.name == "bulk" && stream.size == 100.0 {
            judge("messages of 100 bytes", messages >= MESSAGES_GOAL);
        }
        if stream.name == "bulk" && stream.size == 16_384.0 {
            judge("megabytes a second", megabytes >= STREAM_GOAL);
        }
    }
    report::table(&rows);
    println!(
        "  goals: {STREAM_GOAL:.0} MB/s in messages of 16 KiB, {MESSAGES_GOAL:.0} messages of 100 bytes a second"
    );
    verdict(&missed)
}

/// All rounds of one stream.
struct Stream {
    name: String,
    size: f64,
    figures: Vec<[f64; 3]>,
}

impl Stream {
    fn median(&self, figure: usize) -> f64 {
        median(&self.figures.iter().map(|figures| figures[figure]).collect::<Vec<_>>())
    }
}

fn title(name: &str) -> &str {
    match name {
        "live" => "live channel",
        "bulk" => "bulk channel",
        "udp" => "raw UDP",
        "tcp" => "TCP",
        other => other,
    }
}

fn crowd(figures: &Value) -> Result<()> {
    let figure = |name| number(figures, name);
    let (lost, wrong) = (figure("most_links_lost_at_a_time")?, figure("peers_that_count_wrong")?);
    report::heading(&format!("{} native peers in one process, in rooms of ten", figures["peers"]));
    println!("  {} links after {:.1} s", figures["links"], figure("linked_after_seconds")?);
    println!(
        "  {:.0} KiB a link, both ends, and {:.0} KiB after {} s",
        figure("link_bytes")? / 1024.0,
        figure("link_bytes_at_the_end")? / 1024.0,
        figures["held_seconds"]
    );
    println!(
        "  {} edits, {wrong:.0} peers count wrong, {lost:.0} links lost at a time at most, {:.2} cores",
        figures["edits"],
        figure("cores")?
    );
    let mut missed = Vec::new();
    if lost > 0.0 || figures["links"] != figures["links_at_the_end"] {
        missed.push("a link was lost".to_owned());
    }
    if wrong > 0.0 {
        missed.push("an edit was lost".to_owned());
    }
    verdict(&missed)
}

fn churn(figures: &Value) -> Result<()> {
    let readings = figures["readings"].as_array().context("the bench tells no readings")?;
    let mut rows = vec![["joins", "memory", "open files", "tasks"].map(str::to_owned).to_vec()];
    for reading in readings {
        let memory = number(reading, "bytes")? / 1024.0 / 1024.0;
        let plain = |name: &str| reading[name].to_string();
        rows.push(vec![plain("joins"), format!("{memory:.2} MiB"), plain("files"), plain("tasks")]);
    }
    report::heading(&format!(
        "{} joins and leaves in {:.0} s",
        figures["joins"],
        number(figures, "seconds")?
    ));
    report::table(&rows);
    let (first, last) = readings.first().zip(readings.last()).context("the bench tells no readings")?;
    let mut missed = Vec::new();
    if number(last, "bytes")? > number(first, "bytes")? * CHURN_GOAL {
        missed.push(format!("memory grew by more than {:.0} %", (CHURN_GOAL - 1.0) * 100.0));
    }
    for what in ["files", "tasks"] {
        if number(last, what)? > number(first, what)? {
            missed.push(format!("{what} stayed behind"));
        }
    }
    verdict(&missed)
}

fn numbers(values: &Value) -> Result<Vec<f64>> {
    let values = values.as_array().context("the bench tells no figures")?;
    values.iter().map(|value| value.as_f64().context("a figure is no number")).collect()
}

fn number(figures: &Value, name: &str) -> Result<f64> {
    figures[name].as_f64().with_context(|| format!("the bench tells no {name}: {figures}"))
}

fn verdict(missed: &[String]) -> Result<()> {
    if !missed.is_empty() {
        bail!("goals missed: {}", missed.join(", "));
    }
    report::good("all goals reached");
    Ok(())
}
