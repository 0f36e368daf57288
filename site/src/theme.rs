//! Light, dark, or as the system has it. The choice stands in `data-theme` of the document, where
//! `assets/theme.js` puts the remembered one before the first paint; the names and the storage
//! key here must match it.

use leptos::prelude::*;

use crate::erased::{on_click, text};
use crate::{browser, icons};

const KEY: &str = "conjoin-theme";
const ATTRIBUTE: &str = "data-theme";

/// A theme: its name in the document, its label, its icon.
type Theme = (&'static str, &'static str, &'static str);

const THEMES: [Theme; 3] =
    [("auto", "Auto", icons::AUTO), ("light", "Light", icons::LIGHT), ("dark", "Dark", icons::DARK)];

/// The button that goes round the themes.
pub(crate) fn theme_button() -> impl IntoView {
    let changed = Trigger::new();
    let theme = move || {
        changed.track();
        THEMES[current()]
    };
    let choose_next = move || {
        choose(THEMES[(current() + 1) % THEMES.len()].0);
        changed.notify();
    };
    view! {
        <button
            type="button"
            class="quiet theme"
            data-testid="theme"
            aria-label=text(move || format!("Theme: {}", theme().1))
            title="Auto, light or dark"
            on:click=on_click(choose_next)
        >
            <span class="icon" inner_html=text(move || theme().2.to_owned())></span>
            {text(move || theme().1.to_owned())}
        </button>
    }
}

fn current() -> usize {
    let chosen = document().document_element().and_then(|root| root.get_attribute(ATTRIBUTE));
    THEMES.iter().position(|theme| Some(theme.0) == chosen.as_deref()).unwrap_or(0)
}

fn choose(name: &str) {
    browser::remember(KEY, name);
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(ATTRIBUTE, name);
    }
}
