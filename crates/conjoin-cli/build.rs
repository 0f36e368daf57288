//! Puts the built site into the binary: a table of `include_bytes!`, written to `OUT_DIR`.
//!
//! The site is the folder in `CONJOIN_SITE_DIST`, or else `site/dist` of the workspace. Without
//! it the table is empty, and the binary says how to build the site.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const SOURCE: &str = "CONJOIN_SITE_DIST";

fn main() {
    println!("cargo:rerun-if-env-changed={SOURCE}");
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let workspace = manifest.join("../..");
    let dist = match env::var_os(SOURCE).filter(|path| !path.is_empty()) {
        Some(path) => {
            let path = workspace.join(path);
            assert!(path.is_dir(), "{SOURCE}: {} is no folder", path.display());
            Some(path)
        }
        None => {
            let path = workspace.join("site/dist");
            // A path that is missing counts as changed at every build, so until there is a site
            // the folder that it will appear in is watched.
            let watched = if path.is_dir() { &path } else { &workspace.join("site") };
            if watched.is_dir() {
                println!("cargo:rerun-if-changed={}", watched.display());
            }
            path.is_dir().then_some(path)
        }
    };
    let mut files = BTreeMap::new();
    if let Some(dist) = &dist {
        println!("cargo:rerun-if-changed={}", dist.display());
        collect(dist, "", &mut files);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("site.rs");
    fs::write(&out, table(&files)).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}

/// All files below a folder, by their names with `/` between folders. Hidden ones are left out.
fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            panic!("{}: the name is not UTF-8", path.display());
        };
        if name.starts_with('.') {
            continue;
        }
        let full = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{full}/"), files);
        } else {
            files.insert(full, path);
        }
    }
}

/// The files as Rust source; a compressed file goes with the one it was made from.
fn table(files: &BTreeMap<String, PathBuf>) -> String {
    let is_sibling = |name: &str| {
        let original = name.strip_suffix(".br").or_else(|| name.strip_suffix(".gz"));
        original.is_some_and(|original| files.contains_key(original))
    };
    let include = |path: &PathBuf| {
        let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        format!("include_bytes!({:?})", path.to_str().expect("the path was read as UTF-8"))
    };
    let sibling = |name: String| match files.get(&name) {
        Some(path) => format!("Some({})", include(path)),
        None => "None".into(),
    };
    let mut table = String::from("&[\n");
    for (name, path) in files.iter().filter(|(name, _)| !is_sibling(name)) {
        let (content, brotli, gzip) =
            (include(path), sibling(format!("{name}.br")), sibling(format!("{name}.gz")));
        writeln!(table, "Asset {{ name: {name:?}, content: {content}, brotli: {brotli}, gzip: {gzip} }},")
            .expect("writing to a string never fails");
    }
    table + "]\n"
}
