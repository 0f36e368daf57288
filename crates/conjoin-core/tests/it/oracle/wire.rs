//! Operations as they travel, read anew: what an undo manager did has to be taken from what it sends.

use std::collections::BTreeMap;

use conjoin_core::codec::Reader;
use conjoin_core::{Delta, Kind, OpId, ReplicaId, Value};

use super::{Act, Anchor, Author, Filling, Oracle, Place, Written};

const KINDS: [Kind; 7] =
    [Kind::Counter, Kind::FloatCounter, Kind::Register, Kind::Map, Kind::Set, Kind::List, Kind::Text];
/// The kinds of values that operations are for, by their tags.
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

/// The strings each replica has introduced.
pub(super) type Names = BTreeMap<ReplicaId, Vec<String>>;

/// A delta being read.
struct Bytes<'a> {
    reader: Reader<'a>,
    replicas: Vec<ReplicaId>,
    at: OpId,
    names: &'a mut Vec<String>,
}

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        self.reader.byte().expect("there is more")
    }

    fn number(&mut self) -> u64 {
        self.reader.varint().expect("it is a number")
    }

    fn name(&mut self) -> String {
        match self.number() {
            0 => {
                let name = self.reader.str().expect("it is a string").to_owned();
                if !self.names.contains(&name) {
                    self.names.push(name.clone());
                }
                name
            }
            number => self.names[number as usize - 1].clone(),
        }
    }

    fn kind(&mut self) -> Kind {
        KINDS[self.byte() as usize]
    }

    fn named(&mut self, first: u64) -> OpId {
        let seq = self.number();
        match first {
            0 => OpId { seq: self.at.seq - seq, ..self.at },
            replica => OpId { replica: self.replicas[replica as usize - 1], seq },
        }
    }

    fn id(&mut self) -> OpId {
        let first = self.number();
        self.named(first)
    }

    fn optional(&mut self) -> Option<OpId> {
        match self.number() {
            0 => None,
            first => Some(self.named(first - 1)),
        }
    }

    fn anchor(&mut self) -> Anchor {
        match self.byte() {
            0 => Anchor::LeftOf(self.optional()),
            _ => Anchor::RightOf(self.optional()),
        }
    }

    fn value(&mut self) -> Value {
        let tag = self.byte();
        self.value_of(tag)
    }

    fn value_of(&mut self, tag: u8) -> Value {
        match tag {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Int(self.reader.zigzag().expect("it is a number")),
            4 => Value::Float(self.reader.float().expect("it is a float")),
            5 => Value::Str(self.reader.str().expect("it is a string").to_owned()),
            6 => self.reader.bytes().expect("they are bytes").into(),
            tag => panic!("{tag} is no tag of a value"),
        }
    }
}

impl Oracle {
    /// Takes in a delta of a replica that had seen all that `author` has.
    pub(crate) fn learn(&mut self, delta: &Delta, replica: ReplicaId, saw: &conjoin_core::VersionVector) {
        let mut names = std::mem::take(self.names.entry(replica).or_default());
        self.author(replica, saw).obey(delta, &mut names);
        self.names.insert(replica, names);
    }

    /// Takes note of the names in a delta of which the operations are known, and holds those against it.
    pub(crate) fn recognize(&mut self, delta: &Delta, replica: ReplicaId) {
        let ops = self.ops.clone();
        let first = delta.end().get(replica) - delta.operations();
        self.ops.retain(|op| op.id.replica != replica || op.id.seq < first);
        let saw =
            ops.iter().find(|op| op.id == OpId { replica, seq: first }).expect("it is known").saw.clone();
        self.learn(delta, replica, &saw);
        let acts = |ops: &[super::Op]| -> Vec<_> {
            let own = ops.iter().filter(|op| op.id.replica == replica && op.id.seq >= first);
            own.map(|op| (op.id, op.place.clone(), format!("{:?}", op.act))).collect()
        };
        assert_eq!(acts(&self.ops), acts(&ops), "what was made is what is sent");
        self.ops = ops;
    }

