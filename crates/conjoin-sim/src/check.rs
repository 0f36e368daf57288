//! What must hold once it has been quiet.

use std::time::Duration;

use conjoin_peer::{PeerState, Status};

use crate::world::{Mode, World};

/// All must be well after this much quiet at the latest: retries wait up to 30 s, and an attempt
/// to connect takes 15.
const PATIENCE: Duration = Duration::from_secs(120);

/// And then remain so for this long.
const STAYS: Duration = Duration::from_secs(8);

/// A peer that was only suspected is heard again within this time.
const SUSPICION: Duration = Duration::from_secs(2);

/// When all is well, a peer has no more timers and sends no more frames than this in a second, for
/// each link and one more; those who get no answer from somebody ask more often before they give up.
const QUIET_RATE: u64 = 10;

/// How often it is looked whether all is well.
const STEP: Duration = Duration::from_millis(500);

impl World {
    /// Lets time pass until all is well, and a little longer to see that it stays so. Gives how
    /// long it took.
    ///
    /// # Errors
    /// What is still wrong after two minutes, or wrong again.
    pub fn settle(&mut self) -> Result<Duration, String> {
        let start = self.now();
        while let Err(wrong) = self.verdict().and_then(|()| self.is_drained()) {
            if self.now() - start >= PATIENCE {
                return Err(format!("after {} s of quiet, {wrong}", PATIENCE.as_secs()));
            }
            self.run(STEP);
        }
        let took = self.now() - start;
        let before = self.awake().into_iter().map(|at| (at, self.effort(at))).collect::<Vec<_>>();
        self.run(STAYS);
        // Where packets get lost, one in a while is missed for long enough to be suspected.
        let until = self.now() + SUSPICION;
        while let Err(wrong) = self.verdict() {
            if self.now() >= until {
                return Err(format!("all was well after {took:?}, but later {wrong}"));
            }
            self.run(STEP);
        }
        for (at, before) in before {
            let (timers, frames) = self.effort(at);
            let most = QUIET_RATE * (self.nodes[at].sides.len() as u64 + 1) * STAYS.as_secs();
            if timers - before.0 > most || frames - before.1 > most {
                let (timers, frames) = (timers - before.0, frames - before.1);
                return Err(format!(
                    "in {STAYS:?} of quiet #{at} had {timers} timers and sent {frames} frames"
                ));
            }
        }
        Ok(took)
    }

    fn is_drained(&self) -> Result<(), String> {
        match self.awake().into_iter().find_map(|at| Some((at, self.unsent(at)?))) {
            Some((at, bytes)) => Err(format!("#{at} still has {bytes} bytes to send")),
            None => Ok(()),
        }
    }

    /// How many timers a peer had so far, and how many frames it sent.
    fn effort(&self, at: usize) -> (u64, u64) {
        (self.nodes[at].timers, self.nodes[at].manager.stats().frames_sent)
    }

    /// Like [`verdict`](Self::verdict).
    ///
    /// # Panics
    /// With what is wrong.
    pub fn check(&self) {
        if let Err(wrong) = self.verdict() {
            panic!("{wrong}");
        }
    }

