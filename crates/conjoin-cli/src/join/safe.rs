//! What may be shown on a terminal. Others choose names and values, and a terminal obeys what it is sent, so
//! control characters and those that turn the order of others around never get there.

use std::fmt::Write;

/// Which characters the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Unicode,
    Ascii,
}

impl Charset {
    /// What the locale says, as POSIX reads it: the first of these variables that is set counts.
    pub(crate) fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        if cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }

    /// Whether a character may be sent to the terminal, and is shown there where it stands.
    pub(crate) fn shows(self, char: char) -> bool {
        let turns = matches!(char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        !char.is_control() && !turns && (self == Self::Unicode || char.is_ascii())
    }

    /// The text with every character replaced that is not to be shown.
    pub(crate) fn plain(self, text: &str) -> String {
        let stand_in = if self == Self::Unicode { char::REPLACEMENT_CHARACTER } else { '?' };
        text.chars().map(|char| if self.shows(char) { char } else { stand_in }).collect()
    }

    /// Appends a character of a JSON string, in the way of JSON where it is not to be shown: nothing is lost.
    pub(crate) fn escape(self, char: char, out: &mut String) {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if self.shows(char) => out.push(char),
            char => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }

    /// A JSON string.
    pub(crate) fn quote(self, text: &str) -> String {
        let mut out = String::from('"');
        text.chars().for_each(|char| self.escape(char, &mut out));
        out.push('"');
        out
    }

    /// The name of a value, as it can be typed: as it is, or quoted.
    pub(crate) fn name(self, name: &str) -> String {
        let bare = |char: char| self.shows(char) && !char.is_whitespace() && !"\"\\".contains(char);
        if !name.is_empty() && !name.starts_with(['[', '{', '#']) && name.chars().all(bare) {
            name.to_owned()
        } else {
            self.quote(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that clears the screen, one in C1, one that turns text around, and a tag.
    const HOSTILE: &str = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{7}\r\n\u{e0041}\u{7f}";

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        for charset in [Charset::Unicode, Charset::Ascii] {
            for shown in [charset.plain(HOSTILE), charset.quote(HOSTILE), charset.name(HOSTILE)] {
                assert!(shown.chars().all(|char| charset.shows(char) || char == '\u{fffd}'), "{shown:?}");
            }
        }
        assert_eq!(Charset::Unicode.plain("Zoë 😀\u{1b}"), "Zoë 😀\u{fffd}");
        assert_eq!(Charset::Ascii.plain("Zoë\u{1b}"), "Zo??");
    }

    #[test]
    fn quoted_text_is_the_same_text() {
        for charset in [Charset::Unicode, Charset::Ascii] {
            for text in [HOSTILE, "", "plain", "😀 \"q\" \\"] {
                assert_eq!(serde_json::from_str::<String>(&charset.quote(text)).unwrap(), text);
            }
        }
        assert!(Charset::Ascii.quote("Zoë 😀").is_ascii());
    }

    #[test]
    fn names_are_quoted_where_they_would_be_read_otherwise() {
        let name = |name| Charset::Unicode.name(name);
        assert_eq!((name("clicks"), name("größe"), name("3")), ("clicks".into(), "größe".into(), "3".into()));
        assert_eq!((name("my notes"), name("")), ("\"my notes\"".into(), "\"\"".into()));
        assert_eq!(
            (name("[x"), name("#x"), name("a\"")),
            ("\"[x\"".into(), "\"#x\"".into(), "\"a\\\"\"".into())
        );
    }

    #[test]
    fn the_locale_says_what_is_shown() {
        let of = |variables: &[(&str, &str)]| {
            let find =
                |name: &str| variables.iter().find(|entry| entry.0 == name).map(|entry| entry.1.into());
            Charset::of_locale(find)
        };
        assert_eq!(of(&[("LANG", "de_DE.UTF-8")]), Charset::Unicode);
        assert_eq!(of(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]), Charset::Unicode);
        if cfg!(not(windows)) {
            assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]), Charset::Ascii);
            assert_eq!(of(&[]), Charset::Ascii);
        }
    }
}
