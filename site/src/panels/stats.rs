//! What was really sent and received.

use conjoin::Stats;
use leptos::prelude::*;

use crate::erased::text;
use crate::format::{grouped_html, millis};
use crate::room::RoomSignals;

/// A row of the table: what it counts, in what unit, the test ids of its cells, and the counts.
type Row = (&'static str, &'static str, [&'static str; 2], fn(&Stats) -> [u64; 2]);

const ROWS: [Row; 4] = [
    ("Data channels", " B", ["bytes-sent", "bytes-received"], |stats| {
        [stats.bytes_sent, stats.bytes_received]
    }),
    ("Deltas", "", ["deltas-sent", "deltas-received"], |stats| [stats.deltas_sent, stats.deltas_received]),
    ("Frames", "", ["frames-sent", "frames-received"], |stats| [stats.frames_sent, stats.frames_received]),
    ("Signaling", " B", ["signaling-sent", "signaling-received"], |stats| {
        [stats.signaling_sent, stats.signaling_received]
    }),
];

/// The panel.
pub(crate) fn statistics(room: RoomSignals) -> impl IntoView {
    let rtt = move || room.stats().rtt.map_or_else(|| "–".to_owned(), |rtt| format!("{} ms", millis(rtt)));
    view! {
        <section class="cell stats" aria-labelledby="stats-title">
            <div class="cell-head">
                <h2 id="stats-title">"Statistics"</h2>
            </div>
            <table>
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">"Sent"</th>
                        <th scope="col">"Received"</th>
                    </tr>
                </thead>
                <tbody>{ROWS.into_iter().map(|of| row(room, of)).collect::<Vec<_>>()}</tbody>
            </table>
            <dl class="facts">
                <dt>"Average round trip"</dt>
                <dd data-testid="average-rtt">{text(rtt)}</dd>
            </dl>
        </section>
    }
}

fn row(room: RoomSignals, (title, unit, ids, counts): Row) -> impl IntoView {
    let cell = |side: usize| {
        view! {
            <td>
                <span
                    class="digits"
                    data-testid=ids[side]
                    inner_html=text(move || grouped_html(counts(&room.stats())[side]))
                ></span>
                <span class="unit">{unit}</span>
            </td>
        }
    };
    view! {
        <tr>
            <th scope="row">{title}</th>
            {cell(0)}
            {cell(1)}
        </tr>
    }
}
