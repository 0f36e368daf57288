//! The demo's page: its controls, and what it shows.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{wait::wait, window::Window};

/// What the page shows, all of it at one moment.
#[derive(Debug, Clone, Deserialize)]
pub struct View {
    /// `offline`, `connecting`, `joined`, `retrying` or `refused`.
    pub state: String,
    /// The same in words.
    pub status: String,
    /// The error text, if there is one.
    pub problem: Option<String>,
    /// The shared counter.
    pub counter: i64,
    /// The list of peers.
    pub peers: Vec<PeerView>,
    /// How many peers the page says there are.
    pub peer_count: usize,
    /// The id with the signaling server.
    pub peer_id: String,
    /// The replica that edits here.
    pub replica: String,
    /// Operations in the document.
    pub operations: u64,
    /// Entries of the version vector.
    pub version_entries: usize,
    /// Bytes sent over data channels.
    pub bytes_sent: String,
    /// Bytes received over data channels.
    pub bytes_received: String,
    /// The mean round-trip time, in words.
    pub average_rtt: String,
    /// Whether Connect can be pressed.
    pub can_connect: bool,
    /// Whether Disconnect can be pressed.
    pub can_disconnect: bool,
    /// The link to the room.
    pub room_link: String,
}

/// A peer in the list.
#[derive(Debug, Clone, Deserialize)]
pub struct PeerView {
    /// Its id with the signaling server.
    pub id: String,
    /// The name it gave.
    pub name: String,
    /// `connecting`, `connected` or `reconnecting`.
    pub state: String,
    /// The measured round-trip time.
    pub rtt_ms: Option<f64>,
}

/// A line of the sync log.
#[derive(Debug, Clone, Deserialize)]
pub struct LogEntry {
    /// `sent` or `received`.
    pub direction: String,
    /// Which message: `Hello`, `DeltaResponse`, …
    pub message: String,
    /// Its size on the wire.
    pub bytes: usize,
}

/// Reads all of a [`View`] in one go, so that its parts belong together.
const VIEW: &str = r#"
const find = id => document.querySelector(`[data-testid="${id}"]`);
const text = id => find(id)?.textContent.trim() ?? '';
const data = (element, name) => element?.getAttribute(`data-${name}`) ?? '';
const number = text => text === '' ? null : Number(text);
const status = find('status');
if (!status || !find('counter')) return null;
const peers = [...document.querySelectorAll('[data-testid="peer"]')];
const link = find('room-link');
return {
    state: data(status, 'state'),
    status: text('status'),
    problem: find('problem')?.textContent.trim() ?? null,
    counter: Number(text('counter').replace('\u2212', '-')),
    peers: peers.map(peer => ({
        id: data(peer, 'peer-id'),
        name: data(peer, 'name'),
        state: data(peer, 'state'),
        rtt_ms: number(data(peer, 'rtt-ms')),
    })),
    peer_count: Number(data(find('peers'), 'count')),
    peer_id: text('peer-id'),
    replica: text('replica'),
    operations: Number(text('operations')),
    version_entries: document.querySelectorAll('[data-testid="version-entry"]').length,
    bytes_sent: text('bytes-sent'),
    bytes_received: text('bytes-received'),
    average_rtt: text('average-rtt'),
    can_connect: find('connect')?.disabled === false,
    can_disconnect: find('disconnect')?.disabled === false,
    room_link: link?.href ?? link?.value ?? '',
};
"#;

const LOG: &str = r#"
return [...document.querySelectorAll('[data-testid="log-entry"]')].map(entry => ({
    direction: entry.dataset.direction,
    message: entry.dataset.message,
    bytes: Number(entry.dataset.bytes),
}));
"#;

/// The demo, open in a window.
#[derive(Debug, Clone)]
pub struct DemoPage {
    window: Window,
}

impl DemoPage {
    /// Loads the demo from an address and waits until it runs.
    ///
    /// # Errors
    /// When it does not run within 15 s.
    pub fn open(window: Window, address: &str) -> Result<Self> {
        window.load(address).with_context(|| format!("loading {address}"))?;
        let page = Self { window };
        page.wait_until_running()?;
        Ok(page)
    }

    /// The window that it is open in.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Loads the page again and waits until it runs.
    ///
    /// # Errors
    /// When it does not run within 15 s.
    pub fn reload(&self) -> Result<()> {
        self.window.reload()?;
        self.wait_until_running()
    }

    /// What the page shows now.
    ///
    /// # Errors
    /// When the browser does not answer, or what it shows is not the demo.
    pub fn view(&self) -> Result<View> {
        self.try_view()?.ok_or_else(|| anyhow!("the page does not show the demo"))
    }

    /// Waits until the page shows what `holds` asks for; gives that, and how long it took.
    ///
    /// # Errors
    /// When it does not within `bound`. The error tells what the page shows instead.
    pub fn wait(
        &self,
        what: &str,
        bound: Duration,
        mut holds: impl FnMut(&View) -> bool,
    ) -> Result<(View, Duration)> {
        wait(what, bound, || Ok(self.try_view()?.filter(|view| holds(view)))).or_else(|error| {
            let view = self.view()?;
            Err(error.context(format!("the page shows {view:#?}")))
        })
    }

    /// The sync log, in the order shown.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn log(&self) -> Result<Vec<LogEntry>> {
        Ok(serde_json::from_value(self.window.execute(LOG, json!([]))?)?)
    }

    /// Clicks on a control.
    ///
    /// # Errors
    /// When it is not there or cannot be clicked.
    pub fn click(&self, control: &str) -> Result<()> {
        self.window.click(&selector(control))
    }

    /// Clicks on controls one after the other, faster than anybody could: all in one turn of the page's
    /// event loop.
    ///
    /// # Errors
    /// When one is not there.
    pub fn click_at_once(&self, controls: &[&str]) -> Result<()> {
        let selectors: Vec<String> = controls.iter().map(|control| selector(control)).collect();
        let script = "arguments[0].forEach(selector => document.querySelector(selector).click())";
        self.window.execute(script, json!([selectors])).map(drop)
    }

    /// Types into a field, in place of what is there.
    ///
    /// # Errors
    /// When it is not there.
    pub fn fill(&self, field: &str, value: &str) -> Result<()> {
        self.window.fill(&selector(field), value)
    }

    fn try_view(&self) -> Result<Option<View>> {
        let view = self.window.execute(VIEW, json!([]))?;
        if view == Value::Null {
            return Ok(None);
        }
        serde_json::from_value(view.clone()).map(Some).with_context(|| format!("the page's view {view}"))
    }

    fn wait_until_running(&self) -> Result<()> {
        wait("the demo to run", Duration::from_secs(15), || self.try_view()).map(drop)
    }
}

fn selector(control: &str) -> String {
    format!("[data-testid='{control}']")
}
