//! Notes of what a room had at a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conjoin::{ReplicaId, StorageError, VersionVector};
use rusqlite::params;

use crate::database::{Database, seconds};

/// Only stores in which something was noted have it.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS marks (
        room INTEGER NOT NULL,
        time INTEGER NOT NULL,
        version BLOB NOT NULL,
        PRIMARY KEY (room, time)
    ) STRICT, WITHOUT ROWID
";

impl Database {
    pub(crate) fn mark(&mut self, room: &str, time: SystemTime, mark: &[u8]) -> Result<(), StorageError> {
        self.execute(SCHEMA, [])?;
        let insert =
            "INSERT OR REPLACE INTO marks (room, time, version) SELECT id, ?, ? FROM rooms WHERE name = ?";
        self.execute(insert, params![seconds(time), mark, room])
    }

    pub(crate) fn marks(&self, room: &str) -> Result<Vec<(SystemTime, Vec<u8>)>, StorageError> {
        if !self.has_marks()? {
            return Ok(Vec::new());
        }
        let select = "SELECT time, version FROM marks JOIN rooms ON room = id WHERE name = ? ORDER BY time";
        let list = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare(select)?;
            let rows = statement
                .query_map([room], |row| Ok((UNIX_EPOCH + Duration::from_secs(row.get(0)?), row.get(1)?)))?;
            rows.collect()
        };
        list().map_err(|error| self.explain(&error))
    }

    pub(crate) fn forget_marks(&mut self, room: &str, until: SystemTime) -> Result<(), StorageError> {
        if !self.has_marks()? {
            return Ok(());
        }
        let delete = "DELETE FROM marks WHERE room = (SELECT id FROM rooms WHERE name = ?) AND time <= ?";
        self.execute(delete, params![room, seconds(until)])
    }

    pub(crate) fn has_marks(&self) -> Result<bool, StorageError> {
        let has = "SELECT count(*) FROM sqlite_schema WHERE name = 'marks'";
        let count = self.connection.query_row(has, [], |row| row.get::<_, i64>(0));
        count.map(|count| count > 0).map_err(|error| self.explain(&error))
    }
}

/// A checksum, and for each replica its number and how much of it was seen.
pub(crate) fn encode(version: &VersionVector) -> Vec<u8> {
    let entries = version.iter().flat_map(|(replica, count)| [replica.get(), count]);
    let entries: Vec<u8> = entries.flat_map(u64::to_le_bytes).collect();
    [&crc32fast::hash(&entries).to_le_bytes()[..], &entries].concat()
}

pub(crate) fn decode(mark: &[u8]) -> Option<VersionVector> {
    let (checksum, entries) = mark.split_first_chunk()?;
    let (pairs, rest) = entries.as_chunks::<16>();
    if crc32fast::hash(entries) != u32::from_le_bytes(*checksum) || !rest.is_empty() {
        return None;
    }
    let pair = |pair: &[u8; 16]| {
        let (replica, count) = pair.split_first_chunk()?;
        Some((ReplicaId::new(u64::from_le_bytes(*replica)), u64::from_le_bytes(count.try_into().ok()?)))
    };
    pairs.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_or_not_at_all() {
        let version: VersionVector =
            [(ReplicaId::new(7), 3), (ReplicaId::new(u64::MAX), 1 << 40)].into_iter().collect();
        let mark = encode(&version);
        assert_eq!(decode(&mark), Some(version));
        assert_eq!(decode(&encode(&VersionVector::new())), Some(VersionVector::new()));
        for end in 0..mark.len() {
            assert_eq!(decode(&mark[..end]), None);
        }
        for at in 0..mark.len() {
            let mut broken = mark.clone();
            broken[at] ^= 1;
            assert_eq!(decode(&broken), None);
        }
    }
}
