use std::time::Duration;

use proptest::prelude::*;

use super::UndoManager;
use crate::{Doc, Expand, ReplicaId, Transaction, Value};

/// A document and what its edits are taken back with; each edit is one to be taken back alone.
struct Editor {
    doc: Doc,
    undo: UndoManager,
}

impl Editor {
    fn new() -> Self {
        let mut undo = UndoManager::new();
        undo.set_merge_interval(Duration::ZERO);
        Self { doc: Doc::new(ReplicaId::new(1)), undo }
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Transaction<'_>)) {
        self.undo.transact(&mut self.doc, Duration::ZERO, edit);
    }

    fn undo(&mut self) -> bool {
        self.undo.undo(&mut self.doc).is_some()
    }

    fn redo(&mut self) -> bool {
        self.undo.redo(&mut self.doc).is_some()
    }

    /// Lets somebody else edit what is here now.
    fn other(&mut self, edit: impl FnOnce(&mut Transaction<'_>)) {
        let mut other = self.doc.fork(ReplicaId::new(1_000 + self.doc.version().len() as u64));
        other.transact(edit);
        self.doc.merge(&other).expect("it is new");
    }

    fn text(&self) -> String {
        self.doc.text("t").to_string()
    }
}

fn show(doc: &Doc) -> String {
    // What was never there and what is empty again are the same.
    let map: Vec<_> = doc.map("m").iter().map(|(key, item)| format!("{key}: {item:?}")).collect();
    let (list, set, counter) = (doc.list("l"), doc.set("s"), doc.counter("c"));
    let register = doc.register("r").filter(|value| **value != Value::Null);
    format!("{map:?} {list:?} {set:?} {counter} {register:?} {:?}", doc.text("t").spans())
}

#[test]
fn the_edits_of_others_stay() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.text("t").push("Hello world"));
    ada.other(|tx| tx.text("t").insert(5, ", dear").expect("it is within the text"));
    ada.edit(|tx| tx.text("t").delete(0..5).expect("it is within the text"));
    ada.other(|tx| tx.text("t").push("!"));
    assert_eq!(ada.text(), ", dear world!");
    assert!(ada.undo());
    assert_eq!(ada.text(), "Hello, dear world!");
    assert!(ada.undo());
    assert_eq!(ada.text(), ", dear!");
    assert!(!ada.undo());
    assert!(ada.redo() && ada.redo() && !ada.redo());
    assert_eq!(ada.text(), ", dear world!");
}

#[test]
fn a_write_that_somebody_else_replaced_is_left() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.map("m").set("k", 1));
    ada.edit(|tx| tx.register("r").set(1));
    ada.other(|tx| {
        tx.map("m").set("k", 2);
        tx.register("r").set(2);
    });
    assert!(!ada.undo());
    assert_eq!((ada.doc.map("m").get("k"), ada.doc.register("r")), (Some(&2.into()), Some(&2.into())));
}

#[test]
fn a_value_that_somebody_else_added_too_stays_in() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.set("s").insert("x"));
    ada.other(|tx| tx.set("s").insert("x"));
    assert!(!ada.undo());
    assert!(ada.doc.set("s").contains("x"));
}

#[test]
fn a_nested_value_comes_back_with_what_others_did_in_it() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.map("m").text("body").push("mine"));
    let mut bob = ada.doc.fork(ReplicaId::new(2));
    bob.transact(|tx| tx.map("m").text("body").push(" and his"));
    ada.edit(|tx| tx.map("m").remove("body"));
    ada.doc.merge(&bob).expect("it is new");
    assert!(ada.undo());
    assert_eq!(ada.doc.map("m").text("body").to_string(), "mine and his");
}

#[test]
fn marks_go_back_to_what_they_were_and_come_back_with_their_text() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.text("t").push("abcdef"));
    ada.edit(|tx| tx.text("t").mark(0..4, "size", 1, Expand::None).expect("it is within the text"));
    let small = show(&ada.doc);
    ada.edit(|tx| tx.text("t").mark(2..6, "size", 2, Expand::None).expect("it is within the text"));
    let both = show(&ada.doc);
    ada.edit(|tx| tx.text("t").delete(1..5).expect("it is within the text"));
    assert!(ada.undo());
    assert_eq!(show(&ada.doc), both);
    assert!(ada.undo());
    assert_eq!(show(&ada.doc), small);
    assert!(ada.redo());
    assert_eq!(show(&ada.doc), both);
}

