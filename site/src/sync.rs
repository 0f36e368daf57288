//! Who has what: plain comparisons of version vectors, and what the page says about them.

use conjoin::VersionVector;

use crate::format::plural;

/// How many of our operations they lack.
pub fn behind_by(ours: &VersionVector, theirs: &VersionVector) -> u64 {
    ours.iter().map(|(replica, count)| count.saturating_sub(theirs.get(replica))).sum()
}

/// Where this page stands, as far as sharing edits goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not wanting to be in a room.
    Offline,
    /// On the way into the room.
    Underway,
    /// In the room.
    Joined,
}

/// What to tell about the edits made here: `unshared` of them nobody else is known to have;
/// `connected` peers are connected, and `in_sync` of them have everything.
pub fn share_note(standing: Standing, unshared: u64, connected: usize, in_sync: usize) -> String {
    if connected > 0 {
        return match (connected, in_sync) {
            (1, 1) => "The other peer has every edit.".to_owned(),
            (1, _) => "The other peer is catching up.".to_owned(),
            (2, 2) => "Both other peers have every edit.".to_owned(),
            (all, some) if all == some => format!("All {all} other peers have every edit."),
            (all, some) => format!("{some} of {all} other peers have every edit so far."),
        };
    }
    let edits = plural(unshared, "edit", "edits");
    match (standing, unshared) {
        (Standing::Offline, 0) => "Works offline too: edits are shared when you connect.".to_owned(),
        (Standing::Offline, _) => format!("Offline: {edits} will be shared when you connect."),
        (Standing::Underway, 0) => "Edits are shared as soon as a peer is connected.".to_owned(),
        (Standing::Underway, _) => format!("{edits} will be shared as soon as a peer is connected."),
        (Standing::Joined, 0) => "Nobody else is here; edits are kept for whoever joins.".to_owned(),
        (Standing::Joined, _) => format!("{edits} will be shared with whoever joins."),
    }
}

#[cfg(test)]
mod tests {
    use conjoin::ReplicaId;

    use super::*;

    fn version(entries: &[(u64, u64)]) -> VersionVector {
        entries.iter().map(|(replica, count)| (ReplicaId::new(*replica), *count)).collect()
    }

    #[test]
    fn behind_counts_only_what_they_lack() {
        let ours = version(&[(1, 5), (2, 3)]);
        assert_eq!(behind_by(&ours, &ours), 0);
        assert_eq!(behind_by(&ours, &version(&[])), 8);
        assert_eq!(behind_by(&ours, &version(&[(1, 4), (2, 9), (3, 7)])), 1);
        assert_eq!(behind_by(&version(&[]), &ours), 0);
    }

    #[test]
    fn notes_tell_what_will_happen_to_the_edits() {
        let note = share_note(Standing::Offline, 3, 0, 0);
        assert_eq!(note, "Offline: 3 edits will be shared when you connect.");
        let note = share_note(Standing::Joined, 1, 0, 0);
        assert_eq!(note, "1 edit will be shared with whoever joins.");
        assert_eq!(share_note(Standing::Joined, 0, 3, 2), "2 of 3 other peers have every edit so far.");
        assert_eq!(share_note(Standing::Joined, 0, 2, 2), "Both other peers have every edit.");
        assert_eq!(share_note(Standing::Joined, 0, 3, 3), "All 3 other peers have every edit.");
    }

    #[test]
    fn connected_peers_count_even_without_the_server() {
        assert_eq!(share_note(Standing::Underway, 2, 1, 0), "The other peer is catching up.");
    }
}
