//! Inflates what was deflated (RFC 1951), all at once, into as many bytes as it is known to have.
//!
//! That the length is known, and that all of the input is here, makes this several times faster than reading a
//! stream, and small.

/// Codes up to this many bits are found in one step.
const BITS: usize = 10;

/// The most bits of a code.
const LONGEST: usize = 15;

/// An entry of a [`Code`]: in the low four bits the length of the code, in the next four how many bits more are to be
/// added, and in the high half a byte, a length or a distance.
type Entry = u32;

/// It is not a byte.
const COPY: Entry = 0x100;
const END: Entry = 0x200;
const INVALID: Entry = COPY | END;

/// Bytes are copied this many at a time, so that some behind the end are written as well.
const STEP: usize = 16;

/// What deflates to `input` and has `len` bytes; nothing if there is no such thing.
pub(super) fn inflate(input: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Output { bytes: vec![0; len.checked_add(STEP)?], at: 0, len };
    let mut bits = Bits { rest: input, held: 0, count: 0, missing: 0 };
    loop {
        bits.refill();
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => out.stored(&mut bits)?,
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                out.block(&mut bits, &Code::new(&lengths, literal)?, &Code::new(&[5; 30], distance)?)?;
            }
            2 => {
                let (literals, distances) = codes(&mut bits)?;
                out.block(&mut bits, &literals, &distances)?;
            }
            _ => return None,
        }
        if last {
            break;
        }
    }
    out.bytes.truncate(len);
    (out.at == len && bits.end()).then_some(out.bytes)
}

/// The bits of the input, the lowest of a byte first.
struct Bits<'a> {
    rest: &'a [u8],
    held: u64,
    /// How many are held.
    count: u32,
    /// How many of these are none, but stand behind the end.
    missing: u32,
}

impl Bits<'_> {
    /// Sees to it that at least 56 are held.
    #[inline]
    fn refill(&mut self) {
        if let Some(word) = self.rest.first_chunk() {
            // Those that do not fit wholly come again.
            self.held |= u64::from_le_bytes(*word) << self.count;
            self.rest = &self.rest[(63 - self.count as usize) / 8..];
            self.count |= 56;
            return;
        }
        while self.count < 56 {
            match self.rest.split_first() {
                Some((&byte, rest)) => {
                    self.held |= u64::from(byte) << self.count;
                    self.rest = rest;
                }
                None => self.missing += 8,
            }
            self.count += 8;
        }
    }

    #[inline]
    fn take(&mut self, count: u32) -> usize {
        let taken = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.count -= count;
        taken as usize
    }

    /// Whether all of the input was taken, and no more.
    const fn end(&self) -> bool {
        self.rest.is_empty() && self.count >= self.missing && self.count - self.missing < 8
    }
}

/// A prefix code.
struct Code {
    /// By the bits ahead; none where the code is longer.
    short: [Entry; 1 << BITS],
    /// Those of longer codes, in the order of the codes.
    long: [Entry; 288],
    /// For each length of codes the first one, how many there are, and where they stand.
    lengths: [(u32, u32, u32); LONGEST + 1],
}

impl Code {
    /// By the length of each symbol's code, and what the symbol stands for.
    fn new(lengths: &[u8], entry: fn(u32) -> Entry) -> Option<Self> {
        let mut code =
            Self { short: [0; 1 << BITS], long: [INVALID; 288], lengths: [(0, 0, 0); LONGEST + 1] };
        for &len in lengths.iter().filter(|&&len| len > 0) {
            code.lengths[usize::from(len)].1 += 1;
        }
        let (mut first, mut place) = (0, 0);
        let mut next = [0; LONGEST + 1];
        for (len, of_len) in code.lengths.iter_mut().enumerate().skip(1) {
            first <<= 1;
            (of_len.0, of_len.2, next[len]) = (first, place, first);
            first += of_len.1;
            place += of_len.1;
            if first > 1 << len {
                return None;
            }
        }
        for (symbol, &len) in (0..).zip(lengths).filter(|(_, len)| **len > 0) {
            let len = usize::from(len);
            let entry = entry(symbol) | len as Entry;
            let number = next[len];
            next[len] += 1;
            if len <= BITS {
                let ahead = (number.reverse_bits() >> (32 - len)) as usize;
                code.short[ahead..].iter_mut().step_by(1 << len).for_each(|short| *short = entry);
            } else {
                let (first, _, place) = code.lengths[len];
                code.long[(place + number - first) as usize] = entry;
            }
        }
        Some(code)
    }

