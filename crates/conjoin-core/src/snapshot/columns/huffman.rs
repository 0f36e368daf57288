//! What deflating and inflating have in common (RFC 1951, 3.2): prefix codes that are told by their lengths, and
//! numbers as a code and some bits.

/// The longest code.
pub(super) const MAX_BITS: usize = 15;

/// How many codes there are for literals and lengths, and for distances.
pub(super) const LITERALS: usize = 288;
pub(super) const DISTANCES: usize = 32;

/// The code that ends a block, and the first one of a length.
pub(super) const END: usize = 256;
pub(super) const LENGTH: usize = 257;

/// The longest match, which has a code of its own, and the shortest.
pub(super) const LONGEST: usize = 258;
pub(super) const LONGEST_CODE: usize = 285;
pub(super) const SHORTEST: usize = 3;

/// In which order the lengths of the codes for lengths stand.
pub(super) const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// How many bits of a number its code tells besides the highest: of a length, and of a distance.
pub(super) const OF_LENGTH: u32 = 2;
pub(super) const OF_DISTANCE: u32 = 1;

/// The lowest number of a code, and how many bits follow.
pub(super) const fn number(code: u32, told: u32) -> (u32, u32) {
    match (code >> told).checked_sub(1) {
        None => (code, 0),
        Some(more) => (((code & ((1 << told) - 1)) | (1 << told)) << more, more),
    }
}

/// The code of a number, the bits that follow, and how many these are.
pub(super) const fn code(number: u32, told: u32) -> (u32, u32, u32) {
    let more = (31 - (number | 1).leading_zeros()).saturating_sub(told);
    ((more << told) + (number >> more), number & ((1 << more) - 1), more)
}

/// The lengths of the codes of blocks that do not tell them.
pub(super) fn fixed() -> ([u8; LITERALS], [u8; DISTANCES]) {
    let mut literals = [8; LITERALS];
    literals[144..256].fill(9);
    literals[256..280].fill(7);
    (literals, [5; DISTANCES])
}

/// Tells each symbol that has a code, from the shortest code on: the code, its first bit lowest, and its length; none if
/// the lengths are those of no prefix code. One code alone may stand for one bit.
pub(super) fn assign(lengths: &[u8], each: &mut dyn FnMut(usize, usize, usize)) -> Option<()> {
    let mut counts = [0u16; MAX_BITS + 1];
    for &len in lengths {
        counts[usize::from(len)] += 1;
    }
    counts[0] = 0;
    let (mut starts, mut used, mut free) = ([0; MAX_BITS + 1], 0, 1i32);
    for (start, &count) in starts.iter_mut().zip(&counts) {
        *start = used;
        used += usize::from(count);
    }
    for &count in &counts[1..] {
        free = 2 * free - i32::from(count);
        if free < 0 {
            return None;
        }
    }
    if free > 0 && used != usize::from(counts[1].min(1)) {
        return None;
    }
    let mut symbols = [0u16; LITERALS];
    for (symbol, &len) in lengths.iter().enumerate().filter(|(_, len)| **len > 0) {
        let start = &mut starts[usize::from(len)];
        symbols[*start] = symbol as u16;
        *start += 1;
    }
    let (mut code, mut before) = (0u16, 1);
    for &symbol in &symbols[..used] {
        let len = lengths[usize::from(symbol)];
        code <<= len - before;
        before = len;
        each(usize::from(symbol), usize::from(code.reverse_bits() >> (16 - len)), usize::from(len));
        code = code.wrapping_add(1);
    }
    Some(())
}
