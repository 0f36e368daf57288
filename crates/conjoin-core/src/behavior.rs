//! Values that vary over time.
//!
//! A [`Behavior`] has a value at every moment. It comes from a [`Source`], which somebody sets, or
//! is computed from other behaviors with [`map`](Behavior::map) and
//! [`combine`](Behavior::combine). [`subscribe`](Behavior::subscribe) tells of its changes.
//!
//! ```
//! use conjoin_core::behavior::Source;
//!
//! let clicks = Source::new(1);
//! let double = clicks.behavior().map(|n| n * 2);
//! let label = clicks.behavior().combine(&double, |n, double| format!("{n}, twice that is {double}"));
//! let _subscription = label.subscribe(|label| println!("{label}"));
//!
//! clicks.set(2); // prints "2, twice that is 4", once
//! assert_eq!(double.now(), 4);
//! ```
//!
//! Changes are pushed, values are pulled. Setting a source only wakes the subscriptions that
//! depend on it; each of them then asks its behavior for the value, and what lies between
//! recomputes if an input really changed. So nobody ever sees a state in which one arm of a
//! diamond is new and the other is old, behaviors that nobody asks cost nothing, and a source
//! does not know the behaviors derived from it: they go when their last handle goes.
//!
//! An unchanged value is recognised by its `Arc`: a node hands out the same one until its value
//! differs.

#![cfg_attr(
    target_arch = "wasm32",
    allow(clippy::arc_with_non_send_sync, reason = "the same code is for threads elsewhere")
)]

mod batch;
mod observer;

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::batch::{Batch, Notifications};
use self::observer::{Observer, Root, Roots, stamp, union};

/// `Send`, except in the browser, where everything is on one thread.
///
/// ```
/// use std::sync::mpsc::channel;
/// use conjoin_core::behavior::{Behavior, MaybeSend, Source, Subscription};
///
/// fn each(of: &Behavior<u32>, tell: impl Fn(u32) + MaybeSend + 'static) -> Subscription {
///     of.subscribe(move |value| tell(*value))
/// }
///
/// let (tell, told) = channel();
/// let clicks = Source::new(0);
/// let _subscription = each(&clicks.behavior(), move |n| tell.send(n).expect("somebody listens"));
/// clicks.set(1);
/// assert_eq!(told.try_recv(), Ok(1));
/// ```
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// `Sync`, except in the browser, where everything is on one thread.
///
/// ```
/// use std::fmt::Display;
/// use conjoin_core::behavior::{Behavior, MaybeSend, MaybeSync, Source};
///
/// fn label<T>(of: &Behavior<T>) -> Behavior<String>
/// where
///     T: Display + PartialEq + MaybeSend + MaybeSync + 'static,
/// {
///     of.map(T::to_string)
/// }
///
/// assert_eq!(label(&Source::new(3).behavior()).now(), "3");
/// ```
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Sync + ?Sized> MaybeSync for T {}

/// `Send`, except in the browser, where everything is on one thread.
///
/// ```
/// use std::sync::mpsc::channel;
/// use conjoin_core::behavior::{Behavior, MaybeSend, Source, Subscription};
///
/// fn each(of: &Behavior<u32>, tell: impl Fn(u32) + MaybeSend + 'static) -> Subscription {
///     of.subscribe(move |value| tell(*value))
/// }
///
/// let (tell, told) = channel();
/// let clicks = Source::new(0);
/// let _subscription = each(&clicks.behavior(), move |n| tell.send(n).expect("somebody listens"));
/// clicks.set(1);
/// assert_eq!(told.try_recv(), Ok(1));
/// ```
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSend for T {}

