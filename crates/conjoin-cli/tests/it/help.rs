//! What the command says about itself.

use crate::support::{conjoin, failure, output};

/// Every setting, and the variable it can also come from.
const SETTINGS: [(&str, &str); 23] = [
    ("--host", "CONJOIN_HOST"),
    ("--port", "CONJOIN_PORT"),
    ("--keep", "CONJOIN_KEEP"),
    ("--keep-max-size", "CONJOIN_KEEP_MAX_SIZE"),
    ("--keep-max-rooms", "CONJOIN_KEEP_MAX_ROOMS"),
    ("--keep-forget-after", "CONJOIN_KEEP_FORGET_AFTER"),
    ("--keep-compact-after", "CONJOIN_KEEP_COMPACT_AFTER"),
    ("--site", "CONJOIN_SITE"),
    ("--reload", "CONJOIN_RELOAD"),
    ("--ice-server", "CONJOIN_ICE_SERVERS"),
    ("--log-format", "CONJOIN_LOG_FORMAT"),
    ("--log-level", "CONJOIN_LOG_LEVEL"),
    ("--max-message-size", "CONJOIN_MAX_MESSAGE_SIZE"),
    ("--max-queue-size", "CONJOIN_MAX_QUEUE_SIZE"),
    ("--max-peers-per-room", "CONJOIN_MAX_PEERS_PER_ROOM"),
    ("--max-rooms", "CONJOIN_MAX_ROOMS"),
    ("--max-connections", "CONJOIN_MAX_CONNECTIONS"),
    ("--messages-per-second", "CONJOIN_MESSAGES_PER_SECOND"),
    ("--message-burst", "CONJOIN_MESSAGE_BURST"),
    ("--ping-interval", "CONJOIN_PING_INTERVAL"),
    ("--ping-timeout", "CONJOIN_PING_TIMEOUT"),
    ("--takeover-wait", "CONJOIN_TAKEOVER_WAIT"),
    ("--join-timeout", "CONJOIN_JOIN_TIMEOUT"),
];

#[test]
fn help_names_every_setting_and_its_variable() {
    let help = output(&mut conjoin(&["serve", "--help"]));
    let help = String::from_utf8(help.stdout).unwrap();
    let flags: Vec<_> = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")).collect();
    assert_eq!(flags.len(), SETTINGS.len(), "{flags:?}");
    has(&help, &SETTINGS);
    let help = String::from_utf8(output(&mut conjoin(&["join", "--help"])).stdout).unwrap();
    let settings =
        [("--server", "CONJOIN_SERVER"), ("--name", "CONJOIN_NAME"), ("--timeout", "CONJOIN_TIMEOUT")];
    has(&help, &settings);
    assert!(help.contains("[env: CONJOIN_ROOM"), "{help}");
}

fn has(help: &str, settings: &[(&str, &str)]) {
    for (flag, variable) in settings {
        assert!(
            help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
            "{flag} is not in {help}"
        );
        assert!(help.contains(&format!("[env: {variable}")), "{variable} is not in {help}");
    }
}

#[test]
fn help_of_a_command_says_what_it_does_at_length() {
    for (command, words) in [
        ("serve", "GET /healthz says how"),
        ("keep", "What it has acknowledged is on disk"),
        ("join", "type help for them"),
        ("doctor", "Says what is wrong and what to do"),
    ] {
        let help = String::from_utf8(output(&mut conjoin(&[command, "--help"])).stdout).unwrap();
        let flowing = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(words), "{words:?} is not in {help}");
    }
}

#[test]
fn help_and_version_are_there() {
    let help = String::from_utf8(output(&mut conjoin(&["--help"])).stdout).unwrap();
    assert!(help.contains("serve") && help.contains("Serve signaling and the demo pages"), "{help}");
    assert!(help.contains("join") && help.contains("Join a room from the terminal"), "{help}");
    let version = String::from_utf8(output(&mut conjoin(&["--version"])).stdout).unwrap();
    assert_eq!(version, format!("conjoin {}\n", env!("CARGO_PKG_VERSION")));
    assert!(failure(&mut conjoin(&[])).contains("Usage: conjoin <COMMAND>"));
}
