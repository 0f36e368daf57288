//! Names that browsers give instead of addresses (draft-ietf-mmusic-mdns-ice-candidates): they mean something on
//! the local network only, where each is asked for over multicast DNS (RFC 6762).
//!
//! Browsers send what they answer to all, so it is listened to at the port of multicast DNS, as a member of
//! its group, beside whoever does so on this machine.

mod message;

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use self::message::{address_in, questions};

/// So many names of one link are asked for at a time: the peer makes them up.
pub(crate) const MAX_NAMES: usize = 16;

/// When a name is asked for, and when it is given up.
const ASK: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
const GIVE_UP: Duration = Duration::from_secs(6);

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// A candidate with such a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// JSON text of an `RTCIceCandidateInit`.
    candidate: String,
    pub(crate) name: String,
}

impl Named {
    /// From JSON text of an `RTCIceCandidateInit`, which may be anything.
    pub(crate) fn of_candidate(candidate: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(candidate).ok()?;
        let name = name_in(line["candidate"].as_str()?)?.to_owned();
        Some(Self { candidate: candidate.to_owned(), name })
    }

    /// Those in a description, which may be anything.
    pub(crate) fn of_description(description: &str) -> Vec<Self> {
        let description: Value = serde_json::from_str(description).unwrap_or_default();
        let lines = description["sdp"].as_str().unwrap_or_default().lines();
        let named = |line: &str| {
            let line = line.strip_prefix("a=").filter(|line| line.starts_with("candidate:"))?;
            let name = name_in(line)?.to_owned();
            Some(Self { candidate: json!({ "candidate": line }).to_string(), name })
        };
        lines.filter_map(named).take(MAX_NAMES).collect()
    }

    /// The candidate with an address in place of the name.
    pub(crate) fn with(&self, address: IpAddr) -> String {
        self.candidate.replacen(&self.name, &address.to_string(), 1)
    }
}

/// The name in the line of a candidate over UDP: one label under `local`, as the draft has it.
fn name_in(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let is_udp = words.next()?.eq_ignore_ascii_case("udp");
    let name = words.nth(1)?;
    let label = name.strip_suffix(".local")?;
    let is_label = (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_udp && is_label).then_some(name)
}

/// Where to ask: a socket for each interface, and the place to send to.
struct Asker {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Asker {
    /// Those for the interfaces of this machine.
    fn all() -> Vec<Self> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let mut askers = Vec::new();
        for interface in &interfaces {
            let asker = match interface.ip() {
                IpAddr::V4(address) => Some(Self::v4(address)),
                IpAddr::V6(address) if address.is_unicast_link_local() => interface.index.map(Self::v6),
                IpAddr::V6(_) => continue,
            };
            // An interface without multicast is none to ask at.
            askers.extend(asker.into_iter().flatten());
        }
        askers
    }

    fn v4(address: Ipv4Addr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_multicast_if_v4(&address)?;
        let to = SocketAddr::from((GROUP_V4, PORT));
        let joined = listen(&socket, to).and_then(|()| socket.join_multicast_v4(&GROUP_V4, &address));
        Self::new(socket, to, joined)
    }

    fn v6(index: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_only_v6(true)?;
        socket.set_multicast_if_v6(index)?;
        let to = SocketAddr::from(SocketAddrV6::new(GROUP_V6, PORT, 0, index));
        let joined = listen(&socket, to).and_then(|()| socket.join_multicast_v6(&GROUP_V6, index));
        Self::new(socket, to, joined)
    }

    fn new(socket: Socket, to: SocketAddr, joined: io::Result<()>) -> io::Result<Self> {
        // Where the port cannot be shared, some answer to any other.
        joined.or_else(|_| {
            let any: IpAddr =
                if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
            socket.bind(&SocketAddr::new(any, 0).into())
        })?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: UdpSocket::from_std(socket.into())?, to })
    }
}

/// Shares the port of a group with others.
fn listen(socket: &Socket, group: SocketAddr) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    // What is sent to the group and nothing else, where a socket can be bound to that.
    socket.bind(&group.into()).or_else(|_| {
        let any: IpAddr =
            if group.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        socket.bind(&SocketAddr::new(any, PORT).into())
    })
}

/// Asks the local network for a name. Takes some seconds at most; `None` if nobody answers.
pub(crate) async fn resolve(name: &str) -> Option<IpAddr> {
    ask(Asker::all(), name).await
}

async fn ask(askers: Vec<Asker>, name: &str) -> Option<IpAddr> {
    let questions = questions(name);
    let begun = Instant::now();
    let mut buffer = vec![0; 9000];
    let mut asked = ASK.into_iter().peekable();
    loop {
        while asked.next_if(|at| begun.elapsed() >= *at).is_some() {
            for asker in &askers {
                for question in &questions {
                    // Where it does not go out, nobody answers.
                    let _ = asker.socket.send_to(question, asker.to).await;
                }
            }
        }
        let wake = begun + asked.peek().copied().unwrap_or(GIVE_UP);
        tokio::select! {
            length = receive(&askers, &mut buffer) => {
                if let Some(address) = address_in(&buffer[..length], name) {
                    return Some(address);
                }
            }
            () = sleep_until(wake) => {
                if begun.elapsed() >= GIVE_UP {
                    return None;
                }
            }
        }
    }
}

/// The next datagram at any of the sockets.
async fn receive(askers: &[Asker], buffer: &mut [u8]) -> usize {
    poll_fn(|context| {
        for asker in askers {
            loop {
                let mut read = ReadBuf::new(buffer);
                match asker.socket.poll_recv(context, &mut read) {
                    Poll::Ready(Ok(())) => return Poll::Ready(read.filled().len()),
                    // It tells of a packet sent before.
                    Poll::Ready(Err(_)) => {}
                    Poll::Pending => break,
                }
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests;
