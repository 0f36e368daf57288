//! The browser driver: does what the peer manager asks for, with the browser's
//! `RTCPeerConnection`, `WebSocket`, timers and clock.
//!
//! It takes no decisions of the protocol. [`WebDriver`] performs each [`Output`] as it comes, and
//! hands what the browser tells to the closure it was made with, in the same task: between an
//! incoming frame and the frames that answer it there is no timer and no promise.
//!
//! What the browser throws is caught and told as an input (a link that failed, a socket that
//! closed). Nothing here needs a secure context.
//!
//! [`Output`]: conjoin_peer::Output

mod browser;
mod closing;
mod driver;
mod events;
mod link;
mod page;
mod socket;
mod timer;

pub use browser::{now, obstacle, random};
pub use driver::{Notice, WebDriver};
