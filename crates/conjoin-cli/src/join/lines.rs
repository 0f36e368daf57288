//! A room without a view: lines out, commands in.

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use conjoin::{Room, Status};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::command::{self, Command, Request};
use super::inbox::{Inbox, News, Root, root};
use super::json::Style;
use super::perform::{Outcome, Standing, item, perform};
use super::report::{object, text};
use super::roster::Roster;
use super::safe::Charset;
use super::{FAILED, LOST, NOT_JOINED};

/// Of changes that nobody has read yet, so many bytes are kept; beyond that, values are told instead.
const MAX_WAITING: usize = 16 << 20;

/// Of a value that changed, so much is shown in a line for people.
const SHOWN: usize = 200;

/// The longest command, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// So often is looked whether what is waited for has come.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How lines are written, and when it ends.
pub(crate) struct Settings {
    pub(crate) json: bool,
    pub(crate) charset: Charset,
    /// Done in place of what is read from the standard input, and nothing else is told then.
    pub(crate) exec: Vec<String>,
    pub(crate) stay: bool,
    /// How many others to wait for; `None` not even for the room.
    pub(crate) wait: Option<usize>,
    pub(crate) timeout: Option<Duration>,
}

/// Takes part in a room until the input ends, or `stop`.
pub(crate) async fn run(room: &Room, settings: Settings, stop: impl Future<Output = ()>) -> ExitCode {
    let exec = !settings.exec.is_empty();
    let commands = if exec { given(settings.exec.clone()) } else { typed() };
    let inbox = Inbox::new(room, if settings.json { MAX_WAITING } else { 0 });
    let session = room.session();
    let mut lines = Lines {
        room,
        charset: settings.charset,
        json: settings.json,
        quiet: exec && !settings.stay && !settings.json,
        room_name: session.room,
        server: session.server,
        name: session.name,
        inbox,
        roster: Roster::default(),
        watched: Vec::new(),
        told: None,
        refused: false,
        reached: 0,
        failed: false,
        broken: false,
    };
    lines.begin();
    room.connect();
    let code = tokio::select! {
        code = lines.work(commands, &settings) => code,
        () = stop => Some(lines.stopped()),
    };
    room.leave().await;
    lines.end();
    code.unwrap_or(ExitCode::SUCCESS)
}

/// What is told, and what has been told.
struct Lines<'a> {
    room: &'a Room,
    charset: Charset,
    json: bool,
    /// Only results are told.
    quiet: bool,
    room_name: String,
    server: String,
    name: Option<String>,
    inbox: Inbox,
    roster: Roster,
    /// Only values of these names are told; if there are none, all are.
    watched: Vec<String>,
    /// The status line that was told last.
    told: Option<String>,
    /// The server does not let us in.
    refused: bool,
    /// So much of what was done here has reached somebody.
    reached: u64,
    failed: bool,
    /// Nobody reads what is written any more.
    broken: bool,
}

