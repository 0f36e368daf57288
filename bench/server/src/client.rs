//! One signaling socket, cheap enough to have tens of thousands of them in one thread.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;

use crate::frame::{self, CLOSE, PING, PONG, TEXT};

/// Sockets from one source address: safely less than there are ephemeral ports.
const PER_ADDRESS: usize = 20_000;

/// What is read at a time, into memory that all sockets share.
const READ: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// A socket whose opening handshake is done.
pub(crate) struct Client {
    stream: TcpStream,
    /// What the kernel did not take yet.
    unsent: RefCell<Vec<u8>>,
    blocked: Notify,
}

/// How a socket is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) server: SocketAddr,
    /// Which socket this is; picks the source address.
    pub(crate) number: usize,
    /// The size of the kernel's receive buffer, if not the usual one.
    pub(crate) receive_buffer: Option<u32>,
}

impl Client {
    /// Connects and asks for a WebSocket.
    pub(crate) async fn open(opening: Opening) -> Result<Rc<Self>> {
        let socket = TcpSocket::new_v4()?;
        if let Some(size) = opening.receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        let last = u8::try_from(1 + opening.number / PER_ADDRESS).context("too many connections")?;
        if last > 1 {
            socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
        }
        let mut stream = socket.connect(opening.server).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            opening.server
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        // The server says nothing more before it hears something.
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                bail!("the server closed the connection during the opening handshake");
            }
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            bail!("no WebSocket: {}", String::from_utf8_lossy(&head).lines().next().unwrap_or_default());
        }
        Ok(Rc::new(Self { stream, unsent: RefCell::default(), blocked: Notify::new() }))
    }

    /// Sends a text message, or queues what the kernel does not take.
    pub(crate) fn send(&self, text: &[u8]) {
        self.write(TEXT, text);
    }

    /// Says that this side closes.
    pub(crate) fn close(&self) {
        self.write(CLOSE, &1000_u16.to_be_bytes());
    }

    /// Makes the end of this socket a reset, as of a machine that crashed.
    pub(crate) fn will_reset(&self) -> Result<()> {
        Ok(self.stream.set_zero_linger()?)
    }

    /// Hands each text message to `each` and answers pings, until the socket ends.
    pub(crate) async fn run(&self, mut each: impl FnMut(&[u8])) {
        let mut part = Vec::new();
        loop {
            let interest = if self.unsent.borrow().is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let ready = tokio::select! {
                ready = self.stream.ready(interest) => ready,
                () = self.blocked.notified() => continue,
            };
            let Ok(ready) = ready else { return };
            if ready.is_writable() {
                self.flush();
            }
            if ready.is_readable() && !self.read(&mut part, &mut each) {
                return;
            }
        }
    }

    /// Reads what is there, and says whether the socket goes on.
    fn read(&self, part: &mut Vec<u8>, each: &mut impl FnMut(&[u8])) -> bool {
        SCRATCH.with_borrow_mut(|scratch| {
            let read = match self.stream.try_read(scratch) {
                Ok(0) => return false,
                Ok(read) => read,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            if part.is_empty() {
                let rest = self.take(&scratch[..read], each);
                part.extend(rest);
            } else {
                part.extend(&scratch[..read]);
                let whole = std::mem::take(part);
                *part = self.take(&whole, each).to_vec();
            }
            true
        })
    }

    /// Takes all whole messages, and gives back what follows them.
    fn take<'a>(&self, mut bytes: &'a [u8], each: &mut impl FnMut(&[u8])) -> &'a [u8] {
        while let Some((opcode, payload, rest)) = frame::read(bytes) {
            match opcode {
                TEXT => each(payload),
                PING => self.write(PONG, payload),
                // The server ends the connection once this is answered.
                CLOSE => self.write(CLOSE, payload),
                _ => {}
            }
            bytes = rest;
        }
        bytes
    }

    fn write(&self, opcode: u8, payload: &[u8]) {
        let mut unsent = self.unsent.borrow_mut();
        let was_blocked = !unsent.is_empty();
        frame::write(&mut unsent, opcode, payload);
        drop(unsent);
        if !was_blocked {
            self.flush();
            if !self.unsent.borrow().is_empty() {
                self.blocked.notify_one();
            }
        }
    }

    fn flush(&self) {
        let mut unsent = self.unsent.borrow_mut();
        match self.stream.try_write(&unsent) {
            Ok(written) if written == unsent.len() => *unsent = Vec::new(),
            Ok(written) => drop(unsent.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // The reading side finds out as well, and ends.
            Err(_) => *unsent = Vec::new(),
        }
    }
}

/// The server's own counts, from `/healthz`: `rooms`, `peers`, `connections`.
pub(crate) async fn health(server: SocketAddr) -> Result<serde_json::Value> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no answer of /healthz")?;
    Ok(serde_json::from_str(body)?)
}
