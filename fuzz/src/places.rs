//! Places and versions from anybody: cursors, and version vectors as they are sent.

use conjoin_core::codec::Reader;
use conjoin_core::{Causality, Cursor, ReplicaId, VersionVector};

use crate::documents::Used;

/// Bytes of a cursor.
pub fn cursor(data: &[u8]) {
    let Ok(cursor) = Cursor::from_bytes(data) else { return };
    assert_eq!(Cursor::from_bytes(&cursor.to_bytes()).as_ref(), Ok(&cursor), "what was written can be read");
    let mut doc = Used::new().doc;
    let longest = doc.text("t").len().max(doc.list("l").len());
    let Some(index) = doc.resolve(&cursor) else { return };
    assert!(index <= longest, "a cursor is in a text or list");
    doc.transact(|tx| {
        tx.text("t").delete(..).expect("all of it is there");
        tx.list("l").remove(..).expect("all of it is there");
    });
    assert!(doc.resolve(&cursor).is_none_or(|index| index <= longest));
}

/// Bytes of a version vector, with replicas by the numbers of a session.
pub fn version(data: &[u8]) {
    const REPLICAS: u64 = 100;
    let resolve = |number| (number < REPLICAS).then(|| ReplicaId::new(number));
    let mut reader = Reader::new(data);
    let Ok(version) = VersionVector::decode_with(&mut reader, &resolve) else { return };
    let mut bytes = Vec::new();
    version.encode_with(&mut bytes, &mut ReplicaId::get);
    let again = VersionVector::decode_with(&mut Reader::new(&bytes), &resolve);
    assert_eq!(again.as_ref(), Ok(&version), "what was written can be read");
    // What follows is another one.
    let Ok(other) = VersionVector::decode_with(&mut reader, &resolve) else { return };
    let mut both = version.clone();
    both.join(&other);
    assert!(both.covers(&version) && both.covers(&other));
    for replica in (0..REPLICAS).map(ReplicaId::new) {
        assert_eq!(both.get(replica), version.get(replica).max(other.get(replica)));
    }
    assert_eq!(version.compare(&other) == Causality::Equal, version == other);
    assert_eq!(version.covers(&other), both == version);
    let doc = Used::new().doc;
    drop(doc.delta_since(&version));
    drop(doc.at(&version));
    drop(doc.diff(&version, &other));
    let mut compacted = doc.clone();
    compacted.compact(&version);
}
