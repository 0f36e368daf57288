//! What was found, in words: for people, and as JSON for programs.

use std::fmt::Write as _;

use conjoin_native::probe::SignalingStep;
use serde_json::{Value, json};

use super::findings::{Answer, Asked, Findings, millis};
use super::nat::{self, Nat};
use super::peers::Met;

/// What to do if a step to the signaling server fails.
pub(super) const fn remedy(step: SignalingStep) -> &'static str {
    match step {
        SignalingStep::Address => "Give the address with --server, as in --server ws://localhost:8080.",
        SignalingStep::Name => {
            "Look whether the name is spelled right, and whether DNS works on this machine."
        }
        SignalingStep::Connect => {
            "Is conjoin serve running there, and is the port right? If so, a firewall is in the way."
        }
        SignalingStep::Tls => {
            "wss:// needs a reverse proxy that ends TLS, with a certificate for this name that this machine trusts; \
             conjoin serve by itself is reached with ws://."
        }
        SignalingStep::WebSocket => {
            "Is this the address of conjoin serve? A reverse proxy must pass WebSocket on (Upgrade and Connection)."
        }
        _ => "Look at the log of conjoin serve, and at its limits.",
    }
}

/// What to do about a STUN or TURN server that does not work.
pub(super) fn ice_remedy(asked: &Asked) -> &'static str {
    match &asked.result {
        Err(_) => "Correct its URL: conjoin serve --ice-server.",
        Ok(answers) if answers.each.iter().any(|it| is_refusal(it, "wrong")) => {
            "Correct user name and credential: conjoin serve --ice-server URL,USERNAME,CREDENTIAL. Those of coturn \
             with use-auth-secret hold for a time only."
        }
        Ok(answers) if answers.is_udp => {
            "Is it running, and does its firewall let UDP to this port in? Does the firewall here let UDP out?"
        }
        Ok(_) => "Is it running, and does its firewall let TCP to this port in?",
    }
}

fn is_refusal(answer: &Answer, word: &str) -> bool {
    matches!(&answer.lent, Some(Err(reason)) if reason.contains(word))
}

/// How a line begins.
#[derive(Clone, Copy)]
enum Mark {
    Good,
    Bad,
    Note,
}

struct Text(String);

impl Text {
    fn heading(&mut self, text: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}{text}");
    }

    fn line(&mut self, mark: Mark, text: &str) {
        let mark = match mark {
            Mark::Good => "ok",
            Mark::Bad => "FAIL",
            Mark::Note => "–",
        };
        let _ = writeln!(self.0, "  {mark:<5} {text}");
    }
}

/// All of it, for people.
pub(super) fn text(findings: &Findings) -> String {
    let mut out = Text(String::new());
    this_machine(&mut out, findings);
    out.heading(&format!("Signaling server {}", findings.server));
    match &findings.signaling {
        Ok(joined) => {
            let (address, time) = (joined.address, millis(joined.time));
            out.line(Mark::Good, &format!("{address} lets this machine into a room, in {time}"));
        }
        Err(error) => out.line(Mark::Bad, &error.reason),
    }
    out.heading("STUN and TURN servers");
    if findings.ice.is_empty() {
        let why = match findings.signaling {
            Ok(_) => "the signaling server names none: enough on one machine or local network",
            Err(_) => "unknown: the signaling server names them",
        };
        out.line(Mark::Note, why);
    }
    for asked in &findings.ice {
        ask(&mut out, asked);
    }
    let nats = [("IPv4", findings.nat(false)), ("IPv6", findings.nat(true))];
    for (family, nat) in nats.iter().filter(|(_, nat)| *nat != Nat::Unknown) {
        let mark = if *nat == Nat::Symmetric { Mark::Note } else { Mark::Good };
        out.line(mark, &format!("{family}: {}", nat.words()));
        let filtering = findings.filtering(*family == "IPv6");
        let mark = if filtering.is_some() { Mark::Good } else { Mark::Note };
        out.line(mark, &format!("{family}: {}", nat::filtering_words(filtering)));
    }
    out.heading("Two peers in this program");
    meeting(&mut out, "over all ways", findings.direct.as_ref(), "not tried without a signaling server");
    meeting(
        &mut out,
        "through TURN alone",
        findings.relayed.as_ref(),
        "not tried: no TURN server lends an address",
    );
    conclude(&mut out, findings);
    out.0
}

fn this_machine(out: &mut Text, findings: &Findings) {
    out.heading("This machine");
    let addresses: Vec<_> = findings.addresses.iter().map(ToString::to_string).collect();
    if addresses.is_empty() {
        out.line(Mark::Bad, "it has no address: no network is up");
    } else {
        out.line(Mark::Good, &format!("peers are told {}", addresses.join(", ")));
    }
    if !findings.has_ipv6() {
        out.line(Mark::Note, "no IPv6 beyond this machine; IPv4 alone is enough");
    }
    if findings.udp() == Some(true) {
        out.line(Mark::Good, "UDP gets out and answers come back");
    } else if findings.udp() == Some(false) {
        out.line(Mark::Bad, "no answer comes back over UDP");
    }
}

