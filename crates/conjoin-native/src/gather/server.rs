//! STUN and TURN servers, as URLs name them (RFC 7064 and 7065).

use std::net::SocketAddr;
use std::time::Duration;

use conjoin_peer::IceServer;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// A name that is not found within this time is not found.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// A server to ask for addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) service: Service,
    pub(crate) transport: Transport,
    /// A name or an address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Service {
    /// It tells from which address packets come.
    Stun,
    /// It lends an address.
    Turn { username: String, password: String },
}

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Server {
    /// Reads one URL of a server.
    ///
    /// # Errors
    /// Why it cannot be used, for people.
    pub(crate) fn parse(url: &str, server: &IceServer) -> Result<Self, String> {
        let (scheme, rest) =
            url.split_once(':').ok_or_else(|| format!("{url:?} is no STUN or TURN server"))?;
        let (address, query) =
            rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
        let transport = match (scheme, query) {
            ("stun", None) | ("turn", None | Some("transport=udp")) => Transport::Udp,
            ("turn", Some("transport=tcp")) => Transport::Tcp,
            ("turns", None | Some("transport=tcp")) => Transport::Tls,
            ("stuns", _) => return Err(format!("{url:?} tells nothing of use: addresses are for UDP")),
            _ => return Err(format!("{url:?} is no STUN or TURN server that is known here")),
        };
        let service = match (scheme, &server.username, &server.credential) {
            ("stun", ..) => Service::Stun,
            (_, Some(username), Some(password)) => {
                Service::Turn { username: username.clone(), password: password.clone() }
            }
            _ => return Err(format!("{url:?} comes without user name and credential")),
        };
        let (host, port) = host_and_port(address).ok_or_else(|| format!("{url:?} has no valid address"))?;
        let usual = if transport == Transport::Tls { 5349 } else { 3478 };
        Ok(Self { service, transport, host: host.to_owned(), port: port.unwrap_or(usual) })
    }

    /// One address of each family, where the server has them.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        let found = timeout(LOOKUP_TIMEOUT, lookup_host((self.host.as_str(), self.port))).await;
        let found: Vec<_> = match found {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(_)) => return Err(format!("the name {} is not known", self.host)),
            Err(_) => return Err(format!("the name {} is not found: no DNS server answers", self.host)),
        };
        let v4 = found.iter().find(|address| address.is_ipv4());
        let v6 = found.iter().find(|address| address.is_ipv6());
        Ok(v4.into_iter().chain(v6).copied().collect())
    }
}

fn host_and_port(address: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port != 0));
    match port {
        _ if host.is_empty() => None,
        None => Some((host, None)),
        Some(port) => port.map(|port| (host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Server, String> {
        let credentials = Some(("ann".to_owned(), "secret".to_owned())).filter(|_| url.starts_with("turn"));
        let (username, credential) = credentials.unzip();
        Server::parse(url, &IceServer { urls: vec![url.to_owned()], username, credential })
    }

    #[test]
    fn urls_are_read() {
        let turn = || Service::Turn { username: "ann".into(), password: "secret".into() };
        for (url, service, transport, host, port) in [
            ("stun:example.org", Service::Stun, Transport::Udp, "example.org", 3478),
            ("stun:[2001:db8::1]:99", Service::Stun, Transport::Udp, "2001:db8::1", 99),
            ("turn:10.0.0.1", turn(), Transport::Udp, "10.0.0.1", 3478),
            ("turn:a:1?transport=udp", turn(), Transport::Udp, "a", 1),
            ("turn:a?transport=tcp", turn(), Transport::Tcp, "a", 3478),
            ("turns:a", turn(), Transport::Tls, "a", 5349),
            ("turns:[::1]:443?transport=tcp", turn(), Transport::Tls, "::1", 443),
        ] {
            assert_eq!(read(url), Ok(Server { service, transport, host: host.into(), port }), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for url in [
            "",
            "example.org",
            "stun:",
            "stun:a:0",
            "stun:a:x",
            "stun:[::1",
            "stun:[::1]7",
            "stuns:a",
            "turn:a?transport=sctp",
            "stun:a?transport=tcp",
            "http:a",
        ] {
            assert!(read(url).is_err(), "{url}");
        }
        let nameless = IceServer { urls: Vec::new(), username: None, credential: None };
        assert!(Server::parse("turn:a", &nameless).is_err());
    }
}
