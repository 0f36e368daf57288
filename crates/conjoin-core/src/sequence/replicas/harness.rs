//! A replica, with the model beside it.

use std::collections::HashMap;

use super::super::model::{Element, Id, Model};
use super::super::*;

/// What travels: an insertion with what its author had seen, or a deletion.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Insert { id: Id, left: Option<Id>, text: String, seen: Vec<u32> },
    Delete { ids: Vec<Id> },
}

/// One replica: the sequence, and the model beside it.
pub(super) struct Replica {
    pub(super) id: u8,
    pub(super) sequence: Sequence,
    pub(super) list: Sequence,
    pub(super) model: Model,
    /// How many elements of each replica are here.
    pub(super) seen: Vec<u32>,
    pub(super) ids: Vec<Id>,
    pub(super) numbers: HashMap<Id, Lv>,
    /// What was applied, with who did it, in order.
    pub(super) log: Vec<(u8, Op)>,
}

/// The author of an operation, as this replica knows it.
pub(super) struct By<'a> {
    pub(super) replica: u8,
    pub(super) seen: &'a [u32],
    pub(super) ids: &'a [Id],
}

impl Author for By<'_> {
    fn has_seen(&self, lv: Lv) -> bool {
        let (replica, seq) = self.ids[lv as usize];
        seq < self.seen[replica as usize]
    }

    fn precedes(&self, other: Lv) -> bool {
        self.replica < self.ids[other as usize].0
    }

    fn may_have_seen(&self, from: Lv, to: Lv) -> bool {
        (from..to).any(|lv| (lv as usize) < self.ids.len() && self.has_seen(lv))
    }
}

pub(super) fn chars(text: &str) -> u32 {
    text.chars().count() as u32
}

impl Replica {
    pub(super) fn new(id: u8, replicas: usize) -> Self {
        Self {
            id,
            sequence: Sequence::default(),
            list: Sequence::default(),
            model: Model::default(),
            seen: vec![0; replicas],
            ids: Vec::new(),
            numbers: HashMap::new(),
            log: Vec::new(),
        }
    }

    pub(super) fn lv(&self, id: Option<Id>) -> Lv {
        id.map_or(EDGE, |id| self.numbers[&id])
    }

    /// Gives numbers to new elements.
    pub(super) fn number(&mut self, (replica, seq): Id, count: u32) -> Lv {
        let lv = self.ids.len() as Lv;
        for seq in seq..seq + count {
            self.numbers.insert((replica, seq), self.ids.len() as Lv);
            self.ids.push((replica, seq));
        }
        self.seen[replica as usize] = seq + count;
        lv
    }

    pub(super) fn model_insert(&mut self, id: Id, left: Option<Id>, right: Option<Id>, text: &str) {
        let mut left = left;
        for (seq, char) in (id.1..).zip(text.chars()) {
            let id = (id.0, seq);
            self.model.integrate(Element { id, left, right, visible: true, char });
            left = Some(id);
        }
    }

    pub(super) fn insert(&mut self, at: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        let at = at % (self.model.visible().count() + 1);
        let id = (self.id, self.seen[self.id as usize]);
        let seen = self.seen.clone();
        let left = at.checked_sub(1).map(|at| self.model.visible().nth(at).expect("in range").id);
        let right = self.model.right_of(left, |_| true);
        let origins = Origins { left: self.lv(left), right: self.lv(right) };
        let lv = self.number(id, chars(text));
        assert_eq!(self.sequence.insert_at(at, lv, text.into()), origins);
        assert_eq!(self.list.insert_at(at, lv, chars(text).into()), origins);
        self.model_insert(id, left, right, text);
        self.log.push((self.id, Op::Insert { id, left, text: text.into(), seen }));
    }

    pub(super) fn delete(&mut self, at: usize, count: usize) {
        let len = self.model.visible().count();
        let at = at % (len + 1);
        let count = count.min(len - at);
        let ids: Vec<Id> = self.model.visible().skip(at).take(count).map(|element| element.id).collect();
        let expected: Vec<Lv> = ids.iter().map(|id| self.numbers[id]).collect();
        for (told, delete) in [(&mut Vec::new(), true), (&mut Vec::new(), false)] {
            let mut tell = |lv, len| told.extend(lv..lv + len);
            match delete {
                true => self.sequence.delete_at(at, count, &mut tell),
                false => self.list.delete_at(at, count, &mut tell),
            }
            assert_eq!(*told, expected);
        }
        self.model.0.iter_mut().for_each(|element| element.visible &= !ids.contains(&element.id));
        self.log.push((self.id, Op::Delete { ids }));
    }

