//! What the fields of the connection panel accept. The limits are the signaling server's.

use conjoin_signaling::{MAX_ID, MAX_NAME};

use crate::link::is_loopback;

/// Checks a room.
///
/// # Errors
/// What is wrong with it, for the user.
pub fn check_room(room: &str) -> Result<(), String> {
    if room.trim().is_empty() {
        return Err("Enter the name of a room.".to_owned());
    }
    check_text(room, "A room name", MAX_ID)
}

/// Checks a display name; none at all is fine.
///
/// # Errors
/// What is wrong with it, for the user.
pub fn check_name(name: &str) -> Result<(), String> {
    check_text(name, "A display name", MAX_NAME)
}

/// Checks the address of a signaling server for a page that was itself loaded over `https` or not.
///
/// # Errors
/// What is wrong with it, for the user.
pub fn check_server(server: &str, secure_page: bool) -> Result<(), String> {
    let (encrypted, rest) = match (strip_scheme(server, "wss://"), strip_scheme(server, "ws://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => {
            return Err("The address must begin with ws:// or wss://.".to_owned());
        }
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if host.is_empty() || host.starts_with(':') || host.ends_with('@') {
        return Err("The address has no host.".to_owned());
    }
    if server.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("The address must not contain spaces.".to_owned());
    }
    if server.contains('#') {
        return Err("The address must not contain a “#”.".to_owned());
    }
    if secure_page && !encrypted && !is_loopback(host) {
        return Err("This page came over https, so the browser only allows wss:// here.".to_owned());
    }
    Ok(())
}

/// Schemes are compared without regard to case (RFC 3986, 3.1).
fn strip_scheme<'a>(server: &'a str, scheme: &str) -> Option<&'a str> {
    let head = server.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &server[scheme.len()..])
}

fn check_text(text: &str, what: &str, limit: usize) -> Result<(), String> {
    if text.len() > limit {
        return Err(format!("{what} has at most {limit} bytes; this one has {}.", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} must not contain control characters."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_neither_empty_nor_too_long() {
        assert_eq!(check_room("conjoin-demo"), Ok(()));
        assert_eq!(check_room(&"r".repeat(128)), Ok(()));
        assert!(check_room("").is_err());
        assert!(check_room("  ").is_err());
        assert!(check_room("a\nb").is_err());
        // The limit counts bytes, not characters.
        let error = check_room(&"é".repeat(65)).unwrap_err();
        assert_eq!(error, "A room name has at most 128 bytes; this one has 130.");
    }

    #[test]
    fn names_may_be_empty() {
        assert_eq!(check_name(""), Ok(()));
        assert_eq!(check_name("Ada"), Ok(()));
        assert!(check_name(&"n".repeat(257)).is_err());
    }

    #[test]
    fn servers_are_websocket_addresses() {
        for server in ["ws://localhost:8080", "wss://example.org/", "WS://[::1]:80/a?b", "ws://a"] {
            assert_eq!(check_server(server, false), Ok(()), "{server}");
        }
        for server in [
            "",
            "localhost",
            "http://a",
            "ws:/a",
            "ws://",
            "ws:///path",
            "wss://:80",
            "ws://a b",
            "ws://a#b",
            "é",
        ] {
            assert!(check_server(server, false).is_err(), "{server}");
        }
    }

    #[test]
    fn a_secure_page_needs_a_secure_server() {
        assert!(check_server("ws://example.org/", true).is_err());
        assert_eq!(check_server("wss://example.org/", true), Ok(()));
        assert_eq!(check_server("ws://localhost:8080/", true), Ok(()), "loopback counts as secure");
    }
}
