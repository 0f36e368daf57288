//! Why the server closes a socket.

use std::fmt;

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// A newer socket of the same peer took its place.
    Replaced,
    /// The server has as many sockets as it takes.
    Full,
    /// It sent a message larger than the server takes.
    TooLarge,
    /// It sent what is no WebSocket message.
    Malformed,
    /// It went on sending more than the server takes.
    RateLimited,
    /// It did not join a room in time.
    NeverJoined,
    /// It did not answer a ping in time.
    NoAnswer,
    /// It did not read what was sent to it.
    TooSlow,
    /// The server stops.
    GoingAway,
}

impl CloseReason {
    /// The status of the close frame (RFC 6455, 7.4). `Replaced` has one from the private range,
    /// so that a client can tell it from all that is worth another try.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Malformed => 1002,
            Self::RateLimited | Self::NeverJoined | Self::NoAnswer | Self::TooSlow => 1008,
            Self::TooLarge => 1009,
            Self::Full => 1013,
            Self::Replaced => 4000,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replaced => "replaced by a newer socket of this peer",
            Self::Full => "the server is full",
            Self::TooLarge => "message too large",
            Self::Malformed => "not a WebSocket message",
            Self::RateLimited => "too many messages",
            Self::NeverJoined => "no room joined in time",
            Self::NoAnswer => "no answer to a ping",
            Self::TooSlow => "messages were not read in time",
            Self::GoingAway => "the server stops",
        })
    }
}
