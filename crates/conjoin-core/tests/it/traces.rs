//! What people really typed, replayed; and the same in small, made up.
//!
//! The traces are those of the public repository josephg/editing-traces: histories of one document,
//! in which each transaction names those it was made after. They are not kept here. The tests that need
//! them look into `CONJOIN_TRACES`, or else into `shared/traces` beside the workspace.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use conjoin_core::{Delta, Doc, ReplicaId};
use serde_json::Value as Json;

/// So many characters deleted at a position, and then this inserted there.
struct Patch {
    at: usize,
    deleted: usize,
    inserted: String,
}

/// What one did at once.
struct Transaction {
    agent: usize,
    /// The transactions that its author had seen last.
    parents: Vec<usize>,
    patches: Vec<Patch>,
}

struct Trace {
    agents: usize,
    transactions: Vec<Transaction>,
    end: String,
}

fn edit(doc: &mut Doc, patches: &[Patch]) -> Delta {
    let commit = doc.transact(|tx| {
        let mut text = tx.text("t");
        for Patch { at, deleted, inserted } in patches {
            text.delete(*at..at + deleted).expect("a trace stays within its text");
            text.insert(*at, inserted).expect("a trace stays within its text");
        }
    });
    commit.delta()
}

/// Numbers without an order that anybody sees, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Plays a trace: each agent edits a document of its own, which gets what its next transaction was made
/// after. At each meeting others who got the same in another order must read the same.
fn play_concurrently(trace: &Trace) {
    let mut numbers = Numbers(1);
    let doc = |id: usize| Doc::new(ReplicaId::new(id as u64));
    let mut live: Vec<Doc> = (0..trace.agents).map(doc).collect();
    // Beside each agent one who gets each batch in disorder, and one who gets it as one delta.
    let mut disorderly: Vec<Doc> = (0..trace.agents).map(|agent| doc(100 + agent)).collect();
    let mut at_once: Vec<Doc> = (0..trace.agents).map(|agent| doc(200 + agent)).collect();
    let mut deltas: Vec<Delta> = Vec::new();
    let mut seen: Vec<Vec<bool>> = vec![vec![false; trace.transactions.len()]; trace.agents];
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); trace.agents];
    for (nth, Transaction { agent, parents, patches }) in trace.transactions.iter().enumerate() {
        let agent = *agent;
        let mut lacking = Vec::new();
        let mut rest = parents.clone();
        while let Some(before) = rest.pop() {
            if !std::mem::replace(&mut seen[agent][before], true) {
                lacking.push(before);
                rest.extend(&trace.transactions[before].parents);
            }
        }
        lacking.sort_unstable();
        for &before in &lacking {
            let applied = live[agent].apply(&deltas[before]).expect("an honest delta applies");
            assert!(!applied.missing);
        }
        if !lacking.is_empty() {
            waiting[agent].extend(&lacking);
            let batch = &mut waiting[agent];
            while !batch.is_empty() {
                let next = batch.swap_remove(numbers.below(batch.len()));
                disorderly[agent].apply(&deltas[next]).expect("an honest delta applies");
            }
            let whole = live[agent].delta_since(at_once[agent].version()).expect("all is kept");
            let whole = Delta::from_bytes(&whole.to_bytes()).expect("what was written can be read");
            at_once[agent].apply(&whole).expect("an honest delta applies");
            let text = live[agent].text("t").to_string();
            assert_eq!(
                disorderly[agent].text("t").to_string(),
                text,
                "in disorder, before transaction {nth}"
            );
            assert_eq!(at_once[agent].text("t").to_string(), text, "at once, before transaction {nth}");
        }
        deltas.push(edit(&mut live[agent], patches));
        seen[agent][nth] = true;
        waiting[agent].push(nth);
    }
    // Everybody gets everything, each in an order of its own.
    for (agent, doc) in live.iter_mut().enumerate() {
        for (nth, delta) in deltas.iter().enumerate() {
            if !seen[agent][nth] {
                doc.apply(delta).expect("an honest delta applies");
            }
        }
    }
    let text = live[0].text("t").to_string();
    assert_eq!(text, trace.end);
    live.iter().for_each(|doc| assert_eq!(doc.text("t").to_string(), text));
    let mut in_blocks = doc(300);
    for block in deltas.chunks(500) {
        let mut block: Vec<&Delta> = block.iter().collect();
        while !block.is_empty() {
            let delta = block.swap_remove(numbers.below(block.len()));
            in_blocks.apply(delta).expect("an honest delta applies");
        }
    }
    assert_eq!(in_blocks.text("t").to_string(), text);
    for bytes in [live[0].snapshot(), live[0].state()] {
        let mut stored = doc(301);
        stored.merge_snapshot(&bytes).expect("an honest snapshot merges");
        assert_eq!(stored.text("t").to_string(), text);
    }
}

