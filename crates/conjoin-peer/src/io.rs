//! The boundary of the manager: all that goes in, all that comes out.

use std::time::Duration;

use conjoin_core::{Changed, ReplicaId, VersionVector};
pub use conjoin_signaling::IceServer;

/// One attempt at a direct connection to a peer: in a browser, one `RTCPeerConnection`.
///
/// The manager numbers them, and a number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl LinkId {
    /// What the document knows the deltas of this link by; 0 is what others apply.
    pub(crate) const fn source(self) -> u64 {
        self.0 + 1
    }
}

/// The two data channels of a link. Both are negotiated (`negotiated: true`), so neither side
/// announces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Stream 0, reliable and ordered: hand-shakes, histories, snapshots.
    Bulk,
    /// Stream 1, unordered and never retransmitted: live edits, acknowledgements, heartbeats.
    Live,
}

impl Channel {
    /// The number both sides negotiate, as in `RTCDataChannelInit.id`.
    pub const fn stream(self) -> u16 {
        match self {
            Self::Bulk => 0,
            Self::Live => 1,
        }
    }

    /// The label of the channel.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Live => "live",
        }
    }
}

/// How a link stands, as in `RTCPeerConnection.connectionState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// A path between the peers works.
    Connected,
    /// The path stopped answering; it may come back by itself.
    Disconnected,
    /// No path works any more. Another ICE round is needed.
    Failed,
}

/// Where to meet, and as who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The signaling server: `ws://` or `wss://`.
    pub server: String,
    /// The room.
    pub room: String,
    /// A name to show to the others.
    pub name: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The user wants to be in this room, and in no other.
    Connect(Session),
    /// The user wants out of the room, or the page is going away. What must still be said is
    /// among the outputs that follow.
    Disconnect,
    /// The document was edited here, by a transaction.
    Edited,
    /// The network changed or the machine woke: check everything now.
    NetworkChanged,
    /// The signaling WebSocket is open.
    SignalingOpened,
    /// The signaling WebSocket closed, or could not be opened.
    SignalingClosed {
        /// Why, as far as the driver knows.
        reason: String,
    },
    /// A text message came over the signaling WebSocket.
    SignalingMessage(String),
    /// What [`Output::Offer`] or [`Output::Accept`] asked for: a local description, already set.
    Described {
        /// Whose.
        link: LinkId,
        /// JSON text of `{type, sdp}`.
        description: String,
    },
    /// A local candidate was gathered. The end of candidates is not told.
    Candidate {
        /// Whose.
        link: LinkId,
        /// JSON text of an `RTCIceCandidateInit`.
        candidate: String,
    },
    /// A link came up or went down.
    Link {
        /// Which.
        link: LinkId,
        /// How it stands now.
        state: LinkState,
    },
    /// Something asked of a link could not be done, so the link is of no use any more.
    LinkFailed {
        /// Which.
        link: LinkId,
        /// Why, for people.
        error: String,
    },
    /// A channel can be written to.
    ChannelOpened {
        /// Whose.
        link: LinkId,
        /// Which.
        channel: Channel,
    },
    /// A channel was closed by the other side or by an error.
    ChannelClosed {
        /// Whose.
        link: LinkId,
        /// Which.
        channel: Channel,
    },
    /// A binary message came.
    Frame {
        /// Over which link.
        link: LinkId,
        /// And channel.
        channel: Channel,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// The bulk channel has room again, as [`Output::AwaitWritable`] asked.
    Writable {
        /// Whose.
        link: LinkId,
    },
    /// The time of [`Manager::deadline`](crate::Manager::deadline) has come. Early or late does no harm.
    Timeout,
}

