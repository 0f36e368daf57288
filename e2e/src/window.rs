//! One page of a browser.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Kind},
    wait::wait,
    webdriver::{Command, Session, text},
};

/// The key under which the protocol wraps a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are not characters, as WebDriver writes them.
pub mod keys {
    /// Tabulator: to the next control.
    pub const TAB: &str = "\u{e004}";
    /// Shift, held down until the last of the keys after it: with [`TAB`], to the control before.
    pub const SHIFT: &str = "\u{e008}";
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// The space bar.
    pub const SPACE: &str = " ";
}

/// How a further page is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In a window of its own, visible beside the others.
    Window,
    /// As a tab of the same window: the others are hidden behind it, and the browser slows their timers.
    Tab,
}

/// One page of a browser. Cloning gives another handle to the same page.
#[derive(Debug, Clone)]
pub struct Window {
    browser: Browser,
    handle: String,
}

impl Window {
    pub(crate) fn new(browser: Browser, handle: String) -> Self {
        Self { browser, handle }
    }

    /// The browser that it belongs to.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Loads an address and waits for the page's `load` event.
    ///
    /// # Errors
    /// When the page cannot be loaded.
    pub fn load(&self, url: &str) -> Result<()> {
        self.run(Command::Navigate, &json!({"url": url})).map(drop)
    }

    /// Loads the same page again, as the browser's button does.
    ///
    /// # Errors
    /// When the page cannot be loaded.
    pub fn reload(&self) -> Result<()> {
        self.run(Command::Refresh, &json!({})).map(drop)
    }

    /// The address shown.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn url(&self) -> Result<String> {
        text(&self.run(Command::CurrentUrl, &json!({}))?, "address")
    }

    /// Closes it, as a user does: the page hears `pagehide`.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn close(self) -> Result<()> {
        self.run(Command::CloseWindow, &json!({})).map(drop)
    }

    /// Runs the body of a function in the page; its arguments are `arguments[0]`, … A promise that it
    /// returns is waited for.
    ///
    /// # Errors
    /// When the script throws or the promise is rejected.
    pub fn execute(&self, script: &str, arguments: Value) -> Result<Value> {
        self.run(Command::Execute, &json!({"script": script, "args": arguments}))
    }

    /// The text of an element; empty if there is no such element.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn text(&self, selector: &str) -> Result<String> {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        text(&self.execute(script, json!([selector]))?, "text")
    }

    /// Clicks in the middle of the element, with the pointer. Fails if something else lies over it.
    ///
    /// # Errors
    /// When there is no such element, or it is not one that can be clicked.
    pub fn click(&self, selector: &str) -> Result<()> {
        self.on_element(selector, Command::Click, json!({}))
    }

    /// Empties a text field and types into it.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn fill(&self, selector: &str, value: &str) -> Result<()> {
        self.on_element(selector, Command::Clear, json!({}))?;
        if value.is_empty() {
            return Ok(());
        }
        self.on_element(selector, Command::Type, json!({"text": value}))
    }

    /// Presses keys, one after the other, wherever the focus is. Those after [`keys::SHIFT`] are pressed with
    /// it held down.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn press(&self, keys: &str) -> Result<()> {
        let stroke = |kind: &str, key: char| json!({"type": kind, "value": key});
        let is_shift = |key: char| keys::SHIFT.contains(key);
        let mut strokes = Vec::new();
        for key in keys.chars() {
            strokes.push(stroke("keyDown", key));
            if !is_shift(key) {
                strokes.push(stroke("keyUp", key));
            }
        }
        if let Some(shift) = keys.chars().find(|&key| is_shift(key)) {
            strokes.push(stroke("keyUp", shift));
        }
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.run(Command::PerformActions, &actions).map(drop)
    }

    /// A picture of what is visible, as PNG.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn screenshot(&self) -> Result<Vec<u8>> {
        decode(&self.run(Command::Screenshot, &json!({"full": false}))?)
    }

    /// A picture of the whole page, also of what one would have to scroll to, as PNG.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn full_screenshot(&self) -> Result<Vec<u8>> {
        match self.browser.kind() {
            Kind::Chromium => {
                let picture =
                    self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true}))?;
                decode(&picture["data"])
            }
            Kind::Firefox => decode(&self.run(Command::Screenshot, &json!({"full": true}))?),
        }
    }

    /// Waits until an element is there.
    ///
    /// # Errors
    /// When it is not there within `bound`.
    pub fn wait_for(&self, selector: &str, bound: Duration) -> Result<()> {
        let script = "return document.querySelector(arguments[0]) !== null";
        wait(&format!("an element {selector}"), bound, || {
            Ok((self.execute(script, json!([selector]))? == Value::Bool(true)).then_some(()))
        })
        .map(drop)
    }

    /// Sends a command of the Chrome DevTools protocol, which Chromium alone has.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.with_session(|session| session.devtools(command, &parameters))
    }

    fn on_element(&self, selector: &str, action: Command, mut parameters: Value) -> Result<()> {
        self.with_session(|session| {
            let element = json!({"using": "css selector", "value": selector});
            let found = session.run(Command::FindElement, &element)?;
            parameters["id"] = json!(text(&found[ELEMENT], "element")?);
            session.run(action, &parameters)
        })
        .with_context(|| format!("{action:?} on {selector}"))
        .map(drop)
    }

    fn run(&self, command: Command, parameters: &Value) -> Result<Value> {
        self.with_session(|session| session.run(command, parameters))
    }

    pub(crate) fn with_session<T>(&self, run: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
        self.browser.in_window(&self.handle, run)
    }
}

fn decode(picture: &Value) -> Result<Vec<u8>> {
    Ok(BASE64_STANDARD.decode(text(picture, "picture")?)?)
}
