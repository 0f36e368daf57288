//! Places in texts and lists that stay where they are while others edit.
//!
//! A cursor stands beside an element, by the element's id, as the ends of marks do. An element that is
//! gone still has its place, so the cursor has, too. In a list it goes along with an item that is moved.

use std::sync::Arc;

use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::doc::Doc;
use crate::numbers::Lv;
use crate::op::Anchor;
use crate::read::{ListRef, TextRef};
use crate::state::{Data, Parent};
use crate::value::Kind;
use crate::version::{OpId, ReplicaId};

/// On which side of what is inserted right at it a cursor stays.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Side};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.text("t").push("ab"));
/// let left = doc.text("t").cursor(1, Side::Left).expect("it is within the text");
/// let right = doc.text("t").cursor(1, Side::Right).expect("it is within the text");
/// doc.transact(|tx| tx.text("t").insert(1, "xyz").expect("it is within the text"));
/// assert_eq!((doc.resolve(&left), doc.resolve(&right)), (Some(1), Some(4)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Side {
    /// It stays left of it: it holds on to what stands before it.
    Left,
    /// It goes right of it: it holds on to what stands behind it.
    #[default]
    Right,
}

/// A place in a text or list that means the same on every replica.
///
/// ```
/// use conjoin_core::{Cursor, Doc, ReplicaId, Side};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.text("t").push("ada and bob"));
/// let bob = doc.text("t").cursor(8, Side::Right).expect("it is within the text");
/// doc.transact(|tx| tx.text("t").replace(0..3, "Lovelace").expect("it is within the text"));
/// assert_eq!(doc.resolve(&bob), Some(13));
/// assert_eq!(Cursor::from_bytes(&bob.to_bytes()), Ok(bob));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    kind: Kind,
    home: Home,
    element: Option<OpId>,
    /// Whether it stands right of the element. Without an element, it stands at the start, or else the end.
    after: bool,
}

/// The text or list that a cursor is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Home {
    Root(Arc<str>),
    Nested(OpId),
}

/// The version of the format of cursors.
const VERSION: u8 = 1;

impl TextRef<'_> {
    /// The place before the character at `at`, in characters; `None` past the end, and as long as nobody has
    /// edited the text. For other units see [`convert`](Self::convert).
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, Side};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// assert_eq!(doc.text("t").cursor(0, Side::Left), None); // nobody has edited it
    /// doc.transact(|tx| tx.text("t").push("Tea"));
    /// assert!(doc.text("t").cursor(3, Side::Left).is_some());
    /// assert_eq!(doc.text("t").cursor(4, Side::Left), None);
    /// ```
    pub fn cursor(&self, at: usize, side: Side) -> Option<Cursor> {
        let sequence = &self.data()?.sequence;
        self.doc.cursor(self.container?, at, sequence.len(), side, |index| sequence.at(index))
    }
}

impl ListRef<'_> {
    /// The place before the item at `at`; `None` past the end, and as long as nobody has edited the list.
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, Side};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("l").insert_all(0, ["tea", "milk", "jam"]).expect("it is the start"));
    /// let tea = doc.list("l").cursor(0, Side::Right).expect("it is within the list");
    /// doc.transact(|tx| tx.list("l").move_to(0, 2).expect("both are items"));
    /// assert_eq!(doc.resolve(&tea), Some(2)); // it went along with its item
    /// ```
    pub fn cursor(&self, at: usize, side: Side) -> Option<Cursor> {
        let list = self.data()?;
        self.doc
            .cursor(self.container?, at, list.sequence.len(), side, |index| list.at(index).map(|item| item.0))
    }
}

impl Doc {
    fn cursor(
        &self,
        container: u32,
        at: usize,
        len: usize,
        side: Side,
        element: impl Fn(usize) -> Option<Lv>,
    ) -> Option<Cursor> {
        if at > len {
            return None;
        }
        let after = side == Side::Left;
        let element = if after { at.checked_sub(1).and_then(element) } else { element(at) };
        let of = self.state.container(container);
        let home = match of.parent {
            Parent::Root(name) => Home::Root(self.strings.get(name).clone()),
            _ => Home::Nested(self.numbers.id(of.made)),
        };
        Some(Cursor { kind: of.kind, home, element: element.map(|lv| self.numbers.id(lv)), after })
    }

