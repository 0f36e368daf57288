//! What must hold of documents, whatever the history.

#[cfg(feature = "serde")]
mod bridge;
mod convergence;
mod cursors;
mod doer;
mod edits;
mod format;
mod hostile;
mod json;
mod mirror;
mod oracle;
mod reader;
mod regressions;
mod text;
#[cfg(not(target_family = "wasm"))]
mod traces;
mod travel;
mod world;
