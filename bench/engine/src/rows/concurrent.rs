//! Replicas that edit one text at the same time.

use anyhow::{Result, ensure};

use crate::{
    engine::{READER, REPLICAS, Text},
    measure::timed,
    trace::{Concurrent, Step},
};

/// All replicas living through the trace, and then one that gets all updates.
pub(crate) fn measure<T: Text>(trace: &Concurrent) -> Result<Vec<f64>> {
    ensure!(trace.authors == REPLICAS.len(), "the trace has not two authors");
    let (live, (docs, updates)) = timed(|| {
        let mut docs = REPLICAS.map(T::new);
        let mut updates: Vec<Vec<u8>> = vec![Vec::new(); trace.transactions.len()];
        for step in &trace.steps {
            match *step {
                Step::Edit { at, transaction } => docs[at]
                    .edit_and_encode(trace.transactions.get(transaction), &mut updates[transaction])?,
                Step::Deliver { to, transaction } => docs[to].apply(&updates[transaction])?,
            }
        }
        Ok((docs, updates))
    })?;
    let (fresh, reader) = timed(|| {
        let mut reader = T::new(READER);
        for update in &updates {
            reader.apply(update)?;
        }
        Ok(reader)
    })?;
    let text = reader.text();
    ensure!(docs.iter().all(|doc| doc.text() == text), "the replicas do not agree");
    Ok(vec![live, fresh])
}
