//! Through a TURN server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use conjoin::{Candidates, Room};
use conjoin_server::IceServer;
use conjoin_turn::{Behaviour, Over, PASSWORD, Turn, USER};

use crate::support::{Signaling, linked, until};

fn turn(address: SocketAddr, password: &str) -> IceServer {
    IceServer {
        urls: vec![format!("turn:{address}")],
        username: Some(USER.into()),
        credential: Some(password.into()),
    }
}

/// Both have counted what both did, and a large text went each way.
async fn sync(ada: &Room, bob: &Room) {
    for (room, other) in [(ada, bob), (bob, ada)] {
        let before = other.counter("clicks").get();
        room.counter("clicks").increment();
        until("it is counted", || other.counter("clicks").get() == before + 1).await;
        let large = format!("words of {room:?} ").repeat(5_000);
        room.register("book").set(large.as_str());
        until("it is there", || other.register("book").get() == Some(large.as_str().into())).await;
    }
}

/// Two who tell each other of relays alone, and have met.
async fn relayed(signaling: &Signaling) -> [Room; 2] {
    let rooms = ["Ada", "Bob"]
        .map(|name| Room::with_candidates(signaling.session("atlas", name), Candidates::Relayed));
    rooms.iter().for_each(Room::connect);
    let [ada, bob] = &rooms;
    linked(&[ada, bob], 1).await;
    sync(ada, bob).await;
    rooms
}

/// Two who tell each other of relays alone meet through this one, and give back what it lent.
async fn meet_through(relay: Turn, query: &str) {
    let named = IceServer {
        urls: vec![format!("turn:{}{query}", relay.address())],
        username: Some(USER.into()),
        credential: Some(PASSWORD.into()),
    };
    let signaling = Signaling::with_ice_servers(vec![named]).await;
    let [ada, bob] = relayed(&signaling).await;
    assert_eq!(relay.allocations(), 2);
    assert!(relay.relayed() > 10, "all went through the relay");
    ada.leave().await;
    bob.leave().await;
    until("what was lent is given back", || relay.allocations() == 0).await;
}

#[tokio::test]
async fn peers_that_have_nothing_else_meet_through_a_relay() {
    meet_through(Turn::start().await, "").await;
}

#[tokio::test]
async fn peers_meet_through_a_relay_over_tcp() {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    meet_through(Turn::start_at(listen, Over::Tcp, Behaviour::default()).await, "?transport=tcp").await;
}

#[tokio::test]
async fn peers_meet_through_a_relay_over_ipv6() {
    let listen = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    if std::net::UdpSocket::bind(listen).is_err() {
        eprintln!("NOT TESTED: there is no IPv6 here");
        return;
    }
    meet_through(Turn::start_at(listen, Over::Udp, Behaviour::default()).await, "").await;
    meet_through(Turn::start_at(listen, Over::Tcp, Behaviour::default()).await, "?transport=tcp").await;
}

#[tokio::test]
async fn a_link_whose_relay_goes_away_is_made_again_through_another() {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let first = Turn::start_at(listen, Over::Tcp, Behaviour::default()).await;
    let address = first.address();
    let named = IceServer { urls: vec![format!("turn:{address}?transport=tcp")], ..turn(address, PASSWORD) };
    let signaling = Signaling::with_ice_servers(vec![named]).await;
    let [ada, bob] = relayed(&signaling).await;
    first.stop().await;
    ada.counter("clicks").increment();
    let second = Turn::start_at(address, Over::Tcp, Behaviour::default()).await;
    let counted = || bob.counter("clicks").get() == ada.counter("clicks").get();
    until("what was edited meanwhile arrives", counted).await;
    assert!(second.allocations() >= 2);
    sync(&ada, &bob).await;
}

#[tokio::test]
async fn one_who_hides_behind_a_relay_meets_one_who_does_not() {
    let relay = Turn::start().await;
    let signaling = Signaling::with_ice_servers(vec![turn(relay.address(), PASSWORD)]).await;
    let ada = Room::with_candidates(signaling.session("atlas", "Ada"), Candidates::Relayed);
    let bob = signaling.room("atlas", "Bob");
    bob.connect();
    ada.connect();
    linked(&[&ada, &bob], 1).await;
    sync(&ada, &bob).await;
}

#[tokio::test]
async fn a_server_that_refuses_or_is_away_costs_nothing_but_its_candidates() {
    let relay = Turn::start().await;
    let away = SocketAddr::from(([127, 0, 0, 1], 9));
    let stun = |url: &str| IceServer { urls: vec![url.into()], username: None, credential: None };
    let signaling = Signaling::with_ice_servers(vec![
        turn(relay.address(), "wrong"),
        turn(away, PASSWORD),
        stun("stun:127.0.0.1:9"),
        stun("stun:nowhere.invalid"),
        stun("nonsense"),
    ])
    .await;
    let (ada, bob) = (signaling.room("atlas", "Ada"), signaling.room("atlas", "Bob"));
    ada.connect();
    bob.connect();
    linked(&[&ada, &bob], 1).await;
    sync(&ada, &bob).await;
    assert_eq!(relay.allocations(), 0);
}
