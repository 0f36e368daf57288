//! The page around the room: it is hidden, comes back, goes offline and online.

use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::browser::{EventTarget, global_target};
use crate::events::{Events, Happening};

/// The listeners on the window and the document, taken away when this is dropped.
pub(crate) struct Page {
    listeners: Vec<(EventTarget, &'static str, Function)>,
}

impl Page {
    pub(crate) fn listen(events: &Events) -> Self {
        let listeners = [
            ("window", "pagehide", Happening::PageHidden),
            ("window", "pageshow", Happening::PageShown),
            ("window", "online", Happening::NetworkChanged),
            // Not the whole truth (a server on this machine is still there), but a reason to look.
            ("window", "offline", Happening::NetworkChanged),
            ("document", "resume", Happening::NetworkChanged),
            ("document", "visibilitychange", Happening::VisibilityChanged),
        ];
        let listen = |(target, event, happening)| {
            let target = global_target(target)?;
            let listener = events.listener(happening);
            target.add_event_listener(event, &listener);
            Some((target, event, listener))
        };
        Self { listeners: listeners.into_iter().filter_map(listen).collect() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for (target, event, listener) in &self.listeners {
            target.remove_event_listener(event, listener);
        }
    }
}

/// Whether the user can see the page.
pub(crate) fn is_visible() -> bool {
    let state = js_sys::Reflect::get(&js_sys::global(), &"document".into())
        .and_then(|document| js_sys::Reflect::get(&document, &"visibilityState".into()));
    state.is_ok_and(|state| state == JsValue::from_str("visible"))
}
