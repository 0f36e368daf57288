use proptest::prelude::*;

use super::TravelError;
use crate::{Changed, Content, Diff, Doc, Expand, ListStep, ReplicaId, TextStep, Value, VersionVector};

fn show(doc: &Doc) -> String {
    let all = (doc.map("m"), doc.list("l"), doc.set("s"), doc.counter("c"));
    format!("{all:?} {:?} {:?}", doc.text("t").spans(), doc.register_all("r").collect::<Vec<_>>())
}

/// Marked characters, as patches tell of them.
type Chars = Vec<(char, Vec<(String, Value)>)>;

fn chars(doc: &Doc) -> Chars {
    let spans = doc.text("t").spans();
    let marked = |span: crate::Span| {
        let marks: Vec<_> = span.marks.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        span.text.chars().map(|char| (char, marks.clone())).collect::<Vec<_>>()
    };
    spans.into_iter().flat_map(marked).collect()
}

fn patched_text(before: &Doc, changed: &Changed) -> Chars {
    let mut chars = chars(before);
    let Some(steps) =
        changed.iter().find_map(|patch| if let Diff::Text(steps) = &patch.diff { Some(steps) } else { None })
    else {
        return chars;
    };
    let mut at = 0;
    for step in steps {
        match step {
            TextStep::Retain(len, marks) => {
                for char in &mut chars[at..at + len] {
                    for (key, value) in marks {
                        char.1.retain(|mark| *mark.0 != **key);
                        if *value != Value::Null {
                            char.1.push((key.to_string(), value.clone()));
                        }
                    }
                    char.1.sort_by(|a, b| a.0.cmp(&b.0));
                }
                at += len;
            }
            TextStep::Delete(len) => drop(chars.drain(at..at + len)),
            TextStep::Insert(text, marks) => {
                let marks: Vec<_> =
                    marks.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
                for char in text.chars() {
                    chars.insert(at, (char, marks.clone()));
                    at += 1;
                }
            }
        }
    }
    chars
}

fn patched_list(before: &Doc, changed: &Changed) -> Vec<Value> {
    let mut items: Vec<Value> = before.list("l").iter().filter_map(|item| item.value().cloned()).collect();
    let Some(steps) =
        changed.iter().find_map(|patch| if let Diff::List(steps) = &patch.diff { Some(steps) } else { None })
    else {
        return items;
    };
    let mut at = 0;
    for step in steps {
        match step {
            ListStep::Retain(len) => at += len,
            ListStep::Delete(len) => drop(items.drain(at..at + len)),
            ListStep::Insert(contents) => {
                for content in contents {
                    let Content::Value(value) = content else { panic!("there are plain values alone") };
                    items.insert(at, value.clone());
                    at += 1;
                }
            }
        }
    }
    items
}

#[test]
fn versions_that_nobody_was_at_are_refused() {
    let (mut ada, mut bob) = (Doc::new(ReplicaId::new(1)), Doc::new(ReplicaId::new(2)));
    ada.transact(|tx| tx.counter("c").increment());
    bob.merge(&ada).expect("it is new");
    bob.transact(|tx| tx.counter("c").increment());
    assert_eq!(ada.at(bob.version()).err(), Some(TravelError::NotSeen));
    let torn: VersionVector = [(ReplicaId::new(2), 1)].into_iter().collect();
    assert_eq!(bob.at(&torn).err(), Some(TravelError::NotClosed));
    bob.set_history_limit(0);
    assert_eq!(bob.at(ada.version()).err(), Some(TravelError::HistoryGone));
}

