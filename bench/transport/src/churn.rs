//! Joins and leaves without end: nothing must stay behind. Nobody edits, as a history is there to stay.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use conjoin::{Room, Session};
use serde_json::{Value, json};

use crate::crowd::{connected, server};
use crate::process;

/// How often.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Joins, each followed by a leave.
    #[arg(long, default_value_t = 10_000)]
    joins: usize,
    /// So many join and leave at a time.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
    /// Every so often a room is dropped without a word in place of leaving.
    #[arg(long, default_value_t = 5)]
    drop_every: usize,
}

/// The longest time a join may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: &Args) -> Result<Value> {
    process::allow(1_000)?;
    let server = server().await?;
    let new = |name: String| Room::new(Session { server: server.clone(), room: name, name: None });
    // One that stays, in each room.
    let hosts: Vec<Room> = (0..args.at_once).map(|room| new(format!("room {room}"))).collect();
    hosts.iter().for_each(Room::connect);
    let mut joins = 0;
    let mut readings = Vec::new();
    let begun = Instant::now();
    while joins < args.joins {
        let guests: Vec<Room> = (0..args.at_once).map(|room| new(format!("room {room}"))).collect();
        guests.iter().for_each(Room::connect);
        for guest in &guests {
            let waited = Instant::now();
            while connected(guest) < 1 {
                if waited.elapsed() > PATIENCE {
                    bail!("join {joins} never found its peer: {:?}", guest.status().now());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        for (nth, guest) in guests.iter().enumerate() {
            if (joins + nth) % args.drop_every != 0 {
                guest.leave().await;
            }
        }
        drop(guests);
        joins += args.at_once;
        for host in &hosts {
            let waited = Instant::now();
            while connected(host) > 0 {
                if waited.elapsed() > PATIENCE {
                    bail!("after {joins} joins somebody who left is still listed");
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        if joins / (args.joins / 10).max(1) > readings.len() {
            // What is closed may take a second to be gone.
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let (memory, files, tasks) = (process::memory()?, process::files()?, process::tasks());
            eprintln!("{joins} joins: {} KiB, {files} files, {tasks} tasks", memory / 1024);
            readings.push(json!({ "joins": joins, "bytes": memory, "files": files, "tasks": tasks }));
        }
    }
    Ok(json!({ "joins": joins, "seconds": begun.elapsed().as_secs_f64(), "readings": readings }))
}