#[test]
fn marks_on_what_came_and_went_and_came_again_leave_nothing_behind() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.text("t").push("a"));
    ada.edit(|tx| tx.text("t").insert(0, "aa").expect("it is within the text"));
    ada.edit(|tx| tx.text("t").mark(0..3, "bold", true, Expand::None).expect("it is within the text"));
    let all = show(&ada.doc);
    ada.edit(|tx| tx.text("t").delete(0..1).expect("it is within the text"));
    let end = show(&ada.doc);
    for _ in 0..5 {
        assert!(ada.undo());
        assert_eq!(show(&ada.doc), all);
        assert!(ada.undo() && !show(&ada.doc).contains("bold"));
        while ada.undo() {}
        while ada.redo() {}
        assert_eq!(show(&ada.doc), end);
    }
}

#[test]
fn what_others_marked_meanwhile_stays() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.text("t").push("abcd"));
    ada.edit(|tx| tx.text("t").mark(0..2, "size", 1, Expand::None).expect("it is within the text"));
    ada.edit(|tx| tx.text("t").mark(0..4, "size", 2, Expand::None).expect("it is within the text"));
    ada.edit(|tx| tx.text("t").delete(1..3).expect("it is within the text"));
    ada.other(|tx| tx.text("t").mark(0..2, "link", "x", Expand::None).expect("it is within the text"));
    assert!(ada.undo() && ada.undo());
    let marks = |ada: &Editor, key: &str| -> Vec<Option<Value>> {
        let spans = ada.doc.text("t").spans();
        let marked = spans.iter().flat_map(|span| span.text.chars().map(|_| span.marks.get(key).cloned()));
        marked.collect()
    };
    let one = Some(Value::Int(1));
    assert_eq!(marks(&ada, "size"), [one.clone(), one, None, None]);
    let link = Some(Value::from("x"));
    assert_eq!(
        marks(&ada, "link"),
        [link.clone(), link.clone(), link.clone(), link],
        "they marked all between"
    );
}

#[test]
fn what_is_typed_beside_a_mark_that_was_taken_back_has_none() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.text("t").push("ab"));
    ada.edit(|tx| tx.text("t").mark(0..2, "bold", true, Expand::Both).expect("it is within the text"));
    ada.undo();
    ada.other(|tx| {
        tx.text("t").push("!");
        tx.text("t").insert(0, "!").expect("it is the start");
    });
    assert!(!show(&ada.doc).contains("bold"));
    ada.redo();
    assert_eq!(ada.doc.text("t").spans().len(), 1, "what was typed beside it meanwhile is marked, too");
}

#[test]
fn an_item_comes_back_with_all_that_is_in_it() {
    let mut ada = Editor::new();
    ada.edit(|tx| {
        let mut list = tx.list("l");
        list.push(1);
        let mut map = list.insert_map(1).expect("it is the end");
        map.set("done", false);
        map.counter("n").add(3);
        let mut text = map.text("title");
        text.push("Tea, please");
        text.mark(0..3, "bold", true, Expand::After).expect("it is within the text");
        map.list("steps").insert_list(0).expect("it is the start").push("boil");
    });
    let before = show(&ada.doc);
    ada.edit(|tx| tx.list("l").remove(0..2).expect("both are items"));
    assert!(ada.undo());
    assert_eq!(show(&ada.doc), before);
    assert!(ada.redo());
    assert!(ada.doc.list("l").is_empty());
    assert!(ada.undo() && ada.undo());
    assert!(ada.doc.list("l").is_empty());
}

#[test]
fn what_was_done_inside_an_item_is_taken_back_after_the_item_came_back() {
    let mut ada = Editor::new();
    ada.edit(|tx| {
        tx.list("l").push(1);
        tx.list("l").insert_map(1).expect("it is the end").set("title", "Tea");
    });
    let card = |ada: &Editor| ada.doc.list("l").map(1).to_json();
    let map = |tx: &mut Transaction<'_>, edit: &dyn Fn(&mut crate::MapMut<'_, '_>)| {
        edit(&mut tx.list("l").map(1).expect("it is there"));
    };
    let mut seen = vec![card(&ada)];
    let edits: [&dyn Fn(&mut crate::MapMut<'_, '_>); 6] = [
        &|card| card.set("title", "Green tea"),
        &|card| card.text("body").push("boil"),
        &|card| card.text("body").push(" water"),
        &|card| card.list("tags").push("hot"),
        &|card| card.counter("votes").add(3),
        &|card| card.set_of("by").insert("ada"),
    ];
    for edit in edits {
        ada.edit(|tx| map(tx, edit));
        seen.push(card(&ada));
    }
    ada.edit(|tx| tx.list("l").remove(1..2).expect("it is an item"));
    for _ in 0..3 {
        for then in seen.iter().rev() {
            assert!(ada.undo());
            assert_eq!(card(&ada), *then);
        }
        while ada.redo() {}
        assert_eq!(ada.doc.list("l").len(), 1);
    }
}

