//! Taking back the edits made in a room.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conjoin_core::behavior::Behavior;

use crate::Room;
use crate::engine::{Record, lock};

/// Takes back what was edited here, and does it again; the edits of others stay.
///
/// Made by [`Room::undo_manager`]: it takes note of all edits made with this room from then on, by whatever
/// handle. Cloning gives another handle to the same one. Edits within half a second are taken back together.
///
/// ```no_run
/// # fn edit(room: &conjoin::Room) {
/// let undo = room.undo_manager();
/// room.text("notes").push("Hello");
/// assert!(undo.can_undo() && undo.undo());
/// assert_eq!(room.text("notes").get(), "");
/// undo.redo();
/// undo.watch_can_redo().subscribe(|can| println!("Redo is {}", if *can { "on" } else { "off" })).forget();
/// # }
/// ```
#[derive(Clone)]
pub struct UndoManager {
    room: Room,
    undo: Arc<Mutex<conjoin_core::UndoManager>>,
}

impl UndoManager {
    pub(crate) fn new(room: Room) -> Self {
        let undo = Arc::default();
        room.engine().record_to(&undo);
        Self { room, undo }
    }

    /// Takes back the last group of edits of which something is left. Says whether there was one.
    pub fn undo(&self) -> bool {
        self.room.engine().change(&mut |doc| lock(&self.undo).undo(doc), Record::Nothing)
    }

    /// Does again what was last taken back. Says whether there was something.
    pub fn redo(&self) -> bool {
        self.room.engine().change(&mut |doc| lock(&self.undo).redo(doc), Record::Nothing)
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        lock(&self.undo).can_undo()
    }

    /// Whether there is something to do again.
    pub fn can_redo(&self) -> bool {
        lock(&self.undo).can_redo()
    }

    /// Whether there is something to take back, over time.
    pub fn watch_can_undo(&self) -> Behavior<bool> {
        let undo = self.undo.clone();
        self.room.watch(move |_| lock(&undo).can_undo())
    }

    /// Whether there is something to do again, over time.
    pub fn watch_can_redo(&self) -> Behavior<bool> {
        let undo = self.undo.clone();
        self.room.watch(move |_| lock(&undo).can_redo())
    }

    /// Edits that follow each other within this time are taken back together, half a second unless set; zero
    /// keeps each transaction apart.
    pub fn set_merge_interval(&self, interval: Duration) {
        lock(&self.undo).set_merge_interval(interval);
    }

    /// Keeps so many groups of edits, 1,000 unless set; the oldest goes first.
    pub fn set_max_undo_steps(&self, groups: usize) {
        lock(&self.undo).set_max_undo_steps(groups);
    }

    /// What is edited from now on is taken back together, until [`group_end`](Self::group_end).
    pub fn group_start(&self) {
        lock(&self.undo).group_start();
    }

    /// What is edited from now on begins another group.
    pub fn group_end(&self) {
        lock(&self.undo).group_end();
    }

    /// Forgets all: what was done so far can be neither taken back nor done again.
    pub fn clear(&self) {
        lock(&self.undo).clear();
    }
}

impl fmt::Debug for UndoManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UndoManager")
            .field("can_undo", &self.can_undo())
            .field("can_redo", &self.can_redo())
            .finish_non_exhaustive()
    }
}
