use std::sync::Arc;
use std::time::Duration;

use conjoin::{Kind, PeerInfo};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::super::inbox::Root;
use super::super::super::perform::Standing;
use super::*;

fn peer(name: Option<&str>, state: PeerState, rtt: Option<u64>) -> PeerInfo {
    PeerInfo {
        id: "5e1f0c77aa".into(),
        name: name.map(Into::into),
        replica: None,
        state,
        rtt: rtt.map(Duration::from_micros),
        version: None,
        promised: Default::default(),
    }
}

fn model(charset: Charset) -> Model {
    let mut model = Model::new(charset, true, "atlas", "ws://localhost:8080", "Ada");
    model.standing = Standing { status: Status::Joined, retry_in: None };
    model.peers = vec![
        peer(Some("Bob"), PeerState::Connected, Some(1_234)),
        peer(None, PeerState::Connecting, None),
        peer(Some("Zoë 日本"), PeerState::Reconnecting, Some(80_000)),
    ];
    let now = Instant::now();
    for (kind, name, json) in [
        (Kind::Counter, "clicks", "3"),
        (
            Kind::Text,
            "notes",
            "\"Hello there, and so on until the line is longer than any terminal is wide\"",
        ),
        (Kind::Map, "plan", "{\"a1\":{\"done\":false}}"),
    ] {
        model.change(Root { name: Arc::from(name), kind }, json.into(), now);
    }
    model.log(Tone::Event, "joined room atlas");
    model.log(Tone::Command, "set title Atlas of seas");
    model.log(Tone::Problem, "\"seas\" is too much: type set NAME VALUE or set MAP KEY VALUE");
    model.editor.insert("increment clicks");
    model
}

fn screen(model: &Model, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, model, Instant::now())).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..columns {
            let symbol = buffer[(x, y)].symbol();
            // What is wide covers the next cell as well.
            if skip == 0 {
                line.push_str(symbol);
            }
            skip = if skip > 0 { skip - 1 } else { symbol.width().saturating_sub(1) };
        }
        line.trim_end().to_owned()
    };
    (0..rows).map(row).collect()
}

#[test]
fn a_usual_terminal_shows_all_of_it() {
    let shown = screen(&model(Charset::Unicode), 80, 24).join("\n");
    same(&shown, include_str!("80x24.txt"));
}

#[test]
fn a_narrow_terminal_has_it_one_below_the_other() {
    let shown = screen(&model(Charset::Unicode), 40, 15).join("\n");
    same(&shown, include_str!("40x15.txt"));
}

fn same(shown: &str, expected: &str) {
    assert_eq!(shown.trim_end(), expected.trim_end(), "\n{shown}\n");
}

#[test]
fn a_terminal_without_unicode_gets_none() {
    for line in screen(&model(Charset::Ascii), 80, 24) {
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn without_colors_there_are_none() {
    let mut model = model(Charset::Unicode);
    let colors = |model: &Model| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, model, Instant::now())).unwrap();
        terminal
            .backend()
            .buffer()
            .content
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(colors(&model));
    model.colors = false;
    assert!(!colors(&model));
}

#[test]
fn no_size_is_too_small() {
    let mut model = model(Charset::Unicode);
    for scrolled in [0, 1_000] {
        model.scrolled = scrolled;
        for columns in [1, 2, 3, 5, 10, 26, 63, 64, 65, 300] {
            for rows in 1..30 {
                screen(&model, columns, rows);
            }
        }
    }
    model.peers = vec![model.peers[0].clone(); 500];
    screen(&model, 64, 7);
}

#[test]
fn what_others_chose_is_shown_without_what_a_terminal_obeys() {
    let mut model = model(Charset::Unicode);
    let hostile = "\u{1b}[2Jx\u{9b}31m\u{202e}\u{7}\n";
    model.peers.push(peer(Some(hostile), PeerState::Connected, None));
    let json = Charset::Unicode.quote(hostile);
    model.change(Root { name: hostile.into(), kind: Kind::Register }, json, Instant::now());
    model.log(Tone::Problem, hostile);
    model.standing.status = Status::Refused { reason: hostile.into() };
    let (tone, line) = status(&model);
    model.log(tone, &line);
    let shown = screen(&model, 80, 24).concat();
    assert!(shown.chars().all(|char| Charset::Unicode.shows(char)), "{shown:?}");
    assert!(shown.contains("x\u{fffd}31m") && shown.contains(r"\u001b[2Jx"), "{shown}");
}

#[test]
fn where_there_is_no_room_for_all_the_latest_values_are_shown() {
    let mut model = model(Charset::Unicode);
    for n in 0..100 {
        model.values.insert(Root { name: format!("old{n}").into(), kind: Kind::Counter }, ("1".into(), None));
    }
    model.change(Root { name: "zebra".into(), kind: Kind::Counter }, "7".into(), Instant::now());
    let shown = screen(&model, 80, 24).join("\n");
    assert!(shown.contains("zebra") && shown.contains("… 9") && !shown.contains("old99"), "{shown}");
}

#[test]
fn the_log_scrolls_as_far_as_it_goes() {
    let mut model = model(Charset::Unicode);
    for n in 0..200 {
        model.log(Tone::Event, &format!("event number {n} of many"));
    }
    assert!(screen(&model, 60, 20).join("\n").contains("event number 199 of many"));
    for _ in 0..100 {
        model.scroll(5);
        screen(&model, 60, 20);
    }
    assert!(screen(&model, 60, 20).join("\n").contains("joined room atlas"));
    for _ in 0..60 {
        model.scroll(-5);
    }
    assert!(screen(&model, 60, 20).join("\n").contains("event number 199 of many"));
}
