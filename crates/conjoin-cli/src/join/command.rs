//! The command language: what is typed, or sent by a program, as a command.
//!
//! A line is words with spaces between. The first names the command. A word that begins with `"`, `[` or `{` is
//! JSON and may have spaces in it. Where a value is due, a word that is JSON as it stands (`3`, `true`, `null`)
//! is that, and any other a string. The same as a JSON array, `["set", "plan", "a1", 7]`, is the same command.

use serde_json::Value as Json;

/// A command, its arguments read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Increment { counter: String, by: Amount },
    SetRegister { register: String, value: conjoin::Value },
    SetKey { map: String, key: String, value: Json },
    Unset { map: String, key: String },
    Push { list: String, values: Vec<Json> },
    Remove { list: String, at: usize },
    Add { set: String, values: Vec<conjoin::Value> },
    Discard { set: String, values: Vec<conjoin::Value> },
    Append { text: String, what: String },
    Insert { text: String, at: usize, what: String },
    Delete { text: String, at: usize, count: usize },
    Get { name: Option<String> },
    Watch { names: Vec<String> },
    Peers,
    Status,
    Stats,
    Help { command: Option<&'static Usage> },
    Quit,
}

/// What is added to a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    Whole(i64),
    /// To the counter of this name that counts in fractions.
    Fraction(f64),
}

/// What help says about a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// How it is typed; its name comes first.
    pub(crate) form: &'static str,
    pub(crate) does: &'static str,
    pub(crate) example: &'static str,
}

impl Usage {
    pub(crate) fn name(&self) -> &'static str {
        self.form.split(' ').next().unwrap_or(self.form)
    }
}

const fn usage(form: &'static str, does: &'static str, example: &'static str) -> Usage {
    Usage { form, does, example }
}

/// All commands, as help lists them.
pub(crate) const USAGES: [Usage; 17] = [
    usage("increment NAME [BY]", "add to a counter: 1, or BY", "increment clicks -2"),
    usage("set NAME VALUE", "write a register", "set title \"Atlas of seas\""),
    usage("set MAP KEY VALUE", "write under a key of a map", "set plan a1 {\"done\": false}"),
    usage("unset MAP KEY", "take a key out of a map", "unset plan a1"),
    usage("push LIST VALUE...", "append to a list", "push todo write read"),
    usage("remove LIST INDEX", "take out of a list; 0 is the first", "remove todo 0"),
    usage("add SET VALUE...", "put into a set", "add tags sea"),
    usage("discard SET VALUE...", "take out of a set", "discard tags sea"),
    usage("append TEXT WORDS", "write at the end of a text", "append notes and so on"),
    usage("insert TEXT AT WORDS", "write into a text; 0 is its start", "insert notes 0 \"Once \""),
    usage("delete TEXT AT COUNT", "take characters out of a text", "delete notes 0 5"),
    usage("get [NAME]", "show a value, or all", "get clicks"),
    usage("watch [NAME...]", "follow these values only, or all", "watch clicks title"),
    usage("peers", "show who is in the room", "peers"),
    usage("stats", "show what was sent and received", "stats"),
    usage("status", "show where this peer stands", "status"),
    usage("help [COMMAND]", "show the commands, or one", "help set"),
];

/// Not among those of the room: how to go.
pub(crate) const QUIT: Usage = usage("quit", "say goodbye and end", "quit");

/// A command, and what its sender calls it.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    /// As JSON, to be sent back with the result.
    pub(crate) id: Option<Json>,
    pub(crate) command: Result<Command, String>,
}

/// Reads a line. `None` if there is nothing in it, or a remark after `#`.
pub(crate) fn read(line: &str) -> Option<Request> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if !line.starts_with(['[', '{']) {
        return Some(Request { id: None, command: parse(Words::Typed(line)) });
    }
    Some(match serde_json::from_str(line) {
        Ok(Json::Array(words)) => Request { id: None, command: parse(Words::Given(words.into_iter())) },
        Ok(Json::Object(mut members)) => {
            let id = members.remove("id");
            let command = match members.remove("command") {
                Some(Json::Array(words)) => parse(Words::Given(words.into_iter())),
                Some(Json::String(line)) => match read(&line) {
                    // One within the other would be a way to nest without end.
                    Some(Request { id: None, command }) if !line.trim_start().starts_with(['[', '{']) => {
                        command
                    }
                    _ => Err(format!("{line:?} is no command")),
                },
                _ => Err(SHAPE.to_owned()),
            };
            Request { id, command }
        }
        Ok(_) => Request { id: None, command: Err(SHAPE.to_owned()) },
        Err(error) => Request { id: None, command: Err(format!("this is no JSON: {error}; {SHAPE}")) },
    })
}

