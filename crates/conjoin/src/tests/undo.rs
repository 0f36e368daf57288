//! Undo and cursors in rooms.

use std::time::Duration;

use conjoin_core::{Cursor, Side};

use super::{note, pair, take};
use crate::tests::network::Network;

#[test]
fn what_was_edited_here_is_taken_back_everywhere_and_the_edits_of_others_stay() {
    let (network, ada, bob) = pair();
    let undo = ada.undo_manager();
    undo.set_merge_interval(Duration::ZERO);
    assert!(!undo.can_undo() && !undo.undo());
    ada.text("notes").push("Hello");
    ada.transact(|tx| {
        tx.counter("clicks").add(2);
        tx.map("plan").list("todo").push("write");
    });
    network.settle();
    bob.text("notes").push(", world");
    bob.counter("clicks").increment();
    network.settle();
    assert!(undo.undo());
    network.settle();
    for room in [&ada, &bob] {
        assert_eq!((room.counter("clicks").get(), room.text("notes").get()), (1, "Hello, world".to_owned()));
        assert!(room.read(|doc| doc.map("plan").list("todo").is_empty()));
    }
    assert!(undo.undo() && !undo.can_undo());
    network.settle();
    assert_eq!((ada.text("notes").get(), bob.text("notes").get()), (", world".into(), ", world".into()));
    assert!(undo.redo() && undo.redo() && !undo.redo());
    network.settle();
    assert_eq!((bob.text("notes").get(), bob.counter("clicks").get()), ("Hello, world".to_owned(), 3));
    assert!(!bob.undo_manager().can_undo(), "what came before is not its own");
}

#[test]
fn edits_near_each_other_or_in_a_group_are_taken_back_together() {
    let network = Network::new();
    let ada = network.room("Ada");
    let undo = ada.undo_manager();
    let notes = ada.text("notes");
    notes.push("a");
    notes.push("b");
    network.run_until(Duration::from_secs(1));
    notes.push("c");
    assert!(undo.undo());
    assert_eq!(notes.get(), "ab");
    assert!(undo.undo());
    assert_eq!(notes.get(), "");
    undo.group_start();
    for (text, now) in [("x", 2), ("y", 3), ("z", 4)] {
        notes.push(text);
        network.run_until(Duration::from_secs(now));
    }
    undo.group_end();
    notes.push("!");
    assert!(undo.undo() && undo.clone().undo() && !undo.undo());
    assert_eq!(notes.get(), "");
    undo.clear();
    assert!(!undo.can_redo());
}

#[test]
fn buttons_follow_what_can_be_taken_back_and_done_again() {
    let network = Network::new();
    let ada = network.room("Ada");
    let undo = ada.undo_manager();
    let (can_undo, can_redo) = (note(&undo.watch_can_undo()), note(&undo.watch_can_redo()));
    let told = note(&ada.text("notes").watch());
    ada.text("notes").push("a");
    undo.undo();
    undo.redo();
    assert_eq!(take(&can_undo), [true, false, true]);
    assert_eq!(take(&can_redo), [true, false]);
    assert_eq!(take(&told), ["a", "", "a"]);
}

#[test]
fn a_cursor_stays_where_it_is_while_others_edit() {
    let (network, ada, bob) = pair();
    let notes = ada.text("notes");
    assert_eq!(notes.cursor(0, Side::Right), None);
    notes.push("😀 ada and bob");
    let caret = notes.cursor(10, Side::Right).expect("it is within the text");
    network.settle();
    bob.text("notes").insert(0, "😀").expect("it is within the text");
    network.settle();
    let there = Cursor::from_bytes(&caret.to_bytes()).expect("it is a cursor");
    assert_eq!((notes.resolve(&caret), bob.resolve(&there)), (Some(11), Some(11)));
    assert_eq!((notes.utf16().resolve(&caret), notes.utf8().resolve(&caret)), (Some(13), Some(17)));
    assert_eq!(notes.utf16().cursor(13, Side::Right), Some(caret.clone()));
    assert_eq!((notes.utf16().cursor(1, Side::Right), notes.cursor(99, Side::Left)), (None, None));
    assert_eq!((ada.text("other").resolve(&caret), ada.list("notes").resolve(&caret)), (None, None));

    let todo = ada.list("todo");
    todo.push("a");
    todo.push("b");
    let before_b = todo.cursor(1, Side::Right).expect("it is within the list");
    todo.move_to(1, 0).expect("both are items");
    assert_eq!(todo.resolve(&before_b), Some(0));
}
