//! How the view looks, in any size of terminal.

use std::time::Instant;

use conjoin::{PeerState, Status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::super::json::kind;
use super::super::report::{milliseconds, peer_name, state, text};
use super::super::safe::Charset;
use super::model::{Entry, Model, Tone};

/// From so many columns on, peers and values stand side by side.
const WIDE: u16 = 64;

/// Draws all of it.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, now: Instant) {
    let area = frame.area();
    let hint = u16::from(area.height >= 12);
    let [head, body, input, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(hint),
    ])
    .areas(area);
    let look = Look { charset: model.charset, colors: model.colors };
    frame.render_widget(header(model, &look, head.width.into()), head);
    let (peers, values, log) = rooms(model, body);
    draw_peers(frame, model, &look, peers);
    draw_values(frame, model, &look, values, now);
    draw_log(frame, model, &look, log);
    draw_input(frame, model, &look, input);
    let keys = "Enter do  Tab complete  Up older  PgUp log  Ctrl-C leave  help";
    frame.render_widget(Line::styled(cut(keys, foot.width.into(), model.charset), look.faint()), foot);
}

/// Where peers, values and log are. Narrow terminals have them one below the other.
fn rooms(model: &Model, body: Rect) -> (Rect, Rect, Rect) {
    let peers = u16::try_from(model.peers.len().max(1)).unwrap_or(u16::MAX).saturating_add(1);
    let values = u16::try_from(model.values.len().max(1)).unwrap_or(u16::MAX).saturating_add(1);
    if body.width >= WIDE {
        let top = peers.max(values).max(6).min(body.height * 3 / 5);
        let [top, log] = Layout::vertical([Constraint::Length(top), Constraint::Min(0)]).areas(body);
        let left = (body.width / 3).clamp(26, 40);
        let [peers, _, values] =
            Layout::horizontal([Constraint::Length(left), Constraint::Length(1), Constraint::Min(0)])
                .areas(top);
        return (peers, values, log);
    }
    let peers = peers.min((body.height / 4).max(2));
    let values = values.min(((body.height - peers.min(body.height)) / 2).max(2));
    let [peers, values, log] =
        Layout::vertical([Constraint::Length(peers), Constraint::Length(values), Constraint::Min(0)])
            .areas(body);
    (peers, values, log)
}

/// Colours and characters.
struct Look {
    charset: Charset,
    colors: bool,
}

impl Look {
    fn color(&self, color: Color) -> Style {
        if self.colors { Style::new().fg(color) } else { Style::new() }
    }

    fn faint(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn bold(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A title, with a rule to the end of the line.
    fn rule(&self, title: &str, columns: usize) -> Line<'static> {
        let (rule, title) =
            (if self.charset == Charset::Unicode { "─" } else { "-" }, cut(title, columns, self.charset));
        let rest = columns.saturating_sub(title.width() + 1);
        Line::from(vec![
            Span::styled(title, self.bold()),
            Span::raw(" "),
            Span::styled(rule.repeat(rest), self.faint()),
        ])
    }
}

/// The text in so many columns; where it is cut off, that is shown.
pub(crate) fn cut(text: &str, columns: usize, charset: Charset) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mark = if charset == Charset::Unicode { "…" } else { "~" };
    let mut taken = 1;
    let fits = |char: &char| {
        taken += char.width().unwrap_or(0);
        taken <= columns
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push_str(if columns > 0 { mark } else { "" });
    kept
}

fn header(model: &Model, look: &Look, columns: usize) -> Line<'static> {
    let (status, style) = match &model.standing.status {
        Status::Offline => ("offline".to_owned(), look.faint()),
        Status::Connecting => ("connecting".to_owned(), look.color(Color::Yellow)),
        Status::Joined => ("joined".to_owned(), look.color(Color::Green)),
        Status::Retrying { .. } => {
            let wait = model.standing.retry_in.unwrap_or_default().as_secs() + 1;
            (format!("retrying in {wait} s"), look.color(Color::Yellow))
        }
        Status::Refused { .. } => ("refused".to_owned(), look.color(Color::Red)),
    };
    // The room and the status first; then as much as there is room for.
    let room = cut(&model.room, columns.saturating_sub(status.len() + 2), model.charset);
    let mut left = columns.saturating_sub(room.width() + status.len() + 4);
    let name = if model.name.width() + 2 <= left { model.name.clone() } else { String::new() };
    left = left.saturating_sub(name.width() + 2);
    let server = if left >= 10 { cut(&model.server, left, model.charset) } else { String::new() };
    let gap = columns.saturating_sub(room.width() + status.len() + 4 + server.width() + name.width());
    Line::from(vec![
        Span::styled(room, look.bold()),
        Span::raw("  "),
        Span::styled(status, style.add_modifier(Modifier::BOLD)),
        Span::raw("  "),
        Span::styled(server, look.faint()),
        Span::raw(" ".repeat(gap)),
        Span::raw(name),
    ])
}

