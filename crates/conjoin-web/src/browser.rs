//! What is used of the browser, bound by hand.
//!
//! Every call that can throw is marked `catch`: an exception that passes through wasm frames would
//! leave what they hold borrowed for ever. The names are the browser's; see MDN.

use std::time::Duration;

use js_sys::{Array, Function, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = RTCPeerConnection)]
    pub(crate) type PeerConnection;
    #[wasm_bindgen(constructor, catch, js_class = "RTCPeerConnection")]
    pub(crate) fn new(configuration: &Object) -> Result<PeerConnection, JsValue>;
    #[wasm_bindgen(method, catch, js_name = createDataChannel)]
    pub(crate) fn create_data_channel(
        this: &PeerConnection,
        label: &str,
        options: &Object,
    ) -> Result<DataChannel, JsValue>;
    /// Without a description: an offer or an answer, whichever is due.
    #[wasm_bindgen(method, catch, js_name = setLocalDescription)]
    pub(crate) fn set_local_description(this: &PeerConnection) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setRemoteDescription)]
    pub(crate) fn set_remote_description(
        this: &PeerConnection,
        description: &JsValue,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = addIceCandidate)]
    pub(crate) fn add_ice_candidate(this: &PeerConnection, candidate: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = restartIce)]
    pub(crate) fn restart_ice(this: &PeerConnection) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, js_name = localDescription)]
    pub(crate) fn local_description(this: &PeerConnection) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = connectionState)]
    pub(crate) fn connection_state(this: &PeerConnection) -> JsValue;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &PeerConnection) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = RTCDataChannel)]
    #[derive(Clone)]
    pub(crate) type DataChannel;
    #[wasm_bindgen(method, setter, js_name = binaryType)]
    pub(crate) fn set_binary_type(this: &DataChannel, kind: &str);
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    pub(crate) fn buffered_amount(this: &DataChannel) -> f64;
    #[wasm_bindgen(method, setter, js_name = bufferedAmountLowThreshold)]
    pub(crate) fn set_buffered_amount_low_threshold(this: &DataChannel, bytes: f64);
    #[wasm_bindgen(method, getter, js_name = readyState)]
    pub(crate) fn ready_state(this: &DataChannel) -> JsValue;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn send(this: &DataChannel, data: &[u8]) -> Result<(), JsValue>;

    pub(crate) type WebSocket;
    #[wasm_bindgen(constructor, catch, js_class = "WebSocket")]
    pub(crate) fn new(url: &str) -> Result<WebSocket, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn send(this: &WebSocket, data: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &WebSocket) -> Result<(), JsValue>;

    /// Any event; the getters give `undefined` where it has no such field.
    pub(crate) type Event;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &Event) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn candidate(this: &Event) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn persisted(this: &Event) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn code(this: &Event) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn reason(this: &Event) -> JsValue;

    pub(crate) type EventTarget;
    #[wasm_bindgen(method, js_name = addEventListener)]
    pub(crate) fn add_event_listener(this: &EventTarget, event: &str, listener: &Function);
    #[wasm_bindgen(method, js_name = removeEventListener)]
    pub(crate) fn remove_event_listener(this: &EventTarget, event: &str, listener: &Function);

    /// The function that all events end in.
    #[derive(Clone)]
    #[wasm_bindgen(js_name = Function)]
    pub(crate) type Dispatch;
    #[wasm_bindgen(method)]
    pub(crate) fn bind(this: &Dispatch, receiver: &JsValue, first: u32, second: f64) -> Function;

    pub(crate) type Promise;
    #[wasm_bindgen(method)]
    pub(crate) fn then(this: &Promise, fulfilled: &Function, rejected: &Function) -> Promise;

    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(callback: &Function, milliseconds: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// The time since the page was opened.
pub fn now() -> Duration {
    Duration::try_from_secs_f64(performance_now() / 1_000.0).unwrap_or_default()
}

/// A random number nobody can guess.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    get_random_values(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Why this browser cannot connect to peers at all, if so.
pub fn obstacle() -> Option<String> {
    let has = |name: &str| Reflect::has(&js_sys::global(), &name.into()).unwrap_or(false);
    (!has("RTCPeerConnection")).then(|| {
        "this browser does not offer WebRTC, or an extension or setting has turned it off: \
         other peers cannot be reached"
            .to_owned()
    })
}

/// A global object such as `window`, if there is one here.
pub(crate) fn global_target(name: &str) -> Option<EventTarget> {
    let target = Reflect::get(&js_sys::global(), &name.into()).ok()?;
    target.is_object().then(|| target.unchecked_into())
}

/// An object with these fields.
pub(crate) fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

/// An array of strings.
pub(crate) fn strings(items: &[String]) -> JsValue {
    items.iter().map(|item| JsValue::from_str(item)).collect::<Array>().into()
}

/// Sets a field, for instance a listener; `null` or `undefined` takes it away.
pub(crate) fn set(object: &JsValue, field: &str, value: &JsValue) {
    // Only a frozen or foreign object refuses, and none of ours is one.
    let _ = Reflect::set(object, &field.into(), value);
}

/// JSON text as a value, if it is JSON.
pub(crate) fn parse(json: &str) -> Option<JsValue> {
    JSON::parse(json).ok()
}

/// A value as JSON text.
pub(crate) fn stringify(value: &JsValue) -> String {
    JSON::stringify(value).map(String::from).unwrap_or_default()
}

/// The most characters of a reason: browsers quote what a peer sent, which may be as long as it likes.
const LONGEST_REASON: usize = 160;

/// What was thrown, for people.
pub(crate) fn reason(thrown: &JsValue) -> String {
    let message = Reflect::get(thrown, &"message".into()).ok().and_then(|message| message.as_string());
    let message = message.filter(|message| !message.is_empty());
    let Some(mut message) = message else { return "the browser gives no reason".to_owned() };
    if let Some((end, _)) = message.char_indices().nth(LONGEST_REASON) {
        message.truncate(end);
        message.push('…');
    }
    message
}