/// `Sync`, except in the browser, where everything is on one thread.
///
/// ```
/// use std::fmt::Display;
/// use conjoin_core::behavior::{Behavior, MaybeSend, MaybeSync, Source};
///
/// fn label<T>(of: &Behavior<T>) -> Behavior<String>
/// where
///     T: Display + PartialEq + MaybeSend + MaybeSync + 'static,
/// {
///     of.map(T::to_string)
/// }
///
/// assert_eq!(label(&Source::new(3).behavior()).now(), "3");
/// ```
#[cfg(target_arch = "wasm32")]
pub trait MaybeSync {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSync for T {}

/// A value that varies over time. Cloning gives another handle to the same behavior.
///
/// ```
/// use conjoin_core::behavior::{Behavior, Source};
///
/// let clicks = Source::new(1);
/// let label: Behavior<String> = clicks.behavior().map(|n| format!("{n} clicks"));
/// let same = label.clone();
/// clicks.set(2);
/// assert_eq!((label.now(), same.now()), ("2 clicks".into(), "2 clicks".into()));
/// ```
pub struct Behavior<T> {
    node: Arc<dyn Node<T>>,
    roots: Roots,
}

impl<T: PartialEq + MaybeSend + MaybeSync + 'static> Behavior<T> {
    /// The value now.
    ///
    /// ```
    /// # use conjoin_core::behavior::Source;
    /// let clicks = Source::new(1);
    /// let behavior = clicks.behavior();
    /// clicks.set(2);
    /// assert_eq!(behavior.now(), 2);
    /// ```
    pub fn now(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Looks at the value now, without cloning it.
    ///
    /// ```
    /// # use conjoin_core::behavior::Source;
    /// let names = Source::new(vec!["Ada", "Bob"]);
    /// assert_eq!(names.behavior().with(Vec::len), 2);
    /// ```
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.sample())
    }

    /// The behavior that is always `f` of this one.
    ///
    /// `f` is called when somebody asks and the value changed since it was last called. It should
    /// depend on nothing but its argument.
    ///
    /// ```
    /// # use conjoin_core::behavior::Source;
    /// let clicks = Source::new(1);
    /// let even = clicks.behavior().map(|n| n % 2 == 0);
    /// clicks.set(4);
    /// assert!(even.now());
    /// ```
    pub fn map<U>(&self, f: impl Fn(&T) -> U + MaybeSend + MaybeSync + 'static) -> Behavior<U>
    where
        U: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        let input = self.node.clone();
        let compute = move |last: Option<&Arc<T>>| {
            let now = input.sample();
            if last.is_some_and(|last| Arc::ptr_eq(last, &now)) {
                return None;
            }
            let value = f(&now);
            Some((now, value))
        };
        Behavior { node: Arc::new(Derived { compute, cache: Mutex::default() }), roots: self.roots.clone() }
    }

    /// The behavior that is always `f` of this one and `other`.
    ///
    /// ```
    /// use conjoin_core::behavior::Source;
    ///
    /// let (width, height) = (Source::new(3), Source::new(2));
    /// let area = width.behavior().combine(&height.behavior(), |w, h| w * h);
    /// height.set(5);
    /// assert_eq!(area.now(), 15);
    /// ```
    pub fn combine<U, V>(
        &self,
        other: &Behavior<U>,
        f: impl Fn(&T, &U) -> V + MaybeSend + MaybeSync + 'static,
    ) -> Behavior<V>
    where
        U: PartialEq + MaybeSend + MaybeSync + 'static,
        V: PartialEq + MaybeSend + MaybeSync + 'static,
    {
        let (left, right) = (self.node.clone(), other.node.clone());
        let compute = move |last: Option<&(Arc<T>, Arc<U>)>| {
            let now = (left.sample(), right.sample());
            if last.is_some_and(|last| Arc::ptr_eq(&last.0, &now.0) && Arc::ptr_eq(&last.1, &now.1)) {
                return None;
            }
            let value = f(&now.0, &now.1);
            Some((now, value))
        };
        Behavior {
            node: Arc::new(Derived { compute, cache: Mutex::default() }),
            roots: union(&self.roots, &other.roots),
        }
    }

    /// Calls `callback` with each new value from now on, until the subscription is dropped.
    ///
    /// Subscriptions are called in the order they were made, once after each [`Source::set`] or
    /// [`Batch`] that changed the value. The callback may do anything, including setting sources:
    /// what that causes is told after it returned. One that panics is not called again.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use conjoin_core::behavior::Source;
    ///
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let source = Source::new(1);
    /// let even = source.behavior().map(|n| n % 2 == 0);
    /// let subscription = even.subscribe({
    ///     let seen = seen.clone();
    ///     move |even| seen.lock().unwrap().push(*even)
    /// });
    /// source.set(3); // still odd
    /// source.set(4);
    /// drop(subscription);
    /// source.set(5);
    /// assert_eq!(*seen.lock().unwrap(), [true]);
    /// ```
    pub fn subscribe(&self, mut callback: impl FnMut(&T) + MaybeSend + 'static) -> Subscription {
        let observer = Observer::new();
        for root in self.roots.iter() {
            root.add(observer.clone());
        }
        let behavior = self.clone();
        // Taken after the observer was added, so no change of another thread falls in between.
        let mut seen = behavior.sample();
        observer.start(Box::new(move || {
            let last = mem::replace(&mut seen, behavior.sample());
            if !Arc::ptr_eq(&last, &seen) && *last != *seen {
                callback(&seen);
            }
        }));
        let roots = self.roots.clone();
        Subscription::new(move || {
            for root in roots.iter() {
                root.remove(&observer);
            }
            observer.stop();
        })
    }

    /// The value at one moment: if a source changed meanwhile on another thread, look again.
    fn sample(&self) -> Arc<T> {
        loop {
            let before = stamp(&self.roots);
            let value = self.node.sample();
            if before.is_some() && before == stamp(&self.roots) {
                return value;
            }
            std::hint::spin_loop();
        }
    }
}

