//! What `conjoin doctor` understands.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "these comments are the help, where brackets are brackets"
)]

use crate::ice::{self, IceServers};

/// Find out why two peers cannot connect.
///
/// Tries, one after the other, all that a link needs: the signaling server, the STUN and TURN servers
/// it names, what the NAT here makes of addresses, and two peers in this program that meet in a room of their
/// own. Says what is wrong and what to do. The exit code is 0 if two peers would connect.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The signaling server, as peers are given it.
    #[arg(long, env = "CONJOIN_SERVER", value_name = "URL", default_value = "ws://localhost:8080")]
    pub(crate) server: String,

    /// One more STUN or TURN server to try, beside those that the signaling server names.
    ///
    /// In the form that serve understands. May be given several times.
    #[arg(
        long = "ice-server",
        value_name = "URL[,USERNAME,CREDENTIAL]",
        value_parser = ice::parse
    )]
    pub(crate) ice_servers: Vec<IceServers>,

    /// Print what was found as one JSON object, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}
