//! A link: an `RTCPeerConnection` with its two negotiated data channels.
//!
//! The browser keeps a queue of what is asked of a connection, so the steps of a negotiation are
//! asked for in one go, without waiting for each other's promises.

use std::cell::Cell;

use conjoin_peer::{Channel, IceServer, LOW_WATER, LinkId, LinkState};
use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::browser::{
    DataChannel, PeerConnection, Promise, object, obstacle, parse, reason, set, stringify, strings,
};
use crate::events::{Events, Happening};

/// A connection to a peer, perhaps still to be.
pub(crate) struct Link {
    pub(crate) connection: PeerConnection,
    pub(crate) bulk: DataChannel,
    pub(crate) live: DataChannel,
    /// Somebody waits for the bulk channel to drain.
    awaited: Cell<bool>,
}

impl Link {
    /// A connection with both channels, which offers nothing yet.
    pub(crate) fn open(ice_servers: &[IceServer]) -> Result<Self, String> {
        if let Some(obstacle) = obstacle() {
            return Err(obstacle);
        }
        Self::try_open(ice_servers)
            .map_err(|thrown| format!("the browser refuses a connection to a peer: {}", reason(&thrown)))
    }

    fn try_open(ice_servers: &[IceServer]) -> Result<Self, JsValue> {
        let servers: Array = ice_servers.iter().map(ice_server).collect();
        let connection = PeerConnection::new(&object(&[("iceServers", servers.into())]))?;
        let bulk = open_channel(&connection, Channel::Bulk)?;
        let live = open_channel(&connection, Channel::Live)?;
        Ok(Self { connection, bulk, live, awaited: Cell::new(false) })
    }

    fn channel(&self, channel: Channel) -> &DataChannel {
        match channel {
            Channel::Bulk => &self.bulk,
            Channel::Live => &self.live,
        }
    }

    /// From now on, what happens to the link is told.
    pub(crate) fn listen(&self, id: LinkId, events: &Events) {
        let on = |object: &JsValue, event: &str, happening| set(object, event, &events.listener(happening));
        on(&self.connection, "onicecandidate", Happening::Candidate(id));
        on(&self.connection, "onconnectionstatechange", Happening::StateChanged(id));
        for channel in [Channel::Bulk, Channel::Live] {
            let object = self.channel(channel);
            on(object, "onopen", Happening::ChannelOpened(id, channel));
            on(object, "onclose", Happening::ChannelClosed(id, channel));
            on(object, "onmessage", Happening::Message(id, channel));
        }
        on(&self.bulk, "onbufferedamountlow", Happening::Drained(id));
    }

    /// From now on, nothing is told any more.
    pub(crate) fn silence(&self) {
        for event in ["onicecandidate", "onconnectionstatechange"] {
            set(&self.connection, event, &JsValue::NULL);
        }
        for channel in [&self.bulk, &self.live] {
            for event in ["onopen", "onclose", "onmessage", "onbufferedamountlow"] {
                set(channel, event, &JsValue::NULL);
            }
        }
    }

    /// Makes and sets an offer; [`Happening::Described`] or [`Happening::Failed`] follows.
    pub(crate) fn offer(&self, id: LinkId, ice_restart: bool, events: &Events) -> Result<(), String> {
        if ice_restart {
            self.connection.restart_ice().map_err(|thrown| reason(&thrown))?;
        }
        self.describe(id, events)
    }

    /// Sets a remote offer, makes and sets the answer; [`Happening::Described`] or
    /// [`Happening::Failed`] follows.
    pub(crate) fn accept(&self, id: LinkId, offer: &str, events: &Events) -> Result<(), String> {
        self.set_remote(id, "offer", offer, events)?;
        self.describe(id, events)
    }

    /// Sets a remote answer; [`Happening::Failed`] may follow.
    pub(crate) fn complete(&self, id: LinkId, answer: &str, events: &Events) -> Result<(), String> {
        self.set_remote(id, "answer", answer, events)
    }

    /// Adds a remote candidate, if it is one.
    pub(crate) fn add_candidate(&self, candidate: &str, events: &Events) {
        let candidate = parse(candidate).filter(JsValue::is_object);
        if let Some(promise) =
            candidate.and_then(|candidate| self.connection.add_ice_candidate(&candidate).ok())
        {
            let ignore = events.listener(Happening::Nothing);
            promise.then(&ignore, &ignore);
        }
    }

    fn describe(&self, id: LinkId, events: &Events) -> Result<(), String> {
        let promise = self.connection.set_local_description();
        settle(promise, Happening::Described(id), id, events)
    }

    fn set_remote(&self, id: LinkId, kind: &str, description: &str, events: &Events) -> Result<(), String> {
        let malformed = || format!("the peer sent a malformed {kind}");
        let description = parse(description).filter(JsValue::is_object).ok_or_else(malformed)?;
        let actual =
            js_sys::Reflect::get(&description, &"type".into()).ok().and_then(|kind| kind.as_string());
        if actual.as_deref() != Some(kind) {
            return Err(malformed());
        }
        let promise = self.connection.set_remote_description(&description);
        settle(promise, Happening::Nothing, id, events)
    }

    /// The local description as JSON text.
    pub(crate) fn description(&self) -> String {
        stringify(&self.connection.local_description())
    }

    /// How the link stands, unless it is still being made or closed here.
    pub(crate) fn state(&self) -> Option<LinkState> {
        match self.connection.connection_state().as_string()?.as_str() {
            "connected" => Some(LinkState::Connected),
            "disconnected" => Some(LinkState::Disconnected),
            "failed" => Some(LinkState::Failed),
            _ => None,
        }
    }

    /// Sends a frame; `false` if the channel does not take any more. A congested live channel
    /// drops it: what it carries is sent again, newer, by the next one.
    pub(crate) fn send(&self, channel: Channel, data: &[u8]) -> bool {
        let object = self.channel(channel);
        if channel == Channel::Live && object.buffered_amount() > LOW_WATER as f64 {
            return true;
        }
        object.send(data).is_ok()
    }

    /// Whether the bulk channel has room now; if not, [`Happening::Drained`] tells when.
    pub(crate) fn await_writable(&self) -> bool {
        let writable = self.bulk.buffered_amount() <= LOW_WATER as f64;
        self.awaited.set(!writable);
        writable
    }

    /// Whether somebody waited for what [`Happening::Drained`] tells.
    pub(crate) fn take_awaited(&self) -> bool {
        self.awaited.take()
    }
}

fn open_channel(connection: &PeerConnection, channel: Channel) -> Result<DataChannel, JsValue> {
    let options = object(&[("negotiated", true.into()), ("id", channel.stream().into())]);
    if channel == Channel::Live {
        set(&options, "ordered", &false.into());
        set(&options, "maxRetransmits", &0.into());
    }
    let object = connection.create_data_channel(channel.label(), &options)?;
    object.set_binary_type("arraybuffer");
    object.set_buffered_amount_low_threshold(LOW_WATER as f64);
    Ok(object)
}

fn ice_server(server: &IceServer) -> JsValue {
    let object = object(&[("urls", strings(&server.urls))]);
    for (field, value) in [("username", &server.username), ("credential", &server.credential)] {
        if let Some(value) = value {
            set(&object, field, &JsValue::from_str(value));
        }
    }
    object.into()
}

fn settle(
    promise: Result<Promise, JsValue>,
    fulfilled: Happening,
    id: LinkId,
    events: &Events,
) -> Result<(), String> {
    let promise = promise.map_err(|thrown| reason(&thrown))?;
    promise.then(&events.listener(fulfilled), &events.listener(Happening::Failed(id)));
    Ok(())
}
