//! The driver itself: outputs in, inputs out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use conjoin_peer::{Channel, Input, LinkId, Output};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::browser::{Event, reason, set_timeout, stringify};
use crate::closing::{close_now, close_when_drained};
use crate::events::{Events, Happening};
use crate::link::Link;
use crate::page::{Page, is_visible};
use crate::socket::Socket;
use crate::timer::Timer;

/// How long after its start the driver makes its spare link, in milliseconds: after the page
/// has been painted.
const SPARE_AFTER: f64 = 300.0;

/// What the browser tells a room.
#[derive(Debug)]
pub enum Notice {
    /// Something happened that the manager should know.
    Input(Input),
    /// The page is being put aside, perhaps for ever. What must still be said must be said now.
    Hidden,
    /// The page came back as it was when it was put aside.
    Shown,
}

/// The sockets, links and timer of one room. Dropping it closes them all.
///
/// It hands notices to the closure it was made with from within the browser's events and from
/// within [`perform`](Self::perform), never while it holds anything borrowed: the closure may
/// call it again.
pub struct WebDriver {
    inner: Rc<Inner>,
}

struct Inner {
    notice: Box<dyn Fn(Notice)>,
    events: Events,
    /// Few enough to be looked through.
    links: RefCell<Vec<(LinkId, Rc<Link>)>>,
    /// A link made ahead: the first of a page takes the browser long, as it starts its threads.
    spare: RefCell<Option<Link>>,
    socket: RefCell<Socket>,
    timer: RefCell<Timer>,
    /// Nothing asked for now will be finished later.
    hidden: Cell<bool>,
    _page: Page,
}

impl WebDriver {
    /// A driver that hands what happens to `notice`.
    pub fn new(notice: impl Fn(Notice) + 'static) -> Self {
        let inner = Rc::new_cyclic(|inner: &std::rc::Weak<Inner>| {
            let inner = inner.clone();
            let events = Events::new(move |happening, argument| {
                if let Some(inner) = inner.upgrade() {
                    inner.happened(happening, &argument);
                }
            });
            Inner {
                notice: Box::new(notice),
                links: RefCell::default(),
                spare: RefCell::default(),
                socket: RefCell::default(),
                timer: RefCell::new(Timer::new(&events)),
                hidden: Cell::new(false),
                _page: Page::listen(&events),
                events,
            }
        });
        set_timeout(&inner.events.listener(Happening::Idle), SPARE_AFTER);
        Self { inner }
    }

    /// Does what the manager asks for. Events are not for the driver and make no difference.
    pub fn perform(&self, output: Output) {
        self.inner.perform(output);
    }

    /// Hands in [`Input::Timeout`] at this time at the latest, on the clock of
    /// [`now`](crate::now), in place of the time set before.
    pub fn wake_at(&self, time: Option<Duration>) {
        self.inner.timer.borrow_mut().set(time);
    }
}

impl Inner {
    fn input(&self, input: Input) {
        (self.notice)(Notice::Input(input));
    }

    fn link(&self, id: LinkId) -> Option<Rc<Link>> {
        self.links.borrow().iter().find(|(link, _)| *link == id).map(|(_, link)| link.clone())
    }

    fn remove_link(&self, id: LinkId) -> Option<Rc<Link>> {
        let mut links = self.links.borrow_mut();
        let index = links.iter().position(|(link, _)| *link == id)?;
        Some(links.swap_remove(index).1)
    }

    fn perform(&self, output: Output) {
        match output {
            Output::OpenSignaling { url } => {
                let opened = self.socket.borrow_mut().open(url, &self.events);
                if let Err(reason) = opened {
                    return self.input(Input::SignalingClosed { reason });
                }
                // While the socket opens there is time for it.
                self.make_spare();
            }
            Output::SendSignaling(message) => self.socket.borrow().send(&message),
            Output::CloseSignaling => self.socket.borrow_mut().close(),
            Output::OpenLink { link: id, ice_servers } => {
                let spare = self.spare.take();
                let opened = match spare {
                    Some(link) if ice_servers.is_empty() => Ok(link),
                    spare => {
                        if let Some(spare) = spare {
                            close_now(&spare);
                        }
                        Link::open(&ice_servers)
                    }
                };
                match opened {
                    Ok(link) => {
                        link.listen(id, &self.events);
                        self.links.borrow_mut().push((id, Rc::new(link)));
                    }
                    Err(error) => self.input(Input::LinkFailed { link: id, error }),
                }
            }
            Output::Offer { link: id, ice_restart } => {
                self.negotiate(id, |link| link.offer(id, ice_restart, &self.events));
            }
            Output::Accept { link: id, offer } => {
                self.negotiate(id, |link| link.accept(id, &offer, &self.events));
            }
            Output::Complete { link: id, answer } => {
                self.negotiate(id, |link| link.complete(id, &answer, &self.events));
            }
            Output::AddCandidate { link: id, candidate } => {
                if let Some(link) = self.link(id) {
                    link.add_candidate(&candidate, &self.events);
                }
            }
            Output::CloseLink { link: id } => {
                if let Some(link) = self.remove_link(id) {
                    self.close(link);
                }
            }
            Output::Send { link: id, channel, data } => {
                if let Some(link) = self.link(id)
                    && !link.send(channel, &data)
                {
                    self.input(Input::ChannelClosed { link: id, channel });
                }
            }
            Output::AwaitWritable { link: id } => {
                if let Some(link) = self.link(id)
                    && link.await_writable()
                {
                    self.input(Input::Writable { link: id });
                }
            }
            Output::Event(_) => {}
        }
    }

