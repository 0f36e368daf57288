//! Pages that stand still while the others go on.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use conjoin_e2e::{DemoPage, View, wait};

use crate::scene::{BOUND, Scene, agree, click, meet, scene};

/// For finding each other again, several tries included.
const RECOVERY: Duration = Duration::from_secs(60);

/// A page alone in its browser, whose renderer can be stopped, and two others.
fn stage(scene: &mut Scene, room: &str) -> Result<[DemoPage; 3]> {
    let (here, there) = (scene.browser()?, scene.browser()?);
    let pages = [scene.join(&there, room)?, scene.join(&here, room)?, scene.join(&here, room)?];
    meet(&[&pages[0], &pages[1], &pages[2]], BOUND)?;
    Ok(pages)
}

/// Stops the first page until the second shows `noticed`; meanwhile the others edit, and clicks on the
/// first wait for it to go on. Then all must be as if nothing had been.
fn pause(scene: &mut Scene, room: &str, noticed: impl FnMut(&View) -> bool) -> Result<()> {
    let [a, b, c] = stage(scene, room)?;
    a.click("increment")?;
    agree(&[&a, &b, &c], 1)?;

    a.window().browser().freeze_pages();
    let start = Instant::now();
    let clicks = thread::scope(|threads| {
        let waiting = threads.spawn(|| click(&a, "increment", 3));
        let elsewhere = meanwhile(&b, &c, noticed);
        println!("the page stood still for {} ms", start.elapsed().as_millis());
        a.window().browser().thaw();
        waiting.join().map_err(|_| anyhow!("clicks failed")).flatten().and(elsewhere)
    });
    clicks?;
    let start = Instant::now();
    meet(&[&a, &b, &c], RECOVERY)?;
    agree(&[&a, &b, &c], 10)?;
    println!("all was back {} ms after it went on", start.elapsed().as_millis());
    Ok(())
}

fn meanwhile(b: &DemoPage, c: &DemoPage, noticed: impl FnMut(&View) -> bool) -> Result<()> {
    click(b, "increment", 2)?;
    click(c, "increment", 3)?;
    agree(&[b, c], 6)?;
    b.wait("what the pause does", RECOVERY, noticed)?;
    b.click("increment")?;
    agree(&[b, c], 7)
}

#[test]
fn a_renderer_that_stood_still_for_a_moment_goes_on() -> Result<()> {
    scene(|scene| pause(scene, "moment", |view| view.peers.iter().any(|peer| peer.state == "reconnecting")))
}

#[test]
fn a_renderer_given_up_by_the_others_comes_back() -> Result<()> {
    scene(|scene| {
        // A link that was lost has no round-trip time any more.
        pause(scene, "given-up", |view| view.peers.iter().any(|peer| peer.rtt_ms.is_none()))
    })
}

#[test]
fn a_page_frozen_in_the_background_comes_back() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "frozen")?;
        a.window().set_frozen(true)?;
        click(&b, "increment", 3)?;
        b.wait("the silence to be noticed", BOUND, |view| {
            view.peers.iter().all(|peer| peer.state != "connected")
        })?;
        b.click("increment")?;
        a.window().set_frozen(false)?;
        a.click("increment")?;
        let start = Instant::now();
        meet(&[&a, &b], RECOVERY)?;
        agree(&[&a, &b], 5)?;
        println!("it was back {} ms after it went on", start.elapsed().as_millis());
        wait("no more than one entry for it", BOUND, || Ok((b.view()?.peers.len() == 1).then_some(())))?;
        Ok(())
    })
}
