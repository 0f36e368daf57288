//! The view of a room in a terminal.

mod draw;
mod editor;
mod model;

use std::io::stdout;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use conjoin::{Room, Status};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers,
};
use crossterm::execute;
use futures_util::StreamExt;
use ratatui::DefaultTerminal;
use tokio::time::sleep_until;

use super::NOT_JOINED;
use super::command::{self, QUIT, USAGES};
use super::inbox::{Inbox, News, root};
use super::json::Style;
use super::perform::{Outcome, Standing, item, perform, values};
use super::report::text;
use super::roster::Roster;
use super::safe::Charset;
use draw::draw;
use model::{Model, SHOWN, Tone};

/// The screen is drawn at most so often.
const FRAME: Duration = Duration::from_millis(33);

/// So many rows are scrolled at once.
const PAGE: isize = 5;

/// Of a value that was asked for, so many bytes are shown.
const ASKED: usize = 2_000;

/// Shows a room until the user leaves, or `stop`. Gives up if it cannot be joined in `timeout`.
///
/// # Errors
/// If the terminal cannot be used for it.
pub(crate) async fn run(
    room: &Room,
    charset: Charset,
    colors: bool,
    timeout: Option<Duration>,
    stop: impl Future<Output = ()>,
) -> Result<ExitCode, String> {
    let wrong = |error: std::io::Error| format!("this terminal cannot show the view ({error}); try --plain");
    // Restores the terminal in a panic too.
    let mut terminal = ratatui::try_init().map_err(wrong)?;
    // Terminals that do not know it ignore it.
    let _ = execute!(stdout(), EnableBracketedPaste);
    let session = room.session();
    let name = session.name.unwrap_or_else(|| room.peer_id().chars().take(8).collect());
    let mut view = View {
        room,
        inbox: Inbox::new(room, 0),
        roster: Roster::default(),
        model: Model::new(charset, colors, &session.room, &session.server, &name),
        told: String::new(),
    };
    room.connect();
    let shown = tokio::select! {
        shown = view.show(&mut terminal, timeout) => shown,
        () = stop => Ok(ExitCode::SUCCESS),
    };
    let _ = execute!(stdout(), DisableBracketedPaste);
    ratatui::restore();
    let unseen = view.is_unseen();
    room.leave().await;
    if unseen {
        eprintln!("Nobody else was in the room: what was changed is lost.");
    }
    shown.map_err(wrong)
}

struct View<'a> {
    room: &'a Room,
    inbox: Inbox,
    roster: Roster,
    model: Model,
    /// What the log said last of the status.
    told: String,
}

