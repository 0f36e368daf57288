//! The bridge from a [`Room`] to Leptos: what the panels read.

use conjoin::{
    Behavior, Event, PeerInfo, PeerState, ReplicaId, Room, Session, Stats, Status, Subscription,
    VersionVector,
};
use leptos::prelude::*;

use crate::format::short_id;
use crate::mishap::Mishap;
use crate::palette::Palette;
use crate::sync::{Standing, behind_by};

/// The room of the page, readable in views: what was read is read again when it changed. `Copy`,
/// like a signal.
///
/// The values stay in the behaviors of the room, which know them anyway; Leptos is only told when
/// they change.
///
/// The page shows one room at a time, but a document belongs to the room in which others took
/// part in it: whoever connects to another room starts with another document, and finds the old
/// one on coming back.
#[derive(Clone, Copy)]
pub(crate) struct RoomSignals {
    state: StoredValue<State, LocalStorage>,
    status_changed: Trigger,
    peers_changed: Trigger,
    stats_changed: Trigger,
    edited: Trigger,
}

struct State {
    visit: Visit,
    /// Rooms left behind in this page's life, with their documents.
    left: Vec<Visit>,
    /// What follows the room of `visit`.
    subscriptions: Vec<Subscription>,
    /// What subscribes to whatever room is shown.
    followers: Vec<Follower>,
    /// Every peer that said Hello while the page was open.
    met: Vec<Met>,
    palette: Palette,
    problem: Option<Mishap>,
}

/// A peer that may be gone by now.
struct Met {
    peer: String,
    replica: ReplicaId,
    name: Option<String>,
}

type Follower = Box<dyn Fn(&Room) -> Subscription>;

/// A room, and what is known about its document.
struct Visit {
    room: Room,
    status: Behavior<Status>,
    peers: Behavior<Vec<PeerInfo>>,
    stats: Behavior<Stats>,
    version: Behavior<VersionVector>,
    /// The version before the last edit was seen.
    before: VersionVector,
    /// Whose operation was seen last.
    last_editor: Option<ReplicaId>,
    /// How many of our operations at least one other peer is known to have had.
    delivered: u64,
    /// Whether others can have taken part in the document.
    joined_once: bool,
}

impl Visit {
    fn new(session: Session) -> Self {
        let room = Room::new(session);
        Self {
            status: room.status(),
            peers: room.peers(),
            stats: room.stats(),
            version: room.version(),
            room,
            before: VersionVector::new(),
            last_editor: None,
            delivered: 0,
            joined_once: false,
        }
    }

    fn is_of(&self, session: &Session) -> bool {
        let own = self.room.session();
        own.room == session.room && own.server == session.server
    }
}

impl RoomSignals {
    /// A room for this session, offline.
    pub(crate) fn new(session: Session) -> Self {
        let state = State {
            visit: Visit::new(session),
            left: Vec::new(),
            subscriptions: Vec::new(),
            followers: Vec::new(),
            met: Vec::new(),
            palette: Palette::default(),
            problem: None,
        };
        let signals = Self {
            state: StoredValue::new_local(state),
            status_changed: Trigger::new(),
            peers_changed: Trigger::new(),
            stats_changed: Trigger::new(),
            edited: Trigger::new(),
        };
        signals.follow();
        signals
    }

    /// The room shown now.
    pub(crate) fn room(self) -> Room {
        self.read(|state| state.visit.room.clone())
    }

    /// Subscribes to the room shown now, and to each that takes its place.
    pub(crate) fn each_room(self, follow: impl Fn(&Room) -> Subscription + 'static) {
        let subscription = follow(&self.room());
        self.write(|state| {
            state.subscriptions.push(subscription);
            state.followers.push(Box::new(follow));
        });
    }

    /// Joins the room of `session`.
    pub(crate) fn connect(self, session: Session) {
        if self.read(|state| state.visit.joined_once && !state.visit.is_of(&session)) {
            self.change_room(&session);
        }
        self.write(|state| state.problem = None);
        let room = self.room();
        room.set_session(session);
        room.connect();
    }

    /// Leaves the room; the document stays.
    pub(crate) fn disconnect(self) {
        self.dismiss_problem();
        self.room().disconnect();
    }

    /// Whether connecting with `session` would leave this document behind for that of another
    /// room.
    pub(crate) fn would_change_room(self, session: &Session) -> bool {
        self.status_changed.track();
        self.read(|state| state.visit.joined_once && !state.visit.is_of(session))
    }

    /// The session the room was last connected with.
    pub(crate) fn session(self) -> Session {
        self.status_changed.track();
        self.room().session()
    }

    /// Where this peer stands with the signaling server.
    pub(crate) fn status(self) -> Status {
        self.status_changed.track();
        self.read(|state| state.visit.status.now())
    }

    /// Whether the page wants to be in the room, so that its session cannot be edited.
    pub(crate) fn engaged(self) -> bool {
        self.standing() != Standing::Offline
    }

    /// Where the page stands, as far as sharing edits goes.
    pub(crate) fn standing(self) -> Standing {
        match self.status() {
            Status::Offline | Status::Refused { .. } => Standing::Offline,
            Status::Joined => Standing::Joined,
            Status::Connecting | Status::Retrying { .. } => Standing::Underway,
        }
    }

    /// What went wrong last, until it is dismissed.
    pub(crate) fn problem(self) -> Option<String> {
        self.status_changed.track();
        self.read(|state| state.problem.as_ref().map(|problem| problem.what.clone()))
    }

    /// Takes the last problem off the page.
    pub(crate) fn dismiss_problem(self) {
        self.write(|state| state.problem = None);
        self.status_changed.notify();
    }

