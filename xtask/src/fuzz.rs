//! `cargo xtask fuzz`: random input for the decoders and state machines, by libFuzzer.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, IsTerminal as _, Write as _, stdout},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{install, report, run::run as run_command, workspace::Workspace};

/// Where the targets are.
const PACKAGE: &str = "fuzz";

/// The feature that the programs of cargo-fuzz need.
const FEATURE: &str = "libfuzzer";

/// The longest input, in bytes: long enough for anything, and short enough for speed.
const MAX_LEN: usize = 4096;

/// An input that takes longer than this many seconds is a finding.
const TIMEOUT: usize = 10;

/// A target that takes more than this many MiB is one, too.
const MEMORY: usize = 2048;

/// The most files and bytes that a target keeps among the sources.
const KEPT: (usize, u64) = (300, 300_000);

/// What to fuzz, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these targets; without any, all of them one after the other
    targets: Vec<String>,
    /// For how long each: seconds, or with a unit as in 90s, 15m, 2h
    #[arg(long, default_value = "15m", value_parser = time)]
    time: Duration,
    /// How many processes work on a target at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    jobs: u32,
    /// Take what reaches new code into the corpus among the sources, minimised
    #[arg(long)]
    keep: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let each = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("a number, and s, m or h".to_owned()),
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(each));
    let seconds = number.filter(|seconds| *seconds > 0).ok_or("a number above zero, and s, m or h")?;
    Ok(Duration::from_secs(seconds))
}

/// What libFuzzer told of its work on one target.
#[derive(Debug, Default)]
struct Told {
    executions: u64,
    edges: u64,
    features: u64,
    seconds: u64,
    /// The files with inputs that broke something.
    findings: Vec<PathBuf>,
}

/// `cargo xtask fuzz`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let targets = targets(workspace, &arguments.targets)?;
    let nightly = install::fuzzer(workspace)?;
    let fuzz = |command: &str| {
        // By rustup's cargo, not the one that runs this: that is of another toolchain.
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(&workspace.root).arg("fuzz").arg(command).args([
            "--features",
            FEATURE,
            "--fuzz-dir",
            PACKAGE,
        ]);
        // There is no unsafe code to watch, and much to be gained without the watching.
        fuzz.args(["--sanitizer", "none", "--debug-assertions"]);
        // Optimising across crates takes minutes and hides edges.
        fuzz.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        fuzz.env("RUSTUP_TOOLCHAIN", &nightly).env_remove("CARGO").env_remove("RUSTC");
        fuzz
    };
    let mut rows = vec![
        ["target", "executions", "a second", "edges", "features", "corpus", "findings"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut findings = BTreeMap::new();
    for target in &targets {
        report::heading(target);
        let folders = Folders::of(workspace, target)?;
        let mut command = fuzz("run");
        command.arg(target).args([&folders.grown, &folders.kept]).arg("--").args(folders.options(arguments));
        let told = watch(&mut command, target)?;
        if arguments.keep && told.findings.is_empty() {
            keep(&folders, fuzz("run"), target)?;
        }
        let corpus = files(&folders.grown)?.len();
        let speed = told.executions / told.seconds.max(1);
        let numbers = [told.executions, speed, told.edges, told.features, corpus as u64];
        let numbers = numbers.iter().map(u64::to_string).chain([told.findings.len().to_string()]);
        rows.push([target.clone()].into_iter().chain(numbers).collect());
        if !told.findings.is_empty() {
            findings.insert(target.clone(), told.findings);
        }
    }
    report::heading("summary");
    report::table(&rows);
    if findings.is_empty() {
        report::good("nothing was found");
        return Ok(());
    }
    for (target, files) in &findings {
        for file in files {
            let file = workspace.short(file);
            report::bad(&format!(
                "{target}: {file}; again: RUSTUP_TOOLCHAIN={nightly} cargo fuzz run --features {FEATURE} --sanitizer none --debug-assertions {target} {file}"
            ));
        }
    }
    bail!("findings in {}", findings.into_keys().collect::<Vec<_>>().join(", "));
}

/// The targets named, or all: each has a program of its name.
fn targets(workspace: &Workspace, named: &[String]) -> Result<Vec<String>> {
    let programs = files(&workspace.root.join(PACKAGE).join("fuzz_targets"))?;
    let all: Vec<_> =
        programs.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    Ok(if named.is_empty() { all } else { named.to_vec() })
}

/// Where a target has its inputs.
struct Folders {
    /// What runs have grown, outside the sources.
    grown: PathBuf,
    /// The corpus among the sources, which a run only reads.
    kept: PathBuf,
    /// What broke something.
    findings: PathBuf,
    dictionary: PathBuf,
}

impl Folders {
    fn of(workspace: &Workspace, target: &str) -> Result<Self> {
        let sources = workspace.root.join(PACKAGE);
        let folders = Self {
            grown: workspace.target.join("fuzz-corpus").join(target),
            kept: sources.join("corpus").join(target),
            findings: workspace.target.join("fuzz-findings").join(target),
            dictionary: sources.join("dictionaries").join(format!("{target}.dict")),
        };
        for folder in [&folders.grown, &folders.kept, &folders.findings] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(folders)
    }

    /// libFuzzer's options.
    fn options(&self, arguments: &Arguments) -> Vec<String> {
        let mut options = vec![
            format!("-max_total_time={}", arguments.time.as_secs()),
            format!("-timeout={TIMEOUT}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-max_len={MAX_LEN}"),
            format!("-artifact_prefix={}/", self.findings.display()),
            "-print_final_stats=1".to_owned(),
        ];
        if arguments.jobs > 1 {
            options.push(format!("-fork={}", arguments.jobs));
        }
        if self.dictionary.is_file() {
            options.push(format!("-dict={}", self.dictionary.display()));
        }
        options
    }
}

/// Runs libFuzzer; shows where it is, and all it says of a finding.
fn watch(command: &mut Command, target: &str) -> Result<Told> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting cargo fuzz")?;
    let stderr = child.stderr.take().context("the child's errors are piped")?;
    let mut told = Told::default();
    let mut said = Vec::new();
    // A line that is written over again for people, one now and then for logs.
    let watched = stdout().is_terminal();
    let pause = Duration::from_secs(if watched { 1 } else { 60 });
    let mut shown = Instant::now();
    for line in BufReader::new(stderr).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if told.line(&line) {
            if shown.elapsed() >= pause {
                shown = Instant::now();
                let Told { executions, edges, features, .. } = &told;
                let line = format!("{executions} executions, {edges} edges, {features} features");
                if watched {
                    print!("\r  {line} ")
                } else {
                    println!("  {line}")
                }
                stdout().flush()?;
            }
        } else {
            said.push(line);
        }
    }
    if watched {
        println!();
    }
    if !child.wait()?.success() && told.findings.is_empty() {
        bail!("fuzzing {target} failed:\n{}", said[said.len().saturating_sub(40)..].join("\n"));
    }
    if !told.findings.is_empty() {
        let panic =
            said.iter().position(|line| line.contains("panicked at") || line.contains("ERROR")).unwrap_or(0);
        said[panic..].iter().take(12).for_each(|line| println!("  {line}"));
    }
    Ok(told)
}

