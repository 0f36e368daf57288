//! cola, which keeps no text, over jumprope, which does.
//!
//! It is published under two names. The newer writes and reads its own compact form; the older leaves that
//! to serde, and is fastest through bincode.

use anyhow::{Context as _, Result, anyhow};
use jumprope::JumpRopeBuf;
use serde::{Deserialize, Serialize};

use crate::{engine::Text, trace::Patch};

/// All replicas are forks of one, or they would not know each other's first edit.
const ORIGIN: u64 = 1;

macro_rules! engine {
    ($engine:ident, $library:ident, $name:literal, $format:ident) => {
        #[doc = concat!($name, ": a replica, and its text.")]
        pub struct $engine {
            replica: $library::Replica,
            rope: JumpRopeBuf,
        }

        impl Text for $engine {
            const NAME: &'static str = $name;
            const KEEPS_DELETED: bool = false;

            fn new(replica: u64) -> Self {
                Self { replica: $library::Replica::new(ORIGIN, 0).fork(replica), rope: JumpRopeBuf::new() }
            }

            fn edit(&mut self, Patch(at, deleted, inserted): Patch<'_>) -> Result<()> {
                if deleted > 0 {
                    self.rope.remove(at..at + deleted);
                    let _ = self.replica.deleted(at..at + deleted);
                }
                if !inserted.is_empty() {
                    self.rope.insert(at, inserted);
                    let _ = self.replica.inserted(at, inserted.len());
                }
                Ok(())
            }

            fn edit_and_encode(
                &mut self,
                Patch(at, deleted, inserted): Patch<'_>,
                update: &mut Vec<u8>,
            ) -> Result<()> {
                let deletion = (deleted > 0).then(|| {
                    self.rope.remove(at..at + deleted);
                    self.replica.deleted(at..at + deleted)
                });
                let insertion = (!inserted.is_empty()).then(|| {
                    self.rope.insert(at, inserted);
                    (self.replica.inserted(at, inserted.len()), inserted)
                });
                $format::write(&Update { deletion, insertion }, update)
            }

            fn apply(&mut self, update: &[u8]) -> Result<()> {
                let update: Update<'_, $library::Deletion, $library::Insertion> = $format::read(update)?;
                if let Some(deletion) = update.deletion {
                    for range in self.replica.integrate_deletion(&deletion).into_iter().rev() {
                        self.rope.remove(range);
                    }
                }
                if let Some((insertion, text)) = update.insertion {
                    let at =
                        self.replica.integrate_insertion(&insertion).context("an edit came too early")?;
                    self.rope.insert(at, text);
                }
                Ok(())
            }

            fn text(&self) -> String {
                self.rope.borrow().to_string()
            }

            fn save(&mut self) -> Result<Vec<u8>> {
                let mut bytes = Vec::new();
                $format::write(&(self.replica.encode(), self.text()), &mut bytes)?;
                Ok(bytes)
            }

            fn load(replica: u64, bytes: &[u8]) -> Result<Self> {
                let (encoded, text): (_, &str) = $format::read(bytes)?;
                let replica =
                    $library::Replica::decode(replica, &encoded).map_err(|error| anyhow!("{error:?}"))?;
                Ok(Self { replica, rope: JumpRopeBuf::new_from_str(text) })
            }
        }
    };
}

engine!(Cola, cola, "cola 0.5", compact);
engine!(ColaCrdt, cola_crdt, "cola 0.1", plain);

/// A transaction on the wire.
#[derive(Deserialize, Serialize)]
struct Update<'t, D, I> {
    deletion: Option<D>,
    #[serde(borrow)]
    insertion: Option<(I, &'t str)>,
}

/// Numbers in as few bytes as they need.
mod compact {
    use std::mem;

    use anyhow::Result;
    use serde::{Deserialize, Serialize};

    pub(super) fn write(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<()> {
        *bytes = postcard::to_extend(value, mem::take(bytes))?;
        Ok(())
    }

    pub(super) fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T> {
        Ok(postcard::from_bytes(bytes)?)
    }
}

/// Numbers in eight bytes.
mod plain {
    use anyhow::Result;
    use serde::{Deserialize, Serialize};

    pub(super) fn write(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<()> {
        Ok(bincode::serialize_into(bytes, value)?)
    }

    pub(super) fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T> {
        Ok(bincode::deserialize(bytes)?)
    }
}
