//! The UDP sockets of one link: one for IPv4 and one for IPv6, on all interfaces, whatever becomes of those.
//!
//! Datagrams of one size to one place leave in one system call, and come in several at a time, where the
//! operating system can do that (GSO, GRO).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::connection::Packet;

/// What the kernel may hold of what came, in bytes. With what it holds by itself, bursts are lost.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Buffers that are read into at once, and the size of each: the largest datagram, or many small ones.
const BUFFERS: usize = 8;
const BUFFER: usize = 64 * 1024;

/// Less than this goes into one system call, in bytes.
const LARGEST_BATCH: usize = 63 * 1024;

thread_local! {
    /// Shared by all sockets that are read in this thread, and never across an `await`.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFERS * BUFFER]);
}

/// A socket for one family of addresses.
pub(crate) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    port: u16,
}

impl Udp {
    fn bind(address: IpAddr) -> io::Result<Self> {
        let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&SocketAddr::new(address, 0).into())?;
        socket.set_nonblocking(true)?;
        // As much as the system grants.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let state = UdpSocketState::new((&socket).into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, state, port })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until there may be something to read.
    pub(crate) async fn readable(&self) {
        // An error shows when it is read.
        let _ = self.socket.readable().await;
    }

    /// Waits until there may be room to send.
    pub(crate) async fn writable(&self) {
        let _ = self.socket.writable().await;
    }

    /// Hands over what has come, as much as fits the buffers; `false` if there was nothing.
    pub(crate) fn receive(&self, mut packet: impl FnMut(Packet<'_>)) -> bool {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut chunks = scratch.chunks_exact_mut(BUFFER);
            let mut buffers: [IoSliceMut<'_>; BUFFERS] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            let mut meta = [RecvMeta::default(); BUFFERS];
            let read = || self.state.recv((&self.socket).into(), &mut buffers, &mut meta);
            let Ok(count) = self.socket.try_io(Interest::READABLE, read) else { return false };
            for (buffer, meta) in buffers.iter().zip(&meta).take(count) {
                let Some(to) = meta.dst_ip else { continue };
                let to = SocketAddr::new(to, self.port);
                let received = &buffer[..meta.len.min(buffer.len())];
                for data in received.chunks(meta.stride.max(1)) {
                    packet(Packet { from: meta.addr, to, data });
                }
            }
            true
        })
    }

    /// Sends datagrams of one size, the last of which may be shorter.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if there is no room now. All other errors are those of a path: such a
    /// datagram is lost, as any may be.
    fn send(&self, batch: &Batch) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: batch.to,
            ecn: None,
            contents: &batch.data,
            segment_size: (batch.data.len() > batch.size).then_some(batch.size),
            src_ip: Some(batch.from.ip()),
        };
        self.socket.try_io(Interest::WRITABLE, || self.state.try_send((&self.socket).into(), &transmit))
    }
}

/// Both sockets.
pub(crate) struct Sockets {
    pub(crate) v4: Option<Udp>,
    pub(crate) v6: Option<Udp>,
}

impl Sockets {
    /// New sockets, on ports that the system chooses.
    ///
    /// # Errors
    /// If there can be neither.
    pub(crate) fn bind() -> io::Result<Self> {
        let v4 = Udp::bind(Ipv4Addr::UNSPECIFIED.into());
        let v6 = Udp::bind(Ipv6Addr::UNSPECIFIED.into());
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Self { v4: v4.ok(), v6: v6.ok() }),
        }
    }

    /// The socket for what is sent from or to an address like this.
    pub(crate) const fn of(&self, address: &IpAddr) -> Option<&Udp> {
        match address {
            IpAddr::V4(_) => self.v4.as_ref(),
            IpAddr::V6(_) => self.v6.as_ref(),
        }
    }
}

/// Datagrams of one size from one place to another, on their way out.
struct Batch {
    from: SocketAddr,
    to: SocketAddr,
    size: usize,
    data: Vec<u8>,
}

impl Batch {
    /// Takes one more datagram, if it fits; otherwise gives it back.
    fn extend(
        &mut self,
        segments: usize,
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let whole = self.data.len().is_multiple_of(self.size);
        let room = self.data.len() / self.size < segments && self.data.len() + data.len() < LARGEST_BATCH;
        if !whole || !room || data.len() > self.size || (self.from, self.to) != (from, to) {
            return Some(data);
        }
        self.data.extend_from_slice(&data);
        None
    }
}

/// Gathers datagrams into batches and sends them.
#[derive(Default)]
pub(crate) struct Sender {
    batches: VecDeque<Batch>,
    /// The system takes no more for now; the batches wait.
    blocked: bool,
}

impl Sender {
    /// Takes a datagram, which is sent at the next [`flush`](Self::flush) at the latest.
    pub(crate) fn push(&mut self, sockets: &Sockets, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let segments = sockets.of(&to.ip()).map_or(1, |socket| socket.state.max_gso_segments());
        let data = match self.batches.back_mut() {
            Some(batch) => batch.extend(segments, from, to, data),
            None => Some(data),
        };
        let Some(data) = data.filter(|data| !data.is_empty()) else { return };
        if !self.blocked {
            self.flush(sockets);
        }
        self.batches.push_back(Batch { from, to, size: data.len(), data });
    }

    /// Sends what was gathered; `false` if the system takes no more.
    pub(crate) fn flush(&mut self, sockets: &Sockets) -> bool {
        self.blocked = false;
        while let Some(batch) = self.batches.front() {
            let sent = sockets.of(&batch.to.ip()).map_or(Ok(()), |socket| socket.send(batch));
            if sent.is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                self.blocked = true;
                return false;
            }
            self.batches.pop_front();
        }
        true
    }

    /// Whose socket has no room, if there is none.
    pub(crate) fn blocked_on(&self) -> Option<IpAddr> {
        self.batches.front().filter(|_| self.blocked).map(|batch| batch.to.ip())
    }
}
