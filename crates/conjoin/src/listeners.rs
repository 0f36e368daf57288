//! Who is told of events and of changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use conjoin_core::behavior::{MaybeSend, Subscription};

/// A callback.
pub(crate) trait Listen<E>: MaybeSend {
    fn listen(&mut self, event: &E);
}

impl<E, F: FnMut(&E) + MaybeSend> Listen<E> for F {
    fn listen(&mut self, event: &E) {
        self(event);
    }
}

/// The callbacks, in the order they came.
pub(crate) struct Listeners<E> {
    list: Arc<Mutex<List<E>>>,
}

struct List<E> {
    next: u64,
    entries: Vec<Entry<E>>,
}

struct Entry<E> {
    id: u64,
    /// Absent while it is being called.
    callback: Option<Box<dyn Listen<E>>>,
}

impl<E> Default for Listeners<E> {
    fn default() -> Self {
        Self { list: Arc::new(Mutex::new(List { next: 0, entries: Vec::new() })) }
    }
}

impl<E: 'static> Listeners<E> {
    pub(crate) fn add(&self, callback: Box<dyn Listen<E>>) -> Subscription {
        let mut list = lock(&self.list);
        let id = list.next;
        list.next += 1;
        list.entries.push(Entry { id, callback: Some(callback) });
        let weak: Weak<_> = Arc::downgrade(&self.list);
        Subscription::new(move || {
            if let Some(list) = weak.upgrade() {
                let entry = lock(&list).remove(id);
                drop(entry);
            }
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.list).entries.is_empty()
    }

    /// Tells those who are here now and still are when their turn comes. To be called by one
    /// thread at a time, and not by a callback.
    pub(crate) fn tell(&self, event: &E) {
        let ids: Vec<u64> = lock(&self.list).entries.iter().map(|entry| entry.id).collect();
        for id in ids {
            let callback = lock(&self.list).find(id).and_then(|entry| entry.callback.take());
            if let Some(mut callback) = callback {
                callback.listen(event);
                if let Some(entry) = lock(&self.list).find(id) {
                    entry.callback = Some(callback);
                }
            }
        }
    }
}

impl<E> List<E> {
    fn find(&mut self, id: u64) -> Option<&mut Entry<E>> {
        let index = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.get_mut(index)
    }

    fn remove(&mut self, id: u64) -> Option<Entry<E>> {
        let index = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        Some(self.entries.remove(index))
    }
}

fn lock<E>(list: &Mutex<List<E>>) -> MutexGuard<'_, List<E>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
