//! JSON (RFC 8259) as far as the messages need it: objects with strings, and lists of them. What else
//! stands in a message is checked and passed over, however deep it is.
//!
//! A general library would be an eighth of what a browser has to load for all the rest.

use std::fmt::Write;

/// What is wrong with a text.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);

type Result<T> = std::result::Result<T, Malformed>;

/// Reads one value after the other.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The members of an object: `member` reads the value of each that is named in `fields`, once.
    pub(crate) fn object(
        &mut self,
        fields: &[&str],
        member: &mut dyn FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        self.expect(b'{', "an object is missing")?;
        if self.eat(b'}') {
            return Ok(());
        }
        let mut seen = 0u32;
        loop {
            let key = self.string()?;
            self.expect(b':', "a colon is missing")?;
            match fields.iter().position(|field| *field == key) {
                Some(field) if seen >> field & 1 == 1 => return Err(Malformed("a field stands there twice")),
                Some(field) => {
                    seen |= 1 << field;
                    member(self, field)?;
                }
                None => self.skip()?,
            }
            if !self.eat(b',') {
                return self.expect(b'}', "an object does not end");
            }
        }
    }

    /// The items of a list, each read by `item`.
    pub(crate) fn list(&mut self, item: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(b'[', "a list is missing")?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.eat(b',') {
                return self.expect(b']', "a list does not end");
            }
        }
    }

    pub(crate) fn string(&mut self) -> Result<String> {
        let mut string = String::new();
        self.expect(b'"', "a string is missing")?;
        self.rest_of_string(Some(&mut string))?;
        Ok(string)
    }

    /// A string or `null`.
    pub(crate) fn optional(&mut self) -> Result<Option<String>> {
        if self.null() { Ok(None) } else { self.string().map(Some) }
    }

    /// Reads `null`, if that is next.
    pub(crate) fn null(&mut self) -> bool {
        self.space();
        let is_null = self.text.as_bytes()[self.at..].starts_with(b"null");
        self.at += if is_null { 4 } else { 0 };
        is_null
    }

    /// There must be nothing more.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Malformed("something follows the message")) }
    }

    /// Passes over a value. Not by recursion, as nothing bounds its depth.
    fn skip(&mut self) -> Result<()> {
        let mut open = Vec::new();
        loop {
            self.space();
            match self.next() {
                Some(bracket @ (b'{' | b'[')) => {
                    let close = bracket + 2;
                    if !self.eat(close) {
                        open.push(close);
                        self.skip_key(close)?;
                        continue;
                    }
                }
                Some(b'"') => self.rest_of_string(None)?,
                Some(b't') => self.word(b"rue")?,
                Some(b'f') => self.word(b"alse")?,
                Some(b'n') => self.word(b"ull")?,
                Some(first @ (b'-' | b'0'..=b'9')) => self.rest_of_number(first)?,
                _ => return Err(Malformed("a value is missing")),
            }
            loop {
                let Some(&close) = open.last() else { return Ok(()) };
                if self.eat(b',') {
                    self.skip_key(close)?;
                    break;
                }
                self.expect(close, "a list or object does not end")?;
                open.pop();
            }
        }
    }

    /// In an object, a key stands before the value.
    fn skip_key(&mut self, close: u8) -> Result<()> {
        if close == b'}' {
            self.expect(b'"', "a key is missing")?;
            self.rest_of_string(None)?;
            self.expect(b':', "a colon is missing")?;
        }
        Ok(())
    }

    /// Reads up to the closing quote. Surrogates are looked at only if somebody wants the text.
    fn rest_of_string(&mut self, mut into: Option<&mut String>) -> Result<()> {
        loop {
            let start = self.at;
            let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
            self.at += self.text.as_bytes()[start..].iter().take_while(|byte| plain(byte)).count();
            if let Some(into) = &mut into {
                // What ends it is ASCII, so no character is cut.
                into.push_str(&self.text[start..self.at]);
            }
            match self.next() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => {
                    let char = self.escaped(into.is_some())?;
                    if let Some(into) = &mut into {
                        into.push(char);
                    }
                }
                _ => return Err(Malformed("a string does not end")),
            }
        }
    }

    fn escaped(&mut self, wanted: bool) -> Result<char> {
        Ok(match self.next() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let mut code = self.hex()?;
                if wanted && (0xd800..0xdc00).contains(&code) {
                    self.word(b"\\u")?;
                    let low = self.hex()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(Malformed("half of a surrogate pair"));
                    }
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                match char::from_u32(code) {
                    Some(char) => char,
                    None if wanted => return Err(Malformed("half of a surrogate pair")),
                    None => char::REPLACEMENT_CHARACTER,
                }
            }
            _ => return Err(Malformed("an escape that there is not")),
        })
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|byte| char::from(byte).to_digit(16));
            code = code << 4 | digit.ok_or(Malformed("an escape that there is not"))?;
        }
        Ok(code)
    }

    fn rest_of_number(&mut self, first: u8) -> Result<()> {
        let first = if first == b'-' { self.next() } else { Some(first) };
        match first {
            Some(b'0') => {}
            Some(b'1'..=b'9') => _ = self.digits(),
            _ => return Err(Malformed("a number without digits")),
        }
        let byte = |reader: &Self| reader.text.as_bytes().get(reader.at).copied();
        if byte(self) == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(byte(self), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(byte(self), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<()> {
        if self.digits() == 0 { Err(Malformed("a number without digits")) } else { Ok(()) }
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn word(&mut self, rest: &[u8]) -> Result<()> {
        let is_next = self.text.as_bytes()[self.at..].starts_with(rest);
        self.at += rest.len();
        if is_next { Ok(()) } else { Err(Malformed("a word that there is not")) }
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let is_next = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, missing: &'static str) -> Result<()> {
        if self.eat(byte) { Ok(()) } else { Err(Malformed(missing)) }
    }
}

/// Writes an object.
pub(crate) struct Writer {
    pub(crate) text: String,
}

impl Writer {
    pub(crate) fn object() -> Self {
        Self { text: "{".to_owned() }
    }

    pub(crate) fn open(&mut self) {
        self.text.push('{');
    }

    pub(crate) fn close(&mut self) {
        self.text.push('}');
    }

    /// The key of what is written next.
    pub(crate) fn member(&mut self, key: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.string(key);
        self.text.push(':');
    }

    /// A list of `len` items, each written by `item`.
    pub(crate) fn list(&mut self, len: usize, item: &mut dyn FnMut(&mut Self, usize)) {
        self.text.push('[');
        for at in 0..len {
            if at > 0 {
                self.text.push(',');
            }
            item(self, at);
        }
        self.text.push(']');
    }

    pub(crate) fn string(&mut self, string: &str) {
        self.text.push('"');
        for char in string.chars() {
            let short = match char {
                '"' | '\\' => char,
                '\u{8}' => 'b',
                '\u{c}' => 'f',
                '\n' => 'n',
                '\r' => 'r',
                '\t' => 't',
                '\0'..' ' => {
                    write!(self.text, "\\u{:04x}", u32::from(char)).expect("a string takes all");
                    continue;
                }
                _ => {
                    self.text.push(char);
                    continue;
                }
            };
            self.text.extend(['\\', short]);
        }
        self.text.push('"');
    }
}
