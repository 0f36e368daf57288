//! The weight of what a browser loads, against its limits.

use anyhow::{Result, bail};

use crate::{
    compress::{brotli, gzip},
    report,
    site::{self, Quality},
    workspace::Workspace,
};

/// A crate that is weighed: which, how it is built, and how many bytes its wasm may have after gzip.
struct Weighed {
    what: &'static str,
    package: &'static str,
    which: &'static [&'static str],
    quality: Quality,
    limit: usize,
}

const ENGINE: Weighed = Weighed {
    what: "the whole engine with bindings",
    package: "conjoin-bench-core-size",
    which: &["--lib"],
    quality: Quality::Release,
    limit: 100_000,
};

const WEIGHED: [Weighed; 3] = [
    Weighed {
        what: "the site",
        package: "conjoin-site",
        which: &["--bin", "conjoin-site"],
        quality: Quality::Release,
        limit: 213_000,
    },
    ENGINE,
    Weighed {
        what: "the same, as stable cargo builds it",
        quality: Quality::Stable,
        limit: 123_000,
        ..ENGINE
    },
];

/// `cargo xtask size`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut rows = vec![["wasm of", "bytes", "gzip", "brotli", "limit (gzip)"].map(str::to_owned).to_vec()];
    let mut over = Vec::new();
    for Weighed { what, package, which, quality, limit } in &WEIGHED {
        let wasm = site::compile(workspace, package, which, *quality)?.wasm;
        let packed = gzip(&wasm)?.len();
        rows.push(vec![
            (*what).to_owned(),
            wasm.len().to_string(),
            packed.to_string(),
            brotli(&wasm)?.len().to_string(),
            limit.to_string(),
        ]);
        if packed > *limit {
            over.push(format!("{what}: {} of {}", kilobytes(packed), kilobytes(*limit)));
        }
    }
    report::table(&rows);
    if !over.is_empty() {
        bail!("over the limit: {}", over.join("; "));
    }
    report::good("all within their limits");
    Ok(())
}

/// A size for people.
pub(crate) fn kilobytes(bytes: usize) -> String {
    format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100)
}

/// A part of a whole for people.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    format!("{} % of the whole", part * 100 / whole.max(1))
}
