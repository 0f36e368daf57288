//! `conjoin join` without a view, against the real server, with other peers.

use conjoin::{Room, Session};
use serde_json::json;

use crate::peer::{Peer, join, run, server};
use crate::support::Server;

/// A peer in this process, which may do what no command does.
fn room(server: &Server, room: &str) -> Room {
    let address = format!("ws://127.0.0.1:{}", server.port);
    let room = Room::new(Session { server: address, room: room.into(), name: Some("Room".into()) });
    room.connect();
    room
}

#[test]
fn programs_see_each_others_edits_as_patches() {
    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    let mut bob = Peer::json(&server, "atlas", "Bob");
    ada.sees("Bob", "connected");
    bob.sees("Ada", "connected");
    assert_eq!(ada.ask(r#"{"id":"a1","command":["increment","clicks",2]}"#)["id"], "a1");
    let change = bob.until(|event| event["event"] == "change");
    let patch = json!({"kind": "counter", "name": "clicks", "path": [], "value": 2});
    assert_eq!(change, json!({"event": "change", "origin": "remote", "patches": [patch]}));
    bob.say("append notes Hello there");
    let local = bob.until(|event| event["event"] != "peer");
    assert_eq!((&local["event"], &local["origin"]), (&json!("change"), &json!("local")));
    let change = ada.until(|event| event["patches"][0]["name"] == "notes");
    assert_eq!(change["patches"][0]["steps"], json!([{"insert": "Hello there"}]));
    let values = json!([{"kind": "text", "name": "notes", "value": "Hello there"}]);
    assert_eq!(ada.ask("get notes")["values"], values);
    let peers = ada.ask(r#"["peers"]"#);
    assert_eq!(
        (&peers["peers"][0]["name"], peers["peers"].as_array().map(Vec::len)),
        (&json!("Bob"), Some(1))
    );
    while !ada.ask("peers")["peers"][0]["rtt_ms"].as_f64().is_some_and(|rtt| rtt > 0.0) {}
    assert!(ada.ask("stats")["stats"]["bytes_sent"].as_u64().is_some_and(|sent| sent > 0));
    assert_eq!(ada.ask("status")["status"], "joined");
}

#[test]
fn what_is_wrong_in_one_command_does_not_stop_the_next() {
    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    let wrong = ada.ask(r#"{"id":1,"command":["increment"]}"#);
    assert_eq!((&wrong["id"], &wrong["ok"]), (&json!(1), &json!(false)));
    assert!(wrong["error"].as_str().unwrap().contains("type increment NAME [BY]"), "{wrong}");
    assert_eq!(ada.ask("[1")["ok"], false);
    assert_eq!(ada.ask("set title Atlas")["ok"], true);
    assert_eq!(ada.ask("get title")["values"][0]["value"], "Atlas");
    assert_eq!(ada.ask("quit")["ok"], true);
    assert_eq!(
        ada.end().1,
        [
            r#"{"event":"problem","problem":"nobody else was in the room: what was changed is lost"}"#,
            r#"{"event":"end"}"#
        ]
    );
}

#[test]
fn only_what_is_watched_is_told() {
    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    ada.ask("set title Atlas");
    assert_eq!(ada.ask("watch title")["values"][0]["value"], "Atlas");
    ada.say("increment clicks");
    ada.say("set title Sea");
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(ada.until(|event| event["event"] != "peer")["event"].clone());
    }
    assert_eq!(told, ["result", "change", "result"]);
}

#[test]
fn one_command_sees_the_room_and_leaves_what_it_did() {
    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    // What somebody did who has left.
    let (code, _, _) = run(&mut join(&server, &["atlas", "-x", "increment clicks 41"]), "");
    assert_eq!(code, Some(0));
    ada.until(|event| event["event"] == "change");
    let (code, out, err) =
        run(&mut join(&server, &["atlas", "-x", "increment clicks", "-x", "get clicks"]), "");
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "42\n", ""));
    ada.until(|event| event["event"] == "change");
    let (code, out, _) =
        run(&mut join(&server, &["atlas", "--wait", "1"]), "get\nget nothing\nappend notes Hi\n");
    assert_eq!((code, out.lines().next_back()), (Some(1), Some("text notes = \"Hi\"")), "{out}");
    assert!(out.contains("counter clicks = 42\n"), "{out}");
    assert_eq!(ada.ask("get notes")["values"][0]["value"], "Hi");
}

#[test]
fn what_reaches_nobody_is_said_to_be_lost() {
    let server = server();
    let (code, out, err) = run(&mut join(&server, &["atlas", "-x", "increment clicks"]), "");
    assert_eq!((code, out.as_str()), (Some(4), ""));
    assert_eq!(err, "error: nobody else was in the room: what was changed is lost\n");
    let (code, out, _) = run(&mut join(&server, &["atlas", "-x", "peers"]), "");
    assert_eq!((code, out.as_str()), (Some(0), "nobody else is in the room\n"));
}

#[test]
fn a_server_that_is_away_is_said_and_tried_until_the_time_is_up() {
    let args = ["join", "atlas", "--server", "ws://127.0.0.1:1", "--timeout", "1s", "-x", "get"];
    let (code, _, err) = run(&mut crate::support::conjoin(&args), "");
    assert_eq!(code, Some(3), "{err}");
    assert!(
        err.contains("at ws://127.0.0.1:1 cannot be reached: nothing listens there; trying again\n"),
        "{err}"
    );
    assert!(err.ends_with("error: the room could not be joined within 1s\n"), "{err}");
}

#[test]
fn a_full_room_is_said_to_be_full() {
    let full = ["serve", "--host", "127.0.0.1", "--port", "0", "--max-peers-per-room", "1"];
    let server = Server::start(&mut crate::support::conjoin(&full));
    let _ada = Peer::json(&server, "atlas", "Ada");
    let (code, _, err) = run(&mut join(&server, &["atlas", "-x", "get", "--timeout", "1s"]), "");
    assert_eq!(code, Some(3), "{err}");
    assert!(err.starts_with("The room is full; trying again\n"), "{err}");
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_at_once() {
    let server = server();
    for (args, why) in [
        (&[][..], "which room?"),
        (&["atlas", "--server", "localhost:8080"], "--server: \"localhost:8080\" is no address of a server"),
        (&["http://localhost:8080/"], "must end in ?room=NAME"),
        (&["atlas", "-x", "incr clicks"], "--exec: there is no command \"incr\": type increment NAME [BY]"),
        (&["atlas", "-x", ""], "--exec needs a command"),
        (&["atlas", "--timeout", "soon"], "a time is"),
        (&["atlas", "--plain", "--json"], "cannot be used with"),
    ] {
        let (code, _, err) = run(&mut join(&server, args), "");
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(why), "{args:?}: {err}");
    }
}

#[test]
fn the_environment_and_links_say_where_to_go() {
    let server = server();
    let mut ada = Peer::json(&server, "two words", "Ada");
    let link = format!("http://127.0.0.1:{}/?room=two+words&name=Bob", server.port);
    let mut command = crate::support::conjoin(&["join", &link, "-x", "peers"]);
    let (code, out, err) = run(&mut command, "");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("peer Ada: connected"), "{out}");
    ada.sees("Bob", "gone");
    let mut command = join(&server, &["-x", "peers"]);
    command.env("CONJOIN_ROOM", "two words").env("CONJOIN_NAME", "Cy");
    assert_eq!(run(&mut command, "").0, Some(0));
    ada.sees("Cy", "gone");
}

