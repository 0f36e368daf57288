//! Reading and writing bytes that may come from anybody.
//!
//! Numbers are LEB128 varints (unsigned, or zigzag for signed), strings and byte strings carry
//! their length. A [`Reader`] never takes more memory than its input justifies: a count is
//! checked against the bytes that are left before anything is allocated for it.

/// Why bytes could not be read.
///
/// ```
/// use conjoin_core::{DecodeError, Delta};
///
/// assert_eq!(Delta::from_bytes(b"CJ"), Err(DecodeError::Truncated));
/// assert_eq!(Delta::from_bytes(b"PNG!"), Err(DecodeError::NotConjoin));
/// assert_eq!(Delta::from_bytes(b"CJD\x02"), Err(DecodeError::NewerVersion));
/// ```
// A byte, so that it costs nothing to hand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the data ends in the middle")]
    Truncated,
    /// The bytes go on after the end.
    #[error("the data goes on after its end")]
    Trailing,
    /// They are not what they should be.
    #[error("malformed {0}")]
    Malformed(Part),
    /// They start with something else.
    #[error("this is not Conjoin data")]
    NotConjoin,
    /// They were written by a version of the format this one does not know.
    #[error("the version of the format is newer than this program; update it")]
    NewerVersion,
    /// They name a replica that was not introduced.
    #[error("an operation names a replica that was not introduced")]
    UnknownReplica,
}

/// What of some bytes is not what it should be.
///
/// ```
/// use conjoin_core::{DecodeError, Part, codec::Reader};
///
/// assert_eq!(Reader::new(b"\x01\xff").str(), Err(DecodeError::Malformed(Part::Text)));
/// assert_eq!(DecodeError::Malformed(Part::Text).to_string(), "malformed text");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// An amount added to a counter.
    Amount,
    /// An end of a mark.
    Anchor,
    /// A change.
    Change,
    /// A column of a snapshot.
    Column,
    /// A value that is edited.
    Container,
    /// What an operation deletes.
    Delete,
    /// What a change depends on.
    Dependency,
    /// What a key of a map or an item of a list holds.
    Entry,
    /// A history.
    History,
    /// An item of a list.
    Item,
    /// A kind of value.
    Kind,
    /// A list.
    List,
    /// A log of operations.
    Log,
    /// A map.
    Map,
    /// A message between peers.
    Message,
    /// An item that was moved.
    Move,
    /// A name.
    Name,
    /// The names of a replica.
    Names,
    /// A value within itself, or in no other.
    Nesting,
    /// A number.
    Number,
    /// An operation.
    Operation,
    /// The order of the sums of a counter.
    OrderOfSums,
    /// The order of the writes of a register.
    OrderOfWrites,
    /// A place in a text or list.
    Place,
    /// An operation that another names.
    Reference,
    /// The replicas that are introduced.
    Replicas,
    /// The elements of a text or list.
    Sequence,
    /// A sequence number or logical time.
    SequenceNumber,
    /// A set.
    Set,
    /// A stretch of operations.
    Span,
    /// The strings that are introduced.
    Strings,
    /// A sum.
    Sum,
    /// Text.
    Text,
    /// A plain value.
    Value,
    /// A version vector.
    VersionVector,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Amount => "amount",
            Self::Anchor => "anchor",
            Self::Change => "change",
            Self::Column => "column",
            Self::Container => "container",
            Self::Delete => "delete",
            Self::Dependency => "dependency",
            Self::Entry => "entry",
            Self::History => "history",
            Self::Item => "item",
            Self::Kind => "kind",
            Self::List => "list",
            Self::Log => "log",
            Self::Map => "map",
            Self::Message => "message",
            Self::Move => "move",
            Self::Name => "name",
            Self::Names => "names",
            Self::Nesting => "nesting",
            Self::Number => "number",
            Self::Operation => "operation",
            Self::OrderOfSums => "order of sums",
            Self::OrderOfWrites => "order of writes",
            Self::Place => "place",
            Self::Reference => "reference",
            Self::Replicas => "replicas",
            Self::Sequence => "sequence",
            Self::SequenceNumber => "sequence number",
            Self::Set => "set",
            Self::Span => "span",
            Self::Strings => "strings",
            Self::Sum => "sum",
            Self::Text => "text",
            Self::Value => "value",
            Self::VersionVector => "version vector",
        })
    }
}

