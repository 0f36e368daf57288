//! Changes that somebody writes by hand: of the right form, for the most part naming what there is, and
//! claiming anything of it.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use conjoin_core::codec::Writer;
use conjoin_core::{Kind, OpId, ReplicaId, VersionVector};

use crate::documents::{OTHER, STRINGS, USED, Used};

/// Those in whose name changes are made, besides the two whom a used document knows.
const EVE: ReplicaId = ReplicaId::new(50);
const MALLORY: ReplicaId = ReplicaId::new(1 << 60);
const REPLICAS: [ReplicaId; 4] = [USED, OTHER, EVE, MALLORY];

/// The flags of a change.
const HAS_DEPS: u8 = 2;
const MANY_OPS: u8 = 4;

/// The flags of an operation.
const SAME: u8 = 0x10;
const NESTED: u8 = 0x20;
const ON: u8 = 0x40;
const DOWN: u8 = 0x80;

/// What each kind of operation edits, by its tag.
const EDITED: [Kind; 15] = [
    Kind::Counter,
    Kind::FloatCounter,
    Kind::Register,
    Kind::Map,
    Kind::Map,
    Kind::Map,
    Kind::Set,
    Kind::Set,
    Kind::Text,
    Kind::List,
    Kind::Text,
    Kind::List,
    Kind::List,
    Kind::List,
    Kind::Text,
];

/// Who writes changes, and what there is to be named.
pub(crate) struct Forger {
    /// The strings that each author has introduced.
    names: BTreeMap<ReplicaId, Vec<&'static str>>,
    made: Vec<(Kind, OpId)>,
    elements: Vec<(Kind, OpId)>,
}

/// A delta of one change as bytes, and what it will have made once it is taken in.
pub(crate) struct Forged {
    pub(crate) bytes: Vec<u8>,
    pub(crate) author: ReplicaId,
    pub(crate) end: u64,
    names: Vec<&'static str>,
    made: Vec<(Kind, OpId)>,
    elements: Vec<(Kind, OpId)>,
}

impl Forger {
    pub(crate) fn new(used: &Used) -> Self {
        let names = BTreeMap::from([(OTHER, vec!["n", "r", "t", "m", "k", "l", "s"])]);
        Self { names, made: used.made.clone(), elements: used.elements.clone() }
    }

    /// The next change of somebody, for a document that has seen `version`.
    pub(crate) fn change(&self, version: &VersionVector, input: &mut Unstructured<'_>) -> Result<Forged> {
        let author = *input.choose(&[EVE, EVE, MALLORY, MALLORY, OTHER, USED])?;
        let start = version.get(author);
        let mut bytes = b"CJD\x01".to_vec();
        bytes.varint(REPLICAS.len() as u64);
        REPLICAS.iter().for_each(|replica| bytes.extend_from_slice(&replica.get().to_le_bytes()));
        bytes.varint(1);
        let mut deps = Vec::new();
        for (nth, replica) in REPLICAS.iter().enumerate() {
            let seen = version.get(*replica);
            if *replica == author || seen == 0 || input.ratio(1, 4)? {
                continue;
            }
            // The last one mostly, sometimes an older one, at times one that is still to come.
            let seq = match input.int_in_range(0..=15u8)? {
                0 => seen,
                1..=4 => input.int_in_range(0..=seen - 1)?,
                _ => seen - 1,
            };
            deps.push((nth as u64, seq));
        }
        let count = input.int_in_range(1..=4u8)?;
        bytes.push(u8::from(!deps.is_empty()) * HAS_DEPS + u8::from(count > 1) * MANY_OPS);
        bytes.varint(number(author));
        bytes.varint(start);
        if !deps.is_empty() {
            bytes.varint(deps.len() as u64);
            for (replica, seq) in deps {
                bytes.varint(replica);
                bytes.varint(seq);
            }
        }
        if count > 1 {
            bytes.varint(u64::from(count));
        }
        let names = self.names.get(&author).cloned().unwrap_or_default();
        let (made, elements) = (self.made.clone(), self.elements.clone());
        let mut hand =
            Hand { forged: Forged { bytes, author, end: start, names, made, elements }, before: None, input };
        for _ in 0..count {
            hand.operation()?;
        }
        Ok(hand.forged)
    }

