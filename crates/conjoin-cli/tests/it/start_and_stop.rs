//! Starting, and stopping at once and cleanly.

use std::net::TcpListener;

use crate::support::{Server, conjoin, failure};

const FREE: [&str; 5] = ["serve", "--host", "127.0.0.1", "--port", "0"];

#[test]
fn the_start_says_where_to_go() {
    let server = Server::start(&mut conjoin(&FREE));
    assert_ne!(server.port, 0);
    assert!(server.greeting.contains(&format!("http://localhost:{}\n", server.port)), "{}", server.greeting);
    assert!(server.greeting.contains(&format!("ws://localhost:{}\n", server.port)), "{}", server.greeting);
    assert!(server.get("/healthz").contains("\"status\":\"ok\""));
    assert!(server.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_taken_port_is_said_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = failure(&mut conjoin(&["serve", "--host", "127.0.0.1", "--port", &port.to_string()]));
    let next = port.checked_add(1).unwrap_or(8080);
    assert_eq!(said, format!("error: port {port} is in use; try --port {next}\n"));
}

#[cfg(unix)]
#[test]
fn signals_stop_it_within_a_second_with_sockets_open() {
    use rustix::process::Signal;
    use tokio_tungstenite::tungstenite::Message;

    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start(&mut conjoin(&FREE));
        // One that answers the close, and one that does not.
        let (mut live, _stuck) = (server.socket(), server.socket());
        live.send(Message::text(r#"{"type":"join","roomId":"r","peerId":"a"}"#)).unwrap();
        assert_eq!(crate::support::next(&mut live)["type"], "peers");
        server.signal(signal);
        let (status, took, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(took.as_millis() < 1_000, "it took {took:?}");
        let closed = std::iter::from_fn(|| live.read().ok()).find_map(|message| match message {
            Message::Close(frame) => frame.map(|frame| u16::from(frame.code)),
            _ => None,
        });
        assert_eq!(closed, Some(1001));
    }
}

#[cfg(unix)]
#[test]
fn the_log_can_be_json_or_silent() {
    use rustix::process::Signal;

    let log = |args: &[&str]| {
        let server = Server::start(&mut conjoin(&[&FREE, args].concat()));
        server.signal(Signal::TERM);
        server.wait().2
    };
    let json = log(&["--log-format", "json"]);
    let first: serde_json::Value = serde_json::from_str(json.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["level"], &first["message"]), (&"INFO".into(), &"serving".into()));
    assert!(log(&[]).contains("INFO serving"));
    assert_eq!(log(&["--log-level", "off"]), "");
}

#[cfg(unix)]
#[test]
fn it_takes_more_connections_than_a_shell_allows_files() {
    let limited = |limit: &str| {
        let mut command = conjoin(&FREE);
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\""));
        shell.arg(command.get_program()).args(command.get_args());
        command = shell;
        Server::start(&mut command)
    };
    let server = limited("-S -n 64");
    let sockets: Vec<_> = (0..100).map(|_| server.socket()).collect();
    assert_eq!(sockets.len(), 100);
    let server = limited("-n 200");
    server.signal(rustix::process::Signal::TERM);
    let (_, _, log) = server.wait();
    assert!(log.contains("200 open files, enough for about 136 of 10000 connections"), "{log}");
}
