//! Two peers in this program.

use std::time::{Duration, Instant};

use conjoin::{Candidates, PeerState, Room, Session};
use tokio::time::sleep;

/// Peers that are not connected by then will not be.
const PATIENCE: Duration = Duration::from_secs(20);

/// How two peers met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    /// From nothing to connected.
    pub(super) connected: Duration,
    /// From an edit to the other's view of it, and back.
    pub(super) echo: Duration,
}

/// Has two peers meet in a room of their own and edit, over all ways or through TURN servers alone.
pub(super) async fn meet(server: &str, candidates: Candidates) -> Result<Met, String> {
    let room = format!("conjoin-doctor-{:016x}", conjoin_native::random());
    let peer = |name: &str| {
        let session = Session { server: server.into(), room: room.clone(), name: Some(name.into()) };
        let peer = Room::with_candidates(session, candidates);
        peer.connect();
        peer
    };
    let (one, other) = (peer("one"), peer("other"));
    let begun = Instant::now();
    let is_connected = |room: &Room| room.peers().now().iter().any(|peer| peer.state == PeerState::Connected);
    let met = async {
        until(begun, || is_connected(&one) && is_connected(&other)).await.ok_or_else(|| {
            let seconds = PATIENCE.as_secs();
            if one.peers().now().is_empty() {
                format!("the server did not show them to each other within {seconds} s")
            } else {
                format!("they saw each other, but did not connect within {seconds} s")
            }
        })?;
        let (connected, edited) = (begun.elapsed(), Instant::now());
        let no_edit = || "they connected, but an edit did not arrive".to_owned();
        one.counter("there").increment();
        until(edited, || other.counter("there").get() == 1).await.ok_or_else(no_edit)?;
        other.counter("back").increment();
        until(edited, || one.counter("back").get() == 1).await.ok_or_else(no_edit)?;
        Ok(Met { connected, echo: edited.elapsed() })
    }
    .await;
    one.leave().await;
    other.leave().await;
    met
}

async fn until(begun: Instant, holds: impl Fn() -> bool) -> Option<()> {
    while !holds() {
        if begun.elapsed() > PATIENCE {
            return None;
        }
        sleep(Duration::from_millis(1)).await;
    }
    Some(())
}
