//! A STUN and TURN server for tests, over UDP and TCP, and what stands in front of one: TLS.
//!
//! The protocol is that of `turn-server-proto`; this has the sockets. It can lose packets, and answer as a
//! server behind a NAT would. [`Observer`] is a STUN server with four sockets, which tells NATs apart.

#[cfg(target_os = "linux")]
pub mod network;
mod observer;
mod streams;
mod tls;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stun_proto::agent::Transmit;
use stun_proto::types::TransportType;
use stun_proto::types::attribute::XorMappedAddress;
use stun_proto::types::message::{BINDING, Message, MessageWriteVec};
use stun_proto::types::prelude::{MessageWrite as _, MessageWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use turn_server_proto::api::{
    DelayedMessageOrChannelSend, SocketAllocateError, TurnServerApi as _, TurnServerPollRet,
};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::AddressFamily;
use turn_server_proto::types::prelude::DelayedTransmitBuild as _;
use turn_server_proto::types::transmit::TransmitBuild;

pub use self::observer::Observer;
use self::streams::{Incoming, Streams};
pub use self::tls::TlsFront;

/// Who may have an address lent.
pub const USER: &str = "ann";

/// The password of [`USER`].
pub const PASSWORD: &str = "secret";

/// So often it looks whether something has run out.
const TICK: Duration = Duration::from_millis(20);

/// How a server behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Behaviour {
    /// What it tells everybody their address is; by default, the truth.
    pub mapped: Option<SocketAddr>,
    /// It does not get so many of the first packets.
    pub loses: usize,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// In datagrams.
    Udp,
    /// In streams.
    Tcp,
}

/// A server at work, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    inner: Arc<Inner>,
    tasks: Vec<JoinHandle<()>>,
}

/// The socket that stands for a client, and the task that reads it.
type Relay = (Arc<UdpSocket>, JoinHandle<()>);

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    behaviour: Behaviour,
    begun: Instant,
    clients: Clients,
    server: Mutex<TurnServer>,
    relays: Mutex<HashMap<SocketAddr, Relay>>,
    received: AtomicUsize,
    relayed: AtomicUsize,
}

/// The ways to the clients.
#[derive(Debug)]
enum Clients {
    Udp(UdpSocket),
    Tcp(Streams),
}

impl Turn {
    /// A server over UDP that behaves well.
    pub async fn start() -> Self {
        Self::start_with(Behaviour::default()).await
    }

    /// A server over UDP that behaves like this.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start_with(behaviour: Behaviour) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Over::Udp, behaviour).await
    }

    /// A server at this address, which lends others of the same machine address.
    ///
    /// # Panics
    /// If the address cannot be had.
    pub async fn start_at(listen: SocketAddr, over: Over, behaviour: Behaviour) -> Self {
        let (address, transport, clients, incoming) = match over {
            Over::Udp => {
                let socket = UdpSocket::bind(listen).await.expect("there is a port");
                let address = socket.local_addr().expect("it is bound");
                (address, TransportType::Udp, Clients::Udp(socket), None)
            }
            Over::Tcp => {
                let listener = TcpListener::bind(listen).await.expect("there is a port");
                let address = listener.local_addr().expect("it is bound");
                let (streams, messages) = Streams::new();
                (address, TransportType::Tcp, Clients::Tcp(streams), Some((listener, messages)))
            }
        };
        let mut server = TurnServer::new(transport, address, "conjoin".into());
        server.add_user(USER.into(), PASSWORD.into());
        let inner = Arc::new(Inner {
            address,
            behaviour,
            begun: Instant::now(),
            clients,
            server: Mutex::new(server),
            relays: Mutex::default(),
            received: AtomicUsize::new(0),
            relayed: AtomicUsize::new(0),
        });
        let read = match incoming {
            None => tokio::spawn(inner.clone().read_datagrams()),
            Some((listener, messages)) => tokio::spawn(inner.clone().read_streams(listener, messages)),
        };
        let ticker = inner.clone();
        let tick = tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                ticker.work().await;
            }
        });
        Self { inner, tasks: vec![read, tick] }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Goes away, without a word to anybody. Its address is free when this is done.
    pub async fn stop(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // That it was aborted is no news.
            let _ = task.await;
        }
    }

    /// How many messages came from clients.
    pub fn received(&self) -> usize {
        self.inner.received.load(Ordering::Relaxed)
    }

    /// How many packets came from peers of clients.
    pub fn relayed(&self) -> usize {
        self.inner.relayed.load(Ordering::Relaxed)
    }

    /// How many addresses are lent.
    pub fn allocations(&self) -> usize {
        lock(&self.inner.relays).len()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for (_, task) in lock(&self.inner.relays).values() {
            task.abort();
        }
        if let Clients::Tcp(streams) = &self.inner.clients {
            streams.close();
        }
    }
}

