//! Peers at home, behind routers: with network namespaces in place of homes.

use std::process::Command;
use std::time::{Duration, Instant};

use conjoin_turn::network::{Home, INTERNET, Router, with_internet};
use conjoin_turn::{Behaviour, Observer, Over, TlsFront, Turn};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::peer::Peer;
use crate::support::{BOUND, Server, conjoin, output};

/// Runs a test on the internet of a network of its own.
fn on_the_internet(name: &str, test: impl AsyncFnOnce()) {
    with_internet(name, || {
        let runtime = Runtime::new().expect("it starts");
        // What waits for a process may take as long as it likes.
        runtime.block_on(async { tokio::task::block_in_place(|| runtime.handle().block_on(test())) });
    });
}

async fn turn(over: Over) -> Turn {
    Turn::start_at((INTERNET[0], 0).into(), over, Behaviour::default()).await
}

fn serve(ice_servers: &[String]) -> Server {
    let host = INTERNET[0].to_string();
    let mut command = conjoin(&["serve", "--host", &host, "--port", "0", "--log-level", "off"]);
    Server::start(command.args(ice_servers.iter().flat_map(|server| ["--ice-server", server])))
}

/// The command, run by somebody at home.
fn at(home: &Home, server: &Server, args: &[&str]) -> Command {
    let here = conjoin(args);
    let mut command = home.command(here.get_program().to_str().expect("its path is text"));
    command.args(here.get_args());
    for (name, value) in here.get_envs().filter(|(_, value)| value.is_none()) {
        assert!(value.is_none());
        command.env_remove(name);
    }
    command.env("CONJOIN_SERVER", format!("ws://{}:{}", INTERNET[0], server.port));
    command
}

fn join(home: &Home, server: &Server, name: &str) -> Command {
    at(home, server, &["join", "atlas", "--json", "--name", name])
}

/// Waits until both are connected and have what the other did.
fn meet(ada: &mut Peer, bob: &mut Peer) {
    ada.sees("Bob", "connected");
    bob.sees("Ada", "connected");
    ada.say("increment clicks 2");
    bob.say("increment clicks 40");
    for peer in [ada, bob] {
        peer.until(|event| event["event"] == "change" && event["patches"][0]["value"] == 42);
    }
}

#[test]
fn two_behind_usual_routers_meet_without_a_relay() {
    on_the_internet("nat::two_behind_usual_routers_meet_without_a_relay", async || {
        let stun = turn(Over::Udp).await;
        let server = serve(&[format!("stun:{}", stun.address())]);
        let homes = [1, 2].map(|number| Home::new(number, Router::Usual));
        let mut ada = Peer::start(&mut join(&homes[0], &server, "Ada"));
        let mut bob = Peer::start(&mut join(&homes[1], &server, "Bob"));
        meet(&mut ada, &mut bob);
        assert_eq!(stun.relayed(), 0);
    });
}

