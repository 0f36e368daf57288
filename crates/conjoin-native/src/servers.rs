//! Finding the STUN and TURN servers of a link.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;

use crate::gather::{MAX_SERVERS, Server, Transport};
use crate::link::Link;
use crate::stream;

/// Looks for the servers of a link and has it ask those that are found. Each is looked for by itself; one that
/// cannot be used or is not found costs nothing but its candidates.
pub(crate) fn ask(runtime: &Handle, link: &Arc<Link>) {
    let named = link.ice_servers().iter().flat_map(|named| named.urls.iter().map(move |url| (url, named)));
    for server in named.filter_map(|(url, named)| Server::parse(url, named).ok()).take(MAX_SERVERS) {
        runtime.spawn(find(Arc::downgrade(link), server));
    }
}

async fn find(link: Weak<Link>, server: Server) {
    for address in server.resolve().await.unwrap_or_default() {
        if server.transport != Transport::Udp {
            // One of its addresses is enough: it lends the same.
            if stream::relay(&link, &server, address).await.is_some() {
                return;
            }
        } else if let Some(link) = link.upgrade() {
            link.add_server(&server.service, address);
        }
    }
}
