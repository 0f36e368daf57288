//! What the system says about this process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Resident memory, in bytes.
pub(crate) fn memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("this bench needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Processor time used so far, in this program's code and in the kernel's for it.
pub(crate) fn time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// How many files are open.
pub(crate) fn files() -> Result<usize> {
    Ok(fs::read_dir("/proc/self/fd").context("this bench needs Linux")?.count())
}

/// How many tasks live in the runtime.
pub(crate) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Lets this process have as many files as the system allows, and says clearly if that is too few.
pub(crate) fn allow(needed: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Some(most) = maximum.filter(|most| *most < needed) {
        bail!("this takes {needed} open files, but the hard limit is {most}: raise ulimit -Hn");
    }
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(())
}
