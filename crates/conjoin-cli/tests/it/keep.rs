//! `conjoin keep` and `conjoin serve --keep`: real processes, real peers, and what is on the disk.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conjoin::{Doc, PeerState, ReplicaId, Room, Session, Storage, VersionVector};
use conjoin_store::{DATABASE, Store};
use tempfile::TempDir;

use crate::support::{BOUND, Server, conjoin, failure, output};

const FREE: [&str; 5] = ["serve", "--host", "127.0.0.1", "--port", "0"];

/// Runs with the native peers of the test.
fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

fn url(server: &Server) -> String {
    format!("ws://127.0.0.1:{}", server.port)
}

fn keep(rooms: &[&str], data: &Path, url: &str, more: &[&str]) -> Server {
    let data = data.to_str().unwrap();
    let args = [&["keep"], rooms, &["--data", data, "--server", url], more].concat();
    Server::start(&mut conjoin(&args))
}

/// A peer that has joined the room.
fn join(url: &str, room: &str, name: &str) -> Room {
    let session = Session { server: url.into(), room: room.into(), name: Some(name.into()) };
    let room = Room::new(session);
    room.connect();
    room
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < BOUND * 3, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// All that peers of this room have acknowledged so far.
fn acknowledged(room: &Room) -> Arc<Mutex<VersionVector>> {
    let all: Arc<Mutex<VersionVector>> = Arc::default();
    let inside = all.clone();
    let join = move |peers: &Vec<conjoin::PeerInfo>| {
        for version in peers.iter().filter_map(|peer| peer.version.as_ref()) {
            inside.lock().unwrap().join(version);
        }
    };
    room.peers().subscribe(join).forget();
    all
}

/// What a killed keeper has left of a room.
fn left(data: &Path, room: &str) -> Doc {
    let store = Store::open(data).unwrap();
    let mut doc = Doc::new(ReplicaId::new(1));
    for part in store.room(room).unwrap().load().unwrap() {
        match conjoin_core::Delta::from_bytes(&part) {
            Ok(delta) => assert!(!doc.apply(&delta).unwrap().missing),
            Err(_) => drop(doc.merge_snapshot(&part).unwrap()),
        }
    }
    doc
}

fn is_connected(room: &Room) -> bool {
    room.peers().now().iter().any(|peer| peer.state == PeerState::Connected)
}

#[test]
fn killed_at_any_moment_it_has_all_that_it_acknowledged() {
    let mut random = fastrand::Rng::new();
    let server = Server::start(&mut conjoin(&FREE));
    let data = TempDir::new().unwrap();
    run(async {
        let url = url(&server);
        let writer = join(&url, "atlas", "writer");
        let acknowledged = acknowledged(&writer);
        let load = tokio::spawn({
            let writer = writer.clone();
            async move {
                for n in 0.. {
                    writer.transact(|tx| {
                        tx.text("notes").push("word ");
                        tx.map("cells").set(&(n % 100).to_string(), n);
                    });
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
        for round in 0..50 {
            let before = acknowledged.lock().unwrap().total();
            // Half of them let go of history while they are killed.
            let more = if round % 2 == 0 { &[][..] } else { &["--compact-after", "1s"] };
            let keeper = keep(&["atlas"], data.path(), &url, more);
            until("an acknowledgement", || acknowledged.lock().unwrap().total() > before).await;
            tokio::time::sleep(Duration::from_millis(random.u64(..150))).await;
            // SIGKILL.
            drop(keeper);
            let doc = left(data.path(), "atlas");
            assert!(doc.version().covers(&acknowledged.lock().unwrap()));
        }
        load.abort();

        // The last one leaves, another comes.
        let keeper = keep(&["atlas"], data.path(), &url, &[]);
        until("all", || acknowledged.lock().unwrap().covers(&writer.version().now())).await;
        let (version, text) = (writer.version().now(), writer.text("notes").get());
        writer.leave().await;
        drop(writer);
        let reader = join(&url, "atlas", "reader");
        until("the state", || reader.version().now() == version).await;
        assert!(reader.text("notes").get() == text);
        drop(keeper);
    });
}

#[test]
fn what_is_old_is_let_go_of_and_the_rest_is_there_again() {
    let server = Server::start(&mut conjoin(&FREE));
    let data = TempDir::new().unwrap();
    run(async {
        let url = url(&server);
        let more = ["--compact-after", "1s", "--log-level", "info"];
        let keeper = keep(&["atlas"], data.path(), &url, &more);
        let (writer, late) = (join(&url, "atlas", "writer"), join(&url, "atlas", "late"));
        let keeper_has_all = || {
            let peers = writer.peers().now();
            let keeper = peers.into_iter().find(|peer| peer.name.as_deref() == Some("keeper"));
            keeper.and_then(|keeper| keeper.version).is_some_and(|has| has.covers(&writer.version().now()))
        };
        writer.text("notes").push("draft");
        writer.counter("clicks").add(2);
        until("all", || [&writer, &late].iter().all(|room| room.peers().now().len() == 2)).await;
        until("the text", || late.text("notes").get() == "draft").await;
        late.leave().await;
        late.text("notes").push(", edited offline");
        writer.text("notes").delete(1..).unwrap();
        until("it", keeper_has_all).await;
        let version = writer.version().now();
        keeper.wait_for_log(&format!("edits={}\n", version.total()));
        // What is acknowledged now was saved after that.
        writer.counter("clicks").increment();
        until("one more", keeper_has_all).await;
        // SIGKILL.
        drop(keeper);
        let doc = left(data.path(), "atlas");
        assert!(doc.compacted().covers(&version) && doc.version() == &writer.version().now());
        assert_eq!((doc.text("notes").to_string(), doc.counter("clicks")), ("d".to_owned(), 3));

        // The writer still has the history, so that what was edited meanwhile gets in, by way of the writer.
        let _keeper = keep(&["atlas"], data.path(), &url, &more);
        late.connect();
        until("what was edited offline", || writer.text("notes").get() == "d, edited offline").await;
        until("it", keeper_has_all).await;
        writer.leave().await;
        late.leave().await;
        let reader = join(&url, "atlas", "reader");
        until("all of it", || reader.text("notes").get() == "d, edited offline").await;
        assert_eq!(reader.counter("clicks").get(), 3);
    });
}

#[test]
fn it_ends_cleanly_and_starts_again_with_several_rooms() {
    let server = Server::start(&mut conjoin(&FREE));
    let data = TempDir::new().unwrap();
    run(async {
        let url = url(&server);
        let keeper = keep(&["atlas", "plans"], data.path(), &url, &[]);
        assert!(keeper.greeting.contains("Keeping     atlas, plans, for ever\n"), "{}", keeper.greeting);
        let writers = ["atlas", "plans"].map(|room| join(&url, room, "writer"));
        for (n, writer) in (1..).zip(&writers) {
            let acknowledged = acknowledged(writer);
            writer.counter("clicks").add(n);
            until("it", || acknowledged.lock().unwrap().covers(&writer.version().now())).await;
        }
        let [atlas, plans] = writers;
        atlas.leave().await;
        keeper.signal(rustix::process::Signal::TERM);
        let (status, _, log) = keeper.wait();
        assert!(status.success() && log.contains("stopped"), "{log}");
        // Its goodbye is heard: this takes no time-out.
        until("its leaving", || plans.peers().now().is_empty()).await;
        plans.leave().await;

        let _keeper = keep(&["plans", "atlas"], data.path(), &url, &[]);
        for (n, name) in (1..).zip(["atlas", "plans"]) {
            let reader = join(&url, name, "reader");
            until("the state", || reader.counter("clicks").get() == n).await;
        }
    });
}

#[test]
fn a_server_that_is_not_there_is_said_and_tried_again() {
    let data = TempDir::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let keeper = keep(&["atlas"], data.path(), &format!("ws://127.0.0.1:{port}"), &[]);
    keeper.wait_for_log("nothing listens there; trying again until it can");
    let _server = Server::start(&mut conjoin(&["serve", "--host", "127.0.0.1", "--port", &port.to_string()]));
    keeper.wait_for_log("joined");
}

#[test]
fn what_is_wrong_is_said() {
    let data = TempDir::new().unwrap();
    let path = data.path().to_str().unwrap();
    let keep = |args: &[&str]| failure(&mut conjoin(&[&["keep"], args].concat()));
    assert!(keep(&["atlas"]).contains("--data <DIR>"));
    let help = String::from_utf8(output(&mut conjoin(&["keep", "--help"])).stdout).unwrap();
    for (flag, variable) in [
        ("--data", "CONJOIN_DATA"),
        ("--server", "CONJOIN_SERVER"),
        ("--name", "CONJOIN_NAME"),
        ("--max-size", "CONJOIN_MAX_SIZE"),
        ("--forget-after", "CONJOIN_FORGET_AFTER"),
        ("--compact-after", "CONJOIN_COMPACT_AFTER"),
        ("--log-format", "CONJOIN_LOG_FORMAT"),
        ("--log-level", "CONJOIN_LOG_LEVEL"),
    ] {
        assert!(help.contains(flag) && help.contains(&format!("[env: {variable}")), "{flag}: {help}");
    }
    assert!(keep(&["--data", path]).starts_with("error: which rooms?"));
    assert!(keep(&["", "--data", path]).contains("a room has a name"));
    let said = keep(&["atlas", "--data", path, "--server", "localhost:8080"]);
    assert!(said.contains("it must begin with ws://"), "{said}");
    let said = keep(&["atlas", "--data", path, "--max-size", "1"]);
    assert!(said.contains("from 1MiB to"), "{said}");

    let store = Store::open(data.path()).unwrap();
    let said = keep(&["atlas", "--data", path]);
    assert_eq!(said, format!("error: the store {path} is in use by another process\n"));
    drop(store);
    std::fs::write(data.path().join(DATABASE), "garbage ".repeat(1000)).unwrap();
    let said = keep(&["atlas", "--data", path]);
    let expected = format!("error: the store {path}/{DATABASE} is damaged: file is not a database\n");
    assert_eq!(said, expected);
    let said = keep(&["atlas", "--data", "/dev/null/store"]);
    assert!(said.starts_with("error: cannot make the folder /dev/null/store: "), "{said}");
}

#[test]
fn at_its_limit_it_says_so_and_has_all_that_it_acknowledged() {
    let server = Server::start(&mut conjoin(&FREE));
    let data = TempDir::new().unwrap();
    run(async {
        let url = url(&server);
        let keeper = keep(&["atlas"], data.path(), &url, &["--max-size", "1MiB"]);
        let writer = join(&url, "atlas", "writer");
        let acknowledged = acknowledged(&writer);
        until("it", || is_connected(&writer)).await;
        let mut random = fastrand::Rng::with_seed(1);
        for n in 0..40 {
            // So that it cannot be deflated.
            let text: String = (0..50_000).map(|_| random.alphanumeric()).collect();
            writer.map("cells").set(&n.to_string(), text);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        keeper.wait_for_log("has reached its limit of 1024 KiB");
        until("its leaving", || writer.peers().now().is_empty()).await;
        // Who comes now finds at least what was acknowledged.
        writer.leave().await;
        let reader = join(&url, "atlas", "reader");
        let has_all = || reader.version().now().covers(&acknowledged.lock().unwrap());
        until("what was acknowledged", has_all).await;
        reader.leave().await;
        drop(keeper);
        assert!(std::fs::metadata(data.path().join(DATABASE)).unwrap().len() <= 1 << 20);
        assert!(left(data.path(), "atlas").version().covers(&acknowledged.lock().unwrap()));
        // With more room it has the rest as well.
        writer.connect();
        let _keeper = keep(&["atlas"], data.path(), &url, &["--max-size", "100MiB"]);
        until("all", || acknowledged.lock().unwrap().covers(&writer.version().now())).await;
    });
}

#[test]
fn rooms_that_nobody_uses_are_forgotten() {
    let server = Server::start(&mut conjoin(&FREE));
    let data = TempDir::new().unwrap();
    run(async {
        let url = url(&server);
        let keeper = keep(&["atlas"], data.path(), &url, &["--forget-after", "2s"]);
        let writer = join(&url, "atlas", "writer");
        let acknowledged = acknowledged(&writer);
        writer.counter("clicks").add(1);
        until("it", || acknowledged.lock().unwrap().covers(&writer.version().now())).await;
        drop(writer);
        keeper.wait_for_log("forgotten");
        let reader = join(&url, "atlas", "reader");
        until("it", || is_connected(&reader)).await;
        assert_eq!(reader.counter("clicks").get(), 0);
    });
}

#[test]
fn a_server_keeps_the_rooms_that_are_used_on_it() {
    let data = TempDir::new().unwrap();
    let path = data.path().to_str().unwrap();
    let start = || Server::start(&mut conjoin(&[&FREE[..], &["--keep", path]].concat()));
    run(async {
        for n in 1..4 {
            let server = start();
            assert!(server.greeting.contains(&format!("Keeping     all rooms, in {path}")));
            let url = url(&server);
            // The last peer leaves, a new one comes.
            for k in 1..3 {
                let writer = join(&url, "atlas", "writer");
                let clicks = writer.counter("clicks");
                until("the state", || is_connected(&writer) && clicks.get() == (n - 1) * 2 + k - 1).await;
                let acknowledged = acknowledged(&writer);
                clicks.increment();
                until("it", || acknowledged.lock().unwrap().covers(&writer.version().now())).await;
                writer.leave().await;
            }
            if n == 1 {
                server.signal(rustix::process::Signal::TERM);
                let (status, _, log) = server.wait();
                assert!(status.success(), "{log}");
            }
        }
    });
}
