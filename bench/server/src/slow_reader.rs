//! Whether one client that does not read is felt by its room mates.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{interval, sleep, timeout};

use crate::client::{Client, Opening};
use crate::message::{self, Offers, quantile};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Bytes of a relayed message.
    #[arg(long)]
    payload: usize,
    /// How often each case is measured, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Messages to the one that does not read, and as many between its mates.
const MESSAGES: usize = 1_000;

/// The time between two of them.
const PACE: Duration = Duration::from_millis(2);

/// What the kernel keeps for the one that does not read.
const RECEIVE_BUFFER: u32 = 4 * 1024;

/// How long a message may take before it counts as lost.
const BOUND: Duration = Duration::from_secs(10);

/// The peers of a round.
const TALKER: usize = 0;
const MATE: usize = 1;
const TARGET: usize = 2;

/// What one round showed.
struct Round {
    latencies: Vec<Duration>,
    /// Whether the server took the target out of the room.
    closed: bool,
}

pub(crate) async fn run(server: SocketAddr, args: &Args) -> Result<Value> {
    let mut with = Vec::new();
    let mut without = Vec::new();
    let mut closed = 0;
    for number in 0..args.rounds {
        eprintln!("  round {} of {}", number + 1, args.rounds);
        // Who goes first takes turns.
        for slow in [number % 2 == 0, number % 2 == 1] {
            let room = format!("round-{number}-{slow}");
            let round = round(server, &room, args.payload, slow).await?;
            if slow {
                with.extend(round.latencies);
                closed += usize::from(round.closed);
            } else {
                if round.closed {
                    bail!("a client that reads was closed");
                }
                without.extend(round.latencies);
            }
        }
    }
    with.sort_unstable();
    without.sort_unstable();
    let millis = |latencies: &[Duration], part| quantile(latencies, part).as_secs_f64() * 1e3;
    Ok(json!({
        "rounds": args.rounds,
        "closed": closed,
        "without_p50_millis": millis(&without, 0.5),
        "without_p99_millis": millis(&without, 0.99),
        "with_p50_millis": millis(&with, 0.5),
        "with_p99_millis": millis(&with, 0.99),
    }))
}

/// A room in which one peer is sent a lot, and either reads it or not, while two others talk.
async fn round(server: SocketAddr, room: &str, payload: usize, slow: bool) -> Result<Round> {
    let offers = Rc::new(Offers::new(payload));
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let (joined, closed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let ids: Vec<String> = (0..3).map(message::peer).collect();
    let mut clients = Vec::new();
    let mut tasks = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let stuck = slow && number == TARGET;
        let receive_buffer = stuck.then_some(RECEIVE_BUFFER);
        let client = Client::open(Opening { server, number, receive_buffer }).await?;
        clients.push(client.clone());
        client.send(message::join(room, id).as_bytes());
        if stuck {
            continue;
        }
        let (offers, latencies, joined, closed) =
            (offers.clone(), latencies.clone(), joined.clone(), closed.clone());
        let task = spawn_local(async move {
            let hear = |text: &[u8]| {
                if text.starts_with(br#"{"type":"peers""#) || text.starts_with(br#"{"type":"peer-joined""#) {
                    joined.set(joined.get() + 1);
                } else if number == MATE {
                    closed.set(closed.get() || text.starts_with(br#"{"type":"peer-left""#));
                    latencies.borrow_mut().extend(offers.latency(text));
                }
            };
            client.run(hear).await;
        });
        tasks.push(End(task.abort_handle()));
    }
    // Each learns of its own entering and of the later ones'; the stuck one says nothing of its own.
    let all = if slow { 5 } else { 6 };
    wait("all to enter", || joined.get() == all).await?;
    let mut ticks = interval(PACE);
    for _ in 0..MESSAGES {
        ticks.tick().await;
        let now = offers.now();
        // What nobody may take goes first.
        clients[TALKER].send(offers.offer(now, &ids[TALKER], &ids[TARGET]).as_bytes());
        clients[TALKER].send(offers.offer(now, &ids[TALKER], &ids[MATE]).as_bytes());
    }
    wait("all messages", || latencies.borrow().len() == MESSAGES).await?;
    Ok(Round { latencies: latencies.take(), closed: closed.get() })
}

/// Ends a task when dropped.
struct End(AbortHandle);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn wait(what: &str, done: impl Fn() -> bool) -> Result<()> {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    if timeout(BOUND, wait).await.is_err() {
        bail!("waited for {what} in vain");
    }
    Ok(())
}
