//! Conjoin's side of the comparison in browsers. `y-webrtc.js` beside this does exactly the same.
//!
//! There are two peers, in two browsers. The *first* connects and has a state. The *second* measures how
//! long it takes from connecting until it sees that state. Then the second edits, the first answers each
//! edit with one of its own, and the second measures from its edit to the answer.
#![cfg(target_arch = "wasm32")]

use std::{cell::RefCell, rc::Rc};

use conjoin::{Map, Room, Session, Status, Value};
use js_sys::Function;
use wasm_bindgen::{JsValue, UnwrapThrowExt as _, prelude::wasm_bindgen};

/// The map that holds everything.
const MAP: &str = "bench";

/// What the first peer has before the second comes.
const STATE: &str = "state";

/// What the second writes, and what the first answers.
const PING: &str = "ping";
const PONG: &str = "pong";

/// A peer in a room, not connected yet.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Peer {
    room: Room,
}

#[wasm_bindgen]
impl Peer {
    /// A peer that will meet others in `room` on the signaling server `server`.
    #[wasm_bindgen(constructor)]
    pub fn new(server: String, room: String) -> Self {
        Self { room: Room::new(Session { server, room, name: None }) }
    }

    /// Becomes the first peer: has the state, answers edits, connects.
    pub fn first(&self) {
        let map = self.map();
        map.set(STATE, "here");
        let answer = self.map();
        map.watch_key(PING)
            .subscribe(move |ping| {
                if let Some(ping) = ping {
                    answer.set(PONG, ping.clone());
                }
            })
            .forget();
        self.room.connect();
    }

    /// Whether the signaling server has taken it into the room.
    pub fn joined(&self) -> bool {
        self.room.status().now() == Status::Joined
    }

    /// Becomes the second peer: connects, and calls `done` with the milliseconds until the state is seen.
    pub fn second(&self, done: Function) {
        let start = now();
        self.map()
            .watch_key(STATE)
            .subscribe(move |state| {
                if state.is_some() {
                    call(&done, &JsValue::from_f64(now() - start));
                }
            })
            .forget();
        self.room.connect();
    }

    /// Edits `count` times, each time after the answer to the last; calls `done` with the milliseconds
    /// from each edit to its answer.
    pub fn round_trips(&self, count: usize, done: Function) {
        let map = self.map();
        let times = Rc::new(RefCell::new(Vec::with_capacity(count)));
        let start = Rc::new(RefCell::new(now()));
        let edit = {
            let (map, times, start) = (map.clone(), times.clone(), start.clone());
            move || {
                let number = times.borrow().len() as i64;
                *start.borrow_mut() = now();
                map.set(PING, number);
            }
        };
        let next = edit.clone();
        map.watch_key(PONG)
            .subscribe(move |pong| {
                let expected = times.borrow().len() as i64;
                if *pong != Some(Value::Int(expected)) {
                    return;
                }
                times.borrow_mut().push(now() - *start.borrow());
                if times.borrow().len() < count {
                    next();
                } else {
                    call(
                        &done,
                        &times.borrow().iter().copied().map(JsValue::from_f64).collect::<js_sys::Array>(),
                    );
                }
            })
            .forget();
        edit();
    }

    fn map(&self) -> Map {
        self.room.map(MAP)
    }
}

fn now() -> f64 {
    web_sys::window().and_then(|window| window.performance()).expect_throw("pages have a clock").now()
}

fn call(function: &Function, argument: &JsValue) {
    function.call1(&JsValue::NULL, argument).expect_throw("the caller's function returns");
}
