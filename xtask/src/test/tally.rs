//! Running tests and counting what they report.

use std::ffi::OsStr;

use anyhow::Result;

use crate::{run::lines, workspace::Workspace};

/// How many tests did what.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl Tally {
    /// Runs `cargo test` with these arguments and counts.
    ///
    /// # Errors
    /// When a test fails or does not compile.
    pub(crate) fn cargo_test(
        &mut self,
        workspace: &Workspace,
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Result<()> {
        let mut command = workspace.cargo();
        command.arg("test").args(arguments).envs(environment.iter().copied());
        lines(&mut command, |line| {
            self.line(line);
            println!("{line}");
        })
    }

    /// Counts a line that a Rust test program printed.
    pub(crate) fn line(&mut self, line: &str) {
        // `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<usize>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_test_programs_report_adds_up() {
        let mut tally = Tally::default();
        for line in [
            "running 5 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 1 filtered out; finished in 1.20s",
            "a test said: 7 passed; 7 failed",
        ] {
            tally.line(line);
        }
        assert_eq!((tally.passed, tally.failed, tally.ignored), (5, 4, 1));
    }
}
