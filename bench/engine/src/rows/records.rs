//! Maps and counters.

use anyhow::{Result, ensure};

use super::{Goal, Line, Row, Settings};
use crate::{
    engine::{REPLICAS, Records, Slow},
    engines::{RECORDS, RecordsEngine},
    measure::{Contestant, timed},
};

/// How many transactions.
const TRANSACTIONS: usize = 100_000;

/// How many keys they set.
const KEYS: usize = 1_000;

/// Sets and increments: their time, and the bytes of an update.
pub(crate) fn measure(settings: &Settings) -> Result<Vec<Line>> {
    settings.say("maps\n");
    let mut sets = [
        Line::new("100,000 map sets, each encoded", "ms", Goal::Times(0.4, &["Yrs"])),
        Line::new("an update of a map", "bytes", Goal::AtMost(20.0)),
    ];
    contest(settings, Slow::Sets, &mut sets, RECORDS.iter().map(|engine| (engine, engine.sets)))?;
    settings.say("counters\n");
    let mut increments = [
        Line::new("100,000 increments, each encoded", "ms", Goal::Times(0.2, &["Loro"])),
        Line::new("an update of a counter", "bytes", Goal::AtMost(12.0)),
    ];
    let counting = RECORDS.iter().filter(|engine| engine.counts);
    contest(settings, Slow::Increments, &mut increments, counting.map(|engine| (engine, engine.increments)))?;
    Ok(sets.into_iter().chain(increments).collect())
}

fn contest<'e>(
    settings: &Settings,
    slow: Slow,
    lines: &mut [Line],
    engines: impl Iterator<Item = (&'e RecordsEngine, fn() -> Result<Vec<f64>>)>,
) -> Result<()> {
    let engines = engines.map(|(engine, measure)| {
        (Contestant { name: engine.name, round: Box::new(measure) }, engine.slow.contains(&slow))
    });
    settings.contest(Row::Records, engines.collect(), lines)
}

/// Each set as a transaction, encoded.
pub(crate) fn sets<R: Records>() -> Result<Vec<f64>> {
    let keys: Vec<String> = (0..KEYS).map(|key| format!("key {key}")).collect();
    // A stride that shares no factor with the number of keys: each comes as often, and none twice in a row.
    let key_of = |transaction: usize| &keys[transaction * 389 % KEYS];
    let (time, updates) = transactions::<R>(|doc, transaction, update| {
        doc.set(key_of(transaction), transaction as i64, update)
    })?;
    let reader = read::<R>(&updates)?;
    for transaction in TRANSACTIONS - KEYS..TRANSACTIONS {
        ensure!(reader.get(key_of(transaction)) == Some(transaction as i64), "a value is lost");
    }
    Ok(vec![time, average(&updates)])
}

/// Each increment as a transaction, encoded.
pub(crate) fn increments<R: Records>() -> Result<Vec<f64>> {
    let (time, updates) = transactions::<R>(|doc, _, update| doc.increment(update))?;
    ensure!(read::<R>(&updates)?.count() == TRANSACTIONS as i64, "the sum is wrong");
    Ok(vec![time, average(&updates)])
}

fn transactions<R: Records>(
    mut make: impl FnMut(&mut R, usize, &mut Vec<u8>) -> Result<()>,
) -> Result<(f64, Vec<Vec<u8>>)> {
    timed(|| {
        let mut doc = R::new(REPLICAS[0]);
        let mut updates = Vec::with_capacity(TRANSACTIONS);
        for transaction in 0..TRANSACTIONS {
            let mut update = Vec::new();
            make(&mut doc, transaction, &mut update)?;
            updates.push(update);
        }
        Ok(updates)
    })
}

fn read<R: Records>(updates: &[Vec<u8>]) -> Result<R> {
    let mut reader = R::new(REPLICAS[1]);
    for update in updates {
        reader.apply(update)?;
    }
    Ok(reader)
}

fn average(updates: &[Vec<u8>]) -> f64 {
    updates.iter().map(Vec::len).sum::<usize>() as f64 / updates.len() as f64
}
