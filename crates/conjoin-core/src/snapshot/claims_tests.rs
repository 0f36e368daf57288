//! What claims more than is there is refused, and what is found out late loses nothing.

use super::columns;
use super::golden_tests::golden;
use crate::codec::{Header, Reader, Writer};
use crate::{Doc, HistoryGone, ReplicaId, VersionVector};

/// The first column that is inflated only when somebody looks back.
const LATE: usize = 13;

/// The columns of the golden history, as they are inflated.
fn golden_columns() -> Vec<Vec<u8>> {
    let bytes = golden().history().expect("all is kept");
    let mut reader = Reader::new(&bytes[4..]);
    let mut all = Vec::new();
    while !reader.is_empty() {
        all.push(columns::read(&mut reader).expect("it was just written").into_owned());
    }
    all
}

fn history_of(columns: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    Header::History.write(&mut out);
    for column in columns {
        out.varint(column.len() as u64);
        if !column.is_empty() {
            out.bytes(column);
        }
    }
    out
}

/// The golden history with a billion in the place of each byte, one after the other: among them are all counts.
fn claims() -> impl Iterator<Item = (usize, Vec<u8>)> {
    let golden = golden_columns();
    let bytes: Vec<(usize, usize)> =
        (0..golden.len()).flat_map(|column| (0..golden[column].len()).map(move |at| (column, at))).collect();
    bytes.into_iter().map(move |(column, at)| {
        let mut columns = golden.clone();
        let mut billion = Vec::new();
        billion.varint(1_000_000_000);
        columns[column].splice(at..=at, billion);
        (column, history_of(&columns))
    })
}

#[test]
fn a_billion_in_the_place_of_anything_is_refused_or_takes_no_room() {
    assert!(Doc::load(ReplicaId::new(9), &history_of(&golden_columns())).is_ok());
    for (column, bytes) in claims() {
        let Ok(doc) = Doc::load(ReplicaId::new(9), &bytes) else {
            assert!(column < LATE, "what is inflated late is not looked at before");
            continue;
        };
        assert!(doc.state_size() < 10_000 && doc.text("t").len() == golden().text("t").len());
        if let Ok(delta) = doc.delta_since(&VersionVector::new()) {
            assert!(delta.to_bytes().len() < 1_000, "of a billion elements none is there");
        }
    }
}

#[test]
fn a_column_that_claims_a_billion_bytes_is_refused() {
    let golden = golden_columns();
    for at in 0..golden.len() {
        let mut out = history_of(&golden[..at]);
        out.varint(1_000_000_000);
        out.bytes(&vec![0; 1 << 20]);
        out.extend_from_slice(&history_of(&golden[at..])[4..]);
        assert!(Doc::load(ReplicaId::new(9), &out).is_err());
    }
}

#[test]
fn what_is_damaged_where_nobody_looked_costs_the_history_alone() {
    let golden_doc = golden();
    for (column, bytes) in claims().filter(|claim| claim.0 >= LATE) {
        let mut doc = Doc::load(ReplicaId::new(9), &bytes).expect("this is not looked at yet");
        let delta = doc.delta_since(&VersionVector::new()).map(|_| ());
        assert_eq!(delta, Err(HistoryGone), "column {column}");
        let snapshot = Doc::load(ReplicaId::new(8), &doc.snapshot()).expect("the state is there");
        assert_eq!(snapshot.state(), golden_doc.state());
        let commit = doc.transact(|tx| tx.text("t").push("!"));
        assert_eq!(commit.delta().operations(), 1);
        assert_eq!(doc.text("t").to_string(), golden_doc.text("t").to_string() + "!");
        let since = doc.delta_since(golden_doc.version()).expect("this is kept");
        let mut other = golden_doc.clone();
        other.apply(&since).expect("it follows on what was there");
        assert_eq!(other.text("t").to_string(), doc.text("t").to_string());
    }
}
