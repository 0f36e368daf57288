//! The tree against a plain list of elements that follows each rule word for word.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::codec::Reader;
use crate::numbers::NONE;

/// An element, by its number.
#[derive(Debug, Clone, PartialEq)]
struct Element {
    lv: Lv,
    left: Lv,
    right: Lv,
    visible: bool,
    char: char,
}

/// A replica's view for one operation.
struct View<'a> {
    unseen: &'a BTreeSet<Lv>,
    replica: u8,
    authors: &'a [u8],
}

impl Author for View<'_> {
    fn has_seen(&self, lv: Lv) -> bool {
        !self.unseen.contains(&lv)
    }

    fn precedes(&self, other: Lv) -> bool {
        self.replica < self.authors[other as usize]
    }
}

#[derive(Debug, Default)]
struct Model(Vec<Element>);

impl Model {
    fn place(&self, lv: Lv) -> usize {
        self.0.iter().position(|element| element.lv == lv).expect("known")
    }

    fn visible(&self) -> impl Iterator<Item = &Element> {
        self.0.iter().filter(|element| element.visible)
    }

    fn right_of(&self, left: Lv, view: &View<'_>) -> Lv {
        let from = if left == NONE { 0 } else { self.place(left) + 1 };
        self.0[from..].iter().map(|element| element.lv).find(|&lv| view.has_seen(lv)).unwrap_or(NONE)
    }

    /// FugueMax as the scan over a list.
    fn integrate(&mut self, new: Element, view: &View<'_>) {
        let left_of = |lv: Lv| if lv == NONE { 0 } else { self.place(lv) + 1 };
        let right_of = |lv: Lv| if lv == NONE { self.0.len() } else { self.place(lv) };
        let (left, right) = (left_of(new.left), right_of(new.right));
        let (mut place, mut passing) = (left, false);
        for at in left..right {
            let other = &self.0[at];
            let (its_left, its_right) = (left_of(other.left), right_of(other.right));
            if its_left < left || (its_left == left && its_right == right && view.precedes(other.lv)) {
                break;
            }
            if its_left == left {
                passing = its_right < right;
            }
            if !passing {
                place = at + 1;
            }
        }
        self.0.insert(place, new);
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// An insertion by a replica that lacks what the set of the latest operations of others says.
    Insert {
        replica: u8,
        lacks: u8,
        at: prop::sample::Index,
        text: String,
    },
    Delete {
        at: prop::sample::Index,
        count: u8,
    },
    Hide {
        lv: prop::sample::Index,
        count: u8,
    },
    /// Own edits, by index alone.
    Type {
        at: prop::sample::Index,
        text: String,
    },
    /// What goes on where the last edit was, if that was an insertion.
    On {
        text: String,
    },
    Purge,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        4 => (1..4u8, 0..6u8, index(), "[a-cü🌍]{1,3}")
            .prop_map(|(replica, lacks, at, text)| Step::Insert { replica, lacks, at, text }),
        2 => (index(), 1..6u8).prop_map(|(at, count)| Step::Delete { at, count }),
        1 => (index(), 1..4u8).prop_map(|(lv, count)| Step::Hide { lv, count }),
        4 => (index(), "[a-cß]{1,40}").prop_map(|(at, text)| Step::Type { at, text }),
        6 => "[a-c]{1,9}".prop_map(|text| Step::On { text }),
        1 => Just(Step::Purge),
    ];
    prop::collection::vec(step, 1..60)
}

