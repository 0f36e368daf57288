//! The address of a page with a room: `?room=atlas&server=wss://example.org/&name=Ada`.
//!
//! `room` joins at once unless `connect=no` is there too; what is missing is left to the page's
//! defaults.

/// What an address says about the room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The room to join.
    pub room: Option<String>,
    /// The signaling server, where it is not the page's own host.
    pub server: Option<String>,
    /// The display name of whoever opens the link.
    pub name: Option<String>,
    /// `connect=no`: be ready, but wait for the user.
    pub stay_offline: bool,
}

impl Link {
    /// Reads the query of an address, with or without its `?`. Parameters it does not know are
    /// ignored, and of several with the same name the first counts.
    pub fn parse(query: &str) -> Self {
        let mut link = Self::default();
        for pair in query.trim_start_matches('?').split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match key {
                "room" => &mut link.room,
                "server" => &mut link.server,
                "name" => &mut link.name,
                "connect" => {
                    link.stay_offline |= value == "no";
                    continue;
                }
                _ => continue,
            };
            slot.get_or_insert_with(|| decode(value));
        }
        link
    }

    /// Whether to join as soon as the page has loaded.
    pub fn joins_at_once(&self) -> bool {
        self.room.is_some() && !self.stay_offline
    }

    /// The query that [`Link::parse`] reads as this link, with its `?`.
    pub fn to_query(&self) -> String {
        let mut query = String::new();
        for (key, value) in [("room", &self.room), ("server", &self.server), ("name", &self.name)] {
            if let Some(value) = value {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.push_str(key);
                query.push('=');
                encode_into(&mut query, value);
            }
        }
        if self.stay_offline {
            query.push_str(if query.is_empty() { "?connect=no" } else { "&connect=no" });
        }
        query
    }
}

/// The signaling server a page uses unless told otherwise: its own host, encrypted as the page is.
/// `protocol` and `host` are those of `window.location`.
pub fn default_server(protocol: &str, host: &str) -> String {
    match (protocol, host) {
        (_, "") => "ws://localhost:8080/".to_owned(),
        ("https:", host) => format!("wss://{host}/"),
        (_, host) => format!("ws://{host}/"),
    }
}

/// Whether a host name means the machine that resolves it, so that a link to it is of no use to
/// others.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    };
    name == "localhost" || name.ends_with(".localhost") || name == "::1" || name.starts_with("127.")
}

/// Percent-decodes a form value; what is malformed stays as it is.
fn decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|digit| (*digit as char).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).unwrap_or_else(|_| value.to_owned())
}

/// Percent-encodes a form value. Colons and slashes are allowed in a query (RFC 3986, 3.4), and
/// server addresses read better with them.
fn encode_into(query: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' | b'/' => {
                query.push(byte as char);
            }
            b' ' => query.push('+'),
            byte => {
                query.push('%');
                query.push(HEX[usize::from(byte >> 4)] as char);
                query.push(HEX[usize::from(byte & 15)] as char);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(room: &str) -> Link {
        Link { room: Some(room.to_owned()), ..Link::default() }
    }

    #[test]
    fn a_link_survives_its_own_query() {
        let links = [
            Link::default(),
            link("conjoin-demo"),
            link("R&D = 100 % + ünïcode / #1"),
            Link {
                server: Some("wss://example.org:8443/rooms?key=a&b".to_owned()),
                name: Some("Ada Lovelace".to_owned()),
                stay_offline: true,
                ..link("atlas")
            },
            Link { stay_offline: true, ..Link::default() },
        ];
        for link in links {
            assert_eq!(Link::parse(&link.to_query()), link, "{}", link.to_query());
        }
    }

    #[test]
    fn addresses_stay_readable() {
        let link = Link { server: Some("ws://localhost:8080/".to_owned()), ..link("conjoin-demo") };
        assert_eq!(link.to_query(), "?room=conjoin-demo&server=ws://localhost:8080/");
        assert_eq!(Link::default().to_query(), "");
    }

    #[test]
    fn a_room_joins_at_once_unless_told_not_to() {
        assert!(Link::parse("?room=atlas").joins_at_once());
        assert!(Link::parse("?room=atlas&connect=yes").joins_at_once());
        assert!(!Link::parse("?room=atlas&connect=no").joins_at_once());
        assert!(!Link::parse("?name=Ada").joins_at_once());
        assert!(!Link::parse("").joins_at_once());
    }

    #[test]
    fn malformed_queries_are_read_as_far_as_they_go() {
        assert_eq!(Link::parse("room=100%&x&=&room=second"), link("100%"));
        assert_eq!(Link::parse("?room=%4"), link("%4"));
        assert_eq!(Link::parse("?room=%zz%C3%A9"), link("%zzé"));
        assert_eq!(Link::parse("?room=%ff"), link("%ff"));
        assert_eq!(Link::parse("?room=é%"), link("é%"));
        assert_eq!(Link::parse("?room"), link(""));
    }

    #[test]
    fn the_default_server_is_the_host_of_the_page() {
        assert_eq!(default_server("http:", "localhost:8080"), "ws://localhost:8080/");
        assert_eq!(default_server("https:", "example.org"), "wss://example.org/");
        assert_eq!(default_server("file:", ""), "ws://localhost:8080/");
    }

    #[test]
    fn loopback_hosts_are_known() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:80", "[::1]:8080", "a.localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["192.168.1.4:8080", "example.org", "localhost.example.org", "[fe80::1]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
