//! The WebSocket to the signaling server.

use std::future::pending;
use std::time::Duration;

use conjoin_peer::Input;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::{Error, TlsError, UrlError};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::busy::Work;
use crate::stream;
use crate::tls::tls;

/// A server that does not answer for this long cannot be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What may still be sent after the socket was closed must be gone by then.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest message taken from a server, in bytes: a list of a thousand peers, and much more.
const MAX_MESSAGE: usize = 1024 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

enum Command {
    Open(String),
    Send(String),
    Close(Work),
}

/// One socket after the other; there is never more than one.
#[derive(Clone)]
pub(crate) struct Signaling(UnboundedSender<Command>);

impl Signaling {
    /// And the task that does the work. It ends, and closes the socket, when the last handle is gone.
    pub(crate) fn new<F: Fn(Input)>(tell: F) -> (Self, impl Future<Output = ()> + use<F>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), run(receiver, tell))
    }

    /// Drops the socket there is, and opens one.
    pub(crate) fn open(&self, url: String) {
        self.command(Command::Open(url));
    }

    /// Sends a message. If the socket is closing, its closing will be told.
    pub(crate) fn send(&self, message: String) {
        self.command(Command::Send(message));
    }

    /// Closes the socket, after what was sent before.
    pub(crate) fn close(&self, work: Work) {
        self.command(Command::Close(work));
    }

    fn command(&self, command: Command) {
        // The task is gone only when its runtime is.
        let _ = self.0.send(command);
    }
}

/// A socket that is open, or about to be.
enum State {
    None,
    Opening { url: String, opening: tokio::task::JoinHandle<Result<Socket, String>> },
    Open { url: String, socket: Box<Socket> },
}

async fn run(mut commands: UnboundedReceiver<Command>, tell: impl Fn(Input)) {
    let mut state = State::None;
    loop {
        tokio::select! {
            // What was asked for first counts: nothing of a socket that is to be dropped is told.
            biased;
            command = commands.recv() => match command {
                Some(Command::Open(url)) => {
                    drop_socket(state);
                    let opening = tokio::spawn(open(url.clone()));
                    state = State::Opening { url, opening };
                }
                Some(Command::Send(message)) => {
                    if let State::Open { socket, .. } = &mut state {
                        // An error shows when it is read.
                        let _ = socket.send(Message::text(message)).await;
                    }
                }
                Some(Command::Close(_work)) => {
                    close(state).await;
                    state = State::None;
                }
                None => return close(state).await,
            },
            input = happens(&mut state) => tell(input),
        }
    }
}

/// The next thing that happens to the socket.
async fn happens(state: &mut State) -> Input {
    match state {
        State::None => pending().await,
        State::Opening { opening, .. } => {
            let opened = opening.await.unwrap_or_else(|_| Err("opening the socket failed".to_owned()));
            let State::Opening { url, .. } = std::mem::replace(state, State::None) else {
                unreachable!("seen above")
            };
            match opened {
                Ok(socket) => {
                    *state = State::Open { url, socket: Box::new(socket) };
                    Input::SignalingOpened
                }
                Err(reason) => Input::SignalingClosed { reason },
            }
        }
        State::Open { url, socket } => loop {
            let reason = match socket.next().await {
                Some(Ok(Message::Text(text))) => break Input::SignalingMessage(text.as_str().to_owned()),
                Some(Ok(Message::Close(Some(frame)))) if !frame.reason.is_empty() => {
                    let (reason, code) = (frame.reason.as_str(), u16::from(frame.code));
                    format!("signaling server at {url} closed the connection: {reason} (code {code})")
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    let code = u16::from(frame.code);
                    format!("signaling server at {url} closed the connection (code {code})")
                }
                Some(Ok(Message::Close(None))) => format!("signaling server at {url} closed the connection"),
                // The library answers pings; bytes have no meaning here.
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => format!("the connection to the signaling server at {url} was lost"),
            };
            *state = State::None;
            break Input::SignalingClosed { reason };
        },
    }
}

/// Drops a socket without a word.
fn drop_socket(state: State) {
    if let State::Opening { opening, .. } = state {
        opening.abort();
    }
}

async fn close(state: State) {
    match state {
        State::Open { mut socket, .. } => {
            let _ = timeout(CLOSE_TIMEOUT, socket.close(None)).await;
        }
        state => drop_socket(state),
    }
}

async fn open(url: String) -> Result<Socket, String> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("ws" | "wss")) || url.parse::<Uri>().is_err() {
        return Err(format!(
            "{url:?} is no address of a signaling server: it must begin with ws:// or wss://"
        ));
    }
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let connector = match scheme.as_deref() {
        Some("wss") => Some(Connector::Rustls(tls()?)),
        _ => Some(Connector::Plain),
    };
    let connecting = connect_async_tls_with_config(url.as_str(), Some(config), true, connector);
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => {
            let reason = if is_unknown(&url).await { "its name is not known".into() } else { reason(&error) };
            Err(format!("signaling server at {url} cannot be reached: {reason}"))
        }
        Err(_) => Err(format!("signaling server at {url} cannot be reached: it does not answer")),
    }
}

/// Whether nobody knows the name of its host. The error itself does not tell in words that are the same everywhere.
async fn is_unknown(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let Some(host) = uri.as_ref().and_then(Uri::host).filter(|host| !host.starts_with('[')) else {
        return false;
    };
    matches!(timeout(CONNECT_TIMEOUT, lookup_host((host, 0))).await, Ok(Err(_)))
}

/// Why a server cannot be reached, for people.
fn reason(error: &Error) -> String {
    match error {
        Error::Io(error) => stream::reason(error),
        Error::Http(response) => match response.status().as_u16() {
            200 | 404 => "a web server answers there, but no signaling server".to_owned(),
            status => format!("it answers with HTTP status {status}"),
        },
        Error::Url(UrlError::NoHostName | UrlError::EmptyHostName) => "the address names no host".to_owned(),
        Error::Tls(TlsError::InvalidDnsName) => "the address names no host".to_owned(),
        error => error.to_string(),
    }
}
