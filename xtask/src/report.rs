//! How xtask talks: bold headings, faint commands, tables; plain where nobody watches.

use std::{
    io::{IsTerminal as _, stdout},
    time::Duration,
};

/// The heading of a step.
pub(crate) fn heading(text: &str) {
    println!("\n{}", style("1;36", &format!("── {text} ──")));
}

/// A command that is about to run.
pub(crate) fn command(line: &str) {
    println!("{}", style("2", &format!("$ {line}")));
}

/// Something that went well.
pub(crate) fn good(text: &str) {
    println!("{} {text}", style("1;32", "✓"));
}

/// Something that did not.
pub(crate) fn bad(text: &str) {
    println!("{} {text}", style("1;31", "✗"));
}

/// A duration for people: `0.4 s`, `12.3 s`, `3 min 04 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = time.as_secs();
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// Prints rows in columns; the first column is flush left, the others right.
pub(crate) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, &width))| {
                    if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        let line = cells.join("  ");
        println!("  {}", if number == 0 { style("2", line.trim_end()) } else { line.trim_end().to_owned() });
    }
}

fn style(code: &str, text: &str) -> String {
    if stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
