//! A counter shared by everyone in the room.

mod contributions;
mod dial;

use leptos::prelude::*;

use crate::panels::connection::{connection, join};
use crate::panels::log::log;
use crate::panels::peers::peers;
use crate::panels::replica::local_peer;
use crate::panels::stats::statistics;
use crate::room::RoomSignals;
use crate::session::Draft;
use dial::dial;

/// The page.
pub(crate) fn counter_page() -> impl IntoView {
    let (draft, joins_at_once) = Draft::from_address();
    let room = RoomSignals::new(untrack(|| draft.unchecked_session()));
    if joins_at_once {
        // A link with a wrong field leaves the page offline, with the error at that field.
        join(room, draft);
    }
    view! {
        <main class="sheet">
            {connection(room, draft)}
            {dial(room)}
            {peers(room)}
            {local_peer(room)}
            {statistics(room)}
            {log(room)}
        </main>
    }
}
