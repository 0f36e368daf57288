//! One page of a browser.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    wait::wait,
    webdriver::{Client, text},
};

/// The key under which the protocol wraps a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are not characters, as WebDriver writes them.
pub mod keys {
    /// Tabulator: to the next control.
    pub const TAB: &str = "\u{e004}";
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
        self.run(|session| session.post("url", &json!({"url": url}))).map(drop)
    }

    /// Loads the same page again, as the browser's button does.
    ///
    /// # Errors
    /// When the page cannot be loaded.
    pub fn reload(&self) -> Result<()> {
        self.run(|session| session.post("refresh", &json!({}))).map(drop)
    }

    /// The address shown.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn url(&self) -> Result<String> {
        text(&self.run(|session| session.get("url"))?, "address")
    }

    /// Closes it, as a user does: the page hears `pagehide`.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn close(self) -> Result<()> {
        self.run(|session| session.delete("window")).map(drop)
    }

    /// Runs the body of a function in the page; its arguments are `arguments[0]`, … A promise that it
    /// returns is waited for.
    ///
    /// # Errors
    /// When the script throws or the promise is rejected.
    pub fn execute(&self, script: &str, arguments: Value) -> Result<Value> {
        self.run(|session| session.post("execute/sync", &json!({"script": script, "args": arguments})))
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
        self.on_element(selector, "click", &json!({}))
    }

    /// Empties a text field and types into it.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn fill(&self, selector: &str, value: &str) -> Result<()> {
        self.on_element(selector, "clear", &json!({}))?;
        if value.is_empty() { Ok(()) } else { self.on_element(selector, "value", &json!({"text": value})) }
    }

    /// Presses keys, one after the other, wherever the focus is.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn press(&self, keys: &str) -> Result<()> {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.run(|session| session.post("actions", &actions)).map(drop)
    }

    /// A picture of what is visible, as PNG.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn screenshot(&self) -> Result<Vec<u8>> {
        decode(&self.run(|session| session.get("screenshot"))?)
    }

    /// A picture of the whole page, also of what one would have to scroll to, as PNG.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn full_screenshot(&self) -> Result<Vec<u8>> {
        let picture = self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true}))?;
        decode(&picture["data"])
    }

    /// Sends a command of the Chrome DevTools protocol.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.run(|session| session.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters})))
    }

    /// Loses this share of WebRTC's packets, in percent, both ways. Connections made before the first call
    /// are not affected, so that comes before the page is loaded; 0 is enough.
    ///
    /// # Errors
    /// When the browser does not know the command.
    pub fn lose_packets(&self, percent: f64) -> Result<()> {
        // The empty pattern stands for everything, WebRTC too. A rule that restricts nothing would not
        // take effect on connections made under it; this queue is longer than any that tests fill.
        let rule = json!({
            "urlPattern": "", "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
            "packetLoss": percent, "packetQueueLength": 100_000,
        });
        let rules = json!({"offline": false, "matchedNetworkConditions": [rule]});
        self.devtools("Network.enable", json!({}))?;
        self.devtools("Network.emulateNetworkConditionsByRule", rules).map(drop)
    }

    /// Tells the page that its device went offline or online: `navigator.onLine` and the events.
    /// Connections stay as they are.
    ///
    /// # Errors
    /// When the browser does not know the command.
    pub fn tell_online(&self, online: bool) -> Result<()> {
        let state =
            json!({"offline": !online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.overrideNetworkState", state).map(drop)
    }

    /// Freezes the page, as browsers do with those long in the background, or lets it go on.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn set_frozen(&self, frozen: bool) -> Result<()> {
        let state = if frozen { "frozen" } else { "active" };
        self.devtools("Page.setWebLifecycleState", json!({"state": state})).map(drop)
    }

    /// Runs a script in each page loaded from now on, before any of its own.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn before_load(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).map(drop)
    }

    /// What pages of this browser wrote to the console since the last time this was asked.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn console(&self) -> Result<Vec<String>> {
        let lines = self.run(|session| session.post("se/log", &json!({"type": "browser"})))?;
        let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(lines
            .iter()
            .map(|line| {
                let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", field("level"), field("message"))
            })
            .collect())
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

    fn on_element(&self, selector: &str, action: &str, body: &Value) -> Result<()> {
        self.run(|session| {
            let found = session.post("element", &json!({"using": "css selector", "value": selector}))?;
            let element = text(&found[ELEMENT], "element")?;
            session.post(&format!("element/{element}/{action}"), body)
        })
        .with_context(|| format!("{action} on {selector}"))
        .map(drop)
    }

    fn run<T>(&self, run: impl FnOnce(&Client) -> Result<T>) -> Result<T> {
        self.browser.in_window(&self.handle, run)
    }
}

fn decode(picture: &Value) -> Result<Vec<u8>> {
    Ok(BASE64_STANDARD.decode(text(picture, "picture")?)?)
}
