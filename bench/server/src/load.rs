//! Many sockets: how fast they join, what they cost idle, and how relays between them fare.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::client::{Client, Opening, health};
use crate::message::{self, Offers, quantile};
use crate::process::{Process, allow};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sockets.
    #[arg(long)]
    connections: usize,
    /// Peers in a room.
    #[arg(long)]
    room_size: usize,
    /// Bytes of a relayed message.
    #[arg(long)]
    payload: usize,
    /// How long the sockets are held idle.
    #[arg(long, value_parser = crate::time)]
    hold: Duration,
}

/// Sockets that are being opened at a time: a crowd, but not more than a listening socket queues.
const OPENING: usize = 256;

/// Relays on their way at a time when the server has all it can do.
const ON_THE_WAY: usize = 256;

/// How long each rate is kept up before and while it is measured.
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(5);

/// The longest that the memory may take to settle.
const SETTLE: Duration = Duration::from_secs(10);

/// What all sockets share.
struct Crowd {
    clients: RefCell<Vec<Option<Rc<Client>>>>,
    ids: Vec<String>,
    room_size: usize,
    offers: Offers,
    joined: Cell<usize>,
    ended: Cell<usize>,
    errors: Cell<usize>,
    relayed: Cell<u64>,
    /// Whether each relay that arrives makes for the next.
    full: Cell<bool>,
    latencies: RefCell<Vec<Duration>>,
    random: RefCell<fastrand::Rng>,
}

pub(crate) async fn run(server: SocketAddr, process: &Process, args: &Args) -> Result<Value> {
    let &Args { connections, room_size, payload, hold } = args;
    if room_size < 2 || connections < room_size {
        bail!("relays need rooms of at least 2 peers, and one such room");
    }
    allow(connections)?;
    // The first request makes the server touch what it has only once.
    health(server).await?;
    let crowd = Rc::new(Crowd {
        clients: RefCell::new(vec![None; connections]),
        ids: (0..connections).map(message::peer).collect(),
        room_size,
        offers: Offers::new(payload),
        joined: Cell::default(),
        ended: Cell::default(),
        errors: Cell::default(),
        relayed: Cell::default(),
        full: Cell::default(),
        latencies: RefCell::default(),
        random: RefCell::new(fastrand::Rng::with_seed(7)),
    });

    let before = process.memory()?;
    eprintln!("  {connections} connections: joining");
    let start = Instant::now();
    let places = std::sync::Arc::new(Semaphore::new(OPENING));
    for number in 0..connections {
        let place = places.clone().acquire_owned().await?;
        let crowd = crowd.clone();
        spawn_local(async move {
            let opened = Client::open(Opening { server, number, receive_buffer: None }).await;
            match opened {
                Ok(client) => crowd.live(number, &client, place).await,
                Err(error) => {
                    eprintln!("  connection {number}: {error:#}");
                    crowd.ended.set(crowd.ended.get() + 1);
                }
            }
        });
    }
    while crowd.joined.get() + crowd.ended.get() < connections {
        sleep(Duration::from_millis(1)).await;
    }
    let joins = crowd.joined.get() as f64 / start.elapsed().as_secs_f64();

    eprintln!("  {connections} connections: idle for {} s", hold.as_secs());
    settle(process).await?;
    sleep(hold).await;
    let idle = process.memory()?.saturating_sub(before);

    eprintln!("  {connections} connections: as many relays as the server takes");
    crowd.full.set(true);
    for _ in 0..ON_THE_WAY {
        crowd.relay(crowd.offers.now());
    }
    sleep(WARM_UP).await;
    let (start, relayed, time) = (Instant::now(), crowd.relayed.get(), process.time()?);
    sleep(MEASURE).await;
    let relayed = crowd.relayed.get() - relayed;
    let most = relayed as f64 / start.elapsed().as_secs_f64();
    let cost = (process.time()? - time).as_secs_f64() / relayed as f64;
    crowd.full.set(false);
    sleep(WARM_UP).await;

    let half = most / 2.0;
    eprintln!("  {connections} connections: {half:.0} relays a second");
    crowd.pace(half, WARM_UP).await;
    crowd.latencies.take();
    let time = process.time()?;
    crowd.pace(half, MEASURE).await;
    let half_time = process.time()? - time;
    sleep(WARM_UP).await;
    let mut latencies = crowd.latencies.take();
    latencies.sort_unstable();
    let half_cost = half_time.as_secs_f64() / latencies.len() as f64;
    let used = process.memory()?.saturating_sub(before);

    let lost = crowd.ended.get();
    let health = health(server).await?;
    let held = health["connections"].as_u64().context("/healthz counts connections")?;
    Ok(json!({
        "connections": connections,
        "joins_per_second": joins,
        "idle_bytes": idle as f64 / connections as f64,
        "used_bytes": used as f64 / connections as f64,
        "relays_per_second": most,
        "relay_micros": cost * 1e6,
        "half_rate": half,
        "half_micros": half_cost * 1e6,
        "half_p50_millis": quantile(&latencies, 0.5).as_secs_f64() * 1e3,
        "half_p99_millis": quantile(&latencies, 0.99).as_secs_f64() * 1e3,
        "lost": lost.max(connections.saturating_sub(held as usize)),
        "errors": crowd.errors.get(),
    }))
}

