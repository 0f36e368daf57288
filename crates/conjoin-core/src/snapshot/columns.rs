//! Columns of bytes, each deflated on its own (RFC 1951): like stands beside like there, which is what
//! makes a history small.
//!
//! A column is its length and, unless that is 0, the length as it is stored and the bytes. One that deflates to
//! less than a sixteenth is stored as it is, so that a reader can refuse what would grow beyond that.

mod deflate;
mod huffman;
mod inflate;

use std::borrow::Cow;

use crate::codec::{DecodeError, Part, Reader, Writer};

/// The most that a stored byte stands for.
const MAX_RATIO: usize = 16;

const MALFORMED: DecodeError = DecodeError::Malformed(Part::Column);

/// Appends a column as small as can be.
pub(super) fn write(column: &[u8], out: &mut Vec<u8>) {
    write_if(column, column.len(), out);
}

/// Appends a column that everybody needs at once and that has little to save: deflated if that saves a fourth.
pub(super) fn write_dense(column: &[u8], out: &mut Vec<u8>) {
    write_if(column, column.len() - column.len() / 4, out);
}

/// Deflates a column if it then takes less than `most` bytes.
fn write_if(column: &[u8], most: usize, out: &mut Vec<u8>) {
    out.varint(column.len() as u64);
    if column.is_empty() {
        return;
    }
    let packed = deflate::deflate(column);
    // Whether it is deflated shows in the lengths: as many bytes as it has mean that it is not.
    out.bytes(if packed.len() < most && column.len() / MAX_RATIO <= packed.len() { &packed } else { column });
}

pub(super) fn read<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, DecodeError> {
    Packed::read(reader)?.unpack()
}

/// A column as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) len: usize,
    stored: &'a [u8],
}

impl<'a> Packed<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let len = usize::try_from(reader.varint()?).map_err(|_| MALFORMED)?;
        let stored = if len == 0 { &[] } else { reader.bytes()? };
        if stored.len() > len || len / MAX_RATIO > stored.len() {
            return Err(MALFORMED);
        }
        Ok(Self { len, stored })
    }

    pub(super) fn unpack(self) -> Result<Cow<'a, [u8]>, DecodeError> {
        if self.stored.len() == self.len {
            return Ok(self.stored.into());
        }
        inflate::inflate(self.stored, self.len).map(Cow::from).ok_or(MALFORMED)
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec;
    use miniz_oxide::inflate::decompress_to_vec;
    use proptest::prelude::*;

    use super::*;

    /// Bytes in which some follow each other again.
    fn columns() -> impl Strategy<Value = Vec<u8>> {
        let piece = (prop::collection::vec(0..=255u8, 0..40), 1..200usize);
        let pieces = prop::collection::vec((piece, 0..3u8), 0..20);
        pieces.prop_map(|pieces| {
            let mut column: Vec<u8> = Vec::new();
            for ((bytes, times), kind) in pieces {
                match kind {
                    0 => column.extend(bytes.repeat(times)),
                    1 => column.extend(bytes.iter().map(|byte| byte % 8)),
                    _ => column.extend_from_within(..column.len() / 2),
                }
            }
            column
        })
    }

    proptest! {
        #[test]
        fn others_inflate_what_is_deflated_here(column in columns()) {
            prop_assert_eq!(decompress_to_vec(&deflate::deflate(&column)).ok(), Some(column));
        }

        #[test]
        fn what_others_deflate_is_inflated_here(column in columns(), level in 0..=10u8) {
            prop_assert_eq!(inflate::inflate(&compress_to_vec(&column, level), column.len()), Some(column));
        }
    }

    proptest! {
        #[test]
        fn what_is_damaged_is_inflated_as_others_do_or_refused(
            column in columns(),
            level in 0..=10u8,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut stored = compress_to_vec(&column, level);
            for (at, byte) in damage {
                let at = at.index(stored.len());
                stored[at] = byte;
            }
            let others = decompress_to_vec(&stored).ok();
            let len = others.as_ref().map_or(column.len(), Vec::len);
            prop_assert_eq!(inflate::inflate(&stored, len), others);
        }
    }

    #[test]
    fn a_column_of_many_blocks_is_inflated_as_it_was() {
        let mut state = 1u32;
        let mut column: Vec<u8> = Vec::new();
        for nth in 0..200_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few bytes often and many seldom, so that some codes are long.
            column.push((state >> 24 >> (nth % 9)) as u8);
        }
        let deflated = deflate::deflate(&column);
        assert!(deflated.len() < column.len());
        assert_eq!(decompress_to_vec(&deflated).ok().as_ref(), Some(&column));
        assert_eq!(inflate::inflate(&deflated, column.len()), Some(column));
    }

    proptest! {
        #[test]
        fn columns_are_read_as_written(column: Vec<u8>, times in 1..200usize) {
            let column = column.repeat(times);
            let mut out = Vec::new();
            write(&column, &mut out);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(read(&mut reader), Ok(column.clone().into()));
            prop_assert_eq!(reader.end(), Ok(()));
            let mut out = Vec::new();
            write_dense(&column, &mut out);
            prop_assert_eq!(read(&mut Reader::new(&out)), Ok(column.into()));
        }
    }

    proptest! {
        #[test]
        fn a_damaged_column_is_refused_or_as_long_as_it_says(
            column: Vec<u8>,
            times in 1..200usize,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let column = column.repeat(times);
            let mut stored = deflate::deflate(&column);
            for (at, byte) in damage {
                let at = at.index(stored.len());
                stored[at] = byte;
            }
            for len in [column.len(), column.len() / 2, column.len() + 1] {
                if let Ok(read) = (Packed { len, stored: &stored }).unpack() {
                    prop_assert_eq!(read.len(), len);
                }
            }
        }
    }

    #[test]
    fn a_column_that_would_grow_beyond_measure_is_refused() {
        let mut out = Vec::new();
        out.varint(1 << 20);
        out.bytes(&deflate::deflate(&vec![0; 1 << 20]));
        assert_eq!(read(&mut Reader::new(&out)), Err(MALFORMED));
    }
}
