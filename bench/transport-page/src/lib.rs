//! One end of a link, in a page: the driver for browsers, without a manager. Whoever drives the page carries
//! descriptions and candidates to the other end and back.
#![cfg(target_arch = "wasm32")]

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
};

use conjoin_peer::{Channel, Input, LinkId, Output};
use conjoin_web::{Notice, WebDriver, now};
use js_sys::{Array, Function};
use wasm_bindgen::{JsValue, UnwrapThrowExt as _, prelude::wasm_bindgen};

/// So many bytes are sent before it is asked whether the channel is writable, as the manager does.
const WINDOW: usize = 256 * 1024;

const LINK: LinkId = LinkId(1);

/// One end of one link.
#[wasm_bindgen]
pub struct End(Rc<Inner>);

#[derive(Default)]
struct Inner {
    driver: OnceCell<WebDriver>,
    /// What the other end is to be told: pairs of a kind and a text.
    signals: RefCell<Vec<(&'static str, String)>>,
    open: Cell<usize>,
    error: RefCell<Option<String>>,
    task: RefCell<Task>,
}

/// What is done with what comes.
#[derive(Default)]
enum Task {
    #[default]
    Nothing,
    /// All that comes goes back.
    Echo,
    /// This many messages are waited for; then `done` is told their messages a second.
    Count { left: usize, count: usize, first: f64, done: Function },
    /// Each answer is followed by the next question.
    Ask { channel: Channel, left: usize, asked: f64, times: Vec<f64>, done: Function },
    /// As many messages as the channel takes, whenever it has room.
    Stream { size: usize, left: usize },
}

#[wasm_bindgen]
impl End {
    /// An end that waits for an offer or is asked for one.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        let inner = Rc::<Inner>::default();
        let weak = Rc::downgrade(&inner);
        let driver = WebDriver::new(move |notice| {
            if let (Some(inner), Notice::Input(input)) = (weak.upgrade(), notice) {
                inner.happened(input);
            }
        });
        driver.perform(Output::OpenLink { link: LINK, ice_servers: Vec::new() });
        assert!(inner.driver.set(driver).is_ok());
        Self(inner)
    }

    /// Makes the offer.
    pub fn offer(&self) {
        self.0.perform(Output::Offer { link: LINK, ice_restart: false });
    }

    /// Takes what the other end tells.
    pub fn signal(&self, kind: &str, text: String) {
        self.0.perform(match kind {
            "offer" => Output::Accept { link: LINK, offer: text },
            "answer" => Output::Complete { link: LINK, answer: text },
            _ => Output::AddCandidate { link: LINK, candidate: text },
        });
    }

    /// What the other end is to be told, since the last call: pairs of `"description"` or `"candidate"` and a text.
    ///
    /// # Errors
    /// Why the link failed.
    pub fn signals(&self) -> Result<Array, JsValue> {
        if let Some(error) = self.0.error.take() {
            return Err(error.into());
        }
        let signals = self.0.signals.take();
        Ok(signals.into_iter().map(|(kind, text)| Array::of2(&kind.into(), &text.into())).collect())
    }

    /// Whether both channels are open.
    pub fn is_open(&self) -> bool {
        self.0.open.get() == 2
    }

    /// Sends back all that comes.
    pub fn echo(&self) {
        self.0.task.replace(Task::Echo);
    }

    /// Calls `done` with the messages a second, when `count` have come.
    pub fn count(&self, count: usize, done: Function) {
        self.0.task.replace(Task::Count { left: count, count, first: 0.0, done });
    }

    /// Makes round trips, one after the other, and calls `done` with the milliseconds of each.
    pub fn ask(&self, live: bool, size: usize, count: usize, done: Function) {
        let channel = if live { Channel::Live } else { Channel::Bulk };
        self.0.task.replace(Task::Ask { channel, left: count, asked: now_millis(), times: Vec::new(), done });
        self.0.send(channel, vec![0; size]);
    }

    /// Sends so many messages on the bulk channel, as fast as it takes them.
    pub fn stream(&self, size: usize, count: usize) {
        self.0.task.replace(Task::Stream { size, left: count });
        self.0.go_on();
    }
}

impl Default for End {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn perform(&self, output: Output) {
        self.driver.get().expect_throw("an end has a driver").perform(output);
    }

    fn send(&self, channel: Channel, data: Vec<u8>) {
        self.perform(Output::Send { link: LINK, channel, data });
    }

    fn happened(&self, input: Input) {
        match input {
            Input::Described { description, .. } => {
                self.signals.borrow_mut().push(("description", description));
            }
            Input::Candidate { candidate, .. } => self.signals.borrow_mut().push(("candidate", candidate)),
            Input::ChannelOpened { .. } => self.open.set(self.open.get() + 1),
            Input::LinkFailed { error, .. } => drop(self.error.replace(Some(error))),
            Input::ChannelClosed { .. } => drop(self.error.replace(Some("the link was lost".to_owned()))),
            Input::Frame { channel, data, .. } => self.came(channel, data),
            Input::Writable { .. } => self.go_on(),
            _ => {}
        }
    }

    fn came(&self, channel: Channel, data: Vec<u8>) {
        let (mut answer, mut told) = (None, None);
        match &mut *self.task.borrow_mut() {
            Task::Nothing | Task::Stream { .. } => {}
            Task::Echo => answer = Some((channel, data)),
            Task::Count { left, count, first, done } => {
                if left == count {
                    *first = now_millis();
                }
                *left = left.saturating_sub(1);
                if *left == 0 {
                    let seconds = (now_millis() - *first) / 1_000.0;
                    told = Some((done.clone(), JsValue::from_f64((*count - 1) as f64 / seconds)));
                }
            }
            Task::Ask { channel, left, asked, times, done } => {
                let now = now_millis();
                times.push(now - *asked);
                *left = left.saturating_sub(1);
                if *left > 0 {
                    *asked = now;
                    answer = Some((*channel, data));
                } else {
                    let times: Array = times.drain(..).map(JsValue::from_f64).collect();
                    told = Some((done.clone(), times.into()));
                }
            }
        }
        if let Some((channel, data)) = answer {
            self.send(channel, data);
        }
        if let Some((done, result)) = told {
            self.task.replace(Task::Nothing);
            done.call1(&JsValue::NULL, &result).expect_throw("the caller's function returns");
        }
    }

    /// Streams until the channel is full, or all is sent.
    fn go_on(&self) {
        let (size, count, more) = match &mut *self.task.borrow_mut() {
            Task::Stream { size, left } => {
                let count = (*left).min(WINDOW.div_ceil(*size));
                *left -= count;
                (*size, count, *left > 0)
            }
            _ => return,
        };
        for _ in 0..count {
            self.send(Channel::Bulk, vec![7; size]);
        }
        if more {
            self.perform(Output::AwaitWritable { link: LINK });
        }
    }
}

fn now_millis() -> f64 {
    now().as_secs_f64() * 1_000.0
}
