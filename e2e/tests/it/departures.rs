//! Peers that go, and some that come back.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conjoin_e2e::{LogEntry, wait};

use crate::scene::{BOUND, agree, click, lists, meet, scene};

#[test]
fn a_closed_tab_leaves_the_list_within_2_s() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "closed")?;
        let start = Instant::now();
        b.window().clone().close()?;
        a.wait("the other to be gone", Duration::from_secs(2), |view| view.peers.is_empty())?;
        println!("a closed tab was gone from the list after {} ms", start.elapsed().as_millis());
        Ok(())
    })
}

#[test]
fn a_killed_browser_leaves_the_list_within_15_s() -> Result<()> {
    scene(|scene| {
        let (here, there) = (scene.browser()?, scene.browser()?);
        let a = scene.join(&here, "killed")?;
        let b = scene.join(&there, "killed")?;
        meet(&[&a, &b], BOUND)?;
        b.click("increment")?;
        agree(&[&a], 1)?;
        let start = Instant::now();
        there.kill();
        a.wait("the other to be gone", Duration::from_secs(15), |view| view.peers.is_empty())?;
        println!("a killed browser was gone from the list after {} ms", start.elapsed().as_millis());
        ensure!(a.view()?.counter == 1, "what it did stays");
        Ok(())
    })
}

#[test]
fn a_reloaded_tab_comes_back_without_a_ghost() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "reload")?;
        click(&a, "increment", 2)?;
        click(&b, "increment", 2)?;
        agree(&[&a, &b], 4)?;
        for _ in 0..3 {
            let old = b.view()?.peer_id;
            b.reload()?;
            let new = b.view()?.peer_id;
            ensure!(old != new, "a loaded page is a new peer");
            a.wait("the old self to be gone", Duration::from_secs(2), |view| {
                view.peers.iter().all(|peer| peer.id != old)
            })?;
            // Once gone it stays away, while the new self comes.
            let mut ghost = false;
            a.wait("the new self alone", Duration::from_secs(5), |view| {
                ghost |= view.peers.iter().any(|peer| peer.id == old);
                lists(view, [&new])
            })?;
            ensure!(!ghost, "the old self was listed again");
            meet(&[&a, &b], BOUND)?;
            agree(&[&b], 4)?;
        }
        b.click("increment")?;
        agree(&[&a, &b], 5)
    })
}

#[test]
fn disconnecting_says_goodbye_at_once() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "goodbye")?;
        b.click("disconnect")?;
        a.wait("the other to be gone", Duration::from_secs(2), |view| view.peers.is_empty())?;
        // The page shows messages a moment after they came.
        wait("a Goodbye in the log", BOUND, || {
            let goodbye = |entry: &LogEntry| entry.direction == "received" && entry.message == "Goodbye";
            Ok(a.log()?.iter().any(goodbye).then_some(()))
        })?;
        Ok(())
    })
}

#[test]
fn a_peer_that_slept_comes_back_with_its_edits() -> Result<()> {
    scene(|scene| {
        let (here, there) = (scene.browser()?, scene.browser()?);
        let a = scene.join(&here, "asleep")?;
        let b = scene.join(&there, "asleep")?;
        meet(&[&a, &b], BOUND)?;
        b.click("increment")?;
        agree(&[&a], 1)?;

        there.freeze();
        a.wait("the silence to be noticed", BOUND, |view| {
            view.peers.iter().all(|peer| peer.state != "connected")
        })?;
        click(&a, "increment", 2)?;
        there.thaw();
        let start = Instant::now();
        b.click("increment")?;
        meet(&[&a, &b], Duration::from_secs(60))?;
        println!("a peer that slept was back {} ms after it woke", start.elapsed().as_millis());
        agree(&[&a, &b], 4)
    })
}
