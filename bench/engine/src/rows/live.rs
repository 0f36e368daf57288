//! A text as it is typed.

use anyhow::{Result, ensure};

use crate::{
    engine::{REPLICAS, Text},
    measure::timed,
    trace::Sequential,
};

/// Each patch as a transaction.
pub(crate) fn edits<T: Text>(trace: &Sequential) -> Result<Vec<f64>> {
    let (time, doc) = timed(|| {
        let mut doc = T::new(REPLICAS[0]);
        for patch in trace.patches.iter() {
            doc.edit(patch)?;
        }
        Ok(doc)
    })?;
    ensure!(doc.text() == trace.end, "the text is not the trace's");
    Ok(vec![time])
}

/// Each patch as a transaction that another replica gets at once.
pub(crate) fn live<T: Text>(trace: &Sequential) -> Result<Vec<f64>> {
    let (time, docs) = timed(|| {
        let [mut author, mut reader] = REPLICAS.map(T::new);
        let mut update = Vec::new();
        for patch in trace.patches.iter() {
            update.clear();
            author.edit_and_encode(patch, &mut update)?;
            reader.apply(&update)?;
        }
        Ok([author, reader])
    })?;
    ensure!(docs.iter().all(|doc| doc.text() == trace.end), "the text is not the trace's");
    Ok(vec![time])
}