    #[inline]
    fn next(&self, bits: &mut Bits<'_>) -> Entry {
        let mut entry = self.short[bits.held as usize % (1 << BITS)];
        if entry == 0 {
            entry = self.find(bits.held);
        }
        bits.take(entry & 15);
        entry
    }

    #[cold]
    fn find(&self, held: u64) -> Entry {
        let ahead = (held as u32).reverse_bits();
        for (len, &(first, count, place)) in self.lengths.iter().enumerate().skip(BITS + 1) {
            let nth = (ahead >> (32 - len)).wrapping_sub(first);
            if nth < count {
                return self.long[(place + nth) as usize];
            }
        }
        INVALID
    }
}

/// What a symbol of the first code stands for: a byte, the end, or the length of a copy.
fn literal(symbol: u32) -> Entry {
    let nth = symbol.wrapping_sub(257);
    let (length, more) = match nth {
        0..8 => (nth + 3, 0),
        8..28 => (((4 + nth % 4) << (nth / 4 - 1)) + 3, nth / 4 - 1),
        28 => (258, 0),
        _ if symbol < 256 => return symbol << 16,
        _ if symbol == 256 => return END,
        _ => return INVALID,
    };
    length << 16 | COPY | more << 4
}

/// How far back a copy begins.
fn distance(symbol: u32) -> Entry {
    let (distance, more) = match symbol {
        0..4 => (symbol + 1, 0),
        4..30 => (((2 + symbol % 2) << (symbol / 2 - 1)) + 1, symbol / 2 - 1),
        _ => return INVALID,
    };
    distance << 16 | COPY | more << 4
}

/// The codes that stand ahead of a block.
fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    bits.refill();
    let (literals, distances, count) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut lengths = [0; 19];
    for &at in &ORDER[..count] {
        bits.refill();
        lengths[at] = bits.take(3) as u8;
    }
    let code = Code::new(&lengths, |symbol| symbol << 16)?;
    let mut lengths = [0; 288 + 32];
    let lengths = &mut lengths[..literals + distances];
    let mut at = 0;
    while at < lengths.len() {
        bits.refill();
        let entry = code.next(bits);
        let (len, times) = match entry >> 16 {
            _ if entry & COPY != 0 => return None,
            len @ 0..16 => (len as u8, 1),
            16 => (*lengths.get(at.checked_sub(1)?)?, 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            _ => (0, 11 + bits.take(7)),
        };
        lengths.get_mut(at..at + times)?.fill(len);
        at += times;
    }
    let (literals, distances) = lengths.split_at(literals);
    Some((Code::new(literals, literal)?, Code::new(distances, distance)?))
}

/// What was inflated, and room for the rest.
struct Output {
    bytes: Vec<u8>,
    at: usize,
    /// How many there are to be. Behind them is room for what is copied in steps.
    len: usize,
}

impl Output {
    /// A block of bytes as they are.
    fn stored(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        bits.take(bits.count % 8);
        bits.refill();
        let (len, check) = (bits.take(16), bits.take(16));
        if len ^ check != 0xffff || len > self.len.checked_sub(self.at)? {
            return None;
        }
        let into = &mut self.bytes[self.at..self.at + len];
        self.at += len;
        // Some are held already.
        let (held, rest) = into.split_at_mut(len.min(bits.count as usize / 8));
        held.iter_mut().for_each(|byte| *byte = bits.take(8) as u8);
        if !rest.is_empty() {
            let (bytes, after) = bits.rest.split_at_checked(rest.len())?;
            rest.copy_from_slice(bytes);
            (bits.rest, bits.held) = (after, 0);
        }
        Some(())
    }

