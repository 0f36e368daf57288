//! The pages in real browsers, against the real server.
//!
//! [`Browser`] is a Chromium or a Firefox with a profile of its own, driven over the WebDriver protocol;
//! [`Window`] is one of its pages; [`Server`] is the `conjoin` binary as a child process; [`DemoPage`]
//! knows the demo's page: its controls, and all that it shows as one [`View`]. Nothing here waits for a
//! fixed time: [`wait`] polls for what must come, with a bound.
//!
//! The tests are in `tests/it`; `xtask` uses the same pieces for its screenshots, its tests in wasm and
//! its benches.

mod browser;
mod conditions;
mod demo_page;
mod gate;
mod process;
mod server;
mod wait;
mod webdriver;
mod window;

pub use browser::{Browser, Kind, Options};
pub use conditions::Theme;
pub use demo_page::{DemoPage, LogEntry, PeerView, View};
pub use gate::Gate;
pub use server::{Server, unused_port};
pub use wait::wait;
pub use window::{Layout, Window, keys};
