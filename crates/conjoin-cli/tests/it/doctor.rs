//! `conjoin doctor`: what is wrong is found, and told.

use std::net::{SocketAddr, UdpSocket};
use std::process::Output;

use conjoin_turn::{Behaviour, Turn};
use serde_json::Value;

use crate::support::{Server, conjoin, output};

/// What the doctor says of a server, and whether two peers would connect.
fn doctor(args: &[&str]) -> (String, bool) {
    let Output { status, stdout, stderr } = output(conjoin(&["doctor"]).args(args));
    let text = String::from_utf8(stdout).unwrap();
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    (text, status.success())
}

fn serve(ice_servers: &[String]) -> Server {
    let mut command = conjoin(&["serve", "--host", "127.0.0.1", "--port", "0", "--log-level", "off"]);
    Server::start(command.args(ice_servers.iter().flat_map(|server| ["--ice-server", server])))
}

fn examine(server: &Server) -> (Value, bool) {
    let (text, good) = doctor(&["--json", "--server", &format!("ws://127.0.0.1:{}", server.port)]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["ok"], good, "{text}");
    (found, good)
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

/// The problems, in one text.
fn problems(found: &Value) -> String {
    found["problems"].as_array().unwrap().iter().map(|problem| format!("{}\n", problem["what"])).collect()
}

#[test]
fn no_server_is_told_with_what_to_do() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (text, good) = doctor(&["--server", &format!("ws://{free}")]);
    assert!(!good);
    let nothing = format!("nothing listens on port {} of 127.0.0.1", free.port());
    contains(&text, &["FAIL", &nothing, "Is conjoin serve running there", "Two peers would not connect."]);
}

#[test]
fn a_wrong_address_is_told_with_the_right_one() {
    for (url, reason) in [
        ("http://localhost:8080", "signaling is at \"ws://localhost:8080\""),
        ("localhost:8080", "does not begin with ws:// or wss://"),
        ("ws://nowhere.invalid", "the name nowhere.invalid is not known"),
    ] {
        let (text, good) = doctor(&["--server", url]);
        assert!(!good, "{url}");
        contains(&text, &[reason, "Two peers would not connect."]);
    }
}

#[test]
fn a_server_that_speaks_no_websocket_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    });
    let (text, good) = doctor(&["--server", &url]);
    answering.join().unwrap();
    assert!(!good);
    contains(&text, &["a web server answers there, but no signaling server", "reverse proxy"]);
}

#[test]
fn with_a_server_two_peers_connect() {
    let server = serve(&[]);
    let (text, good) = doctor(&["--server", &format!("ws://127.0.0.1:{}", server.port)]);
    assert!(good, "{text}");
    contains(&text, &["lets this machine into a room", "over all ways: connected in", "set a STUN server"]);
    let (found, good) = examine(&server);
    assert!(good && found["peers"]["direct"]["ok"] == true && found["nat"]["ipv4"] == "unknown", "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stun_and_turn_that_work_are_told() {
    let turn = Turn::start().await;
    let address = turn.address();
    let server = serve(&[format!("stun:{address}"), format!("turn:{address},ann,secret")]);
    let (found, good) = examine(&server);
    assert!(good, "{found:#}");
    assert_eq!(found["nat"]["ipv4"], "none");
    assert_eq!(found["udp"], true);
    assert_eq!(found["ice_servers"][1]["addresses"][0]["turn"]["ok"], true, "{found:#}");
    assert_eq!(found["peers"]["relayed"]["ok"], true, "{found:#}");
    assert_eq!(found["problems"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_and_silence_are_told_apart() {
    let turn = Turn::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let quiet = silent.local_addr().unwrap();
    let wrong = format!("turn:{}", turn.address());
    let server =
        serve(&[format!("stun:{quiet}"), format!("{wrong},ann,wrong"), format!("turn:{quiet},ann,secret")]);
    let (found, good) = examine(&server);
    assert!(good, "on one machine none is needed, and there is no NAT: {found:#}");
    contains(
        &problems(&found),
        &[
            &format!("stun:{quiet} cannot be used: it does not answer."),
            &format!("{wrong} cannot be used: user name or password are wrong."),
            &format!("turn:{quiet} cannot be used: it does not answer."),
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nat_that_needs_turn_is_told() {
    let seen_as =
        |port: u16| Behaviour { mapped: Some(SocketAddr::from(([203, 0, 113, 7], port))), loses: 0 };
    let (one, other) = (Turn::start_with(seen_as(61_000)).await, Turn::start_with(seen_as(61_001)).await);
    let mut servers = vec![format!("stun:{}", one.address()), format!("stun:{}", other.address())];
    let (found, good) = examine(&serve(&servers));
    assert!(!good, "{found:#}");
    assert_eq!(found["nat"]["ipv4"], "symmetric");
    contains(&problems(&found), &["the NAT needs TURN, and no TURN server works"]);
    servers.push(format!("turn:{},ann,secret", one.address()));
    let (found, good) = examine(&serve(&servers));
    assert!(good, "{found:#}");
    assert_eq!(found["peers"]["relayed"]["ok"], true, "{found:#}");
}

#[test]
fn servers_that_peers_are_not_told_of_can_be_tried() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("stun:{}", silent.local_addr().unwrap());
    let server = serve(&[]);
    let (text, _) = doctor(&["--server", &format!("ws://127.0.0.1:{}", server.port), "--ice-server", &url]);
    contains(&text, &[&format!("{url} (yours; peers are not told of it)"), "it does not answer"]);
}
