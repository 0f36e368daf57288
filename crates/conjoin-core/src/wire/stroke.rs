//! The shortest change there is, and by far the most frequent: one operation on a text whose name is known, of an
//! author who had seen nothing new, or one thing.

use super::{DOWN, HAS_DEPS, Id, ON};
use crate::codec::Reader;
use crate::op::parts::tag;

/// What one stroke of a key does.
pub(crate) struct Stroke<'a> {
    /// The number of the replica that made it.
    pub(crate) author: u64,
    /// Its sequence number.
    pub(crate) seq: u64,
    /// The latest operation of another that its author had seen since its own last one: the number of its replica,
    /// and its sequence number.
    pub(crate) dep: Option<(u64, u64)>,
    /// The text, by the number that its author gave its name.
    pub(crate) name: u32,
    pub(crate) does: Does<'a>,
}

pub(crate) enum Does<'a> {
    /// Puts text right of an element, or at the start.
    Insert { left: Option<Id>, text: &'a str },
    /// Deletes elements upwards. The flag says that they were deleted downwards, if there is but one.
    Delete { first: Id, count: u32, down: bool },
}

impl<'a> Stroke<'a> {
    /// Reads a change if it is nothing more, and not malformed either.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let flags = reader.byte().ok()?;
        if flags & !HAS_DEPS != 0 {
            return None;
        }
        let author = reader.varint().ok()?;
        let seq = reader.seq().ok()?;
        let mut dep = None;
        if flags == HAS_DEPS {
            if reader.varint().ok()? != 1 {
                return None;
            }
            let by = reader.varint().ok().filter(|&by| by != author)?;
            dep = Some((by, reader.seq().ok()?));
        }
        let first = reader.byte().ok()?;
        let name = u32::try_from(reader.varint().ok()?.checked_sub(1)?).ok()?;
        let does = match first {
            INSERT_ON => {
                let left = Some(Id { by: None, seq: seq.checked_sub(1)? });
                Does::Insert { left, text: text(reader)? }
            }
            tag::INSERT => {
                let left = match reader.varint().ok()? {
                    0 => None,
                    by => Some(id(by - 1, seq, reader)?),
                };
                Does::Insert { left, text: text(reader)? }
            }
            tag::DELETE | DELETE_DOWN => {
                let by = reader.varint().ok()?;
                let id = id(by, seq, reader)?;
                let count = u32::try_from(reader.varint().ok()?).ok()?;
                let down = first == DELETE_DOWN;
                if count == 0 || (down && count > 1) {
                    return None;
                }
                Does::Delete { first: id, count, down }
            }
            _ => return None,
        };
        Some(Self { author, seq, dep, name, does })
    }
}

/// Reads a change that inserts text right behind its author's last operation, as far as numbers are small: the author,
/// the sequence number, the name of the value and the text.
#[inline]
pub(crate) fn typed<'a>(reader: &mut Reader<'a>) -> Option<(u64, u64, u32, &'a str)> {
    let author = reader.after(0)?;
    let seq = reader.varint().ok()?;
    let name = reader.after(INSERT_ON)?.checked_sub(1)?;
    Some((author.into(), seq, name.into(), text(reader)?))
}

const INSERT_ON: u8 = tag::INSERT | ON;
const DELETE_DOWN: u8 = tag::DELETE | DOWN;

/// A text, which is not empty.
#[inline]
fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    reader.letter().or_else(|| reader.str().ok()).filter(|text| !text.is_empty())
}

/// The rest of an id that begins with this number, in an operation with this sequence number.
fn id(by: u64, seq: u64, reader: &mut Reader<'_>) -> Option<Id> {
    match by.checked_sub(1) {
        None => Some(Id { by: None, seq: seq.checked_sub(reader.varint().ok()?)? }),
        by => Some(Id { by, seq: reader.seq().ok()? }),
    }
}
