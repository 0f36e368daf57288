//! Texts, lists, sets and nested values in rooms, and what is told of their changes.

use std::sync::{Arc, Mutex};

use conjoin_core::{Changed, Diff, Expand, ListStep, Origin, OutOfBounds, TextStep, Value};

use super::{note, pair, take};
use crate::Room;
use crate::tests::network::Network;

fn text(value: &str) -> Value {
    Value::from(value)
}

/// Notes every change of a room's document.
fn follow(room: &Room) -> Arc<Mutex<Vec<Changed>>> {
    let notes: Arc<Mutex<Vec<Changed>>> = Arc::default();
    let inside = notes.clone();
    room.on_change(move |changed| inside.lock().unwrap().push(changed.clone())).forget();
    notes
}

/// Does the steps to a copy of a text.
fn step_along(copy: &str, steps: &[TextStep]) -> String {
    let mut rest = copy.chars();
    let mut done = String::new();
    for step in steps {
        match step {
            TextStep::Retain(len, _) => done.extend(rest.by_ref().take(*len)),
            TextStep::Delete(len) => rest.by_ref().take(*len).for_each(drop),
            TextStep::Insert(text, _) => done.push_str(text),
        }
    }
    done.extend(rest);
    done
}

#[test]
fn texts_lists_and_sets_are_shared() {
    let (network, ada, bob) = pair();
    let (notes, todo, tags) = (ada.text("notes"), ada.list("todo"), ada.set("tags"));
    notes.insert(0, "Héllo").unwrap();
    notes.replace(1..2, "e").unwrap();
    notes.push(" world!");
    notes.delete(11..).unwrap();
    notes.utf16().insert(11, " 😀.").unwrap();
    notes.mark(0..5, "bold", true, Expand::After).unwrap();
    notes.unmark(3..5, "bold", Expand::After).unwrap();
    todo.push("c");
    todo.insert(0, "a").unwrap();
    todo.insert(1, "x").unwrap();
    todo.set(1, "b").unwrap();
    todo.move_to(2, 0).unwrap();
    todo.push("d");
    todo.remove(3..).unwrap();
    tags.insert("red");
    tags.insert(7);
    tags.remove("red");
    network.settle();
    for room in [&ada, &bob] {
        let notes = room.text("notes");
        assert_eq!(notes.get(), "Hello world 😀.");
        assert_eq!(notes.to_string(), notes.get());
        assert_eq!((notes.len(), notes.utf16().len(), notes.utf8().len()), (14, 15, 17));
        let spans: Vec<_> = notes.spans().into_iter().map(|span| (span.text, span.marks.len())).collect();
        assert_eq!(spans, [("Hel".to_owned(), 1), ("lo world 😀.".to_owned(), 0)]);
        let todo = room.list("todo");
        assert_eq!(todo.values(), [text("c"), text("a"), text("b")]);
        assert_eq!((todo.len(), todo.get(2), todo.get(3)), (3, Some(text("b")), None));
        let tags = room.set("tags");
        assert_eq!((tags.values(), tags.len()), (vec![Value::from(7)], 1));
        assert!(tags.contains(7) && !tags.contains("red") && !tags.is_empty());
        assert!(room.text("none").is_empty() && room.list("none").is_empty());
    }
}

#[test]
fn an_index_out_of_bounds_is_told_and_edits_nothing() {
    let network = Network::new();
    let ada = network.room("Ada");
    ada.text("notes").push("😀");
    ada.list("todo").push(1);
    let (version, told) = (ada.version().now(), follow(&ada));
    assert_eq!(ada.text("notes").insert(2, "x"), Err(OutOfBounds { index: 2, len: 1 }));
    assert_eq!(ada.text("notes").utf16().delete(0..1), Err(OutOfBounds { index: 1, len: 2 }));
    assert!(ada.list("todo").set(1, 2).is_err() && ada.list("todo").remove(0..2).is_err());
    assert!(ada.list("todo").insert(2, 2).is_err() && ada.list("todo").move_to(0, 1).is_err());
    assert_eq!(ada.version().now(), version);
    assert_eq!(take(&told), []);
}