/// The largest sequence number or logical time there can be; leaves room for adding two without
/// overflow. Reaching it at a million operations a second takes nine years.
pub(crate) const MAX_SEQ: u64 = 1 << 48;

/// The characters that take a byte each.
const ASCII: &str = {
    const BYTES: [u8; 128] = {
        let mut bytes = [0; 128];
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] = at as u8;
            at += 1;
        }
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    }
};

/// Appends to a byte vector.
///
/// ```
/// use conjoin_core::codec::Writer;
///
/// let mut out = Vec::new();
/// out.varint(300);
/// out.bytes(b"tea");
/// assert_eq!(out, [0xac, 2, 3, b't', b'e', b'a']);
/// ```
pub trait Writer {
    /// An unsigned LEB128 varint.
    ///
    /// ```
    /// # use conjoin_core::codec::Writer;
    /// # let mut out = Vec::new();
    /// out.varint(5);
    /// out.varint(128);
    /// assert_eq!(out, [5, 0x80, 1]);
    /// ```
    fn varint(&mut self, value: u64);
    /// A signed number, zigzag then varint.
    ///
    /// ```
    /// # use conjoin_core::codec::Writer;
    /// # let mut out = Vec::new();
    /// out.zigzag(-1);
    /// out.zigzag(1);
    /// assert_eq!(out, [1, 2]);
    /// ```
    fn zigzag(&mut self, value: i64);
    /// A length and the bytes.
    ///
    /// ```
    /// # use conjoin_core::codec::Writer;
    /// # let mut out = Vec::new();
    /// out.bytes(b"tea");
    /// assert_eq!(out, [3, b't', b'e', b'a']);
    /// ```
    fn bytes(&mut self, bytes: &[u8]);
}

impl Writer for Vec<u8> {
    #[inline]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value.wrapping_shl(1) ^ (value >> 63)) as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Reads from a byte slice, front to back.
///
/// ```
/// use conjoin_core::codec::{Reader, Writer};
///
/// let mut out = Vec::new();
/// out.varint(300);
/// out.bytes("tea".as_bytes());
///
/// let mut reader = Reader::new(&out);
/// assert_eq!(reader.varint()?, 300);
/// assert_eq!(reader.str()?, "tea");
/// reader.end()?;
/// # Ok::<(), conjoin_core::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front.
    ///
    /// ```
    /// # use conjoin_core::codec::Reader;
    /// let mut reader = Reader::new(b"ab");
    /// assert_eq!((reader.byte()?, reader.byte()?), (b'a', b'b'));
    /// # Ok::<(), conjoin_core::DecodeError>(())
    /// ```
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all was read.
    ///
    /// ```
    /// # use conjoin_core::codec::Reader;
    /// let mut reader = Reader::new(&[7]);
    /// assert!(!reader.is_empty());
    /// reader.byte()?;
    /// assert!(reader.is_empty());
    /// # Ok::<(), conjoin_core::DecodeError>(())
    /// ```
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// let mut reader = Reader::new(b"tea");
    /// assert_eq!(reader.take(2), Ok(&b"te"[..]));
    /// assert_eq!(reader.take(2), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If fewer are left.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// let mut reader = Reader::new(&[7]);
    /// assert_eq!(reader.byte(), Ok(7));
    /// assert_eq!(reader.byte(), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If none is left.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    /// The next byte, which stays.
    ///
    /// # Errors
    /// If none is left.
    pub(crate) fn peek(&self) -> Result<u8, DecodeError> {
        self.rest.first().copied().ok_or(DecodeError::Truncated)
    }

