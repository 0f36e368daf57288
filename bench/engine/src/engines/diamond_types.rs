//! diamond-types.

use anyhow::{Result, anyhow};
use diamond_types::{
    AgentId,
    list::{
        ListCRDT,
        encoding::{ENCODE_FULL, ENCODE_PATCH},
    },
};

use crate::{engine::Text, trace::Patch};

/// The history, a branch that is always at its tip, and who edits here.
pub struct DiamondTypes {
    list: ListCRDT,
    agent: AgentId,
}

impl DiamondTypes {
    fn over(mut list: ListCRDT, replica: u64) -> Self {
        let agent = list.get_or_create_agent_id(&format!("{replica:014x}"));
        Self { list, agent }
    }
}

impl Text for DiamondTypes {
    const NAME: &'static str = "diamond-types";
    const KEEPS_DELETED: bool = true;

    fn new(replica: u64) -> Self {
        Self::over(ListCRDT::new(), replica)
    }

    fn edit(&mut self, patch: Patch<'_>) -> Result<()> {
        let Patch(at, deleted, inserted) = patch;
        if deleted > 0 {
            self.list.delete_without_content(self.agent, at..at + deleted);
        }
        if !inserted.is_empty() {
            self.list.insert(self.agent, at, inserted);
        }
        Ok(())
    }

    fn edit_and_encode(&mut self, patch: Patch<'_>, update: &mut Vec<u8>) -> Result<()> {
        let before = self.list.oplog.local_version();
        self.edit(patch)?;
        update.extend_from_slice(&self.list.oplog.encode_from(ENCODE_PATCH, &before));
        Ok(())
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        self.list.merge_data_and_ff(update).map_err(|error| anyhow!("{error:?}"))?;
        Ok(())
    }

    fn text(&self) -> String {
        self.list.branch.content().to_string()
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.list.oplog.encode(ENCODE_FULL))
    }

    fn load(replica: u64, bytes: &[u8]) -> Result<Self> {
        let list = ListCRDT::load_from(bytes).map_err(|error| anyhow!("{error:?}"))?;
        Ok(Self::over(list, replica))
    }
}
