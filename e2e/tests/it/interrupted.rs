//! Pages that go while their edits are under way.

use std::time::Duration;

use anyhow::{Result, ensure};
use conjoin_e2e::{DemoPage, View};
use serde_json::json;

use crate::scene::{BOUND, Scene, lists, meet, scene};

/// Edits again and again, in the page, for as long as it lives or until it is told to stop.
const EDIT: &str = "
const button = document.querySelector('[data-testid=increment]');
window.editing = setInterval(() => { for (let i = 0; i < 3; i++) button.click(); }, 5);
";

/// Waits until edits of `page` arrive at another, so that it goes in the middle of them.
fn edit(page: &DemoPage, other: &DemoPage) -> Result<()> {
    let before = other.view()?.operations;
    page.window().execute(EDIT, json!([]))?;
    other.wait("edits to arrive", BOUND, |view| view.operations > before + 30).map(drop)
}

/// Waits until all pages show the same, and nothing is under way any more: each increment is one operation.
fn settle(pages: &[&DemoPage]) -> Result<i64> {
    let version = |view: &View| (view.counter, view.operations, view.version_entries);
    let [first, others @ ..] = pages else { return Ok(0) };
    for page in others {
        page.wait("what the first shows", BOUND, |view| {
            first.view().is_ok_and(|first| version(&first) == version(view))
        })?;
    }
    let view = first.view()?;
    ensure!(u64::try_from(view.counter)? == view.operations, "each edit counts once: {view:#?}");
    Ok(view.counter)
}

/// Two pages of one browser.
fn pair(scene: &mut Scene) -> Result<(DemoPage, DemoPage)> {
    let browser = scene.browser()?;
    scene.pair(&browser, "interrupted")
}

#[test]
fn a_page_reloaded_amid_its_edits_gets_them_back() -> Result<()> {
    scene(|scene| {
        let (a, b) = pair(scene)?;
        for _ in 0..2 {
            edit(&b, &a)?;
            b.reload()?;
            meet(&[&a, &b], BOUND)?;
            let count = settle(&[&a, &b])?;
            println!("{count} edits were there after the reload");
        }
        Ok(())
    })
}

#[test]
fn those_left_agree_when_a_tab_closes_amid_its_edits() -> Result<()> {
    scene(|scene| {
        let (a, b) = pair(scene)?;
        let browser = a.window().browser().clone();
        let c = scene.join(&browser, "interrupted")?;
        meet(&[&a, &b, &c], BOUND)?;
        edit(&c, &a)?;
        c.window().clone().close()?;
        meet(&[&a, &b], Duration::from_secs(5))?;
        println!("{} edits stay of those of the closed tab", settle(&[&a, &b])?);
        Ok(())
    })
}

#[test]
fn those_left_and_a_newcomer_agree_when_a_browser_is_killed_amid_its_edits() -> Result<()> {
    scene(|scene| {
        let (a, b) = pair(scene)?;
        let doomed = scene.browser()?;
        let c = scene.join(&doomed, "interrupted")?;
        meet(&[&a, &b, &c], BOUND)?;
        edit(&c, &a)?;
        let ghost = c.view()?.peer_id;
        doomed.kill();
        let fresh = scene.browser()?;
        let d = scene.join(&fresh, "interrupted")?;
        // The newcomer may be told of the one killed, until the server has noticed.
        let id = |page: &DemoPage| Ok::<_, anyhow::Error>(page.view()?.peer_id);
        let (ids, all) = ([id(&a)?, id(&b)?, id(&d)?], [&a, &b, &d]);
        for page in all {
            let own = id(page)?;
            let others = || ids.iter().filter(|id| **id != own);
            page.wait("those who live, alone", Duration::from_secs(30), |view| lists(view, others()))?;
        }
        for page in all {
            ensure!(page.view()?.peers.iter().all(|peer| peer.id != ghost), "no ghost");
        }
        println!("{} edits stay of those of the killed browser", settle(&all)?);
        d.click("increment")?;
        settle(&all).map(drop)
    })
}
