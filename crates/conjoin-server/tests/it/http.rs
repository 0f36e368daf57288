//! What is not signaling.

use serde_json::{Value, json};

use crate::support::{Running, get, request};

#[tokio::test]
async fn healthz_tells_the_load() {
    let server = Running::start().await;
    let (_ann, _bob) = (server.joined("r", "a").await, server.joined("r", "b").await);
    let _idle = server.client().await;
    server.until(|load| load.connections == 3).await;
    let answer = get(server.address, "/healthz").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let health: Value = serde_json::from_slice(&answer.body).unwrap();
    let expected = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "rooms": 1, "peers": 2, "connections": 3});
    assert_eq!(health, expected);
}

#[tokio::test]
async fn a_server_without_pages_says_how_to_get_them() {
    let server = Running::start().await;
    let answer = get(server.address, "/?room=r").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("cargo xtask site"));
    assert_eq!(get(server.address, "/other").await.status, 404);
}

#[tokio::test]
async fn only_get_and_head_are_taken() {
    let server = Running::start().await;
    let answer = request(server.address, "POST", "/", &[]).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn a_faulty_handshake_is_refused() {
    let server = Running::start().await;
    let upgrade = |connection, version| {
        [("Upgrade", "websocket"), ("Connection", connection), ("Sec-WebSocket-Version", version)]
    };
    let answer = request(server.address, "GET", "/", &upgrade("upgrade", "8")).await;
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")));
    let answer = request(server.address, "GET", "/", &upgrade("upgrade", "13")).await;
    assert_eq!(answer.status, 400, "the key is missing");
    let answer = request(server.address, "GET", "/", &upgrade("close", "13")).await;
    assert_eq!(answer.status, 426);
    assert_eq!(server.load().connections, 0);
}
