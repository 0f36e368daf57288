//! A site in a folder.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;

use super::negotiation::Encoding;
use super::{Content, Found};

/// A folder whose real path is known.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let root = path.canonicalize()?;
        std::fs::read_dir(&root)?;
        Ok(Self { root })
    }

    /// A file by a name that was checked to have plain parts only.
    pub(super) async fn find(&self, name: &str, headers: &HeaderMap) -> Option<Found> {
        let (path, meta) = self.file(name).await?;
        let changed = meta.modified().unwrap_or(UNIX_EPOCH);
        let tag = format!("{:x}-{:x}", meta.len(), nanos(changed));
        for encoding in Encoding::ALL {
            if !encoding.is_accepted(headers) {
                continue;
            }
            let sibling = self.file(&format!("{name}{}", encoding.ending())).await;
            // An older one was made from what the file no longer is.
            if let Some((path, meta)) = sibling
                && meta.modified().is_ok_and(|made| made >= changed)
            {
                return Some(Found { content: Content::File(path), encoding: Some(encoding), tag });
            }
        }
        Some(Found { content: Content::File(path), encoding: None, tag })
    }

    /// The real path of a file that really lies in the folder.
    async fn file(&self, name: &str) -> Option<(PathBuf, Metadata)> {
        let path = tokio::fs::canonicalize(self.root.join(name)).await.ok()?;
        let meta = tokio::fs::metadata(&path).await.ok()?;
        (path.starts_with(&self.root) && meta.is_file()).then_some((path, meta))
    }

    /// A number that changes when any file is added, removed or written.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut files = Vec::new();
        list(&self.root, &mut files);
        files.sort_unstable();
        super::hash(format!("{files:?}").as_bytes())
    }
}

fn list(folder: &Path, files: &mut Vec<(PathBuf, u64, u128)>) {
    // What cannot be read now is seen at the next look.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => list(&entry.path(), files),
            Ok(meta) => files.push((entry.path(), meta.len(), nanos(meta.modified().unwrap_or(UNIX_EPOCH)))),
            Err(_) => {}
        }
    }
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}
