//! Sockets for the time of a question.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::time::sleep_until;

use crate::interfaces::route;

/// One for each family.
pub(super) struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    pub(super) async fn bind() -> Self {
        let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok();
        Self { v4, v6: UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await.ok() }
    }

    /// The address that packets to this place leave from.
    pub(super) fn base(&self, to: SocketAddr) -> Option<SocketAddr> {
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        Some(SocketAddr::new(route(to)?, socket.as_ref()?.local_addr().ok()?.port()))
    }

    pub(super) async fn send(&self, to: SocketAddr, data: &[u8]) {
        if let Some(socket) = if to.is_ipv4() { &self.v4 } else { &self.v6 } {
            // What cannot be sent is not answered.
            let _ = socket.send_to(data, to).await;
        }
    }

    /// The next packet, unless it takes longer than until then.
    pub(super) async fn receive(&self, until: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        tokio::select! {
            packet = receive(self.v4.as_ref()) => Some(packet),
            packet = receive(self.v6.as_ref()) => Some(packet),
            () = sleep_until(until.into()) => None,
        }
    }
}

async fn receive(socket: Option<&UdpSocket>) -> (SocketAddr, Vec<u8>) {
    let Some(socket) = socket else { return std::future::pending().await };
    let mut data = vec![0; 2048];
    loop {
        // An error tells of a packet sent before.
        if let Ok((length, from)) = socket.recv_from(&mut data).await {
            data.truncate(length);
            return (from, data);
        }
    }
}
