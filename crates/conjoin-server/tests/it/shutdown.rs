//! The server stops at once and in order.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{BOUND, Running};

#[tokio::test]
async fn sockets_are_told_that_the_server_goes_away() {
    let server = Running::start().await;
    let mut client = server.joined("r", "a").await;
    let _unread = server.joined("r", "b").await;
    client.expect("peer-joined").await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let address = server.address;
    let asked = Instant::now();
    let ((), code) = tokio::join!(server.stop(), client.expect_close());
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
    assert_eq!(code, 1001);
    let read = tokio::time::timeout(BOUND, silent.read(&mut [0])).await.expect("a closed connection");
    assert!(matches!(read, Ok(0) | Err(_)));
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn without_clients_it_stops_without_waiting() {
    let server = Running::start().await;
    let asked = Instant::now();
    server.stop().await;
    assert!(asked.elapsed() < Duration::from_millis(300), "it took {:?}", asked.elapsed());
}
