//! A STUN server with four sockets, which tells what a NAT lets in (RFC 5780).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use stun_proto::types::attribute::{AttributeType, MappedSocketAddr, XorMappedAddress};
use stun_proto::types::message::{BINDING, Message, MessageWriteVec};
use stun_proto::types::prelude::{MessageWrite as _, MessageWriteExt as _};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// RFC 5780, section 7.
const CHANGE_REQUEST: AttributeType = AttributeType::new(0x0003);
const OTHER_ADDRESS: AttributeType = AttributeType::new(0x802c);

/// Bits of [`CHANGE_REQUEST`].
const CHANGE_PORT: u8 = 2;
const CHANGE_ADDRESS: u8 = 4;

/// A server at work, until it is dropped.
#[derive(Debug)]
pub struct Observer {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

/// Both ports of both addresses: which is at place `2 * address + port`.
type Sockets = [(UdpSocket, SocketAddr); 4];

impl Observer {
    /// A server at two addresses of this machine, of which the first is the one to ask.
    ///
    /// # Panics
    /// If there are no ports.
    pub async fn start(addresses: [IpAddr; 2]) -> Self {
        let sockets = loop {
            // Somebody else may have one of the ports.
            if let Some(sockets) = bind(addresses).await {
                break Arc::new(sockets);
            }
        };
        let tasks = (0..sockets.len()).map(|at| tokio::spawn(read(sockets.clone(), at))).collect();
        Self { address: sockets[0].1, tasks }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn bind(addresses: [IpAddr; 2]) -> Option<Sockets> {
    let first = UdpSocket::bind((addresses[0], 0)).await.expect("there is a port");
    let second = UdpSocket::bind((addresses[0], 0)).await.expect("there is a port");
    let across = [&first, &second].map(|socket| socket.local_addr().expect("it is bound").port());
    let third = UdpSocket::bind((addresses[1], across[0])).await.ok()?;
    let fourth = UdpSocket::bind((addresses[1], across[1])).await.ok()?;
    Some([first, second, third, fourth].map(|socket| {
        let address = socket.local_addr().expect("it is bound");
        (socket, address)
    }))
}

async fn read(sockets: Arc<Sockets>, at: usize) {
    let mut buffer = vec![0; 2048];
    loop {
        let Ok((length, from)) = sockets[at].0.recv_from(&mut buffer).await else { continue };
        if let Some((through, answer)) = answer(&sockets, at, &buffer[..length], from) {
            let _ = sockets[through].0.send_to(&answer, from).await;
        }
    }
}

/// What to answer, and through which socket.
fn answer(sockets: &Sockets, at: usize, data: &[u8], from: SocketAddr) -> Option<(usize, Vec<u8>)> {
    let request = Message::from_bytes(data).ok().filter(|message| message.has_method(BINDING))?;
    let change = request.raw_attribute(CHANGE_REQUEST);
    let change = change.and_then(|attribute| attribute.value.last().copied()).unwrap_or_default();
    let other_port = if change & CHANGE_PORT == 0 { 0 } else { 1 };
    let other_address = if change & CHANGE_ADDRESS == 0 { 0 } else { 2 };
    let through = at ^ other_port ^ other_address;
    let mut answer = Message::builder_success(&request, MessageWriteVec::new());
    answer.add_attribute(&XorMappedAddress::new(from, request.transaction_id())).ok()?;
    let other = MappedSocketAddr::new(sockets[at ^ 3].1);
    answer.add_attribute(&other.to_raw(OTHER_ADDRESS)).ok()?;
    Some((through, answer.finish()))
}
