//! Native with native.

use conjoin::{Room, Session, Status};

use crate::support::{Signaling, linked, until};

async fn pair(signaling: &Signaling) -> (Room, Room) {
    let (ada, bob) = (signaling.room("atlas", "Ada"), signaling.room("atlas", "Bob"));
    ada.connect();
    bob.connect();
    linked(&[&ada, &bob], 1).await;
    (ada, bob)
}

#[tokio::test]
async fn peers_list_each_other_and_share_edits() {
    let signaling = Signaling::start().await;
    let (ada, bob) = pair(&signaling).await;
    assert_eq!(ada.peers().now()[0].name.as_deref(), Some("Bob"));
    ada.counter("clicks").add(2);
    bob.counter("clicks").add(40);
    bob.text("notes").push("Hello");
    for room in [&ada, &bob] {
        until("both have counted", || room.counter("clicks").get() == 42).await;
        until("both have the text", || room.text("notes").to_string() == "Hello").await;
    }
    until("the round trip is measured", || ada.peers().now()[0].rtt.is_some()).await;
}

#[tokio::test]
async fn who_leaves_is_gone_from_the_list_and_may_come_back() {
    let signaling = Signaling::start().await;
    let (ada, bob) = pair(&signaling).await;
    bob.counter("clicks").increment();
    bob.leave().await;
    assert_eq!(bob.status().now(), Status::Offline);
    until("Bob is gone", || ada.peers().now().is_empty()).await;
    until("what he did last is here", || ada.counter("clicks").get() == 1).await;
    bob.counter("clicks").increment();
    ada.counter("clicks").increment();
    bob.connect();
    linked(&[&ada, &bob], 1).await;
    until("edits made apart add up", || (ada.counter("clicks").get(), bob.counter("clicks").get()) == (3, 3))
        .await;
}

#[tokio::test]
async fn who_joins_can_tell_when_all_is_there_that_the_others_had() {
    let signaling = Signaling::start().await;
    let (ada, bob) = pair(&signaling).await;
    bob.counter("clicks").add(42);
    until("Ada has it", || ada.counter("clicks").get() == 42).await;
    bob.leave().await;
    let cy = signaling.room("atlas", "Cy");
    cy.connect();
    linked(&[&cy], 1).await;
    let promised = cy.peers().now()[0].promised.clone();
    assert_eq!(promised.get(bob.replica()), 1);
    until("all is there", || cy.version().now().covers(&promised)).await;
    assert_eq!(cy.counter("clicks").get(), 42);
}

#[tokio::test]
async fn a_large_value_arrives_whole() {
    let signaling = Signaling::start().await;
    let (ada, bob) = pair(&signaling).await;
    let large = "many words ".repeat(300_000);
    ada.register("book").set(large.as_str());
    until("it is there", || bob.register("book").get().is_some()).await;
    assert_eq!(bob.register("book").get(), Some(large.into()));
}

#[tokio::test]
async fn links_hold_while_the_server_is_away_and_it_is_found_again() {
    let signaling = Signaling::start().await;
    let (ada, bob) = pair(&signaling).await;
    let address = signaling.address;
    signaling.stop().await;
    until("it is missed", || matches!(ada.status().now(), Status::Retrying { .. })).await;
    ada.counter("clicks").increment();
    until("edits need no server", || bob.counter("clicks").get() == 1).await;
    let signaling = Signaling::start_at(address).await;
    ada.network_changed();
    bob.network_changed();
    for room in [&ada, &bob] {
        until("it is found again", || room.status().now() == Status::Joined).await;
    }
    linked(&[&ada, &bob], 1).await;
    drop(signaling);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_with_the_reason() {
    let signaling = Signaling::start().await;
    let room = signaling.room("atlas", "Ada");
    let address = signaling.address;
    signaling.stop().await;
    room.connect();
    let reason = || match room.status().now() {
        Status::Retrying { reason, .. } => reason,
        _ => String::new(),
    };
    until("it is told", || !reason().is_empty()).await;
    assert_eq!(
        reason(),
        format!("signaling server at ws://{address} cannot be reached: nothing listens there")
    );
}

#[tokio::test]
async fn a_server_whose_name_nobody_knows_is_told() {
    let server = "ws://nowhere.invalid".to_owned();
    let room = Room::new(Session { server, room: "atlas".into(), name: None });
    room.connect();
    let told = || match room.status().now() {
        Status::Retrying { reason, .. } => reason,
        _ => String::new(),
    };
    until("it is told", || !told().is_empty()).await;
    assert_eq!(told(), "signaling server at ws://nowhere.invalid cannot be reached: its name is not known");
}

#[test]
fn a_program_without_a_runtime_has_rooms_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signaling = runtime.block_on(Signaling::start());
    let (ada, bob) = (signaling.room("atlas", "Ada"), signaling.room("atlas", "Bob"));
    ada.connect();
    bob.connect();
    ada.counter("clicks").increment();
    runtime.block_on(until("it is there", || bob.counter("clicks").get() == 1));
}