#[test]
fn edits_that_are_near_each_other_are_taken_back_together() {
    let mut doc = Doc::new(ReplicaId::new(1));
    let mut undo = UndoManager::new();
    for (at, text) in [(100, "a"), (400, "b"), (700, "c"), (1_300, "d")] {
        undo.transact(&mut doc, Duration::from_millis(at), |tx| tx.text("t").push(text));
    }
    undo.undo(&mut doc);
    assert_eq!(doc.text("t").to_string(), "abc");
    undo.undo(&mut doc);
    assert_eq!(doc.text("t").to_string(), "");
    assert!(!undo.can_undo() && undo.can_redo());

    undo.group_start();
    for at in [5, 10, 15] {
        undo.transact(&mut doc, Duration::from_secs(at), |tx| tx.text("t").push("x"));
    }
    undo.group_end();
    assert!(!undo.can_redo());
    undo.transact(&mut doc, Duration::from_secs(15), |tx| tx.text("t").push("y"));
    undo.undo(&mut doc);
    assert_eq!(doc.text("t").to_string(), "xxx");
    undo.undo(&mut doc);
    assert_eq!(doc.text("t").to_string(), "");
}

#[test]
fn as_many_writes_as_are_made_while_something_is_dragged_are_taken_back_at_once() {
    let mut doc = Doc::new(ReplicaId::new(1));
    doc.transact(|tx| tx.map("shape").set("x", "at first"));
    let mut undo = UndoManager::new();
    // If the log were read for each, that would take minutes.
    for x in 0..20_000 {
        undo.transact(&mut doc, Duration::ZERO, |tx| {
            tx.map("shape").set("x", x);
            tx.map("seen").set(&x.to_string(), true);
        });
    }
    assert!(undo.undo(&mut doc).is_some());
    assert_eq!(doc.map("shape").get("x"), Some(&"at first".into()));
    assert!(doc.map("seen").is_empty());
    assert!(undo.redo(&mut doc).is_some());
    assert_eq!(doc.map("shape").get("x"), Some(&19_999.into()));
    assert_eq!(doc.map("seen").len(), 20_000);
}

#[test]
fn the_oldest_groups_go() {
    let mut ada = Editor::new();
    ada.undo.set_max_undo_steps(2);
    for text in ["a", "b", "c"] {
        ada.edit(|tx| tx.text("t").push(text));
    }
    assert!(ada.undo() && ada.undo() && !ada.undo());
    assert_eq!(ada.text(), "a");
}

#[test]
fn edits_whose_history_is_gone_are_left() {
    let mut ada = Editor::new();
    ada.edit(|tx| tx.text("t").push("kept"));
    ada.doc.set_history_limit(0);
    ada.edit(|tx| tx.map("m").set("k", 1));
    assert!(!ada.undo());
    assert_eq!(ada.text(), "kept");
}

#[test]
fn what_was_compacted_is_left() {
    let mut ada = Editor::new();
    ada.edit(|tx| {
        tx.text("t").push("abc");
        tx.list("l").insert_all(0, [1, 2, 3]).expect("it is the start");
    });
    ada.edit(|tx| {
        tx.text("t").delete(0..2).expect("it is within the text");
        tx.list("l").move_to(0, 2).expect("both are items");
        tx.list("l").remove(0..1).expect("it is an item");
    });
    let before = show(&ada.doc);
    ada.doc.compact(&ada.doc.version().clone());
    assert!(!ada.undo());
    assert_eq!(show(&ada.doc), before);
}

