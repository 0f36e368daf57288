//! Where tasks run.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime of whoever asks, or one that the drivers of this process share: a program without tokio can
/// use rooms as well.
///
/// # Panics
/// If the operating system refuses to make a thread.
pub(crate) fn handle() -> Handle {
    static SHARED: OnceLock<Runtime> = OnceLock::new();
    Handle::try_current().unwrap_or_else(|_| {
        let make = || {
            let mut runtime = Builder::new_multi_thread();
            runtime.worker_threads(1).thread_name("conjoin").enable_all();
            runtime.build().expect("a thread for a runtime can be made")
        };
        SHARED.get_or_init(make).handle().clone()
    })
}
