//! Measures in virtual time: what a mesh costs, what loss costs. The same on any machine.

use std::time::Duration;

use conjoin_peer::{PeerState, Stats};

use crate::network::Conditions;
use crate::random::Random;
use crate::world::World;

/// How far measured times may be off.
const STEP: Duration = Duration::from_millis(1);

/// What does not happen within this time counts as never.
const NEVER: Duration = Duration::from_secs(300);

/// Idling and editing are both watched for so long, a multiple of the time between heartbeats.
const WINDOW: Duration = Duration::from_secs(120);

/// So many edits then, far enough apart that each stands for itself.
const EDITS: u32 = 60;

/// What one size of a full mesh costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// How many peers.
    pub peers: usize,
    /// All come at once: until every pair is connected.
    pub all_join: Duration,
    /// One more comes: until it has all edits of those there.
    pub newcomer: Duration,
    /// After a partition of a minute, with edits on both sides: until all have all; the median.
    pub rejoin: Duration,
    /// What one edit costs all peers together, acknowledgements and the check afterwards included.
    pub edit: Traffic,
    /// What the author of an edit sends for it.
    pub author: Traffic,
    /// What one peer sends in a second in which nobody does anything, on the average.
    pub idle: Traffic,
}

/// Messages, and their bytes without what the layers below add.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Frames, each of which is a packet unless it is large.
    pub messages: f64,
    /// Bytes in them.
    pub bytes: f64,
}

/// How late edits come at a share of lost packets.
#[derive(Debug, Clone, PartialEq)]
pub struct Lateness {
    /// The median.
    pub median: Duration,
    /// All but one in a hundred come within this time.
    pub p99: Duration,
    /// The slowest.
    pub slowest: Duration,
    /// Bytes both sides send for one edit, heartbeats included.
    pub bytes: f64,
}

/// Measures a full mesh of so many peers, 20 ms of round-trip time apart.
///
/// # Panics
/// If the mesh does not come together within minutes.
pub fn mesh(peers: usize) -> Mesh {
    let (mut world, all_join) = room(peers);
    let quiet = over(&mut world, |world| world.run(WINDOW));
    let spent = over(&mut world, |world| {
        for _ in 0..EDITS {
            world.increment(0);
            world.run(WINDOW / EDITS);
        }
    });
    let idle = total(&quiet).per(WINDOW.as_secs_f64() * peers as f64);
    let edit = total(&spent).less(total(&quiet)).per(f64::from(EDITS));
    let author = spent[0].less(quiet[0]).per(f64::from(EDITS));

    world.add_peer();
    let newcomer = until(&mut world, "the newcomer has all", has_agreed);
    // When exactly links are tried again is a matter of chance.
    let mut rejoins: Vec<_> =
        (0..(200 / peers as u64).clamp(1, 15)).map(|seed| rejoin(peers, seed)).collect();
    rejoins.sort_unstable();
    Mesh { peers, all_join, newcomer, rejoin: rejoins[rejoins.len() / 2], edit, author, idle }
}

/// Measures what one peer of a full mesh sends in a second in which nobody does anything.
///
/// # Panics
/// If the mesh does not come together within minutes.
pub fn idle(peers: usize) -> Traffic {
    let (mut world, _) = room(peers);
    total(&over(&mut world, |world| world.run(WINDOW))).per(WINDOW.as_secs_f64() * peers as f64)
}

/// A room that has come to rest, and how long it took until all pairs were connected.
fn room(peers: usize) -> (World, Duration) {
    let mut world = World::new(peers as u64, Conditions::good());
    for _ in 0..peers {
        world.add_peer();
    }
    let all_join = until(&mut world, "all are connected", is_connected);
    world.run(Duration::from_secs(30));
    (world, all_join)
}