    /// Applies what another one did, and checks what is told of it.
    pub(super) fn apply(&mut self, replica: u8, op: &Op) {
        match op {
            Op::Insert { id, left, text, seen } => {
                let left_lv = self.lv(*left);
                let lv = self.number(*id, chars(text));
                let by = By { replica, seen, ids: &self.ids };
                let index = self.sequence.insert(lv, left_lv, text.as_str().into(), &by).expect("known");
                assert_eq!(self.list.insert(lv, left_lv, chars(text).into(), &by), Ok(index));
                let right = self.model.right_of(*left, |(replica, seq)| seq < seen[replica as usize]);
                self.model_insert(*id, *left, right, text);
                assert_eq!(index, self.model.index(*id));
                let run = self.sequence.find(lv).expect("put in").run;
                assert_eq!(run.right, self.lv(right));
            }
            Op::Delete { ids } => {
                for &id in ids {
                    let expected = self.model.index(id);
                    let at = self.model.position(id);
                    let was = std::mem::replace(&mut self.model.0[at].visible, false);
                    let mut told = Vec::new();
                    self.sequence
                        .hide(self.numbers[&id], 1, &mut |at, count| told.push((at, count)))
                        .expect("known");
                    assert_eq!(told, if was { vec![(expected, 1)] } else { vec![] });
                    self.list.hide(self.numbers[&id], 1, &mut |_, _| ()).expect("known");
                }
            }
        }
        self.log.push((replica, op.clone()));
    }

    /// Takes what another replica has and this one lacks, up to a count.
    pub(super) fn pull(&mut self, other: &Self, most: usize) {
        let known = |log: &[(u8, Op)], by: u8| log.iter().filter(|(replica, _)| *replica == by).count();
        let mut skip: Vec<usize> = (0..self.seen.len()).map(|by| known(&self.log, by as u8)).collect();
        let mut left = most;
        for (replica, op) in &other.log {
            let skip = &mut skip[*replica as usize];
            if *skip > 0 {
                *skip -= 1;
            } else if left > 0 {
                left -= 1;
                self.apply(*replica, op);
            }
        }
    }

    /// Makes sure that the sequence is what the model says, in all that can be asked of it.
    pub(super) fn check(&self) {
        self.sequence.tree.check();
        self.list.tree.check();
        let text = self.model.text();
        assert_eq!(self.sequence.to_string(), text);
        assert_eq!((self.sequence.len(), self.list.len()), (chars(&text) as usize, chars(&text) as usize));
        assert_eq!(self.sequence.byte_len(), text.len());
        assert_eq!(self.sequence.utf16_len(), text.encode_utf16().count());
        let expand = |runs: Vec<Run>| -> Vec<(Id, bool, Lv, Lv)> {
            let one = |run: Run| {
                (run.lv..run.lv + run.len).map(move |lv| {
                    (
                        self.ids[lv as usize],
                        run.visible,
                        if lv == run.lv { run.left } else { lv - 1 },
                        run.right,
                    )
                })
            };
            runs.into_iter().flat_map(one).collect()
        };
        let model: Vec<_> = self
            .model
            .0
            .iter()
            .map(|element| (element.id, element.visible, self.lv(element.left), self.lv(element.right)))
            .collect();
        assert_eq!(expand(self.sequence.runs().collect()), model);
        assert_eq!(expand(self.list.runs().collect()), model);
        let mut index = 0;
        for element in &self.model.0 {
            let lv = self.numbers[&element.id];
            let place = self.sequence.find(lv).expect("here");
            assert_eq!((place.index, place.visible), (index, element.visible));
            assert!(place.run.lv <= lv && lv < place.run.lv + place.run.len);
            if element.visible {
                assert_eq!(self.sequence.at(index), Some(lv));
                index += 1;
            }
        }
        assert_eq!(self.sequence.at(index), None);
    }
}
