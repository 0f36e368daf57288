//! A page of a browser linked to a driver in this program, beside two pages of two browsers.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use conjoin_e2e::{Browser, Kind, Options, Window, wait};
use conjoin_peer::{Channel, Input, Output};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::peer::Peer;
use crate::pipe::End;

/// What pages and drivers are asked to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The address of the page.
    #[arg(long)]
    page: String,
    /// Which browser: chromium or firefox.
    #[arg(long, default_value = "chromium")]
    browser: String,
    /// Rounds; in each, everything is measured once, in fresh browsers.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Round trips in a round.
    #[arg(long, default_value_t = 500)]
    trips: usize,
    /// Mebibytes streamed in a round.
    #[arg(long, default_value_t = 16)]
    mebibytes: usize,
}

/// The bytes of a small edit.
const SMALL: usize = 100;

/// How many small messages are streamed in a round.
const MANY: usize = 50_000;

const LARGE: usize = 16 * 1024;

/// Who is linked with whom; the first offers, asks, and sends.
const LINKS: [(&str, [bool; 2]); 3] = [
    ("browser to browser", [true, true]),
    ("browser to native", [true, false]),
    ("native to browser", [false, true]),
];

pub(crate) async fn run(args: &Args) -> Result<Value> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == args.browser);
    let kind = kind.with_context(|| format!("there is no browser {:?}", args.browser))?;
    let mut figures = Vec::new();
    for round in 0..args.rounds {
        // Who goes first takes turns.
        for turn in 0..LINKS.len() {
            let (name, pages) = LINKS[(round + turn) % LINKS.len()];
            eprintln!("round {} of {}: {name}", round + 1, args.rounds);
            let [mut here, mut there] = [Side::new(pages[0], kind, args)?, Side::new(pages[1], kind, args)?];
            link(&mut here, &mut there)?;
            let trips = round_trips(&mut here, &mut there, args.trips).await?;
            let small = stream(&mut here, &mut there, SMALL, MANY).await?;
            let large = stream(&mut here, &mut there, LARGE, args.mebibytes * 1024 * 1024 / LARGE).await?;
            figures.push(json!({
                "link": name,
                "trips_millis": trips,
                "messages_per_second": small,
                "megabytes_per_second": large * LARGE as f64 / 1e6,
            }));
        }
    }
    Ok(json!({ "browser": kind.name(), "links": figures }))
}

/// One end of a link.
enum Side {
    /// In a browser of its own.
    Page(Window),
    Native {
        end: End,
        open: usize,
    },
}

/// What one end tells the other, of a kind.
type Signal = (String, String);

impl Side {
    fn new(in_page: bool, kind: Kind, args: &Args) -> Result<Self> {
        if !in_page {
            let mut peer = Peer::new();
            peer.open();
            return Ok(Self::Native { end: End::Link(Box::new(peer), Channel::Bulk), open: 0 });
        }
        block_in_place(|| {
            let browser = Browser::launch(&Options::from(kind))?;
            let window = browser.first_window()?;
            window.load(&args.page)?;
            wait("the page's script", Duration::from_secs(20), || {
                let ready = window.execute("return window.End !== undefined", json!([]))?;
                Ok((ready == Value::Bool(true)).then_some(()))
            })?;
            window.execute("window.end = new End()", json!([]))?;
            Ok(Self::Page(window))
        })
    }

    fn offer(&mut self) -> Result<()> {
        match self {
            Self::Page(window) => run_script(window, "end.offer()", json!([])).map(drop),
            Self::Native { end, .. } => {
                let peer = peer(end)?;
                peer.perform(Output::Offer { link: peer.link(), ice_restart: false });
                Ok(())
            }
        }
    }

    /// What there is to tell the other end.
    fn signals(&mut self) -> Result<Vec<Signal>> {
        match self {
            Self::Page(window) => {
                Ok(serde_json::from_value(run_script(window, "return end.signals()", json!([]))?)?)
            }
            Self::Native { end, open } => {
                let peer = peer(end)?;
                let mut signals = Vec::new();
                while let Some(input) = peer.happened() {
                    match input {
                        Input::Described { description, .. } => {
                            signals.push(("description".to_owned(), description));
                        }
                        Input::Candidate { candidate, .. } => {
                            signals.push(("candidate".to_owned(), candidate));
                        }
                        Input::ChannelOpened { .. } => *open += 1,
                        Input::LinkFailed { error, .. } => bail!("the link failed: {error}"),
                        _ => {}
                    }
                }
                Ok(signals)
            }
        }
    }

