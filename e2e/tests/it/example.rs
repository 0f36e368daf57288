//! The example that is one file: as a native program and as a page.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use anyhow::{Context, Result, ensure};
use conjoin_e2e::{Browser, Kind, Layout, Server, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::BOUND;

/// The program as `cargo xtask test browser` builds it.
struct Visits {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Visits {
    fn start(server: &Server) -> Result<Self> {
        let binary = env::var_os("CONJOIN_VISITS")
            .context("CONJOIN_VISITS names the program: cargo xtask test browser")?;
        let mut process =
            Command::new(binary).args([&server.signaling(), "atlas"]).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().context("its output")?;
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        Ok(Self { process, lines })
    }

    /// Waits until it has printed this.
    fn shows(&self, expected: &str) -> Result<()> {
        loop {
            let line =
                self.lines.recv_timeout(BOUND).with_context(|| format!("it never shows {expected:?}"))?;
            if line == expected {
                return Ok(());
            }
        }
    }

    /// Ctrl-C.
    fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::INT)?;
        ensure!(self.process.wait()?.success(), "it ends well");
        Ok(())
    }
}

impl Drop for Visits {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn one_file_is_a_program_and_a_page_that_count_together() -> Result<()> {
    let pages =
        env::var_os("CONJOIN_VISITS_PAGES").context("CONJOIN_VISITS_PAGES: cargo xtask test browser")?;
    let binary = env::var_os("CONJOIN_BINARY").context("CONJOIN_BINARY: cargo xtask test browser")?;
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("visits.log");
    let server = Server::start_binary(Path::new(&binary), &["--site".as_ref(), &pages], &log)?;
    let browser = Browser::launch(&Kind::Chromium.into())?;
    let page = browser.open(Layout::Window)?;
    page.load(server.address())?;
    let shown = |expected: &str| {
        wait(&format!("{expected} visits on the page"), BOUND, || {
            Ok((page.text("#visits")? == expected).then_some(()))
        })
    };
    shown("1")?;
    let program = Visits::start(&server)?;
    program.shows("2 visits")?;
    shown("2")?;
    let second = Visits::start(&server)?;
    second.shows("3 visits")?;
    program.shows("3 visits")?;
    shown("3")?;
    program.stop()?;
    second.stop()
}
