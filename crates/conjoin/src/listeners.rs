//! Who is told of events.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use conjoin_core::behavior::{MaybeSend, Subscription};
use conjoin_peer::Event;

/// A callback for events.
pub(crate) trait Listen: MaybeSend {
    fn listen(&mut self, event: &Event);
}

impl<F: FnMut(&Event) + MaybeSend> Listen for F {
    fn listen(&mut self, event: &Event) {
        self(event);
    }
}

/// The callbacks, in the order they came.
#[derive(Default)]
pub(crate) struct Listeners {
    list: Arc<Mutex<List>>,
}

#[derive(Default)]
struct List {
    next: u64,
    entries: Vec<Entry>,
}

struct Entry {
    id: u64,
    /// Absent while it is being called.
    callback: Option<Box<dyn Listen>>,
}

impl Listeners {
    pub(crate) fn add(&self, callback: Box<dyn Listen>) -> Subscription {
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
    pub(crate) fn tell(&self, event: &Event) {
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

impl List {
    fn find(&mut self, id: u64) -> Option<&mut Entry> {
        let index = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.get_mut(index)
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let index = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        Some(self.entries.remove(index))
    }
}

fn lock(list: &Mutex<List>) -> MutexGuard<'_, List> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