    /// Takes note that a change was taken in.
    pub(crate) fn taken(&mut self, forged: Forged) {
        self.names.insert(forged.author, forged.names);
        (self.made, self.elements) = (forged.made, forged.elements);
    }
}

/// The number of a replica.
fn number(replica: ReplicaId) -> u64 {
    REPLICAS.iter().position(|other| *other == replica).expect("one of them") as u64
}

/// A change being written.
struct Hand<'h, 'i> {
    forged: Forged,
    /// What the operation before edited.
    before: Option<Kind>,
    input: &'h mut Unstructured<'i>,
}

impl Hand<'_, '_> {
    fn operation(&mut self) -> Result<()> {
        let tag = self.input.int_in_range(0..=14u8)?;
        let kind = EDITED[usize::from(tag)];
        let own = OpId { replica: self.forged.author, seq: self.forged.end };
        let mut flags = 0;
        let mut nested = None;
        if self.before == Some(kind) && self.input.ratio(1, 3)? {
            flags |= SAME;
        } else if self.input.ratio(1, 3)? {
            nested = self.one_of(&self.forged.made.clone(), kind)?;
            flags |= u8::from(nested.is_some()) * NESTED;
        }
        self.before = Some(kind);
        if matches!(tag, 8 | 9) && own.seq > 0 && self.input.ratio(1, 4)? {
            flags |= ON;
        }
        if matches!(tag, 10 | 11) && self.input.ratio(1, 3)? {
            flags |= DOWN;
        }
        self.forged.bytes.push(tag | flags);
        match nested {
            Some(made) => self.id(made, 0),
            None if flags & SAME == 0 => {
                let name = match kind {
                    Kind::Counter => "n",
                    Kind::FloatCounter => "f",
                    Kind::Register => "r",
                    Kind::Map => "m",
                    Kind::Set => "s",
                    Kind::List => "l",
                    Kind::Text => "t",
                };
                self.name(name)?;
            }
            None => {}
        }
        let mut len = 1;
        match tag {
            0 => {
                let amount = self.input.arbitrary()?;
                self.forged.bytes.zigzag(amount);
            }
            1 => {
                let amount: f64 = self.input.arbitrary()?;
                self.forged.bytes.extend_from_slice(&amount.to_le_bytes());
            }
            2 | 6 | 7 => self.value()?,
            3 => {
                self.key()?;
                self.value()?;
            }
            4 => self.key()?,
            5 => {
                self.key()?;
                let kind = self.kind()?;
                let base = if self.input.ratio(1, 2)? { Some(self.any()?) } else { None };
                self.optional(base);
                self.forged.made.push((kind, own));
            }
            8 => {
                if flags & ON == 0 {
                    self.left(kind)?;
                }
                let text = *self.input.choose(&["a", "bc", "é🦀x", "0123456789"])?;
                self.forged.bytes.bytes(text.as_bytes());
                len = text.chars().count() as u64;
                self.forged.elements.extend((0..len).map(|nth| (kind, OpId { seq: own.seq + nth, ..own })));
            }
            9 => {
                if flags & ON == 0 {
                    self.left(kind)?;
                }
                len = self.input.int_in_range(1..=4)?;
                self.forged.bytes.varint(len);
                for nth in 0..len {
                    let id = OpId { seq: own.seq + nth, ..own };
                    self.forged.elements.push((kind, id));
                    if self.input.ratio(1, 2)? {
                        self.forged.bytes.push(0x10);
                        let kind = self.kind()?;
                        let tag = self.forged.bytes.pop().expect("it was just written");
                        *self.forged.bytes.last_mut().expect("it was written before") += tag;
                        self.forged.made.push((kind, id));
                    } else {
                        self.value()?;
                    }
                }
            }
            10 | 11 => {
                let first = self.element(kind)?;
                self.id(first, 0);
                len = if self.input.ratio(1, 16)? {
                    self.input.int_in_range(0..=1 << 33)?
                } else {
                    self.input.int_in_range(1..=6)?
                };
                self.forged.bytes.varint(len);
            }
            12 => {
                let item = self.element(kind)?;
                self.id(item, 0);
                self.left(kind)?;
                self.forged.elements.push((kind, own));
            }
            13 => {
                let item = self.element(kind)?;
                self.id(item, 0);
                self.value()?;
            }
            _ => {
                for _ in 0..2 {
                    let after: bool = self.input.arbitrary()?;
                    self.forged.bytes.push(u8::from(after));
                    self.left(kind)?;
                }
                self.key()?;
                self.value()?;
            }
        }
        self.forged.end += len;
        Ok(())
    }

