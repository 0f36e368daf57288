//! `conjoin doctor`.

mod args;
mod findings;
mod nat;
mod peers;
mod words;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use conjoin::Candidates;
use conjoin_native::probe::{self, IceProbe, Observation};
use conjoin_server::IceServer;

use self::findings::{Answer, Answers, Asked, Findings};

pub(crate) use self::args::Doctor;

/// Tries all, prints what was found, and tells by its exit code whether two peers would connect.
///
/// # Errors
/// With what to tell the user.
pub(crate) fn run(args: &Doctor) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let findings = runtime.block_on(examine(args));
    // A name that is still looked up is not waited for.
    runtime.shutdown_background();
    let text = if args.json { format!("{:#}\n", words::json(&findings)) } else { words::text(&findings) };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| format!("cannot print: {error}"))?;
    Ok(if findings.would_connect() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(args: &Doctor) -> Findings {
    let signaling = probe::join(&args.server).await;
    let named = signaling.as_ref().map(|joined| joined.ice_servers.clone()).unwrap_or_default();
    let mine = args.ice_servers.iter().flat_map(|servers| servers.0.clone());
    let servers = named.into_iter().map(|it| (it, true)).chain(mine.map(|it| (it, false))).collect();
    let ice = ask_all(servers).await;
    let observed = observe(&ice).await;
    let lends = |it: &Asked| {
        let lent = |answers: &Answers| answers.each.iter().any(|it| matches!(it.lent, Some(Ok(_))));
        it.is_named && it.result.as_ref().is_ok_and(lent)
    };
    let (mut direct, mut relayed) = (None, None);
    if signaling.is_ok() {
        direct = Some(peers::meet(&args.server, Candidates::All).await);
        if ice.iter().any(lends) {
            relayed = Some(peers::meet(&args.server, Candidates::Relayed).await);
        }
    }
    let addresses = probe::addresses().into_iter().collect();
    Findings { server: args.server.clone(), addresses, signaling, ice, observed, direct, relayed }
}

/// Asks all servers at once.
async fn ask_all(servers: Vec<(IceServer, bool)>) -> Vec<Asked> {
    let urls =
        servers.iter().flat_map(|(server, named)| server.urls.iter().map(move |url| (url, server, *named)));
    let mut asked = Vec::new();
    for (url, server, is_named) in urls {
        let found = IceProbe::find(url, server).await;
        asked.push((url.clone(), is_named, found));
    }
    // All from one socket, to see whether a NAT shows them the same address.
    let mut addresses = BTreeSet::new();
    for probe in asked.iter().filter_map(|(_, _, found)| found.as_ref().ok()).filter(|probe| probe.is_udp()) {
        addresses.extend(probe.addresses.iter().copied());
    }
    let addresses: Vec<SocketAddr> = addresses.into_iter().collect();
    let mappings = probe::mappings(&addresses).await;
    let mapping =
        |server: &SocketAddr| addresses.iter().position(|it| it == server).and_then(|at| mappings[at]);
    let mut done = Vec::new();
    for (url, is_named, found) in asked {
        let result = match found {
            Err(reason) => Err(reason),
            Ok(probe) => {
                let mut each = Vec::new();
                for server in &probe.addresses {
                    let lent = if probe.is_turn() { Some(probe::lend(&probe, *server).await) } else { None };
                    let mapping = mapping(server).filter(|_| probe.is_udp());
                    each.push(Answer { server: *server, mapping, lent });
                }
                Ok(Answers { is_udp: probe.is_udp(), each })
            }
        };
        done.push(Asked { url, is_named, result });
    }
    done
}

/// Has a server of each family find out what a NAT or firewall lets in: the first that can.
async fn observe(ice: &[Asked]) -> Vec<Observation> {
    let mut observed: Vec<Observation> = Vec::new();
    for answer in ice.iter().flat_map(Asked::answers).filter(|answer| answer.mapping.is_some()) {
        let is_done = |it: &Observation| it.first.0.is_ipv6() == answer.server.is_ipv6();
        if !observed.iter().any(is_done) {
            observed.extend(probe::observe(answer.server).await);
        }
    }
    observed
}
