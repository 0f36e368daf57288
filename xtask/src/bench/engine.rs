//! The document beside other engines: real editing histories, replayed through each in one run.
//!
//! What is held against a goal is the ratio, as times drift with the machine and its load.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{report, run::output, workspace::Workspace};

/// What is measured, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the editing histories [default: ../shared/traces beside the project]
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// The history of one author that is typed, stored and loaded
    #[arg(long, value_name = "NAME", default_value = "automerge-paper")]
    trace: String,
    /// Only these: edits, live, bytes, history, load, heap, concurrent, records, growth
    #[arg(long, value_name = "ROW", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// How often each is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Measure engines also where they take many seconds
    #[arg(long)]
    slow: bool,
    /// Print the figures as JSON, and judge nothing
    #[arg(long)]
    json: bool,
}

/// Who is measured against the others.
const OURS: &str = "Conjoin";

/// `cargo xtask bench engine`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let traces =
        arguments.traces.clone().unwrap_or_else(|| workspace.root.join("..").join("shared").join("traces"));
    check(&traces)?;
    let target = workspace.target.join("bench/engine");
    let manifest = workspace.root.join("bench/engine/Cargo.toml");
    eprintln!("building the engines");
    output(
        workspace
            .cargo()
            .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&target),
    )?;
    let name = format!("conjoin-bench-engine{}", std::env::consts::EXE_SUFFIX);
    let mut command = Command::new(target.join("release").join(name));
    command.arg("--traces").arg(&traces).args(["--trace", &arguments.trace]);
    command.args(["--rounds", &arguments.rounds.to_string()]);
    if !arguments.only.is_empty() {
        command.args(["--only", &arguments.only.join(",")]);
    }
    if arguments.slow {
        command.arg("--slow");
    }
    let printed = output(&mut command)?;
    if arguments.json {
        print!("{printed}");
        return Ok(());
    }
    show(&serde_json::from_str(&printed)?)
}

/// Whether there is anything to replay.
fn check(traces: &Path) -> Result<()> {
    let any = fs::read_dir(traces).is_ok_and(|files| {
        files.flatten().any(|file| file.file_name().to_string_lossy().ends_with(".json.gz"))
    });
    if !any {
        bail!(
            "no editing histories in {}: they are the *.json.gz in sequential_traces/ and concurrent_traces/ \
             of the public repository josephg/editing-traces; tell where they are with --traces DIR",
            traces.display()
        );
    }
    Ok(())
}

/// Prints the figures side by side, and judges them.
fn show(figures: &Value) -> Result<()> {
    let names = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let engines = names(&figures["engines"]);
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(engines.iter().cloned());
    rows[0].extend(["of the best", "goal", "at most", ""].map(str::to_owned));
    let (mut missed, mut skipped) = (Vec::new(), false);
    for line in figures["lines"].as_array().context("the bench tells no lines")? {
        let what = format!("{}, {}", text(line, "what")?, text(line, "unit")?);
        let absent = names(&line["skipped"]);
        skipped |= !absent.is_empty();
        let mut row = vec![what.clone()];
        row.extend(engines.iter().map(|engine| match line["figures"][engine].as_f64() {
            Some(figure) => number(figure),
            None if absent.contains(engine) => "skipped".to_owned(),
            None => "–".to_owned(),
        }));
        let ours = line["figures"][OURS].as_f64();
        let best = least(line, engines.iter().filter(|engine| *engine != OURS));
        row.push(match ours.zip(best) {
            Some((ours, best)) => format!("× {:.2}", ours / best),
            None => "–".to_owned(),
        });
        let (goal, words) = goal(line)?;
        row.extend([words, goal.map_or_else(|| "–".to_owned(), number)]);
        row.push(match ours.zip(goal) {
            Some((ours, goal)) if ours <= goal => "✓ met".to_owned(),
            Some(_) => {
                missed.push(what);
                "✗ missed".to_owned()
            }
            None => "–".to_owned(),
        });
        rows.push(row);
    }
    let rounds = &figures["rounds"];
    report::heading(&format!("{}, medians of {rounds} rounds", text(figures, "trace")?));
    report::table(&rows);
    println!("  –: the engine has none, or leaves out what is measured");
    if skipped {
        println!("  skipped: takes many seconds; --slow measures it");
    }
    if !missed.is_empty() {
        bail!("goals missed: {}", missed.join(", "));
    }
    report::good("no goal missed");
    Ok(())
}

/// What a figure is to be at most, if that is known, and in words.
fn goal(line: &Value) -> Result<(Option<f64>, String)> {
    if let Some(most) = line["goal"]["at_most"].as_f64() {
        return Ok((Some(most), String::new()));
    }
    let times = line["goal"]["times"][0].as_f64().context("a line has no goal")?;
    let of = line["goal"]["times"][1].as_array().context("a goal names nobody")?;
    let names: Vec<&str> = of.iter().filter_map(Value::as_str).collect();
    let goal = least(line, &names).map(|least| least * times);
    Ok((goal, format!("{times} × {}", names.join(" or "))))
}

/// The least figure of some engines.
fn least(line: &Value, engines: impl IntoIterator<Item = impl AsRef<str>>) -> Option<f64> {
    let figures = engines.into_iter().filter_map(|engine| line["figures"][engine.as_ref()].as_f64());
    figures.min_by(f64::total_cmp)
}

fn text(of: &Value, name: &str) -> Result<String> {
    Ok(of[name].as_str().with_context(|| format!("the bench tells no {name}"))?.to_owned())
}

/// Three digits that count, or all of an integer.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => grouped(value.round() as i64),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// An integer with its thousands apart.
fn grouped(value: i64) -> String {
    let digits = value.to_string();
    let mut apart = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_show_three_digits_that_count() {
        let shown = [0.0012, 0.2, 1.234, 56.78, 159.935, 1_234_567.0].map(number);
        assert_eq!(shown, ["0.001", "0.200", "1.23", "56.8", "160", "1,234,567"]);
    }

    #[test]
    fn a_goal_is_held_against_the_best_of_those_it_names() {
        let line =
            json!({ "figures": { "a": 10.0, "b": 8.0 }, "goal": { "times": [0.5, ["a", "b", "absent"]] } });
        assert_eq!(goal(&line).expect("a goal").0, Some(4.0));
        let unknown = json!({ "figures": {}, "goal": { "times": [0.5, ["a"]] } });
        assert_eq!(goal(&unknown).expect("a goal").0, None);
        let fixed = json!({ "figures": {}, "goal": { "at_most": 16.0 } });
        assert_eq!(goal(&fixed).expect("a goal").0, Some(16.0));
    }

    #[test]
    fn a_missed_goal_is_a_failure() {
        let figures = |ours: f64| {
            let line = json!({ "what": "w", "unit": "ms", "figures": { "Conjoin": ours, "a": 1.0 }, "skipped": [], "goal": { "times": [1.0, ["a"]] } });
            json!({ "trace": "t", "rounds": 1, "engines": ["Conjoin", "a"], "lines": [line] })
        };
        assert!(show(&figures(1.0)).is_ok());
        assert!(show(&figures(1.1)).is_err());
    }
}
