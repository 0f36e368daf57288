//! TURN servers over TCP and TLS, for networks that let no UDP out.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::gather::{Frames, Server, Service, Transport};
use crate::link::Link;
use crate::tls::tls;

/// A server that does not answer for this long cannot be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages that may wait for a slow server. More are lost, as datagrams may be.
const WAITING: usize = 256;

/// A connection to a server.
pub(crate) struct Stream {
    inner: Box<dyn ReadWrite>,
    /// The address of its own end.
    pub(crate) local: SocketAddr,
}

trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

impl Stream {
    /// Connects to a server at one of its addresses.
    ///
    /// # Errors
    /// Why it cannot be reached, for people.
    pub(crate) async fn connect(server: &Server, address: SocketAddr) -> Result<Self, String> {
        timeout(CONNECT_TIMEOUT, Self::open(server, address))
            .await
            .unwrap_or_else(|_| Err("it does not answer".into()))
    }

    async fn open(server: &Server, address: SocketAddr) -> Result<Self, String> {
        let tcp = TcpStream::connect(address).await.map_err(|error| reason(&error))?;
        // Whole messages are written, and should leave.
        let _ = tcp.set_nodelay(true);
        let local = tcp.local_addr().map_err(|error| error.to_string())?;
        if server.transport != Transport::Tls {
            return Ok(Self { inner: Box::new(tcp), local });
        }
        let name = ServerName::try_from(server.host.clone()).map_err(|error| error.to_string())?;
        let secured = TlsConnector::from(tls()?).connect(name, tcp).await;
        let secured = secured.map_err(|error| format!("no TLS with it: {error}"))?;
        Ok(Self { inner: Box::new(secured), local })
    }

    pub(crate) fn split(self) -> (ReadHalf<impl AsyncRead>, WriteHalf<impl AsyncWrite>) {
        split(self.inner)
    }
}

/// Why there is no connection, for people.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

/// Speaks with a server for a link, until either is gone. `None` if there was nothing to speak about.
pub(crate) async fn relay(link: &Weak<Link>, server: &Server, address: SocketAddr) -> Option<()> {
    let Service::Turn { username, password } = &server.service else { return None };
    if link.upgrade()?.has_stream(address) {
        return None;
    }
    let stream = Stream::connect(server, address).await.ok()?;
    let path = (stream.local, address);
    let (outlet, inlet) = channel(WAITING);
    link.upgrade()?.add_stream(path, (username, password), outlet);
    let (read, write) = stream.split();
    tokio::select! {
        () = forward(inlet, write) => {}
        _ = backward(link, path, read) => {}
    }
    link.upgrade()?.remove_stream(path);
    Some(())
}

/// What the link sends, to the server. Done when the link has no more to send and all has left.
async fn forward(mut inlet: Receiver<Vec<u8>>, mut write: impl AsyncWrite + Unpin) {
    while let Some(data) = inlet.recv().await {
        if write.write_all(&data).await.is_err() || write.flush().await.is_err() {
            return;
        }
    }
    let _ = write.shutdown().await;
}

/// What the server sends, to the link.
async fn backward(
    link: &Weak<Link>,
    path: (SocketAddr, SocketAddr),
    mut read: impl AsyncRead + Unpin,
) -> Option<()> {
    let mut frames = Frames::default();
    while read.read_buf(frames.buffer()).await.ok()? > 0 {
        while let Some(data) = frames.next().ok()? {
            link.upgrade()?.receive_stream(path, &data);
        }
    }
    Some(())
}
