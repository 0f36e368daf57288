//! Whose operations the document is made of, as a bar.

use leptos::prelude::*;

use crate::erased::text;
use crate::format::plural;
use crate::room::RoomSignals;

/// One segment for each replica, as wide as its share.
pub(super) fn contributions(room: RoomSignals) -> impl IntoView {
    let segments = move || {
        let version = room.version();
        let segment = |(replica, count): (conjoin::ReplicaId, u64)| {
            view! {
                <span
                    class="tone"
                    style=("--hue", room.hue(replica))
                    style=("flex-grow", count.to_string())
                ></span>
            }
        };
        version.iter().map(segment).collect::<Vec<_>>()
    };
    let caption = text(move || {
        let version = room.version();
        if version.total() == 0 {
            return "No edits yet.".to_owned();
        }
        let edits = plural(version.total(), "edit", "edits");
        let replicas = plural(version.len() as u64, "replica", "replicas");
        match room.last_editor() {
            Some(last) if last == room.own_replica() => {
                format!("{edits} by {replicas}, the last by you")
            }
            Some(last) => format!("{edits} by {replicas}, the last by {}", room.replica_name(last)),
            None => format!("{edits} by {replicas}"),
        }
    });
    view! {
        <div class="contributions">
            <div class="shares" aria-hidden="true">{segments}</div>
            <p>{caption}</p>
        </div>
    }
}
