//! Edits made while peers are not connected.

use anyhow::{Result, ensure};
use conjoin_e2e::Layout;

use crate::scene::{BOUND, agree, click, meet, scene};

#[test]
fn increments_on_both_sides_while_apart_add_up() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "apart")?;
        a.click("increment")?;
        agree(&[&a, &b], 1)?;

        a.click("disconnect")?;
        a.wait("to be offline", BOUND, |view| view.state == "offline" && view.peers.is_empty())?;
        b.wait("to be alone", BOUND, |view| view.peers.is_empty())?;
        click(&a, "increment", 4)?;
        click(&b, "increment", 7)?;
        b.click("decrement")?;
        agree(&[&a], 5)?;
        agree(&[&b], 7)?;

        a.click("connect")?;
        meet(&[&a, &b], BOUND)?;
        agree(&[&a, &b], 11)
    })
}

#[test]
fn edits_before_the_first_connect_count() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let wait = format!("{}/", scene.server.address());
        let a = scene.open(&browser, Layout::Window, &wait)?;
        let b = scene.open(&browser, Layout::Window, &wait)?;
        click(&a, "increment", 3)?;
        click(&b, "increment", 2)?;
        for (page, number) in [(&a, 3), (&b, 2)] {
            agree(&[page], number)?;
            ensure!(page.view()?.state == "offline");
            page.click("connect")?;
        }
        meet(&[&a, &b], BOUND)?;
        agree(&[&a, &b], 5)
    })
}