    /// One that is of the right kind, or at times of any.
    fn one_of(&mut self, all: &[(Kind, OpId)], kind: Kind) -> Result<Option<OpId>> {
        if self.input.ratio(1, 16)? {
            return self.any().map(Some);
        }
        let right: Vec<_> = all.iter().filter(|entry| entry.0 == kind).map(|entry| entry.1).collect();
        if right.is_empty() { Ok(None) } else { self.input.choose(&right).copied().map(Some) }
    }

    fn element(&mut self, kind: Kind) -> Result<OpId> {
        let elements = self.forged.elements.clone();
        match self.one_of(&elements, kind)? {
            Some(element) => Ok(element),
            None => self.any(),
        }
    }

    /// Any operation, or one that is none.
    fn any(&mut self) -> Result<OpId> {
        let seq = if self.input.ratio(1, 16)? {
            self.input.int_in_range(0..=1 << 49)?
        } else {
            self.input.int_in_range(0..=60)?
        };
        Ok(OpId { replica: *self.input.choose(&REPLICAS)?, seq })
    }

    fn left(&mut self, kind: Kind) -> Result<()> {
        let left = if self.input.ratio(1, 6)? { None } else { Some(self.element(kind)?) };
        self.optional(left);
        Ok(())
    }

    fn id(&mut self, id: OpId, shift: u64) {
        let bytes = &mut self.forged.bytes;
        if id.replica == self.forged.author {
            bytes.varint(shift);
            bytes.varint(self.forged.end.saturating_sub(id.seq));
        } else {
            bytes.varint(number(id.replica) + 1 + shift);
            bytes.varint(id.seq);
        }
    }

    fn optional(&mut self, id: Option<OpId>) {
        match id {
            Some(id) => self.id(id, 1),
            None => self.forged.bytes.varint(0),
        }
    }

    /// The author's own number for a string, or the string itself where it has none, or where that is wrong.
    fn name(&mut self, name: &'static str) -> Result<()> {
        let known = self.forged.names.iter().position(|other| *other == name);
        let wrong = self.input.ratio(1, 24)?;
        match known {
            Some(known) if !wrong => self.forged.bytes.varint(known as u64 + 1),
            None if wrong => {
                let number = self.input.int_in_range(0..=9)?;
                self.forged.bytes.varint(number + 1);
            }
            _ => {
                self.forged.bytes.varint(0);
                self.forged.bytes.bytes(name.as_bytes());
                if known.is_none() {
                    self.forged.names.push(name);
                }
            }
        }
        Ok(())
    }

    fn key(&mut self) -> Result<()> {
        let key = *self.input.choose(&STRINGS)?;
        self.name(key)
    }

    fn kind(&mut self) -> Result<Kind> {
        let kinds =
            [Kind::Counter, Kind::FloatCounter, Kind::Register, Kind::Map, Kind::Set, Kind::List, Kind::Text];
        let tag = self.input.choose_index(kinds.len())?;
        self.forged.bytes.push(tag as u8);
        Ok(kinds[tag])
    }

    fn value(&mut self) -> Result<()> {
        let number: u8 = self.input.arbitrary()?;
        match number {
            0..=9 => self.forged.bytes.push(number % 3),
            10..=19 => {
                self.forged.bytes.push(4);
                let value: u64 = self.input.arbitrary()?;
                self.forged.bytes.extend_from_slice(&value.to_le_bytes());
            }
            20..=29 => {
                self.forged.bytes.push(5);
                self.forged.bytes.bytes(b"in");
            }
            _ => {
                self.forged.bytes.push(3);
                self.forged.bytes.zigzag(i64::from(number % 4));
            }
        }
        Ok(())
    }
}
