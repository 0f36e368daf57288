//! The signaling server goes away and comes back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conjoin_e2e::{Layout, unused_port};

use crate::scene::{BOUND, agree, click, lists, meet, scene};

#[test]
fn counters_sync_on_without_the_server_and_a_new_tab_joins_after() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "outage")?;
        a.click("increment")?;
        agree(&[&a, &b], 1)?;

        scene.server.kill()?;
        for page in [&a, &b] {
            page.wait("the loss to be noticed", BOUND, |view| view.state == "retrying")?;
        }
        click(&a, "increment", 2)?;
        click(&b, "increment", 3)?;
        agree(&[&a, &b], 6)?;
        for (page, other) in [(&a, &b), (&b, &a)] {
            ensure!(lists(&page.view()?, [&other.view()?.peer_id]), "links live on without the server");
        }

        scene.server.restart()?;
        let start = Instant::now();
        for page in [&a, &b] {
            page.wait("the room again", Duration::from_secs(60), |view| view.state == "joined")?;
        }
        println!("both were in the room again {} ms after the server was there", start.elapsed().as_millis());
        let late = scene.join(&browser, "outage")?;
        meet(&[&a, &b, &late], BOUND)?;
        agree(&[&late], 6)?;
        late.click("increment")?;
        agree(&[&a, &b, &late], 7)
    })
}

#[test]
fn an_unreachable_server_is_named_and_tried_again() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let port = unused_port()?;
        let address = format!("{}&server=ws://127.0.0.1:{port}", scene.address("nowhere"));
        let page = scene.open(&browser, Layout::Window, &address)?;
        let (view, _) =
            page.wait("the error", BOUND, |view| view.state == "retrying" && view.problem.is_some())?;
        let problem = view.problem.clone().context("waited for")?;
        println!("the page says: {problem}");
        for part in [format!("127.0.0.1:{port}"), "cannot be reached".to_owned(), "retrying in".to_owned()] {
            ensure!(problem.contains(&part), "{problem:?} should say {part:?}");
        }
        ensure!(view.can_disconnect && !view.can_connect, "one can give up: {view:#?}");

        page.click("increment")?;
        agree(&[&page], 1)?;
        page.click("disconnect")?;
        page.wait("no error any more", BOUND, |view| view.state == "offline" && view.problem.is_none())?;
        Ok(())
    })
}
