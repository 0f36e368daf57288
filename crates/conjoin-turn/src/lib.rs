//! A STUN and TURN server for tests, over UDP on the loopback interface.
//!
//! The protocol is that of `turn-server-proto`; this has the sockets. It can lose packets, and answer as a
//! server behind a NAT would.

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
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use turn_server_proto::api::{DelayedMessageOrChannelSend, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::prelude::DelayedTransmitBuild as _;
use turn_server_proto::types::transmit::TransmitBuild;

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
    main: Arc<UdpSocket>,
    server: Mutex<TurnServer>,
    relays: Mutex<HashMap<SocketAddr, Relay>>,
    received: AtomicUsize,
    relayed: AtomicUsize,
}

impl Turn {
    /// A server that behaves well.
    pub async fn start() -> Self {
        Self::start_with(Behaviour::default()).await
    }

    /// A server that behaves like this.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start_with(behaviour: Behaviour) -> Self {
        let main = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a port");
        let address = main.local_addr().expect("it is bound");
        let mut server = TurnServer::new(TransportType::Udp, address, "conjoin".into());
        server.add_user(USER.into(), PASSWORD.into());
        let inner = Arc::new(Inner {
            address,
            behaviour,
            begun: Instant::now(),
            main: Arc::new(main),
            server: Mutex::new(server),
            relays: Mutex::default(),
            received: AtomicUsize::new(0),
            relayed: AtomicUsize::new(0),
        });
        let read = tokio::spawn(inner.clone().reading(inner.main.clone(), address));
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

    /// How many packets came from clients.
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
    }
}

impl Inner {
    fn now(&self) -> stun_proto::Instant {
        stun_proto::Instant::from_std(self.begun)
    }

    /// Boxed, as reading may lead to one more socket.
    fn reading(
        self: Arc<Self>,
        socket: Arc<UdpSocket>,
        at: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { self.read(socket, at).await })
    }

    async fn read(self: &Arc<Self>, socket: Arc<UdpSocket>, at: SocketAddr) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // An error tells of a packet sent before, which is as good as lost.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            let data = &buffer[..length];
            if at == self.address {
                if self.received.fetch_add(1, Ordering::Relaxed) < self.behaviour.loses {
                    continue;
                }
                if let Some(answer) = self.mapped(data, from) {
                    let _ = self.main.send_to(&answer, from).await;
                    continue;
                }
            } else {
                self.relayed.fetch_add(1, Ordering::Relaxed);
            }
            let transmit = Transmit::new(data.to_vec(), TransportType::Udp, from, at);
            let answer = lock(&self.server).recv(transmit, self.now()).map(build);
            if let Some(answer) = answer {
                self.send(answer).await;
            }
            self.work().await;
        }
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
                    let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port"));
                    let relayed = socket.local_addr().expect("it is bound");
                    let reading = tokio::spawn(self.clone().reading(socket.clone(), relayed));
                    lock(&self.relays).insert(relayed, (socket, reading));
                    let allocated = Ok(relayed);
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

    async fn send(&self, transmit: Transmit<Vec<u8>>) {
        let relay = lock(&self.relays).get(&transmit.from).map(|(socket, _)| socket.clone());
        let socket = relay.unwrap_or_else(|| self.main.clone());
        let _ = socket.send_to(&transmit.data, transmit.to).await;
    }
}

fn build(transmit: TransmitBuild<DelayedMessageOrChannelSend<Vec<u8>>>) -> Transmit<Vec<u8>> {
    Transmit::new(transmit.data.build(), transmit.transport, transmit.from, transmit.to)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
