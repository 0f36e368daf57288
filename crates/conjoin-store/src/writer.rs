//! The one thread that uses the database, and what waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use conjoin::{Saved, StorageError};

use crate::database::{Change, Database};

/// About so many bytes go into one transaction.
const MOST_BYTES: usize = 16 << 20;

pub(crate) struct Writer {
    /// Absent once it is being closed.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

enum Request {
    Save(Change, Saved),
    Run(Box<dyn FnOnce(&mut Database) + Send>),
}

impl Writer {
    pub(crate) fn start(mut database: Database) -> Result<Self, StorageError> {
        let (sender, receiver) = channel();
        let thread = thread::Builder::new()
            .name("conjoin-store".into())
            .spawn(move || work(&mut database, &receiver))
            .map_err(|error| StorageError::Unavailable(format!("cannot start a thread: {error}")))?;
        Ok(Self { requests: Some(sender), thread: Some(thread) })
    }

    pub(crate) fn save(&self, room: Arc<str>, bytes: Vec<u8>, is_whole: bool, saved: Saved) {
        // If the thread is gone, so is the request, and that is told.
        self.send(Request::Save(Change { room, bytes, is_whole }, saved));
    }

    /// Has the thread do something after all that waits, and waits for it.
    pub(crate) fn run<R: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Database) -> Result<R, StorageError> + Send + 'static,
    ) -> Result<R, StorageError> {
        if self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id()) {
            let problem = "a store cannot be waited for by what it tells that something is saved";
            return Err(StorageError::Unavailable(problem.into()));
        }
        let (sender, receiver) = channel();
        // Who asked is waiting below.
        self.send(Request::Run(Box::new(move |database| drop(sender.send(task(database))))));
        receiver.recv().unwrap_or_else(|_| Err(StorageError::Unavailable("the store is gone".into())))
    }

    fn send(&self, request: Request) {
        if let Some(requests) = &self.requests {
            drop(requests.send(request));
        }
    }
}

impl Drop for Writer {
    /// Waits until all is saved, unless the thread itself let go of the last handle.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}

fn work(database: &mut Database, requests: &Receiver<Request>) {
    let mut next = None;
    while let Some(request) = next.take().or_else(|| requests.recv().ok()) {
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut request = Some(request);
        // All that waits already goes together.
        let task = loop {
            match request.take().or_else(|| requests.try_recv().ok()) {
                Some(Request::Save(change, saved)) => {
                    bytes += change.bytes.len();
                    group.push((change, saved));
                    if bytes > MOST_BYTES {
                        break None;
                    }
                }
                other => break other,
            }
        };
        save(database, group);
        next = match task {
            Some(Request::Run(task)) => {
                task(database);
                None
            }
            other => other,
        };
    }
}

fn save(database: &mut Database, group: Vec<(Change, Saved)>) {
    let (changes, saved): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    if changes.is_empty() {
        return;
    }
    let result = database.save(&changes);
    if result.is_ok() || changes.len() == 1 {
        return saved.into_iter().for_each(|saved| saved.done(result.clone()));
    }
    // What is wrong with one is no fault of the others.
    for (change, saved) in changes.into_iter().zip(saved) {
        saved.done(database.save(&[change]));
    }
}
