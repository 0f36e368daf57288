//! The reader and the writer, held against `serde_json`.

use serde::{Deserialize, Serialize};

use super::Wire;

#[derive(Serialize, Deserialize)]
struct Peer {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Server {
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Code {
    InvalidMessage,
    IdTaken,
    Replaced,
    UnknownPeer,
    NotJoined,
    Full,
    RateLimited,
    TooLarge,
    #[serde(other)]
    Other,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Oracle {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<Peer>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ice_servers: Vec<Server>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
}

/// What both make of a text, written again; `None` if they refuse it.
fn agree(text: &str) -> Option<String> {
    let ours = Wire::from_json(text, usize::MAX).ok().map(|wire| wire.to_json());
    let theirs = serde_json::from_str::<Oracle>(text)
        .ok()
        .map(|oracle| serde_json::to_string(&oracle).expect("what was read can be written"));
    assert_eq!(ours, theirs, "{text:?}");
    ours
}

const STRINGS: [&str; 16] = [
    r#""""#,
    r#""atlas""#,
    r#""full""#,
    r#""rate-limited""#,
    r#""h\u00e9 \" \\ \/ \b\f\n\r\t""#,
    r#""\ud83d\ude00😀\u0000\u001f\u007f""#,
    r#""\ud83d""#,
    r#""\ud83dx""#,
    r#""\ud83d\n""#,
    r#""\ud83d\u0041""#,
    r#""\ude00\ud83d""#,
    r#""\u12""#,
    r#""\x""#,
    "\"\u{1}\"",
    "\"\u{7f}\u{2028}\"",
    r#""{\"type\":\"offer\"}""#,
];

const OTHERS: [&str; 22] = [
    "null",
    "true",
    "false",
    "nul",
    "0",
    "-0",
    "01",
    "-",
    "1.",
    ".5",
    "1.5e+10",
    "1e",
    "1E-7",
    "1e999",
    "{}",
    "[]",
    "[1,]",
    "{\"a\":1,}",
    "[[],{\"a\":[null]}]",
    "{\"a\" 1}",
    "{\"\\ud800\":\"\\udc00\"}",
    "[}",
];

const KEYS: [&str; 18] = [
    "type",
    "roomId",
    "peerId",
    "peerName",
    "peers",
    "iceServers",
    "resumeToken",
    "fromPeerId",
    "toPeerId",
    "sdp",
    "candidate",
    "connection",
    "message",
    "code",
    "news",
    "",
    "typ\\u0065",
    "room\\ud800",
];

/// Rarely anything but a string, so that many texts are messages.
fn value(rng: &mut fastrand::Rng) -> String {
    let strings = if rng.u8(..9) == 0 { STRINGS.len() } else { 6 };
    let value = match rng.u8(..8) {
        0 => rng.choice(OTHERS),
        _ => rng.choice(STRINGS.into_iter().take(strings)),
    };
    value.expect("there are some").to_owned()
}

fn object(rng: &mut fastrand::Rng, members: Vec<(String, String)>) -> String {
    let space = |rng: &mut fastrand::Rng| rng.choice(["", "", " ", "\n\t\r"]).expect("there are some");
    let mut text = format!("{}{{", space(rng));
    for (at, (key, value)) in members.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        text += &format!("{comma}{}\"{key}\"{}:{}{value}{}", space(rng), space(rng), space(rng), space(rng));
    }
    text + "}" + space(rng)
}

fn list(rng: &mut fastrand::Rng, item: impl Fn(&mut fastrand::Rng) -> String) -> String {
    let items: Vec<String> = (0..rng.usize(..3)).map(|_| item(rng)).collect();
    format!("[{}]", items.join(","))
}

fn small(rng: &mut fastrand::Rng, needed: &str, keys: &[&str]) -> String {
    let first = if needed == "urls" { list(rng, value) } else { value(rng) };
    let mut members = vec![(needed.to_owned(), first)];
    for key in keys {
        if rng.bool() {
            members.push(((*key).to_owned(), value(rng)));
        }
    }
    if rng.u8(..10) == 0 {
        members.swap_remove(0);
    }
    object(rng, members)
}

fn message(rng: &mut fastrand::Rng) -> String {
    let members = (0..rng.usize(..6)).map(|_| {
        let key = rng.choice(KEYS).expect("there are some").to_owned();
        let value = match (&*key, rng.u8(..8)) {
            (_, 0) => value(rng),
            ("peers", _) => list(rng, |rng| small(rng, "id", &["name", "news"])),
            ("iceServers", _) => list(rng, |rng| small(rng, "urls", &["username", "credential", "username"])),
            ("news", _) => rng.choice(OTHERS).expect("there are some").to_owned(),
            _ => value(rng),
        };
        (key, value)
    });
    let members = members.collect();
    object(rng, members)
}

const DAMAGE: [char; 13] = ['{', '}', '[', ']', '"', ',', ':', '\\', 'u', '0', ' ', '\u{1}', 'é'];

/// Takes a character out, or puts another in.
fn damage(rng: &mut fastrand::Rng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = rng.usize(..chars.len());
    if rng.bool() {
        chars.remove(at);
    } else {
        chars.insert(at, rng.choice(DAMAGE).expect("there are some"));
    }
    chars.into_iter().collect()
}

#[test]
fn every_text_is_read_as_serde_json_reads_it() {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut read = 0;
    for _ in 0..20_000 {
        let text = message(&mut rng);
        read += usize::from(agree(&text).is_some());
        agree(&damage(&mut rng, &text));
    }
    assert!((4_000..16_000).contains(&read), "{read} of 20000 were messages");
}

#[test]
fn single_values_are_read_as_serde_json_reads_them() {
    for value in STRINGS.into_iter().chain(OTHERS) {
        for key in KEYS.into_iter().filter(|key| *key != "code" || !value.starts_with('{')) {
            agree(&format!("{{\"{key}\":{value}}}"));
            agree(&format!("{{\"{key}\":{value},\"{key}\":null}}"));
        }
        agree(&format!("{{\"peers\":[{{\"id\":{value}}}],\"iceServers\":[{{\"urls\":[{value}]}}]}}"));
        if !value.starts_with('[') {
            agree(value);
        }
    }
}

#[test]
fn what_is_passed_over_may_be_as_deep_as_it_likes() {
    let deep = |len: usize| format!("{{\"news\":{}{}}}", "[{\"a\":".repeat(len), "}]".repeat(len));
    assert_eq!(agree(&deep(1)), None, "an object needs a value");
    let deep = format!("{{\"news\":{}1{}}}", "[{\"a\":".repeat(100_000), "}]".repeat(100_000));
    assert_eq!(agree(&deep), Some(r#"{"type":""}"#.to_owned()));
    assert_eq!(agree(&deep[..deep.len() - 2]), None);
}

#[test]
fn a_message_is_an_object_and_nothing_else() {
    assert!(Wire::from_json(r#"["join","atlas","ada"]"#, 100).is_err());
    assert!(Wire::from_json(r#"{"code":{"full":null}}"#, 100).is_err());
}
