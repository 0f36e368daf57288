//! What ends the process from outside.

/// Done when the user or the system wants the process to end; `terminal` if it has one, whose closing counts.
#[cfg(unix)]
pub(crate) fn stop_signal(terminal: bool) -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Without a terminal it may be meant to be ignored, as nohup asks for.
    let mut hangup = if terminal { Some(signal(SignalKind::hangup())?) } else { None };
    Ok(async move {
        let closed = async {
            match &mut hangup {
                Some(hangup) => _ = hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = closed => {}
        }
    })
}

/// Done when the user wants the process to end.
#[cfg(not(unix))]
pub(crate) fn stop_signal(_terminal: bool) -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
