//! WebDriver as JSON over HTTP, to a local driver.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::{Agent, http::Method};

/// The longest that a single command may take: a script that runs a whole test suite in the page.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(600);

/// Screenshots are the largest answers.
pub(super) const MAX_ANSWER: u64 = 64 << 20;

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

    /// Sends a command; its parameters go with those that have a body.
    pub(crate) fn send(&self, method: &Method, path: &str, parameters: &Value) -> Result<Value> {
        let url = if path.is_empty() { self.base.clone() } else { format!("{}/{path}", self.base) };
        let asked = format!("{method} {path}");
        let answer = match *method {
            Method::POST => {
                let body = serde_json::to_vec(parameters)?;
                self.agent.post(&url).content_type("application/json").send(body)
            }
            Method::DELETE => self.agent.delete(&url).call(),
            _ => self.agent.get(&url).call(),
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