fn check(tree: &Sequence, model: &Model) {
    tree.tree.check();
    let text: String = model.visible().map(|element| element.char).collect();
    assert_eq!(tree.to_string(), text);
    assert_eq!((tree.len(), tree.byte_len()), (text.chars().count(), text.len()));
    assert_eq!(tree.utf16_len(), text.encode_utf16().count());
    let elements: Vec<Element> = tree
        .runs()
        .flat_map(|run| {
            (0..run.len).map(move |nth| Element {
                lv: run.lv + nth,
                left: if nth == 0 { run.left } else { run.lv + nth - 1 },
                right: run.right,
                visible: run.visible,
                char: ' ',
            })
        })
        .collect();
    let expected: Vec<Element> =
        model.0.iter().map(|element| Element { char: ' ', ..element.clone() }).collect();
    assert_eq!(elements, expected);
    let mut index = 0;
    for element in &model.0 {
        let place = tree.find(element.lv).expect("it is in the list");
        assert_eq!((place.index, place.visible), (index, element.visible));
        if element.visible {
            assert_eq!(tree.at(index), Some(element.lv));
        }
        index += usize::from(element.visible);
    }
    let (mut bytes, mut units) = (0, 0);
    for (at, char) in text.chars().enumerate() {
        assert_eq!((tree.byte_of_char(at), tree.utf16_of_char(at)), (Some(bytes), Some(units)));
        assert_eq!((tree.char_of_byte(bytes), tree.char_of_utf16(units)), (Some(at), Some(at)));
        if char.len_utf16() == 2 {
            assert_eq!(tree.char_of_utf16(units + 1), None, "inside a pair");
        }
        (bytes, units) = (bytes + char.len_utf8(), units + char.len_utf16());
    }
    let again = Sequence::from_runs(tree.runs(), text.as_str().into()).expect("its own runs");
    again.tree.check();
    assert!(again.runs().eq(tree.runs()) && again.to_string() == text);
    let mut stored = Stored::<Vec<u8>>::default();
    stored.push(&Sequence::default());
    stored.push(tree);
    let [heads, lengths, numbers, origins] =
        [&stored.heads, &stored.lengths, &stored.numbers, &stored.origins].map(|column| Reader::new(column));
    let mut stored = Stored { heads, lengths, numbers, origins };
    for text in ["", &text] {
        let count = stored.count().expect("as many as were written");
        let runs = stored.read(count, 1 << 30).expect("they were just written");
        let mut resting = Resting::new(runs.clone(), text).expect("as they were written");
        let again = Sequence::from_stored(runs, text.into()).expect("as they were written");
        let part = again.len() / 3..again.len() / 2 + 1;
        let lens = (again.len(), again.byte_len(), again.utf16_len());
        // As it rests, and then as it was woken by a question.
        for _ in 0..2 {
            assert_eq!((resting.len(), resting.byte_len(), resting.utf16_len()), lens);
            assert_eq!(resting.to_string(), *text);
            let parts =
                [resting.chunks(part.clone()).collect(), again.chunks(part.clone()).collect::<String>()];
            assert_eq!(parts[0], parts[1]);
            assert!(resting.runs().eq(again.runs()));
        }
        resting.insert_at(0, 1 << 30, "!".into());
        assert_eq!(resting.to_string(), format!("!{text}"));
        assert!(text.is_empty() || again.runs().eq(tree.runs()));
    }
    assert_eq!(stored.end(), Ok(()));
}