#[test]
fn the_end_of_the_input_and_quit_are_seen_by_the_others() {
    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    for (round, last) in ["", "quit"].iter().enumerate() {
        let mut bob = Peer::json(&server, "atlas", "Bob");
        ada.sees("Bob", "connected");
        bob.say("increment clicks");
        bob.say(last);
        let (code, out, err) = bob.end();
        assert_eq!((code, err.len()), (Some(0), 0), "{err:?}");
        assert_eq!(out.last().map(String::as_str), Some(r#"{"event":"end"}"#));
        ada.sees("Bob", "gone");
        assert_eq!(ada.ask("get clicks")["values"][0]["value"], round + 1);
    }
}

#[cfg(unix)]
#[test]
fn signals_are_seen_by_the_others() {
    use rustix::process::Signal;

    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    for signal in [Signal::INT, Signal::TERM] {
        let bob = Peer::json(&server, "atlas", "Bob");
        ada.sees("Bob", "connected");
        bob.signal(signal);
        ada.sees("Bob", "gone");
        let (code, out, _) = bob.end();
        assert_eq!((code, out.last().map(String::as_str)), (Some(0), Some(r#"{"event":"end"}"#)));
    }
}

#[test]
fn lines_for_people_tell_who_is_there_and_what_changes() {
    let server = server();
    let mut ada = Peer::start(&mut join(&server, &["atlas", "--plain", "--name", "Ada"]));
    ada.aside(|line| line == "joined room atlas");
    let mut bob = Peer::json(&server, "atlas", "Bob");
    ada.aside(|line| line.starts_with("peer Bob: connected"));
    bob.ask("set plan a1 {\"done\": false}");
    assert_eq!(ada.line(), r#"map plan = {"a1":{"done":false}}"#);
    ada.say("push todo write");
    assert_eq!(ada.line(), r#"list todo = ["write"]"#);
    ada.say("get todo");
    assert_eq!(ada.line(), r#"["write"]"#);
    ada.say("incr");
    ada.aside(|line| line == "error: there is no command \"incr\": type increment NAME [BY]");
    run(&mut join(&server, &["atlas", "--name", "Cy", "-x", "peers"]), "");
    ada.aside(|line| line == "peer Cy: gone");
    assert_eq!(ada.end().0, Some(1));
}

#[test]
fn what_a_terminal_obeys_never_gets_out() {
    let server = server();
    let mut plain = Peer::start(&mut join(&server, &["atlas", "--plain"]));
    let mut json = Peer::json(&server, "atlas", "Json");
    let hostile = "\u{1b}[2J\u{9b}31m\u{7}\u{202e}\r";
    let room = room(&server, "atlas");
    room.register(&format!("a{hostile}")).set(hostile);
    room.map("m").set(hostile, hostile);
    room.text("end").push("end");
    let safe =
        |line: &str| assert!(!line.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}', '\r']), "{line:?}");
    loop {
        let line = plain.line();
        safe(&line);
        if line == "text end = \"end\"" {
            break;
        }
    }
    loop {
        let line = json.line();
        safe(&line);
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["patches"].as_array().is_some_and(|all| all.iter().any(|patch| patch["name"] == "end")) {
            break;
        }
    }
    json.say("get");
    let line = loop {
        let line = json.line();
        safe(&line);
        if line.contains("\"result\"") {
            break line;
        }
    };
    assert!(line.contains(r"\u001b[2J\u009b31m\u0007\u202e\r"), "{line}");
}

#[test]
fn nobody_reading_is_no_crash() {
    let server = server();
    let mut ada = Peer::json(&server, "atlas", "Ada");
    for mode in ["--json", "--plain"] {
        let mut bob = Peer::start(&mut join(&server, &["atlas", mode, "--name", "Bob"]));
        ada.sees("Bob", "connected");
        bob.close_output();
        // The reader ends at a line after that.
        let gone = |event: &serde_json::Value| event["name"] == "Bob" && event["state"] == "gone";
        loop {
            ada.say("increment clicks");
            if gone(&ada.until(|event| event["event"] == "result" || gone(event))) {
                break;
            }
        }
        let (code, _, err) = bob.end();
        assert_eq!(code, Some(0), "{err:?}");
        assert!(err.iter().all(|line| !line.contains("panicked")), "{err:?}");
    }
}
