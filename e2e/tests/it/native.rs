//! Native programs and browsers in one room.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use conjoin::{PeerState, Room, Status};
use conjoin_e2e::{Kind, Layout};
use serde_json::json;

use crate::{
    network::{Cable, RECOVERY},
    program::{Program, agree, meet},
    scene::{BOUND, Scene, click, scene},
};

/// Ten bytes.
const LINE: &str = "all of it ";

/// Connects, and gives the milliseconds until the first peer is listed as connected.
const CONNECT: &str = "
const start = performance.now();
document.querySelector('[data-testid=connect]').click();
return new Promise(resolve => {
    const observer = new MutationObserver(() => {
        if (document.querySelector('[data-testid=peer][data-state=connected]')) {
            observer.disconnect();
            resolve(performance.now() - start);
        }
    });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
});
";

/// From now on the page answers each odd number that it shows with one more.
const ANSWER: &str = "
const counter = document.querySelector('[data-testid=counter]');
const increment = document.querySelector('[data-testid=increment]');
window.answers = new MutationObserver(() => {
    if (Number(counter.textContent) % 2) increment.click();
});
window.answers.observe(counter, { subtree: true, childList: true, characterData: true });
";

/// All that a page and a program do together. The program offers the first link and the page the second, as
/// newcomers do.
fn story(scene: &mut Scene, kind: Kind) -> Result<()> {
    let browser = scene.launch(kind)?;
    let page = scene.join(&browser, "native")?;
    page.wait("the room", BOUND, |view| view.state == "joined")?;
    let program = Program::join(scene, "native", "Ada")?;
    let (pages, programs) = ([&page], [&program]);
    meet(&pages, &programs, BOUND)?;
    page.wait("the name", BOUND, |view| view.peers[0].name == "Ada")?;
    program.add(1);
    agree(&pages, &programs, 1, BOUND)?;
    click(&page, "increment", 2)?;
    page.click("decrement")?;
    agree(&pages, &programs, 2, BOUND)?;
    page.wait("a round-trip time", BOUND, |view| view.peers.iter().all(|peer| peer.rtt_ms.is_some()))?;
    program.until("a round-trip time", BOUND, |room| room.peers().now().iter().all(|p| p.rtt.is_some()))?;

    page.click("disconnect")?;
    program.until("to be alone", BOUND, |room| room.peers().now().is_empty())?;
    click(&page, "increment", 3)?;
    program.add(10);
    agree(&pages, &[], 5, BOUND)?;
    agree(&[], &programs, 12, BOUND)?;
    page.click("connect")?;
    meet(&pages, &programs, BOUND)?;
    agree(&pages, &programs, 15, BOUND)?;
    let lines = page.window().console()?;
    let view = page.view()?;
    ensure!(lines.is_empty() && view.problem.is_none(), "{lines:#?} {view:#?}");

    // Without the server they go on, and both find it again.
    scene.server.kill()?;
    page.wait("the loss to be noticed", BOUND, |view| view.state == "retrying")?;
    program.until("the loss to be noticed", BOUND, |room| {
        matches!(room.status().now(), Status::Retrying { .. })
    })?;
    page.click("increment")?;
    program.add(1);
    agree(&pages, &programs, 17, BOUND)?;
    scene.server.restart()?;
    let recovery = Duration::from_secs(60);
    page.wait("the room again", recovery, |view| view.state == "joined")?;
    program.until("the room again", recovery, |room| room.status().now() == Status::Joined)?;
    meet(&pages, &programs, BOUND)?;

    // The program says goodbye; another comes, and the page closes its tab.
    program.leave();
    page.wait("the program to be gone", Duration::from_secs(5), |view| view.peers.is_empty())?;
    let late = Program::join(scene, "native", "Bob")?;
    meet(&pages, &[&late], BOUND)?;
    agree(&pages, &[&late], 17, BOUND)?;
    page.window().clone().close()?;
    late.until("the closed tab to be gone", Duration::from_secs(5), |room| room.peers().now().is_empty())
        .map(drop)
}

#[test]
fn a_program_and_chromium() -> Result<()> {
    scene(|scene| story(scene, Kind::Chromium))
}

#[test]
fn a_program_and_firefox() -> Result<()> {
    scene(|scene| story(scene, Kind::Firefox))
}

#[test]
fn a_killed_program_leaves_the_list() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let page = scene.join(&browser, "killed")?;
        let program = Program::join(scene, "killed", "Ada")?;
        meet(&[&page], &[&program], BOUND)?;
        program.add(1);
        agree(&[&page], &[], 1, BOUND)?;
        let start = Instant::now();
        program.kill();
        page.wait("the other to be gone", Duration::from_secs(30), |view| view.peers.is_empty())?;
        println!("a killed program was gone from the list after {} ms", start.elapsed().as_millis());
        ensure!(page.view()?.counter == 1, "what it did stays");
        Ok(())
    })
}

#[test]
fn a_page_cut_off_from_a_program_for_a_moment_or_for_long_finds_it_again() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (page, cable) = Cable::join(scene, &browser, "cut")?;
        let program = Program::join(scene, "cut", "Ada")?;
        let (pages, programs) = ([&page], [&program]);
        meet(&pages, &programs, BOUND)?;
        let mut number = 0;
        let noticed = |room: &Room| room.peers().now().iter().all(|peer| peer.state != PeerState::Connected);
        let given_up = |room: &Room| room.peers().now().is_empty();
        for until in [&noticed as &dyn Fn(&Room) -> bool, &given_up] {
            cable.cut()?;
            click(&page, "increment", 3)?;
            program.add(10);
            program.until("the silence to be noticed", RECOVERY, until)?;
            click(&page, "decrement", 1)?;
            agree(&pages, &[], number + 2, BOUND)?;
            number += 12;
            cable.mend()?;
            let start = Instant::now();
            meet(&pages, &programs, RECOVERY)?;
            agree(&pages, &programs, number, BOUND)?;
            println!("all was back {} ms after the network was", start.elapsed().as_millis());
        }
        Ok(())
    })
}

