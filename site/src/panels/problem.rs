//! What is wrong, in words, with what can be done about it.

use std::time::Duration;

use conjoin::Status;
use leptos::prelude::*;

use crate::browser;
use crate::erased::{Text, on_click, text};
use crate::format::{seconds_left, sentence};
use crate::room::RoomSignals;

/// Often enough for a countdown to be seen at every second.
const TICK: Duration = Duration::from_millis(250);

type Action = (&'static str, fn(RoomSignals));

struct Trouble {
    /// The sentence, up to the countdown if there is one.
    what: String,
    /// When the next try is.
    retry_at: Option<Duration>,
    /// What else there is to say.
    more: Text,
    /// What the user can do here: a label, and what it does.
    action: Option<Action>,
}

/// The alert; nothing at all while all is well.
pub(super) fn problem(room: RoomSignals) -> impl IntoView {
    move || trouble(room).map(|trouble| alert(room, trouble))
}

fn trouble(room: RoomSignals) -> Option<Trouble> {
    match room.status() {
        Status::Retrying { reason, at } => Some(Trouble {
            what: sentence(&reason),
            retry_at: Some(at),
            more: text(move || {
                let (connected, _) = room.connected_and_in_sync();
                let note = match connected {
                    _ if browser::is_offline() => "The browser says that this device is offline.",
                    0 => "",
                    _ => "Connected peers go on without it.",
                };
                note.to_owned()
            }),
            action: Some(("Retry now", |room| room.room().network_changed())),
        }),
        Status::Refused { reason } => Some(Trouble {
            what: format!("The signaling server at {} refused: {reason}", room.session().server),
            retry_at: None,
            more: text(|| "Change the session above, or connect again.".to_owned()),
            action: None,
        }),
        _ => room.problem().map(|what| Trouble {
            what: sentence(&what),
            retry_at: None,
            more: text(String::new),
            action: Some(("Dismiss", RoomSignals::dismiss_problem)),
        }),
    }
}

fn alert(room: RoomSignals, trouble: Trouble) -> impl IntoView {
    let Trouble { what, retry_at, more, action } = trouble;
    let action = action.map(|(label, act)| {
        view! {
            <button type="button" class="quiet" on:click=on_click(move || act(room))>
                {label}
            </button>
        }
    });
    view! {
        <div class="problem">
            <p data-testid="problem" role="alert">
                {what}
                // Not to be read aloud anew at every second.
                <span aria-hidden="true">{retry_at.map(|at| countdown(room, at))}</span>
            </p>
            <p class="problem-more">{more}</p>
            {action}
        </div>
    }
}

/// The seconds until `at`, ticking for as long as they are shown.
fn countdown(room: RoomSignals, at: Duration) -> impl IntoView {
    let ticked = Trigger::new();
    if let Ok(interval) = set_interval_with_handle(move || ticked.notify(), TICK) {
        on_cleanup(move || interval.clear());
    }
    text(move || {
        ticked.track();
        match seconds_left(at, room.room().now()) {
            0 => "; retrying now".to_owned(),
            seconds => format!("; retrying in {seconds} s"),
        }
    })
}
