//! The server gives this page's place to nobody else, and nobody else's to this page.

use anyhow::{Result, ensure};
use conjoin_e2e::{DemoPage, Layout, Window};
use serde_json::{Value, json};

use crate::scene::{BOUND, Scene, agree, lists, meet, scene};

/// Lets a page draw chosen numbers, the same in each page, so that its id can be foreseen; and keeps what
/// the server gives it to resume with.
const FORESEEN: &str = "
crypto.getRandomValues = array => {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(7);
    return array;
};
const Socket = WebSocket;
window.WebSocket = class extends Socket {
    constructor(url) {
        super(url);
        this.addEventListener('message', ({ data }) => {
            window.token = JSON.parse(data).resumeToken ?? window.token;
        });
    }
};
";

/// Joins with an id, and a token if there is one, by a socket alone. Gives the server's first answer.
const SQUAT: &str = "
const [server, roomId, peerId, resumeToken] = arguments;
window.socket = new WebSocket(server);
return await new Promise(resolve => {
    socket.onopen = () => socket.send(JSON.stringify({ type: 'join', roomId, peerId, resumeToken }));
    socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
});
";

fn squat(scene: &Scene, window: &Window, room: &str, page: &DemoPage, token: Value) -> Result<()> {
    window.load(&format!("{}/nothing-is-here", scene.server.address()))?;
    let id = page.view()?.peer_id;
    let answer = window.execute(SQUAT, json!([scene.server.signaling(), room, id, token]))?;
    ensure!(answer == "peers", "the id was to be had: {answer}");
    Ok(())
}

#[test]
fn an_id_that_is_taken_is_told_and_connecting_again_helps() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let window = browser.open(Layout::Window)?;
        window.before_load(FORESEEN)?;
        let page = scene.open_in(window, &format!("{}/", scene.server.address()))?;
        page.fill("room", "taken")?;
        page.click("increment")?;
        let squatter = browser.open(Layout::Window)?;
        squat(scene, &squatter, "taken", &page, Value::Null)?;

        page.click("connect")?;
        let (view, _) = page.wait("to be refused", BOUND, |view| view.state == "refused")?;
        let problem = view.problem.clone().unwrap_or_default();
        println!("the page says: {problem}");
        ensure!(problem.contains("refused") && problem.contains("taken"), "{problem}");
        ensure!(view.can_connect && !view.can_disconnect, "one can try again: {view:#?}");
        page.click("increment")?;
        agree(&[&page], 2)?;

        squatter.execute("socket.close()", json!([]))?;
        page.click("connect")?;
        page.wait("the room", BOUND, |view| view.state == "joined" && view.problem.is_none())?;
        let other = scene.join(&browser, "taken")?;
        meet(&[&page, &other], BOUND)?;
        agree(&[&other], 2)
    })
}

#[test]
fn a_page_whose_place_was_taken_says_so_and_keeps_its_links() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let window = browser.open(Layout::Window)?;
        window.before_load(FORESEEN)?;
        let address = scene.address("replaced");
        let a = scene.open_in(window, &address)?;
        let b = scene.join(&browser, "replaced")?;
        meet(&[&a, &b], BOUND)?;

        let token = a.window().execute("return window.token", json!([]))?;
        let squatter = browser.open(Layout::Window)?;
        squat(scene, &squatter, "replaced", &a, token)?;
        let (view, _) = a.wait("to be refused", BOUND, |view| view.state == "refused")?;
        println!("the page says: {}", view.problem.clone().unwrap_or_default());
        ensure!(lists(&view, [&b.view()?.peer_id]), "{view:#?}");
        a.click("increment")?;
        b.click("increment")?;
        agree(&[&a, &b], 2)?;

        squatter.execute("socket.close()", json!([]))?;
        a.click("connect")?;
        meet(&[&a, &b], BOUND)?;
        b.click("increment")?;
        agree(&[&a, &b], 3)
    })
}
