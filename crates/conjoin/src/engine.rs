//! A room at work: the document, the manager and the driver, and the one loop that all inputs go
//! through.
//!
//! Inputs may come at any moment: from the driver, from the app, and from the app's callbacks
//! while another input is being worked on. Each is put in a queue; whoever finds nobody working on
//! the queue works until it is empty. So the manager sees one input after the other, what it
//! wants sent is sent at once, or as soon as the document is saved if it has a storage, and
//! callbacks run with no lock held.

mod saves;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use conjoin_core::behavior::{Batch, Behavior, MaybeSend, MaybeSync, Notifications, Source, Subscription};
use conjoin_core::{Changed, Commit, Doc, Kind, ReplicaId, Transaction, UndoManager, Value, VersionVector};
use conjoin_peer::{Event, Input, Manager, Output, PeerInfo, Session, Stats, Status};

use crate::driver::{Driver, Identity, Sink};
use crate::listeners::{Listen, Listeners};
use crate::observed::Observed;
use crate::saving::Saving;
use crate::storage::{Saved, Storage, StorageError};

/// Everything behind the handles of a room.
pub(crate) struct Engine {
    driver: Box<dyn Driver>,
    queue: Mutex<Queue>,
    state: Arc<Mutex<State>>,
    listeners: Listeners<Event>,
    /// Those who are told of changes, with the number of each.
    followers: Listeners<(u64, Changed)>,
    peer_id: String,
    replica: ReplicaId,
    this: Weak<Self>,
    /// The document has a storage.
    saves: bool,
    storage_error: Source<Option<StorageError>>,
}

/// After so many jobs in a row, what they did is saved.
const BURST: usize = 64;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Somebody works on it.
    running: bool,
}

enum Job {
    Input(Input),
    /// Something of our own to tell the app.
    Tell(Event),
    /// A save is done.
    Saved(Result<(), StorageError>),
}

struct State {
    manager: Manager,
    doc: Doc,
    saving: Option<Saving>,
    /// Who waits for the save that is under way.
    waiting: Vec<Waker>,
    observed: Observed,
    /// What takes note of edits made here.
    undo: Vec<Weak<Mutex<UndoManager>>>,
    /// What the followers have not been told yet, in the order it was done.
    changes: VecDeque<Changed>,
    /// The number of the next change.
    next_change: u64,
    session: Session,
    /// The app connected and did not disconnect since.
    wanted: bool,
    /// It was `wanted` when it was paused.
    paused: bool,
}

/// Whether a change is one to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// Edits of the app.
    Edits,
    /// What took back edits, or did them again.
    Nothing,
}

impl Engine {
    /// An engine with the driver that `connect_driver` makes.
    pub(crate) fn new(
        session: Session,
        identity: Identity,
        connect_driver: impl FnOnce(Sink) -> Box<dyn Driver>,
    ) -> Arc<Self> {
        let doc = Doc::new(identity.replica);
        Self::with(session, identity, doc, None, connect_driver)
    }

    /// As [`new`](Self::new), with what the storage has.
    pub(crate) fn open(
        session: Session,
        identity: Identity,
        storage: impl Storage + 'static,
        connect_driver: impl FnOnce(Sink) -> Box<dyn Driver>,
    ) -> Result<Arc<Self>, StorageError> {
        let mut doc = Doc::new(identity.replica);
        let saving = Saving::load(&mut doc, storage)?;
        Ok(Self::with(session, identity, doc, Some(saving), connect_driver))
    }

    fn with(
        session: Session,
        identity: Identity,
        doc: Doc,
        saving: Option<Saving>,
        connect_driver: impl FnOnce(Sink) -> Box<dyn Driver>,
    ) -> Arc<Self> {
        let Identity { peer_id, replica, seed } = identity;
        let manager = Manager::new(peer_id.clone(), seed);
        let observed = Observed::new(&manager);
        let saves = saving.is_some();
        let state = State {
            manager,
            doc,
            saving,
            waiting: Vec::new(),
            observed,
            undo: Vec::new(),
            changes: VecDeque::new(),
            next_change: 0,
            session,
            wanted: false,
            paused: false,
        };
        Arc::new_cyclic(|engine| Self {
            driver: connect_driver(Sink::new(engine.clone())),
            queue: Mutex::default(),
            state: Arc::new(Mutex::new(state)),
            listeners: Listeners::default(),
            followers: Listeners::default(),
            peer_id,
            replica,
            this: engine.clone(),
            saves,
            storage_error: Source::new(None),
        })
    }

