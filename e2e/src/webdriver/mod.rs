//! The WebDriver protocol as far as the tests need it, in two spellings: JSON over HTTP to a driver beside
//! the browser, and Marionette, which Firefox speaks itself. <https://www.w3.org/TR/webdriver2/>

mod http;
mod marionette;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use ureq::http::Method;

pub(crate) use self::{
    http::Client as Driver,
    marionette::{Marionette, Place},
};

/// A command of the protocol. What it takes and gives is the same in both spellings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Window,
    Windows,
    NewWindow,
    SwitchToWindow,
    CloseWindow,
    Navigate,
    Refresh,
    CurrentUrl,
    Execute,
    FindElement,
    Click,
    Clear,
    Type,
    PerformActions,
    Screenshot,
    DeleteSession,
}

impl Command {
    /// As HTTP: `{id}` in the path stands for the parameter of that name.
    fn http(self) -> (Method, &'static str) {
        match self {
            Self::Window => (Method::GET, "window"),
            Self::Windows => (Method::GET, "window/handles"),
            Self::NewWindow => (Method::POST, "window/new"),
            Self::SwitchToWindow => (Method::POST, "window"),
            Self::CloseWindow => (Method::DELETE, "window"),
            Self::Navigate => (Method::POST, "url"),
            Self::Refresh => (Method::POST, "refresh"),
            Self::CurrentUrl => (Method::GET, "url"),
            Self::Execute => (Method::POST, "execute/sync"),
            Self::FindElement => (Method::POST, "element"),
            Self::Click => (Method::POST, "element/{id}/click"),
            Self::Clear => (Method::POST, "element/{id}/clear"),
            Self::Type => (Method::POST, "element/{id}/value"),
            Self::PerformActions => (Method::POST, "actions"),
            Self::Screenshot => (Method::GET, "screenshot"),
            Self::DeleteSession => (Method::DELETE, ""),
        }
    }

    /// As Marionette names it.
    fn marionette(self) -> &'static str {
        match self {
            Self::Window => "WebDriver:GetWindowHandle",
            Self::Windows => "WebDriver:GetWindowHandles",
            Self::NewWindow => "WebDriver:NewWindow",
            Self::SwitchToWindow => "WebDriver:SwitchToWindow",
            Self::CloseWindow => "WebDriver:CloseWindow",
            Self::Navigate => "WebDriver:Navigate",
            Self::Refresh => "WebDriver:Refresh",
            Self::CurrentUrl => "WebDriver:GetCurrentURL",
            Self::Execute => "WebDriver:ExecuteScript",
            Self::FindElement => "WebDriver:FindElement",
            Self::Click => "WebDriver:ElementClick",
            Self::Clear => "WebDriver:ElementClear",
            Self::Type => "WebDriver:ElementSendKeys",
            Self::PerformActions => "WebDriver:PerformActions",
            Self::Screenshot => "WebDriver:TakeScreenshot",
            Self::DeleteSession => "WebDriver:DeleteSession",
        }
    }
}

/// A browser under control.
#[derive(Debug)]
pub(crate) enum Session {
    /// Through a driver.
    Driver(Driver),
    /// Directly.
    Marionette(Marionette),
}

impl Session {
    /// Runs a command with these parameters, an object.
    pub(crate) fn run(&self, command: Command, parameters: &Value) -> Result<Value> {
        match self {
            Self::Driver(driver) => {
                let (method, path) = command.http();
                let path = path.replace("{id}", parameters["id"].as_str().unwrap_or_default());
                driver.send(&method, &path, parameters)
            }
            Self::Marionette(marionette) => marionette.send(command.marionette(), parameters),
        }
    }

    /// A command of the Chrome DevTools protocol.
    ///
    /// # Errors
    /// When the browser is none of the kind, or refuses.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        let Self::Driver(driver) = self else { bail!("only Chromium knows {command}") };
        driver
            .send(&Method::POST, "goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
            .with_context(|| command.to_owned())
    }

    /// Lines of Chromium's console.
    ///
    /// # Errors
    /// When the browser is another, or does not answer.
    pub(crate) fn log(&self) -> Result<Value> {
        let Self::Driver(driver) = self else { bail!("only Chromium keeps this log") };
        driver.send(&Method::POST, "se/log", &json!({"type": "browser"}))
    }

    /// Runs the body of a function with all the rights of Firefox in place of the page's.
    ///
    /// # Errors
    /// When the browser is another, or the script throws.
    pub(crate) fn privileged(&self, place: Place, script: &str, arguments: &Value) -> Result<Value> {
        let Self::Marionette(marionette) = self else { bail!("only Firefox runs privileged scripts") };
        marionette.privileged(place, script, arguments)
    }
}

/// A string that the protocol promises.
pub(crate) fn text(value: &Value, what: &str) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| anyhow!("WebDriver gave no {what}: {value}"))
}
