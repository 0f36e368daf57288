//! fjall, with its journal synced at each commit.

use std::path::Path;

use anyhow::Result;
use fjall::{Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::Rooms;

pub(crate) struct Database {
    database: fjall::Database,
    parts: Keyspace,
}

fn key(room: u64, number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&room.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

impl Rooms for Database {
    fn open(folder: &Path) -> Result<Self> {
        let database = fjall::Database::builder(folder.join("rooms")).open()?;
        let parts = database.keyspace("parts", KeyspaceCreateOptions::default)?;
        Ok(Self { database, parts })
    }

    fn append(&mut self, room: u64, first: u64, parts: &[Vec<u8>]) -> Result<()> {
        let mut batch = self.database.batch();
        for (number, part) in (first..).zip(parts) {
            batch.insert(&self.parts, key(room, number), part.as_slice());
        }
        batch.commit()?;
        Ok(self.database.persist(PersistMode::SyncData)?)
    }

    fn load(&self, room: u64) -> Result<Vec<Vec<u8>>> {
        let range = self.parts.range(key(room, 0)..key(room + 1, 0));
        range.map(|part| Ok(part.into_inner()?.1.to_vec())).collect()
    }

    fn replace(&mut self, room: u64, whole: &[u8]) -> Result<()> {
        let mut batch = self.database.batch();
        for part in self.parts.range(key(room, 0)..key(room + 1, 0)) {
            batch.remove(&self.parts, part.key()?);
        }
        batch.insert(&self.parts, key(room, 0), whole);
        batch.commit()?;
        Ok(self.database.persist(PersistMode::SyncData)?)
    }
}