/// What the driver must do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a WebSocket. One at a time: an older one is dropped without a word.
    OpenSignaling {
        /// `ws://` or `wss://`.
        url: String,
    },
    /// Send a text message over the signaling WebSocket.
    SendSignaling(String),
    /// Close the signaling WebSocket. No [`Input::SignalingClosed`] is expected for it.
    CloseSignaling,
    /// Make a link with both channels; nothing is offered yet.
    OpenLink {
        /// The new link.
        link: LinkId,
        /// STUN and TURN servers.
        ice_servers: Vec<IceServer>,
    },
    /// Create an offer and set it as the local description; then [`Input::Described`].
    Offer {
        /// For which link.
        link: LinkId,
        /// Whether to gather anew on a link that was up.
        ice_restart: bool,
    },
    /// Set this remote offer, create an answer and set it; then [`Input::Described`].
    Accept {
        /// For which link.
        link: LinkId,
        /// JSON text of `{type, sdp}`, from the network: may be anything.
        offer: String,
    },
    /// Set this remote answer.
    Complete {
        /// For which link.
        link: LinkId,
        /// JSON text of `{type, sdp}`, from the network: may be anything.
        answer: String,
    },
    /// Add a remote candidate. Comes only after a remote description. One that does not parse or
    /// apply is ignored.
    AddCandidate {
        /// To which link.
        link: LinkId,
        /// JSON text of an `RTCIceCandidateInit`, from the network: may be anything.
        candidate: String,
    },
    /// Close a link and forget it. Nothing more is expected from it. What was sent before on the
    /// link should still get out if it can.
    CloseLink {
        /// Which.
        link: LinkId,
    },
    /// Send a binary message of at most [`MAX_FRAME`](crate::MAX_FRAME) bytes. On the live
    /// channel it may be dropped when the channel is congested.
    Send {
        /// Over which link.
        link: LinkId,
        /// And channel.
        channel: Channel,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Say [`Input::Writable`] as soon as at most [`LOW_WATER`](crate::LOW_WATER) bytes are
    /// buffered on the bulk channel; at once if that is so already.
    AwaitWritable {
        /// Whose bulk channel.
        link: LinkId,
    },
    /// Something the app may want to know.
    Event(Event),
}

/// What the app may want to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// [`Manager::status`](crate::Manager::status) changed.
    Status,
    /// [`Manager::peers`](crate::Manager::peers) changed: somebody came, went, or changed state,
    /// name or round-trip time.
    Peers,
    /// Values of the document changed by what a peer sent.
    Changed(Changed),
    /// A message of the sync protocol was sent or received.
    Wire(Wire),
    /// Something went wrong that the user should see. The manager goes on by itself.
    Problem(String),
}

/// A message on the wire, for logs.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// When, on the clock of [`Manager::handle`](crate::Manager::handle).
    pub at: Duration,
    /// Sent or received.
    pub direction: Direction,
    /// The id of the other peer.
    pub peer: String,
    /// The name of the other peer, or a short form of its id.
    pub peer_name: String,
    /// Over which channel.
    pub channel: Channel,
    /// Which message: `Hello`, `DeltaResponse`, …
    pub message: &'static str,
    /// What it carried, for people: `1 change of 3f2a…`.
    pub detail: String,
    /// The bytes of its frames, headers included.
    pub bytes: usize,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From here to the peer.
    Sent,
    /// From the peer to here.
    Received,
}

/// Where this peer stands with the signaling server.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Not in a room, and not wanting to be.
    Offline,
    /// The signaling server is being called.
    Connecting,
    /// In the room.
    Joined,
    /// The signaling server cannot be reached; links to peers go on without it.
    Retrying {
        /// Why the last try failed.
        reason: String,
        /// When the next try starts, on the clock of [`Manager::handle`](crate::Manager::handle).
        at: Duration,
    },
    /// The server refused us in a way that trying again does not mend. Connect again to retry.
    Refused {
        /// Why, in the server's words.
        reason: String,
    },
}

/// A peer in the room.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerInfo {
    /// Its id with the signaling server.
    pub id: String,
    /// The name it gave, if any.
    pub name: Option<String>,
    /// The replica it edits as, once it said Hello.
    pub replica: Option<ReplicaId>,
    /// How the link to it stands.
    pub state: PeerState,
    /// Measured round-trip time over the data channel, smoothed.
    pub rtt: Option<Duration>,
    /// What it is known to have applied, once it said Hello.
    pub version: Option<VersionVector>,
    /// What it said in its Hello to have and what was missing here then. Once the document covers that, all
    /// is here that the peer had when it was met; and if the peer was wrong, that never comes.
    pub promised: VersionVector,
}

/// How the link to a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// Being connected for the first time.
    Connecting,
    /// Connected, and both have said Hello.
    Connected,
    /// Was connected; being connected again.
    Reconnecting,
}

/// Counts since the manager was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes of frames sent over data channels.
    pub bytes_sent: u64,
    /// Bytes of frames received over data channels.
    pub bytes_received: u64,
    /// Frames sent.
    pub frames_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// DeltaResponse and FullState messages sent.
    pub deltas_sent: u64,
    /// DeltaResponse and FullState messages received.
    pub deltas_received: u64,
    /// Bytes of signaling messages sent.
    pub signaling_sent: u64,
    /// Bytes of signaling messages received.
    pub signaling_received: u64,
    /// The mean of the connected peers' round-trip times.
    pub rtt: Option<Duration>,
}
