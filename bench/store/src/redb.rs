//! redb, with its durable commits.

use std::path::Path;

use anyhow::Result;
use redb::{ReadableDatabase, TableDefinition};

use crate::Rooms;

const PARTS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("parts");

pub(crate) struct Database(redb::Database);

impl Rooms for Database {
    fn open(folder: &Path) -> Result<Self> {
        let database = redb::Database::create(folder.join("rooms.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(PARTS)?;
        transaction.commit()?;
        Ok(Self(database))
    }

    fn append(&mut self, room: u64, first: u64, parts: &[Vec<u8>]) -> Result<()> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(PARTS)?;
            for (number, part) in (first..).zip(parts) {
                table.insert((room, number), part.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn load(&self, room: u64) -> Result<Vec<Vec<u8>>> {
        let table = self.0.begin_read()?.open_table(PARTS)?;
        table.range((room, 0)..(room + 1, 0))?.map(|part| Ok(part?.1.value().to_vec())).collect()
    }

    fn replace(&mut self, room: u64, whole: &[u8]) -> Result<()> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(PARTS)?;
            table.retain_in((room, 0)..(room + 1, 0), |_, _| false)?;
            table.insert((room, 0), whole)?;
        }
        Ok(transaction.commit()?)
    }
}
