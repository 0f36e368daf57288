//! What is told of a room, as lines for people and as JSON for programs.

use std::time::Duration;

use conjoin::{
    Changed, Content, Diff, ListStep, Marks, Origin, Patch, PeerInfo, PeerState, Stats, Status, Step,
    TextStep, Value,
};
use serde_json::Value as Json;

use super::inbox::Root;
use super::json::{Object, Style, array, kind};
use super::perform::{Outcome, Standing};
use super::safe::Charset;

/// A peer's state as it is told.
pub(crate) const fn state(state: Option<PeerState>) -> &'static str {
    match state {
        Some(PeerState::Connecting) => "connecting",
        Some(PeerState::Connected) => "connected",
        Some(PeerState::Reconnecting) => "reconnecting",
        None => "gone",
    }
}

/// What to call a peer.
pub(crate) fn peer_name(peer: &PeerInfo, charset: Charset) -> String {
    match peer.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => charset.plain(name),
        None => charset.plain(&peer.id.chars().take(8).collect::<String>()),
    }
}

/// A round-trip time for people.
pub(crate) fn milliseconds(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1_000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// A number of bytes for people.
fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{} kB", count / 1_000),
        _ => format!("{} MB", count / 1_000_000),
    }
}

/// Lines for people.
pub(crate) mod text {
    use super::*;

    pub(crate) fn peer(peer: &PeerInfo, now: Option<PeerState>, charset: Charset) -> String {
        let rtt = peer.rtt.filter(|_| now == Some(PeerState::Connected));
        let rtt = rtt.map(|rtt| format!(", {}", milliseconds(rtt))).unwrap_or_default();
        format!("peer {}: {}{rtt}", peer_name(peer, charset), state(now))
    }

    pub(crate) fn status(standing: &Standing, room: &str, server: &str, charset: Charset) -> String {
        let (room, server) = (charset.plain(room), charset.plain(server));
        match &standing.status {
            Status::Offline => "offline".into(),
            Status::Connecting => format!("calling {server}"),
            Status::Joined => format!("joined room {room}"),
            Status::Retrying { reason, .. } => {
                let wait = standing.retry_in.unwrap_or_default().as_secs() + 1;
                format!("{}; trying again in {wait} s", charset.plain(reason))
            }
            Status::Refused { reason } => format!("the server refused: {}", charset.plain(reason)),
        }
    }

    pub(crate) fn value(root: &Root, json: &str, charset: Charset) -> String {
        format!("{} {} = {json}", kind(root.kind), charset.name(&root.name))
    }

    /// What a command found out, a line each.
    pub(crate) fn outcome(outcome: &Outcome, room: &str, server: &str, charset: Charset) -> Vec<String> {
        match outcome {
            Outcome::Done | Outcome::Quit => Vec::new(),
            Outcome::Values { asked: true, values } if values.len() == 1 => vec![values[0].1.clone()],
            Outcome::Values { values, .. } if values.is_empty() => vec!["there are no values yet".into()],
            Outcome::Values { values, .. } | Outcome::Watch { values, .. } => {
                values.iter().map(|(root, json)| value(root, json, charset)).collect()
            }
            Outcome::Peers(peers) if peers.is_empty() => vec!["nobody else is in the room".into()],
            Outcome::Peers(peers) => peers.iter().map(|of| peer(of, Some(of.state), charset)).collect(),
            Outcome::Status(standing) => vec![status(standing, room, server, charset)],
            Outcome::Stats(of) => {
                let rtt = of.rtt.map_or_else(|| "not measured yet".into(), milliseconds);
                vec![
                    format!(
                        "sent      {}, {} frames, {} deltas",
                        bytes(of.bytes_sent),
                        of.frames_sent,
                        of.deltas_sent
                    ),
                    format!(
                        "received  {}, {} frames, {} deltas",
                        bytes(of.bytes_received),
                        of.frames_received,
                        of.deltas_received
                    ),
                    format!(
                        "signaling {} sent, {} received",
                        bytes(of.signaling_sent),
                        bytes(of.signaling_received)
                    ),
                    format!("round trip {rtt}"),
                ]
            }
            Outcome::Help(usages) => match usages[..] {
                [one] => vec![format!("{}: {}; for example {}", one.form, one.does, one.example)],
                _ => {
                    let width = usages.iter().map(|usage| usage.form.len()).max().unwrap_or(0);
                    usages.iter().map(|usage| format!("{:width$}  {}", usage.form, usage.does)).collect()
                }
            },
        }
    }
}

