//! Settings, from the command line and from the environment.

use std::fs;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Server, conjoin, failure, next};

#[test]
fn the_environment_sets_what_the_command_line_does_not() {
    let server = Server::start(
        conjoin(&["serve", "--host", "127.0.0.1"])
            .env("CONJOIN_HOST", "192.0.2.1")
            .env("CONJOIN_PORT", "0")
            .env("CONJOIN_MAX_MESSAGE_SIZE", "2KiB")
            .env("CONJOIN_ICE_SERVERS", "stun:s.example:3478 turn:t.example,ann,se,cret"),
    );
    let mut socket = server.socket();
    socket.send(Message::text(r#"{"type":"join","roomId":"r","peerId":"a"}"#)).unwrap();
    let expected = json!([
        {"urls": ["stun:s.example:3478"]},
        {"urls": ["turn:t.example"], "username": "ann", "credential": "se,cret"},
    ]);
    assert_eq!(next(&mut socket)["iceServers"], expected);
    socket.send(Message::text(" ".repeat(2_049))).unwrap();
    assert_eq!(next(&mut socket)["code"], "too-large");
}

#[test]
fn a_folder_can_be_served() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), "from the folder").unwrap();
    let path = folder.path().to_str().unwrap();
    let server =
        Server::start(&mut conjoin(&["serve", "--host", "127.0.0.1", "--port", "0", "--site", path]));
    assert!(server.get("/").ends_with("\r\n\r\nfrom the folder"));
    let server = Server::start(&mut conjoin(&[
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--site",
        path,
        "--reload",
    ]));
    assert!(server.get("/").contains("reload.js"));
}

#[test]
fn what_is_wrong_is_said_clearly() {
    let serve = |args: &[&str]| failure(&mut conjoin(&[&["serve", "--port", "0"], args].concat()));
    for (args, fault) in [
        (&["--host", "nowhere.invalid"][..], "--host nowhere.invalid is no address of this machine"),
        (
            &["--host", "192.0.2.1"],
            "--host 192.0.2.1 is not an address of this machine; try --host 127.0.0.1",
        ),
        (&["--site", "/no/such/folder"], "cannot serve the site from /no/such/folder"),
        (&["--ice-server", "http://x"], "http://x does not start with stun:"),
        (&["--ice-server", "turn:x"], "turn:x needs a user name and a credential"),
        (&["--reload"], "--site <DIR>"),
        (&["--log-level", "loud"], "must be off, error, warn"),
        (&["--max-message-size", "12"], "must be from 1KiB"),
        (&["--max-rooms", "0"], "must be at least 1"),
        (&["--ping-interval", "soon"], "a time is"),
    ] {
        let said = serve(args);
        assert!(said.contains(fault), "{args:?}: {said}");
    }
}

#[test]
fn a_wrong_variable_is_said_clearly_without_secrets() {
    assert!(failure(&mut conjoin(&["serve", "--port", "70000"])).contains("70000"));
    let said = failure(conjoin(&["serve"]).env("CONJOIN_PORT", "many"));
    assert!(said.contains("many") && said.contains("--port"), "{said}");
    let said = failure(conjoin(&["serve", "--port", "x"]).env("CONJOIN_ICE_SERVERS", "turn:t,ann,secret"));
    assert!(!said.contains("secret"), "{said}");
}
