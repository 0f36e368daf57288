//! `conjoin join`: a peer in the terminal.

pub(crate) mod address;
pub(crate) mod args;
mod command;
mod inbox;
mod json;
mod lines;
mod perform;
mod report;
mod roster;
mod safe;
mod view;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;

use conjoin::{Room, Session};

use crate::signals::stop_signal;
use args::Join;
use safe::Charset;

/// A command failed.
const FAILED: u8 = 1;
/// The command line is wrong.
const WRONG: u8 = 2;
/// The room could not be joined, or it took too long.
const NOT_JOINED: u8 = 3;
/// Nobody has what was done.
const LOST: u8 = 4;

/// Takes part in a room until it is told to leave.
///
/// # Errors
/// With what to tell the user, if it cannot be started.
pub(crate) fn run(args: Join) -> Result<ExitCode, String> {
    let checked = args.exec.iter().try_for_each(|line| check(line)).and_then(|()| session(&args));
    let session = match checked {
        Ok(session) => session,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(WRONG));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(join(session, args));
    // Nothing that still runs is worth waiting for.
    runtime.shutdown_background();
    done
}

async fn join(session: Session, args: Join) -> Result<ExitCode, String> {
    let (reads, shows) = (stdin().is_terminal(), stdout().is_terminal());
    let locale = Charset::of_locale(|name| std::env::var(name).ok());
    let stop = stop_signal(reads || shows).map_err(|error| format!("cannot wait for signals: {error}"))?;
    let room = Room::new(session);
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    if reads && shows && !dumb && !args.plain && !args.json && args.exec.is_empty() {
        let colors = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        return view::run(&room, locale, colors, args.timeout, stop).await;
    }
    let settings = lines::Settings {
        json: args.json,
        // Where no terminal shows it, it is data.
        charset: if shows && !args.json { locale } else { Charset::Unicode },
        exec: args.exec,
        stay: args.stay,
        wait: (!args.no_wait).then_some(args.wait),
        timeout: args.timeout,
    };
    Ok(lines::run(&room, settings, stop).await)
}

/// Where to meet, and as who.
fn session(args: &Join) -> Result<Session, String> {
    let server = address::parse(&args.server).map_err(|error| format!("--server: {error}"))?;
    let link = match &args.room {
        Some(room) if room.contains("://") => Some(address::parse(room)?),
        _ => None,
    };
    let (room, from_link, server) = match (link, &args.room) {
        (Some(link), Some(text)) => {
            let room =
                link.room.ok_or_else(|| format!("{text:?} names no room: it must end in ?room=NAME"))?;
            (room, link.name, link.server)
        }
        (_, Some(room)) => {
            if let Some(other) = server.room.filter(|other| other != room) {
                return Err(format!(
                    "--server is a link to the room {other:?}, not to {room:?}; leave one of them out"
                ));
            }
            (room.clone(), server.name, server.server)
        }
        (_, None) => match server.room {
            Some(room) => (room, server.name, server.server),
            None => return Err("which room? type conjoin join ROOM, for example conjoin join atlas".into()),
        },
    };
    address::check_room(&room)?;
    let name = args.name.clone().or(from_link).filter(|name| !name.is_empty());
    name.as_deref().map_or(Ok(()), address::check_name)?;
    Ok(Session { server, room, name })
}

/// A command of `--exec` that cannot be read is told before anything is done.
fn check(line: &str) -> Result<(), String> {
    match command::read(line) {
        Some(request) => request.command.map(drop).map_err(|error| format!("--exec: {error}")),
        None => Err("--exec needs a command; conjoin join ROOM -x help shows them".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn joined(args: &[&str]) -> Result<Session, String> {
        let args = [&["conjoin", "join"], args].concat();
        match crate::args::Args::parse_from(args).command {
            crate::args::Command::Join(join) => session(&join),
            _ => unreachable!("it says join"),
        }
    }

    #[test]
    fn rooms_are_named_or_linked() {
        let place = |args: &[&str]| joined(args).map(|session| (session.server, session.room));
        let here = "ws://localhost:8080";
        assert_eq!(place(&["atlas"]), Ok((here.into(), "atlas".into())));
        let page = "http://localhost:81/?room=atlas&name=Ada";
        assert_eq!(place(&[page]), Ok(("ws://localhost:81/".into(), "atlas".into())));
        assert_eq!(place(&["--server", page]), Ok(("ws://localhost:81/".into(), "atlas".into())));
        assert_eq!(place(&["atlas", "--server", page]), Ok(("ws://localhost:81/".into(), "atlas".into())));
        assert_eq!(joined(&[page]).unwrap().name.as_deref(), Some("Ada"));
        assert_eq!(joined(&[page, "--name", "Bob"]).unwrap().name.as_deref(), Some("Bob"));
    }

    #[test]
    fn what_cannot_be_joined_is_said_with_what_to_type() {
        for (args, why) in [
            (&[][..], "type conjoin join ROOM"),
            (&["http://localhost:81/"], "must end in ?room=NAME"),
            (&["other", "--server", "http://x/?room=atlas"], "leave one of them out"),
            (&["atlas", "--server", "localhost"], "--server: \"localhost\" is no address of a server"),
            (&[""], "the name of a room is 1 to 128 bytes"),
            (&["atlas", "--name", "a\u{1b}"], "without control characters"),
        ] {
            let said = joined(args).expect_err(why);
            assert!(said.contains(why), "{args:?}: {said}");
        }
    }
}
