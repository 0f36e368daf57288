//! Replicas that edit at once, each against the model.

mod harness;

use proptest::collection::vec;
use proptest::prelude::*;

use super::load::Malformed;
use super::model::Element;
use super::*;
use harness::{By, Replica, chars};

#[derive(Debug, Clone)]
enum Step {
    Insert {
        by: usize,
        at: usize,
        text: String,
    },
    Delete {
        by: usize,
        at: usize,
        count: usize,
    },
    Pull {
        by: usize,
        from: usize,
        most: usize,
    },
    /// Types character by character from a place on, forwards or backwards, or deletes so.
    Type {
        by: usize,
        at: usize,
        count: usize,
        back: bool,
    },
    Backspace {
        by: usize,
        at: usize,
        count: usize,
    },
}

fn steps(replicas: usize) -> impl Strategy<Value = Vec<Step>> {
    let by = 0..replicas;
    let at = 0..10_000usize;
    let insert = (by.clone(), at.clone(), "[a-zäß€😀]{1,6}");
    let delete = (by.clone(), at.clone(), 0..12usize);
    let pull = (by.clone(), 0..replicas, prop_oneof![1..4usize, Just(usize::MAX)]);
    let typing = (by.clone(), at.clone(), 1..20usize, any::<bool>());
    let step = prop_oneof![
        4 => insert.prop_map(|(by, at, text)| Step::Insert { by, at, text }),
        2 => delete.prop_map(|(by, at, count)| Step::Delete { by, at, count }),
        2 => pull.prop_map(|(by, from, most)| Step::Pull { by, from, most }),
        1 => typing.prop_map(|(by, at, count, back)| Step::Type { by, at, count, back }),
        1 => (by, at, 1..10usize).prop_map(|(by, at, count)| Step::Backspace { by, at, count }),
    ];
    vec(step, 1..60)
}

fn pull(replicas: &mut [Replica], by: usize, from: usize, most: usize) {
    if by != from {
        let [by, from] = replicas.get_disjoint_mut([by, from]).expect("two replicas");
        by.pull(from, most);
    }
}

fn play(count: usize, steps: &[Step]) -> Vec<Replica> {
    let mut replicas: Vec<Replica> = (0..count).map(|id| Replica::new(id as u8, count)).collect();
    for step in steps {
        match step {
            Step::Insert { by, at, text } => replicas[*by].insert(*at, text),
            Step::Delete { by, at, count } => replicas[*by].delete(*at, *count),
            Step::Pull { by, from, most } => pull(&mut replicas, *by, *from, *most),
            Step::Type { by, at, count, back } => {
                let at = at % (replicas[*by].sequence.len() + 1);
                for more in 0..*count {
                    replicas[*by].insert(if *back { at } else { at + more }, "x");
                }
            }
            Step::Backspace { by, at, count } => {
                let at = at % (replicas[*by].sequence.len() + 1);
                (0..at.min(*count)).for_each(|back| replicas[*by].delete(at - 1 - back, 1));
            }
        }
    }
    replicas
}

fn pull_all(replicas: &mut [Replica]) {
    for _ in 0..2 {
        for by in 0..replicas.len() {
            for from in 0..replicas.len() {
                pull(replicas, by, from, usize::MAX);
            }
        }
    }
}

