//! What decoding takes, by an allocator that counts.

use conjoin_core::codec::{Reader, Writer};
use conjoin_core::{Delta, Doc, Expand, ReplicaId, Transaction, Value, VersionVector};
use miniz_oxide::inflate::decompress_to_vec;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const INPUT: usize = 1 << 20;

/// What any document takes, however few bytes it has.
const LEAST: usize = 4096;

/// The most memory that may be taken at a time, for each byte of what is read.
const MOST: f64 = 20.0;

/// The most memory that reading takes at a time, for each byte of its input.
fn cost(bytes: &[u8]) -> f64 {
    each(peak(bytes, |_| ()), bytes.len())
}

/// The same with an edit and a look back, which need what was not read before.
fn cost_of_all(bytes: &[u8]) -> f64 {
    each(peak(bytes, look_back), bytes.len())
}

fn each(memory: usize, bytes: usize) -> f64 {
    memory as f64 / bytes as f64
}

fn look_back(doc: &mut Doc) {
    doc.transact(|tx| tx.text("t").push("!"));
    drop(doc.delta_since(&VersionVector::new()));
}

fn peak(bytes: &[u8], then: impl Fn(&mut Doc)) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut doc = Doc::new(ReplicaId::new(1));
    if let Ok(delta) = Delta::from_bytes(bytes) {
        drop(doc.apply(&delta));
    }
    if doc.merge_snapshot(bytes).is_ok() {
        then(&mut doc);
    }
    (ALLOCATOR.peak_usage() - before).saturating_sub(LEAST)
}

/// `INPUT` bytes that start with `start` and as high a count as there can be of what takes `each` bytes,
/// and go on with the same `thing` to the end.
fn claims(start: &[u8], each: usize, thing: &[u8]) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.varint(((INPUT - start.len() - 4) / each) as u64);
    while bytes.len() + thing.len() <= INPUT {
        bytes.extend_from_slice(thing);
    }
    bytes.resize(INPUT, 0xff);
    bytes
}

const TIMES: usize = 50_000;

/// An edit that takes few bytes, to be done again and again.
type Small = (&'static str, fn(&mut Transaction<'_>, usize));

const SMALL: [Small; 7] = [
    ("counting", |tx, _| tx.counter("c").increment()),
    ("writes", |tx, nth| tx.register("r").set(nth % 2 == 0)),
    ("keys", |tx, nth| tx.map("m").set("k", nth % 2 == 0)),
    ("members", |tx, nth| match nth % 2 {
        0 => tx.set("s").insert(true),
        _ => tx.set("s").remove(true),
    }),
    ("letters at the front", |tx, _| tx.text("t").insert(0, "x").expect("it is there")),
    ("letters anywhere", |tx, nth| tx.text("t").insert(nth * 7919 % (nth + 1), "x").expect("it is there")),
    ("letters that go", |tx, nth| match nth % 3 {
        2 => tx.text("t").delete(nth / 3..nth / 3 + 1).expect("it is there"),
        _ => tx.text("t").insert(0, "x").expect("it is there"),
    }),
];