    pub(crate) fn connect(&self) {
        if let Some(obstacle) = self.driver.obstacle() {
            self.enqueue(Job::Tell(Event::Problem(obstacle)));
            return;
        }
        let session = {
            let mut state = self.state();
            (state.wanted, state.paused) = (true, false);
            if state.saving.as_ref().is_some_and(Saving::is_failing) {
                return;
            }
            state.session.clone()
        };
        self.feed(Input::Connect(session));
    }

    pub(crate) fn disconnect(&self) {
        {
            let mut state = self.state();
            (state.wanted, state.paused) = (false, false);
        }
        self.feed(Input::Disconnect);
    }

    #[cfg(any(target_arch = "wasm32", test))]
    pub(crate) fn pause(&self) {
        {
            let mut state = self.state();
            state.paused |= mem::take(&mut state.wanted);
        }
        self.feed(Input::Disconnect);
    }

    #[cfg(any(target_arch = "wasm32", test))]
    pub(crate) fn resume(&self) {
        let paused = mem::take(&mut self.state().paused);
        if paused {
            self.connect();
        }
    }

    pub(crate) fn session(&self) -> Session {
        self.state().session.clone()
    }

    pub(crate) fn set_session(&self, session: Session) {
        self.state().session = session;
    }

    pub(crate) fn transact<R>(&self, edit: impl FnOnce(&mut Transaction<'_>) -> R) -> R {
        let mut edit = Some(edit);
        let mut result = None;
        self.edit(&mut |tx| result = edit.take().map(|edit| edit(tx)));
        result.expect("the document calls the edit once")
    }

    fn edit(&self, edit: &mut dyn FnMut(&mut Transaction<'_>)) {
        self.change(&mut |doc| Some(doc.transact(&mut *edit)), Record::Edits);
    }

    /// Changes the document and does what follows from it. Says whether there was a change.
    pub(crate) fn change(
        &self,
        change: &mut dyn for<'d> FnMut(&'d mut Doc) -> Option<Commit<'d>>,
        record: Record,
    ) -> bool {
        let (edited, notifications) = {
            let mut state = self.state();
            let State { doc, observed, changes, undo, .. } = &mut *state;
            let commit = {
                let _editing = Editing::begin(&self.state);
                change(doc)
            };
            let commit = commit.filter(|commit| !commit.is_empty());
            let mut batch = Batch::new();
            if let Some(commit) = &commit {
                if record == Record::Edits && !undo.is_empty() {
                    let now = self.driver.now();
                    undo.retain(|undo| {
                        let undo = undo.upgrade();
                        undo.map(|undo| lock(&undo).record(commit, now)).is_some()
                    });
                }
                let follows = !self.followers.is_empty();
                let changed =
                    if follows || observed.watches_values() { commit.changed() } else { Changed::default() };
                observed.document_changed(commit.doc(), &changed, &mut batch);
                if follows {
                    changes.push_back(changed);
                }
            }
            (commit.is_some(), batch.apply())
        };
        if edited {
            self.feed(Input::Edited);
        }
        drop(notifications);
        edited
    }

    /// Lets an undo manager take note of all edits from now on, as long as it is there.
    pub(crate) fn record_to(&self, undo: &Arc<Mutex<UndoManager>>) {
        self.state().undo.push(Arc::downgrade(undo));
    }

    /// `read` may be the app's.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&Doc) -> R) -> R {
        read_state(&self.state, read)
    }

    pub(crate) fn set_history_limit(&self, bytes: usize) {
        self.state().doc.set_history_limit(bytes);
    }

    pub(crate) fn storage_error(&self) -> Behavior<Option<StorageError>> {
        self.storage_error.behavior()
    }

    pub(crate) fn status(&self) -> Behavior<Status> {
        self.state().observed.status()
    }

    pub(crate) fn peers(&self) -> Behavior<Vec<PeerInfo>> {
        let State { manager, observed, .. } = &*self.state();
        observed.peers(manager)
    }

    pub(crate) fn stats(&self) -> Behavior<Stats> {
        let State { manager, observed, .. } = &mut *self.state();
        observed.stats(manager, self.driver.now())
    }

    pub(crate) fn version(&self) -> Behavior<VersionVector> {
        self.watch(Observed::version)
    }

    pub(crate) fn watch_counter(&self, name: &str) -> Behavior<i64> {
        self.watch(|observed, doc| observed.counter(doc, name))
    }

