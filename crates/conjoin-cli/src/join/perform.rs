//! What commands do to a room, and what they find out.

use std::time::Duration;

use conjoin::{Doc, Item, Kind, PeerInfo, Room, Stats, Status};

use super::command::{Amount, Command, QUIT, USAGES, Usage};
use super::inbox::Root;
use super::json::Style;

/// What a command came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// Values, each as JSON; of one name if one was asked for.
    Values {
        asked: bool,
        values: Vec<(Root, String)>,
    },
    /// Follow these names only, or all; and what they hold.
    Watch {
        names: Vec<String>,
        values: Vec<(Root, String)>,
    },
    Peers(Vec<PeerInfo>),
    Status(Standing),
    Stats(Stats),
    Help(Vec<&'static Usage>),
    Quit,
}

/// Where the peer stands with the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    /// Until the next try.
    pub(crate) retry_in: Option<Duration>,
}

impl Standing {
    pub(crate) fn of(room: &Room) -> Self {
        let status = room.status().now();
        let retry_in = match status {
            Status::Retrying { at, .. } => Some(at.saturating_sub(room.now())),
            _ => None,
        };
        Self { status, retry_in }
    }
}

/// The value of a root.
pub(crate) fn item<'a>(doc: &'a Doc, root: &Root) -> Option<Item<'a>> {
    let name = &*root.name;
    Some(match root.kind {
        Kind::Counter => Item::Counter(doc.counter(name)),
        Kind::FloatCounter => Item::FloatCounter(doc.float_counter(name)),
        Kind::Register => Item::Value(doc.register(name)?),
        Kind::Map => Item::Map(doc.map(name)),
        Kind::Set => Item::Set(doc.set(name)),
        Kind::List => Item::List(doc.list(name)),
        Kind::Text => Item::Text(doc.text(name)),
    })
}

/// The values at the root whose names are wanted, by name.
pub(crate) fn values(doc: &Doc, style: Style, wanted: impl Fn(&str) -> bool) -> Vec<(Root, String)> {
    let kind = |item: &Item<'_>| match item {
        Item::Counter(_) => Kind::Counter,
        Item::FloatCounter(_) => Kind::FloatCounter,
        Item::Map(_) => Kind::Map,
        Item::Set(_) => Kind::Set,
        Item::List(_) => Kind::List,
        Item::Text(_) => Kind::Text,
        _ => Kind::Register,
    };
    let mut values: Vec<_> = (doc.roots())
        .filter(|(name, _)| wanted(name))
        .map(|(name, item)| (Root { name: name.clone(), kind: kind(&item) }, style.item(item)))
        .collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    values
}

