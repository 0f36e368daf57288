//! One message of the sync log.

use conjoin::{Direction, Wire};
use leptos::prelude::*;

use crate::format::{bytes, time_of_day};
use crate::room::RoomSignals;

/// What a row shows, taken down when the message passed.
pub(super) struct Entry {
    time: String,
    hue: Option<String>,
    wire: Wire,
}

impl Entry {
    /// `midnight` is what to add to the room's clock for milliseconds since local midnight.
    pub(super) fn new(room: RoomSignals, wire: &Wire, midnight: u64) -> Self {
        Self {
            time: time_of_day(midnight + wire.at.as_millis() as u64),
            hue: room.hue_of_peer(&wire.peer),
            wire: wire.clone(),
        }
    }

    /// Whether the message only keeps the link alive or in step, carrying no state.
    pub(super) fn is_routine(&self) -> bool {
        matches!(self.wire.message, "Heartbeat" | "Echo" | "Ack" | "ClockRequest" | "ClockResponse")
    }

    pub(super) fn view(self) -> impl IntoView {
        let routine = self.is_routine().to_string();
        let Wire { direction, peer, peer_name, message, detail, bytes: size, .. } = self.wire;
        let (direction, arrow, spoken) = match direction {
            Direction::Sent => ("sent", "→", "sent to"),
            Direction::Received => ("received", "←", "received from"),
        };
        view! {
            <li
                data-testid="log-entry"
                data-direction=direction
                data-message=message
                data-bytes=size.to_string()
                data-peer=peer
                data-routine=routine
            >
                <time>{self.time}</time>
                <span class="arrow" aria-label=spoken role="img">{arrow}</span>
                <span class="log-peer"><span class="dot tone" style=("--hue", self.hue)></span><span>{peer_name}</span></span>
                <span class="log-message">{message}</span>
                <span class="log-detail">{detail}</span>
                <span class="log-bytes">{bytes(size as u64)}</span>
            </li>
        }
    }
}
