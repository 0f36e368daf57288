//! What servers tell and lend reaches the manager.

use std::net::SocketAddr;
use std::time::Duration;

use conjoin_native::{Candidates, NativeDriver};
use conjoin_peer::{IceServer, Input, LinkId, Output};
use conjoin_turn::{Behaviour, Over, PASSWORD, Turn, USER};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

const LINK: LinkId = LinkId(7);

fn stun(url: String) -> IceServer {
    IceServer { urls: vec![url], username: None, credential: None }
}

/// A driver with one link that offers.
fn offering(candidates: Candidates, ice_servers: Vec<IceServer>) -> (NativeDriver, UnboundedReceiver<Input>) {
    let (sender, receiver) = unbounded_channel();
    let driver = NativeDriver::with_candidates(candidates, move |input| drop(sender.send(input)));
    driver.perform(Output::OpenLink { link: LINK, ice_servers });
    driver.perform(Output::Offer { link: LINK, ice_restart: false });
    driver.wake_at(None);
    (driver, receiver)
}

/// Waits for a candidate with these words.
async fn candidate(inputs: &mut UnboundedReceiver<Input>, words: &str) -> String {
    let found = async {
        loop {
            match inputs.recv().await {
                Some(Input::Candidate { link: LINK, candidate }) if candidate.contains(words) => {
                    break candidate;
                }
                Some(_) => {}
                None => panic!("the driver is gone"),
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no candidate {words:?}"))
}

#[tokio::test]
async fn stun_gives_the_reflexive_candidate() {
    let mapped: SocketAddr = "203.0.113.7:61000".parse().unwrap();
    let server = Turn::start_with(Behaviour { mapped: Some(mapped), loses: 2 }).await;
    let silent = Turn::start_with(Behaviour { mapped: None, loses: usize::MAX }).await;
    let servers = vec![
        stun(format!("stun:{}", silent.address())),
        stun("stun:nowhere.invalid".into()),
        stun(format!("stun:localhost:{}", server.address().port())),
    ];
    let (_driver, mut inputs) = offering(Candidates::All, servers);
    candidate(&mut inputs, "203.0.113.7 61000 typ srflx").await;
    assert_eq!(server.received(), 3, "two were lost");
}

#[tokio::test]
async fn stun_over_ipv6_gives_a_reflexive_candidate_too() {
    let listen = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    if std::net::UdpSocket::bind(listen).is_err() {
        eprintln!("NOT TESTED: there is no IPv6 here");
        return;
    }
    let mapped: SocketAddr = "[2001:db8::7]:61000".parse().unwrap();
    let server = Turn::start_at(listen, Over::Udp, Behaviour { mapped: Some(mapped), loses: 0 }).await;
    let (_driver, mut inputs) = offering(Candidates::All, vec![stun(format!("stun:{}", server.address()))]);
    candidate(&mut inputs, "2001:db8::7 61000 typ srflx").await;
}

#[tokio::test]
async fn several_servers_see_the_same_socket() {
    let first: SocketAddr = "203.0.113.7:61000".parse().unwrap();
    let second: SocketAddr = "203.0.113.7:61001".parse().unwrap();
    let mut servers = Vec::new();
    for mapped in [first, second] {
        servers.push(Turn::start_with(Behaviour { mapped: Some(mapped), loses: 0 }).await);
    }
    let named = servers.iter().map(|server| stun(format!("stun:{}", server.address()))).collect();
    let (_driver, mut inputs) = offering(Candidates::All, named);
    let both = [candidate(&mut inputs, "typ srflx").await, candidate(&mut inputs, "typ srflx").await];
    for address in ["203.0.113.7 61000", "203.0.113.7 61001"] {
        assert!(both.iter().any(|candidate| candidate.contains(address)), "{both:?}");
    }
}

#[tokio::test]
async fn turn_lends_an_address_and_gets_it_back() {
    let server = Turn::start_with(Behaviour { mapped: None, loses: 1 }).await;
    let named = IceServer {
        urls: vec![format!("stun:{}", server.address()), format!("turn:{}", server.address())],
        username: Some(USER.into()),
        credential: Some(PASSWORD.into()),
    };
    let (driver, mut inputs) = offering(Candidates::Relayed, vec![named]);
    let mut told = Vec::new();
    let found = async {
        while !told.iter().any(|it: &String| it.contains("typ relay")) {
            match inputs.recv().await {
                Some(Input::Candidate { candidate, .. }) => told.push(candidate),
                Some(Input::Described { description, .. }) => assert!(!description.contains("candidate:")),
                _ => {}
            }
        }
    };
    timeout(PATIENCE, found).await.expect("an address is lent");
    assert_eq!(told.len(), 1, "peers are told of nothing else");
    assert_eq!(server.allocations(), 1);
    driver.perform(Output::CloseLink { link: LINK });
    timeout(PATIENCE, driver.drained()).await.expect("it closes");
    let returned = async {
        while server.allocations() != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, returned).await.expect("it is given back");
}
