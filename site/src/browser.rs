//! What the pages ask of the browser besides the document: its address, storage and clipboard.

use leptos::prelude::{document, window};
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// The parts of the address that matter here, as `window.location` has them.
pub(crate) struct Address {
    /// `http:` or `https:`.
    pub(crate) protocol: String,
    /// With the port, if it is not the protocol's own.
    pub(crate) host: String,
    /// From the first slash up to the query.
    pub(crate) path: String,
    /// With its question mark; empty if there is none.
    pub(crate) query: String,
}

/// The address of the page. What cannot be read (as in a sandbox) is empty.
pub(crate) fn address() -> Address {
    let location = window().location();
    Address {
        protocol: location.protocol().unwrap_or_default(),
        host: location.host().unwrap_or_default(),
        path: location.pathname().unwrap_or_default(),
        query: location.search().unwrap_or_default(),
    }
}

/// Changes the query in the address bar, so that a reload comes back to the same state. Browsers
/// refuse this on pages from files; the address is a convenience, so that is no error.
pub(crate) fn replace_query(query: &str) {
    let target = format!("{}{query}", address().path);
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&target));
    }
}

/// What was remembered under `key`, if the browser lets us remember anything.
pub(crate) fn recall(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Remembers `value` under `key`; full or forbidden storage only means it is forgotten.
pub(crate) fn remember(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// Puts `text` on the clipboard and tells whether that worked.
///
/// The clipboard API exists in secure contexts only, and a page on a LAN over plain HTTP is none,
/// so there the older command does it.
pub(crate) fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    if window().is_secure_context() {
        spawn_local(async move {
            let written = window().navigator().clipboard().write_text(&text);
            done(JsFuture::from(written).await.is_ok() || copy_by_command(&text));
        });
    } else {
        done(copy_by_command(&text));
    }
}

fn copy_by_command(text: &str) -> bool {
    let focused = document().active_element().and_then(|element| element.dyn_into().ok());
    let copied = try_copy_by_command(text).unwrap_or(false);
    if let Some(focused) = focused {
        let focused: web_sys::HtmlElement = focused;
        let _ = focused.focus();
    }
    copied
}

fn try_copy_by_command(text: &str) -> Option<bool> {
    let document: web_sys::HtmlDocument = document().dyn_into().ok()?;
    let area: web_sys::HtmlTextAreaElement = document.create_element("textarea").ok()?.dyn_into().ok()?;
    area.set_value(text);
    area.set_class_name("visually-hidden");
    document.body()?.append_child(&area).ok()?;
    area.select();
    let copied = document.exec_command("copy").ok();
    area.remove();
    copied
}

/// Whether the user is typing text somewhere, so that keys belong to that field.
pub(crate) fn is_typing() -> bool {
    document().active_element().is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            && element.get_attribute("type").as_deref() != Some("checkbox")
            && !element.has_attribute("readonly")
    })
}

/// Moves the keyboard focus to the element with this id.
pub(crate) fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        let _ = element.focus();
    }
}

/// Whether the element with this id has the keyboard focus.
pub(crate) fn has_focus(id: &str) -> bool {
    document().active_element().is_some_and(|element| element.id() == id)
}

/// Whether the browser believes that this device has no network at all.
pub(crate) fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Milliseconds since the last local midnight.
pub(crate) fn millis_since_midnight() -> u64 {
    const DAY: u64 = 86_400_000;
    let offset = js_sys::Date::new_0().get_timezone_offset() * 60_000.0;
    (js_sys::Date::now() - offset) as u64 % DAY
}
