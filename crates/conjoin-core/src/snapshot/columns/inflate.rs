//! Inflating.

use super::huffman::{
    DISTANCES, END, LENGTH, LITERALS, LONGEST, LONGEST_CODE, MAX_BITS, OF_DISTANCE, OF_LENGTH, ORDER,
    SHORTEST, assign, fixed, number,
};

/// Codes of so many bits are looked up at once.
const AT_ONCE: usize = 10;

/// Inflates to just so many bytes.
pub(super) fn inflate(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut bits = Bits { bytes, buffer: 0, count: 0, past: 0 };
    let (mut out, mut at) = (vec![0; len], 0);
    let mut codes = [Codes::new(), Codes::new()];
    loop {
        bits.fill();
        let is_last = bits.take(1) == 1;
        match bits.take(2) {
            0 => at = bits.stored(&mut out, at)?,
            kind @ (1 | 2) => {
                let [literals, distances] = &mut codes;
                if kind == 1 {
                    let lengths = fixed();
                    literals.put(&lengths.0, literal_or_length)?;
                    distances.put(&lengths.1, distance)?;
                } else {
                    bits.codes(literals, distances)?;
                }
                at = bits.block(literals, distances, &mut out, at)?;
            }
            _ => return None,
        }
        if is_last {
            return (at == len && bits.is_there()).then_some(out);
        }
    }
}

/// What a code stands for: the value above, in the next byte how many bits are added to it, and in the lowest the length
/// of the code, if it is there, and whether it is a literal. 0 is none.
type Entry = u32;

const IS_LITERAL: Entry = 0x80;

const fn literal(symbol: usize) -> Entry {
    (symbol as u32) << 16 | IS_LITERAL
}

const fn distance(symbol: usize) -> Entry {
    entry(symbol, OF_DISTANCE, 1, DISTANCES - 2)
}

const fn literal_or_length(symbol: usize) -> Entry {
    match symbol {
        ..=END => literal(symbol),
        LONGEST_CODE => (LONGEST as u32) << 16,
        _ => entry(symbol - LENGTH, OF_LENGTH, SHORTEST as u32, LONGEST_CODE - LENGTH),
    }
}

/// Of a number from `least` on that a code below `end` and some bits tell.
const fn entry(code: usize, told: u32, least: u32, end: usize) -> Entry {
    let (lowest, more) = number(code as u32, told);
    if code < end { (lowest + least) << 16 | more << 8 } else { 0 }
}

struct Codes {
    /// By the next bits, unless the code is longer.
    at_once: [Entry; 1 << AT_ONCE],
    /// Without their lengths, from the shortest code on.
    all: [Entry; LITERALS],
    /// Of each length above that, the end of its codes, as if they were of 16 bits, and which that is of all.
    longer: [(u32, usize); MAX_BITS - AT_ONCE],
}

impl Codes {
    const fn new() -> Self {
        let longer = [(0, 0); MAX_BITS - AT_ONCE];
        Self { at_once: [0; 1 << AT_ONCE], all: [0; LITERALS], longer }
    }

    fn put(&mut self, lengths: &[u8], entry: fn(usize) -> Entry) -> Option<()> {
        let Self { at_once, all, longer } = self;
        if lengths.iter().filter(|len| **len > 0).count() < 2 {
            // Else each place is written to.
            at_once.fill(0);
        }
        *longer = [(0, 0); MAX_BITS - AT_ONCE];
        let (mut nth, mut end) = (0, 0);
        assign(lengths, &mut |symbol, code, len| {
            let entry = entry(symbol);
            all[nth] = entry;
            nth += 1;
            end += 1 << (16 - len);
            if let Some(more) = len.checked_sub(AT_ONCE + 1) {
                longer[more] = (end, nth);
                at_once[code % (1 << AT_ONCE)] = 0;
            } else {
                let entry = if entry == 0 { 0 } else { entry | len as u32 };
                at_once[code..].iter_mut().step_by(1 << len).for_each(|at| *at = entry);
            }
        })
    }

    /// What a code is that is longer than what is looked up at once.
    #[cold]
    fn longer(&self, bits: u64) -> Option<Entry> {
        let code = u32::from((bits as u16).reverse_bits());
        let more = self.longer.iter().position(|longer| code < longer.0)?;
        let (end, nth) = self.longer[more];
        let len = more + AT_ONCE + 1;
        let entry = self.all[nth - 1 - ((end - 1 - code) >> (16 - len)) as usize];
        (entry != 0).then_some(entry | len as u32)
    }
}

/// What is read bit by bit.
struct Bits<'a> {
    /// What was not looked at yet.
    bytes: &'a [u8],
    /// The next bits, the first one lowest, and how many they are.
    buffer: u64,
    count: u32,
    /// How many bytes behind the end were looked at, as if there were zeros.
    past: u32,
}