    /// Whether all is as it must be after a quiet time: those who can reach each other, be it
    /// through others, agree; every increment counts once; the lists of peers tell the truth.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verdict(&self) -> Result<(), String> {
        let live = self.awake();
        for group in self.groups(&live) {
            self.agreement(&group)?;
        }
        for &at in &live {
            self.list(at)?;
        }
        Ok(())
    }

    /// Those of `live` who can reach each other, be it through others.
    fn groups(&self, live: &[usize]) -> Vec<Vec<usize>> {
        let mut left = live.to_vec();
        let mut groups = Vec::new();
        while let Some(first) = left.pop() {
            let mut group = vec![first];
            let mut next = 0;
            while let Some(&at) = group.get(next) {
                next += 1;
                let (near, far) = left.into_iter().partition(|&other| self.network.connects(at, other));
                group.extend::<Vec<_>>(near);
                left = far;
            }
            group.sort_unstable();
            groups.push(group);
        }
        groups
    }

    fn agreement(&self, group: &[usize]) -> Result<(), String> {
        let first = &self.nodes[group[0]].doc;
        let expected = self.expected(group);
        for &at in group {
            let doc = &self.nodes[at].doc;
            self.lacks(at, group)?;
            if doc.counter("n") != expected {
                return Err(format!("#{at} counts {} of {expected} increments", doc.counter("n")));
            }
            let same = doc.register("big") == first.register("big")
                && doc.register("title") == first.register("title")
                && doc.map("board").iter().eq(first.map("board").iter())
                && doc.float_counter("weight").to_bits() == first.float_counter("weight").to_bits();
            if !same {
                return Err(format!("#{at} and #{} do not agree", group[0]));
            }
        }
        Ok(())
    }

    /// Whether a peer has all that any of its group has.
    fn lacks(&self, at: usize, group: &[usize]) -> Result<(), String> {
        for author in &self.nodes {
            let seen = |peer: usize| self.nodes[peer].doc.version().get(author.doc.replica());
            if let Some(&other) = group.iter().find(|&&other| seen(other) > seen(at)) {
                let (count, by) = (seen(other) - seen(at), author.manager.peer_id());
                return Err(format!("#{at} lacks {count} operations of {by}, which #{other} has"));
            }
        }
        Ok(())
    }

    /// How many increments a group must have: all of its own, and those of others that somebody in
    /// it heard of.
    fn expected(&self, group: &[usize]) -> i64 {
        let count = |(at, node): (usize, &crate::world::Node)| {
            let heard = group.iter().map(|&at| self.nodes[at].doc.version().get(node.doc.replica()));
            let upto = if group.contains(&at) { u64::MAX } else { heard.max().unwrap_or(0) };
            node.increments.iter().filter(|&&after| after <= upto).count() as i64
        };
        self.nodes.iter().enumerate().map(count).sum()
    }

    /// Whether the list of peers at `at` tells the truth.
    fn list(&self, at: usize) -> Result<(), String> {
        let node = &self.nodes[at];
        // Without the server, nobody can be found, and nobody who is unreachable is known to be there.
        let served = self.server_up && !self.network.is_offline(at);
        if served && node.manager.status() != &Status::Joined {
            return Err(format!("#{at} is {:?}", node.manager.status()));
        }
        let listed = node.manager.peers();
        for (other, there) in self.nodes.iter().enumerate().filter(|(other, _)| *other != at) {
            let entry = listed.iter().find(|peer| peer.id == there.manager.peer_id());
            let state = entry.map(|peer| peer.state);
            let here = there.mode != Mode::Dead && there.manager.status() != &Status::Offline;
            let reachable = here && there.mode == Mode::Awake && self.network.connects(at, other);
            let mutual = served && here && there.mode == Mode::Awake && !self.network.is_offline(other);
            let right = match state {
                Some(PeerState::Connected) => reachable,
                Some(_) => here && !reachable,
                None => !mutual,
            };
            if !right && (served || state == Some(PeerState::Connected) || !here) {
                let truth = match (here, reachable) {
                    (false, _) => "is not there",
                    (true, false) => "cannot be reached",
                    (true, true) => "can be reached",
                };
                return Err(format!("#{at} lists #{other} as {state:?}, who {truth}"));
            }
            let Some(peer) = entry.filter(|peer| peer.state == PeerState::Connected) else { continue };
            if peer.version.as_ref() != Some(node.doc.version()) {
                return Err(format!("#{at} does not know that #{other} has all"));
            }
            // Means are rounded.
            let least = (self.conditions().delay * 2).saturating_sub(Duration::from_micros(1));
            if peer.rtt.is_none_or(|rtt| rtt < least) {
                return Err(format!("#{at} takes #{other} to be {:?} away", peer.rtt));
            }
        }
        if listed.len() > self.nodes.len() {
            return Err(format!("#{at} lists {} peers", listed.len()));
        }
        Ok(())
    }
}
