//! The WebDriver protocol as far as the tests need it: JSON over HTTP to a local driver.
//! <https://www.w3.org/TR/webdriver2/>

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use ureq::{Agent, http::Method};

/// The longest that a single command may take: a script that runs a whole test suite in the page.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(600);

/// Screenshots are the largest answers.
const MAX_ANSWER: u64 = 64 << 20;

/// A connection to a driver, under one base path.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(COMMAND_TIMEOUT)).build();
        Self { agent: Agent::new_with_config(config), base }
    }

    /// The same connection, further down the path.
    pub(crate) fn below(&self, path: &str) -> Self {
        Self { agent: self.agent.clone(), base: format!("{}/{path}", self.base) }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Value> {
        self.send(Method::DELETE, path, None)
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = if path.is_empty() { self.base.clone() } else { format!("{}/{path}", self.base) };
        let asked = format!("{method} {path}");
        let answer = match body {
            Some(body) => {
                self.agent.post(&url).content_type("application/json").send(serde_json::to_vec(body)?)
            }
            None if method == Method::DELETE => self.agent.delete(&url).call(),
            None => self.agent.get(&url).call(),
        };
        let mut answer = answer.with_context(|| format!("WebDriver: {asked}"))?;
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string()?;
        let mut json: Value =
            serde_json::from_str(&text).with_context(|| format!("WebDriver: {asked} answered {text}"))?;
        let value = json.get_mut("value").map(Value::take).unwrap_or_default();
        if answer.status().is_success() {
            return Ok(value);
        }
        let error = value["error"].as_str().unwrap_or("error");
        let message = value["message"].as_str().and_then(|message| message.lines().next()).unwrap_or(&text);
        bail!("WebDriver: {asked}: {error}: {message}")
    }
}

/// A string that the protocol promises.
pub(crate) fn text(value: &Value, what: &str) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| anyhow!("WebDriver gave no {what}: {value}"))
}
