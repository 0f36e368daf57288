//! `conjoin serve`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use conjoin_server::{Asset, BindError, Config, Limits, Server, Site};
use conjoin_store::Store;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::addresses::Addresses;
use crate::args::Serve;
use crate::keep_used::{self, Keeping};
use crate::signals::stop_signal;
use crate::{files, log};

/// The pages that were built into this binary.
static SITE: &[Asset] = include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// Serves until it is told to stop.
///
/// # Errors
/// With what to tell the user.
pub(crate) fn run(args: Serve) -> Result<(), String> {
    log::start(&args.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(serve(args));
    // Nothing that still runs is worth waiting for.
    runtime.shutdown_background();
    done
}

async fn serve(args: Serve) -> Result<(), String> {
    let site = site(args.site.as_deref(), args.reload)?;
    let keeping = args.keeping()?;
    let max_connections = u64::from(args.max_connections);
    let config = Config {
        listen: resolve(&args.host, args.port).await?,
        limits: args.limits(),
        queue_limit: args.max_queue_size,
        ice_servers: args.ice_servers.into_iter().flat_map(|servers| servers.0).collect(),
        site,
    };
    files::allow(max_connections);
    // Before anybody can know that the server is there, so that no signal is missed.
    let stop = stop_signal(false).map_err(|error| format!("cannot wait for signals: {error}"))?;
    let has_pages = !config.site.is_none();
    let server = Server::bind(config).await.map_err(|error| explain(&error, &args.host))?;
    let listening = server.local_addr();
    if let Err(error) =
        std::io::stdout().write_all(greeting(listening, has_pages, args.keep.as_deref()).as_bytes())
    {
        // Whoever started us and does not listen may still want a server.
        warn!(%error, "cannot write to the standard output");
    }
    info!(%listening, "serving");
    let (stop_keeping, stopped) = oneshot::channel();
    let kept = keeping.map(|keeping| {
        let (here, used) = (here(listening), server.rooms());
        tokio::spawn(keep_used::keep(keeping, format!("ws://{here}"), used, stopped))
    });
    server.run(stop).await;
    drop(stop_keeping);
    if let Some(kept) = kept
        && let Err(error) = kept.await
    {
        warn!("rooms were not kept to the end: {error}");
    }
    info!("stopped");
    Ok(())
}

impl Serve {
    /// The store to keep rooms in, if it is asked for.
    fn keeping(&self) -> Result<Option<Keeping>, String> {
        let Some(folder) = &self.keep else { return Ok(None) };
        let opened = Store::open(folder).and_then(|store| {
            store.set_limit(self.keep_max_size)?;
            Ok(store)
        });
        let store = opened.map_err(|error| error.to_string())?;
        let (forget_after, compact_after) = (self.keep_forget_after, self.keep_compact_after);
        Ok(Some(Keeping { store, most: self.keep_max_rooms as usize, forget_after, compact_after }))
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_message: self.max_message_size,
            max_peers_per_room: self.max_peers_per_room as usize,
            max_rooms: self.max_rooms as usize,
            max_connections: self.max_connections as usize,
            messages_per_second: self.messages_per_second,
            message_burst: self.message_burst,
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            takeover_wait: self.takeover_wait,
            join_timeout: self.join_timeout,
        }
    }
}

fn site(folder: Option<&Path>, reload: bool) -> Result<Site, String> {
    let Some(folder) = folder else { return Ok(Site::embedded(SITE)) };
    let site = Site::folder(folder).map_err(|error| {
        format!(
            "cannot serve the site from {}: {error}\n  (cargo xtask site builds it into site/dist)",
            folder.display()
        )
    })?;
    Ok(if reload { site.reloading() } else { site })
}

async fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let mut found = tokio::net::lookup_host((bare, port)).await.map_err(|error| {
        format!(
            "--host {host} is no address of this machine, and no name for one ({error}); try --host 127.0.0.1"
        )
    })?;
    found.next().ok_or_else(|| format!("--host {host} has no address"))
}

fn explain(error: &BindError, host: &str) -> String {
    match error {
        BindError::InUse(address) => {
            let other = address.port().checked_add(1).unwrap_or(8080);
            format!("port {} is in use; try --port {other}", address.port())
        }
        BindError::NotHere(_) => {
            format!("--host {host} is not an address of this machine; try --host 127.0.0.1")
        }
        BindError::NotPermitted(address) => {
            format!("listening on port {} is not permitted; try --port 8080", address.port())
        }
        error => error.to_string(),
    }
}

/// Where this machine itself finds a server that listens there.
fn here(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

fn greeting(listening: SocketAddr, has_pages: bool, keep: Option<&Path>) -> String {
    let Addresses { here, network } = Addresses::of(listening);
    let network = network.map(|network| format!("  On the LAN  http://{network}\n")).unwrap_or_default();
    let keep =
        keep.map(|folder| format!("  Keeping     all rooms, in {}\n", folder.display())).unwrap_or_default();
    let hint = if has_pages {
        ""
    } else {
        "\nThis binary has no pages in it: build them with `cargo xtask site`, or use --site.\n"
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "Conjoin {version}\n\n  Open        http://{here}\n{network}{keep}  Signaling   ws://{here}\n{hint}\nCtrl-C stops it.\n"
    )
}