const SHAPE: &str = "as JSON a command is [\"increment\",\"clicks\",2] or {\"id\":1,\"command\":[\"increment\",\"clicks\",2]}";

/// One argument.
enum Word {
    Bare(String),
    Json(Json),
}

/// The arguments that are left.
enum Words<'a> {
    Typed(&'a str),
    Given(std::vec::IntoIter<Json>),
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<Word>, String> {
        match self {
            Self::Given(words) => Ok(words.next().map(Word::Json)),
            Self::Typed(rest) => {
                *rest = rest.trim_start();
                if !rest.starts_with(['"', '[', '{']) {
                    let (word, behind) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
                    *rest = behind;
                    return Ok((!word.is_empty()).then(|| Word::Bare(word.to_owned())));
                }
                let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Json>();
                let json = match stream.next() {
                    Some(Ok(json)) => json,
                    Some(Err(error)) => return Err(format!("{rest} is no JSON: {error}")),
                    None => return Ok(None),
                };
                let behind = &rest[stream.byte_offset()..];
                if !behind.is_empty() && !behind.starts_with(char::is_whitespace) {
                    return Err(format!("there must be a space before {behind}"));
                }
                *rest = behind;
                Ok(Some(Word::Json(json)))
            }
        }
    }

    /// All that is left, as text.
    fn text(&mut self) -> Result<Option<String>, String> {
        if let Self::Typed(rest) = self {
            let words = rest.trim_start();
            if !words.is_empty() && !words.starts_with('"') {
                *rest = "";
                return Ok(Some(words.to_owned()));
            }
        }
        match self.next()? {
            None => Ok(None),
            Some(Word::Bare(word)) | Some(Word::Json(Json::String(word))) => Ok(Some(word)),
            Some(Word::Json(json)) => Err(format!("{json} is no text: put it in quotes")),
        }
    }
}

impl Word {
    /// A name or key.
    fn name(self) -> Result<String, String> {
        match self {
            Self::Bare(word) | Self::Json(Json::String(word)) => Ok(word),
            Self::Json(json) => Err(format!("{json} is no name: put it in quotes")),
        }
    }

    fn json(self) -> Json {
        match self {
            Self::Bare(word) => serde_json::from_str(&word).unwrap_or(Json::String(word)),
            Self::Json(json) => json,
        }
    }

    fn index(self) -> Result<usize, String> {
        let json = self.json();
        let index = json.as_u64().and_then(|index| usize::try_from(index).ok());
        index.ok_or_else(|| format!("{json} is no position: 0 is the first"))
    }
}

/// A value that is not edited in parts.
pub(crate) fn plain(json: Json) -> Result<conjoin::Value, String> {
    use base64::Engine;

    Ok(match json {
        Json::Null => conjoin::Value::Null,
        Json::Bool(value) => value.into(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().ok_or_else(|| format!("{number} is too large"))?.into(),
        },
        Json::String(text) => text.into(),
        Json::Object(ref members) if members.len() == 1 && members.contains_key("$bytes") => {
            let bytes = members["$bytes"].as_str();
            let bytes = bytes.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
            bytes.ok_or_else(|| format!("{json} holds no base64"))?.into()
        }
        json => {
            return Err(format!(
                "{json} cannot stand here, only a string, number, true, false or null; \
                 maps and lists hold more: set MAP KEY VALUE, push LIST VALUE"
            ));
        }
    })
}

