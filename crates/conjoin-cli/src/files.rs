//! How many files this process may have open: every connection is one.

/// What the process has open beside its connections, and room for plain HTTP requests.
#[cfg(unix)]
const OTHERS: u64 = 64;

/// Asks the system for enough files for so many connections, and warns if it gives fewer.
///
/// Many systems start a process with 1,024 and let it have far more, but only if it asks.
#[cfg(unix)]
pub(crate) fn allow(connections: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let wanted = connections + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(now) = current.filter(|now| *now < wanted) else { return };
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let got = match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
        Ok(()) => most,
        Err(_) => now,
    };
    if got < wanted {
        let served = got.saturating_sub(OTHERS);
        tracing::warn!(
            "the system allows {got} open files, enough for about {served} of {connections} connections: \
             raise ulimit -n, or lower --max-connections"
        );
    }
}

/// Elsewhere the number of sockets is not bounded by one of files.
#[cfg(not(unix))]
pub(crate) fn allow(_connections: u64) {}
