//! Addresses that bring people together.

use anyhow::{Result, ensure};
use conjoin_e2e::Layout;

use crate::scene::{BOUND, agree, meet, scene};

#[test]
fn the_room_link_joins_from_another_profile() -> Result<()> {
    scene(|scene| {
        let (here, there) = (scene.browser()?, scene.browser()?);
        ensure!(here.profile() != there.profile());
        let wait = format!("{}/", scene.server.address());
        let a = scene.open(&here, Layout::Window, &wait)?;
        a.fill("room", "a room & more")?;
        a.fill("name", "Ada")?;
        a.click("connect")?;
        let (view, _) = a.wait("the room", BOUND, |view| view.state == "joined")?;
        println!("the link is {}", view.room_link);
        let b = scene.open(&there, Layout::Window, &view.room_link)?;
        meet(&[&a, &b], BOUND)?;
        let (view, _) = b.wait("the name", BOUND, |view| view.peers.iter().all(|peer| peer.name == "Ada"))?;
        ensure!(view.peers.len() == 1);
        a.click("increment")?;
        agree(&[&a, &b], 1)
    })
}

#[test]
fn the_address_carries_the_room_so_that_a_reload_comes_back() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let wait = format!("{}/", scene.server.address());
        let page = scene.open(&browser, Layout::Window, &wait)?;
        page.click("connect")?;
        page.wait("the room", BOUND, |view| view.state == "joined")?;
        page.reload()?;
        page.wait("the room again", BOUND, |view| view.state == "joined")?;

        page.click("disconnect")?;
        page.wait("to be offline", BOUND, |view| view.state == "offline")?;
        page.reload()?;
        ensure!(page.view()?.state == "offline", "whoever left stays out after a reload");
        ensure!(page.window().url()?.contains("connect=no"));
        Ok(())
    })
}
