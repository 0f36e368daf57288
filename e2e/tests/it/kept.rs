//! Rooms that outlive those who were in them.

use std::{env, ffi::OsStr, path::Path};

use anyhow::{Context, Result};
use conjoin_e2e::{Layout, Server};

use crate::scene::{BOUND, agree, scene};

#[test]
fn what_the_last_page_left_is_there_for_the_next() -> Result<()> {
    scene(|scene| {
        let data = tempfile::tempdir()?;
        let binary = env::var_os("CONJOIN_BINARY").context("the server of the scene has it, too")?;
        let log = data.path().join("server.log");
        let keep = [OsStr::new("--keep"), data.path().as_os_str()];
        let mut server = Server::start_binary(Path::new(&binary), &keep, &log)?;
        let address = format!("{}/?room=kept", server.address());
        for round in 1..3 {
            let browser = scene.browser()?;
            let page = scene.open(&browser, Layout::Window, &address)?;
            agree(&[&page], round - 1)?;
            page.wait("the keeper", BOUND, |view| {
                view.peers.iter().any(|peer| peer.name == "keeper" && peer.state == "connected")
            })?;
            page.click("increment")?;
            // There is one edit to acknowledge.
            page.wait("an acknowledgement", BOUND, |_| {
                let log = page.log().unwrap_or_default();
                log.iter().any(|entry| entry.direction == "received" && entry.message == "Ack")
            })?;
            page.window().clone().close()?;
            drop(browser);
            // Killed, and there again.
            server.restart()?;
        }
        let browser = scene.browser()?;
        let page = scene.open(&browser, Layout::Window, &address)?;
        agree(&[&page], 2)
    })
}