/// Waits until the memory of the server stays as it is.
async fn settle(process: &Process) -> Result<()> {
    let start = Instant::now();
    let mut last = process.memory()?;
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = process.memory()?;
        if now.abs_diff(last) * 100 < last || start.elapsed() > SETTLE {
            return Ok(());
        }
        last = now;
    }
}

impl Crowd {
    /// All of one socket's life. `place` is held until it has joined.
    async fn live(&self, number: usize, client: &Rc<Client>, place: tokio::sync::OwnedSemaphorePermit) {
        self.clients.borrow_mut()[number] = Some(client.clone());
        let room = format!("room-{}", number / self.room_size);
        client.send(message::join(&room, &self.ids[number]).as_bytes());
        let mut place = Some(place);
        let hear = |text: &[u8]| {
            if let Some(latency) = self.offers.latency(text) {
                self.relayed.set(self.relayed.get() + 1);
                if self.full.get() {
                    self.relay(self.offers.now());
                } else {
                    self.latencies.borrow_mut().push(latency);
                }
            } else if text.starts_with(br#"{"type":"peers""#) {
                place = None;
                self.joined.set(self.joined.get() + 1);
            } else if text.starts_with(br#"{"type":"error""#) {
                eprintln!("  connection {number}: {}", String::from_utf8_lossy(text));
                self.errors.set(self.errors.get() + 1);
            }
        };
        client.run(hear).await;
        self.clients.borrow_mut()[number] = None;
        self.ended.set(self.ended.get() + 1);
    }

    /// Sends an offer from any peer to its neighbour in the room.
    fn relay(&self, due: Duration) {
        let clients = self.clients.borrow();
        let from = self.random.borrow_mut().usize(..clients.len());
        let first = from - from % self.room_size;
        let size = self.room_size.min(clients.len() - first);
        let to = first + (from + 1 - first) % size;
        if let Some(client) = &clients[from] {
            client.send(self.offers.offer(due, &self.ids[from], &self.ids[to]).as_bytes());
        }
    }

    /// Sends so many offers a second. One that is late counts from when it was due, so that a
    /// server that stops for a while is not excused.
    async fn pace(&self, rate: f64, time: Duration) {
        let step = Duration::from_millis(1);
        let mut ticks = interval(step);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let begin = self.offers.now();
        let (mut sent, mut due) = (0, Duration::ZERO);
        while due < time {
            ticks.tick().await;
            while (sent as f64) < rate * due.as_secs_f64() {
                self.relay(begin + due);
                sent += 1;
            }
            due += step;
        }
    }
}
