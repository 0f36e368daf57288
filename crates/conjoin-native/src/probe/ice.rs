//! STUN and TURN servers, one by one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conjoin_peer::IceServer;
use stun_proto::types::message::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout_at;

use super::sockets::Sockets;
use crate::gather::{Failure, Frames, Query, Relay, Server, Service, Step, Transport};
use crate::stream::Stream;

/// A server that does not answer for this long does not answer: four packets.
const PATIENCE: Duration = Duration::from_secs(5);

/// A STUN or TURN server as a URL names it.
#[derive(Debug, Clone)]
pub struct IceProbe {
    server: Server,
    /// Its addresses, one for each family it has.
    pub addresses: Vec<SocketAddr>,
}

/// What a STUN server sees of a socket of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping {
    /// The address of this machine.
    pub local: SocketAddr,
    /// The address that the server sees.
    pub mapped: SocketAddr,
    /// From the question to the answer.
    pub time: Duration,
}

/// An address that a TURN server lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    /// The address.
    pub relayed: SocketAddr,
    /// From the question to the answer.
    pub time: Duration,
}

impl IceProbe {
    /// Reads a URL of a server, and finds its addresses.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub async fn find(url: &str, server: &IceServer) -> Result<Self, String> {
        let server = Server::parse(url, server)?;
        let addresses = server.resolve().await?;
        if addresses.is_empty() {
            return Err(format!("the name {} has no address", server.host));
        }
        Ok(Self { server, addresses })
    }

    /// Whether it is one that lends addresses.
    pub const fn is_turn(&self) -> bool {
        matches!(self.server.service, Service::Turn { .. })
    }

    /// Whether it is spoken to over UDP.
    pub fn is_udp(&self) -> bool {
        self.server.transport == Transport::Udp
    }
}

/// Asks servers from one socket which address they see; `None` for those that do not answer.
///
/// A NAT that shows the same address to different servers can be crossed without help, others cannot (RFC 5780,
/// section 4.3).
pub async fn mappings(servers: &[SocketAddr]) -> Vec<Option<Mapping>> {
    let sockets = Sockets::bind().await;
    let begun = Instant::now();
    let until = begun + PATIENCE;
    let ask = |server: &SocketAddr| Some(Query::new(begun, *server, sockets.base(*server)?));
    let mut queries: Vec<_> = servers.iter().map(ask).collect();
    loop {
        let now = Instant::now();
        for query in queries.iter_mut().flatten() {
            while let Some(data) = query.poll(now) {
                sockets.send(query.server(), &data).await;
            }
        }
        let mut waiting = queries.iter().flatten().filter(|query| query.answer().is_none()).peekable();
        if now >= until || waiting.peek().is_none() {
            break;
        }
        let wake = waiting.filter_map(Query::wake).min().map_or(until, |wake| wake.min(until));
        if let Some((from, data)) = sockets.receive(wake).await
            && let Ok(message) = Message::from_bytes(&data)
        {
            let now = Instant::now();
            let _ = queries.iter_mut().flatten().any(|query| query.receive(now, from, &message));
        }
    }
    let told = |query: &Query| {
        let answer = query.answer()?;
        Some(Mapping { local: query.base(), mapped: answer.mapped, time: answer.time })
    };
    queries.iter().map(|query| query.as_ref().and_then(told)).collect()
}

/// Has a TURN server lend an address, and gives it back.
///
/// # Errors
/// Why it does not, for people.
pub async fn lend(probe: &IceProbe, server: SocketAddr) -> Result<Lent, String> {
    let Service::Turn { username, password } = &probe.server.service else {
        return Err("it is no TURN server".into());
    };
    let (begun, transport) = (Instant::now(), probe.server.transport);
    let credentials = (username.as_str(), password.as_str());
    if transport == Transport::Udp {
        let sockets = Sockets::bind().await;
        let base = sockets.base(server).ok_or("there is no way to it from this machine")?;
        let relay = Relay::new(begun, transport, server, base, credentials);
        let mut lending = Lending { relay, begun, lent: None };
        loop {
            match lending.next() {
                Turn::Send(data) => sockets.send(server, &data).await,
                Turn::End(end) => return end,
                Turn::Wait(until) => {
                    let packet = sockets.receive(until).await;
                    if let Some((_, data)) = packet.filter(|(from, _)| *from == server) {
                        lending.relay.receive(Instant::now(), &data, |_| ());
                    }
                }
            }
        }
    }
    let stream = Stream::connect(&probe.server, server).await?;
    let relay = Relay::new(begun, transport, server, stream.local, credentials);
    let mut lending = Lending { relay, begun: Instant::now(), lent: None };
    let (mut read, mut write) = stream.split();
    let mut frames = Frames::default();
    loop {
        match lending.next() {
            Turn::Send(data) => {
                write.write_all(&data).await.map_err(|error| error.to_string())?;
                write.flush().await.map_err(|error| error.to_string())?;
            }
            Turn::End(end) => return end,
            Turn::Wait(until) => {
                match timeout_at(until.into(), read.read_buf(frames.buffer())).await {
                    Ok(Ok(1..)) => {}
                    Ok(_) => return Err("it closed the connection".into()),
                    Err(_) => continue,
                }
                while let Some(data) = frames.next().map_err(|_| "it is no TURN server")? {
                    lending.relay.receive(Instant::now(), &data, |_| ());
                }
            }
        }
    }
}

/// What is to be done for an allocation.
enum Turn {
    Send(Vec<u8>),
    Wait(Instant),
    End(Result<Lent, String>),
}

/// An allocation that is given back at once.
struct Lending {
    relay: Relay,
    begun: Instant,
    lent: Option<Lent>,
}

impl Lending {
    fn next(&mut self) -> Turn {
        let now = Instant::now();
        loop {
            match self.relay.poll(now) {
                Some(Step::Transmit(data)) => return Turn::Send(data),
                Some(Step::Found(relayed)) => {
                    self.lent = Some(Lent { relayed, time: now - self.begun });
                    self.relay.close(now);
                }
                Some(Step::Lost(_)) => {}
                None => break,
            }
        }
        match (self.lent, self.relay.failure()) {
            (Some(lent), _) if self.relay.is_closed() => Turn::End(Ok(lent)),
            (None, Some(failure)) => Turn::End(Err(failure.to_string())),
            _ if now >= self.begun + PATIENCE => {
                Turn::End(self.lent.ok_or_else(|| Failure::NoAnswer.to_string()))
            }
            _ => Turn::Wait(self.relay.wake().unwrap_or(now + PATIENCE).min(self.begun + PATIENCE)),
        }
    }
}
