//! `cargo xtask shots`: what every state of the page looks like, for people to look at.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use conjoin_e2e::{Browser, DemoPage, Kind, Layout, Server, Theme, unused_port};
use serde_json::json;

use crate::{
    install, report,
    run::run as run_command,
    site::{self, Quality},
    workspace::Workspace,
};

/// Long enough for anything that the page does by itself.
const BOUND: Duration = Duration::from_secs(20);

/// The widths in CSS pixels: a desk, and a small phone.
const WIDTHS: [(&str, u32); 2] = [("wide", 1280), ("narrow", 320)];

/// Builds, serves, opens and takes pictures.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    for kind in Kind::ALL {
        install::browser(kind)?;
    }
    site::build(workspace, Quality::Release)?;
    run_command(workspace.cargo().args(["build", "--package", "conjoin-cli"]))?;
    let folder = workspace.target.join("shots");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;

    let server = Server::start_binary(&workspace.binary("debug"), &[], &folder.join("server.log"))?;
    for kind in Kind::ALL {
        let camera = Camera { browser: Browser::launch(&kind.into())?, folder: folder.clone() };
        offline(&camera, &server)?;
        connecting(&camera, &server)?;
        retrying(&camera, &server)?;
        together(&camera, &server)?;
    }
    report::good(&format!(
        "{} holds {} pictures",
        workspace.short(&folder),
        fs::read_dir(&folder)?.count() - 1
    ));
    Ok(())
}

/// Where pictures are taken and where they are kept.
struct Camera {
    browser: Browser,
    folder: PathBuf,
}

impl Camera {
    fn open(&self, address: &str) -> Result<DemoPage> {
        let page = DemoPage::open(self.browser.open(Layout::Window)?, address)?;
        if self.browser.kind() == Kind::Chromium {
            // A scrollbar would take its width from the page, but not from the picture.
            page.window().devtools("Emulation.setScrollbarsHidden", json!({"hidden": true}))?;
        }
        Ok(page)
    }

    /// One picture of the whole page for each theme and width.
    fn shoot(&self, page: &DemoPage, state: &str) -> Result<()> {
        for theme in Theme::ALL {
            page.window().set_theme(theme)?;
            for (name, width) in WIDTHS {
                page.window().set_viewport(width, 900)?;
                let [browser, theme] = [self.browser.kind().name(), theme.name()];
                let file = self.folder.join(format!("{browser}-{state}-{theme}-{name}.png"));
                fs::write(&file, page.window().full_screenshot()?)?;
                println!("  {}", file.file_name().map_or(Path::new(""), Path::new).display());
            }
        }
        Ok(())
    }
}

/// Before Connect: also with edits made offline.
fn offline(camera: &Camera, server: &Server) -> Result<()> {
    let page = camera.open(&format!("{}/", server.address()))?;
    camera.shoot(&page, "offline")?;
    for _ in 0..3 {
        page.click("increment")?;
    }
    page.wait("the edits", BOUND, |view| view.counter == 3)?;
    camera.shoot(&page, "offline-edited")
}

/// A server that takes the connection and then says nothing.
fn connecting(camera: &Camera, server: &Server) -> Result<()> {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = format!("{}/?room=shots&server=ws://{}", server.address(), silent.local_addr()?);
    let page = camera.open(&address)?;
    page.wait("the call", BOUND, |view| view.state == "connecting")?;
    camera.shoot(&page, "connecting")
}

/// A server that is not there.
fn retrying(camera: &Camera, server: &Server) -> Result<()> {
    let address = format!("{}/?room=shots&server=ws://127.0.0.1:{}", server.address(), unused_port()?);
    let page = camera.open(&address)?;
    page.wait("the failure", BOUND, |view| view.state == "retrying" && view.problem.is_some())?;
    camera.shoot(&page, "retrying")
}

/// Alone in a room, with others, and with one whose link broke.
fn together(camera: &Camera, server: &Server) -> Result<()> {
    let address = |name: &str| format!("{}/?room=atlas&name={name}", server.address());
    let ada = camera.open(&address("Ada"))?;
    ada.wait("the room", BOUND, |view| view.state == "joined")?;
    camera.shoot(&ada, "alone")?;

    let far = Browser::launch(&Kind::Chromium.into())?;
    let bob = camera.open(&address("Bob"))?;
    let grace = DemoPage::open(far.first_window()?, &address("Grace%20Hopper"))?;
    let met = |view: &conjoin_e2e::View| {
        view.peers.len() == 2
            && view.peers.iter().all(|peer| peer.state == "connected" && peer.rtt_ms.is_some())
    };
    for page in [&ada, &bob, &grace] {
        page.wait("the others", BOUND, met)?;
    }
    for (page, clicks) in [(&ada, 4), (&bob, 5), (&grace, 3)] {
        for _ in 0..clicks {
            page.click("increment")?;
        }
    }
    grace.click("decrement")?;
    for page in [&ada, &bob, &grace] {
        page.wait("the sum", BOUND, |view| view.counter == 11)?;
    }
    camera.shoot(&ada, "peers")?;

    // Its link is silent, but the server still knows it.
    far.freeze();
    ada.wait("a broken link", BOUND, |view| view.peers.iter().any(|peer| peer.state == "reconnecting"))?;
    camera.shoot(&ada, "reconnecting")
}
