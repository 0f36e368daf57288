//! STUN and TURN servers as settings (RFC 7064 and 7065, with credentials behind commas).

use conjoin_server::IceServer;

/// The servers of one argument, or of the environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IceServers(pub(crate) Vec<IceServer>);

/// Reads `URL[,USERNAME,CREDENTIAL]`, or several with white space between.
///
/// All is checked here, because a browser that is told a wrong one refuses to connect at all.
pub(crate) fn parse(text: &str) -> Result<IceServers, String> {
    text.split_whitespace().map(server).collect::<Result<_, _>>().map(IceServers)
}

fn server(text: &str) -> Result<IceServer, String> {
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let is_turn = check_url(url)?;
    let pair = (parts.next().filter(|it| !it.is_empty()), parts.next().filter(|it| !it.is_empty()));
    let (username, credential) = match (is_turn, pair) {
        (true, (Some(username), Some(credential))) => (Some(username.into()), Some(credential.into())),
        (true, _) => {
            return Err(format!("{url} needs a user name and a credential: {url},USERNAME,CREDENTIAL"));
        }
        (false, (None, None)) => (None, None),
        (false, _) => {
            return Err(format!("{url} takes no user name or credential; only turn: and turns: do"));
        }
    };
    Ok(IceServer { urls: vec![url.into()], username, credential })
}

/// Whether a URL is one of TURN, not of STUN.
fn check_url(url: &str) -> Result<bool, String> {
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    let is_turn = match scheme {
        "stun" | "stuns" => false,
        "turn" | "turns" => true,
        _ => return Err(format!("{url} does not start with stun:, stuns:, turn: or turns:")),
    };
    if rest.starts_with("//") {
        return Err(format!("{url} has // behind {scheme}:, which such a URL does not have"));
    }
    let (address, query) =
        rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    match query {
        None => {}
        Some("transport=udp" | "transport=tcp") if is_turn => {}
        Some(query) => {
            return Err(format!("{url} ends in ?{query}; turn: may end in ?transport=udp or ?transport=tcp"));
        }
    }
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| format!("{url} has a [ without ]"))?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| format!("{url}: {host} is no IPv6 address"))?;
            match port.strip_prefix(':') {
                None if port.is_empty() => (host, None),
                None => return Err(format!("{url} has {port} behind its address")),
                port => (host, port),
            }
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if host.is_empty() || !(address.starts_with('[') || host.chars().all(is_name)) {
        return Err(format!("{url} has no valid host name"));
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(is_turn),
        Some(_) => Err(format!("{url} has no valid port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read() {
        let stun = |url: &str| IceServer { urls: vec![url.into()], username: None, credential: None };
        for url in ["stun:example.org", "stun:10.0.0.1:3478", "stuns:[2001:db8::1]:5349", "stun:[::1]"] {
            assert_eq!(parse(url), Ok(IceServers(vec![stun(url)])), "{url}");
        }
        let turn = IceServer {
            urls: vec!["turn:t.example.org:3478?transport=tcp".into()],
            username: Some("ann".into()),
            credential: Some("se,cret".into()),
        };
        let both = parse(" stun:a.example\n turn:t.example.org:3478?transport=tcp,ann,se,cret ");
        assert_eq!(both, Ok(IceServers(vec![stun("stun:a.example"), turn])));
        assert_eq!(parse(""), Ok(IceServers(Vec::new())));
    }

    #[test]
    fn wrong_ones_are_refused_with_their_fault() {
        for (wrong, fault) in [
            ("example.org:3478", "start with stun:"),
            ("http://example.org", "start with stun:"),
            ("stun://example.org", "//"),
            ("stun:", "host name"),
            ("stun:exa mple.org,", "start with stun:"),
            ("stun:exämple.org", "host name"),
            ("stun:a:0", "port"),
            ("stun:a:99999", "port"),
            ("stun:a:", "port"),
            ("stun:a?transport=udp", "?transport"),
            ("stun:[::1", "without ]"),
            ("stun:[nope]", "IPv6"),
            ("stun:[::1]3478", "behind its address"),
            ("stun:a,user,secret", "takes no user name"),
            ("turn:a", "needs a user name"),
            ("turn:a,user", "needs a user name"),
            ("turn:a,user,", "needs a user name"),
            ("turn:a?transport=quic,u,c", "transport=udp"),
        ] {
            let error = parse(wrong).expect_err(wrong);
            assert!(error.contains(fault), "{wrong}: {error}");
        }
    }
}
