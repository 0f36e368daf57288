//! Noticing that sources changed, by looking: the same on every system and every file system.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use crate::workspace::Workspace;

/// What the demo is built from.
const SOURCES: [&str; 4] = ["crates", "site", "Cargo.toml", "Cargo.lock"];

/// Folders in there that hold results.
const RESULTS: [&str; 2] = ["dist", "target"];

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The sources as they were.
#[derive(Debug)]
pub(crate) struct Watch {
    roots: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, SystemTime>,
}

impl Watch {
    /// Remembers how the sources are now.
    pub(crate) fn new(workspace: &Workspace) -> Self {
        let mut watch =
            Self { roots: SOURCES.map(|source| workspace.root.join(source)).to_vec(), seen: BTreeMap::new() };
        watch.seen = watch.look();
        watch
    }

    /// Waits until a source has changed since the last time and none changes any more, because an
    /// editor saves several files one after the other. Gives one that changed. `meanwhile` is asked
    /// between two looks whether to go on.
    pub(crate) fn changed(&mut self, mut meanwhile: impl FnMut() -> bool) -> Option<PathBuf> {
        let mut first = None;
        loop {
            if !meanwhile() {
                return None;
            }
            thread::sleep(PAUSE);
            let now = self.look();
            let difference = difference(&self.seen, &now);
            self.seen = now;
            match (difference, &first) {
                (None, Some(_)) => return first,
                (Some(path), None) => first = Some(path),
                _ => {}
            }
        }
    }

    fn look(&self) -> BTreeMap<PathBuf, SystemTime> {
        let mut files = BTreeMap::new();
        self.roots.iter().for_each(|root| collect(root, &mut files));
        files
    }
}

/// A file that is new, gone or written since.
fn difference(
    before: &BTreeMap<PathBuf, SystemTime>,
    after: &BTreeMap<PathBuf, SystemTime>,
) -> Option<PathBuf> {
    let written = after.iter().find(|(path, time)| before.get(*path) != Some(*time));
    let gone = || before.keys().find(|path| !after.contains_key(*path));
    written.map(|(path, _)| path).or_else(gone).cloned()
}

/// Files may come and go while they are looked at: what is not there has no time.
fn collect(path: &Path, files: &mut BTreeMap<PathBuf, SystemTime>) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.is_file() {
        if let Ok(time) = metadata.modified() {
            files.insert(path.to_owned(), time);
        }
        return;
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if RESULTS.contains(&name) || name.starts_with('.') {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_written_and_removed_files_are_differences() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let files = |files: &[(&str, u64)]| -> BTreeMap<PathBuf, SystemTime> {
            files.iter().map(|&(name, time)| (PathBuf::from(name), at(time))).collect()
        };
        let before = files(&[("a", 1), ("b", 1)]);
        assert_eq!(difference(&before, &before), None);
        assert_eq!(difference(&before, &files(&[("a", 1), ("b", 2)])), Some("b".into()));
        assert_eq!(difference(&before, &files(&[("a", 1), ("b", 1), ("c", 1)])), Some("c".into()));
        assert_eq!(difference(&before, &files(&[("b", 1)])), Some("a".into()));
    }
}
