//! The driver itself: outputs in, inputs out.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use conjoin_peer::{IceServer, Input, LinkId, Output};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::Candidates;
use crate::busy::Busy;
use crate::clock::now;
use crate::interfaces::addresses;
use crate::link::Link;
use crate::mdns::{self, Named};
use crate::runtime;
use crate::servers;
use crate::signaling::Signaling;
use crate::socket::Sockets;
use crate::webrtc::{Certificate, WebRtc};

/// So often is looked for new and lost addresses of this machine.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// The sockets, links and timer of one room. Dropping it closes them all.
///
/// It hands inputs to the closure it was made with from tasks of its own, never from within a call of the
/// driver: the closure may call it again.
pub struct NativeDriver {
    inner: Arc<Inner>,
    signaling: Signaling,
    busy: Busy,
}

struct Inner {
    tell: Box<dyn Fn(Input) + Send + Sync>,
    runtime: Handle,
    certificate: Certificate,
    candidates: Candidates,
    state: Mutex<State>,
    alarm: Notify,
    busy: Busy,
}

#[derive(Default)]
struct State {
    links: BTreeMap<LinkId, Arc<Link>>,
    /// Those that something was given to since the last flush.
    touched: Vec<Arc<Link>>,
    addresses: BTreeSet<IpAddr>,
    /// When the manager wants to be called.
    wake_at: Option<Duration>,
    /// Until when the task sleeps.
    armed: Option<Duration>,
    /// The driver is gone.
    ended: bool,
}

impl NativeDriver {
    /// A driver that hands what happens to `tell`.
    ///
    /// It works on the tokio runtime it is made in, or on one that all such drivers of the process share.
    pub fn new(tell: impl Fn(Input) + Send + Sync + 'static) -> Self {
        Self::with_candidates(Candidates::All, tell)
    }

    /// A driver whose links tell peers only some ways to this machine.
    pub fn with_candidates(candidates: Candidates, tell: impl Fn(Input) + Send + Sync + 'static) -> Self {
        let runtime = runtime::handle();
        let busy = Busy::default();
        let state = State { addresses: addresses(), ..State::default() };
        let inner = Arc::new(Inner {
            tell: Box::new(tell),
            runtime: runtime.clone(),
            certificate: Certificate::generate(),
            candidates,
            state: Mutex::new(state),
            alarm: Notify::new(),
            busy: busy.clone(),
        });
        let (signaling, socket) = Signaling::new(teller(&inner));
        runtime.spawn(socket);
        runtime.spawn(watch(Arc::downgrade(&inner)));
        Self { inner, signaling, busy }
    }

    /// Does what the manager asks for. Events are not for the driver and make no difference.
    ///
    /// Frames are on their way after the next [`wake_at`](Self::wake_at).
    pub fn perform(&self, output: Output) {
        match output {
            Output::OpenSignaling { url } => self.signaling.open(url),
            Output::SendSignaling(message) => self.signaling.send(message),
            Output::CloseSignaling => self.signaling.close(self.busy.begin()),
            Output::OpenLink { link, ice_servers } => self.inner.open_link(link, ice_servers),
            Output::Offer { link, ice_restart } => self.inner.touch(link, |link| link.offer(ice_restart)),
            Output::Accept { link, offer } => {
                self.inner.touch(link, |link| link.accept(&offer));
                self.inner.look_up(link, Named::of_description(&offer));
            }
            Output::Complete { link, answer } => {
                self.inner.touch(link, |link| link.complete(&answer));
                self.inner.look_up(link, Named::of_description(&answer));
            }
            Output::AddCandidate { link, candidate } => match Named::of_candidate(&candidate) {
                Some(named) => self.inner.look_up(link, vec![named]),
                None => self.inner.touch(link, |link| link.add_candidate(&candidate)),
            },
            Output::CloseLink { link } => {
                let link = self.inner.state().links.remove(&link);
                if let Some(link) = link {
                    link.close();
                }
            }
            Output::Send { link: id, channel, data } => {
                let mut state = self.inner.state();
                let Some(link) = state.links.get(&id).cloned() else { return };
                if !state.touched.iter().any(|touched| Arc::ptr_eq(touched, &link)) {
                    state.touched.push(link.clone());
                }
                drop(state);
                link.send(channel, &data);
            }
            Output::AwaitWritable { link } => self.inner.touch(link, Link::await_writable),
            Output::Event(_) => {}
        }
    }

    /// Done when all that was closed is closed, and what was sent there has left: soon after the links and the
    /// socket were closed, and not before.
    pub fn drained(&self) -> impl Future<Output = ()> + Send + use<> {
        self.busy.ended()
    }

