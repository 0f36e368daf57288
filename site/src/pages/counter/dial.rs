//! The number, its buttons, and what is known about who has it.

use conjoin::{Counter, Room};
use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;

use super::contributions::contributions;
use crate::erased::{on_click, text};
use crate::room::RoomSignals;
use crate::sync::Standing;
use crate::{browser, icons, sync};

/// The name of the counter in the room's document.
const COUNTER: &str = "clicks";

/// What [`amount_of_key`] does, for people.
const KEYS: &str = "Keys: <kbd>+</kbd> and <kbd>−</kbd> anywhere outside a text field, \
    <kbd>↑</kbd> and <kbd>↓</kbd> while a counter button has the focus.";

/// The counter.
pub(super) fn dial(room: RoomSignals) -> impl IntoView {
    let digits = RwSignal::new(String::new());
    room.each_room(move |room| {
        let value = counter(room).watch();
        digits.set(value.now().to_string());
        value.subscribe(move |value| digits.set(value.to_string()))
    });

    let add = move |amount: i64| counter(&room.room()).add(amount);
    window_event_listener(ev::keydown, move |event| {
        if let Some(amount) = amount_of_key(&event) {
            event.prevent_default();
            add(amount);
        }
    });

    let note = text(move || {
        let (connected, in_sync) = room.connected_and_in_sync();
        let standing = match room.standing() {
            // Somebody is there, but out of reach for now.
            Standing::Joined if !room.peers().is_empty() => Standing::Underway,
            standing => standing,
        };
        sync::share_note(standing, room.unshared(), connected, in_sync)
    });
    let editor_hue = text(move || room.last_editor().map_or_else(String::new, |replica| room.hue(replica)));
    // Two names for one animation: changing between them starts it again.
    let beat = text(move || (room.version().total() % 2).to_string());

    view! {
        <section class="cell dial" aria-labelledby="dial-title" id="dial">
            <div class="cell-head">
                <h2 id="dial-title">"Shared counter"</h2>
            </div>
            <div class="dial-row">
                <button
                    type="button"
                    class="round"
                    data-testid="decrement"
                    aria-label="Decrement"
                    aria-keyshortcuts="-"
                    on:click=on_click(move || add(-1))
                    inner_html=icons::MINUS
                ></button>
                <output
                    class="number tone"
                    data-beat=beat
                    style=("--hue", editor_hue)
                    style=("--digits", text(move || digits.with(String::len).to_string()))
                >
                    <span data-testid="counter">{text(move || digits.get())}</span>
                </output>
                <button
                    type="button"
                    class="round"
                    data-testid="increment"
                    aria-label="Increment"
                    aria-keyshortcuts="+"
                    on:click=on_click(move || add(1))
                    inner_html=icons::PLUS
                ></button>
            </div>
            <p class="dial-note" data-testid="share-note">{note}</p>
            {contributions(room)}
            <p class="keys" inner_html=KEYS></p>
        </section>
    }
}

fn counter(room: &Room) -> Counter {
    room.counter(COUNTER)
}

/// What a key adds to the counter, if it is meant for it.
fn amount_of_key(event: &KeyboardEvent) -> Option<i64> {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || browser::is_typing() {
        return None;
    }
    match event.key().as_str() {
        "+" | "=" => Some(1),
        "-" | "−" => Some(-1),
        // The arrows scroll the page, so they count only where the user is at the counter.
        "ArrowUp" if on_dial() => Some(1),
        "ArrowDown" if on_dial() => Some(-1),
        _ => None,
    }
}

fn on_dial() -> bool {
    document().active_element().and_then(|element| element.closest("#dial").ok()?).is_some()
}
