//! The page by itself.

use anyhow::{Context, Result, bail, ensure};
use conjoin_e2e::{DemoPage, Layout, keys};
use serde_json::{Value, json};

use crate::scene::{BOUND, agree, scene};

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
        let browser = scene.browser()?;
        let address = format!("{}/", scene.server.address());
        let page = scene.open(&browser, Layout::Window, &address)?;
        tab_to(&page, "connect")?;
        page.window().press(keys::ENTER)?;
        page.wait("the room", BOUND, |view| view.state == "joined")?;
        tab_to(&page, "increment")?;
        page.window().press(&keys::SPACE.repeat(3))?;
        agree(&[&page], 3)?;
        tab_to(&page, "decrement")?;
        page.window().press(keys::ENTER)?;
        agree(&[&page], 2)?;
        tab_to(&page, "disconnect")?;
        page.window().press(keys::SPACE)?;
        page.wait("to be offline", BOUND, |view| view.state == "offline")?;
        Ok(())
    })
}

#[test]
fn nothing_is_cut_off_on_a_narrow_screen() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let page = scene.join(&browser, "narrow")?;
        page.wait("the room", BOUND, |view| view.state == "joined")?;
        let metrics = json!({"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": false});
        page.window().devtools("Emulation.setDeviceMetricsOverride", metrics)?;
        let widths = page.window().execute(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]",
            json!([]),
        )?;
        ensure!(widths[0] == widths[1], "the page scrolls sideways: {widths}");
        page.click("increment")?;
        agree(&[&page], 1)
    })
}

#[test]
fn the_console_stays_clean() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (a, b) = scene.pair(&browser, "console")?;
        a.click("increment")?;
        agree(&[&a, &b], 1)?;
        let lines = a.window().console()?;
        ensure!(lines.is_empty(), "{lines:#?}");
        Ok(())
    })
}

/// Presses Tab until a control has the focus. Everything on the way must show where the focus is.
fn tab_to(page: &DemoPage, control: &str) -> Result<()> {
    for _ in 0..60 {
        page.window().press(keys::TAB)?;
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
