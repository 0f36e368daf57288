//! The log, on the standard error output.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Log, LogFormat};

/// Parts that say at `info` what belongs to `trace`.
const CHATTY: [&str; 4] = ["stun_proto", "stun_types", "turn_client_proto", "turn_types"];

/// What is logged.
#[derive(Debug, Clone)]
pub(crate) struct Level(Targets);

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = |part: &str| {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            matches!(
                level.to_ascii_lowercase().as_str(),
                "off" | "error" | "warn" | "info" | "debug" | "trace"
            )
        };
        // A bare word that is no level would be taken for a part of the program, all of it shown.
        match text.parse() {
            Ok(targets) if text.split(',').all(|part| known(part.trim())) => Ok(Self(quiet(targets, text))),
            _ => Err(
                "must be off, error, warn, info, debug or trace, or a list like warn,conjoin_server=debug"
                    .into(),
            ),
        }
    }
}

/// Leaves out what the libraries for STUN and TURN say of each packet, unless they are asked for by name.
fn quiet(targets: Targets, text: &str) -> Targets {
    let is_loud = targets.default_level().is_some_and(|level| level > LevelFilter::WARN);
    let unnamed = CHATTY.into_iter().filter(|name| is_loud && !text.contains(name));
    unnamed.fold(targets, |targets, name| targets.with_target(name, LevelFilter::WARN))
}

/// Sets the log up. To be called once.
pub(crate) fn start(log: &Log) {
    let Log { log_format: format, log_level: Level(level) } = log.clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(level)).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatty_parts_are_left_out_unless_they_are_named() {
        use tracing::Level as At;

        let shows = |text: &str, part: &str| text.parse::<Level>().unwrap().0.would_enable(part, &At::INFO);
        assert!(shows("info", "conjoin_server") && !shows("info", "turn_client_proto"));
        assert!(!shows("debug", "stun_proto") && shows("info,stun_proto=info", "stun_proto"));
        let warns = |text: &str| text.parse::<Level>().unwrap().0.would_enable("turn_types", &At::WARN);
        assert!(warns("info") && !warns("off") && !warns("error"));
    }

    #[test]
    fn levels_are_read() {
        for good in ["off", "info", "DEBUG", "warn,conjoin_server=debug", "info, hyper=off"] {
            assert!(good.parse::<Level>().is_ok(), "{good}");
        }
        for wrong in ["", "loud", "info,loud", "conjoin_server=", "=x"] {
            assert!(wrong.parse::<Level>().is_err(), "{wrong}");
        }
    }
}