/// Does what a command says. What it shows of values is written in this style.
///
/// # Errors
/// With what to tell the user; nothing is done then.
pub(crate) fn perform(room: &Room, command: Command, style: Style) -> Result<Outcome, String> {
    match command {
        Command::Increment { counter, by: Amount::Whole(by) } => room.counter(&counter).add(by),
        Command::Increment { counter, by: Amount::Fraction(by) } => {
            room.float_counter(&counter).add(by).map_err(|error| error.to_string())?;
        }
        Command::SetRegister { register, value } => room.register(&register).set(value),
        Command::SetKey { map, key, value } => {
            let set = |tx: &mut conjoin::Transaction<'_>| tx.map(&map).set_json(&key, &value.to_string());
            room.transact(set).map_err(|error| error.to_string())?;
        }
        Command::Unset { map, key } => {
            if room.read(|doc| doc.map(&map).item(&key).is_none()) {
                return Err(format!("there is no key {key:?} in a map {map:?}"));
            }
            room.map(&map).remove(&key);
        }
        Command::Push { list, values } => {
            let push = |tx: &mut conjoin::Transaction<'_>| {
                values.iter().try_for_each(|value| tx.list(&list).push_json(&value.to_string()))
            };
            room.transact(push).map_err(|error| error.to_string())?;
        }
        Command::Remove { list, at } => {
            room.transact(|tx| {
                let len = tx.list(&list).len();
                let out = || format!("there is no item {at}: the list {list:?} has {len}, the first is 0");
                if at < len { tx.list(&list).remove(at..=at).map_err(|_| out()) } else { Err(out()) }
            })?;
        }
        Command::Add { set, values } => room.transact(|tx| {
            for value in values {
                tx.set(&set).insert(value);
            }
        }),
        Command::Discard { set, values } => {
            let has =
                |doc: &Doc| values.iter().find(|&value| !doc.set(&set).contains(value.clone())).cloned();
            if let Some(missing) = room.read(has) {
                return Err(format!("{} is not in a set {set:?}", Style::WHOLE.value(&missing)));
            }
            room.transact(|tx| {
                for value in values {
                    tx.set(&set).remove(value);
                }
            });
        }
        Command::Append { text, what } => room.text(&text).push(&what),
        Command::Insert { text, at, what } => room.transact(|tx| {
            let len = tx.text(&text).len();
            let out = |_| format!("position {at} is past the end: the text {text:?} has {len} characters");
            tx.text(&text).insert(at, &what).map_err(out)
        })?,
        Command::Delete { text, at, count } => room.transact(|tx| {
            let len = tx.text(&text).len();
            let end = at.checked_add(count).filter(|end| *end <= len);
            let out =
                || format!("{count} from {at} on is past the end: the text {text:?} has {len} characters");
            tx.text(&text).delete(at..end.ok_or_else(out)?).map_err(|_| out())
        })?,
        Command::Get { name } => {
            let wanted = |other: &str| name.as_deref().is_none_or(|name| name == other);
            let values = room.read(|doc| values(doc, style, wanted));
            if let (Some(name), true) = (&name, values.is_empty()) {
                return Err(format!("there is no value {name:?} yet; type get to see those there are"));
            }
            return Ok(Outcome::Values { asked: name.is_some(), values });
        }
        Command::Watch { names } => {
            let wanted = |other: &str| names.is_empty() || names.iter().any(|name| name == other);
            let values = room.read(|doc| values(doc, style, wanted));
            return Ok(Outcome::Watch { names, values });
        }
        Command::Peers => return Ok(Outcome::Peers(room.peers().now())),
        Command::Status => return Ok(Outcome::Status(Standing::of(room))),
        Command::Stats => return Ok(Outcome::Stats(room.stats().now())),
        Command::Help { command } => {
            let of = |usage: &&Usage| command.is_none_or(|command| command.name() == usage.name());
            return Ok(Outcome::Help(USAGES.iter().chain([&QUIT]).filter(of).collect()));
        }
        Command::Quit => return Ok(Outcome::Quit),
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use conjoin::Session;

    use super::super::command::read;
    use super::*;

    fn room() -> Room {
        Room::new(Session { server: "ws://localhost".into(), room: "r".into(), name: None })
    }

    fn run(room: &Room, line: &str) -> Result<Outcome, String> {
        perform(room, read(line).unwrap().command?, Style::WHOLE)
    }

    /// The values after these commands, none of which fails.
    fn after(lines: &[&str]) -> String {
        let room = room();
        for line in lines {
            run(&room, line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        room.read(Doc::to_json)
    }

    #[test]
    fn every_kind_of_value_can_be_made_and_unmade() {
        assert_eq!(
            after(&["increment clicks", "increment clicks 4", "increment clicks -2"]),
            r#"{"clicks":3}"#
        );
        assert_eq!(after(&["increment heat 1.5"]), r#"{"heat":1.5}"#);
        assert_eq!(after(&["set title Atlas", "set title 2"]), r#"{"title":2}"#);
        assert_eq!(
            after(&["set m a 1", "set m b {\"c\": [1, {}]}", "unset m a"]),
            r#"{"m":{"b":{"c":[1,{}]}}}"#
        );
        assert_eq!(after(&["push l a [1]", "push l b", "remove l 0"]), r#"{"l":[[1],"b"]}"#);
        assert_eq!(after(&["add s a b", "discard s a"]), r#"{"s":["b"]}"#);
        assert_eq!(
            after(&["append t Hllo", "insert t 1 e", "append t \" Zoë\"", "delete t 0 1"]),
            r#"{"t":"ello Zoë"}"#
        );
    }

    #[test]
    fn what_cannot_be_done_is_said_and_changes_nothing() {
        let room = room();
        for (line, why) in [
            ("unset m a", "there is no key \"a\" in a map \"m\""),
            ("remove l 0", "there is no item 0: the list \"l\" has 0"),
            ("discard s a", "\"a\" is not in a set \"s\""),
            ("insert t 1 x", "position 1 is past the end: the text \"t\" has 0 characters"),
            ("delete t 0 1", "1 from 0 on is past the end"),
            ("delete t 1 18446744073709551615", "past the end"),
            ("get nothing", "there is no value \"nothing\" yet"),
        ] {
            let said = run(&room, line).expect_err(line);
            assert!(said.contains(why), "{line}: {said}");
        }
        assert!(room.version().now().is_empty());
    }

    #[test]
    fn values_are_found_by_name_and_all_kinds_of_a_name_are_shown() {
        let room = room();
        for line in ["set a 1", "append a x", "increment b"] {
            run(&room, line).unwrap();
        }
        let Ok(Outcome::Values { values, asked: true }) = run(&room, "get a") else { panic!("no values") };
        let values: Vec<_> = values.iter().map(|(root, json)| (root.kind, json.as_str())).collect();
        assert_eq!(values, [(Kind::Register, "1"), (Kind::Text, "\"x\"")]);
        let Ok(Outcome::Values { values, asked: false }) = run(&room, "get") else { panic!("no values") };
        assert_eq!(values.len(), 3);
    }
}
