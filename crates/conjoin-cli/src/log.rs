//! The log, on the standard error output.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Log, LogFormat};

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
            Ok(targets) if text.split(',').all(|part| known(part.trim())) => Ok(Self(targets)),
            _ => Err(
                "must be off, error, warn, info, debug or trace, or a list like warn,conjoin_server=debug"
                    .into(),
            ),
        }
    }
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
    fn levels_are_read() {
        for good in ["off", "info", "DEBUG", "warn,conjoin_server=debug", "info, hyper=off"] {
            assert!(good.parse::<Level>().is_ok(), "{good}");
        }
        for wrong in ["", "loud", "info,loud", "conjoin_server=", "=x"] {
            assert!(wrong.parse::<Level>().is_err(), "{wrong}");
        }
    }
}