#[test]
fn texts_lists_and_sets_can_be_watched() {
    let (network, ada, bob) = pair();
    let notes = note(&bob.text("notes").watch());
    let todo = note(&bob.list("todo").watch());
    let tags = note(&bob.set("tags").watch());
    ada.transact(|tx| {
        tx.text("notes").push("Hel");
        tx.text("notes").push("lo");
        tx.list("todo").push(1);
        tx.list("todo").push(2);
        tx.set("tags").insert("red");
    });
    network.settle();
    assert_eq!(take(&notes), ["Hello"]);
    assert_eq!(take(&todo), [[1.into(), 2.into()]]);
    assert_eq!(take(&tags), [[text("red")]]);
    bob.text("notes").insert(5, "!").unwrap();
    ada.text("other").push("x");
    network.settle();
    assert_eq!(take(&notes), ["Hello!"]);
    assert_eq!((take(&todo).len(), take(&tags).len()), (0, 0));
}

#[test]
fn anything_in_the_document_can_be_watched() {
    let (network, ada, bob) = pair();
    let read = Arc::new(Mutex::new(0));
    let done = bob.watch({
        let read = read.clone();
        move |doc| {
            *read.lock().unwrap() += 1;
            doc.map("plan").list("done").iter().filter_map(|item| item.value().cloned()).collect::<Vec<_>>()
        }
    });
    let title = bob.map("plan").watch_key("title");
    let both = note(&done.combine(&title, |done, title| (done.len(), title.clone())));
    let reads = *read.lock().unwrap();
    ada.transact(|tx| {
        tx.map("plan").set("title", "Atlas");
        tx.map("plan").list("done").push("map");
    });
    network.settle();
    assert_eq!(take(&both), [(1, Some(text("Atlas")))], "of one moment, and once");
    assert_eq!(*read.lock().unwrap(), reads + 1);
    assert_eq!(done.now(), [text("map")]);
    assert_eq!(*read.lock().unwrap(), reads + 1, "nothing changed since");
    ada.counter("clicks").increment();
    network.settle();
    assert_eq!(take(&both), []);
    assert_eq!(bob.read(|doc| doc.map("plan").list("done").len()), 1);
}

#[test]
fn what_nobody_looks_at_is_not_read() {
    let network = Network::new();
    let ada = network.room("Ada");
    let read = Arc::new(Mutex::new(0));
    let inside = read.clone();
    let clicks = ada.watch(move |doc| {
        *inside.lock().unwrap() += 1;
        doc.counter("clicks")
    });
    for _ in 0..10 {
        ada.counter("clicks").increment();
    }
    assert_eq!(*read.lock().unwrap(), 0);
    assert_eq!((clicks.now(), *read.lock().unwrap()), (10, 1));
}

#[test]
fn what_was_watched_stays_when_the_room_goes() {
    let (network, ada, bob) = pair();
    bob.text("notes").push("Hello");
    network.settle();
    let (notes, len) = (bob.text("notes").watch(), bob.watch(|doc| doc.text("notes").len()));
    notes.subscribe(|_| ()).forget();
    let alive = Arc::new(());
    let inside = alive.clone();
    len.subscribe(move |_| assert!(Arc::strong_count(&inside) > 1)).forget();
    let peers = ada.peers();
    drop(bob);
    network.settle();
    assert_eq!(peers.now(), [], "watching does not keep the room");
    assert_eq!((notes.now().as_str(), len.now()), ("Hello", 5));
    assert_eq!(Arc::strong_count(&alive), 1, "who is told no more is let go");
}

