//! A native program in the room, in the process of the test.

use std::{
    mem,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use conjoin::{PeerState, Room, Session};
use conjoin_e2e::{DemoPage, wait};
use tokio::runtime::{Builder, Runtime};

use crate::scene::{Scene, lists};

/// The counter that the demo shows.
const COUNTER: &str = "clicks";

/// A native program and what it runs on. When it is dropped it says goodbye.
pub(crate) struct Program {
    pub(crate) room: Room,
    runtime: Runtime,
}

impl Program {
    /// A program that has been told to join a room.
    pub(crate) fn join(scene: &Scene, room: &str, name: &str) -> Result<Self> {
        let session =
            Session { server: scene.server.signaling(), room: room.to_owned(), name: Some(name.to_owned()) };
        // Each has its own, so that it can end without the others.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let room = {
            let _inside = runtime.enter();
            Room::new(session)
        };
        room.connect();
        Ok(Self { room, runtime })
    }

    /// Adds to the counter that the demo shows.
    pub(crate) fn add(&self, amount: i64) {
        self.room.counter(COUNTER).add(amount);
    }

    /// Says goodbye, and waits until it has been heard.
    pub(crate) fn leave(self) {
        self.runtime.block_on(self.room.leave());
    }

    /// Stops at once, in the middle of whatever it does: nothing is said to anybody, and nobody is answered.
    pub(crate) fn kill(self) {
        self.runtime.shutdown_background();
        // To drop it would be to say goodbye.
        mem::forget(self.room);
    }

    /// Waits until something holds; gives how long it took.
    pub(crate) fn until(
        &self,
        what: &str,
        bound: Duration,
        holds: impl Fn(&Room) -> bool,
    ) -> Result<Duration> {
        let begun = Instant::now();
        wait(what, bound, || Ok(holds(&self.room).then_some(()))).with_context(|| {
            let room = &self.room;
            let peers = room.peers().now();
            format!(
                "the program is {:?}, has {} and {peers:#?}",
                room.status().now(),
                room.counter(COUNTER).get()
            )
        })?;
        Ok(begun.elapsed())
    }

    /// Whether it lists exactly these peers, all of them connected.
    fn lists<'i>(&self, ids: impl Iterator<Item = &'i String>) -> bool {
        let peers = self.room.peers().now();
        let mut listed: Vec<&str> = peers.iter().map(|peer| peer.id.as_str()).collect();
        let mut expected: Vec<&str> = ids.map(String::as_str).collect();
        listed.sort_unstable();
        expected.sort_unstable();
        listed == expected && peers.iter().all(|peer| peer.state == PeerState::Connected)
    }
}

/// Waits until pages and programs list all the others as connected.
pub(crate) fn meet(pages: &[&DemoPage], programs: &[&Program], bound: Duration) -> Result<()> {
    let mut ids = pages.iter().map(|page| Ok(page.view()?.peer_id)).collect::<Result<Vec<_>>>()?;
    ids.extend(programs.iter().map(|program| program.room.peer_id()));
    let others = |own: usize| ids.iter().enumerate().filter(move |(i, _)| *i != own).map(|(_, id)| id);
    for (i, page) in pages.iter().enumerate() {
        page.wait("all the others, connected", bound, |view| lists(view, others(i)))
            .with_context(|| format!("while page {i} meets the others"))?;
    }
    for (i, program) in programs.iter().enumerate() {
        program
            .until("all the others, connected", bound, |_| program.lists(others(pages.len() + i)))
            .with_context(|| format!("while program {i} meets the others"))?;
    }
    Ok(())
}

/// Waits until all show the same number.
pub(crate) fn agree(pages: &[&DemoPage], programs: &[&Program], number: i64, bound: Duration) -> Result<()> {
    for page in pages {
        page.wait(&format!("{number} on the counter"), bound, |view| view.counter == number)?;
    }
    for program in programs {
        program.until(&format!("{number} counted"), bound, |room| room.counter(COUNTER).get() == number)?;
    }
    Ok(())
}
