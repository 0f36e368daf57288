//! What waits to be written to one socket: bounded, and filled without ever waiting.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::rooms::CloseReason;

/// What one message costs beside its text.
const OVERHEAD: usize = 64;

/// The queue between the rooms and the task that writes to one socket.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    texts: VecDeque<String>,
    /// What `texts` cost.
    size: usize,
    ping: bool,
    close: Option<CloseReason>,
    waker: Option<Waker>,
}

/// The next thing to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Text(String),
    Ping,
    /// Nothing comes after this.
    Close(CloseReason),
}

impl Outbox {
    /// Adds a text, if the queue then costs no more than `limit` bytes, and says whether it did.
    /// One text always has a place.
    pub(crate) fn push(&self, text: String, limit: usize) -> bool {
        let mut state = self.lock();
        let size = state.size + text.len() + OVERHEAD;
        if size > limit && state.size > 0 {
            return false;
        }
        state.size = size;
        state.texts.push_back(text);
        state.wake();
        true
    }

    /// Adds a ping. Pings that were not written yet are one.
    pub(crate) fn ping(&self) {
        let mut state = self.lock();
        state.ping = true;
        state.wake();
    }

    /// Closes the socket after what is queued. The first reason stands.
    pub(crate) fn close(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.close.get_or_insert(reason);
        state.wake();
    }

    /// Waits for something to write. For one task at a time.
    pub(crate) async fn next(&self) -> Next {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Something to write, if there is something now.
    pub(crate) fn take(&self) -> Option<Next> {
        self.lock().take()
    }

    /// Waits until the socket is to be closed, whatever is queued before that.
    pub(crate) async fn closing(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.close.is_some() {
                return Poll::Ready(());
            }
            state.wait(cx)
        })
        .await
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        match state.take() {
            Some(next) => Poll::Ready(next),
            None => state.wait(cx),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Next> {
        if std::mem::take(&mut self.ping) {
            return Some(Next::Ping);
        }
        if let Some(text) = self.texts.pop_front() {
            self.size -= text.len() + OVERHEAD;
            if self.texts.is_empty() {
                // An idle socket keeps no memory for the crowd it once met.
                self.texts = VecDeque::new();
            }
            return Some(Next::Text(text));
        }
        self.close.map(Next::Close)
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_order_then_the_close() {
        let outbox = Outbox::default();
        assert!(outbox.push("a".into(), 1000) && outbox.push("b".into(), 1000));
        outbox.close(CloseReason::Replaced);
        outbox.close(CloseReason::GoingAway);
        outbox.ping();
        let all: Vec<_> = std::iter::from_fn(|| outbox.take()).take(5).collect();
        let close = || Next::Close(CloseReason::Replaced);
        assert_eq!(all, [Next::Ping, Next::Text("a".into()), Next::Text("b".into()), close(), close()]);
    }

    #[test]
    fn a_full_queue_takes_no_more_until_something_was_written() {
        let outbox = Outbox::default();
        let limit = 2 * (10 + OVERHEAD);
        let text = || "0123456789".to_owned();
        assert!(outbox.push(text(), limit) && outbox.push(text(), limit));
        assert!(!outbox.push(String::new(), limit));
        assert_eq!(outbox.take(), Some(Next::Text(text())));
        assert!(outbox.push(text(), limit));
        assert!(Outbox::default().push(text(), 0), "the list of a room, however long, must get through");
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let outbox = Outbox::default();
        let (next, ()) = tokio::join!(outbox.next(), async { outbox.ping() });
        assert_eq!(next, Next::Ping);
        let ((), ()) = tokio::join!(outbox.closing(), async { outbox.close(CloseReason::Full) });
    }
}
