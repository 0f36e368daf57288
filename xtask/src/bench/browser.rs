//! Two Chromium processes on one machine: how long until the second has the first one's state, and how
//! long from an edit to its answer. Conjoin and y-webrtc do the same work, in turns, each time in fresh
//! browsers, without STUN.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use conjoin_e2e::{Browser, Kind, Options, Server, Window, unused_port, wait};
use serde_json::{Value, json};

use super::statistics::{median, quantile};
use crate::{
    compress::gzip,
    install, report,
    run::run as run_command,
    site::{self, Quality},
    size::kilobytes,
    workspace::Workspace,
};

/// What is measured how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many times each is measured
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Edits in each run
    #[arg(long, default_value_t = 200)]
    edits: usize,
}

/// What Conjoin is to take at most, in parts of what y-webrtc takes.
const CONNECT_GOAL: f64 = 0.8;
const EDIT_GOAL: f64 = 0.7;

/// The page of either side, and what makes its `Peer` global. The server allows no scripts in the page.
const PAGES: [(&str, &str); 4] = [
    ("conjoin.html", "<!doctype html><title>Conjoin</title><script type=module src=conjoin.js></script>"),
    (
        "conjoin.js",
        "import init, { Peer } from './conjoin-bench-browser.js'; await init(); window.Peer = Peer;",
    ),
    ("y-webrtc.html", "<!doctype html><title>y-webrtc</title><script type=module src=y-webrtc.js></script>"),
    ("y-webrtc.js", "import { Peer } from './y-webrtc-bundle.js'; window.Peer = Peer;"),
];

/// One of the two that are compared.
struct Contender {
    name: &'static str,
    page: String,
    signaling: String,
    /// Milliseconds until the state is seen, one for each run.
    connects: Vec<f64>,
    /// Milliseconds from an edit to its answer, a list for each run.
    edits: Vec<Vec<f64>>,
}

/// `cargo xtask bench browser`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    install::browser(Kind::Chromium)?;
    install::npm()?;
    let folder = workspace.target.join("bench/browser");
    let modules = install_packages(workspace, &folder)?;
    let pages = build_pages(workspace, &folder, &modules)?;
    run_command(workspace.cargo().args(["build", "--release", "--package", "conjoin-cli"]))?;

    let binary = workspace.binary("release");
    let conjoin =
        Server::start_binary(&binary, &["--site".as_ref(), pages.as_os_str()], &folder.join("server.log"))?;
    let y_webrtc = YServer::start(&modules)?;
    let mut contenders = [
        Contender {
            name: "Conjoin",
            page: format!("{}/conjoin.html", conjoin.address()),
            signaling: conjoin.signaling(),
            connects: Vec::new(),
            edits: Vec::new(),
        },
        Contender {
            name: "y-webrtc",
            page: format!("{}/y-webrtc.html", conjoin.address()),
            signaling: y_webrtc.address.clone(),
            connects: Vec::new(),
            edits: Vec::new(),
        },
    ];
    for number in 0..arguments.runs {
        // Who goes first takes turns.
        for turn in 0..2 {
            contenders[(number + turn) % 2].measure(number, arguments.edits)?;
        }
    }
    print(&contenders);
    Ok(())
}

impl Contender {
    /// One run, in two fresh browsers.
    fn measure(&mut self, number: usize, edits: usize) -> Result<()> {
        let first = Browser::launch(&Options::default())?;
        let second = Browser::launch(&Options::default())?;
        let (here, there) = (first.first_window()?, second.first_window()?);
        for window in [&here, &there] {
            window.load(&self.page)?;
            wait("the page's script", Duration::from_secs(20), || {
                let ready = window.execute("return window.Peer !== undefined", json!([]))?;
                Ok((ready == Value::Bool(true)).then_some(()))
            })
            .with_context(|| format!("the console says {:?}", window.console().unwrap_or_default()))?;
            let arguments = json!([self.signaling, format!("bench-{number}")]);
            window.execute("window.peer = new Peer(...arguments)", arguments)?;
        }
        here.execute("peer.first()", json!([]))?;
        self.settle(&here)?;
        let connect = call(&there, "peer.second(done)", json!([]))?;
        let connect = connect.as_f64().context("the page tells a time")?;
        let times = call(&there, "peer.round_trips(arguments[0], done)", json!([edits]))?;
        let times: Vec<f64> = serde_json::from_value(times)?;
        if times.len() != edits {
            bail!("{}: {} of {edits} edits were answered", self.name, times.len());
        }
        println!(
            "  run {}: {:<8}  state {connect:6.1} ms   edit p50 {:5.2} ms   p99 {:5.2} ms",
            number + 1,
            self.name,
            median(&times),
            quantile(&times, 0.99)
        );
        self.connects.push(connect);
        self.edits.push(times);
        Ok(())
    }

