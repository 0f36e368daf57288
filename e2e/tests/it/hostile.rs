//! Somebody in the room who breaks every rule.

use std::time::Duration;

use anyhow::{Result, ensure};
use conjoin_e2e::{Browser, DemoPage, Kind, Layout, View, Window};
use serde_json::json;

use crate::{
    program::{self, Program},
    scene::{BOUND, Scene, agree, click, meet, scene},
};

const MALLORY: &str = include_str!("hostile.js");

/// Lower than the ids of pages, so that its offers stand against theirs.
const MALLORYS_ID: &str = "!mallory";

/// Two connected pages, one in each browser, and Mallory in the same room.
fn stage(scene: &mut Scene, room: &str) -> Result<(DemoPage, DemoPage, Window)> {
    let (firefox, chromium) = (scene.launch(Kind::Firefox)?, scene.browser()?);
    let (a, b) = (scene.join(&firefox, room)?, scene.join(&chromium, room)?);
    meet(&[&a, &b], BOUND)?;
    a.click("increment")?;
    agree(&[&a, &b], 1)?;
    let mallory = enter(scene, &scene.browser()?, room)?;
    Ok((a, b, mallory))
}

/// Mallory joins two others.
fn enter(scene: &Scene, browser: &Browser, room: &str) -> Result<Window> {
    let mallory = browser.open(Layout::Window)?;
    // Any page of an http address will do that runs nothing of its own.
    mallory.load(&format!("{}/nothing-is-here", scene.server.address()))?;
    let victims = mallory.execute(MALLORY, json!([scene.server.signaling(), room, MALLORYS_ID]))?;
    ensure!(victims.as_array().is_some_and(|victims| victims.len() == 2), "{victims}");
    Ok(mallory)
}

/// Whether the page shows the other as connected, and Mallory as one who is not.
fn sane(view: &View, other: &str) -> bool {
    let state = |id: &str| view.peers.iter().find(|peer| peer.id == id).map(|peer| peer.state.as_str());
    state(other) == Some("connected") && state(MALLORYS_ID).is_none_or(|state| state != "connected")
}

/// Edits on both, and looks at each page while they travel.
fn go_on(a: &DemoPage, b: &DemoPage, from: i64) -> Result<()> {
    let ids = (a.view()?.peer_id, b.view()?.peer_id);
    for number in (from..from + 6).step_by(2) {
        click(a, "increment", 1)?;
        click(b, "increment", 1)?;
        agree(&[a, b], number + 2)?;
        for (page, other) in [(a, &ids.1), (b, &ids.0)] {
            let view = page.view()?;
            ensure!(sane(&view, other), "{view:#?}");
        }
    }
    Ok(())
}

/// The socket of Mallory closes: nothing of it is left in the lists, and nothing in the console.
fn without(a: &DemoPage, b: &DemoPage, mallory: &Window) -> Result<()> {
    mallory.execute("mallory.leave()", json!([]))?;
    meet(&[a, b], BOUND)?;
    for page in [a, b] {
        let lines = page.window().console()?;
        ensure!(lines.is_empty(), "{lines:#?}");
    }
    Ok(())
}

#[test]
fn nonsense_over_signaling_does_not_part_others() -> Result<()> {
    scene(|scene| {
        let (a, b, mallory) = stage(scene, "nonsense")?;
        mallory.execute("mallory.nonsense()", json!([]))?;
        go_on(&a, &b, 1)?;
        for page in [&a, &b] {
            let (view, _) = page.wait("to be told", BOUND, |view| view.problem.is_some())?;
            let problem = view.problem.unwrap_or_default();
            println!("the page says: {problem}");
            ensure!(problem.contains("Mallory"), "{problem}");
        }
        mallory.execute("mallory.flood()", json!([]))?;
        go_on(&a, &b, 7)?;
        // Browsers quote in their errors what they were given, however long.
        for page in [&a, &b] {
            let problem = page.view()?.problem.unwrap_or_default();
            println!("and then: {problem:.300}");
            ensure!(problem.chars().count() < 300, "what it sent fills the page: {problem:.1000}");
        }
        without(&a, &b, &mallory)
    })
}