impl View<'_> {
    async fn show(
        &mut self,
        terminal: &mut DefaultTerminal,
        timeout: Option<Duration>,
    ) -> std::io::Result<ExitCode> {
        let mut keys = EventStream::new();
        let mut give_up = timeout.map(|timeout| Instant::now() + timeout);
        let (mut drawn, mut stale) = (Instant::now(), false);
        terminal.draw(|frame| draw(frame, &self.model, drawn))?;
        loop {
            let now = Instant::now();
            let next = if stale { Some(drawn + FRAME) } else { self.model.next_change(now) };
            let wake = next.into_iter().chain(give_up).min();
            tokio::select! {
                news = self.inbox.next() => self.tell(news),
                event = keys.next() => match event {
                    Some(Ok(event)) => {
                        if self.event(&event, terminal)? {
                            return Ok(ExitCode::SUCCESS);
                        }
                    }
                    // The terminal is gone.
                    Some(Err(_)) | None => return Ok(ExitCode::SUCCESS),
                },
                () = sleep_until(wake.unwrap_or(now).into()), if wake.is_some() => {}
            }
            let now = Instant::now();
            if self.model.standing.status == Status::Joined {
                give_up = None;
            }
            if give_up.is_some_and(|end| end <= now) {
                return Ok(ExitCode::from(NOT_JOINED));
            }
            stale = now < drawn + FRAME;
            if !stale {
                self.model.standing = Standing::of(self.room);
                terminal.draw(|frame| draw(frame, &self.model, now))?;
                drawn = now;
            }
        }
    }

    /// Whether something was done here that nobody else has.
    fn is_unseen(&self) -> bool {
        let mut roster = Roster::default();
        roster.update(&self.room.peers().now(), Instant::now());
        let replica = self.room.replica();
        let done = self.room.version().now().get(replica);
        done > 0 && roster.connected() == 0 && !self.roster.reached(replica, done)
    }

    fn tell(&mut self, news: News) {
        let now = Instant::now();
        if news.status {
            self.model.standing = Standing::of(self.room);
            let (tone, line) = draw::status(&self.model);
            // Each try to reach a server that is away is no news.
            let again = self.model.standing.status == Status::Connecting && !self.told.is_empty();
            if !again && line != self.told {
                self.model.log(tone, &line);
                self.told = line;
            }
        }
        if news.peers {
            self.model.peers = self.room.peers().now();
            for (peer, state) in self.roster.update(&self.model.peers, now) {
                // The first measurement shows in the list.
                if state.is_none() || peer.rtt.is_none() {
                    self.model.log(Tone::Event, &text::peer(&peer, state, self.model.charset));
                }
            }
        }
        for problem in &news.problems {
            self.model.log(Tone::Problem, problem);
        }
        let patched = news.changes.iter().flat_map(conjoin::Changed::iter).map(root);
        let style = Style { charset: self.model.charset, limit: SHOWN };
        for root in news.changed.into_iter().chain(patched) {
            if !self.model.wants(&root.name) {
                continue;
            }
            if let Some(json) = self.room.read(|doc| item(doc, &root).map(|item| style.item(item))) {
                self.model.change(root, json, now);
            }
        }
    }

    /// Something came from the terminal. Whether the user wants to leave.
    fn event(&mut self, event: &Event, terminal: &mut DefaultTerminal) -> std::io::Result<bool> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                if key.code == KeyCode::Char('l') && key.modifiers.contains(KeyModifiers::CONTROL) {
                    terminal.clear()?;
                }
                return Ok(self.key(key));
            }
            Event::Paste(pasted) => {
                // One line, as if it had been typed.
                let typed = pasted.trim_end().replace(['\r', '\n', '\t'], " ");
                self.model.editor.insert(&self.model.charset.plain(&typed));
            }
            _ => {}
        }
        Ok(false)
    }

    fn key(&mut self, key: &KeyEvent) -> bool {
        let editor = &mut self.model.editor;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('c') if control => return true,
            KeyCode::Char('d') if control && editor.is_empty() => return true,
            KeyCode::Char('d') if control => editor.delete(),
            KeyCode::Char('a') if control => editor.home(),
            KeyCode::Char('e') if control => editor.end(),
            KeyCode::Char('b') if control => editor.left(),
            KeyCode::Char('f') if control => editor.right(),
            KeyCode::Char('p') if control => editor.older(),
            KeyCode::Char('n') if control => editor.newer(),
            KeyCode::Char('k') if control => editor.delete_to_end(),
            KeyCode::Char('u') if control => editor.delete_to_start(),
            KeyCode::Char('w') if control => editor.delete_word(),
            KeyCode::Char('h') if control => editor.backspace(),
            KeyCode::Char('b') if alt => editor.word_left(),
            KeyCode::Char('f') if alt => editor.word_right(),
            KeyCode::Left if control || alt => editor.word_left(),
            KeyCode::Right if control || alt => editor.word_right(),
            KeyCode::Char(char) if !control && !alt && self.model.charset.shows(char) => {
                editor.insert(char.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace if alt => editor.delete_word(),
            KeyCode::Backspace => editor.backspace(),
            KeyCode::Delete => editor.delete(),
            KeyCode::Left => editor.left(),
            KeyCode::Right => editor.right(),
            KeyCode::Home => editor.home(),
            KeyCode::End => editor.end(),
            KeyCode::Up => editor.older(),
            KeyCode::Down => editor.newer(),
            KeyCode::Tab => self.complete(),
            KeyCode::PageUp => self.model.scroll(PAGE),
            KeyCode::PageDown => self.model.scroll(-PAGE),
            KeyCode::F(1) => return self.command("help"),
            KeyCode::Enter => {
                let line = editor.take();
                return self.command(&line);
            }
            _ => {}
        }
        false
    }

    /// Commands first, then names of values.
    fn complete(&mut self) {
        let (charset, values) = (self.model.charset, &self.model.values);
        self.model.editor.complete(|number| match number {
            0 => USAGES.iter().chain([&QUIT]).map(|usage| usage.name().to_owned()).collect(),
            _ => values.keys().map(|root| charset.name(&root.name)).collect(),
        });
    }

    /// Does what was typed. Whether it was the last.
    fn command(&mut self, line: &str) -> bool {
        let Some(request) = command::read(line) else { return false };
        self.model.scrolled = 0;
        self.model.log(Tone::Command, line.trim());
        let charset = self.model.charset;
        let style = Style { charset, limit: ASKED };
        match request.command.and_then(|command| perform(self.room, command, style)) {
            Ok(Outcome::Quit) => return true,
            Ok(Outcome::Watch { names, .. }) => {
                self.model.watched = names;
                let style = Style { charset, limit: SHOWN };
                let values = self.room.read(|doc| values(doc, style, |name| self.model.wants(name)));
                self.model.set_values(values);
            }
            Ok(outcome) => {
                for line in text::outcome(&outcome, &self.model.room, &self.model.server, charset) {
                    self.model.log(Tone::Result, &line);
                }
            }
            Err(error) => self.model.log(Tone::Problem, &error),
        }
        false
    }
}