    fn negotiate(&self, id: LinkId, step: impl FnOnce(&Link) -> Result<(), String>) {
        if let Some(link) = self.link(id)
            && let Err(error) = step(&link)
        {
            self.input(Input::LinkFailed { link: id, error });
        }
    }

    fn close(&self, link: Rc<Link>) {
        match Rc::try_unwrap(link) {
            // A page that goes away runs no timers; what was sent is with the browser already.
            Ok(link) if !self.hidden.get() => close_when_drained(link),
            Ok(link) => close_now(&link),
            Err(link) => close_now(&link),
        }
    }

    fn make_spare(&self) {
        if self.spare.borrow().is_none() && self.links.borrow().is_empty() && !self.hidden.get() {
            // Whoever needs a link will be told why there can be none.
            *self.spare.borrow_mut() = Link::open(&[]).ok();
        }
    }

    /// Something happened in the browser.
    fn happened(&self, happening: Happening, argument: &JsValue) {
        let event: &Event = argument.unchecked_ref();
        match happening {
            Happening::Nothing => {}
            Happening::Described(id) => {
                if let Some(link) = self.link(id) {
                    self.input(Input::Described { link: id, description: link.description() });
                }
            }
            Happening::Failed(id) => {
                if self.link(id).is_some() {
                    self.input(Input::LinkFailed { link: id, error: reason(argument) });
                }
            }
            Happening::Candidate(id) => {
                let candidate = event.candidate();
                if self.link(id).is_some() && is_candidate(&candidate) {
                    self.input(Input::Candidate { link: id, candidate: stringify(&candidate) });
                }
            }
            Happening::StateChanged(id) => {
                if let Some(state) = self.link(id).and_then(|link| link.state()) {
                    self.input(Input::Link { link: id, state });
                }
            }
            Happening::ChannelOpened(id, channel) => {
                if self.link(id).is_some() {
                    self.input(Input::ChannelOpened { link: id, channel });
                }
            }
            Happening::ChannelClosed(id, channel) => {
                if self.link(id).is_some() {
                    self.input(Input::ChannelClosed { link: id, channel });
                }
            }
            Happening::Message(id, channel) => self.message(id, channel, &event.data()),
            Happening::Drained(id) => {
                if self.link(id).is_some_and(|link| link.take_awaited()) {
                    self.input(Input::Writable { link: id });
                }
            }
            Happening::SocketOpened(number) => {
                if self.socket.borrow().is_current(number) {
                    self.socket.borrow_mut().opened();
                    self.input(Input::SignalingOpened);
                }
            }
            Happening::SocketMessage(number) => {
                if self.socket.borrow().is_current(number)
                    && let Some(message) = event.data().as_string()
                {
                    self.input(Input::SignalingMessage(message));
                }
            }
            Happening::SocketClosed(number) => {
                if self.socket.borrow().is_current(number) {
                    let reason = self.socket.borrow_mut().closed(event);
                    self.input(Input::SignalingClosed { reason });
                }
            }
            Happening::Timer => {
                self.timer.borrow_mut().fired();
                self.input(Input::Timeout);
            }
            Happening::Idle => self.make_spare(),
            Happening::PageHidden => {
                self.hidden.set(true);
                (self.notice)(Notice::Hidden);
                // An open connection would keep the browser from keeping the page.
                if let Some(spare) = self.spare.take() {
                    close_now(&spare);
                }
            }
            Happening::PageShown => {
                self.hidden.set(false);
                if event.persisted().is_truthy() {
                    (self.notice)(Notice::Shown);
                }
            }
            Happening::VisibilityChanged => {
                if is_visible() {
                    self.input(Input::NetworkChanged);
                }
            }
            Happening::NetworkChanged => self.input(Input::NetworkChanged),
        }
    }

    fn message(&self, id: LinkId, channel: Channel, data: &JsValue) {
        // Text has no meaning between peers.
        if self.link(id).is_some() && data.is_instance_of::<ArrayBuffer>() {
            self.input(Input::Frame { link: id, channel, data: Uint8Array::new(data).to_vec() });
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for (_, link) in std::mem::take(self.links.get_mut()) {
            self.close(link);
        }
        if let Some(spare) = self.spare.take() {
            close_now(&spare);
        }
    }
}

/// Whether it is a candidate, and not the mark of their end (nothing, or an empty one).
fn is_candidate(candidate: &JsValue) -> bool {
    let text = js_sys::Reflect::get(candidate, &"candidate".into()).ok().and_then(|text| text.as_string());
    text.is_some_and(|text| !text.is_empty())
}
