//! The page by itself.

use anyhow::{Context, Result, bail, ensure};
use conjoin_e2e::{Browser, DemoPage, Kind, Layout, Theme, keys, wait};
use serde_json::{Value, json};

use crate::scene::{BOUND, Scene, agree, scene};

/// Gives the test id of the focused element and whether it is marked for the eye.
const FOCUS: &str = "
const focused = document.activeElement;
const style = getComputedStyle(focused);
const marked = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
return [focused.dataset.testid ?? '', marked];
";

#[test]
fn the_keyboard_alone_is_enough() -> Result<()> {
    scene(|scene| {
        in_each_browser(scene, |scene, browser| {
            let address = format!("{}/", scene.server.address());
            let page = scene.open(browser, Layout::Window, &address)?;
            tab_to(&page, keys::TAB, "connect")?;
            page.window().press(keys::ENTER)?;
            page.wait("the room", BOUND, |view| view.state == "joined")?;
            tab_to(&page, keys::TAB, "increment")?;
            page.window().press(&keys::SPACE.repeat(3))?;
            agree(&[&page], 3)?;
            let back = format!("{}{}", keys::SHIFT, keys::TAB);
            tab_to(&page, &back, "decrement")?;
            page.window().press(keys::ENTER)?;
            agree(&[&page], 2)?;
            tab_to(&page, &back, "disconnect")?;
            page.window().press(keys::SPACE)?;
            page.wait("to be offline", BOUND, |view| view.state == "offline")?;
            Ok(())
        })
    })
}

#[test]
fn nothing_is_cut_off_on_a_narrow_screen() -> Result<()> {
    scene(|scene| {
        in_each_browser(scene, |scene, browser| {
            let page = scene.join(browser, browser.kind().name())?;
            page.wait("the room", BOUND, |view| view.state == "joined")?;
            page.window().set_viewport(320, 640)?;
            let widths = page.window().execute(
                "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]",
                json!([]),
            )?;
            ensure!(widths[0] == widths[1], "the page scrolls sideways: {widths}");
            page.click("increment")?;
            agree(&[&page], 1)
        })
    })
}

#[test]
fn paper_and_scrollbars_follow_the_theme() -> Result<()> {
    const COLOURS: &str = "
const { backgroundColor, scrollbarColor } = getComputedStyle(document.documentElement);
return [backgroundColor, scrollbarColor];
";
    scene(|scene| {
        in_each_browser(scene, |scene, browser| {
            let address = format!("{}/", scene.server.address());
            let page = scene.open(browser, Layout::Window, &address)?;
            let [light, dark] = Theme::ALL.map(|theme| {
                page.window().set_theme(theme)?;
                page.window().execute(COLOURS, json!([]))
            });
            let (light, dark) = (light?, dark?);
            ensure!(light[0] != dark[0] && light[1] != dark[1], "{light} {dark}");
            Ok(())
        })
    })
}

#[test]
fn the_console_stays_clean() -> Result<()> {
    scene(|scene| {
        in_each_browser(scene, |scene, browser| {
            let (a, b) = scene.pair(browser, browser.kind().name())?;
            a.click("increment")?;
            agree(&[&a, &b], 1)?;
            let lines = a.window().console()?;
            ensure!(lines.is_empty(), "{lines:#?}");
            // What is written there would have been read.
            a.window().execute("console.error('on purpose')", json!([]))?;
            wait("the line", BOUND, || {
                Ok(a.window().console()?.iter().any(|line| line.contains("on purpose")).then_some(()))
            })
            .map(drop)
        })
    })
}

/// Does the same in each browser.
fn in_each_browser(scene: &mut Scene, test: impl Fn(&mut Scene, &Browser) -> Result<()>) -> Result<()> {
    Kind::ALL.into_iter().try_for_each(|kind| {
        let browser = scene.launch(kind)?;
        test(scene, &browser).with_context(|| format!("in {}", kind.name()))
    })
}

/// Presses Tab, forwards or back, until a control has the focus. Everything on the way must show where
/// the focus is.
fn tab_to(page: &DemoPage, tab: &str, control: &str) -> Result<()> {
    for _ in 0..60 {
        page.window().press(tab)?;
        let focus = page.window().execute(FOCUS, json!([]))?;
        let id = focus[0].as_str().context("the page tells its focus")?;
        if !id.is_empty() {
            ensure!(focus[1] == Value::Bool(true), "the focus on {id} cannot be seen");
        }
        if id == control {
            return Ok(());
        }
    }
    bail!("Tab does not lead to {control}")
}
