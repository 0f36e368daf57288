//! A text on the wire and on disk, and what it takes to get it back.

use std::{env, fs, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::{Goal, Line, Row, Settings};
use crate::{
    engine::{REPLICAS, Text},
    engines::TEXT,
    measure::{Contestant, timed},
    trace::{Patch, Sequential},
};

/// What is left of a trace.
pub(crate) struct Recorded {
    /// Bytes of all updates.
    updates: usize,
    /// The document on disk.
    saved: Vec<u8>,
}

/// Bytes of updates, bytes on disk, loading, memory: what is asked for of it.
pub(crate) fn measure(settings: &Settings, trace: &Sequential) -> Result<Vec<Line>> {
    let mut recorded = Vec::new();
    for engine in TEXT.iter().filter(|engine| settings.measures(engine.name)) {
        settings.say(&format!("\r\x1b[Krecording: {}", engine.name));
        recorded.push((engine, (engine.record)(trace).with_context(|| engine.name)?));
    }
    settings.say("\r\x1b[Krecorded\n");
    let mut lines = Vec::new();
    let asked = |row| settings.rows.contains(&row);
    if asked(Row::Bytes) {
        let mut line = Line::new("an update", "bytes", Goal::AtMost(16.0));
        for (engine, recorded) in &recorded {
            line.figures.insert(engine.name, recorded.updates as f64 / trace.patches.len() as f64);
        }
        lines.push(line);
    }
    if asked(Row::History) {
        let mut line = Line::new("on disk with all history", "bytes", Goal::Times(0.8, &["diamond-types"]));
        for (engine, recorded) in recorded.iter().filter(|(engine, _)| engine.keeps_deleted) {
            line.figures.insert(engine.name, recorded.saved.len() as f64);
        }
        lines.push(line);
    }
    if asked(Row::Load) {
        settings.say("loading\n");
        let mut two = [
            Line::new("load to text", "ms", Goal::Times(1.0, &["Loro"])),
            Line::new("first edit after loading", "ms", Goal::AtMost(0.2)),
        ];
        let engines = recorded.iter().map(|(engine, recorded)| {
            let round = Box::new(|| (engine.load)(&recorded.saved, &trace.end));
            (Contestant { name: engine.name, round }, false)
        });
        settings.contest(Row::Load, engines.collect(), &mut two)?;
        lines.extend(two);
    }
    if asked(Row::Heap) {
        settings.say("memory\n");
        let mut line = Line::new("heap after loading", "KiB", Goal::Times(1.0, &["Loro"]));
        for (engine, recorded) in &recorded {
            line.figures.insert(engine.name, heap_of(engine.name, &recorded.saved)? / 1024.0);
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Makes all edits, each a transaction.
pub(crate) fn record<T: Text>(trace: &Sequential) -> Result<Recorded> {
    let mut doc = T::new(REPLICAS[0]);
    let (mut updates, mut update) = (0, Vec::new());
    for patch in trace.patches.iter() {
        update.clear();
        doc.edit_and_encode(patch, &mut update)?;
        updates += update.len();
    }
    ensure!(doc.text() == trace.end, "the text is not the trace's");
    Ok(Recorded { updates, saved: doc.save()? })
}

/// From the bytes to all of the text, and from there to the first edit.
pub(crate) fn load<T: Text>(saved: &[u8], end: &str) -> Result<Vec<f64>> {
    let (loaded, (mut doc, text)) = timed(|| {
        let doc = T::load(REPLICAS[1], saved)?;
        let text = doc.text();
        Ok((doc, text))
    })?;
    ensure!(text == end, "what was loaded is not what was saved");
    let patch = Patch(end.len() / 2, 0, "x");
    let (edited, ()) = timed(|| doc.edit(patch))?;
    ensure!(doc.text().len() == end.len() + 1, "the edit after loading is lost");
    Ok(vec![loaded, edited])
}

/// Bytes on the heap that a document takes once it is loaded and its text was read.
pub(crate) fn heap<T: Text>(saved: &[u8], taken: &dyn Fn() -> usize) -> Result<usize> {
    let before = taken();
    let doc = T::load(REPLICAS[1], saved)?;
    drop(doc.text());
    let after = taken();
    drop(doc);
    Ok(after.saturating_sub(before))
}

/// The same, by a process of its own whose allocator counts, as counting would slow what is timed here.
fn heap_of(engine: &str, saved: &[u8]) -> Result<f64> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(&file, saved)?;
    let program = env::current_exe()?.with_file_name(format!("heap{}", env::consts::EXE_SUFFIX));
    let output = Command::new(&program)
        .arg(engine)
        .arg(file.path())
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
