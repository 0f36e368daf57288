//! What went wrong last, and when it is no news any more.

use conjoin::{PeerInfo, PeerState};

/// What went wrong, and who was out of reach at that time.
#[derive(Debug)]
pub struct Mishap {
    /// In words.
    pub what: String,
    /// Ids of the peers that were not connected: one of them may be what it is about.
    apart: Vec<String>,
}

impl Mishap {
    /// Something that went wrong while these peers were listed.
    pub fn new(what: String, peers: &[PeerInfo]) -> Self {
        let apart = peers.iter().filter(|peer| peer.state != PeerState::Connected);
        Self { what, apart: apart.map(|peer| peer.id.clone()).collect() }
    }

    /// Whether those whom it can be about are connected after all, as far as they are still listed. If
    /// all of them left, the user may still want to know why.
    pub fn is_over(&self, peers: &[PeerInfo]) -> bool {
        let mut left = peers.iter().filter(|peer| self.apart.contains(&peer.id)).peekable();
        left.peek().is_some() && left.all(|peer| peer.state == PeerState::Connected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str, state: PeerState) -> PeerInfo {
        PeerInfo {
            id: id.to_owned(),
            name: None,
            replica: None,
            state,
            rtt: None,
            version: None,
            promised: Default::default(),
        }
    }

    #[test]
    fn it_is_over_once_those_out_of_reach_are_connected() {
        use PeerState::{Connected, Connecting, Reconnecting};
        let listed = [peer("a", Connected), peer("b", Connecting), peer("c", Reconnecting)];
        let mishap = Mishap::new("no path".to_owned(), &listed);
        assert!(!mishap.is_over(&listed));
        assert!(!mishap.is_over(&[peer("b", Connected), peer("c", Connecting)]));
        assert!(mishap.is_over(&[peer("b", Connected), peer("c", Connected)]));
        assert!(mishap.is_over(&[peer("b", Connected), peer("d", Connecting)]), "the other one left");
    }

    #[test]
    fn it_stays_when_those_it_is_about_left() {
        let mishap = Mishap::new("it sent garbage".to_owned(), &[peer("m", PeerState::Connecting)]);
        assert!(!mishap.is_over(&[]));
        assert!(!mishap.is_over(&[peer("a", PeerState::Connected)]));
    }
}
