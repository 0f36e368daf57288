//! Browsers of different makers in one room.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conjoin_e2e::{DemoPage, Kind};

use crate::scene::{BOUND, Scene, agree, click, lists, meet, scene};

/// All that two people do with the demo, one after the other. The second offers the first link, as the
/// newcomer does; the first offers the next, when it comes back.
fn story(scene: &mut Scene, first: Kind, second: Kind) -> Result<()> {
    let here = scene.launch(first)?;
    let there = if first == second { here.clone() } else { scene.launch(second)? };
    let a = scene.join(&here, "both")?;
    a.wait("the room", BOUND, |view| view.state == "joined")?;
    let b = scene.join(&there, "both")?;
    let pages = [&a, &b];
    let start = Instant::now();
    meet(&pages, BOUND)?;
    println!(
        "{} and {} list each other {} ms later",
        first.name(),
        second.name(),
        start.elapsed().as_millis()
    );
    counts_both_ways(&pages)?;
    for page in pages {
        let (view, _) = page.wait("a round-trip time", BOUND, |view| {
            view.peers.iter().all(|peer| peer.rtt_ms.is_some_and(|rtt| rtt > 0.0))
        })?;
        let lines = page.window().console()?;
        ensure!(lines.is_empty() && view.problem.is_none(), "{lines:#?} {view:#?}");
    }

    // From 2, what both do apart adds up.
    a.click("disconnect")?;
    b.wait("to be alone", BOUND, |view| view.peers.is_empty())?;
    click(&a, "increment", 4)?;
    click(&b, "increment", 7)?;
    b.click("decrement")?;
    agree(&[&a], 6)?;
    agree(&[&b], 8)?;
    a.click("connect")?;
    meet(&pages, BOUND)?;
    agree(&pages, 12)?;

    // Without the server they go on, and when it is back a third can join.
    scene.server.kill()?;
    for page in pages {
        page.wait("the loss to be noticed", BOUND, |view| view.state == "retrying")?;
    }
    for page in pages {
        click(page, "increment", 2)?;
    }
    agree(&pages, 16)?;
    scene.server.restart()?;
    for page in pages {
        page.wait("the room again", Duration::from_secs(60), |view| view.state == "joined")?;
    }
    let late = scene.join(&there, "both")?;
    meet(&[&a, &b, &late], BOUND)?;
    late.click("increment")?;
    agree(&[&a, &b, &late], 17)?;

    // One after the other closes its tab.
    b.window().clone().close()?;
    let left = late.view()?.peer_id;
    a.wait("the closed tab to be gone", Duration::from_secs(5), |view| lists(view, [&left]))?;
    a.window().clone().close()?;
    late.wait("nobody to be left", Duration::from_secs(5), |view| view.peers.is_empty())?;
    agree(&[&late], 17)
}

fn counts_both_ways([a, b]: &[&DemoPage; 2]) -> Result<()> {
    a.click("increment")?;
    agree(&[a, b], 1)?;
    click(b, "increment", 2)?;
    agree(&[a, b], 3)?;
    a.click("decrement")?;
    agree(&[a, b], 2)
}

#[test]
fn firefox_with_firefox() -> Result<()> {
    scene(|scene| story(scene, Kind::Firefox, Kind::Firefox))
}

#[test]
fn firefox_joins_chromium() -> Result<()> {
    scene(|scene| story(scene, Kind::Chromium, Kind::Firefox))
}

#[test]
fn chromium_joins_firefox() -> Result<()> {
    scene(|scene| story(scene, Kind::Firefox, Kind::Chromium))
}
