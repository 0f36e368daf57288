//! Where to meet: the address of a server, or the link of a page.

use conjoin_signaling::{MAX_ID, MAX_NAME};

/// What an address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// `ws://` or `wss://`.
    pub(crate) server: String,
    /// That of a page's link.
    pub(crate) room: Option<String>,
    /// That of a page's link, for whoever opens it.
    pub(crate) name: Option<String>,
}

/// Reads the address of a server, `ws://` or `wss://`, or that of a page, `http://` or `https://`.
///
/// A page is served where signaling is, unless its link has `server=` in it: `https://host/any?room=r` is
/// `wss://host/` and the room `r`.
///
/// # Errors
/// If it is neither, with what to type.
pub(crate) fn parse(text: &str) -> Result<Address, String> {
    let text = text.trim();
    let wrong = |why: &str| format!("{text:?} {why}");
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(wrong(&format!(
            "is no address of a server: it must begin with ws://, wss://, http:// or https://, like ws://{}",
            if text.is_empty() { "localhost:8080" } else { text }
        )));
    };
    if text.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return Err(wrong("is no address: there is a space in it"));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    check_host(host).map_err(|why| wrong(&why))?;
    let server = match scheme.to_ascii_lowercase().as_str() {
        "ws" | "wss" => {
            let server = text.split('#').next().unwrap_or_default().to_owned();
            return Ok(Address { server, room: None, name: None });
        }
        "http" => format!("ws://{host}/"),
        "https" => format!("wss://{host}/"),
        other => {
            return Err(wrong(&format!(
                "begins with {other}://, but must with ws://, wss://, http:// or https://"
            )));
        }
    };
    let query = rest.split('#').next().unwrap_or_default().split_once('?').map_or("", |split| split.1);
    let mut address = Address { server, room: None, name: None };
    let mut other = None;
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let slot = match key {
            "room" => &mut address.room,
            "name" => &mut address.name,
            "server" => &mut other,
            _ => continue,
        };
        slot.get_or_insert(decode(value));
    }
    if let Some(other) = other.filter(|other| !other.is_empty()) {
        let other = parse(&other).map_err(|why| wrong(&format!("names a server that is none: {why}")))?;
        address.server = other.server;
    }
    Ok(address)
}

fn check_host(host: &str) -> Result<(), String> {
    if host.contains('@') {
        return Err("has a user name in it, which servers do not take".into());
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(v6) => {
            let (name, port) = v6.split_once(']').ok_or("has a [ without ]")?;
            name.parse::<std::net::Ipv6Addr>().map_err(|_| format!("has no IPv6 address in [{name}]"))?;
            (name, port.strip_prefix(':').or((!port.is_empty()).then_some("")))
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() {
        return Err("names no host".into());
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(_) => Err("has no valid port".into()),
    }
}

/// Percent-decodes a form value; what is malformed stays as it is.
fn decode(value: &str) -> String {
    let (bytes, mut decoded, mut at) = (value.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|&digit| char::from(digit).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(1), hex(2)) {
            decoded.extend(u8::try_from(high * 16 + low));
            at += 3;
        } else {
            decoded.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| value.to_owned())
}

/// Whether a server takes the name of a room.
pub(crate) fn check_room(room: &str) -> Result<(), String> {
    if room.is_empty() || room.len() > MAX_ID || room.chars().any(char::is_control) {
        return Err(format!("the name of a room is 1 to {MAX_ID} bytes without control characters"));
    }
    Ok(())
}

/// Whether a server takes the name of a peer.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(format!("a name is at most {MAX_NAME} bytes without control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_pages_are_read() {
        let server = |text: &str| parse(text).map(|address| address.server);
        assert_eq!(server("ws://localhost:8080"), Ok("ws://localhost:8080".into()));
        assert_eq!(server(" wss://example.org/signal?x=1 "), Ok("wss://example.org/signal?x=1".into()));
        assert_eq!(server("http://localhost:8080"), Ok("ws://localhost:8080/".into()));
        assert_eq!(server("HTTPS://example.org/demo/?x#y"), Ok("wss://example.org/".into()));
        assert_eq!(server("ws://[::1]:81/"), Ok("ws://[::1]:81/".into()));
    }

    #[test]
    fn the_link_of_a_page_names_the_room() {
        let link = parse("http://localhost:8080/?room=my%20r%C3%B6om+2&name=Ada&connect=no").unwrap();
        assert_eq!(link.server, "ws://localhost:8080/");
        assert_eq!((link.room.as_deref(), link.name.as_deref()), (Some("my röom 2"), Some("Ada")));
        let link = parse("https://x.example/?server=ws://s.example:81/&room=r&room=second").unwrap();
        assert_eq!((link.server.as_str(), link.room.as_deref()), ("ws://s.example:81/", Some("r")));
    }

    #[test]
    fn what_is_wrong_is_said_at_once() {
        for (text, why) in [
            ("localhost:8080", "like ws://localhost:8080"),
            ("", "like ws://localhost:8080"),
            ("ftp://x", "begins with ftp://"),
            ("ws://", "names no host"),
            ("ws://:80", "names no host"),
            ("ws://x:0", "no valid port"),
            ("ws://x:99999", "no valid port"),
            ("ws://x:y", "no valid port"),
            ("ws://[::1", "[ without ]"),
            ("ws://[::1]9", "no valid port"),
            ("ws://[x]", "no IPv6 address"),
            ("ws://ann@x", "user name"),
            ("ws://a b", "a space in it"),
            ("http://x/?server=y", "names a server that is none"),
        ] {
            let said = parse(text).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(
            check_room("").is_err() && check_room(&"x".repeat(129)).is_err() && check_room("a\n").is_err()
        );
        assert!(check_room("atlas 2").is_ok() && check_name("").is_ok() && check_name("a\u{1b}").is_err());
    }
}
