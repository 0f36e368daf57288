//! How many have come to a room: the same code in a native program and in a page.
//!
//! Start `conjoin serve`, then as many of these as you like:
//!
//! ```text
//! cargo run -p visits -- ws://localhost:8080 atlas
//! ```
//!
//! For browsers, `cargo xtask example visits` builds the same file and says how to serve it.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use conjoin::{MaybeSend, Room, Session};

/// Joins the room, counts one visit more, and shows the number whenever it changes.
fn visit(server: &str, room: &str, mut show: impl FnMut(i64) + MaybeSend + 'static) -> Room {
    let room = Room::new(Session { server: server.into(), room: room.into(), name: None });
    let visits = room.counter("visits");
    visits.watch().subscribe(move |visits| show(*visits)).forget();
    visits.increment();
    room.connect();
    room
}

#[cfg(not(target_arch = "wasm32"))]
#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().unwrap_or_else(|| "ws://localhost:8080".to_owned());
    let room = arguments.next().unwrap_or_else(|| "atlas".to_owned());
    println!("Ctrl-C ends this one");
    let room = visit(&server, &room, |visits| println!("{visits} visits"));
    // Whether there was a Ctrl-C or there can be none: it is over.
    let _ = tokio::signal::ctrl_c().await;
    room.leave().await;
}

#[cfg(target_arch = "wasm32")]
fn main() {
    let window = web_sys::window().expect("this is a page");
    let document = window.document().expect("a page has a document");
    let host = window.location().host().expect("a page has an address");
    let show = move |visits: i64| {
        let shown = document.get_element_by_id("visits").expect("the page has a place for it");
        shown.set_text_content(Some(&visits.to_string()));
    };
    let room = visit(&format!("ws://{host}"), "atlas", show);
    // The room lives as long as the page.
    std::mem::forget(room);
}
