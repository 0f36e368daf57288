//! What writers of texts rely on.

use conjoin_core::{Doc, Expand, OutOfBounds, ReplicaId, Unit, Value, VersionVector};
use proptest::prelude::*;
use proptest::sample::Index;

/// A text that all have seen.
fn writers(count: u64, text: &str) -> Vec<Doc> {
    let mut first = Doc::new(ReplicaId::new(100));
    let delta = first.transact(|tx| tx.text("t").push(text)).delta();
    let writer = |id| {
        let mut doc = Doc::new(ReplicaId::new(id));
        doc.apply(&delta).expect("an honest delta applies");
        doc
    };
    (0..count).map(writer).collect()
}

fn write(doc: &mut Doc, at: usize, text: &str) {
    doc.transact(|tx| tx.text("t").insert(at, text).expect("in bounds"));
}

/// Everybody gets everything; returns the text.
fn meet(docs: &mut [Doc]) -> String {
    let since = VersionVector::new();
    let all: Vec<_> = docs.iter().map(|doc| doc.delta_since(&since).expect("all is kept")).collect();
    for doc in &mut *docs {
        for delta in &all {
            doc.apply(delta).expect("an honest delta applies");
        }
    }
    let text = docs[0].text("t").to_string();
    docs.iter().for_each(|doc| assert_eq!(doc.text("t").to_string(), text));
    text
}

proptest! {
    #[test]
    fn what_several_type_at_one_place_is_not_interleaved(
        // For each writer, how much it types, whether forwards, and after how much it meets the others.
        writers_do in prop::collection::vec((1..8usize, any::<bool>(), 0..8usize), 2..5),
        place in 0..4usize,
    ) {
        let mut docs = writers(writers_do.len() as u64, "<|>");
        let mut words = Vec::new();
        for (nth, &(len, forwards, _)) in writers_do.iter().enumerate() {
            let letter = char::from(b'a' + nth as u8);
            for at in 0..len {
                write(&mut docs[nth], if forwards { place + at } else { place }, &letter.to_string());
            }
            words.push(letter.to_string().repeat(len));
        }
        let text = meet(&mut docs);
        for word in &words {
            prop_assert!(text.contains(word), "{word} is torn apart: {text}");
        }
        // They go on behind and ahead of their own, and still stand together.
        for (nth, &(_, forwards, more)) in writers_do.iter().enumerate() {
            let letter = char::from(b'a' + nth as u8);
            for _ in 0..more {
                let text = docs[nth].text("t").to_string();
                let own = |at: Option<usize>| at.expect("its letters are there");
                let at = match forwards {
                    true => own(text.rfind(letter)) + 1,
                    false => own(text.find(letter)),
                };
                write(&mut docs[nth], at, &letter.to_string());
            }
        }
        let text = meet(&mut docs);
        for (nth, &(len, _, more)) in writers_do.iter().enumerate() {
            let word = char::from(b'a' + nth as u8).to_string().repeat(len + more);
            prop_assert!(text.contains(&word), "{word} is torn apart: {text}");
        }
    }

    #[test]
    fn indexes_in_every_unit_are_of_the_same_characters(
        text in "[aé漢😀]{0,40}",
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), "[aé漢😀]{0,3}"), 1..6),
    ) {
        let mut docs = [Unit::Scalar, Unit::Utf16, Unit::Utf8].map(|unit| {
            let mut doc = Doc::new(ReplicaId::new(1));
            doc.transact(|tx| tx.text("t").push(&text));
            (unit, doc)
        });
        let mut plain: Vec<char> = text.chars().collect();
        for (from, to, new) in &edits {
            let from = from.index(plain.len() + 1);
            let to = from + to.index(plain.len() - from + 1);
            for (unit, doc) in &mut docs {
                let index = |at: usize| -> usize {
                    let before = &plain[..at];
                    match unit {
                        Unit::Scalar => before.len(),
                        Unit::Utf16 => before.iter().map(|char| char.len_utf16()).sum(),
                        Unit::Utf8 => before.iter().map(|char| char.len_utf8()).sum(),
                    }
                };
                let range = index(from)..index(to);
                for at in [from, to] {
                    prop_assert_eq!(doc.text("t").convert(at, Unit::Scalar, *unit), Some(index(at)));
                    prop_assert_eq!(doc.text("t").convert(index(at), *unit, Unit::Scalar), Some(at));
                }
                doc.transact(|tx| {
                    let text = tx.text("t");
                    let mut text = match unit {
                        Unit::Scalar => text,
                        Unit::Utf16 => text.utf16(),
                        Unit::Utf8 => text.utf8(),
                    };
                    text.replace(range, new).expect("in bounds");
                });
            }
            plain.splice(from..to, new.chars());
            let expected: String = plain.iter().collect();
            for (_, doc) in &docs {
                prop_assert_eq!(doc.text("t").to_string(), &*expected);
                let (from, to) = (from.min(plain.len()), to.min(plain.len()));
                prop_assert_eq!(doc.text("t").slice(from..to), plain[from..to].iter().collect::<String>());
            }
        }
    }
}

