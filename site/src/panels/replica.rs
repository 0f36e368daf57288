//! This peer: who it is, and what it has seen.

use conjoin::ReplicaId;
use leptos::prelude::*;

use crate::erased::text;
use crate::room::RoomSignals;

/// The panel.
pub(crate) fn local_peer(room: RoomSignals) -> impl IntoView {
    // The peer and the replica change when the page changes rooms, and the version with them.
    let own = move || {
        room.version();
        room.own_replica()
    };
    let peer_id = move || {
        room.version();
        room.room().peer_id()
    };
    let name = move || room.session().name.unwrap_or_else(|| "you".to_owned());
    let operations = move || room.version().total();
    let entries = move || {
        let (own, version) = (own(), room.version());
        let entry = |(replica, count)| entry(room, replica, count, replica == own);
        version.iter().map(entry).collect::<Vec<_>>()
    };
    let empty = move || if operations() == 0 { "No operations seen yet: make an edit." } else { "" };
    view! {
        <section class="cell replica" aria-labelledby="replica-title">
            <div class="cell-head">
                <h2 id="replica-title">"This peer"</h2>
                <p class="self">
                    <span class="dot tone" style=("--hue", text(move || room.hue(own())))></span>
                    <span>{text(name)}</span>
                </p>
            </div>
            <dl class="facts">
                <dt>"Peer id"</dt>
                <dd><code data-testid="peer-id">{text(peer_id)}</code></dd>
                <dt>"Replica"</dt>
                <dd><code data-testid="replica">{text(move || own().to_string())}</code></dd>
                <dt>"Operations"</dt>
                <dd data-testid="operations">{text(move || operations().to_string())}</dd>
            </dl>
            <h3 id="version-title">"Version vector"</h3>
            <ul class="version" data-testid="version" aria-labelledby="version-title">{entries}</ul>
            <p class="empty">{text(move || empty().to_owned())}</p>
        </section>
    }
}

fn entry(room: RoomSignals, replica: ReplicaId, count: u64, own: bool) -> impl IntoView + use<> {
    let id = replica.to_string();
    let name = if own { "you".to_owned() } else { room.replica_name(replica) };
    view! {
        <li data-testid="version-entry" data-replica=id.clone() data-own=own.to_string() title=id>
            <span class="dot tone" style=("--hue", room.hue(replica))></span>
            <span class="version-name">{name}</span>
            <span class="version-count">{count.to_string()}</span>
        </li>
    }
}
