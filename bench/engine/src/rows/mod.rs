//! What is measured, and what counts as good.

pub(crate) mod concurrent;
mod growth;
pub(crate) mod live;
pub(crate) mod records;
pub(crate) mod stored;

use std::{collections::BTreeMap, env, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::{
    engine::Slow,
    engines::{TEXT, TextEngine},
    measure::{Contestant, medians, serve, start},
    trace::{Concurrent, Sequential},
};

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// Local edits, one transaction each
    Edits,
    /// The same, each encoded and applied on another replica
    Live,
    /// Bytes of an update
    Bytes,
    /// Bytes on disk, with all history
    History,
    /// Loading a document, and the first edit after it
    Load,
    /// Memory after loading
    Heap,
    /// Two replicas that edit at the same time
    Concurrent,
    /// Maps and counters
    Records,
    /// How cost grows with the document, and with what is concurrent
    Growth,
}

/// How is measured.
#[derive(Debug)]
pub struct Settings {
    /// Where the traces lie.
    pub traces: PathBuf,
    /// The sequential trace.
    pub trace: String,
    /// What is measured.
    pub rows: Vec<Row>,
    /// How often.
    pub rounds: usize,
    /// Whether engines are measured where they take many seconds.
    pub slow: bool,
    /// What this process measures, if it is one of many.
    pub part: Option<Part>,
}

/// What a process measures that has been started for it.
#[derive(Debug)]
pub struct Part {
    /// The engine.
    pub engine: String,
    /// The first of the lines that the figures are for.
    pub line: String,
}

/// What one measurement gave.
#[derive(Debug, Serialize)]
pub struct Line {
    /// In words.
    pub what: String,
    /// Of the figures.
    pub unit: &'static str,
    /// By engine.
    pub figures: BTreeMap<&'static str, f64>,
    /// Engines that were left out because they are slow here.
    pub skipped: Vec<&'static str>,
    /// What Conjoin's figure is to be at most.
    pub goal: Goal,
}

/// What a figure is to be at most.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// So much.
    AtMost(f64),
    /// So many times the least figure of these engines.
    Times(f64, &'static [&'static str]),
}

impl Line {
    fn new(what: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), unit, figures: BTreeMap::new(), skipped: Vec::new(), goal }
    }
}

/// Measures all that is asked for.
///
/// # Errors
/// When a trace is missing or an engine does not end with the right text.
pub fn measure(settings: &Settings) -> Result<Vec<Line>> {
    let asked = |rows: &[Row]| rows.iter().any(|row| settings.rows.contains(row));
    let mut lines = Vec::new();
    if asked(&[Row::Edits, Row::Live, Row::Bytes, Row::History, Row::Load, Row::Heap]) {
        let trace = Sequential::read(&settings.traces, &settings.trace)?;
        if asked(&[Row::Edits]) {
            settings.say("local edits\n");
            let mut line = [Line::new(
                "local edits, a transaction each",
                "ms",
                Goal::Times(0.9, &["cola 0.5", "cola 0.1"]),
            )];
            settings.texts(Row::Edits, Slow::Edits, &mut line, |engine| (engine.edits)(&trace))?;
            lines.extend(line);
        }
        if asked(&[Row::Live]) {
            settings.say("edits encoded and applied on another replica\n");
            let mut line = [Line::new(
                "the same, each applied elsewhere",
                "ms",
                Goal::Times(0.6, &["cola 0.5", "cola 0.1"]),
            )];
            settings.texts(Row::Live, Slow::Live, &mut line, |engine| (engine.live)(&trace))?;
            lines.extend(line);
        }
        if asked(&[Row::Bytes, Row::History, Row::Load, Row::Heap]) {
            lines.extend(stored::measure(settings, &trace)?);
        }
    }
    if asked(&[Row::Concurrent]) {
        settings.say("two replicas at the same time\n");
        let trace = Concurrent::read(&settings.traces, "friendsforever")?;
        let mut two = [
            Line::new("friendsforever, both live", "ms", Goal::Times(0.9, &["cola 0.5", "cola 0.1"])),
            Line::new(
                "friendsforever, into a fresh replica",
                "ms",
                Goal::Times(1.0, &["cola 0.5", "cola 0.1"]),
            ),
        ];
        settings.texts(Row::Concurrent, Slow::Concurrent, &mut two, |engine| (engine.concurrent)(&trace))?;
        lines.extend(two);
    }
    if asked(&[Row::Records]) {
        lines.extend(records::measure(settings)?);
    }
    if asked(&[Row::Growth]) {
        lines.extend(growth::measure(settings)?);
    }
    Ok(lines)
}

impl Settings {
    /// Measures all engines with text, one figure for each line.
    fn texts(
        &self,
        row: Row,
        slow: Slow,
        lines: &mut [Line],
        measure: impl Fn(&TextEngine) -> Result<Vec<f64>>,
    ) -> Result<()> {
        let measure = &measure;
        let engines = TEXT.iter().map(|engine| {
            let contestant = Contestant { name: engine.name, round: Box::new(move || measure(engine)) };
            (contestant, engine.slow.contains(&slow))
        });
        self.contest(row, engines.collect(), lines)
    }

    /// Measures engines, told whether each is slow.
    fn contest(&self, row: Row, engines: Vec<(Contestant<'_>, bool)>, lines: &mut [Line]) -> Result<()> {
        if let Some(part) = &self.part {
            let mut engines = engines.into_iter().map(|(engine, _)| engine);
            return match engines.find(|engine| lines[0].what == part.line && engine.name == part.engine) {
                Some(mut engine) => serve(&mut engine),
                None => Ok(()),
            };
        }
        let (skipped, measured): (Vec<_>, Vec<_>) =
            engines.into_iter().partition(|(_, slow)| *slow && !self.slow);
        let mut processes = Vec::new();
        for (engine, _) in measured {
            eprint!("\r\x1b[K  starting {}", engine.name);
            let program = self.program_of(row, engine.name, &lines[0].what)?;
            processes.push(start(engine.name, program).context(engine.name)?);
        }
        let figures = medians(self.rounds, &mut processes)?;
        for (index, line) in lines.iter_mut().enumerate() {
            line.skipped.extend(skipped.iter().map(|(engine, _)| engine.name));
            line.figures.extend(
                processes.iter().zip(&figures).map(|(engine, figures)| (engine.name, figures[index])),
            );
        }
        Ok(())
    }

    /// This program, to measure one engine for these lines.
    fn program_of(&self, row: Row, engine: &str, line: &str) -> Result<Command> {
        let mut program = Command::new(env::current_exe()?);
        let row = row.to_possible_value().context("a row has a name")?;
        program.arg("--traces").arg(&self.traces).args(["--trace", &self.trace, "--only", row.get_name()]);
        program.args(["--part", engine, line]);
        Ok(program)
    }

    /// Tells how it goes, which of many processes only the first does.
    fn say(&self, what: &str) {
        if self.part.is_none() {
            eprint!("{what}");
        }
    }

    /// Whether an engine is measured by this process.
    fn measures(&self, engine: &str) -> bool {
        self.part.as_ref().is_none_or(|part| part.engine == engine)
    }
}
