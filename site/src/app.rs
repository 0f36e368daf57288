//! The frame around a page: header, page, footer.

use leptos::mount::mount_to;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::icons;
use crate::pages::counter::counter_page;
use crate::theme::theme_button;

/// Puts the app into the page, in the place of what said that it is loading.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&info.to_string().into());
    }));
    let place = document().get_element_by_id("app").and_then(|place| place.dyn_into().ok());
    let place: web_sys::HtmlElement = place.expect("index.html has an element #app");
    place.set_inner_html("");
    mount_to(place, app).forget();
}

fn app() -> impl IntoView {
    view! {
        <header class="masthead">
            <h1 class="brand">
                <span class="logo" inner_html=icons::LOGO></span>
                "Conjoin"
            </h1>
            <p class="tagline">
                "Browsers that share one state, peer to peer. The server only introduces them."
            </p>
            {theme_button()}
        </header>
        {counter_page()}
        <footer class="colophon">
            <p>
                "Edits travel straight between browsers over WebRTC data channels. "
                "No server sees them, and they all count: made at the same time, or while offline."
            </p>
        </footer>
    }
}
