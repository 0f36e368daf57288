//! Networks that are cut, and networks that lose packets.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conjoin_e2e::{Browser, DemoPage, Gate, Layout, View, Window};

use crate::scene::{BOUND, Scene, agree, click, lists, meet, scene};

/// For what waits until several deadlines and delays of links and the socket have passed.
pub(crate) const RECOVERY: Duration = Duration::from_secs(60);

/// The cable of one page: its way to the server and its way to other peers.
pub(crate) struct Cable {
    gate: Gate,
    window: Window,
}

impl Cable {
    /// The demo in a room, on a cable of its own.
    pub(crate) fn join(scene: &mut Scene, browser: &Browser, room: &str) -> Result<(DemoPage, Self)> {
        let gate = Gate::to(scene.server.address())?;
        let window = browser.open(Layout::Window)?;
        window.lose_packets(0.0)?;
        let page = scene.open_in(window.clone(), &format!("{}/?room={room}", gate.address()))?;
        Ok((page, Self { gate, window }))
    }

    /// Its page.
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// Pulls the cable out. The browser is not told.
    pub(crate) fn cut(&self) -> Result<()> {
        self.gate.cut();
        self.window.lose_packets(100.0)
    }

    /// Plugs it in again.
    pub(crate) fn mend(&self) -> Result<()> {
        self.gate.mend();
        self.window.lose_packets(0.0)
    }
}

fn nobody_connected(view: &View) -> bool {
    view.peers.iter().all(|peer| peer.state != "connected")
}

#[test]
fn a_page_cut_off_says_so_and_catches_up_once_it_is_back() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, cable) = Cable::join(scene, &browser, "cut")?;
        let b = scene.join(&browser, "cut")?;
        meet(&[&a, &b], BOUND)?;
        a.click("increment")?;
        agree(&[&a, &b], 1)?;

        cable.cut()?;
        cable.window.tell_online(false)?;
        let start = Instant::now();
        click(&a, "increment", 3)?;
        click(&b, "increment", 5)?;
        let (view, _) = a.wait("the loss to be told", BOUND, |view| view.state == "retrying")?;
        let told = view.problem.clone().unwrap_or_default();
        println!("the page says, after {} ms: {told}", start.elapsed().as_millis());
        ensure!(told.contains("did not answer"), "{told}");
        let note = a.window().text(".problem-more")?;
        ensure!(note.contains("offline"), "{note}");
        for page in [&a, &b] {
            page.wait("nobody to be connected", BOUND, nobody_connected)?;
        }
        // Until the server has given it up as well.
        b.wait("the other to be gone", RECOVERY, |view| view.peers.is_empty())?;
        click(&a, "increment", 2)?;
        click(&b, "decrement", 1)?;
        agree(&[&a], 6)?;
        agree(&[&b], 5)?;

        cable.mend()?;
        cable.window.tell_online(true)?;
        let start = Instant::now();
        meet(&[&a, &b], RECOVERY)?;
        agree(&[&a, &b], 10)?;
        println!("all was back {} ms after the network was", start.elapsed().as_millis());
        for page in [&a, &b] {
            let (view, _) = page.wait("all operations", BOUND, |view| view.operations == 12)?;
            ensure!(view.state == "joined" && view.problem.is_none(), "{view:#?}");
        }
        Ok(())
    })
}

#[test]
fn two_pages_go_on_while_a_third_is_cut_off() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, cable) = Cable::join(scene, &browser, "third")?;
        let (b, c) = (scene.join(&browser, "third")?, scene.join(&browser, "third")?);
        meet(&[&a, &b, &c], BOUND)?;

        // Nobody tells the browser: this is a router that died, not a switch on the device.
        cable.cut()?;
        click(&b, "increment", 2)?;
        click(&c, "increment", 3)?;
        a.click("increment")?;
        agree(&[&b, &c], 5)?;
        let (ids_b, ids_c) = (b.view()?.peer_id, c.view()?.peer_id);
        for (page, other) in [(&b, &ids_c), (&c, &ids_b)] {
            page.wait("the other alone", RECOVERY, |view| lists(view, [other]))?;
        }
        agree(&[&a], 1)?;

        cable.mend()?;
        let start = Instant::now();
        meet(&[&a, &b, &c], RECOVERY)?;
        agree(&[&a, &b, &c], 6)?;
        println!("all was back {} ms after the network was", start.elapsed().as_millis());
        Ok(())
    })
}

#[test]
fn edits_get_through_where_packets_are_lost() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let mut lossy = || -> Result<DemoPage> {
            let window = browser.open(Layout::Window)?;
            window.lose_packets(0.0)?;
            let address = scene.address("lossy");
            scene.open_in(window, &address)
        };
        let (a, b) = (lossy()?, lossy()?);
        meet(&[&a, &b], BOUND)?;
        for page in [&a, &b] {
            page.window().lose_packets(10.0)?;
        }
        for _ in 0..20 {
            for page in [&a, &b] {
                page.click_at_once(&["increment"; 5])?;
            }
        }
        agree(&[&a, &b], 200)?;
        for page in [&a, &b] {
            let (view, _) = page.wait("all operations, and the round trip", BOUND, |view| {
                view.operations == 200 && view.peers.iter().all(|peer| peer.rtt_ms.is_some())
            })?;
            ensure!(view.peers.len() == 1 && view.problem.is_none(), "{view:#?}");
        }
        Ok(())
    })
}

#[test]
fn all_come_back_after_server_and_network_failed_together() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, cable) = Cable::join(scene, &browser, "both")?;
        let (b, c) = (scene.join(&browser, "both")?, scene.join(&browser, "both")?);
        meet(&[&a, &b, &c], BOUND)?;

        scene.server.kill()?;
        cable.cut()?;
        click(&a, "increment", 1)?;
        click(&b, "increment", 2)?;
        click(&c, "increment", 3)?;
        agree(&[&b, &c], 5)?;
        agree(&[&a], 1)?;
        for page in [&b, &c] {
            page.wait("the server to be missed", BOUND, |view| view.state == "retrying")?;
            page.wait("the one cut off to be gone", RECOVERY, |view| view.peers.len() == 1)?;
        }
        a.wait("nobody to be connected", RECOVERY, nobody_connected)?;

        scene.server.restart()?;
        cable.mend()?;
        let start = Instant::now();
        meet(&[&a, &b, &c], RECOVERY)?;
        agree(&[&a, &b, &c], 6)?;
        println!("all was back {} ms after server and network were", start.elapsed().as_millis());
        Ok(())
    })
}
