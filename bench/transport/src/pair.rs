//! Two drivers on this machine, beside raw UDP and TCP.

use std::time::{Duration, Instant};

use anyhow::Result;
use conjoin_peer::Channel;
use serde_json::{Value, json};

use crate::peer::{Peer, connect};
use crate::pipe::End;
use crate::process;

/// What two drivers are asked to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rounds; in each, everything is measured once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Round trips in a round.
    #[arg(long, default_value_t = 2_000)]
    trips: usize,
    /// Mebibytes streamed in a round.
    #[arg(long, default_value_t = 32)]
    mebibytes: usize,
    /// Pairs connected to see what memory they take.
    #[arg(long, default_value_t = 200)]
    pairs: usize,
}

/// The round trips of a small edit, in bytes.
const SMALL: usize = 100;

pub(crate) async fn run(args: &Args) -> Result<Value> {
    let memory = memory(args.pairs).await?;
    let mut opened = Vec::new();
    let names = ["live", "bulk", "udp", "tcp"];
    let mut trips: [Vec<f64>; 4] = Default::default();
    let mut streams: Vec<Value> = Vec::new();
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        for _ in 0..5 {
            let (mut here, mut there) = (Peer::new(), Peer::new());
            let begun = Instant::now();
            connect(&mut here, &mut there).await?;
            opened.push(millis(begun.elapsed()));
            here.close();
            there.close();
        }
        for (name, trips) in names.iter().zip(&mut trips) {
            let (here, there) = ends(name).await?;
            trips.extend(round_trips(here, there, args.trips).await?);
        }
        for (name, size) in [
            ("bulk", SMALL),
            ("bulk", 1024),
            ("bulk", 16 * 1024),
            ("udp", SMALL),
            ("udp", 1200),
            ("tcp", SMALL),
            ("tcp", 16 * 1024),
        ] {
            let most = if size == SMALL { 100_000 } else { usize::MAX };
            let count = (args.mebibytes * 1024 * 1024 / size).min(most);
            let (here, there) = ends(name).await?;
            let (received, time, cpu) = stream(here, there, size, count).await?;
            let seconds = time.as_secs_f64();
            let bytes = (received * size) as f64;
            streams.push(json!({
                "name": name,
                "size": size,
                "messages_per_second": received as f64 / seconds,
                "megabytes_per_second": bytes / 1e6 / seconds,
                "cpu_seconds_per_gigabyte": cpu.as_secs_f64() / (bytes / 1e9),
            }));
        }
    }
    let trips: serde_json::Map<_, _> =
        names.iter().zip(trips).map(|(name, trips)| ((*name).into(), trips.into())).collect();
    Ok(json!({ "open_millis": opened, "trips_micros": trips, "streams": streams, "pair_bytes": memory }))
}

/// Both ends of what has this name.
async fn ends(name: &str) -> Result<(End, End)> {
    let channel = match name {
        "udp" => return End::udp().await,
        "tcp" => return End::tcp().await,
        "live" => Channel::Live,
        _ => Channel::Bulk,
    };
    let (mut here, mut there) = (Peer::new(), Peer::new());
    connect(&mut here, &mut there).await?;
    Ok((End::Link(Box::new(here), channel), End::Link(Box::new(there), channel)))
}

/// Times of round trips of a small message, in microseconds.
async fn round_trips(mut here: End, mut there: End, count: usize) -> Result<Vec<f64>> {
    let echo = tokio::spawn(async move {
        for _ in 0..count {
            let size = there.receive().await?;
            there.send(&vec![0; size]).await?;
        }
        anyhow::Ok(there)
    });
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        here.send(&[0; SMALL]).await?;
        here.receive().await?;
        times.push(millis(begun.elapsed()) * 1_000.0);
    }
    drop(echo.await??);
    Ok(times)
}

/// How many messages arrived, in what time, for how much processor time of both ends.
///
/// Raw UDP may lose some: the time ends when nothing comes any more.
async fn stream(
    mut here: End,
    mut there: End,
    size: usize,
    count: usize,
) -> Result<(usize, Duration, Duration)> {
    let (begun, cpu) = (Instant::now(), process::time());
    let receiver = tokio::spawn(async move {
        let (mut received, mut last) = (0, Instant::now());
        while received < count {
            match tokio::time::timeout(Duration::from_secs(2), there.receive()).await {
                Ok(size) => drop(size?),
                Err(_) => break,
            }
            (received, last) = (received + 1, Instant::now());
        }
        anyhow::Ok((received, last, process::time(), there))
    });
    here.stream(&vec![7; size], count).await?;
    let (received, last, after, there) = receiver.await??;
    drop(there);
    Ok((received, last - begun, after.saturating_sub(cpu)))
}

/// What a connected pair adds to the memory of the process, both ends, in bytes.
async fn memory(pairs: usize) -> Result<f64> {
    process::allow(pairs as u64 * 4 + 200)?;
    // The first one brings what all share.
    let mut all = vec![linked().await?];
    let before = process::memory()?;
    for _ in 0..pairs {
        all.push(linked().await?);
    }
    let after = process::memory()?;
    Ok(after.saturating_sub(before) as f64 / pairs as f64)
}

async fn linked() -> Result<(Peer, Peer)> {
    let (mut here, mut there) = (Peer::new(), Peer::new());
    connect(&mut here, &mut there).await?;
    here.send(Channel::Bulk, vec![0; SMALL]);
    there.message().await?;
    Ok((here, there))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