#[test]
fn offers_without_end_leave_room_for_others() -> Result<()> {
    scene(|scene| {
        let (a, b, mallory) = stage(scene, "offers")?;
        mallory.execute("return mallory.offers(arguments[0])", json!([a.view()?.peer_id]))?;
        go_on(&a, &b, 1)?;
        // Firefox tells it in the console when a tab that is closed still had something to do.
        let browser = b.window().browser().clone();
        let late = scene.join(&browser, "offers")?;
        let id = late.view()?.peer_id;
        a.wait("the newcomer", BOUND, |view| sane(view, &id))?;
        let problem = a.view()?.problem.unwrap_or_default();
        ensure!(!problem.contains("RTCPeerConnection"), "{problem}");
        late.window().clone().close()?;
        without(&a, &b, &mallory)
    })
}

#[test]
fn garbage_over_a_real_link_ends_that_link_alone() -> Result<()> {
    scene(|scene| {
        let (a, b, mallory) = stage(scene, "garbage")?;
        let victim = a.view()?.peer_id;
        let ended = mallory.execute("return mallory.garbage(arguments[0])", json!([victim]))?;
        ensure!(ended == "closed", "{ended}");
        let (view, _) = a.wait("to be told", BOUND, |view| view.problem.is_some())?;
        let problem = view.problem.unwrap_or_default();
        println!("the page says: {problem}");
        ensure!(problem.contains("isconnected from Mallory: it sent"), "{problem}");
        let tally = a.window().text(".peers .tally")?;
        ensure!(tally == "1 of 2", "Mallory does not count as connected: {tally}");
        go_on(&a, &b, 1)?;
        ensure!(b.view()?.problem.is_none(), "the other has no trouble with it");
        without(&a, &b, &mallory)?;
        // Whoever read what happened can take it off the page.
        a.window().click(".problem button")?;
        a.wait("nothing wrong any more", Duration::from_secs(5), |view| view.problem.is_none())?;
        Ok(())
    })
}

#[test]
fn a_program_stands_all_that_as_well() -> Result<()> {
    scene(|scene| {
        let (browser, hers) = (scene.browser()?, scene.browser()?);
        let page = scene.join(&browser, "program")?;
        let program = Program::join(scene, "program", "Ada")?;
        program::meet(&[&page], &[&program], BOUND)?;
        let id = program.room.peer_id();
        let what = ["mallory.nonsense()", "return mallory.offers(arguments[0])", "mallory.flood()"];
        for (number, what) in (1..).zip(what) {
            let mallory = enter(scene, &hers, "program")?;
            mallory.execute(what, json!([id]))?;
            program.add(1);
            page.click("increment")?;
            program::agree(&[&page], &[&program], 2 * number, BOUND)?;
            mallory.execute("mallory.leave()", json!([]))?;
            program::meet(&[&page], &[&program], BOUND)?;
        }
        Ok(())
    })
}

#[test]
fn garbage_over_a_real_link_to_a_program_ends_that_link_alone() -> Result<()> {
    scene(|scene| {
        let (browser, hers) = (scene.browser()?, scene.browser()?);
        let page = scene.join(&browser, "program")?;
        let program = Program::join(scene, "program", "Ada")?;
        program::meet(&[&page], &[&program], BOUND)?;
        let mallory = enter(scene, &hers, "program")?;
        let ended =
            mallory.execute("return mallory.garbage(arguments[0])", json!([program.room.peer_id()]))?;
        ensure!(ended == "closed", "{ended}");
        program.add(1);
        page.click("increment")?;
        program::agree(&[&page], &[&program], 2, BOUND)?;
        mallory.execute("mallory.leave()", json!([]))?;
        program::meet(&[&page], &[&program], BOUND)
    })
}