proptest! {
    #[test]
    fn the_tree_is_the_list(steps in steps()) {
        let mut tree = Sequence::default();
        let mut model = Model::default();
        let mut authors: Vec<u8> = Vec::new();
        // What each replica has seen of the others: all up to here but the runs it lacks.
        for step in steps {
            let lv = authors.len() as Lv;
            match step {
                Step::Insert { replica, lacks, at, text } => {
                    // It lacks the latest of the others', back to the first of its own.
                    let own = authors.iter().rposition(|&author| author == replica).map_or(0, |own| own + 1);
                    let from = authors.len().saturating_sub(lacks as usize * 3).max(own);
                    let unseen: BTreeSet<Lv> = (from as Lv..lv).collect();
                    let view = View { unseen: &unseen, replica, authors: &authors };
                    let mut seen = vec![NONE];
                    seen.extend(model.0.iter().map(|element| element.lv).filter(|&lv| view.has_seen(lv)));
                    let left = seen[at.index(seen.len())];
                    let right = model.right_of(left, &view);
                    let (mut next_left, mut next) = (left, lv);
                    for char in text.chars() {
                        let new = Element { lv: next, left: next_left, right, visible: true, char };
                        if next == lv {
                            model.integrate(new, &view);
                        } else {
                            let place = model.place(next_left) + 1;
                            model.0.insert(place, new);
                        }
                        (next_left, next) = (next, next + 1);
                    }
                    let index = model.0[..model.place(lv)].iter().filter(|element| element.visible).count();
                    prop_assert_eq!(tree.insert(lv, left, text.as_str().into(), &view), Ok(index));
                    authors.extend(text.chars().map(|_| replica));
                }
                Step::Type { at, text } => {
                    let at = at.index(tree.len() + 1);
                    let left = at.checked_sub(1).map_or(NONE, |at| model.visible().nth(at).expect("in range").lv);
                    let mut place = if left == NONE { 0 } else { model.place(left) + 1 };
                    let right = model.0.get(place).map_or(NONE, |element| element.lv);
                    prop_assert_eq!(tree.insert_at(at, lv, text.as_str().into()), Origins { left, right });
                    let mut next_left = left;
                    for (next, char) in (lv..).zip(text.chars()) {
                        model.0.insert(place, Element { lv: next, left: next_left, right, visible: true, char });
                        (next_left, place) = (next, place + 1);
                    }
                    authors.extend(text.chars().map(|_| 0));
                }
                Step::On { text } => {
                    let count = text.len() as u32;
                    if !tree.type_on(lv, count, text.as_str().into()) {
                        continue;
                    }
                    let last = model.place(lv - 1);
                    prop_assert!(model.0[last].visible);
                    let right = model.0[last].right;
                    let new = (lv..).zip(text.chars());
                    let new = new.map(|(lv, char)| Element { lv, left: lv - 1, right, visible: true, char });
                    model.0.splice(last + 1..last + 1, new);
                    authors.extend(text.chars().map(|_| 0));
                }
                Step::Delete { at, count } => {
                    let at = at.index(tree.len() + 1);
                    let count = (count as usize).min(tree.len() - at);
                    let gone: Vec<Lv> = model.visible().skip(at).take(count).map(|element| element.lv).collect();
                    let mut told = Vec::new();
                    tree.delete_at(at, count, &mut |lv, count| told.extend(lv..lv + count));
                    prop_assert_eq!(&told, &gone);
                    model.0.iter_mut().filter(|element| gone.contains(&element.lv)).for_each(|element| element.visible = false);
                }
                Step::Hide { lv, count } => {
                    if authors.is_empty() {
                        continue;
                    }
                    let lv = lv.index(authors.len()) as Lv;
                    let all = lv..lv + u32::from(count);
                    let known = all.clone().all(|lv| model.0.iter().any(|element| element.lv == lv));
                    let mut text: Vec<Lv> = model.visible().map(|element| element.lv).collect();
                    let result = tree.hide(lv, u32::from(count), &mut |at, count| drop(text.drain(at..at + count as usize)));
                    prop_assert_eq!(result.is_ok(), known);
                    if known {
                        model.0.iter_mut().filter(|element| all.contains(&element.lv)).for_each(|element| element.visible = false);
                    }
                    let left: Vec<Lv> = model.visible().map(|element| element.lv).collect();
                    prop_assert_eq!(text, left, "what is told is what goes");
                }
                Step::Purge => {
                    let gone = |lv: Lv| lv.is_multiple_of(2);
                    let went: Vec<Lv> = model.0.iter().filter(|element| !element.visible && gone(element.lv)).map(|element| element.lv).collect();
                    for lv in &went {
                        let place = model.place(*lv);
                        let left = place.checked_sub(1).map_or(NONE, |at| model.0[at].lv);
                        let right = model.0.get(place + 1).map_or(NONE, |element| element.lv);
                        model.0.remove(place);
                        for element in &mut model.0 {
                            if element.left == *lv {
                                element.left = left;
                            }
                            if element.right == *lv {
                                element.right = right;
                            }
                        }
                    }
                    prop_assert_eq!(tree.purge(gone), went.len());
                }
            }
            check(&tree, &model);
        }
    }
}

#[test]
fn who_types_on_needs_no_place() {
    let mut tree = Sequence::default();
    tree.insert_at(0, 0, "ac".into());
    tree.insert_at(1, 2, "b".into());
    assert!(tree.type_on(3, 2, "bb".into()));
    assert_eq!((tree.to_string().as_str(), tree.len()), ("abbbc", 5));
    assert!(!tree.type_on(9, 1, "x".into()), "something came in between");
    tree.delete_at(3, 1, &mut |_, _| ());
    assert!(!tree.type_on(5, 1, "x".into()), "it was deleted on");
    tree.tree.check();
    assert_eq!(tree.to_string(), "abbc");
}

#[test]
fn a_long_text_stays_in_order() {
    let mut tree = Sequence::default();
    let mut text: Vec<char> = Vec::new();
    let mut random = 1u64;
    for lv in 0..20_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (random >> 33) as usize % (text.len() + 1);
        let char = if lv % 7 == 0 { 'é' } else { 'e' };
        tree.insert_at(at, lv, (&*char.encode_utf8(&mut [0; 4])).into());
        text.insert(at, char);
        if lv % 3 == 0 {
            tree.delete_at(at / 2, 1, &mut |_, _| ());
            text.remove(at / 2);
        }
    }
    tree.tree.check();
    assert_eq!(tree.to_string(), text.into_iter().collect::<String>());
}
