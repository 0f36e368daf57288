//! Addresses of the machine that come and go, in a network namespace of the test's own.

use std::process::Command;

use conjoin::Room;

use crate::support::{Signaling, linked, until};

/// Says to the test that it runs inside.
const INSIDE: &str = "CONJOIN_TEST_INSIDE";

const UNSHARE: [&str; 4] = ["--user", "--map-root-user", "--net", "--"];

/// Does not need root; but the system must let users make namespaces, and have `ip`.
#[test]
fn a_link_survives_when_the_address_changes() {
    let probe = ["ip", "link", "add", "wifi", "type", "veth", "peer", "name", "far"];
    let allowed = Command::new("unshare").args(UNSHARE).args(probe).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: there are no network namespaces here, or no unshare and ip");
        return;
    }
    let test = std::env::current_exe().unwrap();
    let inside = Command::new("unshare")
        .args(UNSHARE)
        .arg(test)
        .args(["--exact", "interfaces::inside", "--ignored", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let printed = [inside.stdout, inside.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(inside.status.success() && printed[0].contains("1 passed"), "{}\n{}", printed[0], printed[1]);
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

#[tokio::test]
#[ignore = "is run by the test above, in a namespace"]
async fn inside() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    ip("link set lo up");
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
