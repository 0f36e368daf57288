//! The conditions under which a page runs, and what it writes to the console.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    browser::Kind,
    wait::wait,
    webdriver::{Place, Session},
    window::Window,
};

/// What the user has set his system to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// As CSS names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Gives the page this size in a window of any other.
const FIREFOX_SIZE: &str = "
const { style } = gBrowser.selectedBrowser;
['width', 'height'].forEach((side, i) =>
    ['min-', 'max-'].forEach(bound => style.setProperty(bound + side, arguments[i] + 'px')));
";

const FIREFOX_THEME: &str =
    "gBrowser.selectedBrowser.browsingContext.top.prefersColorSchemeOverride = arguments[0]";

/// What the page's own process keeps of what the page said.
const FIREFOX_SAID: &str = "
const storage = Cc['@mozilla.org/consoleAPI-storage;1'].getService(Ci.nsIConsoleAPIStorage);
const said = storage.getEvents().map(({ level, arguments: said }) => `${level}: ${Array.from(said).join(' ')}`);
storage.clearEvents();
return said;
";

/// What the browser keeps of what it has to say about pages. What it says about itself does not stand in
/// their consoles.
const FIREFOX_TOLD: &str = "
const isOfPage = message => message instanceof Ci.nsIScriptError
    && !message.isFromChromeContext && /^(https?|blob):/.test(message.sourceName);
const told = Services.console.getMessageArray()
    .filter(isOfPage)
    .map(({ category, errorMessage }) => `${category}: ${errorMessage}`);
Services.console.reset();
return told;
";

impl Window {
    /// Shows the page at a size in CSS pixels, whatever the size of the window.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn set_viewport(&self, width: u32, height: u32) -> Result<()> {
        match self.browser().kind() {
            Kind::Chromium => {
                let metrics =
                    json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
                self.devtools("Emulation.setDeviceMetricsOverride", metrics)?;
            }
            Kind::Firefox => {
                self.privileged(Place::Browser, FIREFOX_SIZE, json!([width, height]))?;
                let size = json!([width, height]);
                wait("the page to have its size", Duration::from_secs(10), || {
                    Ok((self.execute("return [innerWidth, innerHeight]", json!([]))? == size).then_some(()))
                })?;
            }
        }
        Ok(())
    }

    /// Tells the page which theme the user likes.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn set_theme(&self, theme: Theme) -> Result<()> {
        match self.browser().kind() {
            Kind::Chromium => {
                let media = json!({"features": [{"name": "prefers-color-scheme", "value": theme.name()}]});
                self.devtools("Emulation.setEmulatedMedia", media).map(drop)
            }
            Kind::Firefox => self.privileged(Place::Browser, FIREFOX_THEME, json!([theme.name()])).map(drop),
        }
    }

    /// Loses this share of WebRTC's packets, in percent, both ways. Connections made before the first call
    /// are not affected, so that comes before the page is loaded; 0 is enough.
    ///
    /// # Errors
    /// When the browser does not know the command: only Chromium does.
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
    /// When the browser does not know the command: only Chromium does.
    pub fn tell_online(&self, online: bool) -> Result<()> {
        let state =
            json!({"offline": !online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.overrideNetworkState", state).map(drop)
    }

    /// Freezes the page, as browsers do with those long in the background, or lets it go on.
    ///
    /// # Errors
    /// When the browser does not know the command: only Chromium does.
    pub fn set_frozen(&self, frozen: bool) -> Result<()> {
        let state = if frozen { "frozen" } else { "active" };
        self.devtools("Page.setWebLifecycleState", json!({"state": state})).map(drop)
    }

    /// Runs a script in each page loaded from now on, before any of its own.
    ///
    /// # Errors
    /// When the browser does not know the command: only Chromium does.
    pub fn before_load(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).map(drop)
    }

    /// What pages of this browser wrote to the console since the last time this was asked.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn console(&self) -> Result<Vec<String>> {
        let lists = match self.browser().kind() {
            Kind::Chromium => vec![self.with_session(Session::log)?],
            Kind::Firefox => vec![
                self.privileged(Place::Page, FIREFOX_SAID, json!([]))?,
                self.privileged(Place::Browser, FIREFOX_TOLD, json!([]))?,
            ],
        };
        let line = |line: &Value| match line {
            Value::String(line) => line.clone(),
            entry => {
                let field = |name: &str| entry[name].as_str().unwrap_or_default();
                format!("{}: {}", field("level"), field("message"))
            }
        };
        Ok(lists.iter().filter_map(Value::as_array).flatten().map(line).collect())
    }

    fn privileged(&self, place: Place, script: &str, arguments: Value) -> Result<Value> {
        self.with_session(|session| session.privileged(place, script, &arguments))
    }
}