/// How long it takes after a partition in the middle until all have all.
fn rejoin(peers: usize, seed: u64) -> Duration {
    let mut world = World::new(seed, Conditions::good());
    for _ in 0..peers {
        world.add_peer();
    }
    world.run(Duration::from_secs(10));
    let halves: (Vec<_>, Vec<_>) = (0..peers).partition(|at| at % 2 == 0);
    world.partition(&halves.0, &halves.1);
    world.run(Duration::from_secs(60));
    for at in 0..peers {
        world.increment(at);
    }
    world.run(Duration::from_secs(5));
    world.heal();
    until(&mut world, "all have all", has_agreed)
}

/// Measures how late edits of one peer come to another, 20 ms of round-trip time apart, with a
/// share of lost packets: by both channels, or by the reliable one alone.
///
/// # Panics
/// If edits get lost.
pub fn lateness(loss: f64, pauses: (Duration, Duration), edits: usize, live: bool) -> Lateness {
    let mut world = World::new(7, Conditions::good());
    world.set_live_channel(live);
    let (author, reader) = (world.add_peer(), world.add_peer());
    world.run(Duration::from_secs(10));
    world.set_conditions(Conditions { loss, ..Conditions::good() });
    let mut random = Random::new(1);
    let replica = world.doc(author).replica();
    let mut made = Vec::new();
    let mut late = Vec::new();
    let mut next = world.now();
    let spent = over(&mut world, |world| {
        let give_up = world.now() + (pauses.1 + NEVER) * edits as u32;
        while late.len() < edits {
            if world.now() >= next && made.len() < edits {
                world.increment(author);
                made.push(world.now());
                next += pauses.0 + random.upto(pauses.1 - pauses.0);
            }
            world.run(STEP);
            let seen = world.doc(reader).version().get(replica) as usize;
            let now = world.now();
            late.extend(made[late.len()..seen].iter().map(|&at| now - at));
            assert!(now < give_up, "edits got lost");
        }
    });
    late.sort_unstable();
    let at = |share: f64| late[((late.len() - 1) as f64 * share).round() as usize];
    let bytes = total(&spent).bytes / edits as f64;
    Lateness { median: at(0.5), p99: at(0.99), slowest: at(1.0), bytes }
}

impl Traffic {
    fn of(stats: &Stats) -> Self {
        Self { messages: stats.frames_sent as f64, bytes: stats.bytes_sent as f64 }
    }

    fn less(self, other: Self) -> Self {
        Self { messages: self.messages - other.messages, bytes: self.bytes - other.bytes }
    }

    fn times(self, factor: f64) -> Self {
        Self { messages: self.messages * factor, bytes: self.bytes * factor }
    }

    fn per(self, parts: f64) -> Self {
        self.times(1.0 / parts)
    }
}

/// What each peer sends while something happens.
fn over(world: &mut World, happens: impl FnOnce(&mut World)) -> Vec<Traffic> {
    let sent = |world: &World| -> Vec<_> {
        (0..world.len()).map(|at| Traffic::of(&world.manager(at).stats())).collect()
    };
    let before = sent(world);
    happens(world);
    sent(world).into_iter().zip(before).map(|(after, before)| after.less(before)).collect()
}

fn total(traffic: &[Traffic]) -> Traffic {
    traffic.iter().fold(Traffic::default(), |sum, each| Traffic {
        messages: sum.messages + each.messages,
        bytes: sum.bytes + each.bytes,
    })
}

fn until(world: &mut World, what: &str, holds: impl Fn(&World) -> bool) -> Duration {
    let start = world.now();
    while !holds(world) {
        world.run(STEP * 5);
        assert!(world.now() - start < NEVER, "it takes too long until {what}");
    }
    world.now() - start
}

fn is_connected(world: &World) -> bool {
    (0..world.len()).all(|at| {
        let peers = world.manager(at).peers();
        peers.len() + 1 == world.len() && peers.iter().all(|peer| peer.state == PeerState::Connected)
    })
}

fn has_agreed(world: &World) -> bool {
    (1..world.len()).all(|at| world.doc(at).version() == world.doc(0).version())
}
