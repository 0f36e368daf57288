//! The messages of the sync protocol, as bytes.
//!
//! The first byte is the kind. Replicas are numbered per session and direction: each side numbers
//! those it names, starting with itself and those in its Hello, and introduces later ones by
//! Define, on the bulk channel. A live message that comes before the Define it needs is dropped
//! like a lost packet.

use std::collections::BTreeMap;

use conjoin_core::codec::{Reader, Writer};
use conjoin_core::{DecodeError, Delta, Part, ReplicaId, VersionVector};

/// The version of the protocol spoken here.
pub(crate) const PROTOCOL: u8 = 1;

const MAGIC: &[u8] = b"CJ";

/// The most replicas a peer may introduce: 1 MiB of ids.
const MAX_REPLICAS: usize = 1 << 17;

/// The longest name that is kept of what a peer says it is called, in bytes.
const MAX_NAME: usize = conjoin_signaling::MAX_NAME;

/// Flags of a DeltaResponse.
const HAS_MORE: u8 = 1;
const HAS_ACK: u8 = 2;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Who I am and what I have seen. First in each direction, on the bulk channel.
    Hello { replica: ReplicaId, name: Option<String>, version: VersionVector },
    /// Numbers for more replicas.
    Define(Vec<ReplicaId>),
    /// Changes, whether more of them are on the way, and what [`Ack`](Self::Ack) would say, if
    /// anything.
    DeltaResponse { delta: Delta, has_more: bool, ack: VersionVector },
    /// What I have seen; give me the rest.
    DeltaRequest(Seen),
    /// A snapshot.
    FullState(Vec<u8>),
    /// What I have seen; tell what you have.
    ClockRequest(Seen),
    /// What I have seen.
    ClockResponse(Seen),
    /// Answer this at once. With the digest of what I have seen.
    Heartbeat { token: u64, digest: u32 },
    /// The answer.
    Echo { token: u64 },
    /// I have applied this much of what you sent.
    Ack(VersionVector),
    /// I am leaving.
    Goodbye,
    /// Which replicas I am connected to directly: these more, these no more.
    Neighbors { more: Vec<ReplicaId>, fewer: Vec<ReplicaId> },
    /// Some of what you sent was made without having seen all of this, which I have compacted.
    Compacted(VersionVector),
}

/// What somebody has seen, and the number of bulk messages that had reached it by then: what was
/// sent since is still on its way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) version: VersionVector,
    pub(crate) received: u64,
}

impl Seen {
    fn encode(&self, out: &mut Vec<u8>, index: &mut dyn FnMut(ReplicaId) -> u64) {
        self.version.encode_with(out, index);
        out.varint(self.received);
    }

    fn decode(
        reader: &mut Reader<'_>,
        resolve: &dyn Fn(u64) -> Option<ReplicaId>,
    ) -> Result<Self, DecodeError> {
        Ok(Self { version: VersionVector::decode_with(reader, resolve)?, received: reader.varint()? })
    }
}

impl Message {
    const HELLO: u8 = 1;
    const DEFINE: u8 = 2;
    const DELTA_RESPONSE: u8 = 3;
    const DELTA_REQUEST: u8 = 4;
    const FULL_STATE: u8 = 5;
    const CLOCK_REQUEST: u8 = 6;
    const CLOCK_RESPONSE: u8 = 7;
    const HEARTBEAT: u8 = 8;
    const ECHO: u8 = 9;
    const ACK: u8 = 10;
    const GOODBYE: u8 = 11;
    const NEIGHBORS: u8 = 12;
    const COMPACTED: u8 = 13;