/// Three who type words here and there, rub some out, and meet now and then.
fn made_up() -> Trace {
    let mut numbers = Numbers(7);
    let mut docs: Vec<Doc> = (0..3).map(|id| Doc::new(ReplicaId::new(id))).collect();
    // The latest transactions each has seen, and where each goes on typing.
    let mut tips: Vec<Vec<usize>> = vec![Vec::new(); 3];
    let mut cursors = [0; 3];
    let mut transactions: Vec<Transaction> = Vec::new();
    for nth in 0..1500 {
        let agent = if numbers.below(8) == 0 { numbers.below(3) } else { nth / 20 % 3 };
        if numbers.below(25) == 0 {
            let other = (agent + 1 + numbers.below(2)) % 3;
            let theirs = docs[other].clone();
            docs[agent].merge(&theirs).expect("an honest document merges");
            let mut both: Vec<usize> = tips[agent].iter().chain(&tips[other]).copied().collect();
            both.sort_unstable();
            both.dedup();
            tips[agent] = both;
        }
        let len = docs[agent].text("t").len();
        if numbers.below(12) == 0 {
            cursors[agent] = numbers.below(len + 1);
        }
        let cursor = cursors[agent].min(len);
        let deleted = if numbers.below(5) == 0 { numbers.below(4).min(len - cursor) } else { 0 };
        let inserted: String =
            (0..=numbers.below(3)).map(|_| ['a', 'b', ' ', 'é', '漢', '😀'][numbers.below(6)]).collect();
        cursors[agent] = cursor + inserted.chars().count();
        let patches = vec![Patch { at: cursor, deleted, inserted }];
        edit(&mut docs[agent], &patches);
        transactions.push(Transaction { agent, parents: tips[agent].clone(), patches });
        tips[agent] = vec![nth];
    }
    for other in 1..3 {
        let theirs = docs[other].clone();
        docs[0].merge(&theirs).expect("an honest document merges");
    }
    Trace { agents: 3, transactions, end: docs[0].text("t").to_string() }
}

#[test]
fn all_who_replay_a_made_up_trace_agree_in_every_order() {
    play_concurrently(&made_up());
}

fn read(name: &str) -> Trace {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    let folder = std::env::var_os("CONJOIN_TRACES").map_or(beside, PathBuf::from);
    let path = folder.join(format!("{name}.json.gz"));
    let file = std::fs::File::open(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; get it from josephg/editing-traces", path.display()));
    let mut json = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut json).expect("the trace is whole");
    let json: Json = serde_json::from_str(&json).expect("the trace is JSON");
    let number = |json: &Json| json.as_u64().expect("a number") as usize;
    let patch = |patch: &Json| Patch {
        at: number(&patch[0]),
        deleted: number(&patch[1]),
        inserted: patch[2].as_str().expect("text").to_owned(),
    };
    let transaction = |(nth, json): (usize, &Json)| Transaction {
        agent: json["agent"].as_u64().unwrap_or(0) as usize,
        parents: match json["parents"].as_array() {
            Some(parents) => parents.iter().map(number).collect(),
            None => nth.checked_sub(1).into_iter().collect(),
        },
        patches: json["patches"].as_array().expect("patches").iter().map(patch).collect(),
    };
    Trace {
        agents: json["numAgents"].as_u64().unwrap_or(1) as usize,
        transactions: json["txns"].as_array().expect("txns").iter().enumerate().map(transaction).collect(),
        end: json["endContent"].as_str().expect("text").to_owned(),
    }
}

fn gives_its_end(name: &str) {
    let trace = read(name);
    let mut doc = Doc::new(ReplicaId::new(1));
    let mut follower = Doc::new(ReplicaId::new(2));
    for transaction in &trace.transactions {
        let delta = edit(&mut doc, &transaction.patches);
        follower.apply(&delta).expect("an honest delta applies");
    }
    assert!(doc.text("t").to_string() == trace.end, "{name} ends otherwise");
    assert!(follower.text("t").to_string() == trace.end, "{name} ends otherwise for who follows");
    for bytes in [doc.snapshot(), doc.state()] {
        let mut stored = Doc::new(ReplicaId::new(3));
        stored.merge_snapshot(&bytes).expect("an honest snapshot merges");
        assert!(stored.text("t").to_string() == trace.end, "{name} ends otherwise when stored");
    }
}

#[test]
#[ignore = "needs the traces: CONJOIN_TRACES is their folder"]
fn automerge_paper_gives_its_end() {
    gives_its_end("automerge-paper");
}

#[test]
#[ignore = "needs the traces: CONJOIN_TRACES is their folder"]
fn sveltecomponent_gives_its_end() {
    gives_its_end("sveltecomponent");
}

#[test]
#[ignore = "needs the traces: CONJOIN_TRACES is their folder"]
fn all_who_replay_friendsforever_agree_in_every_order() {
    play_concurrently(&read("friendsforever"));
}
