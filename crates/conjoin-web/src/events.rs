//! One closure for everything the browser tells.
//!
//! What the browser calls is that closure with two arguments bound: what happened, and to which
//! link or socket. So a link has no closures of its own that could be called after they are
//! freed, or kept after the link is gone: an event that comes too late finds no link.

use conjoin_peer::{Channel, LinkId};
use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::browser::Dispatch;

/// What the browser tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Something that makes no difference.
    Nothing,
    /// A local description is set.
    Described(LinkId),
    /// A description could not be made or set.
    Failed(LinkId),
    Candidate(LinkId),
    StateChanged(LinkId),
    ChannelOpened(LinkId, Channel),
    ChannelClosed(LinkId, Channel),
    Message(LinkId, Channel),
    /// The bulk channel has room again.
    Drained(LinkId),
    SocketOpened(u64),
    SocketMessage(u64),
    SocketClosed(u64),
    Timer,
    /// The page has nothing better to do.
    Idle,
    PageHidden,
    PageShown,
    VisibilityChanged,
    NetworkChanged,
}

impl Happening {
    fn encode(self) -> (u32, u64) {
        match self {
            Self::Nothing => (0, 0),
            Self::Described(link) => (1, link.0),
            Self::Failed(link) => (2, link.0),
            Self::Candidate(link) => (3, link.0),
            Self::StateChanged(link) => (4, link.0),
            Self::ChannelOpened(link, Channel::Bulk) => (5, link.0),
            Self::ChannelOpened(link, Channel::Live) => (6, link.0),
            Self::ChannelClosed(link, Channel::Bulk) => (7, link.0),
            Self::ChannelClosed(link, Channel::Live) => (8, link.0),
            Self::Message(link, Channel::Bulk) => (9, link.0),
            Self::Message(link, Channel::Live) => (10, link.0),
            Self::Drained(link) => (11, link.0),
            Self::SocketOpened(socket) => (12, socket),
            Self::SocketMessage(socket) => (13, socket),
            Self::SocketClosed(socket) => (14, socket),
            Self::Timer => (15, 0),
            Self::Idle => (16, 0),
            Self::PageHidden => (17, 0),
            Self::PageShown => (18, 0),
            Self::VisibilityChanged => (19, 0),
            Self::NetworkChanged => (20, 0),
        }
    }

    fn decode(code: u32, id: u64) -> Self {
        let link = LinkId(id);
        match code {
            1 => Self::Described(link),
            2 => Self::Failed(link),
            3 => Self::Candidate(link),
            4 => Self::StateChanged(link),
            5 => Self::ChannelOpened(link, Channel::Bulk),
            6 => Self::ChannelOpened(link, Channel::Live),
            7 => Self::ChannelClosed(link, Channel::Bulk),
            8 => Self::ChannelClosed(link, Channel::Live),
            9 => Self::Message(link, Channel::Bulk),
            10 => Self::Message(link, Channel::Live),
            11 => Self::Drained(link),
            12 => Self::SocketOpened(id),
            13 => Self::SocketMessage(id),
            14 => Self::SocketClosed(id),
            15 => Self::Timer,
            16 => Self::Idle,
            17 => Self::PageHidden,
            18 => Self::PageShown,
            19 => Self::VisibilityChanged,
            20 => Self::NetworkChanged,
            _ => Self::Nothing,
        }
    }
}

/// Makes listeners that all end in one function.
#[derive(Clone)]
pub(crate) struct Events(Dispatch);

impl Events {
    /// The browser's garbage collector frees `happened`, some time after the last listener.
    pub(crate) fn new(happened: impl Fn(Happening, JsValue) + 'static) -> Self {
        let closure = Closure::<dyn Fn(u32, f64, JsValue)>::new(move |code, id: f64, argument| {
            happened(Happening::decode(code, id as u64), argument);
        });
        Self(closure.into_js_value().unchecked_into())
    }

    /// A listener for one thing.
    pub(crate) fn listener(&self, happening: Happening) -> Function {
        let (code, id) = happening.encode();
        // Links and sockets are numbered from 0 or 1 on, so their numbers are whole as floats.
        self.0.bind(&JsValue::UNDEFINED, code, id as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_to_a_listener_is_what_it_tells() {
        let codes: Vec<_> = (0..=21).map(|code| Happening::decode(code, 7)).collect();
        assert_eq!((codes[0], codes[21]), (Happening::Nothing, Happening::Nothing));
        for happening in &codes[1..21] {
            let (code, id) = happening.encode();
            assert_eq!(Happening::decode(code, id), *happening);
            assert_ne!(*happening, Happening::Nothing);
        }
    }
}