impl Told {
    /// Takes in a line; says whether it told of progress.
    fn line(&mut self, line: &str) -> bool {
        if let Some((_, file)) = line.split_once("Test unit written to ") {
            self.findings.push(file.into());
        }
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
        // `Done 1000 runs in 5 second(s)`, and with several processes
        // `#1000: cov: 10 ft: 20 corp: 5 exec/s 100 … time: 5s …`
        let words: Vec<_> = line.split_whitespace().collect();
        let after = |what: &str| {
            let at = words.iter().position(|word| *word == what)?;
            words.get(at + 1).copied()
        };
        if line.starts_with("Done ") {
            self.executions = number(after("Done")).unwrap_or(self.executions);
            self.seconds = number(after("in")).unwrap_or(self.seconds);
        }
        if let Some(seconds) = after("time:").and_then(|time| time.strip_suffix('s')) {
            self.seconds = number(Some(seconds)).unwrap_or(self.seconds);
        }
        let nth = words.first().and_then(|word| word.strip_prefix('#')).map(|nth| nth.trim_end_matches(':'));
        let (Some(executions), Some(edges)) = (number(nth), number(after("cov:"))) else { return false };
        self.executions = executions;
        self.edges = edges;
        self.features = number(after("ft:")).unwrap_or(self.features);
        true
    }
}

/// Puts the least that reaches all code that was reached in place of the corpus among the sources.
fn keep(folders: &Folders, mut minimise: Command, target: &str) -> Result<()> {
    let least = folders.grown.with_extension("least");
    if least.exists() {
        fs::remove_dir_all(&least)?;
    }
    fs::create_dir_all(&least)?;
    // What only runs through the same code more often is left out.
    minimise.arg(target).args([&least, &folders.kept, &folders.grown]).arg("--");
    minimise.args(["-set_cover_merge=1", "-use_counters=0", &format!("-max_len={MAX_LEN}")]);
    run_command(&mut minimise)?;
    let sized = |file: PathBuf| Ok((fs::metadata(&file)?.len(), file));
    let mut found = files(&least)?.into_iter().map(sized).collect::<Result<Vec<_>>>()?;
    // The shortest reach most for their size.
    found.sort();
    for file in files(&folders.kept)? {
        fs::remove_file(file)?;
    }
    let mut room = KEPT.1;
    for (size, file) in found.into_iter().take(KEPT.0) {
        let Some(left) = room.checked_sub(size) else { break };
        room = left;
        fs::copy(&file, folders.kept.join(file.file_name().context("a file has a name")?))?;
    }
    Ok(())
}

/// The files in a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(time("90"), Ok(Duration::from_secs(90)));
        assert_eq!(time("15m"), Ok(Duration::from_secs(900)));
        for wrong in ["", "0s", "m", "5d", "99999999999999999999"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_libfuzzer_tells_is_read() {
        let mut told = Told::default();
        assert!(told.line(
            "#524	REDUCE cov: 10 ft: 30 corp: 5/7Kb lim: 350 exec/s: 100 rss: 30Mb L: 5/9 MS: 1 EraseBytes-"
        ));
        assert!(!told.line("thread panicked at a.rs:1:1:"));
        assert!(!told.line("Done 600 runs in 5 second(s)"));
        assert!(!told.line("artifact_prefix='f/'; Test unit written to f/crash-1"));
        assert_eq!((told.executions, told.edges, told.features, told.seconds), (600, 10, 30, 5));
        assert_eq!(told.findings, [PathBuf::from("f/crash-1")]);
        assert!(told.line(
            "#9000: cov: 12 ft: 31 corp: 6 exec/s: 100 oom/timeout/crash: 0/0/0 time: 9s job: 2 dft_time: 0"
        ));
        assert_eq!((told.executions, told.edges, told.seconds), (9000, 12, 9));
    }
}