proptest! {
    #[test]
    fn replicas_agree_with_the_model_and_with_each_other(
        (count, steps) in (2..5usize).prop_flat_map(|count| (Just(count), steps(count)))
    ) {
        let mut replicas = play(count, &steps);
        replicas.iter().for_each(Replica::check);
        pull_all(&mut replicas);
        for replica in &replicas {
            replica.check();
            prop_assert_eq!(&replica.model, &replicas[0].model);
        }
    }

    #[test]
    fn a_crowd_that_types_at_one_place_agrees(
        typed in vec((1..4usize, any::<bool>(), any::<u8>()), 8..40), more in steps(8)
    ) {
        let mut replicas = play(typed.len(), &[Step::Insert { by: 0, at: 0, text: "<>".into() }]);
        for (by, &(count, back, _)) in typed.iter().enumerate() {
            pull(&mut replicas, by, 0, 2);
            (0..count).for_each(|nth| replicas[by].insert(if back { 1 } else { 1 + nth }, "x"));
        }
        let mut order: Vec<usize> = (0..typed.len()).collect();
        order.sort_by_key(|&by| typed[by].2);
        for &from in &order {
            pull(&mut replicas, 0, from, usize::MAX);
            pull(&mut replicas, 1, typed.len() - 1 - from, usize::MAX);
        }
        for step in more {
            if let Step::Insert { by, at, text } = step {
                replicas[by].insert(at, &text);
            }
        }
        pull_all(&mut replicas);
        for replica in &replicas {
            replica.check();
            prop_assert_eq!(&replica.model, &replicas[0].model);
        }
    }

    #[test]
    fn a_sequence_built_from_its_runs_is_the_same(steps in steps(2), more in steps(2)) {
        let mut replicas = play(2, &steps);
        for replica in &mut replicas {
            let text = replica.sequence.to_string();
            replica.sequence = Sequence::from_runs(replica.sequence.runs(), text.as_str().into()).expect("well formed");
            replica.list = Sequence::from_runs(replica.list.runs(), chars(&text).into()).expect("well formed");
            replica.check();
        }
        // And can be edited as before.
        pull_all(&mut replicas);
        for step in more {
            if let Step::Insert { by, at, text } = step {
                replicas[by].insert(at, &text);
            } else if let Step::Delete { by, at, count } = step {
                replicas[by].delete(at, count);
            }
        }
        pull_all(&mut replicas);
        replicas.iter().for_each(Replica::check);
    }

    #[test]
    fn elements_with_both_origins_known_come_to_the_same_place(steps in steps(3), order in any::<u64>()) {
        let mut replicas = play(3, &steps);
        pull_all(&mut replicas);
        let [one, ..] = &replicas[..] else { unreachable!() };
        // Element by element, in any order in which each comes after its origins.
        let mut joined = Sequence::default();
        let mut waiting: Vec<(Lv, &Element)> = one.model.0.iter().map(|it| (one.numbers[&it.id], it)).collect();
        waiting.sort_by_key(|&(lv, _)| u64::from(lv).wrapping_mul(order | 1));
        while !waiting.is_empty() {
            waiting.retain(|&(lv, element)| {
                let origins = Origins { left: one.lv(element.left), right: one.lv(element.right) };
                let ready = [origins.left, origins.right].iter().all(|&lv| lv == EDGE || joined.find(lv).is_some());
                if ready {
                    let by = By { replica: element.id.0, seen: &[], ids: &one.ids };
                    let content = element.visible.then_some(1.into());
                    joined.insert_between(lv, 1, origins, content, &by).expect("in order");
                }
                !ready
            });
            joined.tree.check();
        }
        prop_assert_eq!(joined.runs().collect::<Vec<_>>(), one.list.runs().collect::<Vec<_>>());
    }

    #[test]
    fn hidden_items_can_be_shown_again(steps in steps(1), shown in vec(0..500u32, 0..40)) {
        let mut replicas = play(1, &steps);
        let replica = &mut replicas[0];
        for lv in shown {
            let Some(&id) = replica.ids.get(lv as usize) else {
                prop_assert_eq!(replica.list.show(lv), Err(Unknown));
                continue;
            };
            let at = replica.model.position(id);
            let expected = (!replica.model.0[at].visible).then(|| replica.model.index(id));
            prop_assert_eq!(replica.list.show(lv), Ok(expected));
            replica.model.0[at].visible = true;
            replica.list.tree.check();
        }
        let visible: Vec<Lv> = replica.model.visible().map(|element| replica.numbers[&element.id]).collect();
        let listed: Vec<Lv> = (0..replica.list.len()).filter_map(|at| replica.list.at(at)).collect();
        prop_assert_eq!(listed, visible);
    }
}

