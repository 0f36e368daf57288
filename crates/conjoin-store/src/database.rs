//! The database of a store, and how it is checked.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use conjoin::StorageError;
use rusqlite::config::DbConfig;
use rusqlite::ffi::ErrorCode;
use rusqlite::{Connection, OptionalExtension, Params, Transaction, params};

use crate::{DATABASE, RoomInfo};

/// Marks the database as ours: `Cjst`.
const APPLICATION: i32 = 0x436a_7374;

/// The version of what is in the database.
const FORMAT: i32 = 1;

const PAGE: u64 = 4096;

/// With so many pages free, and a quarter of all, they are given back to the disk.
const MOST_FREE: u64 = 256;

const SCHEMA: &str = "
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        used INTEGER NOT NULL,
        parts INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE parts (
        room INTEGER NOT NULL,
        number INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (room, number)
    ) STRICT, WITHOUT ROWID;
";

/// Something to be saved.
pub(crate) struct Change {
    pub(crate) room: Arc<str>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_whole: bool,
}

pub(crate) struct Database {
    pub(crate) connection: Connection,
    path: PathBuf,
    /// Held while it is open.
    _lock: File,
}

impl Database {
    pub(crate) fn open(folder: &Path) -> Result<Self, StorageError> {
        let cannot = |what: &str, path: &Path, error: &dyn std::fmt::Display| {
            StorageError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| cannot("make the folder", folder, &error))?;
        let lock_path = folder.join("lock");
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(|error| cannot("write to", &lock_path, &error))?;
        // Whoever had it may be about to end, or a child of theirs about to let go of it.
        let patience = Instant::now() + Duration::from_secs(1);
        let locked = loop {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                    thread::sleep(Duration::from_millis(10));
                }
                locked => break locked,
            }
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = format!("the store {} is in use by another process", folder.display());
                return Err(StorageError::Unavailable(problem));
            }
            Err(TryLockError::Error(error)) => return Err(cannot("lock", &lock_path, &error)),
        }
        let path = folder.join(DATABASE);
        // SQLite takes a file that is too short for a header for a new one.
        let len = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if (1..512).contains(&len) {
            return Err(damaged(&path, "it is cut short"));
        }
        let connection = Connection::open(&path).map_err(|error| explain(&path, &error))?;
        let database = Self { connection, path, _lock: lock };
        // What is refused is not touched by closing it, either.
        database.leave_log_on_close(true)?;
        database.prepare()?;
        database.leave_log_on_close(false)?;
        Ok(database)
    }

    fn leave_log_on_close(&self, leave: bool) -> Result<(), StorageError> {
        self.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave)
            .map(|_| ())
            .map_err(|error| explain(&self.path, &error))
    }

    fn prepare(&self) -> Result<(), StorageError> {
        let pragma = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let explained = |error: rusqlite::Error| explain(&self.path, &error);
        // Without this, another process could come between.
        self.connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(explained)?;
        let tables = "SELECT count(*) FROM sqlite_schema";
        let is_new =
            self.connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(explained)? == 0;
        if !is_new {
            if pragma("application_id").map_err(explained)? != i64::from(APPLICATION) {
                let problem = format!("{} is a database of another program", self.path.display());
                return Err(StorageError::Unavailable(problem));
            }
            let format = pragma("user_version").map_err(explained)?;
            if format > i64::from(FORMAT) {
                return Err(StorageError::Unavailable(format!(
                    "{} was written by a newer version of this program (format {format}, this one knows {FORMAT}); \
                     update this one",
                    self.path.display()
                )));
            }
            self.check()?;
        }
        let set = |name: &str, value: &dyn rusqlite::ToSql| self.connection.pragma_update(None, name, value);
        set("auto_vacuum", &"INCREMENTAL")
            .and_then(|()| set("journal_mode", &"WAL"))
            .and_then(|()| set("synchronous", &"FULL"))
            .and_then(|()| set("fullfsync", &true))
            .and_then(|()| set("checkpoint_fullfsync", &true))
            // The log stays at a megabyte, unless more is written at once.
            .and_then(|()| set("wal_autocheckpoint", &256))
            .and_then(|()| set("journal_size_limit", &(1 << 20)))
            .map_err(explained)?;
        if is_new {
            let transaction = self.connection.unchecked_transaction().map_err(explained)?;
            transaction
                .execute_batch(SCHEMA)
                .and_then(|()| set("application_id", &APPLICATION))
                .and_then(|()| set("user_version", &FORMAT))
                .and_then(|()| transaction.commit())
                .map_err(explained)?;
        }
        // Whether it can be written is better known now than later.
        let probe = "BEGIN IMMEDIATE; UPDATE rooms SET used = used WHERE id = -1; COMMIT";
        self.connection.execute_batch(probe).map_err(explained)
    }

    /// Reads all pages, and all of the rooms but their parts.
    fn check(&self) -> Result<(), StorageError> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| explain(&self.path, &error))?;
        if found != "ok" {
            return Err(damaged(&self.path, &found.replace('\n', " ")));
        }
        let counts = "SELECT (SELECT total(parts) FROM rooms) = (SELECT count(*) FROM parts)";
        let same = self.connection.query_row(counts, [], |row| row.get(0));
        match same {
            Ok(true) => Ok(()),
            Ok(false) => Err(damaged(&self.path, "there are not as many parts as there should be")),
            Err(error) => Err(explain(&self.path, &error)),
        }
    }

    pub(crate) fn set_limit(&self, bytes: u64) -> Result<(), StorageError> {
        let pages = i64::try_from((bytes / PAGE).max(1)).unwrap_or(i64::MAX).min(0xffff_fffe);
        self.pragma(&format!("max_page_count = {pages}")).map(|_| ())
    }

    pub(crate) fn size(&self) -> Result<u64, StorageError> {
        Ok(self.pragma("page_count")? * PAGE)
    }

    fn pragma(&self, pragma: &str) -> Result<u64, StorageError> {
        self.connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
            .map_err(|error| explain(&self.path, &error))
    }

    /// Saves all or, if it fails, nothing.
    pub(crate) fn save(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let result = self.connection.transaction().and_then(|transaction| {
            let used = seconds(SystemTime::now());
            changes.iter().try_for_each(|change| write(&transaction, change, used))?;
            transaction.commit()
        });
        result.map_err(|error| self.explain(&error))?;
        if changes.iter().any(|change| change.is_whole) {
            self.shrink();
        }
        Ok(())
    }

    /// Gives pages that are free back to the disk, when there are many. If it cannot be done now, it is
    /// later.
    fn shrink(&self) {
        let pages = self.pragma("page_count").unwrap_or(0);
        let free = self.pragma("freelist_count").unwrap_or(0);
        if free > MOST_FREE.max(pages / 4) {
            // A step frees a page.
            let freed = self.connection.prepare("PRAGMA incremental_vacuum").and_then(|mut statement| {
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
                Ok(())
            });
            drop(freed);
        }
    }

    pub(crate) fn load(&self, name: &str) -> Result<Vec<Vec<u8>>, StorageError> {
        let lost = |what: &str| damaged(&self.path, &format!("of the room {name:?}, {what}"));
        let explained = |error: rusqlite::Error| explain(&self.path, &error);
        let room = self
            .connection
            .query_row("SELECT id, parts, bytes FROM rooms WHERE name = ?", [name], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, u64>(2)?))
            })
            .optional()
            .map_err(explained)?;
        let Some((id, count, bytes)) = room else { return Ok(Vec::new()) };
        let mut statement = self
            .connection
            .prepare("SELECT number, checksum, data FROM parts WHERE room = ? ORDER BY number")
            .map_err(explained)?;
        let mut rows = statement.query([id]).map_err(explained)?;
        let mut parts: Vec<Vec<u8>> = Vec::new();
        while let Some(row) = rows.next().map_err(explained)? {
            let (number, expected, data): (i64, i64, Vec<u8>) = row.try_into().map_err(explained)?;
            if number != parts.len() as i64 {
                return Err(lost(&format!("part {} is missing", parts.len())));
            }
            if checksum(name, number, &data) != expected {
                return Err(lost(&format!("part {number} is not what was written")));
            }
            parts.push(data);
        }
        if parts.len() as i64 != count || parts.iter().map(|part| part.len() as u64).sum::<u64>() != bytes {
            return Err(lost("not all parts are there"));
        }
        Ok(parts)
    }

    pub(crate) fn rooms(&self) -> Result<Vec<RoomInfo>, StorageError> {
        let list = || -> rusqlite::Result<Vec<_>> {
            let mut statement =
                self.connection.prepare("SELECT name, used, bytes FROM rooms ORDER BY name")?;
            let rows = statement.query_map([], |row| {
                let used = UNIX_EPOCH + Duration::from_secs(row.get(1)?);
                Ok(RoomInfo { name: row.get(0)?, used, bytes: row.get(2)? })
            })?;
            rows.collect()
        };
        list().map_err(|error| explain(&self.path, &error))
    }

    pub(crate) fn touch(&mut self, rooms: &[String]) -> Result<(), StorageError> {
        let result = self.connection.transaction().and_then(|transaction| {
            let used = seconds(SystemTime::now());
            for name in rooms {
                transaction.execute("UPDATE rooms SET used = ? WHERE name = ?", params![used, name])?;
            }
            transaction.commit()
        });
        result.map_err(|error| self.explain(&error))
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<bool, StorageError> {
        let has_marks = self.has_marks()?;
        let result = self.connection.transaction().and_then(|transaction| {
            let of_room = "WHERE room = (SELECT id FROM rooms WHERE name = ?)";
            transaction.execute(&format!("DELETE FROM parts {of_room}"), [name])?;
            if has_marks {
                transaction.execute(&format!("DELETE FROM marks {of_room}"), [name])?;
            }
            let removed = transaction.execute("DELETE FROM rooms WHERE name = ?", [name])?;
            transaction.commit()?;
            Ok(removed > 0)
        });
        let removed = result.map_err(|error| self.explain(&error))?;
        self.shrink();
        Ok(removed)
    }

    /// Does one statement.
    pub(crate) fn execute(&self, sql: &str, parameters: impl Params) -> Result<(), StorageError> {
        self.connection.execute(sql, parameters).map(drop).map_err(|error| self.explain(&error))
    }

    /// As [`explain`], with the limit if that is what was met.
    pub(crate) fn explain(&self, error: &rusqlite::Error) -> StorageError {
        let explained = explain(&self.path, error);
        let (Ok(pages), Ok(most)) = (self.pragma("page_count"), self.pragma("max_page_count")) else {
            return explained;
        };
        let near = most.saturating_sub(pages) < 64 && most < 0xffff_fffe;
        match explained {
            StorageError::Full(_) if near => {
                let limit = most * PAGE / 1024;
                let problem =
                    format!("the store {} has reached its limit of {limit} KiB", self.path.display());
                StorageError::Full(problem)
            }
            other => other,
        }
    }
}

