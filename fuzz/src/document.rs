//! A document in use, and others who write changes by hand that claim anything.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use conjoin_core::{Delta, Doc};

use crate::changes::Forger;
use crate::documents::{Used, goes_on, others_can_follow};
use crate::edits::edit;
use crate::view::View;

static USED: LazyLock<Used> = LazyLock::new(Used::new);

/// Own edits, and changes of others, each of which is taken in whole or not at all.
pub fn document(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut doc = USED.doc.clone();
    let mut forger = Forger::new(&USED);
    while !input.is_empty() {
        if step(&mut doc, &mut forger, &mut input).is_err() {
            break;
        }
    }
    others_can_follow(&doc);
    goes_on(doc);
}

fn step(doc: &mut Doc, forger: &mut Forger, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=9u8)? {
        0 => {
            let mut result = Ok(());
            doc.transact(|tx| result = edit(tx, input, &mut |_, _| {}));
            result
        }
        1 if input.arbitrary()? => {
            let version = match input.int_in_range(0..=3u8)? {
                0 => doc.version().clone(),
                _ => doc.version().iter().map(|(replica, count)| (replica, count / 2)).collect(),
            };
            let before = View::of(doc);
            doc.compact(&version);
            assert_eq!(View::of(doc), before, "what is let go of was not to be seen");
            Ok(())
        }
        1 => {
            doc.set_history_limit(*input.choose(&[0, 1000, 1 << 20, 1 << 20])?);
            Ok(())
        }
        _ => {
            let forged = forger.change(doc.version(), input)?;
            // What no document would write is refused by who reads it.
            let Ok(delta) = Delta::from_bytes(&forged.bytes) else { return Ok(()) };
            // What waited for an edit of our own comes in first.
            drop(doc.apply(&Delta::default()));
            let before = View::of(doc);
            if doc.apply(&delta).is_err() {
                assert_eq!(View::of(doc), before, "what is refused leaves no trace");
                return Ok(());
            }
            assert!(doc.version().covers(&before.version), "a document never forgets what it has seen");
            if doc.version().get(forged.author) >= forged.end {
                assert!(doc.apply(&delta).expect("all of it was seen").changed().is_empty());
                forger.taken(forged);
            }
            Ok(())
        }
    }
}
