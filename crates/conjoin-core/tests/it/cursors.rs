//! Cursors stay with what they stand beside.

use conjoin_core::{Cursor, Kind, OpId, Side};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::edits::{Edit, list_edit, text_edit};
use crate::oracle::Place;
use crate::world::{Step, World, steps};

/// A cursor, and what it stands beside.
struct Placed {
    cursor: Cursor,
    element: Option<OpId>,
    after: bool,
}

/// Plays a history of one text or list. After each step somebody sets a cursor, and all cursors must stand
/// where their elements are, on every replica.
fn play(kind: Kind, history: &[Step], at: &[Index]) {
    let mut world = World::new(3);
    let name = if kind == Kind::Text { "t" } else { "l" };
    let place = Place::Root(kind, name.to_owned());
    let mut placed: Vec<Placed> = Vec::new();
    for (nth, (step, at)) in history.iter().zip(at).enumerate() {
        let who = world.step(step);
        let doc = &world.docs[who];
        let read = world.oracle.read(doc.version());
        let at = at.index(read.len(&place) + 1);
        let side = if nth % 2 == 0 { Side::Left } else { Side::Right };
        let after = side == Side::Left;
        let cursor = if kind == Kind::Text {
            doc.text(name).cursor(at, side)
        } else {
            doc.list(name).cursor(at, side)
        };
        if let Some(cursor) = cursor {
            assert_eq!(doc.resolve(&cursor), Some(at), "it stands where it was set");
            let cursor = Cursor::from_bytes(&cursor.to_bytes()).expect("what was written can be read");
            let beside = if after { at.checked_sub(1) } else { Some(at) };
            let element = beside.and_then(|at| read.element(&place, at));
            placed.push(Placed { cursor, element, after });
        }
        for doc in &world.docs {
            let read = world.oracle.read(doc.version());
            let len = read.len(&place);
            for Placed { cursor, element, after } in &placed {
                let is = doc.resolve(cursor);
                match element {
                    None => assert!(is == Some(if *after { 0 } else { len }) || (is.is_none() && len == 0)),
                    Some(id) => match read.index_beside(&place, *id, *after) {
                        // What is gone may be let go of, and its cursor with it.
                        Some(index) => {
                            assert!(is == Some(index) || (is.is_none() && read.is_gone(&place, *id)))
                        }
                        None => assert!(is.is_none_or(|is| is <= len)),
                    },
                }
            }
        }
    }
}

fn history<E: Strategy<Value = Edit> + 'static>(
    edits: impl Fn() -> E,
) -> impl Strategy<Value = (Vec<Step>, Vec<Index>)> {
    (steps(3, edits, 20), prop::collection::vec(any::<Index>(), 20))
}

proptest! {
    #[test]
    fn a_cursor_stays_with_its_character((history, at) in history(text_edit)) {
        play(Kind::Text, &history, &at);
    }

    #[test]
    fn a_cursor_stays_with_its_item((history, at) in history(list_edit)) {
        play(Kind::List, &history, &at);
    }
}
