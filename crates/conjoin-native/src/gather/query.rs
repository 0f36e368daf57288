//! Asking a STUN server for the address that packets come from (RFC 8489).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_proto::agent::{StunAgent, StunAgentPollRet};
use stun_proto::types::TransportType;
use stun_proto::types::attribute::{AttributeType, MappedSocketAddr, XorMappedAddress};
use stun_proto::types::message::{BINDING, Message, MessageWriteVec};
use stun_proto::types::prelude::MessageWrite as _;

use super::clock::Clock;

const OTHER_ADDRESS: AttributeType = AttributeType::new(0x802c);

/// A server, and what it says of one socket. A request is sent again until it is answered, ever more slowly.
#[derive(Debug)]
pub(crate) struct Query {
    clock: Clock,
    agent: StunAgent,
    /// A request that is still to be sent for the first time.
    request: Option<Vec<u8>>,
    server: SocketAddr,
    base: SocketAddr,
    asked: Instant,
    wake: Option<Instant>,
    answer: Option<Answer>,
}

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// From which address it saw the packet come.
    pub(crate) mapped: SocketAddr,
    /// Since the first packet of the request left.
    pub(crate) time: Duration,
}

/// Where else a server says it is, which it does if it can tell what a NAT lets in (RFC 5780, section 7.4).
pub(crate) fn other_address(message: &Message<'_>) -> Option<SocketAddr> {
    let attribute = message.raw_attribute(OTHER_ADDRESS)?;
    Some(MappedSocketAddr::from_raw(&attribute).ok()?.addr())
}

impl Query {
    /// Asks a server about the socket with this address.
    pub(crate) fn new(now: Instant, server: SocketAddr, base: SocketAddr) -> Self {
        let agent = StunAgent::builder(TransportType::Udp, base).remote_addr(server).build();
        let (clock, request) = (Clock::new(now), Some(request()));
        Self { clock, agent, request, server, base, asked: now, wake: None, answer: None }
    }

    pub(crate) const fn server(&self) -> SocketAddr {
        self.server
    }

    pub(crate) const fn base(&self) -> SocketAddr {
        self.base
    }

    pub(crate) const fn answer(&self) -> Option<Answer> {
        self.answer
    }

    /// Asks again, if the last time was so long ago.
    pub(crate) fn refresh(&mut self, now: Instant, age: Duration) {
        if now >= self.asked + age {
            *self = Self { answer: self.answer, ..Self::new(now, self.server, self.base) };
        }
    }

    /// What is to be sent to the server; to be called until it gives nothing, and at [`wake`](Self::wake).
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        let at = self.clock.at(now);
        if let Some(request) = self.request.take() {
            let sent = self.agent.send_request(request, self.server, at);
            return sent.ok().map(|transmit| transmit.data.to_vec());
        }
        self.wake = match self.agent.poll(at) {
            StunAgentPollRet::WaitUntil(at) => Some(self.clock.time(at)),
            // It does not answer. That costs nothing but the candidate.
            StunAgentPollRet::TransactionTimedOut(_) | StunAgentPollRet::TransactionCancelled(_) => None,
        };
        self.agent.poll_transmit(at).map(|transmit| transmit.data.to_vec())
    }

    /// When it wants to be polled.
    pub(crate) const fn wake(&self) -> Option<Instant> {
        self.wake
    }

    /// Whether this is an answer to a question asked here; then it is noted.
    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, message: &Message<'_>) -> bool {
        let id = message.transaction_id();
        if from != self.server || !message.is_response() || self.agent.request_transaction(id).is_none() {
            return false;
        }
        self.agent.handle_stun_message_with_time(message, from, self.clock.at(now));
        if let Ok(mapped) = message.attribute::<XorMappedAddress>() {
            let time = now.saturating_duration_since(self.asked);
            self.answer = Some(Answer { mapped: mapped.addr(id), time });
        }
        true
    }
}

fn request() -> Vec<u8> {
    Message::builder_request(BINDING, MessageWriteVec::new()).finish()
}

#[cfg(test)]
mod tests {
    use stun_proto::types::prelude::MessageWriteExt as _;

    use super::*;

    fn addresses() -> (SocketAddr, SocketAddr) {
        ("192.0.2.1:3478".parse().unwrap(), "10.0.0.2:5000".parse().unwrap())
    }

    fn answer_to(request: &[u8], mapped: &str) -> Vec<u8> {
        let request = Message::from_bytes(request).unwrap();
        let mut answer = Message::builder_success(&request, MessageWriteVec::new());
        let mapped = mapped.parse().unwrap();
        answer.add_attribute(&XorMappedAddress::new(mapped, request.transaction_id())).unwrap();
        answer.finish()
    }

    #[test]
    fn an_answer_gives_the_address() {
        let (server, base) = addresses();
        let begun = Instant::now();
        let mut query = Query::new(begun, server, base);
        let sent = query.poll(begun).unwrap();
        let answer = answer_to(&sent, "203.0.113.7:61000");
        let answer = Message::from_bytes(&answer).unwrap();
        let later = begun + Duration::from_millis(30);
        assert!(!query.receive(later, base, &answer), "not from the server");
        assert!(query.receive(later, server, &answer));
        let mapped = "203.0.113.7:61000".parse().unwrap();
        assert_eq!(query.answer(), Some(Answer { mapped, time: Duration::from_millis(30) }));
        assert!(!query.receive(later, server, &answer), "nothing was asked");
    }

    #[test]
    fn requests_are_repeated_ever_more_slowly_and_then_given_up() {
        let (server, base) = addresses();
        let begun = Instant::now();
        let (mut now, mut sent) = (begun, Vec::new());
        let mut query = Query::new(now, server, base);
        while now < begun + Duration::from_secs(100) {
            while query.poll(now).is_some() {
                sent.push((now - begun).as_millis());
            }
            let Some(wake) = query.wake() else { break };
            now = wake.max(now + Duration::from_millis(1));
        }
        let expected = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
        assert_eq!(sent.len(), expected.len(), "{sent:?}");
        assert!(sent.iter().zip(expected).all(|(sent, at)| sent.abs_diff(at) < 10), "{sent:?}");
        assert_eq!(query.answer(), None);
    }

    #[test]
    fn an_old_answer_is_asked_for_again() {
        let (server, base) = addresses();
        let begun = Instant::now();
        let mut query = Query::new(begun, server, base);
        let sent = query.poll(begun).unwrap();
        let answer = answer_to(&sent, "203.0.113.7:61000");
        query.receive(begun, server, &Message::from_bytes(&answer).unwrap());
        let age = Duration::from_secs(20);
        query.refresh(begun + age / 2, age);
        assert!(query.poll(begun + age / 2).is_none());
        query.refresh(begun + age, age);
        let again = query.poll(begun + age).unwrap();
        assert_ne!(again, sent, "a transaction of its own");
        assert!(query.answer().is_some(), "until there is a new one");
    }
}