/// JSON objects for programs, one a line.
pub(crate) mod object {
    use super::*;

    pub(crate) fn event(name: &str) -> Object {
        Object::new().text("event", name)
    }

    pub(crate) fn peer(object: Object, peer: &PeerInfo, now: Option<PeerState>) -> String {
        let mut object = object.text("id", &peer.id);
        if let Some(name) = &peer.name {
            object = object.text("name", name);
        }
        object = object.text("state", state(now));
        if let Some(rtt) = peer.rtt {
            object = object.json("rtt_ms", &rtt_ms(rtt));
        }
        object.build()
    }

    fn rtt_ms(rtt: Duration) -> String {
        format!("{:.3}", rtt.as_secs_f64() * 1_000.0)
    }

    pub(crate) fn status(object: Object, standing: &Standing) -> Object {
        let (status, reason) = match &standing.status {
            Status::Offline => ("offline", None),
            Status::Connecting => ("connecting", None),
            Status::Joined => ("joined", None),
            Status::Retrying { reason, .. } => ("retrying", Some(reason)),
            Status::Refused { reason } => ("refused", Some(reason)),
        };
        let mut object = object.text("status", status);
        if let Some(reason) = reason {
            object = object.text("reason", reason);
        }
        if let Some(time) = standing.retry_in {
            object = object.json("retry_in_ms", &time.as_millis().to_string());
        }
        object
    }

    pub(crate) fn value(object: Object, root: &Root, json: &str) -> String {
        object.text("kind", kind(root.kind)).text("name", &root.name).json("value", json).build()
    }

    /// The result of a command, with what its sender calls it.
    pub(crate) fn result(id: Option<&Json>, outcome: &Result<Outcome, String>) -> String {
        let mut object = event("result");
        if let Some(id) = id {
            object = object.json("id", &safe(id));
        }
        let object = object.json("ok", if outcome.is_ok() { "true" } else { "false" });
        let object = match outcome {
            Err(error) => object.text("error", error),
            Ok(Outcome::Done | Outcome::Quit) => object,
            Ok(Outcome::Values { values, .. } | Outcome::Watch { values, .. }) => {
                let values = values.iter().map(|(root, json)| value(Object::new(), root, json));
                object.json("values", &array(values))
            }
            Ok(Outcome::Peers(peers)) => {
                object.json("peers", &array(peers.iter().map(|of| peer(Object::new(), of, Some(of.state)))))
            }
            Ok(Outcome::Status(standing)) => status(object, standing),
            Ok(Outcome::Stats(stats)) => object.json("stats", &self::stats(stats)),
            Ok(Outcome::Help(usages)) => {
                let usage = |usage: &&super::super::command::Usage| {
                    let object = Object::new().text("form", usage.form).text("does", usage.does);
                    object.text("example", usage.example).build()
                };
                object.json("commands", &array(usages.iter().map(usage)))
            }
        };
        object.build()
    }

    fn stats(stats: &Stats) -> String {
        let counts = [
            ("bytes_sent", stats.bytes_sent),
            ("bytes_received", stats.bytes_received),
            ("frames_sent", stats.frames_sent),
            ("frames_received", stats.frames_received),
            ("deltas_sent", stats.deltas_sent),
            ("deltas_received", stats.deltas_received),
            ("signaling_sent", stats.signaling_sent),
            ("signaling_received", stats.signaling_received),
        ];
        let object =
            counts.iter().fold(Object::new(), |object, (key, count)| object.json(key, &count.to_string()));
        match stats.rtt {
            Some(rtt) => object.json("rtt_ms", &rtt_ms(rtt)).build(),
            None => object.build(),
        }
    }

