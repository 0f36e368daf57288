//! The line in which commands are typed, with those typed before.

use unicode_width::UnicodeWidthChar;

/// So many lines are remembered.
const MAX_HISTORY: usize = 500;

/// The longest line, in bytes. What is pasted beyond it is not taken.
const MAX_LINE: usize = 64 * 1024;

/// A line that is edited.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    line: String,
    /// In bytes, between two characters.
    cursor: usize,
    history: Vec<String>,
    /// Which of the history is shown, and what was typed before it was looked at.
    recalled: Option<(usize, String)>,
}

impl Editor {
    #[cfg(test)]
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Puts text in at the cursor.
    pub(crate) fn insert(&mut self, text: &str) {
        if self.line.len() + text.len() <= MAX_LINE {
            self.line.insert_str(self.cursor, text);
            self.cursor += text.len();
        }
    }

    pub(crate) fn left(&mut self) {
        self.cursor = self.before(self.cursor);
    }

    pub(crate) fn right(&mut self) {
        self.cursor += self.line[self.cursor..].chars().next().map_or(0, char::len_utf8);
    }

    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_start();
    }

    pub(crate) fn word_right(&mut self) {
        let rest = &self.line[self.cursor..];
        let word = rest.len() - rest.trim_start().len();
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |end| word + end);
        self.cursor += end;
    }

    pub(crate) fn home(&mut self) {
        self.cursor = 0;
    }

    pub(crate) fn end(&mut self) {
        self.cursor = self.line.len();
    }

    pub(crate) fn backspace(&mut self) {
        let from = self.before(self.cursor);
        self.cut(from);
    }

    pub(crate) fn delete(&mut self) {
        if self.cursor < self.line.len() {
            self.line.remove(self.cursor);
        }
    }

    pub(crate) fn delete_word(&mut self) {
        let from = self.word_start();
        self.cut(from);
    }

    pub(crate) fn delete_to_start(&mut self) {
        self.cut(0);
    }

    pub(crate) fn delete_to_end(&mut self) {
        self.line.truncate(self.cursor);
    }

    /// The line, to be done; it is remembered, and a new one begun.
    pub(crate) fn take(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        self.cursor = 0;
        self.recalled = None;
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            if self.history.len() == MAX_HISTORY {
                self.history.remove(0);
            }
            self.history.push(line.clone());
        }
        line
    }

    /// The line before this one.
    pub(crate) fn older(&mut self) {
        let at = self.recalled.as_ref().map_or(self.history.len(), |recalled| recalled.0);
        let Some(at) = at.checked_sub(1) else { return };
        let typed = self.recalled.take().map_or_else(|| self.line.clone(), |recalled| recalled.1);
        self.recalled = Some((at, typed));
        self.line.clone_from(&self.history[at]);
        self.end();
    }

    /// The line after this one; at last what was typed before.
    pub(crate) fn newer(&mut self) {
        let Some((at, typed)) = self.recalled.take() else { return };
        match self.history.get(at + 1) {
            Some(line) => {
                self.line.clone_from(line);
                self.recalled = Some((at + 1, typed));
            }
            None => self.line = typed,
        }
        self.end();
    }

    /// Completes the word before the cursor, as far as those that begin with it agree. `candidates` are given the
    /// number of the word.
    pub(crate) fn complete(&mut self, candidates: impl Fn(usize) -> Vec<String>) {
        let before = &self.line[..self.cursor];
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (number, word) = (before[..start].split_whitespace().count(), &before[start..]);
        let matching: Vec<String> =
            candidates(number).into_iter().filter(|candidate| candidate.starts_with(word)).collect();
        let Some(first) = matching.first() else { return };
        let mut common = first.as_str();
        for other in &matching {
            let same = common.chars().zip(other.chars()).take_while(|(a, b)| a == b);
            let same: usize = same.map(|(char, _)| char.len_utf8()).sum();
            common = &common[..same];
        }
        let mut rest = common[word.len()..].to_owned();
        if matching.len() == 1 && !self.line[self.cursor..].starts_with(' ') {
            rest.push(' ');
        }
        self.insert(&rest);
    }

    /// What is shown of the line in so many columns, and in which of them the cursor is.
    pub(crate) fn window(&self, columns: usize) -> (String, usize) {
        let width = |char: char| char.width().unwrap_or(0);
        // The cursor needs a column behind the line.
        let room = columns.saturating_sub(1);
        let mut column = 0;
        let from = self.line[..self.cursor].char_indices().rev().find(|(_, char)| {
            column += width(*char);
            column > room
        });
        let from = from.map_or(0, |(at, char)| at + char.len_utf8());
        let cursor = self.line[from..self.cursor].chars().map(width).sum();
        let mut taken = 0;
        let fits = |char: &char| {
            taken += width(*char);
            taken <= columns
        };
        (self.line[from..].chars().take_while(fits).collect(), cursor)
    }

    fn before(&self, at: usize) -> usize {
        at - self.line[..at].chars().next_back().map_or(0, char::len_utf8)
    }

    fn word_start(&self) -> usize {
        let before = self.line[..self.cursor].trim_end();
        before.rfind(char::is_whitespace).map_or(0, |at| at + 1)
    }

    fn cut(&mut self, from: usize) {
        self.line.replace_range(from..self.cursor, "");
        self.cursor = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(line: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert(line);
        editor
    }

    #[test]
    fn a_line_is_edited_character_by_character_and_word_by_word() {
        let mut line = editor("set title Zoë");
        line.backspace();
        line.insert("é");
        line.left();
        line.delete();
        assert_eq!(line.line(), "set title Zo");
        line.delete_word();
        assert_eq!(line.line(), "set title ");
        line.word_left();
        line.insert("sub");
        line.home();
        line.word_right();
        line.insert("!");
        assert_eq!(line.line(), "set! subtitle ");
        line.delete_to_end();
        assert_eq!(line.line(), "set!");
        line.delete_to_start();
        line.backspace();
        line.left();
        line.right();
        assert!(line.is_empty());
    }

    #[test]
    fn lines_typed_before_come_back() {
        let mut line = editor("one");
        assert_eq!(line.take(), "one");
        line.insert("two");
        line.take();
        line.insert("thr");
        line.older();
        line.older();
        line.older();
        assert_eq!(line.line(), "one");
        line.newer();
        assert_eq!(line.line(), "two");
        line.newer();
        line.newer();
        assert_eq!(line.line(), "thr");
    }

    #[test]
    fn words_are_completed_as_far_as_they_are_clear() {
        let words = |number| match number {
            0 => vec!["set".into(), "stats".into(), "status".into()],
            _ => vec!["título".into()],
        };
        let mut line = editor("sta");
        line.complete(words);
        assert_eq!(line.line(), "stat");
        line.insert("u");
        line.complete(words);
        assert_eq!(line.line(), "status ");
        line.insert("tí");
        line.complete(words);
        assert_eq!(line.line(), "status título ");
        let mut line = editor("x");
        line.complete(words);
        assert_eq!(line.line(), "x");
    }

    #[test]
    fn a_long_line_is_shown_around_the_cursor() {
        let mut line = editor("0123456789");
        assert_eq!(line.window(20), ("0123456789".into(), 10));
        assert_eq!(line.window(5), ("6789".into(), 4));
        line.home();
        assert_eq!(line.window(5), ("01234".into(), 0));
        let wide = editor("日本語");
        assert_eq!(wide.window(5), ("本語".into(), 4));
        assert_eq!(wide.window(0), (String::new(), 0));
    }
}
