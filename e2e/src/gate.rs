//! A network that can be cut between a page and the server.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context, Result};

/// The largest piece passed on at once.
const PIECE: usize = 16 << 10;

/// A port that leads to the server, until it is cut. As with a pulled cable nobody is told: connections
/// stay, but nothing comes through them, and new ones get no answer. What was sent meanwhile arrives when
/// the cut is mended, as TCP has it. Connections end when this is dropped.
#[derive(Debug)]
pub struct Gate {
    address: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cut: bool,
    dropped: bool,
    streams: Vec<TcpStream>,
}

impl Gate {
    /// A gate to the server at an address such as `http://localhost:8080`.
    ///
    /// # Errors
    /// When the address has no port, or none is free for the gate.
    pub fn to(server: &str) -> Result<Self> {
        let port = server.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let port = port.with_context(|| format!("no port in {server}"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = format!("http://{}", listener.local_addr()?);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let inner = Arc::new(Inner { server, state: Mutex::default(), changed: Condvar::new() });
        let accepting = inner.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.lock().dropped {
                    return;
                }
                let inner = accepting.clone();
                thread::spawn(move || inner.connect(stream));
            }
        });
        Ok(Self { address, inner })
    }

    /// The address for pages, in place of the server's own.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on nothing comes through.
    pub fn cut(&self) {
        self.inner.lock().cut = true;
    }

    /// All comes through again.
    pub fn mend(&self) {
        self.inner.lock().cut = false;
        self.inner.changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        state.dropped = true;
        for stream in state.streams.drain(..) {
            // One that has ended by itself is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.inner.changed.notify_all();
        // Wakes the thread that accepts, so that it ends.
        let _ = self.address.strip_prefix("http://").map(TcpStream::connect);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the gate is cut; `false` when it is there no more.
    fn wait_until_open(&self) -> bool {
        let state = self.changed.wait_while(self.lock(), |state| state.cut && !state.dropped);
        !state.unwrap_or_else(PoisonError::into_inner).dropped
    }

    fn connect(self: Arc<Self>, page: TcpStream) {
        if !self.wait_until_open() {
            return;
        }
        // A server that is not there refuses; the page is told so by the end of its connection.
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let (Ok(page_end), Ok(server_end)) = (page.try_clone(), server.try_clone()) else { return };
        self.lock().streams.extend([page_end, server_end]);
        let (Ok(from_page), Ok(to_server)) = (page.try_clone(), server.try_clone()) else { return };
        let inner = self.clone();
        thread::spawn(move || inner.pass_on(from_page, to_server));
        self.pass_on(server, page);
    }

    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; PIECE];
        loop {
            let read = from.read(&mut piece).unwrap_or(0);
            if !self.wait_until_open() {
                return;
            }
            if read == 0 || to.write_all(&piece[..read]).is_err() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}
