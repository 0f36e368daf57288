//! The order of the crates, which ARCHITECTURE.md describes and this enforces.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::{report, run::output, workspace::Workspace};

/// Which crates of ours each published crate may stand on. One that is not listed is a mistake, so that a
/// new crate gets its place before it is used.
const BELOW: [(&str, &[&str]); 10] = [
    ("conjoin-core", &[]),
    ("conjoin-signaling", &[]),
    ("conjoin-peer", &["conjoin-core", "conjoin-signaling"]),
    ("conjoin-web", &["conjoin-core", "conjoin-signaling", "conjoin-peer"]),
    ("conjoin-native", &["conjoin-core", "conjoin-signaling", "conjoin-peer"]),
    ("conjoin", &["conjoin-core", "conjoin-signaling", "conjoin-peer", "conjoin-web", "conjoin-native"]),
    (
        "conjoin-store",
        &["conjoin-core", "conjoin-signaling", "conjoin-peer", "conjoin-web", "conjoin-native", "conjoin"],
    ),
    ("conjoin-server", &["conjoin-signaling"]),
    (
        "conjoin-cli",
        &[
            "conjoin-core",
            "conjoin-signaling",
            "conjoin-peer",
            "conjoin-web",
            "conjoin-native",
            "conjoin",
            "conjoin-store",
            "conjoin-server",
        ],
    ),
    // For the site, on any platform: in the browser it stands on no native driver.
    (
        "conjoin-site",
        &["conjoin-core", "conjoin-signaling", "conjoin-peer", "conjoin-web", "conjoin-native", "conjoin"],
    ),
];

/// Crates that know neither clocks nor networks nor the operating system.
const PURE: [&str; 3] = ["conjoin-core", "conjoin-signaling", "conjoin-peer"];

/// What no pure crate may stand on: runtimes, servers, the browser, WebRTC stacks, randomness. `*` at
/// the end stands for anything.
const IMPURE: [&str; 18] = [
    "tokio*",
    "async-std",
    "smol",
    "futures*",
    "mio",
    "axum*",
    "hyper*",
    "tungstenite",
    "web-sys",
    "js-sys",
    "wasm-bindgen*",
    "gloo*",
    "webrtc*",
    "str0m*",
    "rtc*",
    "datachannel*",
    "getrandom",
    "rand*",
];

/// Nothing stands on what is above it.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut wrong = BTreeSet::new();
    for (name, allowed) in BELOW {
        for dependency in tree(workspace, name)? {
            let ours = dependency == "conjoin" || dependency.starts_with("conjoin-");
            if ours && dependency != name && !allowed.contains(&dependency.as_str()) {
                wrong.insert(format!("{name} must not depend on {dependency}"));
            }
            if PURE.contains(&name) && IMPURE.iter().any(|pattern| matches(pattern, &dependency)) {
                wrong.insert(format!("{name} must stay free of I/O, but depends on {dependency}"));
            }
        }
    }
    let known: BTreeMap<_, _> = BELOW.into_iter().collect();
    for name in published(workspace)? {
        if !known.contains_key(name.as_str()) {
            wrong.insert(format!("{name} has no place among the layers yet: give it one in {}", file!()));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.into_iter().collect::<Vec<_>>().join("; "));
    }
    report::good(
        "core ◄ peer ◄ {web, native} ◄ conjoin ◄ {site, store}; signaling ◄ {peer, server}; {store, server} ◄ cli",
    );
    Ok(())
}

/// All that a crate is built with on any platform, except for its own tests and build scripts.
fn tree(workspace: &Workspace, package: &str) -> Result<BTreeSet<String>> {
    let printed = output(workspace.cargo().args([
        "tree",
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={p}",
        "--target=all",
        "--package",
        package,
    ]))?;
    Ok(names(&printed))
}

/// The names of the packages in what `cargo tree` printed.
fn names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Our crates under `crates/` that are for others to use.
fn published(workspace: &Workspace) -> Result<Vec<String>> {
    let metadata = output(workspace.cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    // `publish = false` is an empty list of registries here.
    let kept_back = |package: &serde_json::Value| package["publish"].as_array().is_some_and(Vec::is_empty);
    Ok(packages
        .iter()
        .filter(|package| !kept_back(package))
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => {
            name == start || name.starts_with(&format!("{start}-")) || name.starts_with(&format!("{start}_"))
        }
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_a_family_and_nothing_else() {
        assert!(matches("tokio*", "tokio"));
        assert!(matches("tokio*", "tokio-tungstenite"));
        assert!(matches("rand*", "rand_core"));
        assert!(!matches("rtc*", "rtcheck"));
        assert!(!matches("web-sys", "web-system"));
    }

    #[test]
    fn names_are_read_from_a_tree() {
        let printed = "conjoin-core v0.1.0 (/somewhere)\nthiserror v2.0.1\n\nmio v1.0.0 (*)\n";
        let expected = ["conjoin-core", "mio", "thiserror"].map(str::to_owned);
        assert_eq!(names(printed), BTreeSet::from(expected));
    }
}
