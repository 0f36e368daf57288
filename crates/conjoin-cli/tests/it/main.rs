//! The binary as its users meet it.

mod doctor;
mod help;
#[cfg(target_os = "linux")]
mod hostile;
mod join;
#[cfg(unix)]
mod keep;
#[cfg(target_os = "linux")]
mod nat;
mod peer;
mod settings;
mod start_and_stop;
mod support;