    /// The other peers in the room.
    pub(crate) fn peers(self) -> Vec<PeerInfo> {
        self.peers_changed.track();
        self.read(|state| state.visit.peers.now())
    }

    /// How many peers are connected, and how many of those have everything we have.
    pub(crate) fn connected_and_in_sync(self) -> (usize, usize) {
        let ours = self.version();
        let mut counts = (0, 0);
        for peer in self.peers().iter().filter(|peer| peer.state == PeerState::Connected) {
            counts.0 += 1;
            counts.1 +=
                usize::from(peer.version.as_ref().is_some_and(|theirs| behind_by(&ours, theirs) == 0));
        }
        counts
    }

    /// Counts of what was sent and received.
    pub(crate) fn stats(self) -> Stats {
        self.stats_changed.track();
        self.read(|state| state.visit.stats.now())
    }

    /// How many operations of each replica the document has.
    pub(crate) fn version(self) -> VersionVector {
        self.edited.track();
        self.read(|state| state.visit.version.now())
    }

    /// How many edits made here nobody else is known to have had.
    pub(crate) fn unshared(self) -> u64 {
        self.peers_changed.track();
        let own = self.version().get(self.own_replica());
        own - self.read(|state| state.visit.delivered).min(own)
    }

    /// Whose operation was seen last.
    pub(crate) fn last_editor(self) -> Option<ReplicaId> {
        self.edited.track();
        self.read(|state| state.visit.last_editor)
    }

    /// The replica that edits here.
    pub(crate) fn own_replica(self) -> ReplicaId {
        self.room().replica()
    }

    /// What to call a replica: its peer's name, or the beginning of its id.
    pub(crate) fn replica_name(self, replica: ReplicaId) -> String {
        let named = self.read(|state| state.met.iter().find(|met| met.replica == replica)?.name.clone());
        named.unwrap_or_else(|| short_id(&replica.to_string()).to_owned())
    }

    /// The hue of a replica, as a style has it.
    pub(crate) fn hue(self, replica: ReplicaId) -> String {
        self.write(|state| state.palette.hue(replica.get())).to_string()
    }

    /// The hue of a peer's replica, once that is known.
    pub(crate) fn hue_of_peer(self, peer: &str) -> Option<String> {
        let replica = self.read(|state| Some(state.met.iter().find(|met| met.peer == peer)?.replica));
        replica.map(|replica| self.hue(replica))
    }

    fn change_room(self, session: &Session) {
        let old = self.write(|state| {
            let known = state.left.iter().position(|visit| visit.is_of(session));
            let visit = known.map(|at| state.left.swap_remove(at));
            let old =
                std::mem::replace(&mut state.visit, visit.unwrap_or_else(|| Visit::new(session.clone())));
            state.left.push(old);
            std::mem::take(&mut state.subscriptions)
        });
        drop(old);
        self.follow();
        for trigger in [self.status_changed, self.peers_changed, self.stats_changed, self.edited] {
            trigger.notify();
        }
    }

    /// Lets everything follow the room shown now.
    fn follow(self) {
        let own = self.own_replica();
        // Ours first, so that it is the one it likes.
        self.hue(own);
        let (status, peers, stats, version) = self.read(|state| {
            let Visit { status, peers, stats, version, .. } = &state.visit;
            (status.clone(), peers.clone(), stats.clone(), version.clone())
        });
        let mut subscriptions = vec![
            status.subscribe(move |status| {
                if matches!(status, Status::Joined) {
                    self.write(|state| state.visit.joined_once = true);
                }
                self.status_changed.notify();
            }),
            peers.subscribe(move |peers| {
                self.write(|state| state.note_peers(own, peers));
                if self.read(|state| state.problem.as_ref().is_some_and(|problem| problem.is_over(peers))) {
                    self.dismiss_problem();
                }
                self.peers_changed.notify();
            }),
            stats.subscribe(move |_| self.stats_changed.notify()),
            version.subscribe(move |version| {
                self.write(|state| state.visit.note_version(version));
                self.edited.notify();
            }),
        ];
        let room = self.room();
        subscriptions.push(room.on_event(move |event| {
            if let Event::Problem(problem) = event {
                self.write(|state| {
                    state.problem = Some(Mishap::new(problem.clone(), &state.visit.peers.now()));
                });
                self.status_changed.notify();
            }
        }));
        let followers = self.write(|state| std::mem::take(&mut state.followers));
        subscriptions.extend(followers.iter().map(|follow| follow(&room)));
        self.write(|state| {
            state.followers = followers;
            state.subscriptions = subscriptions;
        });
    }

    fn read<R>(self, look: impl FnOnce(&State) -> R) -> R {
        self.state.with_value(look)
    }

    fn write<R>(self, change: impl FnOnce(&mut State) -> R) -> R {
        self.state.try_update_value(change).expect("the page's room lives as long as the page")
    }
}

impl State {
    fn note_peers(&mut self, own: ReplicaId, peers: &[PeerInfo]) {
        for peer in peers {
            if let Some(version) = &peer.version {
                self.visit.delivered = self.visit.delivered.max(version.get(own));
            }
            if let Some(replica) = peer.replica
                && self.met.iter().all(|met| met.replica != replica)
            {
                self.met.push(Met { peer: peer.id.clone(), replica, name: peer.name.clone() });
            }
        }
    }
}

impl Visit {
    fn note_version(&mut self, version: &VersionVector) {
        let grown = version.iter().find(|(replica, count)| *count > self.before.get(*replica));
        self.last_editor = grown.map(|(replica, _)| replica).or(self.last_editor);
        self.before = version.clone();
    }
}
