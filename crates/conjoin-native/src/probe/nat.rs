//! What a NAT or firewall lets in, as a STUN server with four sockets finds out (RFC 5780, section 4).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_proto::types::attribute::{AttributeType, RawAttribute, XorMappedAddress};
use stun_proto::types::message::{BINDING, Message, MessageWriteVec, TransactionId};
use stun_proto::types::prelude::{MessageWrite as _, MessageWriteExt as _};

use super::ice::Mapping;
use super::sockets::Sockets;
use crate::gather::other_address;

/// Asks the server to answer from its other port, or from its other port and address.
const CHANGE_REQUEST: AttributeType = AttributeType::new(0x0003);
const OTHER_PORT: [u8; 4] = [0, 0, 0, 2];
const OTHER_BOTH: [u8; 4] = [0, 0, 0, 6];

/// When a question is asked, and when what was not answered is taken for kept out.
const ASK: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1500)];
const GIVE_UP: Duration = Duration::from_millis(2500);

/// What comes in to a socket that has sent to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filtering {
    /// What comes from anywhere: endpoint-independent filtering.
    Anything,
    /// What comes from that address, from whichever port: address-dependent.
    SameAddress,
    /// What comes from that address and port: address- and port-dependent.
    SamePort,
}

/// What a server with another address and port found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// What comes in.
    pub filtering: Filtering,
    /// Where the server is, and what it sees of the socket there.
    pub first: (SocketAddr, Mapping),
    /// Where else it is, and what it sees of the same socket there.
    pub second: (SocketAddr, Mapping),
}

/// Has a server find out what comes in. `None` if it does not answer, or has no other address: most do not.
pub async fn observe(server: SocketAddr) -> Option<Observation> {
    let sockets = Sockets::bind().await;
    let [first] = ask(&sockets, [(server, None)]).await;
    let first = first?;
    let other = first.other.filter(|other| other.ip() != server.ip() && other.port() != server.port())?;
    let changed = [(server, Some(OTHER_BOTH)), (server, Some(OTHER_PORT))];
    let [from_both, from_port] = ask(&sockets, changed).await;
    // Only now, as what was sent there lets in what comes from there. It also shows that the server has it.
    let [second] = ask(&sockets, [(other, None)]).await;
    let filtering = match (from_both, from_port) {
        (Some(answer), _) if answer.from == other => Filtering::Anything,
        (_, Some(answer)) if answer.from == SocketAddr::new(server.ip(), other.port()) => {
            Filtering::SameAddress
        }
        (None, None) => Filtering::SamePort,
        // It answers from elsewhere than it was asked to.
        _ => return None,
    };
    let second = second?;
    Some(Observation { filtering, first: (server, first.mapping), second: (other, second.mapping) })
}

/// An answer.
struct Heard {
    from: SocketAddr,
    mapping: Mapping,
    /// Where else the server says it is.
    other: Option<SocketAddr>,
}

/// Asks questions from one socket, all at once, until all are answered or time is up.
async fn ask<const N: usize>(
    sockets: &Sockets,
    questions: [(SocketAddr, Option<[u8; 4]>); N],
) -> [Option<Heard>; N] {
    let requests = questions.map(|(to, change)| (to, request(change)));
    let mut heard = [const { None }; N];
    let begun = Instant::now();
    let mut asked = ASK.into_iter().peekable();
    loop {
        while asked.next_if(|at| begun.elapsed() >= *at).is_some() {
            for ((to, (_, request)), _) in requests.iter().zip(&heard).filter(|(_, heard)| heard.is_none()) {
                sockets.send(*to, request).await;
            }
        }
        if heard.iter().all(Option::is_some) || begun.elapsed() >= GIVE_UP {
            return heard;
        }
        let wake = begun + asked.peek().copied().unwrap_or(GIVE_UP);
        let Some((from, data)) = sockets.receive(wake).await else { continue };
        let Ok(message) = Message::from_bytes(&data) else { continue };
        let id = message.transaction_id();
        let question = requests.iter().position(|(_, (asked, _))| *asked == id);
        let (Some(at), true) = (question, message.is_response()) else { continue };
        if let Ok(mapped) = message.attribute::<XorMappedAddress>()
            && let Some(local) = sockets.base(requests[at].0)
        {
            let mapping = Mapping { local, mapped: mapped.addr(id), time: begun.elapsed() };
            heard[at].get_or_insert(Heard { from, mapping, other: other_address(&message) });
        }
    }
}

fn request(change: Option<[u8; 4]>) -> (TransactionId, Vec<u8>) {
    let mut request = Message::builder_request(BINDING, MessageWriteVec::new());
    if let Some(change) = change {
        let change = RawAttribute::new(CHANGE_REQUEST, &change);
        request.add_attribute(&change).expect("a request takes one attribute");
    }
    let data = request.finish();
    let id = Message::from_bytes(&data).expect("it was built here").transaction_id();
    (id, data)
}

#[cfg(test)]
mod tests {
    use conjoin_turn::{Observer, Turn};

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn nothing_is_kept_out_on_one_machine() {
        let addresses = [[127, 0, 0, 1], [127, 0, 0, 2]].map(std::net::IpAddr::from);
        let observer = Observer::start(addresses).await;
        let seen = observe(observer.address()).await.expect("it answers");
        assert_eq!(seen.filtering, Filtering::Anything);
        assert_eq!(seen.first.0, observer.address());
        assert_eq!(seen.second.0.ip(), addresses[1]);
        for (_, mapping) in [seen.first, seen.second] {
            assert_eq!(mapping.mapped, mapping.local);
        }
    }

    #[tokio::test]
    async fn a_server_at_one_address_cannot_tell() {
        let server = Turn::start().await;
        assert_eq!(observe(server.address()).await, None);
    }
}
