//! What fuzzing found worth keeping: the corpus reaches all code that fuzzing ever reached, the
//! regressions are findings, each named after what it was.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use conjoin_fuzz::{TARGETS, Target};

/// The files in a folder of a target.
fn files(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files: Vec<_> = entries.map(|entry| entry.expect("a folder can be read to its end").path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

fn replay((name, target): Target, files: &[PathBuf]) {
    for file in files {
        let data = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(catch_unwind(|| target(&data)).is_ok(), "{name} fails on {}", file.display());
    }
}

#[test]
fn the_corpus_of_every_target_passes() {
    for target in TARGETS {
        replay(target, &files("corpus", target.0));
    }
}

#[test]
fn what_was_found_once_does_not_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let found = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names: Vec<_> = found
        .map(|entry| {
            entry.expect("a folder can be read to its end").file_name().into_string().expect("a name")
        })
        .collect();
    assert!(!names.is_empty(), "{} is empty", folder.display());
    for name in names {
        let target = TARGETS.into_iter().find(|target| target.0 == name);
        replay(target.unwrap_or_else(|| panic!("no target is called {name}")), &files("regressions", &name));
    }
}
