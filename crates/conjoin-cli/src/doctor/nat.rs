//! What a NAT makes of addresses, in plain words (RFC 5780, section 4.3).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use conjoin_native::probe::{Filtering, Mapping};

/// What stands between this machine and others, as far as STUN servers can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nat {
    /// No server was asked, or none answered.
    Unknown,
    /// Servers see the address that this machine has.
    None,
    /// Different servers see the same other address: endpoint-independent mapping.
    Crossable,
    /// One server sees another address. What others would see, it cannot tell.
    Unclear,
    /// Different servers see different addresses: a symmetric NAT.
    Symmetric,
}

impl Nat {
    /// From what servers saw of one socket.
    pub(super) fn of(seen: &[(SocketAddr, Mapping)]) -> Self {
        let mapped: BTreeSet<_> = seen.iter().map(|(_, mapping)| mapping.mapped).collect();
        let servers: BTreeSet<_> = seen.iter().map(|(server, _)| server.ip()).collect();
        match (mapped.len(), servers.len()) {
            (0, _) => Self::Unknown,
            _ if seen.iter().all(|(_, mapping)| mapping.mapped == mapping.local) => Self::None,
            (1, 1) => Self::Unclear,
            (1, _) => Self::Crossable,
            _ => Self::Symmetric,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Crossable => "endpoint-independent",
            Self::Unclear => "unclear",
            Self::Symmetric => "symmetric",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Unknown => "unknown: no STUN server told an address",
            Self::None => "no NAT between this machine and those servers",
            Self::Crossable => "a NAT that peers can cross: it shows all servers the same address",
            Self::Unclear => {
                "a NAT; whether peers can cross it takes a STUN server at two addresses, or two, to tell"
            }
            Self::Symmetric => {
                "a NAT that needs TURN: it shows each server another address (a symmetric NAT)"
            }
        }
    }
}

/// What comes in, in the words of RFC 4787.
pub(super) const fn filtering_name(filtering: Option<Filtering>) -> &'static str {
    match filtering {
        Some(Filtering::Anything) => "endpoint-independent",
        Some(Filtering::SameAddress) => "address-dependent",
        Some(Filtering::SamePort) => "address-and-port-dependent",
        None => "unknown",
    }
}

/// What comes in, and what that means for whom.
pub(super) const fn filtering_words(filtering: Option<Filtering>) -> &'static str {
    match filtering {
        Some(Filtering::Anything) => {
            "what anybody sends comes in: peers behind any NAT can reach this machine"
        }
        Some(Filtering::SameAddress) => {
            "what comes from an address that was sent to comes in: peers behind any NAT can reach this machine"
        }
        Some(Filtering::SamePort) => {
            "only answers come in: as usual, but peers behind a symmetric NAT need TURN to reach this machine"
        }
        None => {
            "what comes in is unknown: no STUN server here can tell, as those at two addresses can (RFC 5780)"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seen(pairs: &[(&str, &str)]) -> Vec<(SocketAddr, Mapping)> {
        let local = "10.0.0.2:5000".parse().unwrap();
        let mapping = |mapped: &str| Mapping { local, mapped: mapped.parse().unwrap(), time: Duration::ZERO };
        pairs.iter().map(|(server, mapped)| (server.parse().unwrap(), mapping(mapped))).collect()
    }

    #[test]
    fn nats_are_told_apart() {
        for (pairs, nat) in [
            (&[][..], Nat::Unknown),
            (&[("192.0.2.1:3478", "10.0.0.2:5000")], Nat::None),
            (&[("192.0.2.1:3478", "203.0.113.7:5000")], Nat::Unclear),
            (&[("192.0.2.1:3478", "203.0.113.7:6"), ("192.0.2.1:3479", "203.0.113.7:6")], Nat::Unclear),
            (&[("192.0.2.1:3478", "203.0.113.7:6"), ("192.0.2.9:3478", "203.0.113.7:6")], Nat::Crossable),
            (&[("192.0.2.1:3478", "203.0.113.7:6"), ("192.0.2.9:3478", "203.0.113.7:7")], Nat::Symmetric),
            (&[("192.0.2.1:3478", "203.0.113.7:6"), ("192.0.2.1:3479", "203.0.113.7:7")], Nat::Symmetric),
            (&[("192.0.2.1:3478", "10.0.0.2:5000"), ("192.0.2.9:3478", "203.0.113.7:7")], Nat::Symmetric),
        ] {
            assert_eq!(Nat::of(&seen(pairs)), nat, "{pairs:?}");
        }
    }
}