#[test]
fn values_are_put_in_order_a_few_times_however_much_comes_back() {
    let mut ada = Editor::new();
    ada.edit(|tx| {
        tx.text("t").push(&"to be or not ".repeat(100));
        tx.text("t").mark(50..900, "bold", true, Expand::After).expect("it is within the text");
        tx.list("l").insert_all(0, 0..500).expect("it is the start");
        for at in 0..100 {
            tx.list("l").insert_map(at).expect("it is within the list").text("name").push("shape");
        }
    });
    let before = show(&ada.doc);
    ada.edit(|tx| {
        for nth in (0..100).rev() {
            tx.text("t").replace(nth * 13..nth * 13 + 2, "three").expect("it is within the text");
        }
        tx.list("l").remove(..100).expect("they are items");
        for at in (0..500).rev().step_by(2) {
            tx.list("l").remove(at..=at).expect("it is an item");
        }
    });
    let after = show(&ada.doc);
    for _ in 0..3 {
        let ordered = super::place::ORDERED.get();
        assert!(ada.undo());
        assert_eq!(show(&ada.doc), before);
        let ordered = super::place::ORDERED.get() - ordered;
        assert!(ordered < 10_000, "{ordered} runs were put in order");
        assert!(ada.redo());
        assert_eq!(show(&ada.doc), after);
    }
}

#[derive(Debug, Clone)]
enum Do {
    Insert(prop::sample::Index, String),
    Delete(prop::sample::Index, usize),
    Set(u8, u8),
    Remove(u8),
    Nest(u8, u8),
    Register(u8),
    Add(i64),
    Include(u8),
    Exclude(u8),
    Push(prop::sample::Index, u8),
    Take(prop::sample::Index),
    Move(prop::sample::Index, prop::sample::Index),
    Assign(prop::sample::Index, u8),
    Mark(prop::sample::Index, usize, u8, u8),
    Type(String),
    Note(prop::sample::Index, String),
    Write(prop::sample::Index, String),
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    prop::collection::vec(step(), 1..14)
}

fn step() -> impl Strategy<Value = Do> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        3 => (at(), "[a-z]{1,4}").prop_map(|(at, text)| Do::Insert(at, text)),
        2 => (at(), 1..4usize).prop_map(|(at, len)| Do::Delete(at, len)),
        1 => (0..2u8, 0..9u8).prop_map(|(key, value)| Do::Set(key, value)),
        1 => (0..2u8).prop_map(Do::Remove),
        1 => (0..2u8, 0..9u8).prop_map(|(key, value)| Do::Nest(key, value)),
        1 => (0..9u8).prop_map(Do::Register),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), -9..9i64].prop_map(Do::Add),
        1 => (0..3u8).prop_map(Do::Include),
        1 => (0..3u8).prop_map(Do::Exclude),
        2 => (at(), 0..9u8).prop_map(|(at, value)| Do::Push(at, value)),
        1 => at().prop_map(Do::Take),
        2 => (at(), at()).prop_map(|(from, to)| Do::Move(from, to)),
        1 => (at(), 0..9u8).prop_map(|(at, value)| Do::Assign(at, value)),
        3 => (at(), 1..4usize, 0..6u8, 0..4u8).prop_map(|(at, len, what, expand)| Do::Mark(at, len, what, expand)),
        1 => "[a-z]{1,4}".prop_map(Do::Type),
        1 => (at(), "[a-z]{1,4}").prop_map(|(at, text)| Do::Note(at, text)),
        2 => (at(), "[a-z]{1,4}").prop_map(|(at, text)| Do::Write(at, text)),
    ]
}

fn perform(tx: &mut Transaction<'_>, step: &Do) {
    let key = |key: &u8| ["a", "b"][usize::from(*key)];
    let (len, items) = (tx.doc().text("t").len(), tx.doc().list("l").len());
    let done = match step {
        Do::Insert(at, text) => tx.text("t").insert(at.index(len + 1), text),
        Do::Delete(at, count) => {
            let at = at.index(len + 1);
            tx.text("t").delete(at..len.min(at + count))
        }
        Do::Mark(at, count, what, expand) => {
            let at = at.index(len + 1);
            let expand = [Expand::After, Expand::Before, Expand::Both, Expand::None][usize::from(*expand)];
            let value = if what % 3 == 0 { Value::Null } else { Value::from(u32::from(what % 3)) };
            tx.text("t").mark(at..len.min(at + count), ["bold", "link"][usize::from(what / 3)], value, expand)
        }
        Do::Type(text) => {
            tx.map("m").text("a").push(text);
            Ok(())
        }
        Do::Set(name, value) => {
            tx.map("m").set(key(name), u32::from(*value));
            Ok(())
        }
        Do::Remove(name) => {
            tx.map("m").remove(key(name));
            Ok(())
        }
        Do::Nest(name, value) => {
            tx.map("m").map(key(name)).set("x", u32::from(*value));
            Ok(())
        }
        Do::Register(value) => {
            tx.register("r").set(u32::from(*value));
            Ok(())
        }
        Do::Add(amount) => {
            tx.counter("c").add(*amount);
            Ok(())
        }
        Do::Include(value) => {
            tx.set("s").insert(u32::from(*value));
            Ok(())
        }
        Do::Exclude(value) => {
            tx.set("s").remove(u32::from(*value));
            Ok(())
        }
        Do::Push(at, value) => tx.list("l").insert(at.index(items + 1), u32::from(*value)),
        Do::Note(at, text) => tx.list("l").insert_text(at.index(items + 1)).map(|mut note| note.push(text)),
        _ if items == 0 => Ok(()),
        Do::Write(at, text) => {
            if let Some(mut note) = tx.list("l").text(at.index(items)) {
                note.push(text);
            }
            Ok(())
        }
        // What is edited itself cannot come back where a plain value took its place.
        Do::Assign(at, _) if tx.doc().list("l").get(at.index(items)).is_none() => Ok(()),
        Do::Take(at) => {
            let at = at.index(items);
            tx.list("l").remove(at..at + 1)
        }
        Do::Move(from, to) => tx.list("l").move_to(from.index(items), to.index(items)),
        Do::Assign(at, value) => tx.list("l").set(at.index(items), u32::from(*value)),
    };
    done.expect("the indexes are within");
}