    /// Takes what the other end tells; a description of the one that offers is an offer.
    fn signal(&mut self, of_offerer: bool, (kind, text): Signal) -> Result<()> {
        let kind = match (kind.as_str(), of_offerer) {
            ("description", true) => "offer",
            ("description", false) => "answer",
            _ => "candidate",
        };
        match self {
            Self::Page(window) => {
                run_script(window, "end.signal(...arguments)", json!([kind, text])).map(drop)
            }
            Self::Native { end, .. } => {
                let peer = peer(end)?;
                let link = peer.link();
                peer.perform(match kind {
                    "offer" => Output::Accept { link, offer: text },
                    "answer" => Output::Complete { link, answer: text },
                    _ => Output::AddCandidate { link, candidate: text },
                });
                Ok(())
            }
        }
    }

    fn is_open(&self) -> Result<bool> {
        match self {
            Self::Page(window) => {
                Ok(run_script(window, "return end.is_open()", json!([]))? == Value::Bool(true))
            }
            Self::Native { open, .. } => Ok(*open == 2),
        }
    }
}

fn peer(end: &mut End) -> Result<&mut Peer> {
    match end {
        End::Link(peer, _) => Ok(peer),
        _ => bail!("not a link"),
    }
}

/// Carries descriptions and candidates until both channels are open at both ends.
fn link(here: &mut Side, there: &mut Side) -> Result<()> {
    here.offer()?;
    let begun = Instant::now();
    while !(here.is_open()? && there.is_open()?) {
        for signal in here.signals()? {
            there.signal(true, signal)?;
        }
        for signal in there.signals()? {
            here.signal(false, signal)?;
        }
        ensure!(begun.elapsed() < Duration::from_secs(30), "the two ends found no path to each other");
        block_in_place(|| std::thread::sleep(Duration::from_millis(5)));
    }
    Ok(())
}

/// The milliseconds of round trips of a small message on the live channel.
async fn round_trips(here: &mut Side, there: &mut Side, count: usize) -> Result<Vec<f64>> {
    let ask = "return new Promise(done => end.ask(true, arguments[0], arguments[1], done))";
    match (here, there) {
        (Side::Page(window), Side::Page(other)) => {
            run_script(other, "end.echo()", json!([]))?;
            Ok(serde_json::from_value(run_script(window, ask, json!([SMALL, count]))?)?)
        }
        (Side::Page(window), Side::Native { end, .. }) => {
            let native = peer(end)?;
            let echo = async {
                for _ in 0..count {
                    let message = native.message().await?;
                    native.send(Channel::Live, message);
                }
                anyhow::Ok(())
            };
            let window = window.clone();
            let asked = tokio::task::spawn_blocking(move || window.execute(ask, json!([SMALL, count])));
            let (echoed, asked) = tokio::join!(echo, asked);
            echoed?;
            Ok(serde_json::from_value(asked??)?)
        }
        (Side::Native { end, .. }, Side::Page(window)) => {
            run_script(window, "end.echo()", json!([]))?;
            let native = peer(end)?;
            let mut times = Vec::with_capacity(count);
            for _ in 0..count {
                let asked = Instant::now();
                native.send(Channel::Live, vec![0; SMALL]);
                native.message().await?;
                times.push(asked.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok(times)
        }
        (Side::Native { .. }, Side::Native { .. }) => bail!("no page to measure"),
    }
}

/// How many messages a second arrive, from the first to the last.
async fn stream(from: &mut Side, to: &mut Side, size: usize, count: usize) -> Result<f64> {
    if let Side::Page(window) = to {
        let count_them = "window.rate = new Promise(done => end.count(arguments[0], done)); return null";
        run_script(window, count_them, json!([count]))?;
    }
    match from {
        Side::Page(window) => drop(run_script(window, "end.stream(...arguments)", json!([size, count]))?),
        Side::Native { end, .. } => end.stream(&vec![7; size], count).await?,
    }
    match to {
        Side::Page(window) => {
            let rate = run_script(window, "return window.rate", json!([]))?;
            rate.as_f64().context("the page tells a rate")
        }
        Side::Native { end, .. } => {
            end.receive().await?;
            let first = Instant::now();
            for _ in 1..count {
                end.receive().await?;
            }
            Ok((count - 1) as f64 / first.elapsed().as_secs_f64())
        }
    }
}

fn run_script(window: &Window, script: &str, arguments: Value) -> Result<Value> {
    block_in_place(|| window.execute(script, arguments))
}