    /// The nested value that an operation made.
    fn made_by(&self, id: OpId) -> Place {
        let op = self.ops.iter().find(|op| op.id == id).expect("it was seen");
        match &op.act {
            Act::Write(key, Written::Nested(kind, base)) => {
                Place::Child { map: Box::new(op.place.clone()), key: key.clone(), kind: *kind, base: *base }
            }
            Act::Item(_, Filling::Nested(kind)) => Place::Item(*kind, id),
            act => panic!("{act:?} makes no nested value"),
        }
    }
}

impl Author<'_> {
    fn obey(&mut self, delta: &Delta, names: &mut Vec<String>) {
        let bytes = delta.to_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.take(4), Ok(&b"CJD\x01"[..]));
        let count = reader.varint().expect("a count of replicas");
        let replicas = (0..count).map(|_| ReplicaId::new(reader.u64().expect("a replica"))).collect();
        let at = OpId { replica: self.replica, seq: self.saw.get(self.replica) };
        let mut bytes = Bytes { reader, replicas, at, names };
        for _ in 0..bytes.number() {
            let flags = bytes.byte();
            if flags & 1 == 0 {
                let replica = bytes.number();
                assert_eq!((bytes.replicas[replica as usize], bytes.number()), (at.replica, bytes.at.seq));
            }
            if flags & 2 != 0 {
                for _ in 0..2 * bytes.number() {
                    bytes.number();
                }
            }
            let count = if flags & 4 == 0 { 1 } else { bytes.number() };
            let mut place = None;
            for _ in 0..count {
                self.operation(&mut bytes, &mut place);
                bytes.at.seq = self.saw.get(self.replica);
            }
        }
        bytes.reader.end().expect("all was read");
    }

    fn operation(&mut self, bytes: &mut Bytes<'_>, before: &mut Option<Place>) {
        let first = bytes.byte();
        let tag = first & 0x0f;
        let place = match before {
            Some(place) if first & 0x10 != 0 => place.clone(),
            _ if first & 0x20 != 0 => self.oracle.made_by(bytes.id()),
            _ => Place::Root(EDITED[tag as usize], bytes.name()),
        };
        *before = Some(place.clone());
        let place = &place;
        let left = |bytes: &mut Bytes<'_>| match first & 0x40 {
            0 => bytes.optional(),
            _ => Some(OpId { seq: bytes.at.seq - 1, ..bytes.at }),
        };
        let act = match tag {
            0 => Act::Add(bytes.reader.zigzag().expect("it is a number")),
            1 => Act::AddFloat(bytes.reader.float().expect("it is a float")),
            2 => Act::Set(bytes.value()),
            3 => Act::Write(bytes.name(), Written::Value(bytes.value())),
            4 => Act::Write(bytes.name(), Written::Nothing),
            5 => Act::Write(bytes.name(), Written::Nested(bytes.kind(), bytes.optional())),
            6 => Act::Include(bytes.value()),
            7 => Act::Exclude(bytes.value()),
            8 => {
                let mut left = left(bytes);
                let mut tree = self.read().tree(place);
                for char in bytes.reader.str().expect("it is a string").chars() {
                    let hook = tree.hook_after(left);
                    let id = self.push(place, Act::Char(hook, char));
                    tree.insert(id, hook);
                    left = Some(id);
                }
                return;
            }
            9 => {
                let mut left = left(bytes);
                for _ in 0..bytes.number() {
                    let filling = match bytes.byte() {
                        tag if tag >= 0x10 => Filling::Nested(KINDS[tag as usize - 0x10]),
                        tag => Filling::Value(bytes.value_of(tag)),
                    };
                    let hook = self.read().tree(place).hook_after(left);
                    left = Some(self.push(place, Act::Item(hook, filling)));
                }
                return;
            }
            10 | 11 => {
                let first_id = bytes.id();
                for nth in 0..bytes.number() {
                    let seq = if first & 0x80 == 0 { first_id.seq + nth } else { first_id.seq - nth };
                    self.push(place, Act::Take(OpId { seq, ..first_id }));
                }
                return;
            }
            12 => {
                let item = bytes.id();
                Act::Move(self.read().tree(place).hook_after(bytes.optional()), item)
            }
            13 => Act::Assign(bytes.id(), bytes.value()),
            _ => {
                let (from, to) = (bytes.anchor(), bytes.anchor());
                Act::Mark { from, to, key: bytes.name(), value: bytes.value() }
            }
        };
        self.push(place, act);
    }
}