fn ask(out: &mut Text, asked: &Asked) {
    let url = &asked.url;
    let origin = if asked.is_named { "" } else { " (yours; peers are not told of it)" };
    let answers = match &asked.result {
        Ok(answers) => answers,
        Err(reason) => return out.line(Mark::Bad, &format!("{url}{origin}: {reason}")),
    };
    for answer in &answers.each {
        let server = answer.server;
        let said = match (&answer.lent, &answer.mapping) {
            (Some(Ok(lent)), _) => format!("lends {}, in {}", lent.relayed, millis(lent.time)),
            (Some(Err(reason)), _) => reason.clone(),
            (None, Some(mapping)) => {
                format!("sees {} as {}, in {}", mapping.local, mapping.mapped, millis(mapping.time))
            }
            (None, None) => "it does not answer".to_owned(),
        };
        let mark = match answer.works() {
            true => Mark::Good,
            // The other family does it.
            false if asked.works() => Mark::Note,
            false => Mark::Bad,
        };
        out.line(mark, &format!("{url}{origin} at {server}: {said}"));
    }
}

fn meeting(out: &mut Text, how: &str, met: Option<&Result<Met, String>>, untried: &str) {
    match met {
        Some(Ok(met)) => {
            let (connected, echo) = (millis(met.connected), millis(met.echo));
            out.line(
                Mark::Good,
                &format!("{how}: connected in {connected}; an edit there and one back take {echo}"),
            );
        }
        Some(Err(reason)) => out.line(Mark::Bad, &format!("{how}: {reason}")),
        None => out.line(Mark::Note, &format!("{how}: {untried}")),
    }
}

fn conclude(out: &mut Text, findings: &Findings) {
    let problems = findings.problems();
    let grave = problems.iter().filter(|problem| problem.is_grave).count();
    out.heading(match (grave, problems.len(), findings.ice.is_empty()) {
        (1.., ..) => "Two peers would not connect.",
        (0, 1.., _) => "Two peers would connect, but not all is well.",
        (0, 0, true) => {
            "Two peers on this machine or local network would connect. Across networks, set a STUN server."
        }
        (0, 0, false) => "Two peers would connect.",
    });
    for problem in &problems {
        let _ = writeln!(out.0, "\n  {}\n    {}", problem.what, problem.remedy);
    }
}

/// All of it, for programs.
pub(super) fn json(findings: &Findings) -> Value {
    let problems = findings.problems();
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| json!({ "what": problem.what, "remedy": problem.remedy, "grave": problem.is_grave }))
        .collect();
    let signaling = match &findings.signaling {
        Ok(joined) => json!({
            "ok": true, "address": joined.address.to_string(), "ms": joined.time.as_secs_f64() * 1000.0,
        }),
        Err(error) => json!({ "ok": false, "step": step(error.step), "reason": error.reason }),
    };
    json!({
        "ok": findings.would_connect(),
        "server": findings.server,
        "addresses": findings.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ipv6": findings.has_ipv6(),
        "udp": findings.udp(),
        "signaling": signaling,
        "ice_servers": findings.ice.iter().map(ask_json).collect::<Vec<_>>(),
        "nat": { "ipv4": findings.nat(false).name(), "ipv6": findings.nat(true).name() },
        "filtering": {
            "ipv4": nat::filtering_name(findings.filtering(false)),
            "ipv6": nat::filtering_name(findings.filtering(true)),
        },
        "peers": {
            "direct": findings.direct.as_ref().map(met_json), "relayed": findings.relayed.as_ref().map(met_json),
        },
        "problems": problems,
    })
}

const fn step(step: SignalingStep) -> &'static str {
    match step {
        SignalingStep::Address => "address",
        SignalingStep::Name => "name",
        SignalingStep::Connect => "connect",
        SignalingStep::Tls => "tls",
        SignalingStep::WebSocket => "websocket",
        _ => "join",
    }
}

fn ask_json(asked: &Asked) -> Value {
    let answers = match &asked.result {
        Ok(answers) => answers,
        Err(reason) => {
            return json!({ "url": asked.url, "named": asked.is_named, "ok": false, "reason": reason });
        }
    };
    let each = answers.each.iter().map(|answer| {
        let mapping = answer.mapping.as_ref().map(|mapping| {
            json!({
                "local": mapping.local.to_string(), "mapped": mapping.mapped.to_string(),
                "ms": mapping.time.as_secs_f64() * 1000.0,
            })
        });
        let lent = answer.lent.as_ref().map(|lent| match lent {
            Ok(lent) => json!({
                "ok": true, "relayed": lent.relayed.to_string(), "ms": lent.time.as_secs_f64() * 1000.0,
            }),
            Err(reason) => json!({ "ok": false, "reason": reason }),
        });
        json!({ "address": answer.server.to_string(), "stun": mapping, "turn": lent })
    });
    let each: Vec<_> = each.collect();
    json!({ "url": asked.url, "named": asked.is_named, "ok": asked.works(), "addresses": each })
}

fn met_json(met: &Result<Met, String>) -> Value {
    match met {
        Ok(met) => json!({
            "ok": true, "connected_ms": met.connected.as_secs_f64() * 1000.0,
            "echo_ms": met.echo.as_secs_f64() * 1000.0,
        }),
        Err(reason) => json!({ "ok": false, "reason": reason }),
    }
}