    pub(crate) fn watch_float_counter(&self, name: &str) -> Behavior<f64> {
        self.watch(|observed, doc| observed.float_counter(doc, name))
    }

    pub(crate) fn watch_register(&self, name: &str) -> Behavior<Option<Value>> {
        self.watch(|observed, doc| observed.register(doc, name))
    }

    pub(crate) fn watch_map(&self, name: &str) -> Behavior<BTreeMap<String, Value>> {
        self.watch(|observed, doc| observed.map(doc, name))
    }

    pub(crate) fn watch_key(&self, name: &str, key: &str) -> Behavior<Option<Value>> {
        self.watch(|observed, doc| observed.key(doc, name, key))
    }

    /// What `read` gives, over time. The behavior keeps the document, but not the room.
    pub(crate) fn watch_document<T>(
        &self,
        read: impl Fn(&Doc) -> T + MaybeSend + MaybeSync + 'static,
    ) -> Behavior<T>
    where
        T: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        let revision = self.state().observed.document();
        self.read_at_each(&revision, read)
    }

    /// As [`watch_document`](Self::watch_document), for what depends on one text, list or set alone.
    pub(crate) fn watch_root<T>(
        &self,
        kind: Kind,
        name: &str,
        read: impl Fn(&Doc) -> T + MaybeSend + MaybeSync + 'static,
    ) -> Behavior<T>
    where
        T: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        let revision = self.watch(|observed, doc| observed.revision(doc, kind, name));
        self.read_at_each(&revision, read)
    }

    /// A revision is set under the lock that the document changes under, so who sees both revisions and
    /// what was read sees them of one moment.
    fn read_at_each<T>(
        &self,
        revision: &Behavior<u64>,
        read: impl Fn(&Doc) -> T + MaybeSend + MaybeSync + 'static,
    ) -> Behavior<T>
    where
        T: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        let state = self.state.clone();
        revision.map(move |_| read_state(&state, &read))
    }

    fn watch<T>(&self, watch: impl FnOnce(&mut Observed, &Doc) -> Behavior<T>) -> Behavior<T> {
        let State { doc, observed, .. } = &mut *self.state();
        watch(observed, doc)
    }

    /// How many values have a source.
    #[cfg(test)]
    pub(crate) fn watched_values(&self) -> usize {
        self.state().observed.len()
    }

    pub(crate) fn on_event(&self, callback: Box<dyn Listen<Event>>) -> Subscription {
        self.listeners.add(callback)
    }

    /// Tells of changes that are made from now on, and not of those that wait to be told.
    pub(crate) fn on_change(&self, mut callback: impl FnMut(&Changed) + MaybeSend + 'static) -> Subscription {
        let state = self.state();
        let first = state.next_change + state.changes.len() as u64;
        self.followers.add(Box::new(move |(number, changed): &(u64, Changed)| {
            if *number >= first {
                callback(changed);
            }
        }))
    }

    pub(crate) const fn replica(&self) -> ReplicaId {
        self.replica
    }

    pub(crate) fn peer_id(&self) -> String {
        self.peer_id.clone()
    }

    pub(crate) fn now(&self) -> Duration {
        self.driver.now()
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn drained(&self) -> impl Future<Output = ()> + Send + use<> {
        self.driver.drained()
    }

    /// Hands an input to the manager and does what it asks for: now, or after the input that is
    /// being worked on.
    pub(crate) fn feed(&self, input: Input) {
        self.enqueue(Job::Input(input));
    }

    fn enqueue(&self, job: Job) {
        {
            let mut queue = lock(&self.queue);
            queue.jobs.push_back(job);
            if mem::replace(&mut queue.running, true) {
                return;
            }
        }
        let running = Running(&self.queue);
        let mut jobs = 0;
        while let Some(job) = self.next_job() {
            jobs += 1;
            if jobs % BURST == 0 {
                self.save();
            }
            match job {
                Job::Input(input) => {
                    let (notifications, events) = self.step(input);
                    drop(notifications);
                    for event in &events {
                        self.listeners.tell(event);
                    }
                }
                Job::Tell(event) => self.listeners.tell(&event),
                Job::Saved(result) => self.saved(result),
            }
            while let Some(change) = self.next_change() {
                self.followers.tell(&change);
            }
        }
        mem::forget(running);
    }

    fn next_change(&self) -> Option<(u64, Changed)> {
        let mut state = self.state();
        let changed = state.changes.pop_front()?;
        state.next_change += 1;
        Some((state.next_change - 1, changed))
    }

    /// The next job; if there is none and all is being saved, nobody is running any more.
    fn next_job(&self) -> Option<Job> {
        let mut saving = self.saves;
        loop {
            let mut queue = lock(&self.queue);
            let job = queue.jobs.pop_front();
            if job.is_some() || !saving {
                queue.running = job.is_some();
                return job;
            }
            drop(queue);
            saving = self.save();
        }
    }

    fn step(&self, input: Input) -> (Notifications, Vec<Event>) {
        let mut state = self.state();
        let State { manager, doc, saving, observed, changes, .. } = &mut *state;
        let now = self.driver.now();
        let listening = !self.listeners.is_empty();
        let following = !self.followers.is_empty();
        manager.log_messages(listening);
        manager.handle(now, doc, input);
        let mut batch = Batch::new();
        let mut events = Vec::new();
        let (mut status, mut peers) = (false, false);
        while let Some(output) = manager.poll() {
            let Output::Event(event) = output else {
                let output = match saving {
                    Some(saving) => saving.hold(doc, output),
                    None => Some(output),
                };
                if let Some(output) = output {
                    self.driver.perform(output);
                }
                continue;
            };
            match &event {
                Event::Status => status = true,
                Event::Peers => peers = true,
                Event::Changed(changed) => {
                    observed.document_changed(doc, changed, &mut batch);
                    if following {
                        changes.push_back(changed.clone());
                    }
                }
                Event::Wire(_) | Event::Problem(_) => {}
            }
            if listening {
                events.push(event);
            }
        }
        if status {
            observed.status_changed(manager, &mut batch);
        }
        if peers {
            observed.peers_changed(manager, &mut batch);
        }
        let stats = observed.refresh_stats(manager, now, &mut batch);
        let retry = saving.as_ref().and_then(Saving::retry_at);
        self.driver.wake_at(manager.deadline().into_iter().chain(stats).chain(retry).min());
        (batch.apply(), events)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        Editing::check(&self.state);
        lock(&self.state)
    }
}