impl<T> Clone for Behavior<T> {
    fn clone(&self) -> Self {
        Self { node: self.node.clone(), roots: self.roots.clone() }
    }
}

impl<T: PartialEq + MaybeSend + MaybeSync + fmt::Debug + 'static> fmt::Debug for Behavior<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|value| f.debug_tuple("Behavior").field(value).finish())
    }
}

/// Where a behavior comes from: a value that is set. Cloning gives another handle to the same
/// source; when the last one is gone, its behaviors stay as they are.
///
/// ```
/// use conjoin_core::behavior::Source;
///
/// let clicks = Source::new(1);
/// let behavior = clicks.behavior();
/// clicks.clone().set(2);
/// assert_eq!(behavior.now(), 2);
/// drop(clicks);
/// assert_eq!(behavior.now(), 2);
/// ```
pub struct Source<T> {
    handle: Arc<Handle<T>>,
}

impl<T: PartialEq + MaybeSend + MaybeSync + 'static> Source<T> {
    /// A source with its first value.
    ///
    /// ```
    /// # use conjoin_core::behavior::Source;
    /// assert_eq!(Source::new("Ada").behavior().now(), "Ada");
    /// ```
    pub fn new(value: T) -> Self {
        let node = SourceNode { value: Mutex::new(Arc::new(value)) };
        Self { handle: Arc::new(Handle { node: Arc::new(node), roots: Arc::new([Arc::new(Root::new())]) }) }
    }

    /// The behavior that always is what this source was last set to.
    ///
    /// ```
    /// # use conjoin_core::behavior::Source;
    /// let clicks = Source::new(1);
    /// let (one, other) = (clicks.behavior(), clicks.behavior());
    /// clicks.set(2);
    /// assert_eq!((one.now(), other.now()), (2, 2));
    /// ```
    pub fn behavior(&self) -> Behavior<T> {
        Behavior { node: self.handle.node.clone(), roots: self.handle.roots.clone() }
    }

    /// Sets the value. When this returns, all who depend on it have been told, unless it was
    /// called by one of their callbacks: then they are told after that returned.
    ///
    /// ```
    /// # use std::sync::mpsc::channel;
    /// # use conjoin_core::behavior::Source;
    /// let (tell, told) = channel();
    /// let clicks = Source::new(1);
    /// let _subscription = clicks.behavior().subscribe(move |n| tell.send(*n).expect("somebody listens"));
    /// clicks.set(2);
    /// clicks.set(2); // nothing changes
    /// assert!(told.try_iter().eq([2]));
    /// ```
    pub fn set(&self, value: T) {
        if *self.handle.node.sample() != value {
            let mut batch = Batch::new();
            batch.set(self, value);
            batch.commit();
        }
    }

    /// Whether somebody holds a behavior of this source, or one derived from it.
    ///
    /// ```
    /// # use conjoin_core::behavior::Source;
    /// let clicks = Source::new(1);
    /// let even = clicks.behavior().map(|n| n % 2 == 0);
    /// assert!(clicks.has_behaviors());
    /// drop(even);
    /// assert!(!clicks.has_behaviors());
    /// ```
    pub fn has_behaviors(&self) -> bool {
        Arc::strong_count(&self.handle.node) > 1
    }
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = lock(&self.handle.node.value).clone();
        f.debug_tuple("Source").field(&value).finish()
    }
}

struct Handle<T> {
    node: Arc<SourceNode<T>>,
    roots: Roots,
}

impl<T> Drop for Handle<T> {
    /// Nothing will change any more, so the observers can go; forgotten subscriptions would
    /// otherwise hold themselves through the behaviors they ask.
    fn drop(&mut self) {
        for root in self.roots.iter() {
            root.end();
        }
    }
}