proptest! {
    #[test]
    fn all_is_as_it_was_after_each_undo_and_redo(steps in steps(), turns in 1..4usize) {
        let mut ada = Editor::new();
        let mut seen = vec![show(&ada.doc)];
        for step in &steps {
            ada.undo.group_start();
            ada.edit(|tx| perform(tx, step));
            ada.undo.group_end();
            let now = show(&ada.doc);
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        for _ in 0..turns {
            let mut back = seen.clone();
            while ada.undo() {
                let now = show(&ada.doc);
                while back.last() != Some(&now) {
                    prop_assert!(back.pop().is_some(), "undone to what never was: {}", now);
                }
            }
            prop_assert_eq!(show(&ada.doc), seen[0].clone());
            while ada.redo() {}
            prop_assert_eq!(Some(&show(&ada.doc)), seen.last());
        }
        let mut bob = Doc::new(ReplicaId::new(2));
        bob.apply(&ada.doc.delta_since(&crate::VersionVector::new()).expect("all is kept")).expect("it is sound");
        prop_assert_eq!(show(&bob), show(&ada.doc));
    }

    #[test]
    fn each_undo_and_redo_leads_to_where_all_was(turns in prop::collection::vec((0..5u8, step()), 1..24)) {
        let mut ada = Editor::new();
        let (mut past, mut future) = (Vec::new(), Vec::new());
        for (turn, step) in &turns {
            let before = show(&ada.doc);
            let (from, to) = match turn {
                0 if ada.undo() => (&mut past, &mut future),
                1 if ada.redo() => (&mut future, &mut past),
                0 | 1 => continue,
                _ => {
                    let version = ada.doc.version().clone();
                    ada.undo.group_end();
                    ada.edit(|tx| perform(tx, step));
                    if *ada.doc.version() != version {
                        future.clear();
                        past.push(before);
                    }
                    continue;
                }
            };
            // Edits of which nothing is left are passed over.
            let now = show(&ada.doc);
            let at = from.iter().rposition(|then| *then == now);
            prop_assert!(at.is_some() || now == before, "it never was like that: {}", now);
            let passed = from.split_off(at.unwrap_or(from.len()));
            to.push(before);
            to.extend(passed.into_iter().skip(1).rev());
        }
        let mut bob = Doc::new(ReplicaId::new(2));
        bob.apply(&ada.doc.delta_since(&crate::VersionVector::new()).expect("all is kept")).expect("it is sound");
        prop_assert_eq!(show(&bob), show(&ada.doc));
    }

    #[test]
    fn what_others_typed_stays(steps in steps(), others in steps()) {
        let mut ada = Editor::new();
        let upper = |step: &Do| match step {
            Do::Insert(at, text) => Some(Do::Insert(*at, text.to_uppercase())),
            _ => None,
        };
        let mut others = others.iter().filter_map(upper);
        let mut typed = 0;
        for step in &steps {
            ada.edit(|tx| if !matches!(step, Do::Delete(..)) { perform(tx, step) });
            if let Some(step) = others.next() {
                ada.other(|tx| perform(tx, &step));
                if let Do::Insert(_, text) = step {
                    typed += text.len();
                }
            }
        }
        while ada.undo() {}
        let text = ada.text();
        prop_assert_eq!(text.len(), typed);
        prop_assert!(text.chars().all(char::is_uppercase));
    }
}