    /// Its name, for logs.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "Hello",
            Self::Define(_) => "Define",
            Self::DeltaResponse { .. } => "DeltaResponse",
            Self::DeltaRequest(_) => "DeltaRequest",
            Self::FullState(_) => "FullState",
            Self::ClockRequest(_) => "ClockRequest",
            Self::ClockResponse(_) => "ClockResponse",
            Self::Heartbeat { .. } => "Heartbeat",
            Self::Echo { .. } => "Echo",
            Self::Ack(_) => "Ack",
            Self::Goodbye => "Goodbye",
            Self::Neighbors { .. } => "Neighbors",
            Self::Compacted(_) => "Compacted",
        }
    }

    /// What it carries, for people.
    pub(crate) fn detail(&self) -> String {
        let version = |version: &VersionVector| match version.total() {
            1 => "1 operation seen".to_owned(),
            total => format!("{total} operations seen"),
        };
        match self {
            Self::Hello { replica, version: seen, .. } => format!("replica {replica}, {}", version(seen)),
            Self::Define(replicas) => match replicas.len() {
                1 => "1 replica".to_owned(),
                count => format!("{count} replicas"),
            },
            Self::DeltaResponse { delta, has_more, .. } => {
                let operations = delta.operations();
                let s = if operations == 1 { "" } else { "s" };
                let more = if *has_more { ", more to come" } else { "" };
                format!("{operations} operation{s}{more}")
            }
            Self::FullState(snapshot) => format!("{} bytes of state", snapshot.len()),
            Self::DeltaRequest(seen) | Self::ClockRequest(seen) | Self::ClockResponse(seen) => {
                version(&seen.version)
            }
            Self::Ack(seen) => {
                let upto: Vec<_> = seen.iter().map(|(_, count)| count.to_string()).collect();
                format!("up to {}", upto.join(", "))
            }
            Self::Heartbeat { token, .. } | Self::Echo { token } => format!("number {token}"),
            Self::Compacted(compacted) => {
                format!("{} operations compacted", compacted.total())
            }
            Self::Goodbye => String::new(),
            Self::Neighbors { more, fewer } => format!("{} more, {} fewer", more.len(), fewer.len()),
        }
    }

    /// Whether it is asked for or said again where it matters, so that it need not wait in a queue.
    pub(crate) const fn may_be_lost(&self) -> bool {
        matches!(
            self,
            Self::DeltaRequest(_)
                | Self::ClockRequest(_)
                | Self::ClockResponse(_)
                | Self::Heartbeat { .. }
                | Self::Echo { .. }
                | Self::Ack(_)
        )
    }

    /// As bytes. Replicas that `numbers` has not introduced yet are added to it.
    pub(crate) fn encode(&self, numbers: &mut Numbers) -> Vec<u8> {
        let mut out = Vec::new();
        let index = &mut |replica| numbers.of(replica);
        let list = |out: &mut Vec<u8>, replicas: &[ReplicaId], index: &mut dyn FnMut(ReplicaId) -> u64| {
            out.varint(replicas.len() as u64);
            for &replica in replicas {
                out.varint(index(replica));
            }
        };
        match self {
            Self::Hello { replica, name, version } => {
                out.push(Self::HELLO);
                out.extend_from_slice(MAGIC);
                out.push(PROTOCOL);
                // What this side can do beyond the protocol's first version: nothing yet.
                out.varint(0);
                out.extend_from_slice(&replica.get().to_le_bytes());
                out.bytes(name.as_deref().unwrap_or_default().as_bytes());
                out.varint(version.len() as u64);
                numbers.of(*replica);
                for (replica, count) in version.iter() {
                    out.extend_from_slice(&replica.get().to_le_bytes());
                    out.varint(count);
                    numbers.of(replica);
                }
                numbers.fresh.clear();
            }
            Self::Define(replicas) => {
                out.push(Self::DEFINE);
                for replica in replicas {
                    out.extend_from_slice(&replica.get().to_le_bytes());
                }
            }
            Self::DeltaResponse { delta, has_more, ack } => {
                out.push(Self::DELTA_RESPONSE);
                let flag = |set, flag| if set { flag } else { 0 };
                out.push(flag(*has_more, HAS_MORE) | flag(!ack.is_empty(), HAS_ACK));
                if !ack.is_empty() {
                    ack.encode_with(&mut out, index);
                }
                delta.encode_with(&mut out, index);
            }
            Self::FullState(snapshot) => {
                out.reserve_exact(snapshot.len() + 1);
                out.push(Self::FULL_STATE);
                out.extend_from_slice(snapshot);
            }
            Self::DeltaRequest(seen) => {
                out.push(Self::DELTA_REQUEST);
                seen.encode(&mut out, index);
            }
            Self::ClockRequest(seen) => {
                out.push(Self::CLOCK_REQUEST);
                seen.encode(&mut out, index);
            }
            Self::ClockResponse(seen) => {
                out.push(Self::CLOCK_RESPONSE);
                seen.encode(&mut out, index);
            }
            Self::Heartbeat { token, digest } => {
                out.push(Self::HEARTBEAT);
                out.varint(*token);
                out.extend_from_slice(&digest.to_le_bytes());
            }
            Self::Echo { token } => {
                out.push(Self::ECHO);
                out.varint(*token);
            }
            Self::Ack(seen) => {
                out.push(Self::ACK);
                seen.encode_with(&mut out, index);
            }
            Self::Compacted(compacted) => {
                out.push(Self::COMPACTED);
                compacted.encode_with(&mut out, index);
            }
            Self::Goodbye => out.push(Self::GOODBYE),
            Self::Neighbors { more, fewer } => {
                out.push(Self::NEIGHBORS);
                list(&mut out, more, index);
                list(&mut out, fewer, index);
            }
        }
        out
    }

    /// Reads a whole message. Replicas a Hello or a Define introduces are added to `known`.
    pub(crate) fn decode(bytes: &[u8], known: &mut Vec<ReplicaId>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let kind = reader.byte()?;
        if kind == Self::HELLO {
            return Self::decode_hello(reader, known);
        }
        if kind == Self::DEFINE {
            let replicas = (0..bytes.len() / 8)
                .map(|_| reader.u64().map(ReplicaId::new))
                .collect::<Result<Vec<_>, _>>()?;
            reader.end()?;
            introduce(known, &replicas)?;
            return Ok(Self::Define(replicas));
        }
        if kind == Self::FULL_STATE {
            return Ok(Self::FullState(bytes[1..].to_vec()));
        }
        let resolve = |index: u64| known.get(usize::try_from(index).ok()?).copied();
        let list = |reader: &mut Reader<'_>| {
            let count = reader.count(1)?;
            (0..count)
                .map(|_| resolve(reader.varint()?).ok_or(DecodeError::UnknownReplica))
                .collect::<Result<Vec<_>, _>>()
        };
        let message = match kind {
            Self::DELTA_RESPONSE => {
                let flags = reader.byte()?;
                let ack = match flags & HAS_ACK {
                    0 => VersionVector::new(),
                    _ => VersionVector::decode_with(&mut reader, &resolve)?,
                };
                let has_more = flags & HAS_MORE != 0;
                Self::DeltaResponse { delta: Delta::decode_with(&mut reader, &resolve)?, has_more, ack }
            }
            Self::DELTA_REQUEST => Self::DeltaRequest(Seen::decode(&mut reader, &resolve)?),
            Self::CLOCK_REQUEST => Self::ClockRequest(Seen::decode(&mut reader, &resolve)?),
            Self::CLOCK_RESPONSE => Self::ClockResponse(Seen::decode(&mut reader, &resolve)?),
            Self::HEARTBEAT => {
                let token = reader.varint()?;
                let digest = reader.take(4)?.try_into().expect("four bytes were taken");
                Self::Heartbeat { token, digest: u32::from_le_bytes(digest) }
            }
            Self::ECHO => Self::Echo { token: reader.varint()? },
            Self::ACK => Self::Ack(VersionVector::decode_with(&mut reader, &resolve)?),
            Self::COMPACTED => Self::Compacted(VersionVector::decode_with(&mut reader, &resolve)?),
            Self::GOODBYE => Self::Goodbye,
            Self::NEIGHBORS => {
                let more = list(&mut reader)?;
                Self::Neighbors { more, fewer: list(&mut reader)? }
            }
            _ => return Err(DecodeError::Malformed(Part::Message)),
        };
        reader.end()?;
        Ok(message)
    }

    /// The version of the protocol that is spoken by who sent this Hello.
    pub(crate) fn protocol(hello: &[u8]) -> Option<u8> {
        hello.get(1 + MAGIC.len()).copied()
    }

    fn decode_hello(mut reader: Reader<'_>, known: &mut Vec<ReplicaId>) -> Result<Self, DecodeError> {
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(DecodeError::NotConjoin);
        }
        let protocol = reader.byte()?;
        if protocol != PROTOCOL {
            return Err(DecodeError::NewerVersion);
        }
        let _capabilities = reader.varint()?;
        let replica = ReplicaId::new(reader.u64()?);
        let name = reader.str()?;
        if name.len() > MAX_NAME {
            return Err(DecodeError::Malformed(Part::Name));
        }
        let mut replicas = vec![replica];
        // Put together at the end: many, in any order and one by one, would take forever.
        let mut version = Vec::new();
        for _ in 0..reader.count(9)? {
            let other = ReplicaId::new(reader.u64()?);
            version.push((other, reader.varint()?.min(1 << 48)));
            if other != replica {
                replicas.push(other);
            }
        }
        reader.end()?;
        // In order, so that each is added at the end.
        version.sort_unstable();
        known.clear();
        introduce(known, &replicas)?;
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        Ok(Self::Hello { replica, name, version: version.into_iter().collect() })
    }
}

