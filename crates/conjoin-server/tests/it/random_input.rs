//! Whatever a client sends, the rooms answer or ignore it, and go on.

use std::time::Duration;

use conjoin_server::Limits;
use conjoin_server::rooms::{ConnId, Input, Output, Rooms};
use conjoin_signaling::ServerMessage;
use proptest::prelude::*;

/// Pieces that messages are made of, and pieces that they are not.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\"", "null", "true", "-1e999", "0", "\\u0000", "\\ud800", "\\",
            "\"type\":", "\"join\"", "\"leave\"", "\"offer\"", "\"ice-candidate\"", "\"roomId\":\"r\"",
            "\"peerId\":\"a\"", "\"toPeerId\":\"a\"", "\"fromPeerId\":", "\"resumeToken\":\"", "\"peerName\":", " ", "\n",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Mostly a message, with something wrong or odd about it.
fn message() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["join", "leave", "offer", "answer", "ice-candidate", "news", ""]);
    let value = prop_oneof![
        Just("\"a\"".to_owned()),
        Just("\"b\"".to_owned()),
        Just("null".to_owned()),
        Just("{\"x\":[]}".to_owned()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let key = prop::sample::select(vec![
        "roomId",
        "peerId",
        "toPeerId",
        "fromPeerId",
        "peerName",
        "resumeToken",
        "sdp",
    ]);
    (kind, prop::collection::vec((key, value), 0..6)).prop_map(|(kind, fields)| {
        let fields: String = fields.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
        format!("{{\"type\":\"{kind}\"{fields}}}")
    })
}

fn feed(rooms: &mut Rooms, now: Duration, input: Input<'_>) -> Result<(), TestCaseError> {
    rooms.handle(now, input);
    while let Some(output) = rooms.poll() {
        if let Output::Send(_, text) = output {
            let json: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&text);
            prop_assert!(json.is_ok(), "not JSON: {text}");
            if text.starts_with("{\"type\":\"p") || text.starts_with("{\"type\":\"error") {
                prop_assert!(ServerMessage::from_json(&text).is_ok(), "not a message: {text}");
            }
        }
    }
    Ok(())
}

fn rooms() -> Rooms {
    let limits = Limits { messages_per_second: 20, message_burst: 20, ..Limits::default() };
    Rooms::new(limits, Vec::new(), || [7; 16])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(
        texts in prop::collection::vec(
            (0..3_u64, 0..4_000_u64, prop_oneof![
                prop::collection::vec(fragment(), 0..24).prop_map(|parts| parts.concat()),
                message(),
            ]),
            0..40,
        )
    ) {
        let mut rooms = rooms();
        let mut now = Duration::ZERO;
        for conn in 0..3 {
            feed(&mut rooms, now, Input::Connected(ConnId(conn)))?;
        }
        for (conn, pass, text) in texts {
            now += Duration::from_millis(pass);
            feed(&mut rooms, now, Input::Timeout)?;
            feed(&mut rooms, now, Input::Text(ConnId(conn), &text))?;
        }
    }

    #[test]
    fn any_bytes_are_survived(messages in prop::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let mut rooms = rooms();
        feed(&mut rooms, Duration::ZERO, Input::Connected(ConnId(1)))?;
        for bytes in &messages {
            feed(&mut rooms, Duration::ZERO, Input::Binary(ConnId(1), bytes))?;
        }
    }

    #[test]
    fn inputs_in_any_order_are_survived(inputs in prop::collection::vec((0..6_u8, 0..3_u64, 0..6_000_u64), 0..60)) {
        let mut rooms = rooms();
        let mut now = Duration::ZERO;
        for (kind, conn, pass) in inputs {
            now += Duration::from_millis(pass);
            let conn = ConnId(conn);
            let join = r#"{"type":"join","roomId":"r","peerId":"a"}"#;
            let input = match kind {
                0 => Input::Connected(conn),
                1 => Input::Text(conn, join),
                2 => Input::TooLarge(conn),
                3 => Input::Pong(conn),
                4 => Input::Closed(conn),
                _ => Input::Timeout,
            };
            feed(&mut rooms, now, input)?;
            feed(&mut rooms, now, Input::Timeout)?;
            prop_assert!(rooms.deadline().is_none_or(|due| due > now), "a timer that is never done");
        }
    }
}
