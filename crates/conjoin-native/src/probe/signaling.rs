//! The way to a signaling server, step by step.

use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conjoin_peer::IceServer;
use conjoin_signaling::{ClientMessage, ServerMessage};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::random;
use crate::tls::tls;

/// A step that takes longer fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that is needed to enter a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignalingStep {
    /// The address is one of a signaling server.
    Address,
    /// Its name is known.
    Name,
    /// Somebody listens there.
    Connect,
    /// It proves who it is.
    Tls,
    /// It speaks WebSocket.
    WebSocket,
    /// It lets this machine into a room.
    Join,
}

/// A room was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Where the server is.
    pub address: SocketAddr,
    /// The STUN and TURN servers it names.
    pub ice_servers: Vec<IceServer>,
    /// From the first step to the last.
    pub time: Duration,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Which.
    pub step: SignalingStep,
    /// Why, for people.
    pub reason: String,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unreachable {}

/// Enters a room of its own at a server, and leaves it.
///
/// # Errors
/// Which step failed, and why.
pub async fn join(url: &str) -> Result<Joined, Unreachable> {
    let begun = Instant::now();
    let (secure, host, port) = address(url).map_err(at(SignalingStep::Address))?;
    let found = step(SignalingStep::Name, async {
        let found = lookup_host((host.as_str(), port)).await;
        let found = found.map_err(|_| format!("the name {host} is not known"))?;
        Ok(found.collect::<Vec<_>>())
    });
    let found = found.await?;
    let tcp = step(SignalingStep::Connect, connect(&found, port)).await?;
    let address = tcp.peer_addr().map_err(|error| error.to_string()).map_err(at(SignalingStep::Connect))?;
    let ice_servers = if secure {
        let secured = step(SignalingStep::Tls, async {
            let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
            let secured = TlsConnector::from(tls()?).connect(name, tcp).await;
            secured.map_err(|error| format!("no TLS with it: {error}"))
        });
        enter(url, secured.await?).await?
    } else {
        enter(url, tcp).await?
    };
    Ok(Joined { address, ice_servers, time: begun.elapsed() })
}

/// Whether it uses TLS, its host and its port.
fn address(url: &str) -> Result<(bool, String, u16), String> {
    let (scheme, _) = url.split_once("://").unwrap_or_default();
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "ws" => false,
        "wss" => true,
        "http" | "https" => {
            let ws = url.replacen("http", "ws", 1);
            return Err(format!("{url:?} is the address of pages; signaling is at {ws:?}"));
        }
        _ => return Err(format!("{url:?} does not begin with ws:// or wss://")),
    };
    let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no address: {error}"))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| format!("{url:?} names no host"))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok((secure, host.to_owned(), uri.port_u16().unwrap_or(if secure { 443 } else { 80 })))
}

async fn connect(found: &[SocketAddr], port: u16) -> Result<TcpStream, String> {
    let mut reason = "its name has no address".to_owned();
    for address in found {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                reason = match error.kind() {
                    ErrorKind::ConnectionRefused => {
                        format!("nothing listens on port {port} of {}", address.ip())
                    }
                    _ => format!("{address}: {error}"),
                };
            }
        }
    }
    Err(reason)
}

async fn enter<S: AsyncRead + AsyncWrite + Unpin>(
    url: &str,
    stream: S,
) -> Result<Vec<IceServer>, Unreachable> {
    let (mut socket, _) = step(SignalingStep::WebSocket, async {
        client_async(url, stream).await.map_err(|error| match error {
            Error::Http(answer) => match answer.status().as_u16() {
                200 | 404 => "a web server answers there, but no signaling server".to_owned(),
                status => format!("it answers with HTTP status {status}"),
            },
            error => format!("what answers there is no signaling server: {error}"),
        })
    })
    .await?;
    let room_id = format!("conjoin-doctor-{:016x}", random());
    let peer_id = format!("{:016x}", random());
    let join = ClientMessage::Join {
        room_id: room_id.clone(),
        peer_id: peer_id.clone(),
        peer_name: None,
        resume_token: None,
    };
    let ice_servers = step(SignalingStep::Join, async {
        socket.send(Message::text(join.to_json())).await.map_err(|error| error.to_string())?;
        while let Some(message) = socket.next().await {
            let message = message.map_err(|error| error.to_string())?;
            match message {
                Message::Text(text) => match ServerMessage::from_json(&text) {
                    Ok(ServerMessage::Peers { ice_servers, .. }) => return Ok(ice_servers),
                    Ok(ServerMessage::Error { message, .. }) => return Err(format!("it refuses: {message}")),
                    Ok(_) => {}
                    Err(_) => return Err("what answers there is no signaling server of Conjoin".to_owned()),
                },
                Message::Close(Some(frame)) if !frame.reason.is_empty() => {
                    return Err(format!("it closed the connection: {}", frame.reason));
                }
                _ => {}
            }
        }
        Err("it closed the connection".to_owned())
    })
    .await?;
    // How the goodbye goes makes no difference.
    let _ = socket.send(Message::text(ClientMessage::Leave { room_id, peer_id }.to_json())).await;
    let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
    Ok(ice_servers)
}

async fn step<T>(
    step: SignalingStep,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, Unreachable> {
    let done = timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs()))).map_err(at(step))
}

fn at(step: SignalingStep) -> impl FnOnce(String) -> Unreachable {
    move |reason| Unreachable { step, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |url: &str| address(url);
        assert_eq!(read("ws://localhost:8080"), Ok((false, "localhost".into(), 8080)));
        assert_eq!(read("wss://signal.example.org"), Ok((true, "signal.example.org".into(), 443)));
        assert_eq!(read("ws://[::1]:9/x"), Ok((false, "::1".into(), 9)));
        assert!(read("http://localhost:8080").unwrap_err().contains("\"ws://localhost:8080\""));
        for wrong in ["", "localhost:8080", "ws://", "ftp://x", "ws://a b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
