//! What the command understands.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "these comments are the help, where brackets are brackets"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::doctor::Doctor;
use crate::ice::{self, IceServers};
use crate::join::args::Join;
use crate::log::Level;
use crate::units;

/// Real-time peer-to-peer state sync: peers join a room, and their states join.
#[derive(Debug, Parser)]
#[command(name = "conjoin", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

// What each does stands with its arguments; a comment here would hide all of that but the first line.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Box<Serve>),
    Keep(Box<Keep>),
    Join(Box<Join>),
    Doctor(Doctor),
}

/// Serve signaling and the demo pages on one port.
///
/// The pages are at http://HOST:PORT/, signaling at ws://HOST:PORT/, and GET /healthz says how
/// the server fares. Each setting can also come from the environment variable named with it; the
/// command line wins. Ctrl-C or SIGTERM stops the server at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The address to listen on, or a name for one.
    ///
    /// 0.0.0.0 is every IPv4 address of this machine, so other devices on the network can join;
    /// 127.0.0.1 is this machine only; [::] is every address, IPv6 included on most systems.
    #[arg(long, env = "CONJOIN_HOST", default_value = "0.0.0.0")]
    pub(crate) host: String,

    /// The port to listen on; 0 takes a free one and prints it.
    #[arg(long, env = "CONJOIN_PORT", default_value_t = 8080)]
    pub(crate) port: u16,

    /// Keep all rooms that are used on this server in a store in this folder, for those who come when all
    /// others are gone. Off unless given.
    ///
    /// The server joins each room as a peer of its own, which is called keeper, takes a seat, and can read the room.
    /// What it has acknowledged is on disk.
    #[arg(long, env = "CONJOIN_KEEP", value_name = "DIR", help_heading = "Keeping rooms")]
    pub(crate) keep: Option<PathBuf>,

    /// The most disk that the store may take. Beyond that nothing more is acknowledged, and the log says so.
    #[arg(
        long, env = "CONJOIN_KEEP_MAX_SIZE", value_name = "BYTES", default_value = "1GiB",
        value_parser = units::disk_size, help_heading = "Keeping rooms"
    )]
    pub(crate) keep_max_size: u64,

    /// Rooms that are kept at a time. One that nobody uses counts for half a minute more.
    #[arg(
        long, env = "CONJOIN_KEEP_MAX_ROOMS", value_name = "N", default_value_t = 100,
        value_parser = units::count::<u32>, help_heading = "Keeping rooms"
    )]
    pub(crate) keep_max_rooms: u32,

    /// Delete rooms that nobody used for this long; never unless given.
    #[arg(
        long, env = "CONJOIN_KEEP_FORGET_AFTER", value_name = "TIME", value_parser = units::age,
        help_heading = "Keeping rooms"
    )]
    pub(crate) keep_forget_after: Option<Duration>,

    /// Let go of history and of what was deleted when it is this old, so that newcomers load less; never unless given.
    ///
    /// Who was away for longer, and edited meanwhile, can bring these edits only if somebody else in the room still has
    /// the history; otherwise they are told, and keep them. So give more than anybody works offline.
    #[arg(
        long, env = "CONJOIN_KEEP_COMPACT_AFTER", value_name = "TIME", value_parser = units::age,
        help_heading = "Keeping rooms"
    )]
    pub(crate) keep_compact_after: Option<Duration>,

    /// Serve the pages from this folder instead of those in the binary.
    #[arg(long, env = "CONJOIN_SITE", value_name = "DIR", help_heading = "Pages")]
    pub(crate) site: Option<PathBuf>,

    /// For development: reload open pages when the folder of --site changes.
    #[arg(long, env = "CONJOIN_RELOAD", requires = "site", help_heading = "Pages")]
    pub(crate) reload: bool,

    /// A STUN or TURN server that clients are told to use. May be given several times.
    ///
    /// On one machine or one local network none is needed. URL is stun:HOST[:PORT],
    /// stuns:HOST[:PORT], turn:HOST[:PORT] or turns:HOST[:PORT]; turn: may end in ?transport=udp or
    /// ?transport=tcp, and turns: in the latter. TURN needs a user name and a credential after the URL, with commas between:
    /// turn:turn.example.org:3478,ann,secret. The credential is all that follows the second comma.
    /// In the environment variable, several servers stand with spaces between them.
    #[arg(
        long = "ice-server",
        env = "CONJOIN_ICE_SERVERS",
        value_name = "URL[,USERNAME,CREDENTIAL]",
        value_parser = ice::parse,
        hide_env_values = true,
        help_heading = "Connections between peers"
    )]
    pub(crate) ice_servers: Vec<IceServers>,

    #[command(flatten)]
    pub(crate) log: Log,

    /// The largest message a client may send; a larger one closes its socket.
    #[arg(
        long, env = "CONJOIN_MAX_MESSAGE_SIZE", value_name = "BYTES", default_value = "64KiB",
        value_parser = units::size, help_heading = "Limits"
    )]
    pub(crate) max_message_size: usize,

    /// How much may wait to be sent to one client; more closes its socket.
    #[arg(
        long, env = "CONJOIN_MAX_QUEUE_SIZE", value_name = "BYTES", default_value = "512KiB",
        value_parser = units::size, help_heading = "Limits"
    )]
    pub(crate) max_queue_size: usize,

    /// Peers in one room.
    #[arg(
        long, env = "CONJOIN_MAX_PEERS_PER_ROOM", value_name = "N", default_value_t = 64,
        value_parser = units::count::<u32>, help_heading = "Limits"
    )]
    pub(crate) max_peers_per_room: u32,

    /// Rooms at a time.
    #[arg(
        long, env = "CONJOIN_MAX_ROOMS", value_name = "N", default_value_t = 10_000,
        value_parser = units::count::<u32>, help_heading = "Limits"
    )]
    pub(crate) max_rooms: u32,

    /// Signaling connections at a time.
    #[arg(
        long, env = "CONJOIN_MAX_CONNECTIONS", value_name = "N", default_value_t = 10_000,
        value_parser = units::count::<u32>, help_heading = "Limits"
    )]
    pub(crate) max_connections: u32,

    /// Messages one client may send each second in the long run.
    #[arg(
        long, env = "CONJOIN_MESSAGES_PER_SECOND", value_name = "N", default_value_t = 100,
        value_parser = units::count::<u32>, help_heading = "Limits"
    )]
    pub(crate) messages_per_second: u32,

    /// Messages one client may send at once above that, as when it enters a large room.
    #[arg(
        long, env = "CONJOIN_MESSAGE_BURST", value_name = "N", default_value_t = 2_000,
        value_parser = units::count::<u32>, help_heading = "Limits"
    )]
    pub(crate) message_burst: u32,

    /// A client that was silent this long is pinged.
    #[arg(
        long, env = "CONJOIN_PING_INTERVAL", value_name = "TIME", default_value = "8s",
        value_parser = units::time, help_heading = "Limits"
    )]
    pub(crate) ping_interval: Duration,

    /// A client that does not answer a ping for this long is gone.
    #[arg(
        long, env = "CONJOIN_PING_TIMEOUT", value_name = "TIME", default_value = "5s",
        value_parser = units::time, help_heading = "Limits"
    )]
    pub(crate) ping_timeout: Duration,

    /// How long the holder of a peer id has to answer a ping before a newcomer gets the id.
    #[arg(
        long, env = "CONJOIN_TAKEOVER_WAIT", value_name = "TIME", default_value = "2s",
        value_parser = units::time, help_heading = "Limits"
    )]
    pub(crate) takeover_wait: Duration,

    /// A client that has not joined a room after this long is closed.
    #[arg(
        long, env = "CONJOIN_JOIN_TIMEOUT", value_name = "TIME", default_value = "10s",
        value_parser = units::time, help_heading = "Limits"
    )]
    pub(crate) join_timeout: Duration,
}