    /// Waits until the first peer is in the room, so that only the second's connecting is measured.
    fn settle(&self, first: &Window) -> Result<()> {
        wait("the first peer's room", Duration::from_secs(20), || {
            Ok((first.execute("return peer.joined()", json!([]))? == Value::Bool(true)).then_some(()))
        })
        .map(drop)
    }
}

/// Calls what tells its result to a function `done`.
fn call(window: &Window, script: &str, arguments: Value) -> Result<Value> {
    window.execute(&format!("return new Promise(done => {script})"), arguments)
}

/// Installs the others from the registry, in the versions that the lock file names.
fn install_packages(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for file in ["package.json", "package-lock.json", "y-webrtc.js"] {
        fs::copy(workspace.root.join("bench/browser").join(file), folder.join(file))?;
    }
    run_command(Command::new("npm").current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]))?;
    Ok(folder.join("node_modules"))
}

/// Builds the pages of both sides into one folder.
fn build_pages(workspace: &Workspace, folder: &Path, modules: &Path) -> Result<PathBuf> {
    let pages = folder.join("pages");
    fs::create_dir_all(&pages)?;
    let bound = site::compile(workspace, "conjoin-bench-browser", &["--lib"], Quality::Release)?;
    let bundle = pages.join("y-webrtc-bundle.js");
    run_command(
        Command::new(modules.join(".bin/esbuild"))
            .current_dir(folder)
            .args(["y-webrtc.js", "--bundle", "--minify", "--format=esm", "--log-level=warning"])
            .args(["--define:global=globalThis", "--define:process.env.NODE_ENV=\"production\""])
            .arg(format!("--outfile={}", bundle.display())),
    )?;
    let conjoin = gzip(&bound.script)?.len() + gzip(&bound.wasm)?.len();
    let y_webrtc = gzip(&fs::read(&bundle)?)?.len();
    println!(
        "  to load: Conjoin {} gzip, y-webrtc with Yjs {} gzip",
        kilobytes(conjoin),
        kilobytes(y_webrtc)
    );
    fs::write(pages.join("conjoin-bench-browser.js"), bound.script)?;
    fs::write(pages.join("conjoin-bench-browser_bg.wasm"), bound.wasm)?;
    for (name, page) in PAGES {
        fs::write(pages.join(name), page)?;
    }
    Ok(pages)
}

/// y-webrtc's own signaling server.
struct YServer {
    process: Child,
    address: String,
}

impl YServer {
    fn start(modules: &Path) -> Result<Self> {
        let port = unused_port()?;
        let process = Command::new("node")
            .arg(modules.join("y-webrtc/bin/server.js"))
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting y-webrtc's signaling server")?;
        let server = Self { process, address: format!("ws://localhost:{port}") };
        wait("y-webrtc's signaling server", Duration::from_secs(20), || {
            Ok(TcpStream::connect(("localhost", port)).ok())
        })?;
        Ok(server)
    }
}

impl Drop for YServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The medians over the runs, their ratios and the goals.
fn print(contenders: &[Contender; 2]) {
    let connects = contenders.each_ref().map(|contender| median(&contender.connects));
    let over_runs = |contender: &Contender, part: f64| {
        median(&contender.edits.iter().map(|times| quantile(times, part)).collect::<Vec<_>>())
    };
    let p50 = contenders.each_ref().map(|contender| over_runs(contender, 0.5));
    let p99 = contenders.each_ref().map(|contender| over_runs(contender, 0.99));
    let mut rows = vec![
        ["medians of the runs", contenders[0].name, contenders[1].name, "ratio", "goal", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (what, [conjoin, other], goal) in [
        ("Connect to first state", connects, CONNECT_GOAL),
        ("edit and answer, p50", p50, EDIT_GOAL),
        ("edit and answer, p99", p99, EDIT_GOAL),
    ] {
        let ratio = conjoin / other;
        rows.push(vec![
            what.to_owned(),
            format!("{conjoin:.2} ms"),
            format!("{other:.2} ms"),
            format!("{ratio:.2}"),
            format!("{goal:.1}"),
            if ratio <= goal { "reached" } else { "missed" }.to_owned(),
        ]);
    }
    report::heading("Conjoin beside y-webrtc");
    report::table(&rows);
}
