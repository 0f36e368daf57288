//! From text to steps.

use std::path::Path;

use super::{Draw, Scenario, Server, Setting, Step, Unreadable, Who};

/// More peers than this in one scenario are a slip of the pen.
const MOST_PEERS: u64 = 200;

const STEPS: &str = "network, apart, join, newcomer, leave, return, crash, vanish, sleep, pause, wake, \
    background, foreground, offline, online, split, heal, server, edit, write, wait, chaos, repeat, end, settle";

impl Scenario {
    /// A scenario from the text of a file.
    ///
    /// # Errors
    /// If a line makes no sense.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Unreadable> {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let wrong = |line: usize, why: String| Unreadable { file: file.into(), line, why };
        let about: Vec<_> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
        let mut peers = None;
        // The steps of the scenario, and of each `repeat` that is open.
        let mut open: Vec<(Draw, Vec<Step>)> = vec![(1..=1, Vec::new())];
        for (line, text) in (1..).zip(text.lines()) {
            let mut words = Words(text.split('#').next().unwrap_or_default().split_whitespace().collect(), 0);
            let Some(word) = words.next() else { continue };
            let result = match word {
                "peers" => draw(words.next(), count).map(|draw| peers = Some(draw)),
                "repeat" => draw(words.next(), count).map(|times| open.push((times, Vec::new()))),
                "end" => match open.pop() {
                    Some((times, steps)) if !open.is_empty() => {
                        push(&mut open, Step::Repeat(times, steps));
                        Ok(())
                    }
                    _ => return Err(wrong(line, "`end` without `repeat`".into())),
                },
                word => step(word, &mut words).map(|step| push(&mut open, step)),
            };
            result.map_err(|why| wrong(line, why))?;
            if let Some(word) = words.next() {
                return Err(wrong(line, format!("`{word}` is too much")));
            }
        }
        let peers = peers.ok_or_else(|| wrong(0, "no step says how many `peers` there are".into()))?;
        if *peers.start() == 0 || *peers.end() > MOST_PEERS {
            return Err(wrong(0, format!("from 1 to {MOST_PEERS} peers are possible")));
        }
        match open.pop() {
            Some((_, steps)) if open.is_empty() => {
                Ok(Self { name, about: about.join(" "), file: file.into(), peers, steps })
            }
            _ => Err(wrong(0, "a `repeat` has no `end`".into())),
        }
    }
}

struct Words<'t>(Vec<&'t str>, usize);

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let word = self.0.get(self.1).copied();
        self.1 += 1;
        word
    }
}

fn push(open: &mut [(Draw, Vec<Step>)], step: Step) {
    if let Some((_, steps)) = open.last_mut() {
        steps.push(step);
    }
}

fn step(word: &str, words: &mut Words<'_>) -> Result<Step, String> {
    Ok(match word {
        "network" => Step::Network(settings(words)?),
        "apart" => Step::Apart(draw(words.next(), count)?),
        "join" => Step::Join(within(words)?),
        "newcomer" => Step::Newcomer(words.next().map_or(Ok(1..=1), |word| draw(Some(word), count))?),
        "leave" => Step::Leave(who(words)?),
        "return" => Step::Return,
        "crash" => Step::Crash(who(words)?),
        "vanish" => Step::Vanish(who(words)?),
        "sleep" => Step::Sleep(who(words)?),
        "pause" => Step::Pause(who(words)?),
        "wake" => Step::Wake,
        "background" => Step::Background(who(words)?),
        "foreground" => Step::Foreground,
        "offline" => Step::Offline(who(words)?),
        "online" => Step::Online,
        "split" => match words.next() {
            None => Step::Split { one_way: false },
            Some("one-way") => Step::Split { one_way: true },
            Some(word) => return Err(format!("`split` goes both ways or `one-way`, not `{word}`")),
        },
        "heal" => Step::Heal,
        "server" => Step::Server(match words.next() {
            Some("stop") => Server::Stop,
            Some("start") => Server::Start,
            Some("drop") => Server::Drop,
            _ => return Err("the server can `stop`, `start` or `drop` its sockets".into()),
        }),
        "edit" => Step::Edit { edits: draw(words.next(), count)?, within: within(words)? },
        "write" => Step::Write(draw(words.next(), size)?),
        "wait" => Step::Wait(draw(words.next(), time)?),
        "chaos" => Step::Chaos(draw(words.next(), time)?),
        "settle" => Step::Settle,
        _ => return Err(format!("`{word}` is no step; the steps are: peers, {STEPS}")),
    })
}

