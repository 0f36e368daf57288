//! Closing a link without losing what was sent last.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::browser::{DataChannel, set, set_timeout};
use crate::link::Link;

/// How long what was sent may take to leave, in milliseconds.
const PATIENCE: f64 = 1_000.0;

/// Closes the link: when its channels have passed on what they were given, or after a moment.
///
/// The link keeps itself until then; the driver need not outlive it.
pub(crate) fn close_when_drained(link: Link) {
    link.silence();
    if is_drained(&link) {
        close_now(&link);
        return;
    }
    let channels = [link.bulk.clone(), link.live.clone()];
    let link = RefCell::new(Some(link));
    // Called with an event by a drained channel, and with nothing by the timer.
    let check = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        let Some(open) = link.take() else { return };
        if event.is_undefined() || is_drained(&open) {
            close_now(&open);
        } else {
            link.replace(Some(open));
        }
    });
    let check: Function = check.into_js_value().unchecked_into();
    for channel in channels {
        channel.set_buffered_amount_low_threshold(0.0);
        set(&channel, "onbufferedamountlow", &check);
    }
    set_timeout(&check, PATIENCE);
}

/// Closes the link and takes its listeners away, so that nothing refers to it any more.
pub(crate) fn close_now(link: &Link) {
    link.silence();
    // Closing twice is no error; there is nothing to do about any other.
    let _ = link.connection.close();
}

fn is_drained(link: &Link) -> bool {
    let is_drained = |channel: &DataChannel| {
        channel.buffered_amount() == 0.0 || channel.ready_state().as_string().as_deref() != Some("open")
    };
    is_drained(&link.bulk) && is_drained(&link.live)
}