#[test]
fn nested_values_are_told_of_by_one_name() {
    let mut doc = Doc::new(ReplicaId::new(1));
    let empty = doc.version().clone();
    doc.transact(|tx| tx.map("m").text("body").push("one"));
    let one = doc.version().clone();
    doc.transact(|tx| tx.map("m").text("body").push(" two"));
    let body = doc.map("m").text("body").id().expect("it was edited");
    let diff = doc.diff(&empty, &one).expect("all is kept");
    let entries = [("body".into(), Some(Content::Nested(body, crate::Kind::Text)))].into_iter().collect();
    assert_eq!(diff.patches[0].diff, Diff::Map(entries));
    assert_eq!(diff.patches[1].container, body);
    assert_eq!(diff.patches[1].diff, Diff::Text(vec![TextStep::Insert("one".into(), crate::Marks::new())]));
    let back = doc.diff(&one, &empty).expect("all is kept");
    assert_eq!(back.patches.len(), 1);
    assert_eq!(back.patches[0].diff, Diff::Map([("body".into(), None)].into_iter().collect()));
    assert!(doc.diff(&one, &one).expect("all is kept").is_empty());
}

#[test]
fn what_two_made_at_once_is_one_value_also_to_who_goes_from_the_one_to_the_other() {
    let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    ada.transact(|tx| tx.map("m").map("k").set("by", "ada"));
    bob.transact(|tx| tx.map("m").map("k").set("by", "bob"));
    let (adas, bobs) = (ada.version().clone(), bob.version().clone());
    ada.merge(&bob).expect("it is new");
    let nested = ada.map("m").map("k").id().expect("it was edited");
    let diff = ada.diff(&adas, &bobs).expect("all is kept");
    assert_eq!(diff.patches.len(), 1);
    assert_eq!(diff.patches[0].container, nested);
    let entries = [("by".into(), Some(Content::Value("bob".into())))].into_iter().collect();
    assert_eq!(diff.patches[0].diff, Diff::Map(entries));
}

proptest! {
    #[test]
    fn any_version_can_be_looked_at_and_patched_to_any_other(
        steps in prop::collection::vec((0..3usize, 0..9u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..25),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let mut docs: Vec<Doc> = (1..4).map(|id| Doc::new(ReplicaId::new(id))).collect();
        let mut seen: Vec<(VersionVector, String)> = vec![(VersionVector::new(), show(&docs[0]))];
        for (who, what, a, b) in steps {
            let other = docs[a.index(3)].clone();
            let doc = &mut docs[who];
            if what < 2 && other.replica() != doc.replica() {
                doc.merge(&other).expect("nobody lies");
            }
            let (len, items) = (doc.text("t").len(), doc.list("l").len());
            let (from, to) = (a.index(len + 1).min(b.index(len + 1)), a.index(len + 1).max(b.index(len + 1)));
            doc.transact(|tx| {
                let done = match what {
                    0 | 2 => tx.text("t").insert(from, "abc"),
                    3 => tx.text("t").delete(from..to),
                    4 => tx.text("t").mark(from..to, "bold", len as i64, Expand::After),
                    5 => tx.list("l").insert(a.index(items + 1), len as i64),
                    6 if items > 0 => tx.list("l").move_to(a.index(items), b.index(items)),
                    7 if items > 0 => tx.list("l").set(a.index(items), "x"),
                    8 if items > 0 => tx.list("l").remove(a.index(items)..),
                    _ => {
                        tx.set("s").insert(len as i64);
                        tx.map("m").set("k", len as i64);
                        tx.register("r").set(len as i64);
                        Ok(())
                    }
                };
                done.expect("the indexes are within");
            });
            seen.push((doc.version().clone(), show(doc)));
        }
        let mut all = docs[0].clone();
        all.merge(&docs[1]).expect("nobody lies");
        all.merge(&docs[2]).expect("nobody lies");
        for (version, shown) in &seen {
            prop_assert_eq!(&show(&all.at(version).expect("somebody was at it")), shown);
        }
        let (from, to) = (&seen[from.index(seen.len())].0, &seen[to.index(seen.len())].0);
        let (before, after) = (all.at(from).expect("somebody was at it"), all.at(to).expect("somebody was at it"));
        let diff = all.diff(from, to).expect("somebody was at both");
        prop_assert_eq!(patched_text(&before, &diff), chars(&after));
        let items: Vec<Value> = after.list("l").iter().filter_map(|item| item.value().cloned()).collect();
        prop_assert_eq!(patched_list(&before, &diff), items);
    }
}