#[test]
fn an_index_inside_a_character_or_past_the_end_changes_nothing() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.text("t").push("a😀"));
    let commit = doc.transact(|tx| {
        let mut text = tx.text("t").utf16();
        assert_eq!(text.insert(2, "x"), Err(OutOfBounds { index: 2, len: 3 }));
        assert_eq!(text.delete(0..2), Err(OutOfBounds { index: 2, len: 3 }));
        assert_eq!(text.delete(1..4), Err(OutOfBounds { index: 4, len: 3 }));
        let mut text = tx.text("t").utf8();
        assert_eq!(text.replace(2..5, "x"), Err(OutOfBounds { index: 2, len: 5 }));
        let mut text = tx.text("t");
        assert!(text.insert(3, "x").is_err() && text.mark(1..3, "bold", true, Expand::After).is_err());
        assert!(tx.list("l").insert(1, 0).is_err() && tx.list("l").remove(0..1).is_err());
        assert!(tx.list("l").set(0, 0).is_err() && tx.list("l").move_to(0, 0).is_err());
        assert!(tx.list("l").insert_map(1).is_err() && tx.list("l").map(0).is_none());
    });
    assert!(commit.is_empty() && commit.changed().is_empty() && commit.delta().is_empty());
    assert_eq!(doc.text("t").convert(2, Unit::Utf16, Unit::Scalar), None);
    assert_eq!(doc.text("t").to_string(), "a😀");
}

#[test]
fn what_is_typed_at_the_ends_of_a_mark_is_as_its_author_wished() {
    for (expand, marked) in
        [(Expand::None, "b"), (Expand::After, "b>"), (Expand::Before, "<b"), (Expand::Both, "<b>")]
    {
        let mut docs = writers(2, "abc");
        docs[0].transact(|tx| tx.text("t").mark(1..2, "bold", true, expand).expect("in bounds"));
        // At the same time, by somebody who does not know of the mark.
        write(&mut docs[1], 2, ">");
        write(&mut docs[1], 1, "<");
        assert_eq!(meet(&mut docs), "a<b>c");
        for doc in &docs {
            let spans = doc.text("t").spans();
            let bold: Vec<_> = spans.iter().filter(|span| span.marks.contains_key("bold")).collect();
            assert_eq!(bold.len(), 1);
            assert_eq!((&*bold[0].text, &bold[0].marks["bold"]), (marked, &Value::Bool(true)), "{expand:?}");
        }
    }
}

#[test]
fn a_mark_taken_off_leaves_what_others_mark_beside_it() {
    let mut docs = writers(2, "abcd");
    docs[0].transact(|tx| tx.text("t").mark(0..4, "bold", true, Expand::None).expect("in bounds"));
    meet(&mut docs);
    docs[0].transact(|tx| tx.text("t").unmark(0..2, "bold", Expand::None).expect("in bounds"));
    docs[1].transact(|tx| tx.text("t").mark(1..3, "link", "x", Expand::None).expect("in bounds"));
    meet(&mut docs);
    for doc in &docs {
        let spans = doc.text("t").spans();
        let read: Vec<(&str, Vec<&str>)> =
            spans.iter().map(|span| (&*span.text, span.marks.keys().map(|key| &**key).collect())).collect();
        assert_eq!(
            read,
            [("a", vec![]), ("b", vec!["link"]), ("c", vec!["bold", "link"]), ("d", vec!["bold"])]
        );
    }
}

#[test]
fn an_item_that_several_move_at_once_is_not_doubled_and_a_removed_one_stays_away() {
    let mut docs: Vec<Doc> = (1..4).map(|id| Doc::new(ReplicaId::new(id))).collect();
    docs[0].transact(|tx| tx.list("l").insert_all(0, ["a", "b", "c", "d"]).expect("in bounds"));
    meet(&mut docs);
    docs[0].transact(|tx| tx.list("l").move_to(0, 3).expect("in bounds"));
    docs[1].transact(|tx| tx.list("l").move_to(0, 1).expect("in bounds"));
    docs[1].transact(|tx| tx.list("l").move_to(3, 0).expect("in bounds"));
    docs[2].transact(|tx| tx.list("l").remove(3..4).expect("in bounds"));
    meet(&mut docs);
    for doc in &docs {
        let items: Vec<_> =
            (0..doc.list("l").len()).filter_map(|at| doc.list("l").get(at).cloned()).collect();
        assert_eq!(items, ["b", "a", "c"].map(Value::from), "the later move counts, and the removal");
    }
}
