//! Into the room and out of it: the session, the buttons, where it stands.

use std::time::Duration;

use conjoin::Status;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::fields::{fields, first_wrong};
use super::invite::invite;
use super::problem::problem;
use crate::browser;
use crate::erased::{flag, on_click, text};
use crate::room::RoomSignals;
use crate::session::Draft;

/// The panel.
pub(crate) fn connection(room: RoomSignals, draft: Draft) -> impl IntoView {
    let connect = move |event: SubmitEvent| {
        event.prevent_default();
        // Enter in a field submits as well, whatever the button says.
        if untrack(|| room.engaged()) {
            return;
        }
        draft.remember_name();
        match untrack(|| first_wrong(draft)) {
            Some(wrong) => browser::focus(wrong),
            None => {
                join(room, draft);
                pass_focus("connect", "disconnect");
            }
        }
    };
    let disconnect = move || {
        room.disconnect();
        draft.write_address(&room.room().session(), true);
        pass_focus("disconnect", "connect");
    };
    let state = move || text(move || state_words(&room.status()).0.to_owned());
    view! {
        <section
            class="cell connection"
            aria-labelledby="connection-title"
            data-engaged=text(move || room.engaged().to_string())
        >
            <div class="cell-head">
                <h2 id="connection-title">"Connection"</h2>
                <p class="status" role="status">
                    <span class="lamp" data-state=state()></span>
                    <span data-testid="status" data-state=state()>
                        {text(move || state_words(&room.status()).1.to_owned())}
                    </span>
                </p>
            </div>
            <form novalidate on:submit=connect>
                {fields(room, draft)}
                <p class="hint">{text(move || room_hint(room, draft).to_owned())}</p>
                <p class="actions">
                    <button
                        type="submit"
                        class="primary"
                        id="connect"
                        data-testid="connect"
                        disabled=flag(move || room.engaged())
                    >
                        "Connect"
                    </button>
                    <button
                        type="button"
                        id="disconnect"
                        data-testid="disconnect"
                        disabled=flag(move || !room.engaged())
                        on:click=on_click(disconnect)
                    >
                        "Disconnect"
                    </button>
                </p>
            </form>
            {problem(room)}
            {invite(room, draft)}
        </section>
    }
}

/// Joins the room of the draft, and writes it into the address bar; unless something is wrong
/// with the draft.
pub(crate) fn join(room: RoomSignals, draft: Draft) {
    if let Some(session) = untrack(|| draft.session()) {
        room.connect(session.clone());
        draft.write_address(&session, false);
    }
}

/// A status for machines and for people.
fn state_words(status: &Status) -> (&'static str, &'static str) {
    match status {
        Status::Offline => ("offline", "Offline"),
        Status::Connecting => ("connecting", "Connecting…"),
        Status::Joined => ("joined", "In the room"),
        Status::Retrying { .. } => ("retrying", "Retrying"),
        Status::Refused { .. } => ("refused", "Refused"),
    }
}

/// What happens to the edits made here, when the draft is for another room than they were made in.
fn room_hint(room: RoomSignals, draft: Draft) -> &'static str {
    if !room.engaged() && draft.session().is_some_and(|session| room.would_change_room(&session)) {
        "Another room has its own counter; this one’s stays here, for when you come back."
    } else {
        ""
    }
}

/// Only one of the two buttons is there at a time. Whoever pressed one by keyboard goes on at the
/// other, as soon as it is there.
fn pass_focus(gone: &'static str, there: &'static str) {
    if browser::has_focus(gone) {
        set_timeout(move || browser::focus(there), Duration::ZERO);
    }
}
