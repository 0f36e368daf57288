//! The names that browsers give in place of addresses.

use anyhow::{Context, Result, ensure};
use conjoin_e2e::{Kind, Layout};
use conjoin_native::probe;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::scene::scene;

/// Links the page with itself, and gives the names among the candidates. The browser answers for them as long as
/// the link is there; Firefox, from when it looks for a path.
const LINK: &str = "
const [one, other] = window.links = [new RTCPeerConnection(), new RTCPeerConnection()];
one.createDataChannel('names');
const names = [];
one.onicecandidate = ({ candidate }) => {
    const name = candidate?.candidate.split(' ')[4];
    if (name?.endsWith('.local')) names.push(name);
    if (candidate?.candidate) other.addIceCandidate(candidate);
};
other.onicecandidate = ({ candidate }) => candidate?.candidate && one.addIceCandidate(candidate);
const connected = new Promise(resolve => {
    one.onconnectionstatechange = () => one.connectionState === 'connected' && resolve(names);
});
return one.createOffer()
    .then(offer => one.setLocalDescription(offer))
    .then(() => other.setRemoteDescription(one.localDescription))
    .then(() => other.createAnswer())
    .then(answer => other.setLocalDescription(answer))
    .then(() => one.setRemoteDescription(other.localDescription))
    .then(() => connected);
";

#[test]
fn the_name_that_a_browser_gives_is_found() -> Result<()> {
    let runtime = Runtime::new()?;
    scene(|scene| {
        for kind in Kind::ALL {
            let browser = scene.launch(kind)?;
            let address = format!("{}/?connect=no", scene.server.address());
            let page = scene.open(&browser, Layout::Window, &address)?;
            let names = page.window().execute(LINK, json!([]))?;
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
