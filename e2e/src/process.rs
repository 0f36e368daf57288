//! Child processes that end with us, and all that they started.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read},
    process::Child,
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A child that is killed when dropped.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) Child);

impl Guard {
    /// Kills it and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        // Already dead is as good: `kill` says so with an error that `wait` settles.
        let _ = self.0.kill();
        self.0.wait().context("waiting for a killed child")?;
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Reads lines from `output` until `find` gives something, for at most `bound`; what comes later is
/// read and thrown away, so that the child never blocks on a full pipe.
///
/// # Errors
/// When the output ends or the bound passes first; the error carries what was read.
pub(crate) fn first_match<T: Send + 'static>(
    output: impl Read + Send + 'static,
    bound: Duration,
    mut find: impl FnMut(&str) -> Option<T> + Send + 'static,
) -> Result<T> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut seen = String::new();
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        for line in lines.by_ref() {
            if let Some(found) = find(&line) {
                let _ = tell.send(Ok(found));
                lines.for_each(drop);
                return;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        let _ = tell.send(Err(seen));
    });
    match told.recv_timeout(bound) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(seen)) => bail!("it ended, having printed:\n{seen}"),
        Err(_) => bail!("it said nothing of the kind within {} s", bound.as_secs()),
    }
}

/// Sends a signal to a process and to all that descend from it.
pub(crate) fn signal_tree(root: u32, signal: Signal) {
    tree(root).into_iter().for_each(|pid| send(pid, signal));
}

/// Sends a signal to those that descend from a process and were started with this argument.
pub(crate) fn signal_started_with(root: u32, argument: &str, signal: Signal) {
    let has_argument = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        // Chromium's processes write theirs anew, with spaces.
        line.split(|&byte| byte == 0 || byte == b' ').any(|word| word == argument.as_bytes())
    };
    tree(root).into_iter().filter(has_argument).for_each(|pid| send(pid, signal));
}

/// A process and all that descend from it, parents first.
fn tree(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while next < tree.len() {
        let parent = tree[next];
        tree.extend(parents.iter().filter(|&(_, &p)| p == parent).map(|(&child, _)| child));
        next += 1;
    }
    tree
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that ended meanwhile needs no signal.
        let _ = kill_process(pid, signal);
    }
}

/// Each process with its parent, from `/proc`: where there is none, a tree is its root alone.
fn parents() -> HashMap<u32, u32> {
    let mut parents = HashMap::new();
    let Ok(processes) = fs::read_dir("/proc") else { return parents };
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(process.path().join("stat")) else { continue };
        // `pid (name) state ppid …`, and the name may hold anything, parentheses too.
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1))
            .and_then(|parent| parent.parse().ok());
        if let Some(parent) = parent {
            parents.insert(pid, parent);
        }
    }
    parents
}
