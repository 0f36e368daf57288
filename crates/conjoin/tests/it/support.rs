//! A server, and rooms that meet there.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use conjoin::{PeerState, Room, Session};
use conjoin_server::{Config, IceServer, Server};
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
        Self::start_with(Config { listen, ..Config::default() }).await
    }

    /// One that names these servers.
    pub(crate) async fn with_ice_servers(ice_servers: Vec<IceServer>) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::start_with(Config { listen, ice_servers, ..Config::default() }).await
    }

    async fn start_with(config: Config) -> Self {
        let server = Server::bind(config).await.expect("the port is free");
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
        Room::new(self.session(room, name))
    }

    pub(crate) fn session(&self, room: &str, name: &str) -> Session {
        let server = format!("ws://{}", self.address);
        Session { server, room: room.into(), name: Some(name.into()) }
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