fn introduce(known: &mut Vec<ReplicaId>, replicas: &[ReplicaId]) -> Result<(), DecodeError> {
    if known.len() + replicas.len() > MAX_REPLICAS {
        return Err(DecodeError::Malformed(Part::Replicas));
    }
    known.extend_from_slice(replicas);
    Ok(())
}

/// The numbers this side gave to replicas.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    of: BTreeMap<ReplicaId, u64>,
    fresh: Vec<ReplicaId>,
}

impl Numbers {
    fn of(&mut self, replica: ReplicaId) -> u64 {
        let next = self.of.len() as u64;
        *self.of.entry(replica).or_insert_with(|| {
            self.fresh.push(replica);
            next
        })
    }

    /// Those that the other side does not know yet.
    pub(crate) fn take_fresh(&mut self) -> Option<Message> {
        if self.fresh.is_empty() { None } else { Some(Message::Define(std::mem::take(&mut self.fresh))) }
    }
}

#[cfg(test)]
mod tests {
    use conjoin_core::Doc;
    use proptest::prelude::*;

    use super::*;

    fn replica() -> impl Strategy<Value = ReplicaId> {
        (0..20u64).prop_map(ReplicaId::new)
    }

    fn version() -> impl Strategy<Value = VersionVector> {
        prop::collection::vec((replica(), 1..1u64 << 40), 0..6)
            .prop_map(|entries| entries.into_iter().collect())
    }