    /// Hands in [`Input::Timeout`] at this time at the latest, on the clock of [`now`], in place of the
    /// time set before; and sends what was to be sent.
    pub fn wake_at(&self, time: Option<Duration>) {
        let mut state = self.inner.state();
        let touched = mem::take(&mut state.touched);
        state.wake_at = time;
        let sooner = match (time, state.armed) {
            (Some(time), Some(armed)) => time < armed,
            (time, None) => time.is_some(),
            (None, Some(_)) => false,
        };
        drop(state);
        for link in touched {
            link.flush();
        }
        if sooner {
            self.inner.alarm.notify_one();
        }
    }
}

impl Inner {
    fn open_link(self: &Arc<Self>, id: LinkId, ice_servers: Vec<IceServer>) {
        let tell = teller(self);
        let opened = {
            let _runtime = self.runtime.enter();
            Sockets::bind()
        };
        let sockets = match opened {
            Ok(sockets) => sockets,
            Err(error) => {
                let error = format!("no socket can be opened: {error}");
                // Not from within the call that asks for it.
                self.runtime.spawn(async move { tell(Input::LinkFailed { link: id, error }) });
                return;
            }
        };
        let connection = Box::new(WebRtc::new(&self.certificate, Instant::now()));
        let mut state = self.state();
        let link = Link::new(id, connection, sockets, self.candidates, ice_servers, &state.addresses);
        state.links.insert(id, link.clone());
        servers::ask(&self.runtime, &link);
        let work = self.busy.begin();
        self.runtime.spawn(async move {
            link.run(tell).await;
            drop(work);
        });
    }

    fn touch(&self, id: LinkId, act: impl FnOnce(&Link)) {
        let link = self.state().links.get(&id).cloned();
        if let Some(link) = link {
            act(&link);
        }
    }

    /// Adds candidates whose names somebody on the local network knows.
    fn look_up(&self, id: LinkId, named: Vec<Named>) {
        let Some(link) = self.state().links.get(&id).cloned() else { return };
        for named in named {
            let Some(permit) = link.may_look_up() else { return };
            let link = Arc::downgrade(&link);
            self.runtime.spawn(async move {
                let address = mdns::resolve(&named.name).await;
                if let (Some(address), Some(link)) = (address, link.upgrade()) {
                    link.add_candidate(&named.with(address));
                }
                drop(permit);
            });
        }
    }

    /// Looks whether the addresses of this machine are still the same.
    fn look_at_addresses(&self) {
        let addresses = addresses();
        let links: Vec<_> = {
            let mut state = self.state();
            if state.addresses == addresses {
                return;
            }
            state.addresses.clone_from(&addresses);
            state.links.values().cloned().collect()
        };
        for link in links {
            link.set_addresses(&addresses);
            servers::ask(&self.runtime, &link);
        }
        (self.tell)(Input::NetworkChanged);
    }

    /// Until when there is nothing to do.
    fn arm(&self) -> Option<Duration> {
        let mut state = self.state();
        state.armed = state.wake_at;
        state.armed
    }

    fn alarm(&self) {
        let due = {
            let mut state = self.state();
            let due = state.wake_at.is_some_and(|at| at <= now());
            if due {
                state.wake_at = None;
            }
            due
        };
        if due {
            (self.tell)(Input::Timeout);
        }
    }

    /// Nothing under this lock can panic half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for NativeDriver {
    fn drop(&mut self) {
        let (links, touched) = {
            let mut state = self.inner.state();
            state.ended = true;
            (mem::take(&mut state.links), mem::take(&mut state.touched))
        };
        for link in touched {
            link.flush();
        }
        for link in links.values() {
            link.close();
        }
        self.inner.alarm.notify_one();
    }
}

/// Tells whoever made the driver, as long as there is one.
fn teller(inner: &Arc<Inner>) -> impl Fn(Input) + Send + Sync + use<> {
    let inner = Arc::downgrade(inner);
    move |input| {
        if let Some(inner) = inner.upgrade() {
            (inner.tell)(input);
        }
    }
}

/// The timer, and the look at the interfaces. Ends with the driver.
async fn watch(inner: Weak<Inner>) {
    let mut look = interval(LOOK_AGAIN);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(strong) = inner.upgrade().filter(|inner| !inner.state().ended) {
        let at = strong.arm().map(|at| Instant::now() + at.saturating_sub(now()));
        let sleep = async move {
            match at {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = strong.alarm.notified() => {}
            () = sleep => strong.alarm(),
            _ = look.tick() => strong.look_at_addresses(),
        }
    }
}
