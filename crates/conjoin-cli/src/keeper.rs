//! Rooms that are kept: peers with a place on disk, and what they say in the log.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use conjoin::{Event, PeerState, Room, Session, Status, StorageError, Subscription};
use conjoin_store::Store;
use tokio::task::{JoinSet, block_in_place};
use tracing::{debug, info, warn};

/// How much memory the history of a kept room may take. Who lacks more gets the state.
const HISTORY: usize = 8 << 20;

/// A room that cannot be saved for this long starts again from what is.
const PATIENCE: Duration = Duration::from_secs(15);

/// So often in the time after which rooms are compacted is noted what they have.
const MARKS: u32 = 8;

/// How often to look for such rooms.
pub(crate) const HEAL: Duration = Duration::from_secs(1);

/// Rooms of one store, on one signaling server.
pub(crate) struct Keeper {
    store: Store,
    server: String,
    name: String,
    rooms: BTreeMap<String, Kept>,
    said: Option<Summary>,
}

struct Kept {
    room: Room,
    /// Since when it cannot be saved.
    failing: Option<Instant>,
    _told: [Subscription; 3],
}

/// What the log says of all rooms together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Summary {
    rooms: usize,
    joined: usize,
    peers: usize,
    size: u64,
}

impl Keeper {
    pub(crate) const fn new(store: Store, server: String, name: String) -> Self {
        Self { store, server, name, rooms: BTreeMap::new(), said: None }
    }