fn write(transaction: &Transaction<'_>, change: &Change, used: i64) -> rusqlite::Result<()> {
    let Change { room, bytes, is_whole } = change;
    let known = transaction
        .prepare_cached("SELECT id, parts FROM rooms WHERE name = ?")?
        .query_row([room], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    let (id, mut number) = match known {
        Some(known) => known,
        None => {
            transaction
                .prepare_cached("INSERT INTO rooms (name, used, parts, bytes) VALUES (?, ?, 0, 0)")?
                .execute(params![room, used])?;
            (transaction.last_insert_rowid(), 0)
        }
    };
    if *is_whole {
        transaction.prepare_cached("DELETE FROM parts WHERE room = ?")?.execute([id])?;
        transaction.prepare_cached("UPDATE rooms SET parts = 0, bytes = 0 WHERE id = ?")?.execute([id])?;
        number = 0;
    }
    transaction
        .prepare_cached("INSERT INTO parts (room, number, checksum, data) VALUES (?, ?, ?, ?)")?
        .execute(params![id, number, checksum(room, number, bytes), bytes])?;
    transaction
        .prepare_cached("UPDATE rooms SET used = ?, parts = parts + 1, bytes = bytes + ? WHERE id = ?")?
        .execute(params![used, bytes.len() as i64, id])?;
    Ok(())
}

/// Of a part, and of where it belongs.
fn checksum(room: &str, number: i64, bytes: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(room.as_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    i64::from(hasher.finalize())
}

pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

fn damaged(path: &Path, what: &str) -> StorageError {
    StorageError::Damaged(format!("the store {} is damaged: {what}", path.display()))
}

/// What an error means for the user.
fn explain(path: &Path, error: &rusqlite::Error) -> StorageError {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StorageError::Full(format!("the disk of {} is full", path.display())),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, &text),
        // A value is not of the type it was written as.
        None => damaged(path, &text),
        Some(ErrorCode::ReadOnly) => {
            StorageError::Unavailable(format!("cannot write to {}: it is read-only", path.display()))
        }
        Some(_) => StorageError::Unavailable(format!("cannot use {}: {text}", path.display())),
    }
}
