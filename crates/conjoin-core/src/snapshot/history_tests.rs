//! A document read from its history is the one that was written, in every respect.

use std::borrow::Cow;

use proptest::prelude::*;

use crate::log::Packed;
use crate::{Doc, Expand, ReplicaId, VersionVector};

type Step = (u8, u8, u16, u16);

fn edit(doc: &mut Doc, (_, what, a, b): Step) {
    let _ = doc.transact(|tx| {
        let len = tx.text("t").len();
        let at = |a: u16, len: usize| usize::from(a) % (len + 1);
        match what % 16 {
            0..4 => tx
                .text("t")
                .insert(at(a, len), ["a", "é🙂", "hello"][usize::from(b) % 3])
                .expect("it is within"),
            4 if len > 0 => {
                // Backwards or forwards, one after the other, over whatever stands there.
                let (mut at, count) = (at(a, len - 1), 1 + usize::from(b) % 9);
                for _ in 0..count {
                    let len = tx.text("t").len();
                    if at >= len {
                        break;
                    }
                    tx.text("t").delete(at..(at + 1 + usize::from(b) % 2).min(len)).expect("it is within");
                    at = if b % 4 < 2 { at.saturating_sub(1 + usize::from(b) % 2) } else { at };
                }
            }
            5 if len > 0 => {
                let from = at(a, len - 1);
                tx.text("t").delete(from..(from + 1 + usize::from(b) % 4).min(len)).expect("it is within");
            }
            6 if len > 0 => {
                let from = at(a, len - 1);
                tx.text("t").mark(from..len, "bold", i64::from(b), Expand::After).expect("it is within");
            }
            7 => tx.counter("c").add(i64::from(b)),
            8 => tx.map("m").set(["x", "y"][usize::from(a) % 2], i64::from(b)),
            9 => tx.map("m").text("x").insert(0, "deep").expect("the start is within"),
            10 => tx.set("s").insert(i64::from(b % 3)),
            11 => tx.set("s").remove(i64::from(b % 3)),
            12 => tx.register("r").set(i64::from(b)),
            13 | 14 => {
                let mut list = tx.list("l");
                let len = list.len();
                list.insert(at(a, len), i64::from(b)).expect("it is within");
                if len > 1 {
                    list.move_to(at(a, len), at(b, len)).expect("they are within");
                    list.set(at(b, len), "set").expect("it is within");
                }
                if b % 4 == 0 {
                    list.remove(0..1).expect("it was just filled");
                }
            }
            15 => tx.list("l").insert_map(0).expect("the start is within").set("k", i64::from(b)),
            _ => {}
        }
    });
}

/// Three documents that edit and meet.
fn docs(steps: Vec<Step>) -> Vec<Doc> {
    let mut docs: Vec<Doc> = (1..4).map(|replica| Doc::new(ReplicaId::new(replica))).collect();
    for step in steps {
        let (who, other) = (usize::from(step.0) % 3, usize::from(step.2) % 3);
        if step.0 >= 200 {
            let delta = docs[other].delta_since(docs[who].version()).expect("all is kept");
            docs[who].apply(&delta).expect("it is honest");
        } else {
            edit(&mut docs[who], step);
        }
    }
    docs
}

pub(super) fn check_equal(doc: &Doc, read: &Doc) {
    assert_eq!(read.state(), doc.state());
    assert_eq!(read.state_size(), doc.state_size());
    assert!(read.log.iter().eq(doc.log.iter()), "{:?}\n{:?}", read.log, doc.log);
    assert_eq!(read.version(), doc.version());
    let mut since = VersionVector::new();
    loop {
        let ours = doc.delta_since(&since).expect("all is kept").to_bytes();
        assert_eq!(read.delta_since(&since).expect("all was read").to_bytes(), ours);
        let Some((replica, count)) =
            doc.version().iter().find(|&(replica, count)| since.get(replica) < count)
        else {
            break;
        };
        since.advance(replica, (since.get(replica) + 3).min(count));
    }
}

proptest! {
    #[test]
    fn what_the_log_packs_comes_out_as_it_was(steps in prop::collection::vec(any::<Step>(), 0..60)) {
        for doc in docs(steps) {
            let entries: Vec<_> = doc.log.iter().map(Cow::into_owned).collect();
            prop_assert!(Packed::of(&entries).entries().eq(entries));
        }
    }

    #[test]
    fn a_history_is_read_as_it_was_written(steps in prop::collection::vec(any::<Step>(), 0..60)) {
        for doc in docs(steps) {
            let bytes = doc.history().expect("all is kept");
            let read = Doc::load(ReplicaId::new(9), &bytes).expect("it was just written");
            check_equal(&doc, &read);
            // Not the bytes it was read from, but written anew.
            let mut copy = Doc::new(ReplicaId::new(8));
            copy.merge_snapshot(&bytes).expect("it was just written");
            if copy.log.iter().eq(doc.log.iter()) && copy.numbers.spans() == doc.numbers.spans() {
                prop_assert_eq!(copy.history().expect("all was read").len(), bytes.len());
            }
        }
    }

    #[test]
    fn a_history_goes_on_after_it_was_read(
        steps in prop::collection::vec(any::<Step>(), 0..40),
        more in prop::collection::vec((0..200u8, any::<u8>(), any::<u16>(), any::<u16>()), 1..20),
    ) {
        for doc in docs(steps) {
            let mut read = Doc::load(ReplicaId::new(9), &doc.snapshot()).expect("it was just written");
            more.iter().for_each(|&step| edit(&mut read, step));
            let again = Doc::load(ReplicaId::new(10), &read.history().expect("all is kept")).expect("it was just written");
            check_equal(&read, &again);
            let mut other = Doc::new(ReplicaId::new(11));
            other.apply(&read.delta_since(&VersionVector::new()).expect("all is kept")).expect("it is honest");
            prop_assert_eq!(other.text("t").to_string(), again.text("t").to_string());
        }
    }

    #[test]
    fn damage_is_an_error_or_another_history(
        steps in prop::collection::vec(any::<Step>(), 1..30),
        damage in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
    ) {
        let mut bytes = docs(steps)[0].snapshot();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(doc) = Doc::load(ReplicaId::new(9), &bytes) {
            let delta = doc.delta_since(&VersionVector::new());
            prop_assert!(delta.is_err() || Doc::load(ReplicaId::new(8), &doc.snapshot()).is_ok());
        }
    }

    #[test]
    fn anything_can_be_read(bytes: Vec<u8>) {
        let mut snapshot = b"CJH\x01".to_vec();
        snapshot.extend_from_slice(&bytes);
        let _ = Doc::load(ReplicaId::new(9), &snapshot);
    }
}