#[test]
fn every_change_is_told_once_and_in_order() {
    let (network, ada, bob) = pair();
    let (here, there) = (follow(&ada), follow(&bob));
    ada.transact(|tx| {
        tx.text("notes").insert(0, "Helo").unwrap();
        tx.text("notes").insert(3, "l").unwrap();
        tx.counter("edits").increment();
    });
    network.settle();
    let (here, there) = (take(&here), take(&there));
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_eq!((here[0].origin, there[0].origin), (Origin::Local, Origin::Remote));
    for changed in [&here[0], &there[0]] {
        let text = changed.iter().find(|patch| matches!(patch.diff, Diff::Text(_))).unwrap();
        assert_eq!(text.diff, Diff::Text(vec![TextStep::Insert("Hello".to_owned(), Default::default())]));
        assert_eq!(changed.patches.len(), 2);
    }
    ada.transact(|_| ());
    bob.set("tags").remove("red");
    network.settle();
    assert_eq!((here.len(), there.len()), (1, 1));
}

#[test]
fn a_copy_that_follows_the_steps_stays_equal() {
    let (network, ada, bob) = pair();
    let copies: Vec<Arc<Mutex<String>>> = [&ada, &bob]
        .into_iter()
        .map(|room| {
            let copy: Arc<Mutex<String>> = Arc::default();
            let inside = copy.clone();
            room.text("notes")
                .on_change(move |steps, _| {
                    let mut copy = inside.lock().unwrap();
                    *copy = step_along(&copy, steps);
                })
                .forget();
            copy
        })
        .collect();
    // Each answers the other from inside a callback, until there is enough.
    let answer = bob.clone();
    bob.text("notes")
        .on_change(move |_, origin| {
            if origin == Origin::Remote {
                answer.text("notes").insert(0, "é").unwrap();
                answer.text("other").push("!");
            }
        })
        .forget();
    for round in 0..20 {
        ada.text("notes").insert(round, "ab").unwrap();
        bob.text("notes").push("c");
        if round % 3 == 2 {
            network.settle();
            ada.text("notes").delete(round..round + 2).unwrap();
        }
    }
    network.settle();
    assert_eq!(ada.text("notes").get(), bob.text("notes").get());
    for copy in copies {
        assert_eq!(*copy.lock().unwrap(), ada.text("notes").get());
    }
}

#[test]
fn who_comes_in_a_callback_is_told_of_what_comes_later() {
    let network = Network::new();
    let ada = network.room("Ada");
    let late: Arc<Mutex<Vec<Vec<ListStep>>>> = Arc::default();
    let (room, inside) = (ada.clone(), late.clone());
    let first = ada.on_change(move |_| {
        if room.list("todo").len() == 1 {
            room.list("todo").push(2);
            let inside = inside.clone();
            room.list("todo").on_change(move |steps, _| inside.lock().unwrap().push(steps.to_vec())).forget();
        }
    });
    ada.list("todo").push(1);
    assert_eq!(take(&late), [] as [Vec<ListStep>; 0], "the list had both already");
    drop(first);
    ada.list("todo").remove(..1).unwrap();
    assert_eq!(take(&late), [[ListStep::Delete(1)]]);
    let tags: Arc<Mutex<Vec<usize>>> = Arc::default();
    let inside = tags.clone();
    let told = ada.set("tags").on_change(move |added, removed, _| {
        inside.lock().unwrap().extend([added.len(), removed.len()]);
    });
    ada.set("tags").insert(1);
    ada.set("tags").remove(1);
    drop(told);
    ada.set("tags").insert(2);
    assert_eq!(take(&tags), [1, 0, 0, 1]);
}

#[test]
fn a_read_that_uses_its_own_room_panics_and_harms_nothing() {
    let network = Network::new();
    let ada = network.room("Ada");
    let inside = ada.clone();
    let read = move || inside.read(|_| inside.counter("clicks").get());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_err());
    ada.counter("clicks").increment();
    assert_eq!(ada.read(|doc| doc.counter("clicks")), 1);
}
