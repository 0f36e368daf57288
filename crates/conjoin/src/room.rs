//! The room, as an app sees it.

use std::sync::Arc;
use std::time::Duration;

use conjoin_core::behavior::{Behavior, MaybeSend, MaybeSync, Subscription};
use conjoin_core::{Changed, Cursor, Doc, ReplicaId, Transaction, VersionVector};
use conjoin_peer::{Event, Input, PeerInfo, Session, Stats, Status};

use crate::collections::{List, Set, Text};
use crate::engine::Engine;
use crate::storage::StorageError;
use crate::undo::UndoManager;
use crate::values::{Counter, FloatCounter, Map, Register};

/// A document shared with everyone in a room.
///
/// It is made offline and empty, with a random replica and peer id of its own; [`connect`] joins
/// the room. Cloning gives another handle to the same room. When the last handle is gone, the
/// room says goodbye and closes its connections.
///
/// [`connect`]: Room::connect
#[derive(Clone)]
pub struct Room {
    engine: Arc<Engine>,
}

impl Room {
    pub(crate) fn from_engine(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Joins the room of the [`session`](Self::session), and stays in it until
    /// [`disconnect`](Self::disconnect): whatever breaks meanwhile is tried again.
    ///
    /// Returns at once; [`status`](Self::status) tells how it goes.
    pub fn connect(&self) {
        self.engine.connect();
    }

    /// Says goodbye to the peers and leaves the room. The document stays, and can be edited.
    pub fn disconnect(&self) {
        self.engine.disconnect();
    }

    /// The server, room and name that the next [`connect`](Self::connect) uses.
    pub fn session(&self) -> Session {
        self.engine.session()
    }

    /// Sets what the next [`connect`](Self::connect) uses. The document stays as it is; a
    /// connection that is up stays where it is.
    pub fn set_session(&self, session: Session) {
        self.engine.set_session(session);
    }

    /// Edits the document: all edits made in `edit` are sent to the peers as one, and become
    /// visible everywhere at once.
    ///
    /// The frames are on their way when this returns; in a room with a [`Storage`](crate::Storage), as
    /// soon as the edits are saved.
    ///
    /// # Panics
    /// If `edit` uses the room itself instead of the transaction it is given.
    pub fn transact<R>(&self, edit: impl FnOnce(&mut Transaction<'_>) -> R) -> R {
        self.engine.transact(edit)
    }

    /// The counter of this name: whole numbers that everyone adds to.
    pub fn counter(&self, name: &str) -> Counter {
        Counter::new(self.clone(), name)
    }

    /// The counter of this name that counts in fractions.
    pub fn float_counter(&self, name: &str) -> FloatCounter {
        FloatCounter::new(self.clone(), name)
    }

    /// The register of this name: one value, the last one written wins.
    pub fn register(&self, name: &str) -> Register {
        Register::new(self.clone(), name)
    }

    /// The map of this name: one register for each key.
    pub fn map(&self, name: &str) -> Map {
        Map::new(self.clone(), name)
    }

    /// The text of this name: characters that everyone writes between.
    pub fn text(&self, name: &str) -> Text {
        Text::new(self.clone(), name)
    }

    /// The list of this name: values in an order, which can be moved.
    pub fn list(&self, name: &str) -> List {
        List::new(self.clone(), name)
    }

    /// The set of this name: values that are in or not.
    pub fn set(&self, name: &str) -> Set {
        Set::new(self.clone(), name)
    }

    /// Takes note of all edits made with this room from now on, to take them back.
    pub fn undo_manager(&self) -> UndoManager {
        UndoManager::new(self.clone())
    }

    /// Where a cursor of a text or list stands now, nested ones too: an index in characters or items. `None` if
    /// what it stands beside was not seen here or was let go of.
    pub fn resolve(&self, cursor: &Cursor) -> Option<usize> {
        self.engine.read(|doc| doc.resolve(cursor))
    }

    /// Reads the document: several values of one moment, and what is nested.
    ///
    /// # Panics
    /// If `read` uses the room itself instead of the document it is given.
    pub fn read<R>(&self, read: impl FnOnce(&Doc) -> R) -> R {
        self.engine.read(read)
    }

    /// What `read` gives, over time: any value of the document, nested ones too, and whatever can be
    /// computed from them. It is computed again only when the document has changed and somebody looks.
    ///
    /// ```no_run
    /// # fn show(room: &conjoin::Room) {
    /// let open = room.watch(|doc| {
    ///     let todo = doc.map("plan").list("todo");
    ///     todo.iter().filter(|item| item.value() != Some(&true.into())).count()
    /// });
    /// open.subscribe(|open| println!("{open} to go")).forget();
    /// # }
    /// ```
    ///
    /// # Panics
    /// The behavior panics if `read` uses the room itself instead of the document it is given, and when
    /// it is looked at in an edit of this room.
    pub fn watch<T>(&self, read: impl Fn(&Doc) -> T + MaybeSend + MaybeSync + 'static) -> Behavior<T>
    where
        T: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        self.engine.watch_document(read)
    }

    /// Calls `callback` with every change of the document from now on, one after the other in the order
    /// they were made: with those made here, once for each transaction, as well as with those of
    /// others; [`Changed::origin`] tells which. Dropping the subscription ends it.
    ///
    /// What applies the patches to a copy takes the copy right after it has subscribed, before it edits.
    pub fn on_change(&self, callback: impl FnMut(&Changed) + MaybeSend + 'static) -> Subscription {
        self.engine.on_change(callback)
    }

    /// Keeps about this many bytes of memory of history, 64 MiB unless set; the oldest goes first. The values
    /// are not touched: who lacks what is older gets the state.
    pub fn set_history_limit(&self, bytes: usize) {
        self.engine.set_history_limit(bytes);
    }

    /// Lets go of history and of what was deleted, as [`Doc::compact`](conjoin_core::Doc::compact) does, so that
    /// newcomers load less; a storage gets a shorter whole. Says whether there was something to let go of.
    ///
    /// Whoever is away and has not seen `version` can come back, but if they edited meanwhile, their edits
    /// are refused unless somebody here still has what was let go of; both are told. Nothing is let go of while
    /// somebody in the room has not acknowledged `version`, or is not connected.
    pub fn compact(&self, version: &VersionVector) -> bool {
        self.engine.compact(version)
    }

    /// Where this peer stands with the signaling server.
    pub fn status(&self) -> Behavior<Status> {
        self.engine.status()
    }

    /// Why edits cannot be saved at present, if so: then the room is left, and joined again when they can.
    pub fn storage_error(&self) -> Behavior<Option<StorageError>> {
        self.engine.storage_error()
    }

    /// The other peers in the room, with their state and round-trip time.
    pub fn peers(&self) -> Behavior<Vec<PeerInfo>> {
        self.engine.peers()
    }

    /// Counts of what was sent and received, brought up to date up to four times a second.
    pub fn stats(&self) -> Behavior<Stats> {
        self.engine.stats()
    }

    /// How many operations of each replica the document has.
    pub fn version(&self) -> Behavior<VersionVector> {
        self.engine.version()
    }

    /// Calls `callback` with what happens from now on: messages on the wire, problems, changes.
    /// Dropping the subscription ends it.
    pub fn on_event(&self, callback: impl FnMut(&Event) + MaybeSend + 'static) -> Subscription {
        self.engine.on_event(Box::new(callback))
    }

    /// The replica this document edits as: random, a new one for each room made.
    pub fn replica(&self) -> ReplicaId {
        self.engine.replica()
    }

    /// The id of this peer in the room: random, a new one for each room made.
    pub fn peer_id(&self) -> String {
        self.engine.peer_id()
    }

    /// The time on the clock that [`Wire::at`](crate::Wire::at) and [`Status::Retrying`] use.
    pub fn now(&self) -> Duration {
        self.engine.now()
    }

    /// Tells the room that the network may have changed: connections are checked and retried at
    /// once. In a browser, the room notices by itself.
    pub fn network_changed(&self) {
        self.engine.feed(Input::NetworkChanged);
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("peer_id", &self.peer_id()).field("session", &self.session()).finish()
    }
}