#[test]
fn what_two_type_at_one_place_is_never_mixed() {
    for (ada_back, bob_back) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut replicas = play(2, &[Step::Insert { by: 0, at: 0, text: "<>".into() }]);
        pull_all(&mut replicas);
        for (replica, char, back) in [(0, "a", ada_back), (1, "b", bob_back)] {
            (0..100).for_each(|at| replicas[replica].insert(if back { 1 } else { 1 + at }, char));
        }
        pull_all(&mut replicas);
        let text = replicas[0].sequence.to_string();
        let (a, b) = ("a".repeat(100), "b".repeat(100));
        assert!(text == format!("<{a}{b}>") || text == format!("<{b}{a}>"), "{text}");
        assert_eq!(text, replicas[1].sequence.to_string());
    }
}

#[test]
fn long_texts_are_cut_into_leaves_and_read_back_whole() {
    let long: String = "The quick brown föx 😀 jumps. ".repeat(5_000);
    let mut sequence = Sequence::default();
    sequence.insert_at(0, 0, long.as_str().into());
    sequence.insert_at(70_000, chars(&long), long.as_str().into());
    sequence.tree.check();
    let at = byte_at(&long, 70_000);
    let whole = format!("{}{long}{}", &long[..at], &long[at..]);
    assert_eq!(sequence.to_string(), whole);
    let again = Sequence::from_runs(sequence.runs(), whole.as_str().into()).expect("well formed");
    again.tree.check();
    assert_eq!(again.to_string(), whole);
    sequence.delete_at(10, sequence.len() - 20, &mut |_, _| ());
    sequence.tree.check();
    assert_eq!(sequence.len(), 20);
}

fn byte_at(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).expect("in range").0
}

#[test]
fn what_is_not_here_is_an_error_and_changes_nothing() {
    let by = By { replica: 0, seen: &[9], ids: &[(0, 0), (0, 1), (0, 2)] };
    let mut sequence = Sequence::default();
    assert_eq!(sequence.insert(0, 5, "x".into(), &by), Err(Unknown));
    sequence.insert_at(0, 0, "abc".into());
    let between = |left, right| Origins { left, right };
    assert_eq!(sequence.insert_between(3, 1, between(2, 0), Some("x".into()), &by), Err(Unknown));
    assert_eq!(sequence.insert_between(3, 1, between(0, 7), Some("x".into()), &by), Err(Unknown));
    assert_eq!(sequence.hide(1, 5, &mut |_, _| panic!("nothing is hidden")), Err(Unknown));
    assert_eq!(sequence.hide(EDGE, 5, &mut |_, _| panic!("nothing is hidden")), Err(Unknown));
    assert_eq!((sequence.find(3), sequence.find(EDGE)), (None, None));
    assert_eq!(sequence.to_string(), "abc");
}

#[test]
fn runs_that_make_no_sequence_are_refused() {
    let run = |lv, len, visible| Run { lv, len, visible, left: EDGE, right: EDGE };
    let build = |runs: &[Run], text: &str| {
        Sequence::from_runs(runs.iter().copied(), text.into()).map(|it| it.to_string())
    };
    assert_eq!(build(&[run(4, 2, true), run(0, 3, false)], "äb"), Ok("äb".into()));
    for (runs, text) in [
        (&[run(4, 2, true)][..], "a"),
        (&[run(4, 2, true)], "abc"),
        (&[run(4, 2, true), run(5, 1, false)], "ab"),
        (&[run(4, 0, true)], ""),
        (&[run(EDGE - 1, 2, true)], "ab"),
        (&[run(0, 1 << 31, false)], ""),
    ] {
        assert_eq!(build(runs, text), Err(Malformed));
    }
}
