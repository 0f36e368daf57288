//! Clients over TCP: messages in streams (RFC 8656, section 12.5).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::lock;

/// Messages that may wait for a slow client. More are lost, as datagrams are.
const WAITING: usize = 1024;

/// A message, and which client it came from.
pub(crate) type Incoming = (SocketAddr, Vec<u8>);

/// The way to a client, and the task that looks after its stream.
type Stream = (Sender<Vec<u8>>, JoinHandle<()>);

/// All streams that were begun.
#[derive(Debug)]
pub(crate) struct Streams {
    incoming: Sender<Incoming>,
    open: Mutex<HashMap<SocketAddr, Stream>>,
}

impl Streams {
    /// None yet, and where their messages will come.
    pub(crate) fn new() -> (Self, Receiver<Incoming>) {
        let (incoming, messages) = channel(WAITING);
        (Self { incoming, open: Mutex::default() }, messages)
    }

    pub(crate) fn begin(&self, from: SocketAddr, stream: TcpStream) {
        let (outlet, inlet) = channel(WAITING);
        // Whole messages are written, and should leave.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        let incoming = self.incoming.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                _ = forward(inlet, write) => {}
                _ = backward(read, from, incoming) => {}
            }
        });
        lock(&self.open).insert(from, (outlet, task));
    }

    pub(crate) fn send(&self, to: SocketAddr, mut data: Vec<u8>) {
        // Messages of channels are padded; others have such a length by themselves.
        data.resize(data.len().next_multiple_of(4), 0);
        if let Some((outlet, _)) = lock(&self.open).get(&to) {
            let _ = outlet.try_send(data);
        }
    }

    pub(crate) fn close(&self) {
        for (_, (_, task)) in lock(&self.open).drain() {
            task.abort();
        }
    }
}

async fn forward(mut inlet: Receiver<Vec<u8>>, mut write: impl AsyncWrite + Unpin) -> Option<()> {
    while let Some(data) = inlet.recv().await {
        write.write_all(&data).await.ok()?;
    }
    Some(())
}

async fn backward(
    mut read: impl AsyncRead + Unpin,
    from: SocketAddr,
    incoming: Sender<Incoming>,
) -> Option<()> {
    loop {
        let mut message = vec![0; 4];
        read.read_exact(&mut message).await.ok()?;
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        let (length, frame) = match message[0] >> 6 {
            0 => (20 + length, 20 + length),
            1 => (4 + length, (4 + length).next_multiple_of(4)),
            _ => return None,
        };
        message.resize(frame, 0);
        read.read_exact(&mut message[4..]).await.ok()?;
        message.truncate(length);
        incoming.send((from, message)).await.ok()?;
    }
}
