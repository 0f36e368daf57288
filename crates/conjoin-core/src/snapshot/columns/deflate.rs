//! Deflating: matches are looked for along chains of places that begin alike, and taken unless a longer one begins at
//! the next place.

use super::huffman::{
    DISTANCES, END, LENGTH, LITERALS, LONGEST, LONGEST_CODE, MAX_BITS, OF_DISTANCE, OF_LENGTH, ORDER,
    SHORTEST, assign, code, fixed,
};
use crate::order::sort_by_number;

/// How far back a match may lie.
const WINDOW: usize = 1 << 15;

/// A match of the shortest length that lies further back takes more than it saves.
const NEAR: usize = 1 << 12;

/// So many places are looked at for a match, and so many for one that is longer than a good one.
const PLACES: usize = 256;
const FEWER: usize = 64;
const GOOD: usize = 32;

/// A block is of so many literals and matches.
const BLOCK: usize = 1 << 14;

/// No place.
const NOWHERE: u32 = u32::MAX;

/// A literal as it is, or the length of a match, and above that how far back it lies.
type Token = u32;

/// A code, and some bits behind it: which, and how many.
type Symbol = (usize, u32, u32);

/// Deflates as well as can be before it gets slow.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Bits { out: Vec::new(), buffer: 0, count: 0 };
    let mut chains = Chains::new(bytes);
    let mut tokens: Vec<Token> = Vec::new();
    let mut before = (0, 0);
    let mut at = 0;
    while at < bytes.len() {
        let found = chains.find(at, before.0);
        if found.0 > before.0 {
            if before.0 > 0 {
                tokens.push(u32::from(bytes[at - 1]));
            }
            before = found;
        } else if before.0 > 0 {
            tokens.push((before.1 as u32) << 9 | before.0 as u32);
            let end = at - 1 + before.0;
            while at + 1 < end {
                at += 1;
                chains.add(at);
            }
            before = (0, 0);
        } else {
            tokens.push(u32::from(bytes[at]));
        }
        at += 1;
        if tokens.len() >= BLOCK && before.0 == 0 && at < bytes.len() {
            out.block(&tokens, false);
            tokens.clear();
        }
    }
    out.block(&tokens, true);
    out.put(0, 7);
    out.out
}

/// Where sequences of three bytes stand.
struct Chains<'a> {
    bytes: &'a [u8],
    /// The latest place of each, by a hash.
    latest: Vec<u32>,
    shift: u32,
    /// For each place in the window the one before it of the same hash.
    before: Vec<u32>,
}

impl<'a> Chains<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // Short columns need not fill large tables.
        let bits = (usize::BITS - bytes.len().leading_zeros()).clamp(4, 15);
        let before = vec![NOWHERE; bytes.len().min(WINDOW)];
        Self { bytes, latest: vec![NOWHERE; 1 << bits], shift: 32 - bits, before }
    }

    /// Adds a place; the latest that begins alike.
    fn add(&mut self, at: usize) -> u32 {
        let Some(&[a, b, c]) = self.bytes.get(at..at + SHORTEST).and_then(|next| next.first_chunk()) else {
            return NOWHERE;
        };
        let hash = u32::from_le_bytes([0, a, b, c]).wrapping_mul(0x9e37_79b1) >> self.shift;
        let latest = std::mem::replace(&mut self.latest[hash as usize], at as u32);
        self.before[at % WINDOW] = latest;
        latest
    }

    /// Adds a place, and finds a match there that is longer than so many bytes: how long, and how far back.
    fn find(&mut self, at: usize, longer: usize) -> (usize, usize) {
        let mut place = self.add(at);
        let here = &self.bytes[at..self.bytes.len().min(at + LONGEST)];
        let (mut len, mut distance) = (longer.max(SHORTEST - 1), 0);
        for _ in 0..if longer < GOOD { PLACES } else { FEWER } {
            let back = at.wrapping_sub(place as usize);
            if place == NOWHERE || back > WINDOW || len >= here.len() {
                break;
            }
            let there = &self.bytes[place as usize..];
            if there[len] == here[len] && there[len - 1] == here[len - 1] {
                let alike = here.iter().zip(there).take_while(|(here, there)| here == there).count();
                if alike > len {
                    (len, distance) = (alike, back);
                }
            }
            // What was overwritten tells a later one.
            let before = self.before[place as usize % WINDOW];
            place = if before < place { before } else { NOWHERE };
        }
        if distance == 0 || (len == SHORTEST && distance > NEAR) { (0, 0) } else { (len, distance) }
    }
}

/// The code of a literal or length, and of how far back a match lies.
fn symbols(token: Token) -> (Symbol, Option<Symbol>) {
    let (len, distance) = (token as usize % 512, token >> 9);
    if distance == 0 {
        return ((len, 0, 0), None);
    }
    let symbol = |number, told| {
        let (code, bits, count) = code(number, told);
        (code as usize, bits, count)
    };
    let (length, bits, count) = symbol((len - SHORTEST) as u32, OF_LENGTH);
    let length = if len == LONGEST { (LONGEST_CODE, 0, 0) } else { (LENGTH + length, bits, count) };
    (length, Some(symbol(distance - 1, OF_DISTANCE)))
}

/// What is written bit by bit.
struct Bits {
    out: Vec<u8>,
    buffer: u32,
    count: u32,
}