    /// JSON of the user's own, sent back.
    fn safe(json: &Json) -> String {
        let mut out = String::new();
        for char in json.to_string().chars() {
            // Outside of strings, JSON has no character that is not shown.
            if Charset::Unicode.shows(char) {
                out.push(char);
            } else {
                Charset::Unicode.escape(char, &mut out);
            }
        }
        out
    }

    /// A change, with the patches of values that are wanted; `None` if there are none.
    pub(crate) fn change(changed: &Changed, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let patches: Vec<_> = changed.iter().filter(|patch| wanted(&patch.target.name)).map(patch).collect();
        let origin = if changed.origin == Origin::Local { "local" } else { "remote" };
        let object = event("change").text("origin", origin);
        (!patches.is_empty()).then(|| object.json("patches", &array(patches)).build())
    }

    fn patch(patch: &Patch) -> String {
        let target = &patch.target;
        let step = |step: &Step| match step {
            Step::Key(key) => Charset::Unicode.quote(key),
            Step::Item(at) => at.map_or("null".into(), |at| at.to_string()),
        };
        let object = Object::new().text("kind", kind(target.kind)).text("name", &target.name);
        let object = object.json("path", &array(target.path.iter().map(step)));
        let values = |values: &[Value]| array(values.iter().map(value_json));
        match &patch.diff {
            Diff::Counter(value) => object.json("value", &value.to_string()),
            Diff::FloatCounter(value) => object.json("value", &value_json(&Value::Float(*value))),
            Diff::Register(all) => object.json("values", &values(all)),
            Diff::Map(entries) => {
                let set = |object: Object, (key, entry): (&std::sync::Arc<str>, &Option<Content>)| match entry
                {
                    Some(entry) => object.json(key, &content(entry)),
                    None => object,
                };
                let removed = entries.iter().filter(|entry| entry.1.is_none());
                object
                    .json("set", &entries.iter().fold(Object::new(), set).build())
                    .json("unset", &array(removed.map(|entry| Charset::Unicode.quote(entry.0))))
            }
            Diff::Set { added, removed } => {
                object.json("added", &values(added)).json("removed", &values(removed))
            }
            Diff::List(steps) => object.json(
                "steps",
                &array(steps.iter().map(|step| match step {
                    ListStep::Retain(count) => length("retain", *count).build(),
                    ListStep::Delete(count) => length("delete", *count).build(),
                    ListStep::Insert(items) => {
                        Object::new().json("insert", &array(items.iter().map(content))).build()
                    }
                })),
            ),
            Diff::Text(steps) => object.json(
                "steps",
                &array(steps.iter().map(|step| match step {
                    TextStep::Retain(count, of) => marks(length("retain", *count), of),
                    TextStep::Delete(count) => length("delete", *count).build(),
                    TextStep::Insert(text, of) => marks(Object::new().text("insert", text), of),
                })),
            ),
            _ => object,
        }
        .build()
    }

    fn length(what: &str, count: usize) -> Object {
        Object::new().json(what, &count.to_string())
    }

    fn marks(object: Object, marks: &Marks) -> String {
        if marks.is_empty() {
            return object.build();
        }
        let all = marks.iter().fold(Object::new(), |all, (key, value)| all.json(key, &value_json(value)));
        object.json("marks", &all.build()).build()
    }

    fn content(content: &Content) -> String {
        match content {
            Content::Value(value) => Object::new().json("value", &value_json(value)).build(),
            Content::Nested(_, nested) => Object::new().text("nested", kind(*nested)).build(),
        }
    }

    fn value_json(value: &Value) -> String {
        Style::WHOLE.value(value)
    }
}

#[cfg(test)]
mod tests;
