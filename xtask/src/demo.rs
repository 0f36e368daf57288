//! `cargo xtask demo`: from nothing to a page to open, in one command.

use std::{
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{
    report,
    run::run as run_command,
    site::{self, Quality},
    watch::Watch,
    workspace::Workspace,
};

/// How the demo is served.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Build and reload when a source changes
    #[arg(long)]
    watch: bool,
    /// The port of the pages and of signaling; 8080 unless told otherwise
    #[arg(long)]
    port: Option<u16>,
    /// Further settings of `conjoin serve`, after `--`
    #[arg(last = true)]
    settings: Vec<String>,
}

/// Builds all that is needed and serves it.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if arguments.watch { watch(workspace, arguments) } else { serve(workspace, arguments) }
}

/// The site at its best, inside the binary, as `conjoin serve` is for users.
fn serve(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    report::heading("site");
    site::build(workspace, Quality::Release)?;
    report::heading("server");
    run_command(workspace.cargo().args(["build", "--package", "conjoin-cli"]))?;
    let mut server = server(workspace, arguments);
    #[cfg(unix)]
    {
        // In our place: signals meant for the demo go straight to the server.
        use std::os::unix::process::CommandExt as _;
        Err(server.exec()).context("starting the server")
    }
    #[cfg(not(unix))]
    run_command(&mut server)
}

/// A quick build of the site, served from its folder, and both built again when a source changes.
fn watch(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    // Whoever stops us stops the server too.
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let mut sources = Watch::new(workspace);
    let mut running: Option<Running> = None;
    loop {
        match rebuild(workspace) {
            Ok(built) => {
                if running.as_ref().is_none_or(|running| running.built != built) {
                    // The old one first: the new one needs its port.
                    drop(running.take());
                    let mut command = server(workspace, arguments);
                    command.arg("--site").arg(workspace.dist()).arg("--reload");
                    running =
                        Some(Running { built, process: command.spawn().context("starting the server")? });
                }
                report::good("up to date; watching crates/ and site/");
            }
            Err(error) => report::bad(&format!("{error:#}; waiting for a change")),
        }
        let mut ended = None;
        let changed = sources.changed(|| {
            ended = running.as_mut().and_then(|running| running.process.try_wait().ok().flatten());
            ended.is_none() && !stop.load(Ordering::Relaxed)
        });
        match (changed, ended) {
            (Some(path), _) => report::heading(&format!("{} changed", workspace.short(&path))),
            (None, Some(status)) if !stop.load(Ordering::Relaxed) => bail!("the server ended ({status})"),
            (None, _) => return Ok(()),
        }
    }
}

/// A server that is running, killed when dropped.
struct Running {
    /// When its binary was built.
    built: SystemTime,
    process: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Builds the site and the server; gives the time of the server's binary.
fn rebuild(workspace: &Workspace) -> Result<SystemTime> {
    // Without a site inside: otherwise each change of a page would build and restart the server.
    let no_site = workspace.target.join("watch/no-site");
    std::fs::create_dir_all(&no_site)?;
    run_command(
        workspace.cargo().args(["build", "--package", "conjoin-cli"]).env("CONJOIN_SITE_DIST", &no_site),
    )?;
    site::build(workspace, Quality::Draft)?;
    Ok(std::fs::metadata(workspace.binary("debug"))?.modified()?)
}

fn server(workspace: &Workspace, arguments: &Arguments) -> Command {
    let mut command = Command::new(workspace.binary("debug"));
    command.arg("serve");
    if let Some(port) = arguments.port {
        command.args(["--port", &port.to_string()]);
    }
    command.args(&arguments.settings);
    command
}
