use std::sync::{Arc, Mutex};

use conjoin::{Expand, Room, Session};
use serde_json::json;

use super::*;

/// What is told of an edit, read back.
fn told(edit: impl FnOnce(&mut conjoin::Transaction<'_>)) -> Json {
    let room = Room::new(Session { server: "ws://localhost".into(), room: "r".into(), name: None });
    room.transact(|tx| {
        tx.text("t").push("Hello");
        tx.list("l").push(1);
        tx.map("m").set("gone", 1);
    });
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let _subscription =
        room.on_change(move |changed| seen.lock().unwrap().extend(object::change(changed, |_| true)));
    room.transact(edit);
    let lines = lines.lock().unwrap();
    let json: Json = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((lines.len(), &json["event"], &json["origin"]), (1, &json!("change"), &json!("local")));
    json["patches"].clone()
}

#[test]
fn changes_are_told_as_patches() {
    assert_eq!(
        told(|tx| tx.counter("c").add(2)),
        json!([{"kind": "counter", "name": "c", "path": [], "value": 2}])
    );
    assert_eq!(
        told(|tx| tx.register("r").set("a\u{1b}")),
        json!([{"kind": "register", "name": "r", "path": [], "values": ["a\u{1b}"]}])
    );
    assert_eq!(
        told(|tx| {
            tx.map("m").remove("gone");
            tx.map("m").set("null", Value::Null);
            tx.map("m").list("in").push(true);
        }),
        json!([
            {"kind": "map", "name": "m", "path": [], "set": {"in": {"nested": "list"}, "null": {"value": null}}, "unset": ["gone"]},
            {"kind": "map", "name": "m", "path": ["in"], "steps": [{"insert": [{"value": true}]}]},
        ])
    );
    assert_eq!(
        told(|tx| tx.set("s").insert(1.5)),
        json!([{"kind": "set", "name": "s", "path": [], "added": [1.5], "removed": []}])
    );
    assert_eq!(
        told(|tx| tx.list("l").push("x")),
        json!([{"kind": "list", "name": "l", "path": [], "steps": [{"retain": 1}, {"insert": [{"value": "x"}]}]}])
    );
    assert_eq!(
        told(|tx| tx.text("t").mark(0..2, "bold", true, Expand::None).unwrap()),
        json!([{"kind": "text", "name": "t", "path": [], "steps": [{"retain": 2, "marks": {"bold": true}}]}])
    );
    assert_eq!(
        told(|tx| tx.text("t").replace(1..2, "a").unwrap()),
        json!([{"kind": "text", "name": "t", "path": [], "steps": [{"retain": 1}, {"delete": 1}, {"insert": "a"}]}])
    );
}

#[test]
fn what_others_chose_is_told_without_what_a_terminal_obeys() {
    let hostile = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}";
    let peer = PeerInfo {
        id: hostile.into(),
        name: Some(hostile.into()),
        replica: None,
        state: PeerState::Connected,
        rtt: Some(Duration::from_micros(1_234)),
        version: None,
        promised: Default::default(),
    };
    let line = object::peer(object::event("peer"), &peer, Some(peer.state));
    assert!(line.chars().all(|char| Charset::Unicode.shows(char)), "{line:?}");
    let read: Json = serde_json::from_str(&line).unwrap();
    assert_eq!((&read["name"], &read["rtt_ms"]), (&json!(hostile), &json!(1.234)));
    let line = text::peer(&peer, Some(peer.state), Charset::Ascii);
    assert_eq!(line, "peer ?]0;x??2J?: connected, 1.2 ms");
    let unnamed = PeerInfo { name: None, ..peer };
    assert_eq!(text::peer(&unnamed, None, Charset::Ascii), "peer ?]0;x??2: gone");
    let error = object::result(Some(&json!({"\u{9b}": 1})), &Err(hostile.into()));
    assert!(error.chars().all(|char| Charset::Unicode.shows(char)), "{error:?}");
}

#[test]
fn help_lists_every_command_in_lines_that_fit() {
    let usages: Vec<_> = super::super::command::USAGES.iter().collect();
    for line in text::outcome(&Outcome::Help(usages), "r", "s", Charset::Ascii) {
        assert!(line.len() <= 80, "{line}");
    }
}
