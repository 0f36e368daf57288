//! WebDriver as Firefox speaks it itself: JSON with its length in front, over TCP. geckodriver does nothing
//! but translate HTTP to this; without it nothing has to be built, and one process less runs.
//! <https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html>

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::http::{COMMAND_TIMEOUT, MAX_ANSWER};

/// The version of the protocol that is spoken here, the only one for many years.
const VERSION: u64 = 3;

/// The digits of the longest length.
const LENGTH_DIGITS: u64 = 10;

/// A connection to a Firefox.
#[derive(Debug)]
pub(crate) struct Marionette(Mutex<Connection>);

#[derive(Debug)]
struct Connection {
    stream: BufReader<TcpStream>,
    /// The number of the last command.
    last: u64,
}

impl Marionette {
    /// Connects to a port of this machine.
    ///
    /// # Errors
    /// When nobody listens there, or speaks another version.
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(COMMAND_TIMEOUT))?;
        let mut connection = Connection { stream: BufReader::new(stream), last: 0 };
        let hello = connection.receive()?;
        ensure!(hello["marionetteProtocol"] == VERSION, "Firefox speaks another Marionette: {hello}");
        Ok(Self(Mutex::new(connection)))
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn send(&self, name: &str, parameters: &Value) -> Result<Value> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = connection.ask(name, parameters).with_context(|| format!("Marionette: {name}"))?;
        if !answer[2].is_null() {
            let field = |name: &str| answer[2][name].as_str().unwrap_or_default();
            bail!("Marionette: {name}: {}: {}", field("error"), field("message"));
        }
        let mut result = answer[3].take();
        // Some answers are an object around the value, others are the value.
        match result.as_object_mut() {
            Some(fields) if fields.len() == 1 && fields.contains_key("value") => Ok(fields["value"].take()),
            _ => Ok(result),
        }
    }

    /// Runs the body of a function with all the rights of the browser in place of the page's.
    pub(crate) fn privileged(&self, place: Place, script: &str, arguments: &Value) -> Result<Value> {
        let set = |context: &str| self.send("Marionette:SetContext", &json!({"value": context}));
        let body = json!({"script": script, "args": arguments, "sandbox": "system", "newSandbox": true});
        match place {
            Place::Page => self.send("WebDriver:ExecuteScript", &body),
            Place::Browser => {
                set("chrome")?;
                let result = self.send("WebDriver:ExecuteScript", &body);
                set("content").and(result)
            }
        }
    }
}

/// Where a privileged script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the browser's own window around the page.
    Browser,
    /// In the process of the page.
    Page,
}

impl Connection {
    fn ask(&mut self, name: &str, parameters: &Value) -> Result<Value> {
        self.last += 1;
        // 0 stands for a command, 1 for an answer.
        let message = json!([0, self.last, name, parameters]).to_string();
        self.stream.get_mut().write_all(format!("{}:{message}", message.len()).as_bytes())?;
        let answer = self.receive()?;
        ensure!(answer[0] == 1 && answer[1] == self.last, "Firefox answered another command: {answer}");
        Ok(answer)
    }

    fn receive(&mut self) -> Result<Value> {
        let mut length = Vec::new();
        self.stream.by_ref().take(LENGTH_DIGITS + 1).read_until(b':', &mut length)?;
        let length: Option<u64> =
            str::from_utf8(&length).ok().and_then(|text| text.strip_suffix(':')?.parse().ok());
        let length = length.context("the connection ended")?;
        ensure!(length <= MAX_ANSWER, "an answer of {length} bytes");
        let mut message = vec![0; usize::try_from(length)?];
        self.stream.read_exact(&mut message)?;
        Ok(serde_json::from_slice(&message)?)
    }
}