impl Lines<'_> {
    /// All of it, up to leaving. `None` if nobody listens any more.
    async fn work(&mut self, mut commands: mpsc::Receiver<Typed>, settings: &Settings) -> Option<ExitCode> {
        if let Some(others) = settings.wait {
            let ready = |lines: &Self| {
                lines.roster.connected() >= others
                    && lines.room.status().now() == Status::Joined
                    && lines.roster.caught_up(&lines.room.version().now(), Instant::now())
            };
            if let Err(code) =
                self.wait_until(ready, settings.timeout, "the room could not be joined").await?
            {
                return Some(code);
            }
        }
        loop {
            tokio::select! {
                news = self.inbox.next() => self.tell(news)?,
                // It is not told who has got what was done.
                () = sleep(LOOK_AGAIN), if self.roster.connected() > 0 && self.reached < self.done() => self.look(),
                command = commands.recv() => match command {
                    Some(typed) => {
                        if self.command(typed).await? {
                            break;
                        }
                    }
                    None if settings.stay => self.stay().await?,
                    None => break,
                },
            }
        }
        let delivered = |lines: &Self| {
            let done = lines.done();
            let joined = lines.room.status().now() == Status::Joined || lines.roster.connected() > 0;
            done == 0 || (joined && lines.roster.delivered(lines.room.replica(), done, Instant::now()))
        };
        let late = "what was done has not reached everybody";
        if let Err(code) = self.wait_until(delivered, settings.timeout, late).await? {
            return Some(code);
        }
        Some(self.code())
    }

    fn code(&mut self) -> ExitCode {
        if self.reached < self.done() {
            self.complain("nobody else was in the room: what was changed is lost");
            return ExitCode::from(LOST);
        }
        if self.failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
    }

    /// Told to stop before it came to its end.
    fn stopped(&mut self) -> ExitCode {
        self.look();
        if self.failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
    }

    /// How many operations were done here.
    fn done(&self) -> u64 {
        self.room.version().now().get(self.room.replica())
    }

    async fn stay(&mut self) -> Option<()> {
        loop {
            let news = self.inbox.next().await;
            self.tell(news)?;
        }
    }

    /// Tells what happens until `ready`, or gives up.
    async fn wait_until(
        &mut self,
        ready: impl Fn(&Self) -> bool,
        at_most: Option<Duration>,
        late: &str,
    ) -> Option<Result<(), ExitCode>> {
        let end = at_most.map(|time| Instant::now() + time);
        loop {
            self.look();
            if ready(self) {
                return Some(Ok(()));
            }
            if self.refused {
                return Some(Err(ExitCode::from(NOT_JOINED)));
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                self.complain(&format!("{late} within {:?}", at_most.unwrap_or_default()));
                return Some(Err(ExitCode::from(NOT_JOINED)));
            }
            // Not all that is waited for is told.
            if let Ok(news) = timeout(LOOK_AGAIN, self.inbox.next()).await {
                self.tell(news)?;
            }
        }
    }

    /// Looks who is there and what they have.
    fn look(&mut self) {
        let done = self.done();
        let news = self.roster.update(&self.room.peers().now(), Instant::now());
        if self.roster.reached(self.room.replica(), done) {
            self.reached = done;
        }
        for (peer, state) in &news {
            if self.json {
                self.write(&object::peer(object::event("peer"), peer, *state));
            } else if !self.quiet {
                self.aside(&text::peer(peer, *state, self.charset));
            }
        }
    }

    fn begin(&mut self) {
        if self.json {
            let begin = object::event("start").text("room", &self.room_name).text("server", &self.server);
            let begin = match &self.name {
                Some(name) => begin.text("name", name),
                None => begin,
            };
            self.write(&begin.text("id", &self.room.peer_id()).build());
        }
    }

    fn end(&mut self) {
        if self.json {
            self.write(&object::event("end").build());
        } else if !self.quiet {
            self.aside("left the room");
        }
    }

    fn tell(&mut self, news: News) -> Option<()> {
        if news.status {
            self.status();
        }
        if news.peers {
            self.look();
        }
        for problem in &news.problems {
            if self.json {
                self.write(&object::event("problem").text("problem", problem).build());
            } else {
                self.aside(&format!("problem: {}", self.charset.plain(problem)));
            }
        }
        if !self.quiet {
            for changed in &news.changes {
                if let Some(line) = object::change(changed, |name| self.wants(name)) {
                    self.write(&line);
                }
            }
            let patched = news.changes.iter().flat_map(conjoin::Changed::iter).map(root);
            if self.json {
                self.values(news.changed);
            } else {
                self.values(news.changed.into_iter().chain(patched).collect());
            }
        }
        (!self.broken).then_some(())
    }

    fn status(&mut self) {
        let standing = Standing::of(self.room);
        self.refused = matches!(standing.status, Status::Refused { .. });
        if self.json {
            self.write(&object::status(object::event("status"), &standing).build());
            return;
        }
        // Each try to reach a server that is away is no news.
        let line = match &standing.status {
            Status::Offline => return,
            Status::Connecting if self.told.is_some() => return,
            Status::Retrying { reason, .. } => format!("{}; trying again", self.charset.plain(reason)),
            _ => text::status(&standing, &self.room_name, &self.server, self.charset),
        };
        let good = matches!(standing.status, Status::Connecting | Status::Joined);
        if self.told.as_ref() != Some(&line) && !(good && self.quiet) {
            self.aside(&line);
        }
        self.told = Some(line);
    }

    /// Tells values that changed.
    fn values(&mut self, changed: std::collections::BTreeSet<Root>) {
        let limit = if self.json { usize::MAX } else { SHOWN };
        let style = Style { charset: self.charset, limit };
        for root in changed {
            if !self.wants(&root.name) {
                continue;
            }
            let Some(json) = self.room.read(|doc| item(doc, &root).map(|item| style.item(item))) else {
                continue;
            };
            self.value(&root, &json);
        }
    }

    fn value(&mut self, root: &Root, json: &str) {
        let line = if self.json {
            object::value(object::event("value"), root, json)
        } else {
            text::value(root, json, self.charset)
        };
        self.write(&line);
    }

    fn wants(&self, name: &str) -> bool {
        self.watched.is_empty() || self.watched.iter().any(|watched| watched == name)
    }

    /// Does a command, and tells its result after what it changed. Whether it was the last.
    async fn command(&mut self, typed: Typed) -> Option<bool> {
        let request = match typed {
            Typed::Line(line) => match command::read(&line) {
                Some(request) => request,
                None => return Some(false),
            },
            Typed::Wrong(error) => Request { id: None, command: Err(error) },
        };
        let Request { id, command } = request;
        let style = Style { charset: self.charset, limit: usize::MAX };
        let (done, local) = (self.done(), self.inbox.local());
        let outcome = command.and_then(|command: Command| perform(self.room, command, style));
        if self.done() > done {
            self.inbox.has_come(local + 1).await;
        }
        if let Ok(Outcome::Watch { names, .. }) = &outcome {
            self.watched.clone_from(names);
        }
        if let Some(news) = self.inbox.take() {
            self.tell(news)?;
        }
        self.failed |= outcome.is_err();
        if self.json {
            self.write(&object::result(id.as_ref(), &outcome));
        } else {
            match &outcome {
                Ok(outcome) => {
                    for line in text::outcome(outcome, &self.room_name, &self.server, self.charset) {
                        self.write(&line);
                    }
                }
                Err(error) => self.aside(&format!("error: {}", self.charset.plain(error))),
            }
        }
        (!self.broken).then_some(outcome == Ok(Outcome::Quit))
    }

    fn complain(&mut self, error: &str) {
        if self.json {
            self.write(&object::event("problem").text("problem", error).build());
        } else {
            self.aside(&format!("error: {error}"));
        }
    }

    /// Writes a line to the standard output.
    fn write(&mut self, line: &str) {
        let mut out = io::stdout().lock();
        let written =
            out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
        self.broken |= written.is_err();
    }

    /// Writes a line to the standard error.
    fn aside(&self, line: &str) {
        // Who closed it does not want to know.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// A line of the input.
enum Typed {
    Line(String),
    /// It cannot be read, for this reason.
    Wrong(String),
}

fn given(commands: Vec<String>) -> mpsc::Receiver<Typed> {
    let (sender, receiver) = mpsc::channel(commands.len().max(1));
    for command in commands {
        // There is room for all of them.
        let _ = sender.try_send(Typed::Line(command));
    }
    receiver
}

/// Lines of the standard input, read in a thread that nobody waits for.
fn typed() -> mpsc::Receiver<Typed> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let typed = match input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line.len() as u64 == MAX_LINE => Typed::Wrong("the line is too long".into()),
                Ok(_) => match String::from_utf8(line) {
                    Ok(line) => Typed::Line(line),
                    Err(_) => Typed::Wrong("the line is no UTF-8".into()),
                },
            };
            if sender.blocking_send(typed).is_err() {
                return;
            }
        }
    });
    receiver
}
