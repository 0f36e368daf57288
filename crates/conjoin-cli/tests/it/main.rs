//! The binary as its users meet it.

mod help;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(unix)]
mod keep;
mod settings;
mod start_and_stop;
mod support;
