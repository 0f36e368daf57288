//! What must hold of documents, whatever the history.

mod convergence;
mod format;
mod hostile;
mod oracle;
