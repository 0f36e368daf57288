//! The names that browsers give in place of addresses.

use anyhow::{Context, Result, ensure};
use conjoin_e2e::{Kind, Layout};
use conjoin_native::probe;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::scene::scene;

/// Gathers candidates, and gives the names among them. The browser answers for them as long as the page is there.
const GATHER: &str = "
window.link = new RTCPeerConnection();
link.createDataChannel('names');
return new Promise((resolve, reject) => {
    const names = [];
    link.onicecandidate = ({ candidate }) => {
        const name = candidate?.candidate.split(' ')[4];
        if (name?.endsWith('.local')) names.push(name);
        if (!candidate) resolve(names);
    };
    link.createOffer().then(offer => link.setLocalDescription(offer)).catch(reject);
});
";

#[test]
fn the_name_that_a_browser_gives_is_found() -> Result<()> {
    let runtime = Runtime::new()?;
    scene(|scene| {
        for kind in Kind::ALL {
            let browser = scene.launch(kind)?;
            let address = format!("{}/?connect=no", scene.server.address());
            let page = scene.open(&browser, Layout::Window, &address)?;
            let names = page.window().execute(GATHER, json!([]))?;
            let names = names.as_array().context("names")?;
            ensure!(!names.is_empty(), "{} gives its addresses to everybody", kind.name());
            for name in names {
                let name = name.as_str().context("a name")?;
                let found = runtime.block_on(probe::find_local(name));
                let found = found.with_context(|| format!("nobody answers for {name} of {}", kind.name()))?;
                ensure!(probe::addresses().contains(&found), "{name} is {found}, which is another machine");
            }
        }
        Ok(())
    })
}
