//! From steps to what happens.

use std::time::Duration;

use super::{Draw, Outcome, Scenario, Server, Setting, Step, Who};
use crate::network::Conditions;
use crate::random::Random;
use crate::world::World;

impl Scenario {
    /// Plays the scenario with what the seed draws, or with so many peers.
    ///
    /// # Errors
    /// What was wrong after a quiet time.
    ///
    /// # Panics
    /// If a peer breaks its contract with its driver, or gets into a storm.
    pub fn play(&self, seed: u64, peers: Option<usize>, log: bool) -> Result<Outcome, String> {
        let mut random = Random::new(!seed);
        let drawn = random.within(&self.peers) as usize;
        let mut world = World::new(seed, Conditions::good());
        world.set_log(log);
        let mut player = Player { random, world, peers: peers.unwrap_or(drawn), quiet: Duration::ZERO };
        player.play(&self.steps)?;
        let Player { world, quiet, .. } = player;
        Ok(Outcome { trace: world.trace(), events: world.events(), time: world.now(), quiet })
    }
}

struct Player {
    random: Random,
    world: World,
    peers: usize,
    quiet: Duration,
}

impl Player {
    fn time(&mut self, draw: &Draw) -> Duration {
        Duration::from_nanos(self.random.within(draw))
    }

    fn play(&mut self, steps: &[Step]) -> Result<(), String> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Network(settings) => self.network(settings),
            Step::Apart(pairs) => {
                for _ in 0..self.random.within(pairs) {
                    let all: Vec<_> = (0..self.peers).collect();
                    if let [a, b] = self.random.sample(&all, 2)[..] {
                        self.world.keep_apart(a, b);
                    }
                }
            }
            Step::Join(within) => {
                let within = self.time(within);
                for _ in 0..self.peers {
                    self.world.add_peer();
                    let pause = self.random.upto(within / self.peers as u32);
                    self.world.run(pause);
                }
            }
            Step::Newcomer(count) => {
                for _ in 0..self.random.within(count) {
                    self.world.add_peer();
                }
            }
            Step::Leave(who) => self.each(who, World::disconnect),
            Step::Return => self.world.absent().into_iter().for_each(|at| self.world.connect(at)),
            Step::Crash(who) => self.each(who, |world, at| world.crash(at, false)),
            Step::Vanish(who) => self.each(who, |world, at| world.crash(at, true)),
            Step::Sleep(who) => self.each(who, World::sleep),
            Step::Pause(who) => self.each(who, World::pause),
            Step::Wake => (0..self.world.len()).for_each(|at| self.world.wake(at)),
            Step::Background(who) => self.each(who, |world, at| world.set_background(at, true)),
            Step::Foreground => {
                (0..self.world.len()).for_each(|at| self.world.set_background(at, false));
            }
            Step::Offline(who) => self.each(who, World::offline),
            Step::Online => (0..self.world.len()).for_each(|at| self.world.online(at)),
            Step::Split { one_way } => self.split(*one_way),
            Step::Heal => self.world.heal(),
            Step::Server(Server::Stop) => self.world.stop_server(),
            Step::Server(Server::Start) => self.world.start_server(),
            Step::Server(Server::Drop) => self.world.break_sockets(),
            Step::Edit { edits, within } => {
                let (edits, within) = (self.random.within(edits), self.time(within));
                for _ in 0..edits {
                    self.edit();
                    let pause = self.random.upto(within * 2 / edits as u32);
                    self.world.run(pause);
                }
            }
            Step::Write(bytes) => {
                let bytes = self.random.within(bytes) as usize;
                if let Some(at) = self.random.pick(&self.world.awake()) {
                    self.world.write(at, bytes);
                }
            }
            Step::Wait(time) => {
                let time = self.time(time);
                self.world.run(time);
            }
            Step::Chaos(time) => self.chaos(time),
            Step::Repeat(times, steps) => {
                for _ in 0..self.random.within(times) {
                    self.play(steps)?;
                }
            }
            Step::Settle => self.quiet = self.quiet.max(self.world.settle()?),
        }
        Ok(())
    }

    fn network(&mut self, settings: &[Setting]) {
        let mut conditions = Conditions::good();
        for setting in settings {
            match setting {
                Setting::Loss(draw) => conditions.loss = self.random.within(draw) as f64 / 1e6,
                Setting::Delay(draw) => conditions.delay = self.time(draw),
                Setting::Jitter(draw) => conditions.jitter = self.time(draw),
                Setting::Duplicate(draw) => conditions.duplication = self.random.within(draw) as f64 / 1e6,
                Setting::Bandwidth(draw) => {
                    conditions.bandwidth = draw.as_ref().map(|draw| self.random.within(draw));
                }
            }
        }
        self.world.set_conditions(conditions);
    }

    /// Does something to some of those whose programs run.
    fn each(&mut self, who: &Who, act: impl Fn(&mut World, usize)) {
        let here = self.world.awake();
        let count = match who {
            Who::Some => {
                1 + self.random.below((here.len() as u64 - u64::from(!here.is_empty())).max(1)) as usize
            }
            Who::Most => here.len().saturating_sub(1),
            Who::All => here.len(),
            Who::Count(draw) => self.random.within(draw) as usize,
        };
        for at in self.random.sample(&here, count) {
            act(&mut self.world, at);
        }
    }

    fn split(&mut self, one_way: bool) {
        let all: Vec<_> = (0..self.world.len()).collect();
        let count = 1 + self.random.below((all.len() as u64).saturating_sub(1).max(1)) as usize;
        let left = self.random.sample(&all, count);
        let right: Vec<_> = all.into_iter().filter(|at| !left.contains(at)).collect();
        if one_way {
            self.world.cut(&left, &right);
        } else {
            self.world.partition(&left, &right);
        }
    }

    fn edit(&mut self) {
        if let Some(at) = self.random.pick(&self.world.awake()) {
            self.world.edit(at);
        }
    }

    fn chaos(&mut self, time: &Draw) {
        let end = self.world.now() + self.time(time);
        let mut server = true;
        while self.world.now() < end {
            let one = Who::Count(1..=1);
            match self.random.below(60) {
                0 => self.split(false),
                1 => self.split(true),
                2 | 3 => self.world.heal(),
                4 => self.each(&one, World::sleep),
                5 => self.each(&one, World::pause),
                6..=8 => (0..self.world.len()).for_each(|at| self.world.wake(at)),
                9 => self.each(&one, World::offline),
                10 | 11 => (0..self.world.len()).for_each(|at| self.world.online(at)),
                12 => self.each(&one, World::disconnect),
                13 | 14 => self.world.absent().into_iter().for_each(|at| self.world.connect(at)),
                15 if self.world.present().len() > 1 => {
                    let silent = self.random.chance(0.5);
                    self.each(&one, |world, at| world.crash(at, silent));
                }
                16 if self.world.present().len() < self.peers => drop(self.world.add_peer()),
                17 if std::mem::take(&mut server) => self.world.stop_server(),
                18..=20 if !server => {
                    server = true;
                    self.world.start_server();
                }
                21 => self.world.break_sockets(),
                22 => self.network(&[Setting::Loss(0..=300_000), Setting::Jitter(0..=40_000_000)]),
                23 => self.network(&[
                    Setting::Bandwidth(Some(5_000..=100_000)),
                    Setting::Delay(1_000_000..=200_000_000),
                ]),
                24 => self.network(&[]),
                25 => {
                    let bytes = self.random.below(300_000) as usize;
                    if let Some(at) = self.random.pick(&self.world.awake()) {
                        self.world.write(at, bytes);
                    }
                }
                _ => self.edit(),
            }
            let pause = self.random.upto(Duration::from_millis(1500));
            self.world.run(pause);
        }
        // What chaos did, it undoes: what was asked for before it remains.
        self.world.heal();
        (0..self.world.len()).for_each(|at| self.world.wake(at));
        (0..self.world.len()).for_each(|at| self.world.online(at));
        self.world.absent().into_iter().for_each(|at| self.world.connect(at));
        if !server {
            self.world.start_server();
        }
        self.network(&[]);
    }
}
