//! `conjoin serve --keep`: keeps the rooms that are used on this server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conjoin_store::Store;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::warn;

use crate::keep::{SUMMARY, pace, ticks};
use crate::keeper::{HEAL, Keeper};

/// How often to look which rooms are used.
const LOOK: Duration = Duration::from_millis(250);

/// A room that everybody else has left is closed after this long, and opened again when it is used.
const LINGER: Duration = Duration::from_secs(30);

/// A room that could not be opened is left alone for this long.
const PAUSE: Duration = Duration::from_secs(60);

/// What is kept.
pub(crate) struct Keeping {
    pub(crate) store: Store,
    /// Rooms at a time.
    pub(crate) most: usize,
    pub(crate) forget_after: Option<Duration>,
    pub(crate) compact_after: Option<Duration>,
}

/// Keeps the rooms that `used` names, with how many are in each, until told to stop.
pub(crate) async fn keep(
    keeping: Keeping,
    server: String,
    used: impl Fn() -> Vec<(Arc<str>, usize)>,
    mut stop: oneshot::Receiver<()>,
) {
    let Keeping { store, most, forget_after, compact_after } = keeping;
    let mut keeper = Keeper::new(store, server, "keeper".into());
    let mut rooms = Rooms { most, ..Rooms::default() };
    let (mut look, mut summary) = (ticks(LOOK), ticks(SUMMARY));
    let mut heal = ticks(HEAL);
    let mut forget = ticks(pace(forget_after));
    let mut compact = ticks(pace(compact_after));
    loop {
        tokio::select! {
            // Whoever could tell is gone as well, otherwise.
            _ = &mut stop => break,
            _ = look.tick() => rooms.follow(&mut keeper, used()).await,
            _ = summary.tick() => keeper.summarize(),
            _ = heal.tick() => keeper.heal().await,
            _ = forget.tick() => if let Some(after) = forget_after
                && let Err(error) = keeper.forget(after).await
            {
                warn!("rooms cannot be forgotten: {error}");
            },
            _ = compact.tick() => if let Some(after) = compact_after {
                keeper.compact(after);
            }
        }
    }
    keeper.stop().await;
}

/// What is known of the rooms of the server.
#[derive(Default)]
struct Rooms {
    most: usize,
    /// Since when a room that is kept has nobody else.
    alone: BTreeMap<String, Instant>,
    /// Until when one is not tried again.
    paused: BTreeMap<String, Instant>,
    /// It was said that there are more than can be kept.
    said: bool,
}

impl Rooms {
    async fn follow(&mut self, keeper: &mut Keeper, used: Vec<(Arc<str>, usize)>) {
        let now = Instant::now();
        self.paused.retain(|_, until| now < *until);
        let mut left_out = 0;
        for (name, _) in &used {
            if keeper.has(name) || self.paused.contains_key(&**name) {
                continue;
            }
            if keeper.len() >= self.most {
                left_out += 1;
            } else if let Err(error) = keeper.open(name) {
                warn!(room = &**name, "cannot be kept: {error}");
                self.paused.insert((**name).to_owned(), now + PAUSE);
            }
        }
        if left_out > 0 && !self.said {
            warn!("{left_out} rooms are not kept: there are {} already, see --keep-max-rooms", self.most);
        }
        self.said = left_out > 0;

        let others: BTreeMap<&str, usize> = used.iter().map(|(name, peers)| (&**name, *peers)).collect();
        for name in keeper.names() {
            if others.get(name.as_str()).is_some_and(|peers| *peers > 1) {
                self.alone.remove(&name);
            } else if now >= *self.alone.entry(name.clone()).or_insert(now) + LINGER {
                self.alone.remove(&name);
                keeper.close(&name).await;
            }
        }
    }
}