impl Bits<'_> {
    /// Looks ahead at 56 bits at least.
    #[inline]
    fn fill(&mut self) {
        let more = (63 - self.count) >> 3;
        let next = match self.bytes.split_first_chunk() {
            Some((next, _)) => {
                self.bytes = &self.bytes[more as usize..];
                u64::from_le_bytes(*next)
            }
            None => self.last(more),
        };
        self.buffer |= next << self.count;
        self.count += more << 3;
    }

    /// So many of the last few bytes.
    #[cold]
    fn last(&mut self, count: u32) -> u64 {
        let there = self.bytes.len().min(count as usize);
        let (next, rest) = self.bytes.split_at(there);
        self.bytes = rest;
        self.past += count - there as u32;
        next.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }

    /// The next bits, as far as looked ahead.
    #[inline]
    const fn take(&mut self, count: u32) -> u32 {
        let bits = self.buffer & ((1 << count) - 1);
        self.buffer >>= count;
        self.count -= count;
        bits as u32
    }

    /// Whether no more was taken than there was.
    const fn is_there(&self) -> bool {
        self.count >= 8 * self.past
    }

    /// What the next code stands for.
    #[inline]
    fn entry(&mut self, codes: &Codes) -> Option<Entry> {
        let entry = match codes.at_once[self.buffer as usize % (1 << AT_ONCE)] {
            0 => codes.longer(self.buffer)?,
            entry => entry,
        };
        self.take(entry & 0x1f);
        Some(entry)
    }

    /// Its value, with the bits that are added.
    #[inline]
    const fn value(&mut self, entry: Entry) -> usize {
        (entry >> 16) as usize + self.take(entry >> 8 & 0x1f) as usize
    }

    /// A block that is not deflated.
    fn stored(&mut self, out: &mut [u8], at: usize) -> Option<usize> {
        self.take(self.count % 8);
        self.fill();
        let (len, not) = (self.take(16), self.take(16));
        if len ^ not != 0xffff {
            return None;
        }
        let end = at + len as usize;
        for byte in out.get_mut(at..end)? {
            self.fill();
            *byte = self.take(8) as u8;
        }
        Some(end)
    }

    /// The codes of a block.
    fn codes(&mut self, literals: &mut Codes, distances: &mut Codes) -> Option<()> {
        let (many, few) = (self.take(5) as usize + LENGTH, self.take(5) as usize + 1);
        if many > LITERALS - 2 || few > DISTANCES - 2 {
            return None;
        }
        let mut lengths = [0; ORDER.len()];
        for &symbol in &ORDER[..self.take(4) as usize + 4] {
            self.fill();
            lengths[usize::from(symbol)] = self.take(3) as u8;
        }
        literals.put(&lengths, literal)?;
        let mut lengths = [0; LITERALS + DISTANCES];
        let mut at = 0;
        while at < many + few {
            self.fill();
            let (len, times) = match self.entry(literals)? >> 16 {
                16 => (*lengths.get(at.checked_sub(1)?)?, 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                len => (len as u8, 1),
            };
            let end = at + times as usize;
            lengths[..many + few].get_mut(at..end)?.fill(len);
            at = end;
        }
        literals.put(&lengths[..many], literal_or_length)?;
        distances.put(&lengths[many..many + few], distance)
    }

    /// What a block holds; where it ends.
    fn block(&mut self, literals: &Codes, distances: &Codes, out: &mut [u8], mut at: usize) -> Option<usize> {
        loop {
            if self.count < MAX_BITS as u32 {
                self.fill();
            }
            let entry = self.entry(literals)?;
            if entry & IS_LITERAL != 0 {
                match entry >> 16 {
                    literal @ 0..256 => *out.get_mut(at)? = literal as u8,
                    _ => return Some(at),
                }
                at += 1;
                continue;
            }
            self.fill();
            let len = self.value(entry);
            let entry = self.entry(distances)?;
            let distance = self.value(entry);
            let (before, rest) = out.split_at_mut(at);
            let from = before.get(at.checked_sub(distance)?..)?;
            if let (Some(from), Some(to), ..=16) = (from.first_chunk::<16>(), rest.first_chunk_mut(), len) {
                // Nearly always; what is too much is overwritten.
                *to = *from;
            } else if distance >= len {
                rest.get_mut(..len)?.copy_from_slice(&from[..len]);
            } else {
                let place = out.get_mut(at - distance..at + len)?;
                for nth in 0..len {
                    place[distance + nth] = place[nth];
                }
            }
            at += len;
        }
    }
}
