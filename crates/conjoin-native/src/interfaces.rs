//! The addresses of this machine.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses others may reach this machine at: those of all interfaces, or that of the machine itself
/// where it has no other.
///
/// Link-local IPv6 addresses are left out, as browsers do: they mean nothing without the name of an interface.
pub(crate) fn addresses() -> BTreeSet<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let all: BTreeSet<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).filter(is_usable).collect();
    let outside: BTreeSet<IpAddr> = all.iter().copied().filter(|address| !address.is_loopback()).collect();
    if outside.is_empty() { all } else { outside }
}

/// The address of this machine that packets to this place leave from, if there is a way there.
pub(crate) fn route(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // For UDP this sends nothing: the system only looks up the way.
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

fn is_usable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::{addresses, is_usable, route};

    #[test]
    fn this_machine_has_an_address() {
        assert!(!addresses().is_empty());
    }

    #[test]
    fn the_way_to_this_machine_begins_here() {
        let here = "127.0.0.1:9".parse().unwrap();
        assert_eq!(route(here), Some(std::net::Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn addresses_that_need_an_interface_are_left_out() {
        for (address, usable) in [
            ("192.168.1.7", true),
            ("169.254.3.4", false),
            ("0.0.0.0", false),
            ("2001:db8::7", true),
            ("fe80::1", false),
        ] {
            assert_eq!(is_usable(&address.parse().unwrap()), usable, "{address}");
        }
    }
}
