//! The page that tells how a mesh scales and what loss costs.

use std::fmt::Write;
use std::time::Duration;

use crate::measure::{Lateness, Mesh, lateness, mesh};
use crate::network::PACKET_HEADERS;

/// The sizes that are measured.
const SIZES: [usize; 6] = [2, 5, 10, 20, 50, 100];

/// Measures, and writes what came out as Markdown. `progress` is told what is being measured.
pub fn report(progress: impl Fn(&str)) -> String {
    let meshes: Vec<_> = SIZES
        .iter()
        .map(|&peers| {
            progress(&format!("a mesh of {peers}"));
            mesh(peers)
        })
        .collect();
    let mut page = INTRODUCTION.replace("{headers}", &PACKET_HEADERS.to_string());
    page.push_str(&mesh_table(&meshes));
    page.push_str(EXPLANATION);
    page.push_str(LOSS);
    for (what, pauses) in [
        ("One edit every 100 to 300 ms, as in typing:", (100, 300)),
        ("One edit every 10 to 20 ms, as in dragging:", (10, 20)),
    ] {
        let pauses = (Duration::from_millis(pauses.0), Duration::from_millis(pauses.1));
        let _ = writeln!(
            page,
            "\n{what}\n\n| lost | | median | p99 | slowest | bytes an edit |\n|---|---|---|---|---|---|"
        );
        for loss in [0.0, 0.01, 0.05, 0.1] {
            for live in [true, false] {
                progress(&format!("{} % of packets lost", loss * 100.0));
                let channels = if live { "both channels" } else { "the reliable one alone" };
                let row = loss_row(loss, channels, &lateness(loss, pauses, 10_000, live));
                page.push_str(&row);
            }
        }
    }
    page
}

fn mesh_table(meshes: &[Mesh]) -> String {
    let mut rows = vec![
        "| peers |".to_owned(),
        "|---|".to_owned(),
        "| **an edit**: messages, all peers |".to_owned(),
        "| bytes, all peers |".to_owned(),
        "| messages, its author |".to_owned(),
        "| bytes, its author |".to_owned(),
        "| **idle**: bytes a second, each peer |".to_owned(),
        "| packets a second, each peer |".to_owned(),
        "| with headers: bytes a second, each peer |".to_owned(),
        "| **all join at once**: all pairs connected after |".to_owned(),
        "| **one more joins**: it has all after |".to_owned(),
        "| **a partition heals**: all have all after |".to_owned(),
    ];
    for mesh in meshes {
        let cells = [
            mesh.peers.to_string(),
            "---".to_owned(),
            format!("{:.0}", mesh.edit.messages),
            format!("{:.0}", mesh.edit.bytes),
            format!("{:.0}", mesh.author.messages),
            format!("{:.0}", mesh.author.bytes),
            format!("{:.0}", mesh.idle.bytes),
            format!("{:.1}", mesh.idle.messages),
            format!("{:.0}", mesh.idle.bytes + mesh.idle.messages * PACKET_HEADERS as f64),
            time(mesh.all_join),
            time(mesh.newcomer),
            time(mesh.rejoin),
        ];
        for (row, cell) in rows.iter_mut().zip(cells) {
            let _ = write!(row, " {cell} |");
        }
    }
    rows.join("\n") + "\n"
}

fn loss_row(loss: f64, channels: &str, late: &Lateness) -> String {
    let Lateness { median, p99, slowest, bytes } = late;
    let [median, p99, slowest] = [median, p99, slowest].map(|&it| time(it));
    format!("| {} % | {channels} | {median} | {p99} | {slowest} | {bytes:.0} |\n", loss * 100.0)
}

fn time(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..10_000 => format!("{ms} ms"),
        ms => format!("{} s", ms / 1000),
    }
}

const INTRODUCTION: &str = "\
# How a room scales, and what loss costs

Every peer of a room is connected with every other: a full mesh. These figures are measured by
`cargo xtask sim --report`, with the real peer manager in a simulated network and on a virtual clock,
20 ms of round-trip time between any two peers. So they are the same on any machine, and leave out
what browsers add: WebRTC itself takes one to some hundred milliseconds more to open a link. A
*message* is what is sent on a data channel, and bytes are those of messages:
below them, IP, UDP, DTLS and SCTP add about {headers} to each packet.

";

const EXPLANATION: &str = "
What an edit costs grows with the number of peers, since its author sends it to each, and each
acknowledges it. What a peer sends while nobody edits grows slowly: with many peers, heartbeats come
less often, so that it takes longer to notice that somebody is gone without a word.
";

const LOSS: &str = "
## Edits under loss

Two peers, 20 ms of round-trip time apart; both edits and acknowledgements get lost. An edit travels
on the unreliable channel, again and again until it is acknowledged; beside it, what it would be on
the reliable channel, where a lost packet waits for SCTP's time-out of a second. Times run from the
edit to when it is applied on the other side.
";
