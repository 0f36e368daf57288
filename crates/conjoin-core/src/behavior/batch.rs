//! Several sources, set at once.

use std::fmt;
use std::mem;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use super::observer::{Observer, Root, notify};
use super::{EPOCH, Handle, MaybeSend, MaybeSync, Source, SourceNode, lock};

/// Sets several sources at once: nobody sees some of them changed and others not, and who
/// depends on several is told once. A batch dropped without [`commit`](Batch::commit) changes
/// nothing.
///
/// ```
/// use conjoin_core::behavior::{Batch, Source};
///
/// let (first, last) = (Source::new("Ada"), Source::new("Byron"));
/// let mut batch = Batch::new();
/// batch.set(&first, "Grace");
/// batch.set(&last, "Hopper");
/// assert_eq!(first.behavior().now(), "Ada");
/// batch.commit();
/// assert_eq!(first.behavior().now(), "Grace");
/// ```
#[derive(Default)]
#[must_use = "nothing changes before `commit`"]
pub struct Batch {
    writes: Vec<Box<dyn Write>>,
}

impl Batch {
    /// An empty batch.
    ///
    /// ```
    /// # use conjoin_core::behavior::{Batch, Source};
    /// let clicks = Source::new(1);
    /// let mut batch = Batch::new();
    /// batch.set(&clicks, 2);
    /// drop(batch); // without a commit
    /// assert_eq!(clicks.behavior().now(), 1);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source to set. The last value for a source counts.
    ///
    /// ```
    /// # use conjoin_core::behavior::{Batch, Source};
    /// let clicks = Source::new(1);
    /// let mut batch = Batch::new();
    /// batch.set(&clicks, 2);
    /// batch.set(&clicks, 3);
    /// batch.commit();
    /// assert_eq!(clicks.behavior().now(), 3);
    /// ```
    pub fn set<T: PartialEq + MaybeSend + MaybeSync + 'static>(&mut self, source: &Source<T>, value: T) {
        let Handle { node, roots } = &*source.handle;
        let write = SourceWrite { node: node.clone(), root: roots[0].clone(), value: Arc::new(value) };
        self.writes.push(Box::new(write));
    }

    /// Sets the values, and tells everyone who depends on them.
    ///
    /// ```
    /// # use std::sync::mpsc::channel;
    /// # use conjoin_core::behavior::{Batch, Source};
    /// let (tell, told) = channel();
    /// let (width, height) = (Source::new(3), Source::new(2));
    /// let area = width.behavior().combine(&height.behavior(), |w, h| w * h);
    /// let _subscription = area.subscribe(move |area| tell.send(*area).expect("somebody listens"));
    ///
    /// let mut batch = Batch::new();
    /// batch.set(&width, 6);
    /// batch.set(&height, 5);
    /// batch.commit();
    /// assert!(told.try_iter().eq([30])); // and never 12 or 15
    /// ```
    pub fn commit(self) {
        drop(self.apply());
    }

    /// Sets the values; everyone who depends on them is told when the result is dropped. For
    /// those who must set under a lock of their own, but cannot let callbacks run under it.
    ///
    /// ```
    /// # use std::sync::{Arc, Mutex};
    /// # use conjoin_core::behavior::{Batch, Source};
    /// let total = Arc::new(Mutex::new(0));
    /// let clicks = Source::new(0);
    /// let _subscription = clicks.behavior().subscribe({
    ///     let total = total.clone();
    ///     move |n| *total.lock().unwrap() += n
    /// });
    /// let mut batch = Batch::new();
    /// batch.set(&clicks, 2);
    ///
    /// let lock = total.lock().unwrap();
    /// let notifications = batch.apply();
    /// assert_eq!((clicks.behavior().now(), *lock), (2, 0));
    /// drop(lock);
    /// drop(notifications);
    /// assert_eq!(*total.lock().unwrap(), 2);
    /// ```
    pub fn apply(mut self) -> Notifications {
        {
            let _one_at_a_time = lock(&COMMIT);
            for write in &self.writes {
                write.root().begin_change();
            }
            for write in &mut self.writes {
                write.swap();
            }
            EPOCH.fetch_add(1, SeqCst);
            for write in &self.writes {
                write.root().end_change();
            }
        }
        let mut observers = Vec::new();
        for write in &self.writes {
            write.root().observers(&mut observers);
        }
        if self.writes.len() > 1 {
            observers.sort_unstable_by_key(|observer| observer.id());
            observers.dedup_by_key(|observer| observer.id());
        }
        Notifications { observers }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("writes", &self.writes.len()).finish()
    }
}

/// The callbacks that a [`Batch`] brought about; they run when this is dropped.
///
/// ```
/// use std::sync::mpsc::channel;
/// use conjoin_core::behavior::{Batch, Source};
///
/// let (tell, told) = channel();
/// let clicks = Source::new(1);
/// let _subscription = clicks.behavior().subscribe(move |n| tell.send(*n).expect("somebody listens"));
/// let mut batch = Batch::new();
/// batch.set(&clicks, 2);
///
/// let notifications = batch.apply();
/// assert!(told.try_recv().is_err());
/// drop(notifications);
/// assert_eq!(told.try_recv(), Ok(2));
/// ```
#[must_use = "the callbacks run when this is dropped"]
pub struct Notifications {
    observers: Vec<Arc<Observer>>,
}

impl Drop for Notifications {
    fn drop(&mut self) {
        notify(mem::take(&mut self.observers));
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("observers", &self.observers.len()).finish()
    }
}

/// Held while sources are written.
static COMMIT: Mutex<()> = Mutex::new(());

trait Write: MaybeSend {
    fn root(&self) -> &Root;
    fn swap(&mut self);
}

struct SourceWrite<T> {
    node: Arc<SourceNode<T>>,
    root: Arc<Root>,
    value: Arc<T>,
}

impl<T: MaybeSend + MaybeSync> Write for SourceWrite<T> {
    fn root(&self) -> &Root {
        &self.root
    }

    fn swap(&mut self) {
        mem::swap(&mut *lock(&self.node.value), &mut self.value);
    }
}