impl Bits {
    /// Appends no more than 16 bits, the lowest one first.
    fn put(&mut self, bits: u32, count: u32) {
        self.buffer |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.buffer as u8);
            self.buffer >>= 8;
            self.count -= 8;
        }
    }

    fn symbol(&mut self, codes: &Codes, (symbol, bits, count): Symbol) {
        let (code, len) = codes.codes[symbol];
        self.put(code, len);
        self.put(bits, count);
    }

    fn block(&mut self, tokens: &[Token], is_last: bool) {
        let (mut literals, mut distances) = ([0; LITERALS], [0; DISTANCES]);
        literals[END] = 1;
        for &token in tokens {
            let (symbol, distance) = symbols(token);
            literals[symbol.0] += 1;
            distance.into_iter().for_each(|distance| distances[distance.0] += 1);
        }
        let told = [lengths(&literals, MAX_BITS), lengths(&distances, MAX_BITS)];
        let many = told[0].len().max(LENGTH);
        let mut all = told[0].clone();
        all.resize(many, 0);
        all.extend_from_slice(&told[1]);
        all.resize(many + told[1].len().max(1), 0);
        let runs = runs(&all);
        let mut counts = [0; ORDER.len()];
        runs.iter().for_each(|run| counts[run.0] += 1);
        let of_lengths = Codes::new(&lengths(&counts, 7));
        let last = ORDER.iter().rposition(|&symbol| counts[usize::from(symbol)] > 0).unwrap_or(0);
        let head =
            14 + 3 * (last as u32 + 1) + of_lengths.cost(&counts) + runs.iter().map(|run| run.2).sum::<u32>();
        let (fixed_literals, fixed_distances) = fixed();
        let fixed = [Codes::new(&fixed_literals), Codes::new(&fixed_distances)];
        let told = told.map(|lengths| Codes::new(&lengths));
        let cost = |codes: &[Codes; 2]| codes[0].cost(&literals) + codes[1].cost(&distances);
        let is_told = head + cost(&told) < cost(&fixed);
        self.put(u32::from(is_last) | if is_told { 4 } else { 2 }, 3);
        let [literals, distances] = if is_told { told } else { fixed };
        if is_told {
            self.put((many - LENGTH) as u32, 5);
            self.put((all.len() - many - 1) as u32, 5);
            self.put(last as u32 - 3, 4);
            ORDER[..=last].iter().for_each(|&symbol| self.put(of_lengths.codes[usize::from(symbol)].1, 3));
            runs.into_iter().for_each(|run| self.symbol(&of_lengths, run));
        }
        for &token in tokens {
            let (symbol, distance) = symbols(token);
            self.symbol(&literals, symbol);
            distance.into_iter().for_each(|distance| self.symbol(&distances, distance));
        }
        self.symbol(&literals, (END, 0, 0));
    }
}

/// Codes, each with its length.
struct Codes {
    codes: [(u32, u32); LITERALS],
}

impl Codes {
    fn new(lengths: &[u8]) -> Self {
        let mut codes = [(0, 0); LITERALS];
        assign(lengths, &mut |symbol, code, len| codes[symbol] = (code as u32, len as u32));
        Self { codes }
    }

    /// How many bits so many of each take.
    fn cost(&self, counts: &[u32]) -> u32 {
        self.codes.iter().zip(counts).map(|(code, count)| code.1 * count).sum()
    }
}

/// Lengths of codes as they are told: as many zeros or repetitions at once as can be.
fn runs(lengths: &[u8]) -> Vec<Symbol> {
    let mut runs = Vec::new();
    for same in lengths.chunk_by(|a, b| a == b) {
        let (len, mut left) = (usize::from(same[0]), same.len() as u32);
        if len > 0 {
            runs.push((len, 0, 0));
            left -= 1;
        }
        while left > 0 {
            let (symbol, least, most, bits) = match (len, left) {
                (_, ..3) => (len, 1, 1, 0),
                (1.., _) => (16, 3, 6, 2),
                (_, ..11) => (17, 3, 10, 3),
                _ => (18, 11, 138, 7),
            };
            let times = left.min(most);
            runs.push((symbol, times - least, bits));
            left -= times;
        }
    }
    runs
}

/// The lengths of the codes, up to that of the last symbol there is, by which the symbols take the least (D. Huffman,
/// 1952), or little more where no code may be longer than `most`.
fn lengths(counts: &[u32], most: usize) -> Vec<u8> {
    let mut leaves: Vec<(u32, usize)> = Vec::new();
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            leaves.push((count, symbol));
        }
    }
    let mut lengths = vec![0; leaves.last().map_or(0, |leaf| leaf.1 + 1)];
    let used = leaves.len();
    sort_by_number(&mut leaves, |leaf| leaf.0);
    loop {
        let mut weights: Vec<u32> = Vec::new();
        for leaf in &leaves {
            weights.push(leaf.0);
        }
        // Of each node the one that it is under, which comes later.
        let mut parents = vec![0; 2 * used];
        let (mut leaf, mut made) = (0, used);
        for parent in used..(2 * used).saturating_sub(1) {
            let mut weight = 0;
            for _ in 0..2 {
                let is_leaf = leaf < used && weights.get(made).is_none_or(|made| weights[leaf] <= *made);
                let next = if is_leaf { &mut leaf } else { &mut made };
                weight += weights[*next];
                parents[*next] = parent;
                *next += 1;
            }
            weights.push(weight);
        }
        let mut depths = vec![0; 2 * used];
        for node in (0..(2 * used).saturating_sub(2)).rev() {
            depths[node] = depths[parents[node]] + 1;
        }
        if depths.iter().all(|depth| *depth <= most) {
            // One alone has a code, too.
            leaves.iter().zip(depths).for_each(|(leaf, depth)| lengths[leaf.1] = depth.max(1) as u8);
            return lengths;
        }
        // What is rare counts more.
        leaves.iter_mut().for_each(|leaf| leaf.0 = leaf.0.div_ceil(2));
    }
}