    fn seen() -> impl Strategy<Value = Seen> {
        (version(), any::<u64>()).prop_map(|(version, received)| Seen { version, received })
    }

    fn delta() -> impl Strategy<Value = Delta> {
        prop::collection::vec(-5..5i64, 0..5).prop_map(|amounts| {
            let mut doc = Doc::new(ReplicaId::new(3));
            for amount in amounts {
                doc.transact(|tx| tx.counter("n").add(amount));
            }
            doc.delta_since(&VersionVector::new()).expect("nothing was forgotten")
        })
    }

    fn message() -> impl Strategy<Value = Message> {
        let replicas = || prop::collection::vec(replica(), 0..4);
        prop_oneof![
            (delta(), any::<bool>(), version()).prop_map(|(delta, has_more, ack)| Message::DeltaResponse {
                delta,
                has_more,
                ack
            }),
            seen().prop_map(Message::DeltaRequest),
            prop::collection::vec(any::<u8>(), 0..50).prop_map(Message::FullState),
            seen().prop_map(Message::ClockRequest),
            seen().prop_map(Message::ClockResponse),
            any::<(u64, u32)>().prop_map(|(token, digest)| Message::Heartbeat { token, digest }),
            any::<u64>().prop_map(|token| Message::Echo { token }),
            version().prop_map(Message::Ack),
            Just(Message::Goodbye),
            (replicas(), replicas()).prop_map(|(more, fewer)| Message::Neighbors { more, fewer }),
            version().prop_map(Message::Compacted),
        ]
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_arrives(seen in version(), messages in prop::collection::vec(message(), 0..10)) {
            let (mut numbers, mut known) = (Numbers::default(), Vec::new());
            let hello = Message::Hello { replica: ReplicaId::new(5), name: Some("Ada".into()), version: seen };
            let bytes = hello.encode(&mut numbers);
            prop_assert_eq!(Message::decode(&bytes, &mut known), Ok(hello));
            for message in messages {
                let bytes = message.encode(&mut numbers);
                if let Some(define) = numbers.take_fresh() {
                    let bytes = define.encode(&mut numbers);
                    prop_assert_eq!(Message::decode(&bytes, &mut known), Ok(define));
                }
                prop_assert_eq!(Message::decode(&bytes, &mut known), Ok(message));
            }
        }

        #[test]
        fn random_bytes_are_refused_or_harmless(bytes: Vec<u8>) {
            let mut known = vec![ReplicaId::new(1)];
            let _ = Message::decode(&bytes, &mut known);
            let hello = [&[1, b'C', b'J', 1], &*bytes].concat();
            let _ = Message::decode(&hello, &mut known);
        }
    }

    /// What took time by the square of their number would not be done with these today.
    #[test]
    fn a_hello_with_millions_of_replicas_is_refused_without_delay() {
        let mut hello = vec![1, b'C', b'J', 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        let count = 2_000_000_u64;
        hello.varint(count);
        for replica in (0..count).rev() {
            hello.extend_from_slice(&replica.to_le_bytes());
            hello.push(1);
        }
        let refused = Message::decode(&hello, &mut Vec::new());
        assert_eq!(refused, Err(DecodeError::Malformed(Part::Replicas)));
    }

    #[test]
    fn a_peer_of_another_version_is_told_apart() {
        let mut known = Vec::new();
        let hello = [1, b'C', b'J', 9];
        assert_eq!(Message::decode(&hello, &mut known), Err(DecodeError::NewerVersion));
        assert_eq!(Message::protocol(&hello), Some(9));
        assert_eq!(Message::decode(&[1, b'X', b'Y', 1], &mut known), Err(DecodeError::NotConjoin));
    }
}