fn settings(words: &mut Words<'_>) -> Result<Vec<Setting>, String> {
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let value = words.next();
        settings.push(match word {
            "loss" => Setting::Loss(draw(value, share)?),
            "delay" => Setting::Delay(draw(value, time)?),
            "jitter" => Setting::Jitter(draw(value, time)?),
            "duplicate" => Setting::Duplicate(draw(value, share)?),
            "bandwidth" if value == Some("none") => Setting::Bandwidth(None),
            "bandwidth" => Setting::Bandwidth(Some(draw(value, size)?)),
            _ => {
                return Err(format!(
                    "a network has loss, delay, jitter, duplicate and bandwidth, no `{word}`"
                ));
            }
        });
    }
    Ok(settings)
}

fn who(words: &mut Words<'_>) -> Result<Who, String> {
    Ok(match words.next() {
        Some("one") => Who::Count(1..=1),
        Some("some") => Who::Some,
        Some("most") => Who::Most,
        Some("all") => Who::All,
        Some(word) => Who::Count(draw(Some(word), count)?),
        None => return Err("it must say who: one, some, most, all, or a number".into()),
    })
}

fn within(words: &mut Words<'_>) -> Result<Draw, String> {
    match words.next() {
        Some("within") => draw(words.next(), time),
        _ => Err("it must say `within` which time".into()),
    }
}

/// One value, or two with `..` between them.
fn draw(word: Option<&str>, value: fn(&str) -> Option<u64>) -> Result<Draw, String> {
    let word = word.ok_or("a value is missing")?;
    let (low, high) = word.split_once("..").unwrap_or((word, word));
    let (Some(low), Some(high)) = (value(low), value(high)) else {
        return Err(format!("`{word}` is not understood here"));
    };
    if low > high { Err(format!("`{word}` ends before it begins")) } else { Ok(low..=high) }
}

fn count(word: &str) -> Option<u64> {
    if word == "one" { Some(1) } else { word.parse().ok() }
}

fn scaled(word: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, scale) = units.iter().find(|(unit, _)| word.ends_with(unit))?;
    word.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*scale)
}

fn time(word: &str) -> Option<u64> {
    scaled(word, &[("ms", 1_000_000), ("s", 1_000_000_000)])
}

fn size(word: &str) -> Option<u64> {
    scaled(word, &[("KB", 1_000), ("MB", 1_000_000), ("B", 1)])
}

fn share(word: &str) -> Option<u64> {
    scaled(word, &[("%", 10_000)]).filter(|&share| share <= 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Scenario, String> {
        Scenario::parse(Path::new("a/try.scenario"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_understood() {
        let text = "# Try.\n# It out.\n\npeers 2..5\nnetwork loss 0%..20% delay 5ms # so\nrepeat 2..3\n\
            edit 5 within 1s..2s\nend\nsettle\n";
        let scenario = parse(text).expect("it is right");
        assert_eq!((scenario.name.as_str(), scenario.about.as_str()), ("try", "Try. It out."));
        assert_eq!(scenario.peers, 2..=5);
        let edit = Step::Edit { edits: 5..=5, within: 1_000_000_000..=2_000_000_000 };
        let settings = vec![Setting::Loss(0..=200_000), Setting::Delay(5_000_000..=5_000_000)];
        assert_eq!(scenario.steps, [Step::Network(settings), Step::Repeat(2..=3, vec![edit]), Step::Settle]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, why) in [
            ("peers 2\njmp", "try.scenario:2: `jmp` is no step"),
            ("peers 2\nwait 5", "`5` is not understood here"),
            ("peers 2\nwait 5s..1s", "ends before it begins"),
            ("peers 2\nwait 5s 1s", "`1s` is too much"),
            ("peers 2\nnetwork los 5%", "no `los`"),
            ("peers 2\nnetwork loss 500%", "not understood"),
            ("peers 2\nleave", "must say who"),
            ("peers 2\nend", "`end` without `repeat`"),
            ("peers 2\nrepeat 2", "no `end`"),
            ("peers 0", "from 1 to 200"),
            ("wait 1s", "how many `peers`"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