/// A document that is written in a while and read at once.
type Whole = (&'static str, fn(&mut Doc));

const MANY: usize = 100_000;

/// A number that looks like chance.
fn scattered(nth: usize) -> usize {
    (nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 20
}

fn items(doc: &mut Doc, value: impl Fn(usize) -> Value) {
    doc.transact(|tx| tx.list("l").insert_all(0, (0..MANY).map(value)).expect("the start is there"));
}

const WHOLE: &[Whole] = &[
    ("texts and lists", |doc| {
        for nth in 0..20_000 {
            doc.transact(|tx| {
                tx.text("t").insert(nth * 7919 % (nth + 1), "typed").expect("in the text");
                tx.list("l").insert(nth * 31 % (nth + 1), "item").expect("in the list");
            });
        }
    }),
    ("items: nothing", |doc| items(doc, |_| Value::Null)),
    ("items: flags", |doc| items(doc, |nth| scattered(nth).is_multiple_of(2).into())),
    ("items: digits", |doc| items(doc, |nth| ((scattered(nth) % 10) as i64).into())),
    ("items: flags and digits", |doc| {
        items(doc, |nth| if nth % 32 == 0 { 1.into() } else { true.into() });
    }),
    ("items: numbers", |doc| items(doc, |nth| (nth as i64).into())),
    ("items: words", |doc| items(doc, |nth| Value::Str(format!("{:x}", scattered(nth) % 4096)))),
    ("items: empty words", |doc| items(doc, |_| "".into())),
    ("items pushed apart", |doc| (0..MANY).for_each(|_| _ = doc.transact(|tx| tx.list("l").push(true)))),
    ("items at the front", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|_| tx.list("l").insert(0, true).expect("the start is there")));
    }),
    ("items that go", |doc| {
        items(doc, |nth| (nth % 2 == 0).into());
        doc.transact(|tx| (0..MANY / 2).for_each(|nth| tx.list("l").remove(nth..=nth).expect("it is there")));
    }),
    ("items that move", |doc| {
        items(doc, |nth| (nth % 2 == 0).into());
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.move_to(scattered(nth) % MANY, 0).expect("it is there"));
        });
    }),
    ("items that change", |doc| {
        items(doc, |nth| (nth % 2 == 0).into());
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.set(scattered(nth) % MANY, nth % 3 == 0).expect("it is there"));
        });
    }),
    ("counters in a list", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| _ = list.insert_counter(nth).expect("the end is there"));
        });
    }),
    ("maps in a list", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.insert_map(nth).expect("the end is there").set("k", true));
        });
    }),
    ("lists in lists", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.insert_list(nth).expect("the end is there").push(true));
        });
    }),
    ("maps under keys", |doc| {
        doc.transact(|tx| {
            (0..MANY).for_each(|nth| tx.map("m").map(&format!("{nth:x}")).set("k", nth as i64))
        });
    }),
    ("keys", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.map("m").set(&format!("{nth:x}"), Value::Null)));
    }),
    ("keys anywhere", |doc| {
        doc.transact(|tx| {
            (0..MANY)
                .for_each(|nth| tx.map("m").set(&format!("{:x}", scattered(nth) % (1 << 24)), Value::Null));
        });
    }),
    ("keys that go", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.map("m").set(&format!("{nth:x}"), Value::Null)));
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.map("m").remove(&format!("{nth:x}"))));
    }),
    ("members", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.set("s").insert(nth as i64)));
    }),
    ("members anywhere", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.set("s").insert((scattered(nth) % (1 << 20)) as i64)));
    }),
    ("members that go", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.set("s").insert(nth as i64)));
        doc.transact(|tx| (0..MANY).for_each(|nth| tx.set("s").remove(nth as i64)));
    }),
    ("marks", |doc| {
        doc.transact(|tx| {
            let mut text = tx.text("t");
            text.insert(0, &"x".repeat(1000)).expect("the start is there");
            for nth in 0..20_000 {
                let at = scattered(nth) % 900;
                text.mark(at..at + 50, "b", nth % 2 == 0, Expand::After).expect("it is there");
            }
        });
    }),
    ("one of each kind in turn", |doc| {
        doc.transact(|tx| {
            for nth in 0..MANY {
                tx.counter("c").increment();
                tx.register("r").set(nth % 2 == 0);
                tx.map("m").set("k", nth % 2 == 0);
                tx.set("s").insert(nth % 2 == 0);
            }
        });
    }),
    ("writes of two registers", |doc| {
        doc.transact(|tx| {
            for nth in 0..MANY {
                tx.register("r").set(nth % 2 == 0);
                tx.register("s").set(nth % 2 == 0);
            }
        });
    }),
    ("items that move to the end", |doc| {
        items(doc, |nth| (nth % 2 == 0).into());
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.move_to(scattered(nth) % MANY, MANY - 1).expect("it is there"));
        });
    }),
    ("items that move anywhere", |doc| {
        items(doc, |nth| (nth % 2 == 0).into());
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| {
                list.move_to(scattered(nth) % MANY, scattered(7 * nth + 1) % MANY).expect("both are there");
            });
        });
    }),
    ("counters in a list that count", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| _ = list.insert_counter(nth).expect("the end is there"));
            (0..MANY).for_each(|nth| list.counter(nth).expect("it is there").increment());
        });
    }),
    ("counters of fractions in a list", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| {
                let mut counter = list.insert_float_counter(nth).expect("the end is there");
                counter.add(0.5).expect("it is finite");
            });
        });
    }),
    ("registers in a list", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.insert_register(nth).expect("the end is there").set(true));
        });
    }),
    ("registers in a list that are written later", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| _ = list.insert_register(nth).expect("the end is there"));
            (0..MANY).for_each(|nth| list.register(nth).expect("it is there").set(true));
        });
    }),
    ("sets in a list", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.insert_set(nth).expect("the end is there").insert(true));
        });
    }),
    ("maps in a list that are written later", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| _ = list.insert_map(nth).expect("the end is there"));
            (0..MANY).for_each(|nth| list.map(nth).expect("it is there").set("k", true));
        });
    }),
    ("counters under one key", |doc| {
        doc.transact(|tx| {
            for _ in 0..MANY / 2 {
                tx.map("m").remove("k");
                tx.map("m").counter("k").increment();
            }
        });
    }),
    ("small marks", |doc| {
        doc.transact(|tx| {
            let mut text = tx.text("t");
            text.insert(0, "x").expect("the start is there");
            (0..20_000)
                .for_each(|nth| text.mark(0..1, "b", nth % 2 == 0, Expand::After).expect("it is there"));
        });
    }),
];

