//! A second socket with an id that is in use.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Running;

#[tokio::test]
async fn the_resume_token_takes_over_at_once() {
    let server = Running::start().await;
    let mut mate = server.joined("r", "mate").await;
    let mut old = server.client().await;
    old.send(json!({"type": "join", "roomId": "r", "peerId": "p"})).await;
    let token = old.expect("peers").await["resumeToken"].clone();
    mate.expect("peer-joined").await;

    let mut new = server.client().await;
    new.send(json!({"type": "join", "roomId": "r", "peerId": "p", "resumeToken": token})).await;
    assert_eq!(new.expect("peers").await["peers"], json!([{"id": "mate"}]));
    old.expect_error("replaced").await;
    assert_eq!(old.expect_close().await, 4000);
    server.until(|load| load.connections == 2).await;

    // The closing of the old socket evicts nobody, and the mate saw nothing of it all.
    assert_eq!(mate.all_until_now().await, [json!(null); 0]);
    mate.send(json!({"type": "offer", "toPeerId": "p", "sdp": "{}"})).await;
    assert_eq!(new.expect("offer").await["fromPeerId"], "mate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replaced_socket_is_told_before_it_is_closed() {
    let server = Running::start().await;
    let join = |token: &serde_json::Value| json!({"type": "join", "roomId": "r", "peerId": "p", "resumeToken": token});
    let mut holder = server.client().await;
    holder.send(join(&json!(null))).await;
    let token = holder.expect("peers").await["resumeToken"].clone();
    for _ in 0..100 {
        let mut next = server.client().await;
        next.send(join(&token)).await;
        next.expect("peers").await;
        holder.expect_error("replaced").await;
        assert_eq!(holder.expect_close().await, 4000);
        holder = next;
    }
    assert_eq!(server.load().peers, 1);
}

#[tokio::test]
async fn a_live_holder_keeps_its_id() {
    let server = Running::start().await;
    let mut holder = server.joined("r", "p").await;
    let mut other = server.client().await;
    other.send(json!({"type": "join", "roomId": "r", "peerId": "p", "resumeToken": "guess"})).await;
    // Waiting for a message answers pings, as every client does.
    let (done, ended) = tokio::sync::oneshot::channel::<()>();
    let holding = tokio::spawn(async move {
        tokio::select! {
            message = holder.next() => panic!("the holder was sent {message}"),
            _ = ended => holder,
        }
    });
    other.expect_error("id-taken").await;
    drop(done);
    let mut holder = holding.await.unwrap();
    assert_eq!(holder.all_until_now().await, [json!(null); 0]);
    other.send(json!({"type": "join", "roomId": "r", "peerId": "q"})).await;
    assert_eq!(other.expect("peers").await["peers"], json!([{"id": "p"}]));
}

#[tokio::test]
async fn a_holder_that_does_not_answer_loses_its_id_after_two_seconds() {
    let server = Running::start().await;
    let mut mate = server.joined("r", "mate").await;
    // Nobody reads from this socket any more, so pings stay without a pong.
    let _dead = server.joined("r", "p").await;
    mate.expect("peer-joined").await;
    let mut new = server.client().await;
    let asked = Instant::now();
    new.send(json!({"type": "join", "roomId": "r", "peerId": "p"})).await;
    assert_eq!(new.expect("peers").await["peers"], json!([{"id": "mate"}]));
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_millis(1_990), "taken over after {waited:?}");
    assert!(waited < Duration::from_secs(4), "taken over after {waited:?}");
    assert_eq!(mate.all_until_now().await, [json!(null); 0]);
    assert_eq!(server.load().peers, 2);
}
