//! The other peers in the room.

use conjoin::{PeerInfo, PeerState, VersionVector};
use leptos::prelude::*;

use crate::erased::text;
use crate::format::{millis, plural, short_id};
use crate::room::RoomSignals;
use crate::sync::{Standing, behind_by};

/// The panel.
pub(crate) fn peers(room: RoomSignals) -> impl IntoView {
    let count = move || text(move || room.peers().len().to_string());
    let tally = move || match (room.connected_and_in_sync().0, room.peers().len()) {
        (connected, all) if connected == all => all.to_string(),
        (connected, all) => format!("{connected} of {all}"),
    };
    let rows = move || {
        let ours = room.version();
        room.peers().into_iter().map(|peer| row(room, peer, &ours)).collect::<Vec<_>>()
    };
    let empty = move || match room.standing() {
        _ if !room.peers().is_empty() => "",
        Standing::Offline => "Connect to meet the others in the room.",
        Standing::Underway => "The others show up once the signaling server answers.",
        Standing::Joined => "Nobody else is here yet. Open the link in another tab.",
    };
    view! {
        <section class="cell peers" aria-labelledby="peers-title">
            <div class="cell-head">
                <h2 id="peers-title">"Connected peers"</h2>
                <p class="tally">{text(tally)}</p>
            </div>
            <ul class="peer-list" data-testid="peers" data-count=count() aria-labelledby="peers-title">{rows}</ul>
            <p class="empty">{text(move || empty().to_owned())}</p>
        </section>
    }
}

fn row(room: RoomSignals, peer: PeerInfo, ours: &VersionVector) -> impl IntoView + use<> {
    let (state, state_text) = match peer.state {
        PeerState::Connecting => ("connecting", "connecting…"),
        PeerState::Connected => ("connected", "connected"),
        PeerState::Reconnecting => ("reconnecting", "reconnecting…"),
    };
    let lack = peer.version.as_ref().map(|theirs| behind_by(ours, theirs));
    let share = match lack {
        None => String::new(),
        Some(0) => "in sync".to_owned(),
        Some(lack) => format!("behind by {}", plural(lack, "edit", "edits")),
    };
    let rtt = peer.rtt.map(millis);
    let rtt_text = rtt.as_ref().map_or_else(|| "–".to_owned(), |rtt| format!("{rtt} ms"));
    let short = short_id(&peer.id).to_owned();
    let name = peer.name.clone().unwrap_or_default();
    view! {
        <li
            class="peer"
            data-testid="peer"
            data-peer-id=peer.id
            data-name=peer.name
            data-state=state
            data-rtt-ms=rtt
        >
            <span class="dot tone" style=("--hue", peer.replica.map(|replica| room.hue(replica)))></span>
            <span class="peer-name"><span>{name}</span><code>{short}</code></span>
            <span class="peer-rtt">{rtt_text}</span>
            <span class="peer-state">{state_text}</span>
            <span class="peer-share" data-in-sync=(lack == Some(0)).to_string()>{share}</span>
        </li>
    }
}
