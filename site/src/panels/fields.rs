//! The fields of the session, each with its error.

use leptos::prelude::*;

use crate::erased::{flag, text};
use crate::room::RoomSignals;
use crate::session::Draft;

struct Field {
    /// Its test id too.
    id: &'static str,
    label: &'static str,
    placeholder: &'static str,
    value: fn(Draft) -> RwSignal<String>,
    /// Empty if nothing is wrong.
    error: fn(Draft) -> String,
}

const FIELDS: [Field; 3] = [
    Field { id: "room", label: "Room", placeholder: "", value: |draft| draft.room, error: Draft::room_error },
    Field {
        id: "name",
        label: "Your name",
        placeholder: "optional",
        value: |draft| draft.name,
        error: Draft::name_error,
    },
    Field {
        id: "server",
        label: "Signaling server",
        placeholder: "",
        value: |draft| draft.server,
        error: Draft::server_error,
    },
];

/// Text fields. While the page wants to be in the room, they show their values as text that can
/// be selected.
pub(super) fn fields(room: RoomSignals, draft: Draft) -> impl IntoView {
    FIELDS.iter().map(|field| view(room, draft, field)).collect::<Vec<_>>()
}

/// The id of the first field with an error.
pub(super) fn first_wrong(draft: Draft) -> Option<&'static str> {
    FIELDS.iter().find(|field| !(field.error)(draft).is_empty()).map(|field| field.id)
}

fn view(room: RoomSignals, draft: Draft, field: &'static Field) -> impl IntoView {
    let &Field { id, label, placeholder, error, .. } = field;
    let value = (field.value)(draft);
    let error_id = format!("{id}-error");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                type="text"
                id=id
                data-testid=id
                placeholder=text(move || if room.engaged() { "none" } else { placeholder }.to_owned())
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                prop:value=value
                readonly=flag(move || room.engaged())
                aria-invalid=text(move || (!error(draft).is_empty()).to_string())
                aria-describedby=error_id.clone()
                on:input=move |event| value.set(event_target_value(&event))
            />
            <p class="field-error" id=error_id aria-live="polite">{text(move || error(draft))}</p>
        </div>
    }
}
