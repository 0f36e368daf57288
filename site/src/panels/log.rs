//! The sync log: what went over the data channels, newest first.
//!
//! Rows are built once and put in front of the list, so a message costs the same however long
//! the list is; a keyed list would compare all rows for each. They are built in batches a little
//! later, off the way of an edit from page to page.

use std::collections::VecDeque;
use std::time::Duration;

use conjoin::Event;
use leptos::html::Ol;
use leptos::prelude::*;
use leptos::tachys::view::Mountable;

use super::log_row::Entry;
use crate::browser;
use crate::erased::{on_click, text};
use crate::room::RoomSignals;

/// Rows kept of each sort, routine or not: heartbeats do not push the rest out of the log.
const KEPT: usize = 200;

/// How long messages are gathered before they are shown.
const BATCH: Duration = Duration::from_millis(50);

/// The panel.
pub(crate) fn log(room: RoomSignals) -> impl IntoView {
    let log = LogView::new();
    let clock = room.room().now().as_millis() as u64;
    // A day more, so that the difference is never negative; the time of day stays the same.
    let midnight = browser::millis_since_midnight() + 86_400_000 - clock.min(86_400_000);
    room.each_room(move |shown| {
        shown.on_event(move |event| {
            if let Event::Wire(wire) = event {
                log.take(Entry::new(room, wire, midnight));
            }
        })
    });

    let hidden = move || match log.read(|state| (state.hide_routine, state.count(true))) {
        (false, _) | (_, 0) => String::new(),
        (true, hidden) => format!(" ({hidden} hidden)"),
    };
    let pause_label = move || match log.read(|state| (state.paused, state.queue.len())) {
        (false, _) => "Pause".to_owned(),
        (true, 0) => "Resume".to_owned(),
        (true, waiting) => format!("Resume ({waiting} new)"),
    };
    let empty = move || match log.read(|state| (state.hide_routine, state.count(true), state.count(false))) {
        (_, 0, 0) => "Nothing has gone over the wire yet.",
        (true, _, 0) => "Only heartbeats and acknowledgements so far.",
        _ => "",
    };
    view! {
        <section class="cell log" aria-labelledby="log-title">
            <div class="cell-head">
                <h2 id="log-title">"Sync log"</h2>
                <label class="check">
                    <input
                        type="checkbox"
                        checked
                        on:change=move |event| log.change(|state| state.hide_routine = event_target_checked(&event))
                    />
                    <span>"Hide heartbeats and acks" {text(hidden)}</span>
                </label>
                <button
                    type="button"
                    class="quiet"
                    aria-pressed=text(move || log.read(|state| state.paused).to_string())
                    on:click=on_click(move || log.toggle_pause())
                >
                    {text(pause_label)}
                </button>
                <button type="button" class="quiet" on:click=on_click(move || log.clear())>"Clear"</button>
            </div>
            <ol
                class="log-list"
                data-hide-routine=text(move || log.read(|state| state.hide_routine).to_string())
                data-testid="log"
                tabindex="0"
                aria-labelledby="log-title"
                node_ref=log.list
            ></ol>
            <p class="empty">{text(move || empty().to_owned())}</p>
        </section>
    }
}

/// A row in the document.
struct Row {
    view: Box<dyn Mountable>,
    routine: bool,
}

struct State {
    /// Newest first, as in the document.
    rows: VecDeque<Row>,
    /// Not shown yet, oldest first.
    queue: VecDeque<Entry>,
    hide_routine: bool,
    paused: bool,
}

impl State {
    /// How many rows of this sort there are.
    fn count(&self, routine: bool) -> usize {
        self.rows.iter().filter(|row| row.routine == routine).count()
    }

    /// Puts what has come since the last time into the list.
    fn show_queue(&mut self, list: &web_sys::Element) {
        while let Some(entry) = self.queue.pop_front() {
            let routine = entry.is_routine();
            let mut view = entry.view().into_view().build();
            view.mount(list, list.first_child().as_ref());
            self.rows.push_front(Row { view: Box::new(view), routine });
        }
        self.trim(true);
        self.trim(false);
    }

    /// Takes the oldest rows of this sort away, down to the number kept.
    fn trim(&mut self, routine: bool) {
        for _ in KEPT..self.count(routine) {
            let oldest = self.rows.iter().rposition(|row| row.routine == routine);
            if let Some(mut row) = oldest.and_then(|at| self.rows.remove(at)) {
                row.view.unmount();
            }
        }
    }
}

#[derive(Clone, Copy)]
struct LogView {
    list: NodeRef<Ol>,
    state: StoredValue<State, LocalStorage>,
    changed: Trigger,
}

impl LogView {
    fn new() -> Self {
        let state =
            State { rows: VecDeque::new(), queue: VecDeque::new(), hide_routine: true, paused: false };
        Self { list: NodeRef::new(), state: StoredValue::new_local(state), changed: Trigger::new() }
    }

    fn read<R>(self, look: impl FnOnce(&State) -> R) -> R {
        self.changed.track();
        self.state.with_value(look)
    }

    fn change(self, change: impl FnOnce(&mut State)) {
        self.state.update_value(change);
        self.changed.notify();
    }

    fn take(self, entry: Entry) {
        let mut show = false;
        self.state.update_value(|state| {
            // Only the newest would be kept anyway.
            if state.queue.len() == 2 * KEPT {
                state.queue.pop_front();
            }
            state.queue.push_back(entry);
            show = state.queue.len() == 1 && !state.paused;
        });
        if show {
            set_timeout(move || self.flush(), BATCH);
        } else {
            self.changed.notify();
        }
    }

    fn toggle_pause(self) {
        self.change(|state| state.paused = !state.paused);
        self.flush();
    }

    fn flush(self) {
        if let Some(list) = self.list.get_untracked() {
            self.change(|state| {
                if !state.paused {
                    state.show_queue(&list);
                }
            });
        }
    }

    fn clear(self) {
        self.change(|state| {
            state.queue.clear();
            for mut row in state.rows.drain(..) {
                row.view.unmount();
            }
        });
    }
}
