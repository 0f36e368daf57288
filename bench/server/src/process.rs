//! What the system says about processes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What each process has open beside its sockets.
const OTHERS: u64 = 100;

/// Another process, as Linux shows it in `/proc`.
pub(crate) struct Process(PathBuf);

impl Process {
    pub(crate) fn new(id: u32) -> Result<Self> {
        let folder = PathBuf::from(format!("/proc/{id}"));
        if !folder.join("stat").exists() {
            bail!("{} is not there: this bench needs Linux and a running server", folder.display());
        }
        Ok(Self(folder))
    }

    /// Its resident memory, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(self.0.join("status")).context("the server ended")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// The processor time it has used, in its own code and in the kernel's.
    pub(crate) fn time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.0.join("stat")).context("the server ended")?;
        // The name stands in parentheses and may hold anything; `utime` and `stime` are fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks: Vec<u64> =
            fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        let each = Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second())?;
        Ok(each * u32::try_from(ticks.iter().sum::<u64>())?)
    }

    /// How many files it has open.
    pub(crate) fn files(&self) -> Result<usize> {
        Ok(fs::read_dir(self.0.join("fd")).context("the server ended")?.count())
    }
}

/// Lets this process have as many files as the system allows, and says clearly if that is too few
/// for so many sockets, here or in a server started alike.
pub(crate) fn allow(sockets: usize) -> Result<()> {
    let needed = sockets as u64 + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Some(most) = maximum.filter(|most| *most < needed) {
        bail!(
            "{sockets} connections take {needed} open files, but the hard limit is {most}: raise ulimit -Hn"
        );
    }
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(())
}