impl Inner {
    fn now(&self) -> stun_proto::Instant {
        stun_proto::Instant::from_std(self.begun)
    }

    fn transport(&self) -> TransportType {
        match self.clients {
            Clients::Udp(_) => TransportType::Udp,
            Clients::Tcp(_) => TransportType::Tcp,
        }
    }

    async fn read_datagrams(self: Arc<Self>) {
        let Clients::Udp(socket) = &self.clients else { return };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // An error tells of a packet sent before, which is as good as lost.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            self.take(&buffer[..length], from).await;
        }
    }

    async fn read_streams(self: Arc<Self>, listener: TcpListener, mut messages: Receiver<Incoming>) {
        let Clients::Tcp(streams) = &self.clients else { return };
        loop {
            tokio::select! {
                Ok((stream, from)) = listener.accept() => streams.begin(from, stream),
                Some((from, message)) = messages.recv() => self.take(&message, from).await,
            }
        }
    }

    /// Takes a message of a client.
    async fn take(self: &Arc<Self>, data: &[u8], from: SocketAddr) {
        if self.received.fetch_add(1, Ordering::Relaxed) < self.behaviour.loses {
            return;
        }
        match self.mapped(data, from) {
            Some(answer) => {
                self.send(Transmit::new(answer, self.transport(), self.address, from)).await;
            }
            None => self.hand(Transmit::new(data.to_vec(), self.transport(), from, self.address)).await,
        }
    }

    /// Boxed, as what is read may lead to one more socket.
    fn read_relay(
        self: Arc<Self>,
        socket: Arc<UdpSocket>,
        at: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
                self.relayed.fetch_add(1, Ordering::Relaxed);
                self.hand(Transmit::new(buffer[..length].to_vec(), TransportType::Udp, from, at)).await;
            }
        })
    }

    async fn hand(self: &Arc<Self>, transmit: Transmit<Vec<u8>>) {
        let answer = lock(&self.server).recv(transmit, self.now()).map(build);
        if let Some(answer) = answer {
            self.send(answer).await;
        }
        self.work().await;
    }

    /// The answer to a question for an address, if it is one.
    fn mapped(&self, data: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let request = Message::from_bytes(data).ok().filter(|message| message.has_method(BINDING))?;
        let mapped = XorMappedAddress::new(self.behaviour.mapped.unwrap_or(from), request.transaction_id());
        let mut answer = Message::builder_success(&request, MessageWriteVec::new());
        answer.add_attribute(&mapped).ok()?;
        Some(answer.finish())
    }

    /// Does what the server wants to be done.
    async fn work(self: &Arc<Self>) {
        loop {
            let now = self.now();
            let poll = lock(&self.server).poll(now);
            match poll {
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let allocated = self.allocate(allocation_transport, family).await;
                    lock(&self.server).allocated_socket(
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                        allocated,
                        now,
                    );
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    if let Some((_, task)) = lock(&self.relays).remove(&listen_addr) {
                        task.abort();
                    }
                }
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {}
                TurnServerPollRet::WaitUntil(_) => break,
            }
        }
        loop {
            let transmit = lock(&self.server).poll_transmit(self.now());
            let Some(transmit) = transmit else { break };
            self.send(transmit).await;
        }
    }

    /// One more address to lend.
    async fn allocate(
        self: &Arc<Self>,
        transport: TransportType,
        family: AddressFamily,
    ) -> Result<SocketAddr, SocketAllocateError> {
        if transport != TransportType::Udp || (family == AddressFamily::IPV6) != self.address.is_ipv6() {
            return Err(SocketAllocateError::AddressFamilyNotSupported);
        }
        let socket = Arc::new(UdpSocket::bind((self.address.ip(), 0)).await.expect("a port"));
        let relayed = socket.local_addr().expect("it is bound");
        let reading = tokio::spawn(self.clone().read_relay(socket.clone(), relayed));
        lock(&self.relays).insert(relayed, (socket, reading));
        Ok(relayed)
    }

    async fn send(&self, transmit: Transmit<Vec<u8>>) {
        let relay = lock(&self.relays).get(&transmit.from).map(|(socket, _)| socket.clone());
        match (relay, &self.clients) {
            (Some(relay), _) => drop(relay.send_to(&transmit.data, transmit.to).await),
            (None, Clients::Udp(socket)) => drop(socket.send_to(&transmit.data, transmit.to).await),
            (None, Clients::Tcp(streams)) => streams.send(transmit.to, transmit.data),
        }
    }
}

fn build(transmit: TransmitBuild<DelayedMessageOrChannelSend<Vec<u8>>>) -> Transmit<Vec<u8>> {
    Transmit::new(transmit.data.build(), transmit.transport, transmit.from, transmit.to)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