    pub(crate) fn has(&self, room: &str) -> bool {
        self.rooms.contains_key(room)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.rooms.keys().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Opens a room and joins it.
    pub(crate) fn open(&mut self, name: &str) -> Result<(), StorageError> {
        let session =
            Session { server: self.server.clone(), room: name.to_owned(), name: Some(self.name.clone()) };
        let storage = self.store.room(name)?;
        // It reads the disk.
        let room = block_in_place(|| Room::open(session, storage))?;
        room.set_history_limit(HISTORY);
        let edits = room.version().now().total();
        info!(room = name, edits, "keeping");
        let told = [tell_status(name, &room), tell_peers(name, &room), tell_problems(name, &room)];
        room.connect();
        self.rooms.insert(name.to_owned(), Kept { room, failing: None, _told: told });
        Ok(())
    }

    /// Leaves a room; what was not saved yet is saved.
    pub(crate) async fn close(&mut self, name: &str) {
        if let Some(kept) = self.rooms.remove(name) {
            kept.leave().await;
            info!(room = name, "not keeping any more");
        }
    }

    /// Leaves all rooms. When this is done, all that came is on disk.
    pub(crate) async fn stop(self) {
        let mut leaving: JoinSet<()> = self.rooms.into_values().map(Kept::leave).collect();
        while leaving.join_next().await.is_some() {}
        // It waits for the disk.
        block_in_place(|| drop(self.store));
    }

    /// Deletes the rooms that nobody has used for this long. Those that are kept start again.
    pub(crate) async fn forget(&mut self, after: Duration) -> Result<(), StorageError> {
        let used = self.rooms.iter().filter(|(_, kept)| kept.is_used()).map(|(name, _)| name.clone());
        let used: Vec<String> = used.collect();
        let rooms = block_in_place(|| {
            self.store.touch(used)?;
            self.store.rooms()
        })?;
        let now = SystemTime::now();
        for room in rooms {
            let age = now.duration_since(room.used).unwrap_or_default();
            if age < after {
                continue;
            }
            let kept = self.rooms.remove(&room.name);
            let again = kept.is_some();
            if let Some(kept) = kept {
                kept.leave().await;
            }
            let removed = block_in_place(|| self.store.remove(&room.name));
            match removed {
                Ok(_) => info!(
                    room = room.name,
                    bytes = room.bytes,
                    "forgotten: nobody used it for {} s",
                    age.as_secs()
                ),
                Err(error) => warn!(room = room.name, "cannot be forgotten: {error}"),
            }
            if again {
                self.open(&room.name)?;
            }
        }
        Ok(())
    }

    /// Lets go of what is this old. What a room has is noted now and then, so that it is known later what was there.
    pub(crate) fn compact(&self, after: Duration) {
        for (name, kept) in &self.rooms {
            // It waits for the disk.
            let done = block_in_place(|| self.compact_room(name, &kept.room, after));
            if let Err(error) = done {
                warn!(room = &**name, "cannot be compacted: {error}");
            }
        }
    }

    fn compact_room(&self, name: &str, room: &Room, after: Duration) -> Result<(), StorageError> {
        let (now, version) = (SystemTime::now(), room.version().now());
        let age = |time: SystemTime| now.duration_since(time).unwrap_or_default();
        let marks = self.store.marks(name)?;
        let is_news = marks.last().is_none_or(|(time, last)| *last != version && age(*time) >= after / MARKS);
        // What is not saved yet may be lost.
        if is_news && room.storage_error().now().is_none() {
            self.store.mark(name, &version)?;
        }
        let Some(due) = marks.iter().rposition(|(time, _)| age(*time) >= after) else { return Ok(()) };
        let (time, old) = &marks[due];
        if room.compact(old) {
            let edits = room.read(|doc| doc.compacted().total());
            info!(room = name, edits, "compacted: let go of what is older than {} s", age(*time).as_secs());
        }
        // It holds what those before it hold, and it tells later whether there is news.
        if due > 0 {
            self.store.forget_marks(name, marks[due - 1].0)?;
        }
        Ok(())
    }

    /// Starts rooms again from what is saved that could not be saved for long. What is lost by that was never
    /// acknowledged, and who made it sends it again; others find at least the rest here.
    pub(crate) async fn heal(&mut self) {
        let mut stuck = Vec::new();
        for (name, kept) in &mut self.rooms {
            let since = kept.room.storage_error().now().map(|_| kept.failing.unwrap_or_else(Instant::now));
            kept.failing = since;
            if since.is_some_and(|since| since.elapsed() >= PATIENCE) {
                stuck.push(name.clone());
            }
        }
        for name in stuck {
            if let Some(kept) = self.rooms.remove(&name) {
                kept.leave().await;
            }
            if let Err(error) = self.open(&name) {
                warn!(room = name, "not kept any more: {error}");
            }
        }
    }

    /// Tells how all rooms are, if that has changed.
    pub(crate) fn summarize(&mut self) {
        let joined = |kept: &&Kept| kept.room.status().now() == Status::Joined;
        let summary = Summary {
            rooms: self.rooms.len(),
            joined: self.rooms.values().filter(joined).count(),
            peers: self.rooms.values().map(Kept::peers).sum(),
            size: block_in_place(|| self.store.size()).unwrap_or(0),
        };
        if self.said.as_ref() != Some(&summary) {
            let Summary { rooms, joined, peers, size } = summary;
            info!(rooms, joined, peers, store = %crate::units::bytes(size), "status");
            self.said = Some(summary);
        }
    }
}

impl Kept {
    fn peers(&self) -> usize {
        self.room.peers().now().iter().filter(|peer| peer.state == PeerState::Connected).count()
    }

    fn is_used(&self) -> bool {
        !self.room.peers().now().is_empty()
    }

    async fn leave(self) {
        self.room.leave().await;
    }
}

/// What became of the connection to the server, each news once.
fn tell_status(name: &str, room: &Room) -> Subscription {
    let (name, before) = (name.to_owned(), Mutex::new(String::new()));
    room.status().subscribe(move |status| {
        let news = match status {
            Status::Joined => "joined".to_owned(),
            Status::Retrying { reason, .. } => format!("{reason}; trying again until it can"),
            Status::Refused { reason } => format!("the server refused: {reason}"),
            Status::Offline | Status::Connecting => return,
        };
        let mut before = before.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *before == news {
            return;
        }
        match status {
            Status::Joined => info!(room = name, "joined"),
            _ => warn!(room = name, "{news}"),
        }
        *before = news;
    })
}

fn tell_peers(name: &str, room: &Room) -> Subscription {
    let name = name.to_owned();
    let count =
        room.peers().map(|peers| peers.iter().filter(|peer| peer.state == PeerState::Connected).count());
    count.subscribe(move |peers| debug!(room = name, peers, "connected"))
}

fn tell_problems(name: &str, room: &Room) -> Subscription {
    let name = name.to_owned();
    room.on_event(move |event| {
        if let Event::Problem(problem) = event {
            warn!(room = name, "{problem}");
        }
    })
}
