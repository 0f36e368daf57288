//! The link that brings others into the room.

use std::time::Duration;

use leptos::prelude::*;

use crate::erased::{on_click, text};
use crate::room::RoomSignals;
use crate::session::{Draft, invitation_url, page_is_local, page_url};
use crate::{browser, icons};

const COPY: &str = "Copy link";
const COPIED: &str = "Link copied";
const REFUSED: &str = "Copy it by hand";

/// How long the button says what became of it.
const FEEDBACK: Duration = Duration::from_millis(2_500);

/// The link, a button to copy it, and a hint what for.
pub(super) fn invite(room: RoomSignals, draft: Draft) -> impl IntoView {
    let url = move || {
        let session = if room.engaged() { Some(room.session()) } else { draft.session() };
        session.map_or_else(page_url, |session| invitation_url(&session))
    };
    let label = RwSignal::new(COPY.to_owned());
    let reset = StoredValue::new(None::<TimeoutHandle>);
    let copy = move || {
        browser::copy(untrack(url), move |worked| {
            label.set(if worked { COPIED } else { REFUSED }.to_owned());
            let handle = set_timeout_with_handle(move || label.set(COPY.to_owned()), FEEDBACK).ok();
            if let Some(earlier) = reset.try_update_value(|slot| std::mem::replace(slot, handle)).flatten() {
                earlier.clear();
            }
        });
    };
    let icon = move || if label.with(|label| label == COPIED) { icons::DONE } else { icons::COPY };
    let hint = if page_is_local() {
        "Open it in a second tab to see both change. This address works on this machine only."
    } else {
        "Open it in a second tab, or send it to somebody."
    };
    view! {
        <div class="invite">
            <a data-testid="room-link" href=text(url) target="_blank" rel="noopener" title="Open in a new tab">
                {text(url)}
            </a>
            <div class="invite-row">
                <button
                    type="button"
                    class="quiet"
                    data-testid="copy-link"
                    on:click=on_click(copy)
                    aria-live="polite"
                >
                    <span class="icon" inner_html=text(move || icon().to_owned())></span>
                    {text(move || label.get())}
                </button>
                <p class="hint">{hint}</p>
            </div>
        </div>
    }
}
