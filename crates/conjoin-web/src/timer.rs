//! The one timer: when the manager wants to be woken.

use std::time::Duration;

use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::browser::{clear_timeout, now, set_timeout};
use crate::events::{Events, Happening};

/// The longest time a browser's timer takes, in milliseconds.
const LONGEST: f64 = i32::MAX as f64;

/// A timer that is set anew with each input, at next to no cost: a time later than the one that
/// is set already waits for that one to pass. Waking early does no harm.
pub(crate) struct Timer {
    callback: Function,
    set: Option<(JsValue, Duration)>,
}

impl Timer {
    pub(crate) fn new(events: &Events) -> Self {
        Self { callback: events.listener(Happening::Timer), set: None }
    }

    /// Fires at this time at the latest.
    pub(crate) fn set(&mut self, time: Option<Duration>) {
        match (&self.set, time) {
            (None, None) => return,
            (Some((_, set)), Some(time)) if *set <= time => return,
            _ => self.clear(),
        }
        if let Some(time) = time {
            let delay = time.saturating_sub(now()).as_secs_f64() * 1_000.0;
            let timer = set_timeout(&self.callback, delay.ceil().min(LONGEST));
            self.set = Some((timer, time));
        }
    }

    /// It fired.
    pub(crate) fn fired(&mut self) {
        self.set = None;
    }

    fn clear(&mut self) {
        if let Some((timer, _)) = self.set.take() {
            clear_timeout(&timer);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}
