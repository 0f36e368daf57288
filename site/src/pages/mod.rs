//! The demos, one module each.

pub(crate) mod counter;
