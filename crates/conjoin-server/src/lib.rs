//! The signaling server: it introduces the peers of a room to each other, and serves the pages.
//!
//! It speaks the dialect of Cliffy's signaling server (see [`conjoin_signaling`]) on `/`, answers
//! `GET /healthz`, and serves a [`Site`] on all other paths. It knows nothing of the state that
//! the peers share, and the peers need it only to find each other.
//!
//! ```
//! use conjoin_server::{Config, Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind(Config::default()).await?;
//! println!("ws://{}", server.local_addr());
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let running = tokio::spawn(server.run(async { drop(stopped.await) }));
//! // … and when it is enough:
//! drop(stop);
//! running.await?;
//! # Ok(())
//! # }
//! ```
//!
//! From the bottom up: [`rooms`] is the protocol, a state machine without I/O; the hub drives it
//! under one lock; each socket has one task, and a bounded queue that the hub fills without ever
//! waiting; the server accepts connections and stops in order.

mod hub;
mod limits;
mod outbox;
pub mod rooms;
mod server;
mod service;
mod site;
mod socket;
mod upgrade;

pub use conjoin_signaling::IceServer;
pub use hub::Load;
pub use limits::Limits;
pub use server::{BindError, Config, Server};
pub use site::{Asset, Site};
