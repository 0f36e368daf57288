//! What one client, one room and the whole server may cost.

use std::time::Duration;

use conjoin_signaling::MAX_MESSAGE;

/// What one client, one room and the whole server may cost.
///
/// The defaults suit a public server of moderate size. A socket that breaks a limit is told so by
/// an `error` message and, where that is said below, closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest message taken, in bytes. A larger one closes its socket.
    pub max_message: usize,
    /// Peers in one room. A full mesh of browsers is at its end well before the default.
    pub max_peers_per_room: usize,
    /// Rooms at a time.
    pub max_rooms: usize,
    /// Sockets at a time. One too many is closed at once.
    pub max_connections: usize,
    /// Messages that one socket may send each second, for as long as it likes.
    pub messages_per_second: u32,
    /// Messages that one socket may send at once, above that rate: entering a large room takes an
    /// offer and several candidates for each peer in it. Whoever goes on sending when this is
    /// used up is told, and closed after another second's worth of messages.
    pub message_burst: u32,
    /// A socket that said nothing for this long is pinged.
    pub ping_interval: Duration,
    /// A pinged socket that says nothing for this long is closed. With the interval this bounds
    /// how long a peer that vanished stays in the lists of the others.
    pub ping_timeout: Duration,
    /// How long the holder of an id has to answer a ping before a newcomer without the resume
    /// token gets the id.
    pub takeover_wait: Duration,
    /// A socket that has not entered a room after this long is closed.
    pub join_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: MAX_MESSAGE,
            max_peers_per_room: 64,
            max_rooms: 10_000,
            max_connections: 10_000,
            messages_per_second: 100,
            message_burst: 2_000,
            ping_interval: Duration::from_secs(8),
            ping_timeout: Duration::from_secs(5),
            takeover_wait: Duration::from_secs(2),
            join_timeout: Duration::from_secs(10),
        }
    }
}
