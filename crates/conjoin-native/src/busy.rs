//! What is still at work.

use tokio::sync::watch;

/// Counts the works of a driver that have not ended.
#[derive(Clone)]
pub(crate) struct Busy(watch::Sender<usize>);

impl Default for Busy {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// One work, which ends when this is dropped.
pub(crate) struct Work(watch::Sender<usize>);

impl Busy {
    /// One more.
    pub(crate) fn begin(&self) -> Work {
        self.0.send_modify(|count| *count += 1);
        Work(self.0.clone())
    }

    /// Done when there is none.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut count = self.0.subscribe();
        async move {
            // An error means that nobody can begin another.
            let _ = count.wait_for(|count| *count == 0).await;
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
