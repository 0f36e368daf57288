//! A server, and rooms that meet there.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use conjoin::{PeerState, Room, Session};
use conjoin_server::{Config, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A signaling server on a port of its own. Ends when it is dropped.
pub(crate) struct Signaling {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Signaling {
    pub(crate) async fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    pub(crate) async fn start_at(listen: SocketAddr) -> Self {
        let server = Server::bind(Config { listen, ..Config::default() }).await.expect("the port is free");
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self { address, stop: Some(stop), running }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take();
        let _ = (&mut self.running).await;
    }

    /// A room, offline.
    pub(crate) fn room(&self, room: &str, name: &str) -> Room {
        let server = format!("ws://{}", self.address);
        Room::new(Session { server, room: room.into(), name: Some(name.into()) })
    }
}

/// Waits until something holds; says what it waited for if it never does.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came to be: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until each room is connected to so many peers.
pub(crate) async fn linked(rooms: &[&Room], peers: usize) {
    for room in rooms {
        let connected = || {
            let peers = room.peers().now();
            peers.iter().filter(|peer| peer.state == PeerState::Connected).count()
        };
        until(&format!("{room:?} is connected to {peers}"), || connected() == peers).await;
    }
}
