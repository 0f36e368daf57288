//! The listening server: accepts connections, and stops in order.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use conjoin_signaling::IceServer;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::hub::{Hub, Load};
use crate::service::{self, App};
use crate::socket::CLOSE_GRACE;
use crate::{Limits, Site};

/// How long a connection may take to send the head of its next request, keep-alive included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How many connections may wait to be accepted, as when all clients come back at once after a
/// restart: what does not fit tries again a second later. Systems lower this to what they allow.
const BACKLOG: u32 = 4096;

/// What a server is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What clients may cost.
    pub limits: Limits,
    /// How many bytes may wait to be written to one socket; more close it. One message always may.
    pub queue_limit: usize,
    /// STUN and TURN servers that clients are told to use.
    pub ice_servers: Vec<IceServer>,
    /// The pages.
    pub site: Site,
}

impl Default for Config {
    /// On a free port of this machine only, without pages.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            limits: Limits::default(),
            queue_limit: 512 * 1024,
            ice_servers: Vec::new(),
            site: Site::none(),
        }
    }
}

/// Why a server could not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another program listens there.
    #[error("{0} is in use")]
    InUse(SocketAddr),
    /// The address belongs to none of this machine's interfaces.
    #[error("{0} is not an address of this machine")]
    NotHere(SocketAddr),
    /// The system does not let this user listen there; ports below 1024 often need a privilege.
    #[error("listening on {0} is not permitted")]
    NotPermitted(SocketAddr),
    /// Something else.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, #[source] io::Error),
}

/// A server that listens, and answers once it [runs](Server::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    hub: Arc<Hub>,
    max_message: usize,
    site: Site,
}

impl Server {
    /// Listens. Connections wait until [`Server::run`].
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let Config { listen, limits, queue_limit, ice_servers, site } = config;
        let listener = wait_at(listen).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(listen),
            io::ErrorKind::AddrNotAvailable => BindError::NotHere(listen),
            io::ErrorKind::PermissionDenied => BindError::NotPermitted(listen),
            _ => BindError::Other(listen, error),
        })?;
        let address = listener.local_addr().map_err(|error| BindError::Other(listen, error))?;
        let max_message = limits.max_message;
        Ok(Self {
            listener,
            address,
            hub: Arc::new(Hub::new(limits, ice_servers, queue_limit)),
            max_message,
            site,
        })
    }

    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// A way to see how much the server has to do while it runs.
    pub fn load(&self) -> impl Fn() -> Load + Send + Sync + use<> {
        let hub = self.hub.clone();
        move || hub.load()
    }

    /// A way to see which rooms there are while it runs, and how many peers are in each.
    pub fn rooms(&self) -> impl Fn() -> Vec<(Arc<str>, usize)> + Send + Sync + use<> {
        let hub = self.hub.clone();
        move || hub.rooms()
    }

    /// Serves until `shutdown` is done. Then all sockets are told that the server goes away, and
    /// this ends when they have closed, or after about half a second.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, hub, max_message, site, .. } = self;
        let (stop, stopped) = watch::channel(false);
        let app = App { hub: hub.clone(), max_message, site, stopped: stopped.clone() };
        let router = service::router(Arc::new(app));
        let sockets = CloseOnDrop(hub.clone());
        let mut shutdown = pin!(shutdown);
        let mut time = pin!(hub.keep_time());
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = &mut time => break,
                stream = accept(&listener) => {
                    tokio::spawn(serve(stream, router.clone(), stopped.clone()));
                }
            }
        }
        drop((listener, router, stopped, sockets));
        stop.send_replace(true);
        if timeout(CLOSE_GRACE + Duration::from_millis(100), stop.closed()).await.is_err() {
            debug!("some connections did not close in time");
        }
    }
}

fn wait_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a server that was just stopped must not keep the next one from starting.
    // Elsewhere this would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Waits until the server stops.
pub(crate) async fn is_over(stopped: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Closes the sockets when the server stops, also if its future is dropped.
struct CloseOnDrop(Arc<Hub>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small messages, and every one of them is waited for.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "no TCP_NODELAY");
                }
                return stream;
            }
            Err(error) if is_of_the_connection(&error) => debug!(%error, "a connection broke off"),
            Err(error) => {
                // Out of file descriptors, most likely: trying at once would only burn time.
                warn!(%error, "cannot accept connections");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves the HTTP requests of one connection. A WebSocket goes on in a task of its own.
async fn serve(stream: TcpStream, router: Router, mut stopped: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = is_over(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            timeout(CLOSE_GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        debug!(%error, "connection ended");
    }
}