#[test]
fn two_behind_symmetric_nats_meet_through_a_relay() {
    on_the_internet("nat::two_behind_symmetric_nats_meet_through_a_relay", async || {
        let turn = turn(Over::Udp).await;
        let address = turn.address();
        let server = serve(&[format!("stun:{address}"), format!("turn:{address},ann,secret")]);
        let homes = [1, 2].map(|number| Home::new(number, Router::Symmetric));
        let mut ada = Peer::start(&mut join(&homes[0], &server, "Ada"));
        let mut bob = Peer::start(&mut join(&homes[1], &server, "Bob"));
        meet(&mut ada, &mut bob);
        // Nothing else is there: what they say goes through it.
        let before = turn.relayed();
        for number in 0..20 {
            ada.say("increment clicks");
            bob.until(|event| event["event"] == "change" && event["patches"][0]["value"] == 43 + number);
        }
        assert!(turn.relayed() >= before + 20, "{before} {}", turn.relayed());
        assert_eq!(turn.allocations(), 2);
        ada.end();
        bob.end();
        let begun = Instant::now();
        while turn.allocations() > 0 {
            assert!(begun.elapsed() < BOUND, "what was lent is given back");
            std::thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn two_behind_symmetric_nats_are_told_what_would_help() {
    on_the_internet("nat::two_behind_symmetric_nats_are_told_what_would_help", async || {
        let stun = turn(Over::Udp).await;
        let server = serve(&[format!("stun:{}", stun.address())]);
        let homes = [1, 2].map(|number| Home::new(number, Router::Symmetric));
        let mut ada = Peer::start(&mut join(&homes[0], &server, "Ada"));
        let _bob = Peer::start(&mut join(&homes[1], &server, "Bob"));
        let told = ada.until(|event| event["event"] == "problem" || event["state"] == "connected");
        assert!(told["problem"].as_str().is_some_and(|problem| problem.contains("TURN")), "{told}");
    });
}

#[test]
fn one_behind_a_symmetric_nat_meets_one_whose_router_lets_all_in() {
    on_the_internet("nat::one_behind_a_symmetric_nat_meets_one_whose_router_lets_all_in", async || {
        let stun = turn(Over::Udp).await;
        let server = serve(&[format!("stun:{}", stun.address())]);
        let homes = [Home::new(1, Router::Symmetric), Home::new(2, Router::Open)];
        let mut ada = Peer::start(&mut join(&homes[0], &server, "Ada"));
        let mut bob = Peer::start(&mut join(&homes[1], &server, "Bob"));
        meet(&mut ada, &mut bob);
    });
}

#[test]
fn where_no_udp_gets_out_peers_meet_over_tcp() {
    on_the_internet("nat::where_no_udp_gets_out_peers_meet_over_tcp", async || {
        let turn = turn(Over::Tcp).await;
        let server = serve(&[format!("turn:{}?transport=tcp,ann,secret", turn.address())]);
        let homes = [1, 2].map(|number| Home::new(number, Router::NoUdp));
        let mut ada = Peer::start(&mut join(&homes[0], &server, "Ada"));
        let mut bob = Peer::start(&mut join(&homes[1], &server, "Bob"));
        meet(&mut ada, &mut bob);
        assert_eq!(turn.allocations(), 2);
    });
}

#[test]
fn where_no_udp_gets_out_peers_meet_over_tls() {
    on_the_internet("nat::where_no_udp_gets_out_peers_meet_over_tls", async || {
        let turn = turn(Over::Tcp).await;
        let host = INTERNET[0].to_string();
        let front = TlsFront::start(&host, INTERNET[0], turn.address()).await;
        let folder = tempfile::tempdir().expect("there is room");
        let trusted = folder.path().join("trusted.pem");
        std::fs::write(&trusted, front.certificate()).expect("there is room");
        let server = serve(&[format!("turns:{},ann,secret", front.address())]);
        let homes = [1, 2].map(|number| Home::new(number, Router::NoUdp));
        let join = |home, name| {
            let mut command = join(home, &server, name);
            Peer::start(command.env("SSL_CERT_FILE", &trusted))
        };
        let (mut ada, mut bob) = (join(&homes[0], "Ada"), join(&homes[1], "Bob"));
        meet(&mut ada, &mut bob);
        assert_eq!(turn.allocations(), 2);
    });
}

/// What the doctor finds of the router at home.
fn examine(home: &Home, server: &Server) -> Value {
    let output = output(&mut at(home, server, &["doctor", "--json"]));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_doctor_tells_routers_apart() {
    on_the_internet("nat::the_doctor_tells_routers_apart", async || {
        let observer = Observer::start(INTERNET).await;
        let server = serve(&[format!("stun:{}", observer.address())]);
        let each = [
            (Router::Open, "endpoint-independent", "endpoint-independent"),
            (Router::Restricted, "endpoint-independent", "address-dependent"),
            (Router::Usual, "endpoint-independent", "address-and-port-dependent"),
            (Router::Symmetric, "symmetric", "address-and-port-dependent"),
        ];
        for (number, (router, mapping, filtering)) in (1..).zip(each) {
            let found = examine(&Home::new(number, router), &server);
            assert_eq!(
                (&found["nat"]["ipv4"], &found["filtering"]["ipv4"]),
                (&mapping.into(), &filtering.into()),
                "{router:?}: {found:#}"
            );
        }
        assert_eq!(examine(&Home::new(9, Router::NoUdp), &server)["udp"], false);
    });
}
