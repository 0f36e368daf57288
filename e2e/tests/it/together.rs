//! Peers that are in a room at the same time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conjoin_e2e::{DemoPage, Layout};

use crate::scene::{BOUND, agree, click, lists, meet, scene};

#[test]
fn two_tabs_list_each_other_within_5_s() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let wait = format!("{}/", scene.server.address());
        let a = scene.open(&browser, Layout::Window, &wait)?;
        let b = scene.open(&browser, Layout::Window, &wait)?;
        ensure!(a.view()?.state == "offline", "without a room in the address, the page waits for Connect");

        let start = Instant::now();
        a.click("connect")?;
        b.click("connect")?;
        meet(&[&a, &b], Duration::from_secs(5))?;
        let time = start.elapsed();
        println!("two tabs list each other {} ms after Connect", time.as_millis());
        ensure!(time < Duration::from_secs(5), "it took {time:?}");
        Ok(())
    })
}

#[test]
fn increments_in_either_show_in_the_other() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "either")?;
        a.click("increment")?;
        agree(&[&a, &b], 1)?;
        click(&b, "increment", 2)?;
        agree(&[&a, &b], 3)?;
        a.click("decrement")?;
        agree(&[&a, &b], 2)?;
        for page in [&a, &b] {
            let (view, _) = page.wait("all operations", BOUND, |view| view.operations == 4)?;
            ensure!(view.version_entries == 2, "two replicas have edited: {view:#?}");
        }
        Ok(())
    })
}

#[test]
fn tabs_hidden_behind_others_keep_up() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let address = scene.address("hidden");
        let tabs =
            (0..3).map(|_| scene.open(&browser, Layout::Tab, &address)).collect::<Result<Vec<DemoPage>>>()?;
        let tabs: Vec<&DemoPage> = tabs.iter().collect();
        meet(&tabs, BOUND)?;
        for tab in &tabs {
            tab.click("increment")?;
        }
        agree(&tabs, 3)
    })
}

#[test]
fn ten_tabs_agree_after_200_mixed_increments() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let start = Instant::now();
        let pages = (0..10).map(|_| scene.join(&browser, "ten")).collect::<Result<Vec<DemoPage>>>()?;
        let pages: Vec<&DemoPage> = pages.iter().collect();
        meet(&pages, Duration::from_secs(60))?;
        println!("ten tabs were opened and linked, all with all, within {} ms", start.elapsed().as_millis());

        // Each tab makes 20 edits, in four rounds: while some edit, edits of others arrive.
        for _ in 0..4 {
            for page in &pages {
                page.click_at_once(&["increment", "increment", "decrement", "increment", "increment"])?;
            }
        }
        agree(&pages, 120)?;
        let first = pages[0].view()?;
        ensure!(first.operations == 200, "every edit counts: {first:#?}");
        ensure!(first.version_entries == 10, "each tab has edited: {first:#?}");
        Ok(())
    })
}

#[test]
fn a_late_tab_gets_the_state() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "late")?;
        click(&a, "increment", 5)?;
        click(&b, "increment", 3)?;
        agree(&[&a, &b], 8)?;
        let late = scene.join(&browser, "late")?;
        agree(&[&late], 8)?;
        late.click("increment")?;
        agree(&[&a, &b, &late], 9)
    })
}

#[test]
fn the_round_trip_time_is_measured() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "rtt")?;
        for page in [&a, &b] {
            let measured = page.wait("a round-trip time", BOUND, |view| {
                view.peers.iter().all(|peer| peer.rtt_ms.is_some())
            })?;
            let rtt = measured.0.peers[0].rtt_ms.context("waited for")?;
            println!("round-trip time {rtt} ms");
            ensure!(rtt.is_finite() && rtt > 0.0 && rtt < 1000.0, "{rtt} ms on one machine");
            page.wait("the average", BOUND, |view| view.average_rtt.contains(|c: char| c.is_ascii_digit()))?;
        }
        Ok(())
    })
}

#[test]
fn two_rooms_do_not_see_each_other() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "one")?;
        let (c, d) = scene.pair(&browser, "other")?;
        click(&a, "increment", 2)?;
        c.click("increment")?;
        agree(&[&a, &b], 2)?;
        agree(&[&c, &d], 1)?;
        // The edits went through everywhere, so nothing that leaked could still be on its way.
        let ids = |page: &DemoPage| Ok::<_, anyhow::Error>(page.view()?.peer_id);
        ensure!(lists(&a.view()?, [&ids(&b)?]) && lists(&c.view()?, [&ids(&d)?]));
        ensure!(a.view()?.counter == 2 && c.view()?.counter == 1);
        Ok(())
    })
}
