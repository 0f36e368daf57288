//! Entries as bytes: all but the latest few stand so, in a tenth of the memory.

use super::{Entry, Local, SCATTERED};
use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::items::Items;
use crate::numbers::{Lv, NONE};
use crate::op::{Anchor, Edit, Mark};
use crate::value::{Kind, Value};

/// It edits the value that the entry before edits, named likewise.
const SAME: u8 = 0x10;
/// It follows on the entry before.
const FOLLOWS: u8 = 0x20;
/// It was done at an index.
const PLACED: u8 = 0x40;
/// A delete downwards.
const DOWN: u8 = 0x80;

/// Some entries that follow each other.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    /// The number of the first operation, and the one after the last.
    pub(super) lv: Lv,
    pub(super) end: Lv,
    bytes: Box<[u8]>,
}

impl Packed {
    /// Of at least one entry.
    pub(crate) fn of<'e>(entries: impl Iterator<Item = &'e Entry>) -> Self {
        let mut bytes = Vec::new();
        let mut first = None;
        let mut at = Place { end: 0, container: 0, named: NONE };
        for entry in entries {
            if first.is_none() {
                at.end = entry.lv;
            }
            first = first.or(Some(entry.lv));
            write(entry, &at, &mut bytes);
            at = Place::behind(entry);
        }
        Self { lv: first.unwrap_or(0), end: at.end, bytes: bytes.into() }
    }

    /// The entries, in order.
    pub(crate) fn entries(&self) -> Entries<'_> {
        let at = Place { end: self.lv, container: 0, named: NONE };
        Entries { reader: Reader::new(&self.bytes), at }
    }

    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// The entries of some that are packed.
pub(crate) struct Entries<'p> {
    reader: Reader<'p>,
    at: Place,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.reader.is_empty() {
            return None;
        }
        let entry = read(&mut self.reader, &self.at).expect("it was written here");
        self.at = Place::behind(&entry);
        Some(entry)
    }
}

/// What an entry is told by: where the one before ended, and what it edited.
struct Place {
    end: Lv,
    container: u32,
    named: Lv,
}

impl Place {
    const fn behind(entry: &Entry) -> Self {
        Self { end: entry.end(), container: entry.container, named: entry.named }
    }
}

fn write(entry: &Entry, before: &Place, out: &mut Vec<u8>) {
    let Entry { lv, len, container, named, at, ref edit } = *entry;
    let same = (container, named) == (before.container, before.named);
    let down = matches!(edit, Edit::Delete { down: true, .. });
    let flags = [(same, SAME), (lv == before.end, FOLLOWS), (at != SCATTERED, PLACED), (down, DOWN)];
    out.push(tag(edit) + flags.iter().map(|(set, flag)| u8::from(*set) * flag).sum::<u8>());
    if !same {
        out.varint(u64::from(container));
        element(lv, (named != NONE).then_some(named), out);
    }
    if lv != before.end {
        out.varint(u64::from(lv - before.end));
    }
    if at != SCATTERED {
        out.varint(u64::from(at));
    }
    match edit {
        Edit::AddInt(amount) => out.zigzag(*amount),
        Edit::AddFloat(amount) => out.extend_from_slice(&amount.to_le_bytes()),
        Edit::Write(value) | Edit::Include(value) | Edit::Exclude(value) => value.encode(out),
        Edit::Put { key, value } => {
            out.varint(u64::from(*key));
            value.encode(out);
        }
        Edit::Remove { key } => out.varint(u64::from(*key)),
        Edit::Make { key, kind, base } => {
            out.varint(u64::from(*key));
            out.push(kind.tag());
            element(lv, *base, out);
        }
        Edit::Insert { left, text } => {
            element(lv, *left, out);
            out.varint(u64::from(len));
            out.bytes(text.as_bytes());
        }
        Edit::InsertItems { left, items } => {
            element(lv, *left, out);
            out.varint(u64::from(len));
            out.extend_from_slice(items.as_bytes());
        }
        Edit::Delete { first, count, .. } => {
            element(lv, Some(*first), out);
            out.varint(u64::from(*count));
        }
        Edit::Move { item, left } => {
            element(lv, Some(*item), out);
            element(lv, *left, out);
        }
        Edit::Assign { item, value } => {
            element(lv, Some(*item), out);
            value.encode(out);
        }
        Edit::Mark(mark) => {
            for anchor in [mark.start, mark.end] {
                out.push(u8::from(anchor.after));
                element(lv, anchor.element, out);
            }
            out.varint(u64::from(mark.key));
            mark.value.encode(out);
        }
    }
}

