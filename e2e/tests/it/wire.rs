//! What goes over the wire, as the page's own log tells.

use anyhow::{Context, Result, ensure};
use conjoin_e2e::{DemoPage, LogEntry, wait};

use crate::scene::{BOUND, agree, scene};

/// The most that an edit of one counter may cost in an established session.
const INCREMENT: usize = 24;

/// The most that a heartbeat may cost.
const HEARTBEAT: usize = 12;

#[test]
fn an_increment_takes_at_most_24_bytes_and_a_heartbeat_12() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "wire")?;
        // The first edit introduces the counter's name; after the second the session is established.
        for number in 1..=2 {
            a.click("increment")?;
            agree(&[&a, &b], number)?;
        }
        let before = deltas(&a)?.len();
        a.click("increment")?;
        agree(&[&a, &b], 3)?;
        // The newest is on top.
        let (increment, _) = wait("the edit in the log", BOUND, || {
            let sent = deltas(&a)?;
            Ok(sent
                .len()
                .checked_sub(before)
                .and_then(|new| sent[..new].iter().map(|entry| entry.bytes).max()))
        })?;

        let mut heartbeats = Vec::new();
        wait("heartbeats both ways", BOUND, || {
            heartbeats = a.log()?.into_iter().filter(|entry| entry.message == "Heartbeat").collect();
            let both =
                ["sent", "received"].iter().all(|way| heartbeats.iter().any(|entry| entry.direction == *way));
            Ok(both.then_some(()))
        })?;
        let heartbeat = heartbeats.iter().map(|entry| entry.bytes).max().context("there are some")?;
        println!(
            "on the wire: a +1 takes {increment} bytes (at most {INCREMENT}), a heartbeat {heartbeat} (at most {HEARTBEAT})"
        );
        ensure!(increment > 0 && increment <= INCREMENT);
        ensure!(heartbeat > 0 && heartbeat <= HEARTBEAT);
        Ok(())
    })
}

/// The edits that were sent, the newest first.
fn deltas(page: &DemoPage) -> Result<Vec<LogEntry>> {
    let sent = |entry: &LogEntry| entry.direction == "sent" && entry.message == "DeltaResponse";
    Ok(page.log()?.into_iter().filter(sent).collect())
}