/// Keep rooms on disk, for those who come when all others are gone.
///
/// It joins the rooms as a peer that is always there. What it has acknowledged is on disk, whatever happens to it.
/// What it cannot save it does not acknowledge: it says so in its log, leaves the rooms, and comes back when
/// it can. Each setting can also come from the environment variable named with it; the command line wins. Ctrl-C or
/// SIGTERM stops it.
#[derive(Debug, clap::Args)]
pub(crate) struct Keep {
    /// The rooms.
    ///
    /// If none are given, those in the environment variable CONJOIN_ROOMS, with spaces between them.
    #[arg(value_name = "ROOM", value_parser = crate::keep::room)]
    pub(crate) rooms: Vec<String>,

    /// The folder of the store, which is made if it is not there.
    #[arg(long, env = "CONJOIN_DATA", value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// The signaling server: ws:// or wss://, or the address of a page it serves.
    #[arg(
        long, env = "CONJOIN_SERVER", value_name = "URL", default_value = "ws://localhost:8080",
        value_parser = crate::keep::server
    )]
    pub(crate) server: String,

    /// What others see it as.
    #[arg(long, env = "CONJOIN_NAME", default_value = "keeper")]
    pub(crate) name: String,

    /// The most disk that the store may take. Beyond that nothing more is acknowledged, and the log says so.
    #[arg(
        long, env = "CONJOIN_MAX_SIZE", value_name = "BYTES", default_value = "1GiB",
        value_parser = units::disk_size
    )]
    pub(crate) max_size: u64,

    /// Delete rooms that nobody used for this long, such as 90d; never unless given.
    #[arg(long, env = "CONJOIN_FORGET_AFTER", value_name = "TIME", value_parser = units::age)]
    pub(crate) forget_after: Option<Duration>,

    /// Let go of history and of what was deleted when it is this old, so that newcomers load less; never unless given.
    ///
    /// Who was away for longer, and edited meanwhile, can bring these edits only if somebody else in the room still has
    /// the history; otherwise they are told, and keep them. So give more than anybody works offline.
    #[arg(long, env = "CONJOIN_COMPACT_AFTER", value_name = "TIME", value_parser = units::age)]
    pub(crate) compact_after: Option<Duration>,

    #[command(flatten)]
    pub(crate) log: Log,
}

/// What is logged, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Log {
    /// How log lines look. They go to the standard error output.
    #[arg(long, env = "CONJOIN_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, help_heading = "Log")]
    pub(crate) log_format: LogFormat,

    /// What is logged: off, error, warn, info, debug or trace.
    ///
    /// Also by part of the program, for example warn,conjoin_server=debug.
    #[arg(
        long,
        env = "CONJOIN_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info",
        help_heading = "Log"
    )]
    pub(crate) log_level: Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people to read.
    Text,
    /// A JSON object a line, for programs.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use conjoin_server::{Config, Limits};

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_the_server() {
        let Command::Serve(serve) = Args::parse_from(["conjoin", "serve"]).command else {
            panic!("it is to serve");
        };
        let (limits, config) = (Limits::default(), Config::default());
        assert_eq!(serve.limits(), limits);
        assert_eq!(serve.max_queue_size, config.queue_limit);
    }
}