fn parse(mut words: Words<'_>) -> Result<Command, String> {
    let name = match words.next()? {
        Some(word) => word.name()?,
        None => return Err(SHAPE.to_owned()),
    };
    let unknown = || unknown(&name);
    let usage = find(&name).ok_or_else(unknown)?;
    let mut words = Arguments { words, usage };
    let command = match usage.name() {
        "increment" => Command::Increment {
            counter: words.name()?,
            by: words.optional()?.map_or(Ok(Amount::Whole(1)), amount)?,
        },
        "set" => {
            let name = words.name()?;
            let second = words.due()?;
            match words.optional()? {
                None => Command::SetRegister { register: name, value: plain(second.json())? },
                Some(value) => Command::SetKey { map: name, key: second.name()?, value: value.json() },
            }
        }
        "unset" => Command::Unset { map: words.name()?, key: words.name()? },
        "push" => Command::Push { list: words.name()?, values: words.values()? },
        "remove" => Command::Remove { list: words.name()?, at: words.due()?.index()? },
        "add" => Command::Add { set: words.name()?, values: words.plain_values()? },
        "discard" => Command::Discard { set: words.name()?, values: words.plain_values()? },
        "append" => Command::Append { text: words.name()?, what: words.text()? },
        "insert" => Command::Insert { text: words.name()?, at: words.due()?.index()?, what: words.text()? },
        "delete" => {
            Command::Delete { text: words.name()?, at: words.due()?.index()?, count: words.due()?.index()? }
        }
        "get" => Command::Get { name: words.optional()?.map(Word::name).transpose()? },
        "watch" => {
            let mut names = Vec::new();
            while let Some(word) = words.optional()? {
                names.push(word.name()?);
            }
            Command::Watch { names }
        }
        "peers" => Command::Peers,
        "stats" => Command::Stats,
        "status" => Command::Status,
        "help" => {
            let about = words.optional()?.map(Word::name).transpose()?;
            let find = |name: String| find(&name).ok_or_else(|| self::unknown(&name));
            Command::Help { command: about.map(find).transpose()? }
        }
        "quit" => Command::Quit,
        _ => return Err(unknown()),
    };
    match words.optional()? {
        None => Ok(command),
        Some(word) => {
            let word = word.json();
            Err(format!("{word} is too much: {}; words that belong together need quotes", words.typed()))
        }
    }
}

/// The usage of a command; of those with one name the first.
fn find(name: &str) -> Option<&'static Usage> {
    USAGES.iter().chain([&QUIT]).find(|usage| usage.name() == name)
}

fn unknown(name: &str) -> String {
    let alike = |usage: &&Usage| {
        let (given, known) = (name.to_lowercase(), usage.name());
        !given.is_empty() && (known.starts_with(&given) || given.starts_with(known))
    };
    match USAGES.iter().chain([&QUIT]).find(alike) {
        Some(usage) => format!("there is no command {name:?}: type {}", usage.form),
        None => format!("there is no command {name:?}: type help to see those there are"),
    }
}

fn amount(word: Word) -> Result<Amount, String> {
    match word.json() {
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Amount::Whole(whole)),
            (None, Some(fraction)) if number.is_f64() => Ok(Amount::Fraction(fraction)),
            _ => Err(format!("{number} is too large")),
        },
        json => Err(format!("{json} is no number: type increment NAME [BY]")),
    }
}

/// The arguments of a command whose name has been read.
struct Arguments<'a> {
    words: Words<'a>,
    usage: &'static Usage,
}

impl Arguments<'_> {
    /// What to type.
    fn typed(&self) -> String {
        let forms: Vec<_> = (USAGES.iter().chain([&QUIT]))
            .filter(|usage| usage.name() == self.usage.name())
            .map(|usage| usage.form)
            .collect();
        format!("type {}, for example {}", forms.join(" or "), self.usage.example)
    }

    fn optional(&mut self) -> Result<Option<Word>, String> {
        self.words.next()
    }

    fn due(&mut self) -> Result<Word, String> {
        self.optional()?.ok_or_else(|| format!("something is missing: {}", self.typed()))
    }

    fn name(&mut self) -> Result<String, String> {
        self.due()?.name()
    }

    fn text(&mut self) -> Result<String, String> {
        self.words.text()?.ok_or_else(|| format!("something is missing: {}", self.typed()))
    }

    fn values(&mut self) -> Result<Vec<Json>, String> {
        let mut values = vec![self.due()?.json()];
        while let Some(word) = self.optional()? {
            values.push(word.json());
        }
        Ok(values)
    }

    fn plain_values(&mut self) -> Result<Vec<conjoin::Value>, String> {
        self.values()?.into_iter().map(plain).collect()
    }
}

#[cfg(test)]
mod tests;