    /// Where a cursor stands now: an index in characters or items. `None` if what it is in, or what it stands
    /// beside, was not seen here or was [let go of](Self::compact).
    ///
    /// ```
    /// # use conjoin_core::{Doc, ReplicaId, Side};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("t").push("Tea and jam"));
    /// let jam = doc.text("t").cursor(8, Side::Right).expect("it is within the text");
    /// doc.transact(|tx| tx.text("t").delete(3..10).expect("it is within the text"));
    /// assert_eq!(doc.resolve(&jam), Some(3)); // where it was
    /// assert_eq!(Doc::new(ReplicaId::new(2)).resolve(&jam), None);
    /// ```
    pub fn resolve(&self, cursor: &Cursor) -> Option<usize> {
        let container = match &cursor.home {
            Home::Root(name) => self.state.root(cursor.kind, self.strings.find(name)?)?,
            Home::Nested(made) => self.state.containers.made(self.numbers.lv(*made)?)?,
        };
        let element = match cursor.element {
            Some(id) => Some(self.numbers.lv(id)?),
            None => None,
        };
        match self.state.data(container) {
            Data::Text(text) => {
                let known = element.is_none_or(|lv| text.sequence.holds(lv, 1));
                known.then(|| text.position(Anchor { element, after: cursor.after }))
            }
            Data::List(list) => match element {
                Some(item) => {
                    let place = list.sequence.find(list.slot_of(item))?;
                    Some(place.index + usize::from(cursor.after && place.visible))
                }
                None => Some(if cursor.after { 0 } else { list.sequence.len() }),
            },
            _ => None,
        }
    }
}

impl Cursor {
    /// Whether it is in the text or list of this name.
    ///
    /// ```
    /// # use conjoin_core::{Doc, Kind, ReplicaId, Side};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("title").push("Tea"));
    /// let cursor = doc.text("title").cursor(3, Side::Left).expect("it is the end");
    /// assert!(cursor.is_in(Kind::Text, "title"));
    /// assert!(!cursor.is_in(Kind::Text, "body"));
    /// ```
    pub fn is_in(&self, kind: Kind, name: &str) -> bool {
        self.kind == kind && matches!(&self.home, Home::Root(own) if **own == *name)
    }

    /// The cursor as bytes, to be kept or sent to others.
    ///
    /// ```
    /// # use conjoin_core::{Cursor, Doc, ReplicaId, Side};
    /// # let mut ada = Doc::new(ReplicaId::new(1));
    /// # let mut bob = Doc::new(ReplicaId::new(2));
    /// let delta = ada.transact(|tx| tx.text("t").push("Tea")).delta();
    /// let bytes = ada.text("t").cursor(3, Side::Left).expect("it is the end").to_bytes();
    /// bob.apply(&delta).expect("it is new");
    /// assert_eq!(bob.resolve(&Cursor::from_bytes(&bytes)?), Some(3));
    /// # Ok::<(), conjoin_core::DecodeError>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.kind.tag()];
        match &self.home {
            Home::Root(name) => {
                out.push(0);
                out.bytes(name.as_bytes());
            }
            Home::Nested(id) => {
                out.push(1);
                write_id(*id, &mut out);
            }
        }
        out.push(u8::from(self.after) | u8::from(self.element.is_some()) << 1);
        if let Some(id) = self.element {
            write_id(id, &mut out);
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// ```
    /// # use conjoin_core::{Cursor, DecodeError, Doc, ReplicaId, Side};
    /// # let mut doc = Doc::new(ReplicaId::new(1));
    /// # doc.transact(|tx| tx.text("t").push("Tea"));
    /// let cursor = doc.text("t").cursor(1, Side::Left).expect("it is within the text");
    /// assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Ok(cursor));
    /// assert_eq!(Cursor::from_bytes(&[]), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If the bytes are no cursor, or one of a newer version of the format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            VERSION => {}
            0 => return Err(DecodeError::NotConjoin),
            _ => return Err(DecodeError::NewerVersion),
        }
        let kind = Kind::from_tag(reader.byte()?).filter(|kind| matches!(kind, Kind::List | Kind::Text));
        let kind = kind.ok_or(DecodeError::Malformed(Part::Kind))?;
        let home = match reader.byte()? {
            0 => Home::Root(reader.str()?.into()),
            1 => Home::Nested(read_id(&mut reader)?),
            _ => return Err(DecodeError::Malformed(Part::Container)),
        };
        let flags = reader.byte()?;
        if flags > 3 {
            return Err(DecodeError::Malformed(Part::Place));
        }
        let element = if flags & 2 != 0 { Some(read_id(&mut reader)?) } else { None };
        reader.end()?;
        Ok(Self { kind, home, element, after: flags & 1 != 0 })
    }
}

fn write_id(id: OpId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.replica.get().to_le_bytes());
    out.varint(id.seq);
}

