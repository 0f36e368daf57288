//! The binary as its users meet it.

mod help;
mod settings;
mod start_and_stop;
mod support;
