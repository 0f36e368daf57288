//! Who is told of a change, and when.

#![cfg_attr(
    target_arch = "wasm32",
    allow(clippy::arc_with_non_send_sync, reason = "the same code is for threads elsewhere")
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use super::{MaybeSend, lock};

/// What observers need to know of a source, whatever its type.
pub(super) struct Root {
    /// Odd while a batch is being applied, and never the same again after it.
    version: AtomicU64,
    /// In the order of their ids; none once nobody can set the source any more.
    observers: Mutex<Option<Vec<Arc<Observer>>>>,
}

/// All the sources that a behavior depends on.
pub(super) type Roots = Arc<[Arc<Root>]>;

impl Root {
    pub(super) fn new() -> Self {
        Self { version: AtomicU64::new(0), observers: Mutex::new(Some(Vec::new())) }
    }

    pub(super) fn begin_change(&self) {
        self.version.fetch_or(1, SeqCst);
    }

    /// Ends a change; a second time in the same batch does no harm.
    pub(super) fn end_change(&self) {
        self.version.store((self.version.load(SeqCst) | 1) + 1, SeqCst);
    }

    /// Adds all observers to `all`.
    pub(super) fn observers(&self, all: &mut Vec<Arc<Observer>>) {
        all.extend(lock(&self.observers).iter().flatten().cloned());
    }

    /// Lets go of all observers, for good.
    pub(super) fn end(&self) {
        let observers = lock(&self.observers).take();
        drop(observers);
    }

    pub(super) fn add(&self, observer: Arc<Observer>) {
        if let Some(observers) = &mut *lock(&self.observers) {
            let place = observers.partition_point(|other| other.id < observer.id);
            observers.insert(place, observer);
        }
    }

    pub(super) fn remove(&self, observer: &Observer) {
        if let Some(observers) = &mut *lock(&self.observers)
            && let Ok(place) = observers.binary_search_by_key(&observer.id, |other| other.id)
        {
            observers.remove(place);
        }
    }
}

pub(super) fn union(left: &Roots, right: &Roots) -> Roots {
    let new = right.iter().filter(|root| !left.iter().any(|known| Arc::ptr_eq(known, root)));
    left.iter().chain(new).cloned().collect()
}

/// A number that stays the same while none of the sources changes; none while one is changing.
pub(super) fn stamp(roots: &Roots) -> Option<u64> {
    roots.iter().try_fold(0u64, |sum, root| {
        let version = root.version.load(SeqCst);
        (version & 1 == 0).then(|| sum.wrapping_add(version))
    })
}

/// A subscription's callback, as its sources see it.
pub(super) struct Observer {
    id: u64,
    state: Mutex<State>,
}

enum State {
    Idle(Box<dyn Run>),
    Running,
    /// Something changed while it ran.
    RunAgain,
    Stopped,
}

impl Observer {
    /// One that counts as running until [`start`](Self::start).
    pub(super) fn new() -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEXT.fetch_add(1, SeqCst), state: Mutex::new(State::Running) })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn start(&self, callback: Box<dyn Run>) {
        self.rest(callback);
    }

    pub(super) fn run(&self) {
        let mut state = lock(&self.state);
        match mem::replace(&mut *state, State::Running) {
            State::Idle(mut callback) => {
                drop(state);
                callback.run();
                self.rest(callback);
            }
            State::Running | State::RunAgain => *state = State::RunAgain,
            State::Stopped => *state = State::Stopped,
        }
    }

    /// Puts the callback back, after it ran for all that was asked meanwhile.
    fn rest(&self, mut callback: Box<dyn Run>) {
        loop {
            let mut state = lock(&self.state);
            match &*state {
                State::RunAgain => *state = State::Running,
                State::Stopped => return drop(state),
                State::Running | State::Idle(_) => {
                    *state = State::Idle(callback);
                    return;
                }
            }
            drop(state);
            callback.run();
        }
    }

    pub(super) fn stop(&self) {
        let last = mem::replace(&mut *lock(&self.state), State::Stopped);
        drop(last);
    }
}

pub(super) trait Run: MaybeSend {
    fn run(&mut self);
}

impl<F: FnMut() + MaybeSend> Run for F {
    fn run(&mut self) {
        self();
    }
}

/// The observers this thread still has to run. One runs after the other, never inside it.
struct Queue {
    running: bool,
    waiting: VecDeque<Arc<Observer>>,
}

thread_local! {
    static QUEUE: RefCell<Queue> = const { RefCell::new(Queue { running: false, waiting: VecDeque::new() }) };
}

/// Runs the observers now, or after the one that this thread is running.
pub(super) fn notify(observers: Vec<Arc<Observer>>) {
    /// Lets the next call go on with what waits, even if a callback panicked.
    struct Running;
    impl Drop for Running {
        fn drop(&mut self) {
            QUEUE.with_borrow_mut(|queue| queue.running = false);
        }
    }

    let running = QUEUE.with_borrow_mut(|queue| {
        queue.waiting.extend(observers);
        mem::replace(&mut queue.running, true)
    });
    if running {
        return;
    }
    let _running = Running;
    while let Some(observer) = QUEUE.with_borrow_mut(|queue| queue.waiting.pop_front()) {
        observer.run();
    }
}
