//! Everything at random for a long time: whether memory, files or rooms stay behind.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{interval, sleep};

use crate::client::{Client, Opening, health};
use crate::message::{self, Offers};
use crate::process::{Process, allow};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sockets at a time.
    #[arg(long)]
    connections: usize,
    /// Peers in a room.
    #[arg(long)]
    room_size: usize,
    /// Bytes of most relayed messages.
    #[arg(long)]
    payload: usize,
    /// How long.
    #[arg(long, value_parser = crate::time)]
    time: Duration,
    /// When the memory is first counted.
    #[arg(long, value_parser = crate::time)]
    warm_up: Duration,
    /// Picks what happens.
    #[arg(long)]
    seed: u64,
}

/// How often something is done, and how much of it then.
const STEP: Duration = Duration::from_millis(20);
const RELAYS: usize = 300;
const CHANGES: usize = 16;

/// One relay in so many is nearly as large as a message may be.
const LARGE_ONE_IN: usize = 50;
const LARGE: usize = 60_000;

const SAMPLE: Duration = Duration::from_secs(10);

/// Means are taken over this long.
const MEAN: Duration = Duration::from_secs(60);

/// How long the server has to forget everybody.
const BOUND: Duration = Duration::from_secs(30);

/// A socket that may be there.
#[derive(Default)]
struct Slot {
    state: Rc<Cell<State>>,
    client: Option<Rc<Client>>,
    task: Option<AbortHandle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum State {
    #[default]
    Closed,
    Outside,
    Inside,
}

/// What was done.
#[derive(Default)]
struct Done {
    joins: u64,
    leaves: u64,
    closes: u64,
    kills: u64,
    relays: u64,
    received: Rc<Cell<u64>>,
}

pub(crate) async fn run(server: SocketAddr, process: &Process, args: &Args) -> Result<Value> {
    if args.time < args.warm_up + MEAN {
        bail!("the soak must last a minute longer than its warm-up");
    }
    allow(args.connections)?;
    health(server).await?;
    let (files, memory) = (process.files()?, process.memory()?);
    let mut random = Rng::with_seed(args.seed);
    let (offers, large) = (Offers::new(args.payload), Offers::new(LARGE));
    let mut slots: Vec<Slot> = (0..args.connections).map(|_| Slot::default()).collect();
    let mut done = Done::default();
    let mut samples: Vec<(Duration, u64)> = Vec::new();
    let (start, time) = (Instant::now(), process.time()?);
    let mut ticks = interval(STEP);
    while start.elapsed() < args.time {
        ticks.tick().await;
        for _ in 0..CHANGES {
            let number = random.usize(..slots.len());
            change(server, args, number, &mut slots[number], &mut random, &mut done).await?;
        }
        for _ in 0..RELAYS {
            let from = random.usize(..slots.len());
            // To a neighbour that may just have left: then an error comes back.
            let to = from - from % args.room_size + random.usize(..args.room_size);
            let offers = if random.usize(..LARGE_ONE_IN) == 0 { &large } else { &offers };
            if let (State::Inside, Some(client)) = (slots[from].state.get(), &slots[from].client) {
                let offer = offers.offer(offers.now(), &message::peer(from), &message::peer(to));
                client.send(offer.as_bytes());
                done.relays += 1;
            }
        }
        let elapsed = start.elapsed();
        if elapsed >= SAMPLE * (samples.len() as u32 + 1) {
            samples.push((elapsed, process.memory()?));
            let busy = (process.time()? - time).as_secs_f64() / elapsed.as_secs_f64() * 100.0;
            eprintln!(
                "  {:5} s  {:8.1} KiB  {} files  {busy:.0} % of a core  {} joins, {} relays, {} received",
                elapsed.as_secs(),
                process.memory()? as f64 / 1024.0,
                process.files()?,
                done.joins,
                done.relays,
                done.received.get()
            );
        }
    }
    let mean = |from: Duration, to: Duration| {
        let within: Vec<f64> = samples
            .iter()
            .filter(|(at, _)| (from..=to).contains(at))
            .map(|(_, bytes)| *bytes as f64)
            .collect();
        within.iter().sum::<f64>() / within.len() as f64
    };
    let (first, last) =
        (mean(args.warm_up, args.warm_up + MEAN), mean(start.elapsed() - MEAN, start.elapsed()));
    for slot in &mut slots {
        slot.end();
    }
    let left = forgotten(server).await?;
    Ok(json!({
        "first_bytes": first,
        "last_bytes": last,
        "bytes_before": memory,
        "bytes_after": process.memory()?,
        "files_before": files,
        "files_after": process.files()?,
        "left": left,
        "core_share": (process.time()? - time).as_secs_f64() / start.elapsed().as_secs_f64(),
        "joins": done.joins,
        "leaves": done.leaves,
        "closes": done.closes,
        "kills": done.kills,
        "relays": done.relays,
        "received": done.received.get(),
    }))
}

/// Does something to one socket: mostly what brings it into its room.
async fn change(
    server: SocketAddr,
    args: &Args,
    number: usize,
    slot: &mut Slot,
    random: &mut Rng,
    done: &mut Done,
) -> Result<()> {
    let (room, peer) = (format!("room-{}", number / args.room_size), message::peer(number));
    match (slot.state.get(), &slot.client) {
        (State::Closed, _) | (_, None) => slot.open(server, number, done).await?,
        (State::Outside, Some(client)) => {
            client.send(message::join(&room, &peer).as_bytes());
            slot.state.set(State::Inside);
            done.joins += 1;
        }
        (State::Inside, Some(client)) => match random.u8(..3) {
            0 => {
                client.send(message::leave(&room, &peer).as_bytes());
                slot.state.set(State::Outside);
                done.leaves += 1;
            }
            1 => {
                client.close();
                slot.state.set(State::Closed);
                done.closes += 1;
            }
            _ => {
                // As if the machine crashed, or as if only the program did.
                if random.bool() {
                    client.will_reset()?;
                }
                slot.end();
                done.kills += 1;
            }
        },
    }
    Ok(())
}

impl Slot {
    async fn open(&mut self, server: SocketAddr, number: usize, done: &Done) -> Result<()> {
        // A socket that closes in order may still be at it.
        self.client = None;
        let client = Client::open(Opening { server, number, receive_buffer: None }).await?;
        self.state = Rc::new(Cell::new(State::Outside));
        let (state, received, reader) = (self.state.clone(), done.received.clone(), client.clone());
        self.client = Some(client);
        let task = spawn_local(async move {
            let hear = |text: &[u8]| {
                if text.starts_with(br#"{"type":"offer""#) {
                    received.set(received.get() + 1);
                }
            };
            reader.run(hear).await;
            state.set(State::Closed);
        });
        self.task = Some(task.abort_handle());
        Ok(())
    }

    /// Without a word.
    fn end(&mut self) {
        self.client = None;
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.state.set(State::Closed);
    }
}

/// Waits until the server counts nobody, and gives what it counts at last.
async fn forgotten(server: SocketAddr) -> Result<Value> {
    let start = Instant::now();
    loop {
        sleep(Duration::from_millis(100)).await;
        let health = health(server).await?;
        let left = ["rooms", "peers", "connections"].map(|what| health[what].as_u64().unwrap_or_default());
        if left == [0; 3] || start.elapsed() > BOUND {
            return Ok(json!({ "rooms": left[0], "peers": left[1], "connections": left[2] }));
        }
    }
}