/// A title and as many of the lines as there is room for; if that is not all, the last says how many more.
fn draw_list(frame: &mut Frame<'_>, look: &Look, area: Rect, title: &str, mut lines: Vec<Line<'static>>) {
    let columns = usize::from(area.width);
    let rows = usize::from(area.height).saturating_sub(1);
    if lines.len() > rows && rows > 0 {
        let more = lines.len() - (rows - 1);
        lines.truncate(rows - 1);
        let mark = if look.charset == Charset::Unicode { "…" } else { "..." };
        lines.push(Line::styled(format!("{mark} {more} more"), look.faint()));
    }
    lines.insert(0, look.rule(title, columns));
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_peers(frame: &mut Frame<'_>, model: &Model, look: &Look, area: Rect) {
    let columns = usize::from(area.width);
    let connected = model.peers.iter().filter(|peer| peer.state == PeerState::Connected).count();
    let title = format!("Peers {connected}");
    let line = |peer: &conjoin::PeerInfo| {
        let (right, style) = match (peer.state, peer.rtt) {
            (PeerState::Connected, Some(rtt)) => (milliseconds(rtt), look.color(Color::Green)),
            (PeerState::Connected, None) => (state(Some(peer.state)).to_owned(), look.color(Color::Green)),
            _ => (state(Some(peer.state)).to_owned(), look.color(Color::Yellow)),
        };
        let name =
            cut(&peer_name(peer, model.charset), columns.saturating_sub(right.len() + 1), model.charset);
        let gap = columns.saturating_sub(name.width() + right.len());
        Line::from(vec![Span::raw(name), Span::raw(" ".repeat(gap)), Span::styled(right, style)])
    };
    let mut lines: Vec<_> = model.peers.iter().map(line).collect();
    if lines.is_empty() {
        lines.push(Line::styled(cut("nobody else is here", columns, model.charset), look.faint()));
    }
    draw_list(frame, look, area, &title, lines);
}

fn draw_values(frame: &mut Frame<'_>, model: &Model, look: &Look, area: Rect, now: Instant) {
    let columns = usize::from(area.width);
    let title = if model.watched.is_empty() { "Values" } else { "Values watched" };
    // Those that changed last come first where there is no room for all.
    let mut shown: Vec<_> = model.values.iter().collect();
    let rows = usize::from(area.height).saturating_sub(1);
    if shown.len() > rows {
        shown.sort_by_key(|(_, value)| std::cmp::Reverse(value.1));
    }
    let names = shown.iter().map(|(root, _)| model.charset.name(&root.name).width()).max().unwrap_or(0);
    let names = names.min(columns / 3);
    let line = |(root, value): &(&super::super::inbox::Root, &(String, Option<Instant>))| {
        let name = cut(&model.charset.name(&root.name), names, model.charset);
        let gap = " ".repeat(names - name.width() + 1);
        // Narrow terminals need the room for the value, which mostly tells the kind.
        let kind = if columns >= 50 { format!("{:<13} ", kind(root.kind)) } else { String::new() };
        let left = columns.saturating_sub(names + 1 + kind.len());
        let style = if Model::stands_out(value.1, now) {
            look.color(Color::Yellow).add_modifier(Modifier::BOLD)
        } else {
            Style::new()
        };
        Line::from(vec![
            Span::styled(name, look.color(Color::Cyan)),
            Span::raw(gap),
            Span::styled(kind, look.faint()),
            Span::styled(cut(&value.0, left, model.charset), style),
        ])
    };
    let mut lines: Vec<_> = shown.iter().map(line).collect();
    if lines.is_empty() {
        lines
            .push(Line::styled(cut("none yet: type increment clicks", columns, model.charset), look.faint()));
    }
    draw_list(frame, look, area, title, lines);
}

fn draw_log(frame: &mut Frame<'_>, model: &Model, look: &Look, area: Rect) {
    let columns = usize::from(area.width);
    let rows = usize::from(area.height).saturating_sub(1);
    let lines = log_rows(model, look, columns, rows);
    let title = if model.scrolled > 0 { "Log (PgDn goes down)" } else { "Log" };
    let mut all = vec![look.rule(title, columns)];
    all.extend(lines);
    frame.render_widget(Paragraph::new(all), area);
}

/// The last rows of the log, above those that are scrolled away.
fn log_rows(model: &Model, look: &Look, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let mut found = Vec::new();
    for entry in model.log.iter().rev() {
        // One page more than is shown tells how far up one can go.
        if found.len() >= model.scrolled + 2 * rows {
            break;
        }
        let mut lines = wrap(entry, look, columns);
        lines.reverse();
        found.extend(lines);
    }
    model.top.set(found.len().saturating_sub(rows));
    let mut shown: Vec<_> = found.into_iter().skip(model.scrolled.min(model.top.get())).take(rows).collect();
    shown.reverse();
    shown
}

fn wrap(entry: &Entry, look: &Look, columns: usize) -> Vec<Line<'static>> {
    let (mark, style) = match entry.tone {
        Tone::Command => ("> ", look.bold()),
        Tone::Result => ("  ", Style::new()),
        Tone::Event => ("  ", look.faint()),
        Tone::Problem => ("! ", look.color(Color::Red)),
    };
    let room = columns.saturating_sub(mark.len()).max(1);
    let (mut lines, mut row, mut width) = (Vec::new(), String::new(), 0);
    for char in entry.text.chars() {
        let more = char.width().unwrap_or(0);
        if width + more > room {
            lines.push(std::mem::take(&mut row));
            width = 0;
        }
        row.push(char);
        width += more;
    }
    lines.push(row);
    let line = |(at, row): (usize, String)| {
        Line::styled(format!("{}{row}", if at == 0 { mark } else { "  " }), style)
    };
    lines.into_iter().enumerate().map(line).collect()
}

fn draw_input(frame: &mut Frame<'_>, model: &Model, look: &Look, area: Rect) {
    let (line, cursor) = model.editor.window(usize::from(area.width).saturating_sub(2));
    let line = Line::from(vec![Span::styled("> ", look.bold()), Span::raw(model.charset.plain(&line))]);
    frame.render_widget(line, area);
    let column = u16::try_from(cursor + 2).unwrap_or(u16::MAX);
    frame.set_cursor_position(Position::new(
        area.x.saturating_add(column).min(area.right().max(1) - 1),
        area.y,
    ));
}

/// The status for the log, if it is worth a line there.
pub(crate) fn status(model: &Model) -> (Tone, String) {
    let tone = match model.standing.status {
        Status::Retrying { .. } | Status::Refused { .. } => Tone::Problem,
        _ => Tone::Event,
    };
    let line = match &model.standing.status {
        Status::Retrying { reason, .. } => format!("{reason}; trying again"),
        _ => text::status(&model.standing, &model.room, &model.server, model.charset),
    };
    (tone, line)
}

#[cfg(test)]
mod tests;
