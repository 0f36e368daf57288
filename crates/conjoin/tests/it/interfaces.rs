//! Addresses of the machine that come and go, in a network of the test's own.

use std::process::Command;

use conjoin::Room;
use conjoin_turn::network::with_network;
use tokio::runtime::Runtime;

use crate::support::{Signaling, linked, until};

#[test]
fn a_link_survives_when_the_address_changes() {
    with_network("interfaces::a_link_survives_when_the_address_changes", || {
        Runtime::new().expect("it starts").block_on(move_about());
    });
}

fn ip(command: &str) {
    let output = Command::new("ip").args(command.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {command}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn shared(from: &Room, to: &Room) {
    let before = to.counter("clicks").get();
    from.counter("clicks").increment();
    until("the edit arrives", || to.counter("clicks").get() == before + 1).await;
}

async fn move_about() {
    ip("link add wifi type veth peer name far");
    ip("link set far up");
    ip("address add 10.9.0.1/24 dev wifi");
    ip("link set wifi up");
    let signaling = Signaling::start().await;
    let (ada, bob) = (signaling.room("atlas", "Ada"), signaling.room("atlas", "Bob"));
    ada.connect();
    bob.connect();
    linked(&[&ada, &bob], 1).await;
    shared(&ada, &bob).await;

    // Another address in place of the first, as on another network.
    ip("address delete 10.9.0.1/24 dev wifi");
    ip("address add 10.9.1.7/24 dev wifi");
    shared(&ada, &bob).await;
    shared(&bob, &ada).await;
    linked(&[&ada, &bob], 1).await;

    // A while without any.
    ip("address flush dev wifi");
    ada.counter("clicks").increment();
    ip("address add 10.9.2.3/24 dev wifi");
    until("what was edited meanwhile arrives", || bob.counter("clicks").get() == ada.counter("clicks").get())
        .await;
    linked(&[&ada, &bob], 1).await;
}
