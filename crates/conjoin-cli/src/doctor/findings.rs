//! What was found, and what follows from it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use conjoin_native::probe::{Filtering, Joined, Lent, Mapping, Observation, Unreachable};

use super::nat::Nat;
use super::peers::Met;

/// All that was found.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) server: String,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) signaling: Result<Joined, Unreachable>,
    pub(super) ice: Vec<Asked>,
    /// By a server of each family that can.
    pub(super) observed: Vec<Observation>,
    /// Two peers here; not tried without signaling.
    pub(super) direct: Option<Result<Met, String>>,
    /// Through TURN alone; not tried where no server named by signaling lends an address.
    pub(super) relayed: Option<Result<Met, String>>,
}

/// A STUN or TURN server that was asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) url: String,
    /// Peers are told of it.
    pub(super) is_named: bool,
    pub(super) result: Result<Answers, String>,
}

/// What its addresses said.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) is_udp: bool,
    pub(super) each: Vec<Answer>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) server: SocketAddr,
    /// What it sees; over UDP.
    pub(super) mapping: Option<Mapping>,
    /// What it lends, or why not; of TURN servers.
    pub(super) lent: Option<Result<Lent, String>>,
}

impl Answer {
    pub(super) fn works(&self) -> bool {
        self.lent.as_ref().map_or(self.mapping.is_some(), Result::is_ok)
    }
}

impl Asked {
    pub(super) fn works(&self) -> bool {
        self.answers().any(Answer::works)
    }

    pub(super) fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.result.iter().flat_map(|answers| &answers.each)
    }
}

/// What is wrong, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) remedy: String,
    /// Two peers would not connect.
    pub(super) is_grave: bool,
}

impl Findings {
    /// What one socket looks like from all servers of a family.
    pub(super) fn nat(&self, v6: bool) -> Nat {
        let mut seen: Vec<(SocketAddr, Mapping)> = Vec::new();
        for answer in self.ice.iter().flat_map(Asked::answers).filter(|it| it.server.is_ipv6() == v6) {
            seen.extend(answer.mapping.map(|mapping| (answer.server, mapping)));
        }
        match (Nat::of(&seen), self.observed(v6)) {
            // One server has seen another socket from two places.
            (Nat::Unclear, Some(observed)) => Nat::of(&[observed.first, observed.second]),
            (nat, _) => nat,
        }
    }

    /// What comes in over a family, if a server could tell.
    pub(super) fn filtering(&self, v6: bool) -> Option<Filtering> {
        self.observed(v6).map(|observed| observed.filtering)
    }

    fn observed(&self, v6: bool) -> Option<&Observation> {
        self.observed.iter().find(|observed| observed.first.0.is_ipv6() == v6)
    }

    pub(super) fn has_ipv6(&self) -> bool {
        self.addresses.iter().any(|address| address.is_ipv6() && !address.is_loopback())
    }

    fn lends(&self) -> bool {
        let lent = |asked: &Asked| asked.is_named && asked.answers().any(|it| matches!(it.lent, Some(Ok(_))));
        self.ice.iter().any(lent)
    }

    /// Whether UDP got out, if it was tried.
    pub(super) fn udp(&self) -> Option<bool> {
        let tried = |answers: &&Answers| answers.is_udp && !answers.each.is_empty();
        let mut answers =
            self.ice.iter().filter_map(|asked| asked.result.as_ref().ok()).filter(tried).peekable();
        answers.peek()?;
        Some(answers.any(|answers| {
            answers.each.iter().any(|it| it.mapping.is_some() || matches!(it.lent, Some(Ok(_))))
        }))
    }

    /// Whether two peers would connect.
    pub(super) fn would_connect(&self) -> bool {
        !self.problems().iter().any(|problem| problem.is_grave)
    }

    /// The gravest first.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |is_grave, what: String, remedy: &str| {
            problems.push(Problem { what, remedy: remedy.to_owned(), is_grave });
        };
        if let Err(error) = &self.signaling {
            add(
                true,
                format!("The signaling server cannot be used: {error}."),
                super::words::remedy(error.step),
            );
        }
        if let Some(Err(reason)) = &self.direct {
            let remedy = "A firewall on this machine may drop UDP between its own addresses: let programs send and \
                          receive UDP, and look at VPNs.";
            add(true, format!("Two peers on this machine do not connect: {reason}."), remedy);
        }
        if let Some(Err(reason)) = &self.relayed {
            let remedy = "The TURN server lends addresses but does not pass packets on. Look at its ranges of ports \
                          (coturn: min-port, max-port), its firewall, and the addresses it denies.";
            add(false, format!("Two peers do not connect through TURN: {reason}."), remedy);
        }
        for asked in &self.ice {
            if let Some(what) = asked.fault() {
                add(false, what, super::words::ice_remedy(asked));
            }
        }
        let tried = !self.ice.is_empty();
        let reflexive = [self.nat(false), self.nat(true)];
        let crossable = |nat: &Nat| matches!(nat, Nat::None | Nat::Crossable | Nat::Unclear);
        if tried && self.udp() == Some(false) {
            let remedy = "If they are running, let UDP out in the firewall of this network; or have a TURN server that \
                          is reached over TLS at port 443 (turns:…:443).";
            add(
                !self.lends(),
                "No UDP comes back: no server that was asked over it answers.".to_owned(),
                remedy,
            );
        } else if tried && !reflexive.iter().any(crossable) && !self.lends() {
            let remedy = "Add a TURN server: conjoin serve --ice-server turn:HOST,USERNAME,CREDENTIAL.";
            let what = "Peers in other networks cannot reach this one: the NAT needs TURN, and no TURN server works.";
            add(true, what.to_owned(), remedy);
        }
        problems.sort_by_key(|problem| !problem.is_grave);
        problems
    }
}

impl Asked {
    /// What is wrong with it.
    fn fault(&self) -> Option<String> {
        match &self.result {
            Err(reason) => Some(format!("{} cannot be used: {reason}.", self.url)),
            // That one of its addresses does not answer may be the network here.
            Ok(_) if self.works() => None,
            Ok(answers) => {
                let refused = answers.each.iter().find_map(|it| it.lent.as_ref()?.as_ref().err());
                let reason = refused.map_or("it does not answer", String::as_str);
                Some(format!("{} cannot be used: {reason}.", self.url))
            }
        }
    }
}

/// A time for people.
pub(super) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}
