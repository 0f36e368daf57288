//! `conjoin keep`.

use std::io::Write;
use std::time::Duration;

use conjoin_signaling::MAX_ID;
use conjoin_store::Store;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::args::Keep;
use crate::join::address;
use crate::keeper::{HEAL, Keeper};
use crate::signals::stop_signal;
use crate::{log, units};

/// How often the log says how all is, if it has changed.
pub(crate) const SUMMARY: Duration = Duration::from_secs(60);

/// Keeps rooms until it is told to stop.
///
/// # Errors
/// With what to tell the user.
pub(crate) fn run(args: Keep) -> Result<(), String> {
    log::start(&args.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(keep(args));
    runtime.shutdown_background();
    done
}

async fn keep(mut args: Keep) -> Result<(), String> {
    if args.rooms.is_empty() {
        args.rooms = rooms_from(&std::env::var("CONJOIN_ROOMS").unwrap_or_default())?;
    }
    let store = Store::open(&args.data).map_err(|error| error.to_string())?;
    store.set_limit(args.max_size).map_err(|error| error.to_string())?;
    let stop = stop_signal(false).map_err(|error| format!("cannot wait for signals: {error}"))?;
    let greeting = greeting(&args, &store);
    let mut keeper = Keeper::new(store, args.server, args.name);
    if let Some(after) = args.forget_after {
        keeper.forget(after).await.map_err(|error| error.to_string())?;
    }
    for room in &args.rooms {
        if !keeper.has(room) {
            keeper.open(room).map_err(|error| error.to_string())?;
        }
    }
    if let Err(error) = std::io::stdout().write_all(greeting.as_bytes()) {
        warn!(%error, "cannot write to the standard output");
    }
    let mut stop = std::pin::pin!(stop);
    let mut summary = ticks(SUMMARY);
    let mut heal = ticks(HEAL);
    let mut forget = ticks(pace(args.forget_after));
    let mut compact = ticks(pace(args.compact_after));
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = summary.tick() => keeper.summarize(),
            _ = heal.tick() => keeper.heal().await,
            _ = forget.tick() => if let Some(after) = args.forget_after
                && let Err(error) = keeper.forget(after).await
            {
                warn!("rooms cannot be forgotten: {error}");
            },
            _ = compact.tick() => if let Some(after) = args.compact_after {
                keeper.compact(after);
            }
        }
    }
    keeper.stop().await;
    info!("stopped");
    Ok(())
}

/// The rooms that an environment variable names.
fn rooms_from(text: &str) -> Result<Vec<String>, String> {
    let rooms: Vec<_> = text.split_whitespace().map(room).collect::<Result<_, _>>()?;
    if rooms.is_empty() {
        return Err("which rooms? Name them, as in conjoin keep atlas plans --data DIR".into());
    }
    Ok(rooms)
}

/// The name of a room, as servers take it.
///
/// # Errors
/// With what is wrong.
pub(crate) fn room(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("a room has a name".into()),
        1..=MAX_ID => Ok(text.into()),
        _ => Err(format!("the name of a room takes {MAX_ID} bytes at most")),
    }
}

/// The address of a signaling server, or of a page it serves.
///
/// # Errors
/// With what is wrong.
pub(crate) fn server(text: &str) -> Result<String, String> {
    address::parse(text).map(|address| address.server)
}

/// Often enough that nothing is kept much longer than it should.
pub(crate) fn pace(after: Option<Duration>) -> Duration {
    after.map_or(Duration::from_secs(3600), |after| {
        (after / 10).clamp(Duration::from_secs(1), Duration::from_secs(3600))
    })
}

pub(crate) fn ticks(time: Duration) -> tokio::time::Interval {
    let mut ticks = interval(time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn greeting(args: &Keep, store: &Store) -> String {
    let (version, folder, limit) =
        (env!("CARGO_PKG_VERSION"), store.folder().display(), units::bytes(args.max_size));
    let forget = match args.forget_after {
        Some(_) => "",
        None => ", for ever",
    };
    format!(
        "Conjoin {version}\n\n  Keeping     {}{forget}\n  In          {folder}, {limit} at most\n  Signaling   {}\n\nCtrl-C stops it.\n",
        args.rooms.join(", "),
        args.server,
    )
}