    fn block(&mut self, bits: &mut Bits<'_>, literals: &Code, distances: &Code) -> Option<()> {
        let Self { bytes, len, .. } = self;
        let bytes = bytes.as_mut_slice();
        let mut at = self.at;
        loop {
            // As much as the longest copy takes.
            bits.refill();
            let entry = literals.next(bits);
            if entry & INVALID == 0 {
                *bytes.get_mut(at)? = (entry >> 16) as u8;
                at += 1;
                continue;
            }
            if entry & COPY == 0 {
                self.at = at;
                return Some(());
            }
            let length = (entry >> 16) as usize + bits.take(entry >> 4 & 15);
            let back = distances.next(bits);
            if (entry | back) & END != 0 {
                return None;
            }
            let back = (back >> 16) as usize + bits.take(back >> 4 & 15);
            let mut from = at.checked_sub(back)?;
            let end = at + length;
            if end > *len {
                return None;
            }
            if back < STEP {
                for at in at..end {
                    bytes[at] = bytes[at - back];
                }
            } else {
                while at < end {
                    let step: [u8; STEP] = *bytes[from..].first_chunk()?;
                    *bytes[at..].first_chunk_mut()? = step;
                    (from, at) = (from + STEP, at + STEP);
                }
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec;
    use miniz_oxide::inflate::decompress_to_vec_with_limit;
    use proptest::prelude::*;

    use super::*;

    /// Bytes with the kinds of repetition that there are: near and far, short and long.
    fn plain() -> impl Strategy<Value = Vec<u8>> {
        let alphabet = prop_oneof![Just(1u8), Just(3), Just(60), Just(255)];
        let pieces = (alphabet, prop::collection::vec((any::<u16>(), 1..400usize, any::<bool>()), 0..200));
        pieces.prop_map(|(alphabet, pieces)| {
            let mut bytes: Vec<u8> = Vec::new();
            let mut seed = 1u32;
            for (at, len, copied) in pieces {
                let from = usize::from(at) % (bytes.len() + 1);
                for nth in 0..len {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let fresh = ((seed >> 16) % u32::from(alphabet)) as u8;
                    let again = bytes.get(from + nth).copied();
                    bytes.push(again.filter(|_| copied).unwrap_or(fresh));
                }
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn what_was_deflated_comes_back(plain in plain(), level in 0..11u8) {
            let packed = compress_to_vec(&plain, level);
            prop_assert_eq!(inflate(&packed, plain.len()), Some(plain.clone()));
            prop_assert_eq!(inflate(&packed, plain.len() + 1), None);
            prop_assert_eq!(inflate(&packed, plain.len().wrapping_sub(1)), None);
            prop_assert_eq!(inflate(&packed[..packed.len() - 1], plain.len()), None);
        }

        #[test]
        fn damaged_bytes_come_out_as_by_any_other_reader_or_not_at_all(
            plain in plain(),
            level in 0..11u8,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut packed = compress_to_vec(&plain, level);
            for (at, byte) in damage {
                let at = at.index(packed.len());
                packed[at] = byte;
            }
            let other = decompress_to_vec_with_limit(&packed, 1 << 20).ok();
            if let Some(other) = other {
                let found = inflate(&packed, other.len());
                // Others take no offence at what stands behind the end.
                prop_assert!(found.as_ref() == Some(&other) || found.is_none());
            }
            for len in [0, 1, plain.len(), plain.len() * 2] {
                if let Some(found) = inflate(&packed, len) {
                    prop_assert_eq!(decompress_to_vec_with_limit(&packed, len).ok(), Some(found));
                }
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>, len in 0..5000usize) {
            if let Some(found) = inflate(&bytes, len) {
                prop_assert_eq!(found.len(), len);
            }
        }
    }
}