/// Keeps a callback alive; dropping it ends the calls.
///
/// It may be dropped anywhere, in the callback itself too. On another thread, a call that is
/// under way at that moment still finishes.
///
/// ```
/// use std::sync::mpsc::channel;
/// use conjoin_core::behavior::Source;
///
/// let (tell, told) = channel();
/// let clicks = Source::new(1);
/// let subscription = clicks.behavior().subscribe(move |n| tell.send(*n).expect("somebody listens"));
/// clicks.set(2);
/// drop(subscription);
/// clicks.set(3);
/// assert!(told.try_iter().eq([2]));
/// ```
#[must_use = "dropping the subscription ends it; `forget` keeps it"]
pub struct Subscription {
    end: Option<Box<dyn End>>,
}

impl Subscription {
    /// A subscription that does `end` when it is dropped.
    ///
    /// ```
    /// # use std::sync::mpsc::channel;
    /// # use conjoin_core::behavior::Subscription;
    /// let (tell, told) = channel();
    /// let subscription = Subscription::new(move || tell.send("ended").expect("somebody listens"));
    /// drop(subscription);
    /// assert_eq!(told.recv(), Ok("ended"));
    /// ```
    pub fn new(end: impl FnOnce() + MaybeSend + MaybeSync + 'static) -> Self {
        Self { end: Some(Box::new(end)) }
    }

    /// Keeps the callback for as long as what it listens to lives.
    ///
    /// ```
    /// # use std::sync::mpsc::channel;
    /// # use conjoin_core::behavior::Source;
    /// let (tell, told) = channel();
    /// let clicks = Source::new(1);
    /// clicks.behavior().subscribe(move |n| tell.send(*n).expect("somebody listens")).forget();
    /// clicks.set(2);
    /// assert_eq!(told.recv(), Ok(2));
    /// ```
    pub fn forget(mut self) {
        self.end = None;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end.end();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

/// Something with a value: a source or a computation.
trait Node<T>: MaybeSend + MaybeSync {
    /// The value, in the same `Arc` for as long as it does not change.
    fn sample(&self) -> Arc<T>;
}

struct SourceNode<T> {
    value: Mutex<Arc<T>>,
}

impl<T: MaybeSend + MaybeSync> Node<T> for SourceNode<T> {
    fn sample(&self) -> Arc<T> {
        lock(&self.value).clone()
    }
}

/// A node that computes its value of type `T` from inputs of type `I`: `compute` is given the
/// inputs it last computed from, and says nothing if they are still the same.
struct Derived<C, I, T> {
    compute: C,
    cache: Mutex<Option<Cache<I, T>>>,
}

struct Cache<I, T> {
    /// When the inputs were last seen to be these.
    epoch: u64,
    inputs: I,
    value: Arc<T>,
}

impl<C, I, T> Node<T> for Derived<C, I, T>
where
    C: Fn(Option<&I>) -> Option<(I, T)> + MaybeSend + MaybeSync,
    I: Clone + MaybeSend + MaybeSync,
    T: PartialEq + MaybeSend + MaybeSync,
{
    fn sample(&self) -> Arc<T> {
        let epoch = EPOCH.load(SeqCst);
        let last = match &*lock(&self.cache) {
            Some(cache) if cache.epoch == epoch => return cache.value.clone(),
            Some(cache) => Some((cache.inputs.clone(), cache.value.clone())),
            None => None,
        };
        let (inputs, value) = match ((self.compute)(last.as_ref().map(|last| &last.0)), last) {
            (None, Some(last)) => last,
            (Some((inputs, value)), Some((_, last))) if *last == value => (inputs, last),
            (Some((inputs, value)), _) => (inputs, Arc::new(value)),
            (None, None) => unreachable!("without earlier inputs there is always something to compute"),
        };
        let mut fresh = Some(Cache { epoch, inputs, value: value.clone() });
        let mut cache = lock(&self.cache);
        if cache.as_ref().is_none_or(|cache| cache.epoch <= epoch) {
            // What it replaces is dropped at the end, when the lock is released.
            mem::swap(&mut *cache, &mut fresh);
        }
        drop(cache);
        value
    }
}

/// Counts the batches ever applied. While it stands still, no cache can be out of date.
static EPOCH: AtomicU64 = AtomicU64::new(0);

trait End: MaybeSend + MaybeSync {
    fn end(self: Box<Self>);
}

impl<F: FnOnce() + MaybeSend + MaybeSync> End for F {
    fn end(self: Box<Self>) {
        self();
    }
}

/// What the locks here guard is whole at every moment, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
