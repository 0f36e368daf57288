//! Many native peers in one process, in rooms, held for a time while they edit.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use conjoin::{PeerState, Room, Session};
use conjoin_server::{Config, Limits, Server};
use serde_json::{Value, json};

use crate::process;

/// How many peers, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 200)]
    peers: usize,
    /// Peers in a room.
    #[arg(long, default_value_t = 10)]
    room_size: usize,
    /// How long they are held, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// The longest time all may take to find each other.
const PATIENCE: Duration = Duration::from_secs(300);

/// A signaling server in this process; it runs as long as the process does.
pub(crate) async fn server() -> Result<String> {
    let limits = Limits { messages_per_second: 100_000, message_burst: 100_000, ..Limits::default() };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(Config { listen, limits, ..Config::default() }).await?;
    let address = server.local_addr();
    tokio::spawn(server.run(std::future::pending()));
    Ok(format!("ws://{address}"))
}

pub(crate) async fn run(args: &Args) -> Result<Value> {
    let links = args.peers * (args.room_size - 1) / 2;
    process::allow(links as u64 * 4 + args.peers as u64 * 3 + 200)?;
    let server = server().await?;
    let before = process::memory()?;
    let begun = Instant::now();
    let rooms: Vec<Room> = (0..args.peers)
        .map(|peer| {
            let room = format!("room {}", peer / args.room_size);
            let room = Room::new(Session { server: server.clone(), room, name: None });
            room.connect();
            room
        })
        .collect();
    let linked = || rooms.iter().map(connected).sum::<usize>() / 2;
    while linked() < links {
        if begun.elapsed() > PATIENCE {
            bail!("after {PATIENCE:?} only {} of {links} links are there", linked());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let linked_after = begun.elapsed();
    let after = process::memory()?;
    eprintln!("{links} links after {linked_after:.1?}");

    let (held, cpu) = (Instant::now(), process::time());
    let (mut edits, mut most_lost) = (0, 0);
    while held.elapsed() < Duration::from_secs(args.seconds) {
        rooms[edits % rooms.len()].counter("clicks").increment();
        edits += 1;
        most_lost = most_lost.max(links.saturating_sub(linked()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cpu = process::time().saturating_sub(cpu);
    let last = process::memory()?;
    // Whoever counts one edit less than it should has lost it.
    let expected =
        |room: usize| (0..edits).filter(|edit| edit % rooms.len() / args.room_size == room).count() as i64;
    let begun = Instant::now();
    let wrong = || {
        let counts =
            |(peer, room): (usize, &Room)| room.counter("clicks").get() != expected(peer / args.room_size);
        rooms.iter().enumerate().filter(|pair| counts(*pair)).count()
    };
    while wrong() > 0 && begun.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(json!({
        "peers": args.peers,
        "links": links,
        "linked_after_seconds": linked_after.as_secs_f64(),
        "link_bytes": after.saturating_sub(before) as f64 / links as f64,
        "link_bytes_at_the_end": last.saturating_sub(before) as f64 / links as f64,
        "held_seconds": args.seconds,
        "most_links_lost_at_a_time": most_lost,
        "links_at_the_end": linked(),
        "edits": edits,
        "peers_that_count_wrong": wrong(),
        "cores": cpu.as_secs_f64() / args.seconds.max(1) as f64,
    }))
}

pub(crate) fn connected(room: &Room) -> usize {
    room.peers().now().iter().filter(|peer| peer.state == PeerState::Connected).count()
}
