//! A room of browsers and native programs, in which some always come and go.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conjoin_e2e::DemoPage;

use crate::{
    program::{Program, agree, meet},
    scene::{BOUND, Scene, scene},
};

/// For what waits until deadlines of several links have passed.
const RECOVERY: Duration = Duration::from_secs(60);

/// What a page does at a time: four edits, which add 2.
const CLICKS: [&str; 4] = ["increment", "increment", "decrement", "increment"];

const ROUNDS: usize = 5;

/// Each round has four batches: of 4 clicks in the first page, 4 in the second, 2 in the third, and 3 edits of
/// each program.
const EDITS_OF_A_ROUND: usize = 4 * (4 + 4 + 2 + 5 * 3);

/// A page, and how many edits were made in it since it was loaded.
struct Tab {
    page: DemoPage,
    edits: u64,
}

impl Tab {
    fn new(page: DemoPage) -> Self {
        Self { page, edits: 0 }
    }

    fn edit(&mut self, controls: &[&str]) -> Result<()> {
        self.edits += controls.len() as u64;
        self.page.click_at_once(controls)
    }

    /// Waits until a program has all that was edited here.
    fn deliver(&self, to: &Program) -> Result<()> {
        let replica = self.page.view()?.replica;
        let count = |room: &conjoin::Room| {
            room.version()
                .now()
                .iter()
                .find(|(id, _)| id.to_string() == replica)
                .map_or(0, |(_, count)| count)
        };
        to.until("the edits of the page", BOUND, |room| count(room) == self.edits).map(drop)
    }

    /// Its edits live on in the others.
    fn reload(&mut self, holder: &Program) -> Result<()> {
        self.deliver(holder)?;
        self.edits = 0;
        self.page.reload()
    }
}

/// The room, and what was done in it.
struct Company {
    tabs: [Tab; 3],
    programs: [Program; 5],
    sum: i64,
    edits: usize,
}

impl Company {
    fn pages(&self) -> [&DemoPage; 3] {
        self.tabs.each_ref().map(|tab| &tab.page)
    }

    /// Edits of all sorts, by everybody in turns; `amid` comes in the middle.
    fn round(&mut self, amid: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let mut amid = Some(amid);
        for batch in 0..4 {
            if let Some(amid) = amid.take_if(|_| batch == 2) {
                amid(self)?;
            }
            for _ in 0..3 {
                for program in &self.programs {
                    self.sum += edit(program, &mut self.edits);
                }
            }
            let [a, b, c] = &mut self.tabs;
            a.edit(&CLICKS)?;
            b.edit(&CLICKS)?;
            // 2 of the 4: an increment and the decrement.
            c.edit(&CLICKS[1..3])?;
            self.sum += 2 + 2;
            self.edits += 4 + 4 + 2;
        }
        Ok(())
    }
}

/// One edit, of another sort for each number; gives what it adds to the counter.
fn edit(program: &Program, number: &mut usize) -> i64 {
    let n = *number;
    *number += 1;
    program.room.transact(|tx| match n % 7 {
        0 | 1 => tx.counter("clicks").increment(),
        2 => tx.counter("clicks").decrement(),
        3 => tx.list("plan").push(n as i64),
        4 => tx.map("cells").set(&format!("{}", n % 30), n as i64),
        5 => tx.set("tags").insert(n as i64),
        _ => {
            let mut text = tx.text("notes");
            let middle = text.len() / 2;
            text.insert(middle, "ab").expect("the middle is within");
        }
    });
    [1, 1, -1, 0, 0, 0, 0][n % 7]
}

fn leave(page: &DemoPage) -> Result<()> {
    page.click("disconnect")?;
    page.wait("to be offline", BOUND, |view| view.can_connect).map(drop)
}

fn program(scene: &Scene, name: &str) -> Result<Program> {
    Program::join(scene, "mixed", name)
}

#[test]
fn three_tabs_and_five_programs_agree_after_500_edits_while_some_come_and_go() -> Result<()> {
    scene(|scene| {
        let (steady, doomed) = (scene.browser()?, scene.browser()?);
        let tabs = [
            Tab::new(scene.join(&steady, "mixed")?),
            Tab::new(scene.join(&steady, "mixed")?),
            Tab::new(scene.join(&doomed, "mixed")?),
        ];
        let programs = [
            program(scene, "0")?,
            program(scene, "1")?,
            program(scene, "2")?,
            program(scene, "3")?,
            program(scene, "4")?,
        ];
        let mut room = Company { tabs, programs, sum: 0, edits: 0 };
        meet(&room.pages(), &room.programs.each_ref(), RECOVERY)?;

        room.round(|room| room.tabs[1].reload(&room.programs[0]))?;
        room.round(|room| {
            room.programs[4].room.disconnect();
            leave(&room.tabs[0].page)
        })?;
        room.tabs[0].page.click("connect")?;
        room.programs[4].room.connect();
        room.round(|room| {
            // A browser and a program die; others take their places.
            room.tabs[2].deliver(&room.programs[0])?;
            doomed.kill();
            let fresh = scene.browser()?;
            room.tabs[2] = Tab::new(scene.join(&fresh, "mixed")?);
            let old = room.programs[3].room.replica();
            let edits = room.programs[3].room.version().now().get(old);
            room.programs[0]
                .until("the edits of the program", BOUND, |room| room.version().now().get(old) == edits)?;
            let killed = std::mem::replace(&mut room.programs[3], program(scene, "again")?);
            killed.kill();
            Ok(())
        })?;
        room.round(|room| {
            room.programs[2].room.disconnect();
            room.programs[2].room.connect();
            leave(&room.tabs[0].page)?;
            room.tabs[0].page.click("connect")
        })?;
        room.round(|room| {
            room.tabs[2].reload(&room.programs[1])?;
            room.programs[1].room.disconnect();
            Ok(())
        })?;
        room.programs[1].room.connect();

        ensure!(room.edits == ROUNDS * EDITS_OF_A_ROUND, "{} edits were made", room.edits);
        let (pages, programs) = (room.pages(), room.programs.each_ref());
        meet(&pages, &programs, RECOVERY)?;
        agree(&pages, &programs, room.sum, RECOVERY)?;
        let [first, others @ ..] = programs;
        for other in others {
            other.until("the same document", RECOVERY, |room| {
                first.room.read(|doc| doc.to_json()) == room.read(|doc| doc.to_json())
            })?;
        }
        let operations = first.room.version().now().total();
        for page in pages {
            let (view, _) = page.wait("all operations", RECOVERY, |view| view.operations == operations)?;
            ensure!(view.counter == room.sum, "{view:#?}");
        }
        let text = first.room.text("notes").len();
        println!("all agree on {operations} operations, {} on the counter and {text} characters", room.sum);
        ensure!(text > 0 && !first.room.list("plan").is_empty(), "the programs edited more than the counter");
        first.room.map("cells").get("4").context("and a map").map(drop)
    })
}
