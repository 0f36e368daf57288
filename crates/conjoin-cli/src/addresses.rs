//! Under which addresses the server can be reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// What to type into a browser on this machine, and on another one, without the scheme.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) here: String,
    pub(crate) network: Option<String>,
}

impl Addresses {
    pub(crate) fn of(listening: SocketAddr) -> Self {
        let port = listening.port();
        let ip = listening.ip();
        if ip.is_unspecified() {
            return Self {
                here: format!("localhost:{port}"),
                network: own_ip().map(|ip| format!("{ip}:{port}")),
            };
        }
        if ip == Ipv4Addr::LOCALHOST {
            return Self { here: format!("localhost:{port}"), network: None };
        }
        Self { here: listening.to_string(), network: None }
    }
}

/// The address from which this machine would speak to the world. Nothing is sent: connecting a
/// UDP socket only asks the system for a route.
fn own_ip() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address that is reserved for documentation, RFC 5737.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_can_be_typed() {
        let here = |listening: &str| Addresses::of(listening.parse().unwrap()).here;
        assert_eq!(here("0.0.0.0:8080"), "localhost:8080");
        assert_eq!(here("[::]:8080"), "localhost:8080");
        assert_eq!(here("127.0.0.1:81"), "localhost:81");
        assert_eq!(here("[::1]:81"), "[::1]:81");
        assert_eq!(here("192.168.7.9:81"), "192.168.7.9:81");
    }
}
