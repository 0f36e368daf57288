//! Looking back shows what was, and what led from there to here.

use conjoin_core::{TravelError, VersionVector};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::edits::{edit, list_edit, text_edit};
use crate::mirror::Mirror;
use crate::world::{Step, World, steps};

/// Plays a history, and lets the first replica look back at versions that documents were at.
fn play(history: &[Step], looks: &[(Index, Index)]) {
    let mut world = World::new(3);
    let mut versions = vec![VersionVector::new()];
    for step in history {
        let at = world.step(step);
        versions.push(world.docs[at].version().clone());
    }
    let doc = &world.docs[0];
    let seen: Vec<_> = versions.into_iter().filter(|version| doc.version().covers(version)).collect();
    for (from, to) in looks {
        let (from, to) = (from.get(&seen), to.get(&seen));
        match doc.at(from) {
            Ok(then) => world.check_doc("who looks back", &then),
            Err(error) => assert_eq!(error, TravelError::HistoryGone),
        }
        // From nothing to the one, and on from there: a copy that knows nothing else reads the other.
        let steps = doc.diff(&VersionVector::new(), from).and_then(|there| Ok((there, doc.diff(from, to)?)));
        match steps {
            Ok((there, on)) => {
                let mut copy = Mirror::default();
                copy.patch(&there);
                world.compare("what leads there", &copy.read(), &world.expected(from));
                copy.patch(&on);
                let what = format!("what leads from {from:?} to {to:?}");
                world.compare(&what, &copy.read(), &world.expected(to));
            }
            Err(error) => assert_eq!(error, TravelError::HistoryGone),
        }
    }
}

fn looks() -> impl Strategy<Value = Vec<(Index, Index)>> {
    prop::collection::vec((any::<Index>(), any::<Index>()), 3)
}

proptest! {
    #[test]
    fn a_document_reads_at_every_version_as_it_did(history in steps(3, edit, 25), looks in looks()) {
        play(&history, &looks);
    }

    #[test]
    fn a_text_reads_at_every_version_as_it_did(history in steps(3, text_edit, 25), looks in looks()) {
        play(&history, &looks);
    }

    #[test]
    fn a_list_reads_at_every_version_as_it_did(history in steps(3, list_edit, 25), looks in looks()) {
        play(&history, &looks);
    }
}