#[test]
fn edits_get_through_to_a_program_and_back_where_packets_are_lost() -> Result<()> {
    scene(|scene| {
        let browser = scene.browser()?;
        let (page, cable) = Cable::join(scene, &browser, "lossy")?;
        let program = Program::join(scene, "lossy", "Ada")?;
        let (pages, programs) = ([&page], [&program]);
        meet(&pages, &programs, BOUND)?;
        cable.window().lose_packets(10.0)?;
        for _ in 0..20 {
            page.click_at_once(&["increment"; 5])?;
            (0..5).for_each(|_| program.add(1));
        }
        agree(&pages, &programs, 200, BOUND)?;
        let view = page.view()?;
        ensure!(view.peers.len() == 1 && view.problem.is_none(), "{view:#?}");
        Ok(())
    })
}

#[test]
fn a_browser_that_slept_comes_back_to_a_program() -> Result<()> {
    scene(|scene| {
        for kind in Kind::ALL {
            let browser = scene.launch(kind)?;
            let page = scene.join(&browser, kind.name())?;
            let program = Program::join(scene, kind.name(), "Ada")?;
            let (pages, programs) = ([&page], [&program]);
            meet(&pages, &programs, BOUND)?;
            browser.freeze();
            program.add(1);
            program.until("the silence to be noticed", BOUND, |room| {
                room.peers().now().iter().all(|peer| peer.state != PeerState::Connected)
            })?;
            program.add(1);
            browser.thaw();
            let start = Instant::now();
            page.click("increment")?;
            meet(&pages, &programs, RECOVERY)?;
            agree(&pages, &programs, 3, BOUND)?;
            println!("{} was back {} ms after it woke", kind.name(), start.elapsed().as_millis());
        }
        Ok(())
    })
}

#[test]
fn what_is_large_goes_from_a_program_to_pages_and_on() -> Result<()> {
    scene(|scene| {
        let program = Program::join(scene, "large", "Ada")?;
        // Many edits, each larger than a frame, and some that make up a long history.
        let pages = Kind::ALL.map(|kind| {
            let browser = scene.launch(kind)?;
            scene.join(&browser, "large")
        });
        let [chromium, firefox] = pages;
        let (chromium, firefox) = (chromium?, firefox?);
        let pages = [&chromium, &firefox];
        meet(&pages, &[&program], BOUND)?;
        let start = Instant::now();
        for page in 0..4 {
            program.room.map("book").set(&page.to_string(), LINE.repeat(100_000));
        }
        program.room.text("notes").push(&LINE.repeat(1_000));
        program.add(1);
        let operations = program.room.version().now().total();
        for page in pages {
            page.wait("all of it", RECOVERY, |view| view.operations == operations)?;
        }
        println!("4 MB went to two pages within {} ms", start.elapsed().as_millis());

        // What the pages hold is what was sent: another program gets it from them.
        let json = program.room.read(|doc| doc.to_json());
        program.leave();
        meet(&pages, &[], BOUND)?;
        let late = Program::join(scene, "large", "Bob")?;
        let start = Instant::now();
        late.until("all of it", RECOVERY, |room| room.version().now().total() == operations)?;
        println!("and from them to another program within {} ms", start.elapsed().as_millis());
        ensure!(late.room.read(|doc| doc.to_json()) == json, "it is the same document");
        Ok(())
    })
}

#[test]
fn how_soon_a_program_and_a_page_know_of_each_other() -> Result<()> {
    const EDITS: usize = 50;
    scene(|scene| {
        for kind in Kind::ALL {
            let browser = scene.launch(kind)?;
            let address = format!("{}/?room={}&connect=no", scene.server.address(), kind.name());
            let page = scene.open(&browser, Layout::Window, &address)?;
            let program = Program::join(scene, kind.name(), "Ada")?;
            program.until("the room", BOUND, |room| room.status().now() == Status::Joined)?;
            let open = page.window().execute(CONNECT, json!([]))?.as_f64().context("a time")?;
            meet(&[&page], &[&program], BOUND)?;
            page.window().execute(ANSWER, json!([]))?;
            let mut times = (0..EDITS).map(|_| answered(&program)).collect::<Result<Vec<_>>>()?;
            times.sort_unstable();
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            println!(
                "{} and a program: connected in {open:.0} ms; an edit was shown and answered within {:.1} ms \
                 (median of {EDITS}; {:.1} at the most)",
                kind.name(),
                ms(times[EDITS / 2]),
                ms(times[EDITS - 1]),
            );
        }
        Ok(())
    })
}

/// How long it takes from an edit of the program until the answer of the page is here.
fn answered(program: &Program) -> Result<Duration> {
    let counter = program.room.counter("clicks");
    let (tell, told) = mpsc::channel();
    let asked = counter.get() + 1;
    let _following = counter.watch().subscribe(move |number| {
        // Nobody listens any more once the answer is here.
        let _ = tell.send((*number, Instant::now()));
    });
    let start = Instant::now();
    counter.increment();
    loop {
        let (number, at) = told.recv_timeout(BOUND).context("no answer")?;
        if number > asked {
            return Ok(at - start);
        }
    }
}