    /// Eight bytes, little-endian.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// let mut reader = Reader::new(&[1, 2, 0, 0, 0, 0, 0, 0, 9]);
    /// assert_eq!(reader.u64(), Ok(0x201));
    /// assert_eq!(reader.u64(), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If fewer are left.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().expect("eight bytes were taken")))
    }

    /// A 64-bit float, little-endian.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// let bytes = 0.5f64.to_le_bytes();
    /// assert_eq!(Reader::new(&bytes).float(), Ok(0.5));
    /// assert_eq!(Reader::new(&bytes[1..]).float(), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If fewer than eight bytes are left.
    pub fn float(&mut self) -> Result<f64, DecodeError> {
        self.u64().map(f64::from_bits)
    }

    /// A varint.
    ///
    /// ```
    /// # use conjoin_core::{DecodeError, Part};
    /// # use conjoin_core::codec::Reader;
    /// assert_eq!(Reader::new(&[0xac, 2]).varint(), Ok(300));
    /// assert_eq!(Reader::new(&[0xac]).varint(), Err(DecodeError::Truncated));
    /// assert_eq!(Reader::new(&[0xff; 10]).varint(), Err(DecodeError::Malformed(Part::Number)));
    /// ```
    ///
    /// # Errors
    /// If it does not end, or does not fit 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    /// A varint of any length.
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        if let Some((value, size)) = self.peek_short() {
            self.rest = &self.rest[size..];
            return Ok(u64::from(value));
        }
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed(Part::Number))
    }

    /// The varint ahead and how many bytes it takes, if these are at most four and as many are left. They are looked
    /// at together, so that numbers of different lengths take the same way.
    #[inline]
    fn peek_short(&self) -> Option<(u32, usize)> {
        let word = u32::from_le_bytes(*self.rest.first_chunk::<4>()?);
        // The high bits of all bytes but the last of a number are set.
        let size = (!word & 0x8080_8080).trailing_zeros() / 8 + 1;
        if size > 4 {
            return None;
        }
        let bits = (word & 0x7f) | (word & 0x7f00) >> 1 | (word & 0x7f_0000) >> 2 | (word & 0x7f00_0000) >> 3;
        Some((bits & (u32::MAX >> (32 - 7 * size)), size as usize))
    }

    /// A zigzag varint.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// assert_eq!(Reader::new(&[1]).zigzag(), Ok(-1));
    /// assert_eq!(Reader::new(&[2]).zigzag(), Ok(1));
    /// assert_eq!(Reader::new(&[]).zigzag(), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// As [`varint`](Self::varint).
    pub fn zigzag(&mut self) -> Result<i64, DecodeError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The zigzag varint ahead, if one is, and how many bytes it takes; nothing is read yet.
    pub(crate) fn peek_zigzag(&self) -> Result<(i64, usize), DecodeError> {
        if let Some((value, size)) = self.peek_short() {
            let value = i64::from(value);
            return Ok(((value >> 1) ^ -(value & 1), size));
        }
        let mut ahead = self.clone();
        match ahead.zigzag() {
            Ok(value) => Ok((value, self.rest.len() - ahead.rest.len())),
            Err(DecodeError::Truncated) => Ok((0, usize::MAX)),
            Err(error) => Err(error),
        }
    }

    /// A sequence number or logical time.
    ///
    /// # Errors
    /// If it is larger than any honest replica reaches.
    pub(crate) fn seq(&mut self) -> Result<u64, DecodeError> {
        let seq = self.varint()?;
        if seq > MAX_SEQ { Err(DecodeError::Malformed(Part::SequenceNumber)) } else { Ok(seq) }
    }

    /// A count of things that take at least `least` bytes each.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// let bytes = [2, 0, 0, 0, 0]; // two, and four bytes
    /// assert_eq!(Reader::new(&bytes).count(2), Ok(2));
    /// assert_eq!(Reader::new(&bytes).count(3), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If so many cannot follow.
    pub fn count(&mut self, least: usize) -> Result<usize, DecodeError> {
        let count = self.varint()?;
        if count > (self.rest.len() / least.max(1)) as u64 {
            return Err(DecodeError::Truncated);
        }
        Ok(count as usize)
    }

    /// A length and the bytes.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// assert_eq!(Reader::new(&[2, 8, 9]).bytes(), Ok(&[8, 9][..]));
    /// assert_eq!(Reader::new(&[3, 8, 9]).bytes(), Err(DecodeError::Truncated));
    /// ```
    ///
    /// # Errors
    /// If fewer are left.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.count(1)?;
        self.take(len)
    }

    /// A length and UTF-8 text.
    ///
    /// ```
    /// # use conjoin_core::{DecodeError, Part};
    /// # use conjoin_core::codec::Reader;
    /// assert_eq!(Reader::new(b"\x03tea").str(), Ok("tea"));
    /// assert_eq!(Reader::new(b"\x01\xff").str(), Err(DecodeError::Malformed(Part::Text)));
    /// ```
    ///
    /// # Errors
    /// If fewer bytes are left, or they are not UTF-8.
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Malformed(Part::Text))
    }

    /// A number of one byte that stands behind this one.
    #[inline]
    pub(crate) fn after(&mut self, before: u8) -> Option<u8> {
        match self.rest {
            &[byte, number @ ..0x80, ref rest @ ..] if byte == before => {
                self.rest = rest;
                Some(number)
            }
            _ => None,
        }
    }

    /// A text, if it is a single ASCII character: the text that is sent most.
    #[inline]
    pub(crate) fn letter(&mut self) -> Option<&'a str> {
        let [1, letter @ 0..0x80, rest @ ..] = self.rest else { return None };
        let at = usize::from(*letter);
        self.rest = rest;
        ASCII.get(at..=at)
    }

    /// The end.
    ///
    /// ```
    /// # use conjoin_core::DecodeError;
    /// # use conjoin_core::codec::Reader;
    /// let mut reader = Reader::new(&[7]);
    /// assert_eq!(reader.end(), Err(DecodeError::Trailing));
    /// reader.byte()?;
    /// assert_eq!(reader.end(), Ok(()));
    /// # Ok::<(), DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// If something is left.
    pub const fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// What stands at the front of bytes that are kept or sent on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Delta = b'D' as isize,
    State = b'S' as isize,
    History = b'H' as isize,
}

