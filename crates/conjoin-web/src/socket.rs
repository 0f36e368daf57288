//! The signaling WebSocket: one at a time.

use wasm_bindgen::JsValue;

use crate::browser::{Event, WebSocket, reason, set};
use crate::events::{Events, Happening};

/// The socket, if there is one. Each is numbered, so that events of an older one are known.
#[derive(Default)]
pub(crate) struct Socket {
    number: u64,
    url: String,
    opened: bool,
    socket: Option<WebSocket>,
}

impl Socket {
    /// Opens a socket in place of the one before.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) fn open(&mut self, url: String, events: &Events) -> Result<(), String> {
        self.close();
        self.number += 1;
        self.opened = false;
        self.url = url;
        let cannot = |reason: &str| format!("signaling server at {} cannot be reached: {reason}", self.url);
        if !is_absolute(&self.url) {
            return Err(cannot("its address must start with ws:// or wss://"));
        }
        let socket = WebSocket::new(&self.url).map_err(|thrown| cannot(&reason(&thrown)))?;
        for (event, happening) in [
            ("onopen", Happening::SocketOpened(self.number)),
            ("onmessage", Happening::SocketMessage(self.number)),
            ("onclose", Happening::SocketClosed(self.number)),
        ] {
            set(&socket, event, &events.listener(happening));
        }
        self.socket = Some(socket);
        Ok(())
    }

    /// Whether an event of the socket of this number is news.
    pub(crate) fn is_current(&self, number: u64) -> bool {
        self.number == number && self.socket.is_some()
    }

    pub(crate) fn opened(&mut self) {
        self.opened = true;
    }

    /// Forgets the socket, which the browser says is closed, and says why it closed.
    pub(crate) fn closed(&mut self, event: &Event) -> String {
        self.drop_socket();
        let url = &self.url;
        if !self.opened {
            return format!("signaling server at {url} cannot be reached");
        }
        let code = event.code().as_f64().unwrap_or_default() as u16;
        match event.reason().as_string().filter(|reason| !reason.is_empty()) {
            Some(reason) => {
                format!("signaling server at {url} closed the connection: {reason} (code {code})")
            }
            // What the browser says when nobody said goodbye.
            None if code == 1006 => format!("the connection to the signaling server at {url} was lost"),
            None => format!("signaling server at {url} closed the connection (code {code})"),
        }
    }

    /// Sends a message. If the socket is closing, its closing will be told.
    pub(crate) fn send(&self, message: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(message);
        }
    }

    /// Closes the socket, after what was sent before.
    pub(crate) fn close(&mut self) {
        if let Some(socket) = self.drop_socket() {
            let _ = socket.close();
        }
    }

    fn drop_socket(&mut self) -> Option<WebSocket> {
        let socket = self.socket.take()?;
        for event in ["onopen", "onmessage", "onclose"] {
            set(&socket, event, &JsValue::NULL);
        }
        Some(socket)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close();
    }
}

/// Some browsers take any other text for a path on the page's own host.
fn is_absolute(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("wss"))
}

#[cfg(test)]
mod tests {
    use super::is_absolute;

    #[test]
    fn only_addresses_of_web_sockets_are_called() {
        for url in ["ws://localhost:8080", "WSS://example.org/x"] {
            assert!(is_absolute(url), "{url}");
        }
        for url in ["", "localhost:8080", "not a url", "http://localhost:8080", "//x", "x/ws://y"] {
            assert!(!is_absolute(url), "{url}");
        }
    }
}
