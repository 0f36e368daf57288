//! A server and browsers for one test. When the test fails, what every page showed is kept.

use std::{
    any::type_name_of_val,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use conjoin_e2e::{Browser, DemoPage, Kind, Layout, Server, View, Window};
use serde_json::json;

/// For what has no bound of its own: long enough on a busy machine, short enough not to hang.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// The stage of one test.
pub(crate) struct Scene {
    pub(crate) server: Server,
    folder: PathBuf,
    pages: Vec<DemoPage>,
    passed: bool,
}

/// Runs a test on a stage of its own.
pub(crate) fn scene(test: impl FnOnce(&mut Scene) -> Result<()>) -> Result<()> {
    // `it::together::two_tabs::{{closure}}`
    let name = type_name_of_val(&test).trim_end_matches("::{{closure}}").replace("::", "-");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let start = Instant::now();
    let server = Server::start(&folder.join("server.log"))?;
    let mut scene = Scene { server, folder, pages: Vec::new(), passed: false };
    let result = test(&mut scene);
    scene.passed = result.is_ok();
    println!("it took {:.1} s", start.elapsed().as_secs_f64());
    result
}

impl Scene {
    /// A Chromium with a profile of its own.
    pub(crate) fn browser(&self) -> Result<Browser> {
        self.launch(Kind::Chromium)
    }

    /// Any browser with a profile of its own.
    pub(crate) fn launch(&self, kind: Kind) -> Result<Browser> {
        Browser::launch(&kind.into())
    }

    /// The demo in a room, in a new window of the browser.
    pub(crate) fn join(&mut self, browser: &Browser, room: &str) -> Result<DemoPage> {
        let address = self.address(room);
        self.open(browser, Layout::Window, &address)
    }

    /// The address of the demo in a room.
    pub(crate) fn address(&self, room: &str) -> String {
        format!("{}/?room={room}", self.server.address())
    }

    /// The demo from any address, in a new window or tab of the browser.
    pub(crate) fn open(&mut self, browser: &Browser, layout: Layout, address: &str) -> Result<DemoPage> {
        self.open_in(browser.open(layout)?, address)
    }

    /// The demo from any address, in a window that is there already.
    pub(crate) fn open_in(&mut self, window: Window, address: &str) -> Result<DemoPage> {
        let page = DemoPage::open(window, address)?;
        self.pages.push(page.clone());
        Ok(page)
    }

    /// Two pages in a room that are connected with each other, in windows of one browser.
    pub(crate) fn pair(&mut self, browser: &Browser, room: &str) -> Result<(DemoPage, DemoPage)> {
        let (a, b) = (self.join(browser, room)?, self.join(browser, room)?);
        meet(&[&a, &b], BOUND)?;
        Ok((a, b))
    }

    /// What every page shows goes into files, whose names are printed.
    fn keep_evidence(&self) {
        println!("what the pages showed is in {}", self.folder.display());
        for (number, page) in self.pages.iter().enumerate() {
            let file = |extension: &str| self.folder.join(format!("page-{number}.{extension}"));
            // Pages that the test closed or killed have nothing to show any more.
            if let Ok(picture) = page.window().full_screenshot() {
                let _ = fs::write(file("png"), picture);
            }
            let text = page.window().execute("return document.body.innerText", json!([]));
            if let Ok(text) = text {
                let mut told = text.as_str().unwrap_or_default().to_owned();
                for line in page.window().console().unwrap_or_default() {
                    told.push_str(&format!("\nconsole: {line}"));
                }
                let _ = fs::write(file("txt"), told);
            }
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !self.passed || thread::panicking() {
            self.keep_evidence();
        }
    }
}

/// Waits until all pages list all the others as connected.
pub(crate) fn meet(pages: &[&DemoPage], bound: Duration) -> Result<()> {
    let ids = pages.iter().map(|page| Ok(page.view()?.peer_id)).collect::<Result<Vec<_>>>()?;
    for (page, own) in pages.iter().zip(&ids) {
        let all = |view: &View| lists(view, ids.iter().filter(|id| *id != own));
        page.wait("all the others, connected", bound, all).context("while peers meet")?;
    }
    Ok(())
}

/// Whether the page lists exactly these peers, all of them connected.
pub(crate) fn lists<'i>(view: &View, ids: impl IntoIterator<Item = &'i String>) -> bool {
    let mut expected: Vec<&str> = ids.into_iter().map(String::as_str).collect();
    let mut listed: Vec<&str> =
        view.peers.iter().filter(|peer| peer.state == "connected").map(|peer| peer.id.as_str()).collect();
    expected.sort_unstable();
    listed.sort_unstable();
    listed == expected && view.peers.len() == listed.len() && view.peer_count == listed.len()
}

/// Waits until all pages show the same number.
pub(crate) fn agree(pages: &[&DemoPage], number: i64) -> Result<()> {
    for page in pages {
        page.wait(&format!("{number} on the counter"), BOUND, |view| view.counter == number)?;
    }
    Ok(())
}

/// Clicks on a control several times.
pub(crate) fn click(page: &DemoPage, control: &str, times: usize) -> Result<()> {
    (0..times).try_for_each(|_| page.click(control))
}
