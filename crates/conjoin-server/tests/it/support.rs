//! A real server on a free port, and clients that wait with a bound.

use std::net::SocketAddr;
use std::time::Duration;

use conjoin_server::{Config, Limits, Load, Server};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes, even on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    load: Box<dyn Fn() -> Load + Send + Sync>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with(Config { limits, ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let server = Server::bind(config).await.expect("a free port");
        let (address, load) = (server.local_addr(), Box::new(server.load()));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self { address, load, stop: Some(stop), task }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::open(&format!("ws://{}/", self.address)).await
    }

    /// A client that is in a room already, and has read the list.
    pub(crate) async fn joined(&self, room: &str, peer: &str) -> Client {
        let mut client = self.client().await;
        client.send(json!({"type": "join", "roomId": room, "peerId": peer})).await;
        client.expect("peers").await;
        client
    }

    pub(crate) fn load(&self) -> Load {
        (self.load)()
    }

    /// Waits until the server has this load.
    pub(crate) async fn until(&self, what: impl Fn(Load) -> bool) {
        let wait = async {
            while !what(self.load()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("the server stays at {:?}", self.load()));
    }

    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        timeout(BOUND, self.task).await.expect("the server stops").expect("without a panic");
    }
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn open(url: &str) -> Self {
        let (socket, _) = timeout(BOUND, connect_async(url)).await.expect("an answer").expect("a socket");
        Self { socket }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("the socket is open");
    }

    /// The next message of the server. Pings are answered on the way.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let message = timeout(BOUND, self.socket.next()).await.expect("a message within the bound");
            match message {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    pub(crate) async fn expect_error(&mut self, code: &str) {
        let message = self.expect("error").await;
        assert_eq!(message["code"], code, "{message}");
    }

    /// All that came before the server's answer to a question that is asked now: what the server
    /// did before cannot come later.
    pub(crate) async fn all_until_now(&mut self) -> Vec<Value> {
        self.send(json!({"type": "offer", "toPeerId": "nobody of that name", "sdp": ""})).await;
        let mut all = Vec::new();
        loop {
            let message = self.next().await;
            if message["message"].as_str().is_some_and(|text| text.contains("nobody of that name")) {
                return all;
            }
            all.push(message);
        }
    }

    /// The status of the close frame; nothing else may come before it.
    pub(crate) async fn expect_close(&mut self) -> u16 {
        loop {
            let message = timeout(BOUND, self.socket.next()).await.expect("a close within the bound");
            match message {
                Some(Ok(Message::Close(Some(frame)))) => {
                    // Reading on completes the closing handshake.
                    while let Ok(Some(Ok(_))) = timeout(BOUND, self.socket.next()).await {}
                    return frame.code.into();
                }
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("no close but {other:?}"),
            }
        }
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.expect("the socket is open");
        while let Ok(Some(Ok(_))) = timeout(BOUND, self.socket.next()).await {}
    }
}

/// An answer over plain HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line =
            |line: &'_ str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        let line = self.head.lines().find(|it| line(it))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[]).await
}

/// Sends exactly this path, as no well-behaved client would.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(BOUND, exchange).await.expect("an answer within the bound").expect("an answer");
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a complete head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("UTF-8");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head, body: answer[end + 4..].to_vec() }
}