const MAGIC: &[u8] = b"CJ";
const VERSION: u8 = 1;

impl Header {
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        out.push(self as u8);
        out.push(VERSION);
    }

    /// What stands ahead.
    pub(crate) fn peek(reader: &Reader<'_>) -> Result<Self, DecodeError> {
        match reader.rest {
            [b'C', b'J', b'D', ..] => Ok(Self::Delta),
            [b'C', b'J', b'S', ..] => Ok(Self::State),
            [b'C', b'J', b'H', ..] => Ok(Self::History),
            _ => Err(DecodeError::NotConjoin),
        }
    }

    pub(crate) fn read(self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        if reader.take(2)? != MAGIC || reader.byte()? != self as u8 {
            return Err(DecodeError::NotConjoin);
        }
        match reader.byte()? {
            VERSION => Ok(()),
            0 => Err(DecodeError::NotConjoin),
            _ => Err(DecodeError::NewerVersion),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_written(unsigned: u64, signed: i64) {
            let mut out = Vec::new();
            out.varint(unsigned);
            out.zigzag(signed);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(unsigned));
            let (value, size) = reader.peek_zigzag().expect("one is ahead");
            let left = reader.len();
            prop_assert_eq!(reader.zigzag(), Ok(signed));
            prop_assert_eq!((value, size), (signed, left - reader.len()));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(DecodeError::Malformed(Part::Number)));
        let mut too_large = [0xff; 10];
        too_large[9] = 2;
        assert_eq!(Reader::new(&too_large).varint(), Err(DecodeError::Malformed(Part::Number)));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(DecodeError::Truncated));
    }

    #[test]
    fn a_count_that_cannot_follow_is_refused_before_memory_is_taken() {
        let mut out = Vec::new();
        out.varint(1_000_000_000);
        out.push(0);
        assert_eq!(Reader::new(&out).count(1), Err(DecodeError::Truncated));
    }

    #[test]
    fn headers_tell_what_is_wrong() {
        let mut out = Vec::new();
        Header::Delta.write(&mut out);
        assert_eq!(Header::Delta.read(&mut Reader::new(&out)), Ok(()));
        assert_eq!(Header::State.read(&mut Reader::new(&out)), Err(DecodeError::NotConjoin));
        out[3] = 9;
        assert_eq!(Header::Delta.read(&mut Reader::new(&out)), Err(DecodeError::NewerVersion));
    }
}
