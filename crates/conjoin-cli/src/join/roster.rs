//! Who is in the room: what there is to tell of it, and whether those who are there have got what was done.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use conjoin::{PeerInfo, PeerState, ReplicaId, VersionVector};

/// A peer that no link comes about to in this time is not waited for, nor for what it said to have.
const PATIENCE: Duration = Duration::from_secs(10);

/// The others, as they were seen last.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    info: PeerInfo,
    first: Instant,
}

impl Roster {
    /// Takes note of who is there, and gives what is new: a peer with its state, or without if it is gone. A
    /// round-trip time is news when it is measured first.
    pub(crate) fn update(&mut self, peers: &[PeerInfo], now: Instant) -> Vec<(PeerInfo, Option<PeerState>)> {
        let mut news = Vec::new();
        let gone = |id: &String| peers.iter().all(|peer| peer.id != *id);
        for (_, seen) in self.seen.extract_if(.., |id, _| gone(id)) {
            news.push((seen.info, None));
        }
        for peer in peers {
            let told = |peer: &PeerInfo| (peer.state, peer.name.clone(), peer.rtt.is_some());
            let seen = self.seen.get_mut(&peer.id);
            if seen.as_ref().is_none_or(|seen| told(&seen.info) != told(peer)) {
                news.push((peer.clone(), Some(peer.state)));
            }
            match seen {
                Some(seen) => seen.info = peer.clone(),
                None => {
                    let seen = Seen { info: peer.clone(), first: now };
                    self.seen.insert(peer.id.clone(), seen);
                }
            }
        }
        news
    }

    pub(crate) fn connected(&self) -> usize {
        self.linked().count()
    }

    fn linked(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values().filter(|seen| seen.info.state == PeerState::Connected)
    }

    /// Whether a link is still expected to come about.
    fn expects(&self, now: Instant) -> bool {
        self.seen.values().any(|seen| seen.info.state != PeerState::Connected && seen.is_new(now))
    }

    /// Whether everything is here that those in the room had when they were met.
    pub(crate) fn caught_up(&self, own: &VersionVector, now: Instant) -> bool {
        !self.expects(now) && self.linked().all(|seen| own.covers(&seen.info.promised) || !seen.is_new(now))
    }

    /// Whether everybody in the room has so much of what this replica did.
    pub(crate) fn delivered(&self, replica: ReplicaId, done: u64, now: Instant) -> bool {
        !self.expects(now) && self.linked().all(|seen| has(&seen.info, replica, done))
    }

    /// Whether somebody in the room has so much of what this replica did.
    pub(crate) fn reached(&self, replica: ReplicaId, done: u64) -> bool {
        self.seen.values().any(|seen| has(&seen.info, replica, done))
    }
}

impl Seen {
    fn is_new(&self, now: Instant) -> bool {
        now < self.first + PATIENCE
    }
}

fn has(peer: &PeerInfo, replica: ReplicaId, done: u64) -> bool {
    done == 0 || peer.version.as_ref().is_some_and(|version| version.get(replica) >= done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: ReplicaId = ReplicaId::new(1);
    const BOB: ReplicaId = ReplicaId::new(2);

    fn version(of: &[(ReplicaId, u64)]) -> VersionVector {
        let mut version = VersionVector::default();
        of.iter().for_each(|(replica, count)| version.advance(*replica, *count));
        version
    }

    fn bob(state: PeerState, of: Option<VersionVector>) -> PeerInfo {
        PeerInfo {
            id: "b".into(),
            name: Some("Bob".into()),
            replica: Some(BOB),
            state,
            rtt: None,
            version: of,
            promised: version(&[]),
        }
    }

    #[test]
    fn a_peer_is_told_of_when_it_comes_changes_and_goes() {
        let (mut roster, now) = (Roster::default(), Instant::now());
        let states = |news: Vec<(PeerInfo, _)>| news.into_iter().map(|news| news.1).collect::<Vec<_>>();
        let connecting = [bob(PeerState::Connecting, None)];
        assert_eq!(states(roster.update(&connecting, now)), [Some(PeerState::Connecting)]);
        assert_eq!(states(roster.update(&connecting, now)), []);
        let connected = bob(PeerState::Connected, Some(version(&[])));
        assert_eq!(
            states(roster.update(std::slice::from_ref(&connected), now)),
            [Some(PeerState::Connected)]
        );
        let measured = |millis| PeerInfo { rtt: Some(Duration::from_millis(millis)), ..connected.clone() };
        assert_eq!(states(roster.update(&[measured(2)], now)).len(), 1);
        assert_eq!(states(roster.update(&[measured(3)], now)), []);
        assert_eq!(states(roster.update(&[], now)), [None]);
    }

    #[test]
    fn who_is_there_is_waited_for_but_not_for_ever() {
        let (mut roster, now) = (Roster::default(), Instant::now());
        assert!(roster.caught_up(&version(&[]), now));
        roster.update(&[bob(PeerState::Connecting, None)], now);
        assert!(!roster.caught_up(&version(&[]), now));
        assert!(roster.caught_up(&version(&[]), now + PATIENCE));
        let had = PeerInfo { promised: version(&[(BOB, 3)]), ..bob(PeerState::Connected, None) };
        roster.update(&[had], now);
        assert!(!roster.caught_up(&version(&[(BOB, 2)]), now));
        assert!(roster.caught_up(&version(&[(BOB, 3)]), now));
        // It may have promised too much.
        assert!(roster.caught_up(&version(&[]), now + PATIENCE));
    }

    #[test]
    fn what_was_done_is_delivered_when_everybody_has_it() {
        let (mut roster, now) = (Roster::default(), Instant::now());
        assert!(roster.delivered(ME, 2, now) && !roster.reached(ME, 2));
        roster.update(&[bob(PeerState::Connected, Some(version(&[(ME, 1)])))], now);
        assert!(!roster.delivered(ME, 2, now) && !roster.reached(ME, 2));
        roster.update(&[bob(PeerState::Connected, Some(version(&[(ME, 2)])))], now);
        assert!(roster.delivered(ME, 2, now) && roster.reached(ME, 2));
    }
}