/// Of these reading alone stays within that: to look back, what they hold is there twice.
const READ: &[Whole] = &[
    ("texts in a list", |doc| {
        doc.transact(|tx| {
            let mut list = tx.list("l");
            (0..MANY).for_each(|nth| list.insert_text(nth).expect("the end is there").push("x"));
        });
    }),
    ("maps under one key", |doc| {
        doc.transact(|tx| {
            for _ in 0..MANY / 2 {
                tx.map("m").remove("k");
                tx.map("m").map("k");
            }
        });
    }),
    ("texts under one key", |doc| {
        doc.transact(|tx| {
            for _ in 0..MANY / 2 {
                tx.map("m").remove("k");
                tx.map("m").text("k").push("x");
            }
        });
    }),
    ("letters at the front", |doc| {
        doc.transact(|tx| (0..MANY).for_each(|_| tx.text("t").insert(0, "x").expect("the start is there")));
    }),
    ("letters anywhere", |doc| {
        doc.transact(|tx| {
            let mut text = tx.text("t");
            (0..MANY).for_each(|nth| text.insert(scattered(nth) % (nth + 1), "x").expect("it is there"));
        });
    }),
];

/// Of these, too: a name, a key or an item for each value, in which one thing happens.
type Many = (&'static str, Edit);

/// An edit of the value of a name.
type Edit = fn(&mut Transaction<'_>, &str);

const NAMED: &[Many] = &[
    ("counters", |tx, name| tx.counter(name).increment()),
    ("counters of fractions", |tx, name| tx.float_counter(name).add(0.5).expect("it is finite")),
    ("registers", |tx, name| tx.register(name).set(true)),
    ("sets", |tx, name| tx.set(name).insert(true)),
    ("sets of words", |tx, name| tx.set(name).insert("x")),
    ("texts", |tx, name| tx.text(name).push("x")),
    ("texts that are marked", |tx, name| {
        let mut text = tx.text(name);
        text.push("x");
        text.mark(0..1, "b", true, Expand::After).expect("it is there");
    }),
    ("lists", |tx, name| tx.list(name).push(true)),
    ("maps", |tx, name| tx.map(name).set("k", true)),
    ("all kinds of one name", |tx, name| {
        tx.counter(name).increment();
        tx.register(name).set(true);
        tx.set(name).insert(true);
        tx.text(name).push("x");
        tx.list(name).push(true);
        tx.map(name).set("k", true);
    }),
    ("texts in maps", |tx, name| tx.map(name).text("k").push("x")),
    ("counters in maps", |tx, name| tx.map(name).counter("k").increment()),
    ("counters under keys", |tx, key| tx.map("m").counter(key).increment()),
    ("registers under keys", |tx, key| tx.map("m").register(key).set(true)),
    ("sets under keys", |tx, key| tx.map("m").set_of(key).insert(true)),
    ("texts under keys", |tx, key| tx.map("m").text(key).push("x")),
    ("lists under keys", |tx, key| tx.map("m").list(key).push(true)),
    ("maps in maps under keys", |tx, key| tx.map("m").map(key).map("k").set("k", true)),
    ("texts in maps in a list", |tx, _| {
        let mut list = tx.list("l");
        list.insert_map(0).expect("the start is there").text("k").push("x");
    }),
    ("counters in lists in a list", |tx, _| {
        let mut list = tx.list("l");
        let mut nested = list.insert_list(0).expect("the start is there");
        nested.insert_counter(0).expect("the start is there").increment();
    }),
];

/// Small values that are made in one go and edited in another.
const AGAIN: &[(&str, Edit, Edit)] = &[
    (
        "texts that are typed in front of",
        |tx, name| tx.text(name).push("x"),
        |tx, name| tx.text(name).insert(0, "y").expect("the start is there"),
    ),
    (
        "texts that are deleted",
        |tx, name| tx.text(name).push("xy"),
        |tx, name| tx.text(name).delete(0..1).expect("it is there"),
    ),
    (
        "texts under keys that are pushed to",
        |tx, key| tx.map("m").text(key).push("x"),
        |tx, key| tx.map("m").text(key).push("y"),
    ),
    (
        "texts in a list that are written later",
        |tx, _| _ = tx.list("l").insert_text(0).expect("the start is there"),
        |tx, name| tx.list("l").text(nth(name)).expect("it is there").push("x"),
    ),
    (
        "lists that are put in front of",
        |tx, name| tx.list(name).push(true),
        |tx, name| tx.list(name).insert(0, false).expect("the start is there"),
    ),
    ("lists that are pushed to", |tx, name| tx.list(name).push(true), |tx, name| tx.list(name).push("x")),
    (
        "lists of which an item changes",
        |tx, name| tx.list(name).push(true),
        |tx, name| tx.list(name).set(0, false).expect("it is there"),
    ),
    (
        "lists of which an item goes",
        |tx, name| tx.list(name).push(true),
        |tx, name| tx.list(name).remove(0..1).expect("it is there"),
    ),
    (
        "lists of which an item moves",
        |tx, name| (0..2).for_each(|nth| tx.list(name).push(nth)),
        |tx, name| tx.list(name).move_to(1, 0).expect("both are there"),
    ),
    (
        "lists in a list that are put in front of",
        |tx, _| tx.list("l").insert_list(0).expect("the start is there").push(true),
        |tx, name| {
            let mut list = tx.list("l");
            list.list(nth(name)).expect("it is there").insert(0, false).expect("the start is there");
        },
    ),
];

/// Which of many values it is by its name.
fn nth(name: &str) -> usize {
    usize::from_str_radix(name, 16).expect("it was made of a number")
}

const ONE_REPLICA: [u8; 9] = [1, 7, 0, 0, 0, 0, 0, 0, 0];

/// A document with each kind of operation.
fn every_kind() -> Doc {
    let mut doc = Doc::new(ReplicaId::new(2));
    doc.transact(|tx| {
        tx.counter("c").add(-2);
        tx.float_counter("f").add(0.5).expect("it is finite");
        tx.register("r").set("hi");
        tx.map("m").set("k", true);
        tx.map("m").remove("k");
        tx.map("m").text("n").push("nested");
        tx.set("s").insert(1);
        tx.set("s").remove(1);
        let mut list = tx.list("l");
        list.push(1);
        list.push("b");
        list.set(0, true).expect("it is there");
        list.move_to(1, 0).expect("both are there");
        list.remove(0..1).expect("it is there");
        let mut text = tx.text("t");
        text.insert(0, "hello, hello").expect("the start is there");
        text.mark(0..2, "b", true, Expand::After).expect("they are there");
        text.delete(1..3).expect("they are there");
        text.delete(5..7).expect("they are there");
    });
    doc
}

/// The columns of a history, inflated.
fn columns(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(&bytes[4..]);
    let mut columns = Vec::new();
    while !reader.is_empty() {
        let len = reader.varint().expect("each begins with its length") as usize;
        let stored = if len == 0 { &[] } else { reader.bytes().expect("then it follows") };
        columns.push(match stored.len() == len {
            true => stored.to_vec(),
            false => decompress_to_vec(stored).expect("it was just deflated"),
        });
    }
    columns
}

fn history_of(columns: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"CJH\x01".to_vec();
    for column in columns {
        out.varint(column.len() as u64);
        if !column.is_empty() {
            out.bytes(column);
        }
    }
    out
}

// One test alone: others would allocate meanwhile.
#[test]
fn decoding_takes_memory_in_proportion_to_what_is_there() {
    let delta = |rest: &[u8]| [b"CJD\x01", rest].concat();
    let state = |rest: &[u8]| [b"CJS\x01", rest].concat();
    let history = |rest: &[u8]| [b"CJH\x01", rest].concat();
    let in_delta = |rest: &[u8]| delta(&[&ONE_REPLICA[..], rest].concat());
    let in_state = |rest: &[u8]| state(&[&ONE_REPLICA[..], &[1, 1, b'n'], rest].concat());
    // After one operation, with nothing compacted and no names: containers.
    let after_names = |rest: &[u8]| in_state(&[&[1, 0, 1, 0, 0, 0], rest].concat());
    let in_container = |kind: u8, rest: &[u8]| after_names(&[&[1, kind, 0, 0, 0, 0], rest].concat());

    // Counts that nothing justifies, wherever a count stands: nothing is taken for them.
    let mut starts = vec![
        delta(&[]),
        in_delta(&[]),
        in_delta(&[1, 2, 0, 0, 0]),
        in_delta(&[1, 4, 0, 0, 0]),
        // Characters, items and what is deleted.
        in_delta(&[1, 0, 0, 0, 8, 0, 1, b'n', 0]),
        in_delta(&[1, 0, 0, 0, 9, 0, 1, b'n', 0]),
        in_delta(&[1, 0, 0, 0, 10, 0, 1, b'n', 0, 0]),
        state(&[]),
        state(&ONE_REPLICA),
        in_state(&[]),
        in_state(&[1, 0]),
        in_state(&[1, 0, 1]),
        in_state(&[1, 0, 1, 0, 0]),
        in_state(&[1, 0, 1, 0, 0, 1]),
        after_names(&[]),
        after_names(&[0]),
        in_container(5, &[0]),
        in_container(5, &[0, 1, 0, 0, 0]),
        in_container(5, &[0, 1, 0, 0, 0, 0]),
        in_container(6, &[0, 1, 0, 0, 0]),
        in_container(6, &[0, 1, 0, 0, 0, 0]),
        history(&[]),
        history(&[0]),
        history(&[0; 12]),
        history(&[0; 19]),
    ];
    starts.extend((0..7).map(|kind| in_container(kind, &[])));
    starts.extend((0..5).map(|kind| in_container(kind, &[0; 4])));
    for start in starts {
        for each in [1, 2, 4] {
            assert!(cost(&claims(&start, each, &[0xff])) <= MOST, "{start:?} claims one for {each} bytes");
        }
        for many in [1_000_000_000, u64::MAX] {
            let mut endless = start.clone();
            endless.varint(many);
            endless.resize(INPUT, 0);
            assert!(cost(&endless) <= MOST, "{start:?} claims more than can be there");
        }
    }

    // The smallest things there are, as many as fit: here memory is what holding them takes.
    for (what, bytes) in [
        ("dependencies", claims(&in_delta(&[1, 2, 0, 0, 0]), 2, &[0, 0])),
        ("strings", claims(&state(&ONE_REPLICA), 1, &[0])),
        ("spans", claims(&in_state(&[]), 3, &[0, 1, 0])),
    ] {
        let cost = cost(&bytes);
        assert!(cost <= MOST, "{what}: {cost} bytes for each");
    }
    for (what, edit) in SMALL {
        let [mut apart, mut at_once] = [2, 2].map(|id| Doc::new(ReplicaId::new(id)));
        (0..TIMES).for_each(|nth| _ = apart.transact(|tx| edit(tx, nth)));
        at_once.transact(|tx| (0..TIMES).for_each(|nth| edit(tx, nth)));
        for doc in [apart, at_once] {
            let all = doc.delta_since(&VersionVector::new()).expect("nothing was forgotten").to_bytes();
            let cost = cost(&all);
            assert!(cost <= MOST, "{what}: {cost} bytes for each");
        }
    }

    // A billion in the place of anything in a history, in columns that go on long enough for a count to be taken
    // seriously: what is inflated late, too.
    let golden = columns(&every_kind().snapshot());
    for (nth, column) in golden.iter().enumerate() {
        for at in 0..column.len() {
            let mut claim = golden.clone();
            let mut billion = Vec::new();
            billion.varint(1_000_000_000);
            claim[nth].splice(at..=at, billion);
            claim[nth].resize(INPUT, 0);
            let bytes = history_of(&claim);
            assert!(cost_of_all(&bytes) <= MOST, "a billion at {at} of column {nth}");
        }
    }

    // What a document wrote itself.
    for (looks, shapes) in [(true, WHOLE), (false, READ)] {
        for (what, edit) in shapes {
            let mut doc = Doc::new(ReplicaId::new(2));
            edit(&mut doc);
            hold(what, &doc, looks);
        }
    }
    for (what, edit) in NAMED {
        let mut doc = Doc::new(ReplicaId::new(2));
        doc.transact(|tx| (0..MANY).for_each(|nth| edit(tx, &format!("{nth:x}"))));
        hold(what, &doc, false);
    }
    for (what, first, then) in AGAIN {
        let mut doc = Doc::new(ReplicaId::new(2));
        for edit in [first, then] {
            doc.transact(|tx| (0..MANY).for_each(|nth| edit(tx, &format!("{nth:x}"))));
        }
        hold(what, &doc, false);
    }
}

/// Holds reading a document in each of its forms against the limit, and looking back in it if that is said.
fn hold(what: &str, doc: &Doc, looks: bool) {
    let all = doc.delta_since(&VersionVector::new()).expect("nothing was forgotten").to_bytes();
    for (form, bytes) in [("delta", all), ("state", doc.state()), ("snapshot", doc.snapshot())] {
        let mut whole = bytes.len();
        if form == "snapshot" {
            // What comes of a history grows with its columns, which are deflated to a sixteenth at the best.
            whole = columns(&bytes).iter().map(Vec::len).sum();
            let cost = each(peak(&bytes, look_back), whole);
            assert!(!looks || cost <= MOST, "looking back at {what}: {cost} bytes for each");
        }
        let cost = each(peak(&bytes, |_| ()), whole);
        assert!(cost <= MOST, "{what} as {form}: {cost} bytes for each");
    }
}
