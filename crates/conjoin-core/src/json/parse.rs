//! Reading JSON.

use super::base64;
use crate::value::Value;

/// So deep objects and arrays may be nested.
const DEEPEST: usize = 128;

/// Text that is not the JSON that was expected.
///
/// ```
/// use conjoin_core::{Doc, JsonError, ReplicaId};
///
/// let error = Doc::from_json(ReplicaId::new(1), r#"{"title" "Tea"}"#).unwrap_err();
/// assert_eq!(error, JsonError { at: 9, expected: "a colon" });
/// assert_eq!(error.to_string(), "expected a colon at byte 9");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct JsonError {
    /// Where, in bytes.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Plain(Value),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Reads one value and nothing behind it.
pub(super) fn parse(text: &str) -> Result<Json, JsonError> {
    let mut parser = Parser { text, at: 0 };
    let json = parser.value(DEEPEST)?;
    parser.space();
    if parser.at < text.len() { Err(parser.error("the end")) } else { Ok(json) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    const fn error(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, expected }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Takes this if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let there = self.text.as_bytes()[self.at..].starts_with(token.as_bytes());
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.space();
        let value = match self.peek() {
            Some(b'{') => return self.object(depth),
            Some(b'[') => return self.array(depth),
            Some(b'"') => Value::Str(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.take("null") => Value::Null,
            _ if self.take("true") => Value::Bool(true),
            _ if self.take("false") => Value::Bool(false),
            _ => return Err(self.error("a value")),
        };
        Ok(Json::Plain(value))
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let depth = depth.checked_sub(1).ok_or(self.error("less nesting"))?;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take("]") {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            if self.take("]") {
                return Ok(Json::Array(items));
            }
            if !self.take(",") {
                return Err(self.error("a comma or the end of the array"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let depth = depth.checked_sub(1).ok_or(self.error("less nesting"))?;
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if self.take("}") {
            return Ok(Json::Object(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(":") {
                return Err(self.error("a colon"));
            }
            entries.push((key, self.value(depth)?));
            self.space();
            if self.take("}") {
                break;
            }
            if !self.take(",") {
                return Err(self.error("a comma or the end of the object"));
            }
        }
        if let [(key, Json::Plain(Value::Str(text)))] = &entries[..]
            && key == "$bytes"
            && let Some(bytes) = base64::decode(text)
        {
            return Ok(Json::Plain(Value::Bytes(bytes.into())));
        }
        Ok(Json::Object(entries))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let len = rest.find(|char| matches!(char, '"' | '\\' | '\0'..='\x1f')).unwrap_or(rest.len());
            string.push_str(&rest[..len]);
            self.at += len;
            if self.take("\"") {
                return Ok(string);
            }
            if !self.take("\\") {
                return Err(self.error("the end of the string"));
            }
            string.push(self.escaped()?);
        }
    }

    /// What an escape stands for, of which the backslash was taken.
    fn escaped(&mut self) -> Result<char, JsonError> {
        let escape = self.peek().ok_or(self.error("an escape"))?;
        let char = match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unit(),
            _ => return Err(self.error("an escape")),
        };
        self.at += 1;
        Ok(char)
    }

    /// A character by its number; past 16 bits by two that belong together.
    fn unit(&mut self) -> Result<char, JsonError> {
        let high = self.hex()?;
        if let Some(char) = char::from_u32(high) {
            return Ok(char);
        }
        let low = if high < 0xdc00 && self.take("\\") && self.peek() == Some(b'u') { self.hex()? } else { 0 };
        let pair = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
        char::from_u32(pair).filter(|_| (0xdc00..0xe000).contains(&low)).ok_or(self.error("half a character"))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
        });
        let value = value.ok_or(self.error("four hexadecimal digits"))?;
        self.at += 5;
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        }
        let mut whole = true;
        if self.take(".") {
            whole = false;
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            whole = false;
            if !self.take("+") {
                self.take("-");
            }
            self.digits()?;
        }
        let number: &'a str = &self.text[start..self.at];
        if let Some(value) = number.parse().ok().filter(|_| whole) {
            return Ok(Value::Int(value));
        }
        let finite = number.parse().ok().filter(|value: &f64| value.is_finite());
        finite.map(Value::Float).ok_or(JsonError { at: start, expected: "a number within range" })
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit")) } else { Ok(()) }
    }
}
