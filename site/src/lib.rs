//! The Conjoin demo pages, built with Leptos on the `conjoin` crate as any app would be.
//!
//! Top-down: `app` is the frame around a page; `pages` holds one module for each demo;
//! `panels` are what every page about a room shows (connection, peers, statistics, log);
//! `room` turns the behaviors of a [`conjoin::Room`] into signals. [`mod@format`], [`link`],
//! [`input`], [`mishap`], [`palette`] and [`sync`] are plain code, tested natively, which is why only they are
//! built for other targets than the browser.

pub mod format;
pub mod input;
pub mod link;
pub mod mishap;
pub mod palette;
pub mod sync;

#[cfg(target_arch = "wasm32")]
pub mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod erased;
#[cfg(target_arch = "wasm32")]
mod icons;
#[cfg(target_arch = "wasm32")]
mod pages;
#[cfg(target_arch = "wasm32")]
mod panels;
#[cfg(target_arch = "wasm32")]
mod room;
#[cfg(target_arch = "wasm32")]
mod session;
#[cfg(target_arch = "wasm32")]
mod theme;