impl Drop for Engine {
    /// Says goodbye and has the rest saved; nobody listens any more.
    fn drop(&mut self) {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        // Behaviors that read the document keep it; those who are told of its changes must not keep those.
        let observed = mem::replace(&mut state.observed, Observed::new(&state.manager));
        state.manager.handle(self.driver.now(), &mut state.doc, Input::Disconnect);
        // Behaviors keep the state, which must not keep the storage.
        let mut saving = state.saving.take();
        while let Some(output) = state.manager.poll() {
            if matches!(output, Output::Event(_)) {
                continue;
            }
            // What waits for a save will never be sent; the driver closes what is open.
            let output = match &mut saving {
                Some(saving) => saving.hold(&state.doc, output),
                None => Some(output),
            };
            if let Some(output) = output {
                self.driver.perform(output);
            }
        }
        let last = saving.and_then(|saving| saving.last(&state.doc));
        self.driver.wake_at(None);
        drop(guard);
        drop(observed);
        if let Some(last) = last {
            last.start(Saved::new(|_| {}));
        }
    }
}

/// Lets others work on the queue again when a callback panicked.
struct Running<'a>(&'a Mutex<Queue>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(self.0).running = false;
    }
}

thread_local! {
    /// The addresses of the states whose documents this thread is editing or reading.
    static EDITING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Marks that this thread holds the lock of a document while it runs the app's edit or read.
struct Editing;

impl Editing {
    fn begin(state: &Mutex<State>) -> Self {
        EDITING.with_borrow_mut(|editing| editing.push(address(state)));
        Self
    }

    /// A panic with a reason is better than waiting for oneself for ever.
    fn check(state: &Mutex<State>) {
        let editing = EDITING.with_borrow(|editing| editing.contains(&address(state)));
        assert!(!editing, "a room cannot be used by what edits or reads it; use what that is given");
    }
}

impl Drop for Editing {
    fn drop(&mut self) {
        EDITING.with_borrow_mut(Vec::pop);
    }
}

fn address(state: &Mutex<State>) -> usize {
    std::ptr::from_ref(state).addr()
}

fn read_state<R>(state: &Mutex<State>, read: impl FnOnce(&Doc) -> R) -> R {
    Editing::check(state);
    let state = (lock(state), Editing::begin(state));
    read(&state.0.doc)
}

/// A panic in an app's edit leaves the document whole: its transaction commits when it is dropped.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
