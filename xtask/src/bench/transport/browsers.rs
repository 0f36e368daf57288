//! A page linked to a native driver, beside two pages.

use std::fs;

use anyhow::{Context, Result};
use conjoin_e2e::{Kind, Server};
use serde_json::Value;

use super::super::statistics::{mean, median, quantile};
use super::{number, numbers, verdict};
use crate::{
    install, report,
    run::run as run_command,
    site::{self, Quality},
    workspace::Workspace,
};

/// How much of what two browsers do between them a browser and a native peer are to do.
const GOAL: f64 = 0.7;

/// What the others are compared with.
const BASE: &str = "browser to browser";

/// The page, and what makes its `End` global. The server allows no scripts in the page.
const FILES: [(&str, &str); 2] = [
    ("link.html", "<!doctype html><title>One end of a link</title><script type=module src=link.js></script>"),
    (
        "link.js",
        "import init, { End } from './conjoin-bench-transport-page.js'; await init(); window.End = End;",
    ),
];

/// The browser of this name.
pub(super) fn kind(name: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.map(Kind::name).join(", ");
    Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("known are: {}", known()))
}

/// The page that is one end of a link, on a server.
pub(super) struct Page {
    address: String,
    _server: Server,
}

impl Page {
    pub(super) fn serve(workspace: &Workspace, kind: Kind) -> Result<Self> {
        install::browser(kind)?;
        let name = "conjoin-bench-transport-page";
        let bound = site::compile(workspace, name, &["--lib"], Quality::Release)?;
        let folder = workspace.target.join("bench/transport");
        let pages = folder.join("pages");
        fs::create_dir_all(&pages)?;
        fs::write(pages.join(format!("{name}.js")), bound.script)?;
        fs::write(pages.join(format!("{name}_bg.wasm")), bound.wasm)?;
        for (name, content) in FILES {
            fs::write(pages.join(name), content)?;
        }
        // It carries the page and nothing of what is measured.
        run_command(workspace.cargo().args(["build", "--package", "conjoin-cli"]))?;
        let arguments = ["--site".as_ref(), pages.as_os_str()];
        let server =
            Server::start_binary(&workspace.binary("debug"), &arguments, &folder.join("server.log"))?;
        Ok(Self { address: format!("{}/{}", server.address(), FILES[0].0), _server: server })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

/// The medians of all rounds of one kind of link.
struct Medians {
    name: String,
    trip: f64,
    slow_trip: f64,
    messages: f64,
    megabytes: f64,
}

/// Prints what was measured, with the ratios and the goals.
pub(super) fn print(figures: &Value) -> Result<()> {
    let links = figures["links"].as_array().context("the bench tells no links")?;
    let mut all: Vec<Medians> = Vec::new();
    for name in [BASE, "browser to native", "native to browser"] {
        let rounds: Vec<_> = links.iter().filter(|link| link["link"] == name).collect();
        let over = |figure: &dyn Fn(&Value) -> Result<f64>| -> Result<f64> {
            Ok(median(&rounds.iter().map(|link| figure(link)).collect::<Result<Vec<_>>>()?))
        };
        all.push(Medians {
            name: name.to_owned(),
            // Clocks of browsers may tick in milliseconds: the median of what they tell says little.
            trip: over(&|link| Ok(mean(&numbers(&link["trips_millis"])?)))?,
            slow_trip: over(&|link| Ok(quantile(&numbers(&link["trips_millis"])?, 0.99)))?,
            messages: over(&|link| number(link, "messages_per_second"))?,
            megabytes: over(&|link| number(link, "megabytes_per_second"))?,
        });
    }
    let browser = figures["browser"].as_str().unwrap_or_default();
    report::heading(&format!("{browser} and native peers on this machine, medians of the rounds"));
    let header = ["", "round trip", "p99", "100 B messages/s", "×", "MB/s at 16 KiB", "×"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut missed = Vec::new();
    for link in &all {
        let ratios = [link.messages / all[0].messages, link.megabytes / all[0].megabytes];
        rows.push(vec![
            link.name.clone(),
            format!("{:.2} ms", link.trip),
            format!("{:.2} ms", link.slow_trip),
            format!("{:.0}", link.messages),
            format!("{:.2}", ratios[0]),
            format!("{:.1}", link.megabytes),
            format!("{:.2}", ratios[1]),
        ]);
        for (what, ratio) in ["messages", "megabytes"].into_iter().zip(ratios) {
            if ratio < GOAL {
                missed.push(format!("{what} a second from {}", link.name));
            }
        }
    }
    report::table(&rows);
    println!("  goal: at least {GOAL} × of what two browsers do");
    verdict(&missed)
}
