//! What `conjoin join` understands.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "these comments are the help, where brackets are brackets"
)]

use std::time::Duration;

use crate::units;

/// Join a room from the terminal.
///
/// Shows who is in the room and what it holds, as it changes, and takes commands: type help for them. In a
/// terminal it is a view of its own; elsewhere, and with --plain or --json, it writes lines and reads commands
/// from the standard input. Each setting can also come from the environment variable named with it; the
/// command line wins.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct Join {
    /// The name of the room, or the link of a page: http://HOST/?room=NAME.
    ///
    /// A link stands for its room and its server; its name= is what others see, unless --name says otherwise.
    #[arg(env = "CONJOIN_ROOM", value_name = "ROOM")]
    pub(crate) room: Option<String>,

    /// The signaling server: ws://HOST[:PORT] or wss://HOST[:PORT], or the address of a page it serves.
    ///
    /// Of http://HOST[:PORT]/... it is ws://HOST[:PORT]/, of https:// likewise wss://, or what the server= of its
    /// link says; the room= of its link is the room.
    #[arg(long, env = "CONJOIN_SERVER", value_name = "URL", default_value = "ws://localhost:8080")]
    pub(crate) server: String,

    /// What the others see; without it they see the start of an id.
    #[arg(long, env = "CONJOIN_NAME", value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Do this command and end. May be given several times.
    ///
    /// It is done when all that the room holds is here, and waits until the others have what it did. Only
    /// results are written to the standard output.
    #[arg(long, short = 'x', value_name = "COMMAND", help_heading = "Without a view")]
    pub(crate) exec: Vec<String>,

    /// Write lines and read commands, even in a terminal.
    #[arg(long, conflicts_with = "json", help_heading = "Without a view")]
    pub(crate) plain: bool,

    /// Write a JSON object a line, and read commands as typed or as JSON.
    #[arg(long, help_heading = "Without a view")]
    pub(crate) json: bool,

    /// Stay after the last command, until Ctrl-C or SIGTERM.
    #[arg(long, help_heading = "Without a view")]
    pub(crate) stay: bool,

    /// Wait until so many others are connected before the first command.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Without a view")]
    pub(crate) wait: usize,

    /// Do commands as they come, before the room is joined too.
    #[arg(long, conflicts_with = "wait", help_heading = "Without a view")]
    pub(crate) no_wait: bool,

    /// Give up what takes longer: to join, or at the end until the others have what was done.
    #[arg(
        long, env = "CONJOIN_TIMEOUT", value_name = "TIME", value_parser = units::time,
        help_heading = "Without a view"
    )]
    pub(crate) timeout: Option<Duration>,
}

const AFTER: &str = "\
What happens without a view:
  Commands wait until the room is joined and all that the others have is here. When the input ends, or
  all of --exec is done, it waits until everybody who is connected has what was done, and leaves.
  Values and results go to the standard output, all else to the standard error; with --json all goes to
  the standard output.

Exit codes:
  0  all was done
  1  a command failed
  2  the command line is wrong
  3  the room could not be joined, or --timeout has passed
  4  something was changed, and nobody was there to get it: it is lost

Examples:
  conjoin join atlas --name Ada
  conjoin join 'http://localhost:8080/?room=atlas'
  conjoin join atlas -x 'increment clicks' -x 'get clicks'
  echo '[\"set\",\"title\",\"Atlas\"]' | conjoin join atlas --json";