fn read(reader: &mut Reader<'_>, before: &Place) -> Result<Entry, DecodeError> {
    let first = reader.byte()?;
    let number = |reader: &mut Reader<'_>| reader.varint().map(|number| number as u32);
    let is = |flag| first & flag != 0;
    // What follows is told by the number, which stands behind the name.
    let named = if is(SAME) { None } else { Some((number(reader)?, reader.varint()?)) };
    let lv = before.end + if is(FOLLOWS) { 0 } else { number(reader)? };
    let some = |back: u64| back.checked_sub(1).map(|back| lv.wrapping_sub(back as Lv));
    let element = |reader: &mut Reader<'_>| reader.varint().map(some);
    let other = |reader: &mut Reader<'_>| element(reader)?.ok_or(DecodeError::Malformed(Part::Log));
    let (container, named) = match named {
        Some((container, back)) => (container, some(back).unwrap_or(NONE)),
        None => (before.container, before.named),
    };
    let at = if is(PLACED) { number(reader)? } else { SCATTERED };
    let mut len = 1;
    let edit = match first & 0x0f {
        0 => Edit::AddInt(reader.zigzag()?),
        1 => Edit::AddFloat(reader.float()?),
        2 => Edit::Write(Value::decode(reader)?),
        3 => Edit::Put { key: number(reader)?, value: Value::decode(reader)? },
        4 => Edit::Remove { key: number(reader)? },
        5 => {
            let key = number(reader)?;
            let kind = Kind::from_tag(reader.byte()?).ok_or(DecodeError::Malformed(Part::Log))?;
            Edit::Make { key, kind, base: element(reader)? }
        }
        6 => Edit::Include(Value::decode(reader)?),
        7 => Edit::Exclude(Value::decode(reader)?),
        8 => {
            let left = element(reader)?;
            len = number(reader)?;
            Edit::Insert { left, text: reader.str()?.to_owned() }
        }
        9 => {
            let left = element(reader)?;
            len = number(reader)?;
            Edit::InsertItems { left, items: Items::read(reader, len as usize)? }
        }
        10 => {
            let first = other(reader)?;
            len = number(reader)?;
            Edit::Delete { first, count: len, down: is(DOWN) }
        }
        11 => Edit::Move { item: other(reader)?, left: element(reader)? },
        12 => Edit::Assign { item: other(reader)?, value: Value::decode(reader)? },
        _ => {
            let anchor = |reader: &mut Reader<'_>| {
                let after = reader.byte()? == 1;
                Ok::<_, DecodeError>(Anchor { element: element(reader)?, after })
            };
            let (start, end) = (anchor(reader)?, anchor(reader)?);
            let key = number(reader)?;
            Edit::Mark(Box::new(Mark { start, end, key, value: Value::decode(reader)? }))
        }
    };
    Ok(Entry { lv, len, container, named, at, edit })
}

/// An operation or element, by how far back it lies, or none.
fn element(lv: Lv, element: Option<Lv>, out: &mut Vec<u8>) {
    out.varint(element.map_or(0, |element| u64::from(lv.wrapping_sub(element)) + 1));
}

const fn tag(edit: &Local) -> u8 {
    match edit {
        Edit::AddInt(_) => 0,
        Edit::AddFloat(_) => 1,
        Edit::Write(_) => 2,
        Edit::Put { .. } => 3,
        Edit::Remove { .. } => 4,
        Edit::Make { .. } => 5,
        Edit::Include(_) => 6,
        Edit::Exclude(_) => 7,
        Edit::Insert { .. } => 8,
        Edit::InsertItems { .. } => 9,
        Edit::Delete { .. } => 10,
        Edit::Move { .. } => 11,
        Edit::Assign { .. } => 12,
        Edit::Mark(_) => 13,
    }
}
