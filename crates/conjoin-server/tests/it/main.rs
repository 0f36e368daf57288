//! The server as its clients meet it.

mod dialect;
mod hostile;
mod http;
mod limits;
mod oracle;
mod random_input;
mod shutdown;
mod site;
mod support;
mod takeover;