fn read_id(reader: &mut Reader<'_>) -> Result<OpId, DecodeError> {
    Ok(OpId { replica: ReplicaId::new(reader.u64()?), seq: reader.seq()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn doc(text: &str) -> Doc {
        let mut doc = Doc::new(ReplicaId::new(7));
        doc.transact(|tx| tx.text("t").push(text));
        doc
    }

    #[test]
    fn what_is_typed_at_a_cursor_goes_to_its_other_side() {
        let mut doc = doc("ab");
        let at = |side| doc.text("t").cursor(1, side).expect("it is within the text");
        let (left, right) = (at(Side::Left), at(Side::Right));
        doc.transact(|tx| tx.text("t").insert(1, "xyz").expect("it is within the text"));
        assert_eq!((doc.resolve(&left), doc.resolve(&right)), (Some(1), Some(4)));
    }

    #[test]
    fn the_ends_are_places_too() {
        let mut doc = doc("ab");
        let text = doc.text("t");
        let start = text.cursor(0, Side::Left).expect("it is the start");
        let end = text.cursor(2, Side::Right).expect("it is the end");
        assert_eq!(text.cursor(3, Side::Left), None);
        assert_eq!(doc.text("other").cursor(0, Side::Left), None);
        doc.transact(|tx| {
            tx.text("t").push("c");
            tx.text("t").insert(0, "-").expect("it is the start");
        });
        assert_eq!((doc.resolve(&start), doc.resolve(&end)), (Some(0), Some(4)));
    }

    #[test]
    fn a_cursor_goes_along_with_an_item_and_means_the_same_elsewhere() {
        let mut doc = Doc::new(ReplicaId::new(7));
        doc.transact(|tx| {
            let mut map = tx.map("m");
            let mut list = map.list("l");
            list.insert_all(0, [1, 2, 3]).expect("it is the start");
        });
        let list = doc.map("m").list("l");
        let cursor = list.cursor(0, Side::Right).expect("it is within the list");
        let mut other = Doc::new(ReplicaId::new(8));
        assert_eq!(other.resolve(&cursor), None);
        other.merge(&doc).expect("it is new");
        other.transact(|tx| tx.map("m").list("l").move_to(0, 2).expect("both are items"));
        assert_eq!(other.resolve(&cursor), Some(2));
        other.transact(|tx| tx.map("m").list("l").remove(1..3).expect("both are items"));
        assert_eq!(other.resolve(&cursor), Some(1));
    }

    #[test]
    fn the_bytes_of_cursors_stay_the_same() {
        let doc = doc("ab");
        let bytes = doc.text("t").cursor(2, Side::Left).expect("it is the end").to_bytes();
        assert_eq!(bytes, [1, 6, 0, 1, b't', 3, 7, 0, 0, 0, 0, 0, 0, 0, 1]);
        for end in 0..bytes.len() {
            assert!(Cursor::from_bytes(&bytes[..end]).is_err());
        }
        assert_eq!(Cursor::from_bytes(&[2]), Err(DecodeError::NewerVersion));
        assert_eq!(Cursor::from_bytes(&[1, 0, 0, 0, 0]), Err(DecodeError::Malformed(Part::Kind)));
    }

    proptest! {
        #[test]
        fn a_cursor_stays_with_its_character(
            at in 0..10usize,
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 0..20),
        ) {
            let mut doc = doc("0123456789");
            let left = doc.text("t").cursor(at, Side::Right).expect("it is within the text");
            let right = doc.text("t").cursor(at + 1, Side::Left).expect("it is within the text");
            for (from, to, insert) in edits {
                let len = doc.text("t").len();
                let (from, to) = (from.index(len + 1), to.index(len + 1));
                doc.transact(|tx| {
                    let mut text = tx.text("t");
                    let done = if insert { text.insert(from, "ab") } else { text.delete(from.min(to)..from.max(to)) };
                    done.expect("it is within the text");
                });
                let text = doc.text("t").to_string();
                let (from, to) = (doc.resolve(&left).expect("it was seen"), doc.resolve(&right).expect("it was seen"));
                let digit = char::from(b'0' + at as u8);
                match text.chars().position(|char| char == digit) {
                    Some(index) => prop_assert_eq!((from, to), (index, index + 1)),
                    None => {
                        prop_assert_eq!(from, to);
                        prop_assert!(text.chars().take(from).filter(char::is_ascii_digit).all(|char| char < digit));
                        prop_assert!(text.chars().skip(from).filter(char::is_ascii_digit).all(|char| char > digit));
                    }
                }
            }
        }
    }
}
