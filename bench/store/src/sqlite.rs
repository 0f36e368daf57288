//! SQLite, with a log and a sync for each commit.

use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, params};

use crate::Rooms;

pub(crate) struct Database(Connection);

impl Rooms for Database {
    fn open(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("rooms.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS parts (room INTEGER, number INTEGER, data BLOB, PRIMARY KEY (room, number))
             WITHOUT ROWID",
        )?;
        Ok(Self(connection))
    }

    fn append(&mut self, room: u64, first: u64, parts: &[Vec<u8>]) -> Result<()> {
        let transaction = self.0.transaction()?;
        for (number, part) in (first..).zip(parts) {
            let mut insert = transaction.prepare_cached("INSERT INTO parts VALUES (?, ?, ?)")?;
            insert.execute(params![room as i64, number as i64, part])?;
        }
        Ok(transaction.commit()?)
    }

    fn load(&self, room: u64) -> Result<Vec<Vec<u8>>> {
        let mut select = self.0.prepare("SELECT data FROM parts WHERE room = ? ORDER BY number")?;
        let parts = select.query_map([room as i64], |row| row.get(0))?;
        Ok(parts.collect::<Result<_, _>>()?)
    }

    fn replace(&mut self, room: u64, whole: &[u8]) -> Result<()> {
        let transaction = self.0.transaction()?;
        transaction.execute("DELETE FROM parts WHERE room = ?", [room as i64])?;
        transaction.execute("INSERT INTO parts VALUES (?, 0, ?)", params![room as i64, whole])?;
        Ok(transaction.commit()?)
    }
}
