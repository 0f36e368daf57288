//! The runs of a sequence as bytes, in document order.
//!
//! What can be told from the rest is left out. Where everybody had seen all before, the origins of an element
//! are the nearest elements with lower numbers on both sides: what stands nearer came later (as in a Cartesian
//! tree: J. Vuillemin, *A Unifying Look at Data Structures*, 1980). And a run that was parted by what came into
//! it goes on behind that, as brackets do, so that only what it began with needs a number.

use super::leaf::{LONGEST, Piece};
use super::load::Malformed;
use super::{Lv, Run, Sequence};
use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::numbers::NONE as EDGE;
use crate::order::{in_order, number, place};

/// Its elements are visible.
const VISIBLE: u8 = 1;
/// It goes on with the run that was parted last.
const GOES_ON: u8 = 2;
/// It was parted: its next number stands further on.
const PARTED: u8 = 4;
/// The length stands above these bits: of itself up to this, else in a column of its own,
const LENGTH: u32 = 3;
const LONG: u8 = 0;
const SHORT: u32 = 30;
/// ... as do the origins, if they are not the nearest with lower numbers.
const UNUSUAL: u8 = 31;

const MALFORMED: DecodeError = DecodeError::Malformed(Part::Sequence);

/// Four columns that hold the runs of any number of sequences, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Stored<Column> {
    /// A byte for each run.
    pub(crate) heads: Column,
    /// How many runs there are, and the lengths of long ones.
    pub(crate) lengths: Column,
    /// The number at which a run begins, by how far it is from the end of the run before.
    pub(crate) numbers: Column,
    /// Origins that are not as usual, by how far back they lie.
    pub(crate) origins: Column,
}

/// The runs of a whole sequence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    /// Their origins are not set yet.
    pub(super) pieces: Vec<Piece>,
    /// Which runs have unusual origins, and which.
    pub(super) unusual: Vec<(usize, Lv, Lv)>,
    /// How many elements there are.
    pub(crate) len: u64,
    /// How many of them are visible.
    pub(crate) visible: u64,
}

impl Runs {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Run> {
        self.pieces.iter().map(|piece| piece.run())
    }

    /// The runs, with their origins.
    pub(super) fn finish(self) -> Vec<Piece> {
        let Self { mut pieces, unusual, .. } = self;
        set_origins(&mut pieces);
        for (at, left, right) in unusual {
            (pieces[at].left, pieces[at].right) = (left, right);
        }
        pieces
    }
}

impl Stored<Vec<u8>> {
    /// Appends the columns.
    #[inline(never)]
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for column in [&self.heads, &self.lengths, &self.numbers, &self.origins] {
            out.bytes(column);
        }
    }

    /// Appends the runs of a sequence.
    pub(crate) fn push(&mut self, sequence: &Sequence) {
        let pieces: Vec<Piece> = sequence.runs().map(Piece::from).collect();
        let mut usual = pieces.clone();
        set_origins(&mut usual);
        let parted = brackets(&pieces);
        self.lengths.varint(pieces.len() as u64);
        let mut before = 0;
        for ((piece, usual), (goes_on, is_parted)) in pieces.iter().zip(usual).zip(parted) {
            let flags = (u8::from(piece.visible()) * VISIBLE)
                | (u8::from(goes_on) * GOES_ON)
                | (u8::from(is_parted) * PARTED);
            let is_usual = *piece == usual;
            let length = match piece.len() {
                len @ 1..=SHORT if is_usual => len as u8,
                _ if is_usual => LONG,
                _ => UNUSUAL,
            };
            self.heads.push(flags | length << LENGTH);
            if matches!(length, LONG | UNUSUAL) {
                self.lengths.varint(u64::from(piece.len()));
            }
            if !goes_on {
                self.numbers.zigzag(i64::from(piece.lv) - before);
            }
            if !is_usual {
                for origin in [piece.left, piece.right] {
                    // After compaction it may be one that came later.
                    let back = if origin == EDGE { 0 } else { i64::from(piece.lv) - i64::from(origin) };
                    self.origins.zigzag(back);
                }
            }
            before = i64::from(piece.end());
        }
    }
}

impl<'a> Stored<Reader<'a>> {
    /// Reads the columns as they were written.
    #[inline(never)]
    pub(crate) fn open(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut column = || reader.bytes().map(Reader::new);
        Ok(Self { heads: column()?, lengths: column()?, numbers: column()?, origins: column()? })
    }

    /// How many runs the next sequence has.
    pub(crate) fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.lengths.varint()?;
        // Each takes a byte.
        if count > self.heads.len() as u64 { Err(DecodeError::Truncated) } else { Ok(count as usize) }
    }

    /// The next so many runs, of elements with numbers below `next`, none of them twice.
    pub(crate) fn read(&mut self, count: usize, next: Lv) -> Result<Runs, DecodeError> {
        let heads = self.heads.take(count)?;
        let nothing = Piece::from(Run { lv: 0, len: 0, visible: false, left: EDGE, right: EDGE });
        let mut runs = Runs { pieces: vec![nothing; count], ..Runs::default() };
        // Heads are as good as random, so that guessing which way they go costs more than going both ways: what
        // may be pushed or popped is written or read in any case, and then counts or not.
        let most = heads.iter().filter(|&&head| head & PARTED != 0).count();
        // Runs that were parted: where they began, and their next number.
        let mut parted: Vec<(Lv, Lv)> = vec![(0, 0); most + 1];
        let mut depth = 0_usize;
        let mut taken: Vec<Taken> = vec![0; count - most + 1];
        let mut ended = 0;
        let mut numbers = self.numbers.clone();
        let mut before = 0;
        for (nth, (&head, piece)) in heads.iter().zip(&mut runs.pieces).enumerate() {
            let goes_on = head & GOES_ON != 0;
            let (number, size) = numbers.peek_zigzag()?;
            numbers.take(if goes_on { 0 } else { size })?;
            let (begun, at) = parted[depth.wrapping_sub(1).min(most)];
            if goes_on & (depth == 0) {
                return Err(MALFORMED);
            }
            depth -= usize::from(goes_on);
            let fresh = i64::from(before).wrapping_add(number);
            let lv = if goes_on { i64::from(at) } else { fresh };
            let lv = Lv::try_from(lv).map_err(|_| MALFORMED)?;
            let begin = if goes_on { begun } else { lv };
            let mut len = u32::from(head >> LENGTH);
            if len == u32::from(LONG) || len > SHORT {
                len = u32::try_from(self.lengths.varint()?).map_err(|_| MALFORMED)?;
                if len == 0 || len > LONGEST {
                    return Err(MALFORMED);
                }
                if head >> LENGTH == UNUSUAL {
                    let (left, right) = (self.origin(lv, next)?, self.origin(lv, next)?);
                    runs.unusual.push((nth, left, right));
                }
            }
            let end = lv.checked_add(len).filter(|&end| end <= next).ok_or(MALFORMED)?;
            parted[depth] = (begin, end);
            taken[ended] = u64::from(begin) << 32 | u64::from(end);
            depth += usize::from(head & PARTED != 0);
            ended += usize::from(head & PARTED == 0);
            let visible = head & VISIBLE != 0;
            *piece = Run { lv, len, visible, left: EDGE, right: EDGE }.into();
            before = end;
        }
        self.numbers = numbers;
        runs.len = runs.pieces.iter().map(|piece| u64::from(piece.len())).sum();
        runs.visible = runs.pieces.iter().map(|piece| u64::from(piece.chars())).sum();
        taken.truncate(ended);
        if depth > 0 || check_taken(taken).is_err() {
            return Err(MALFORMED);
        }
        Ok(runs)
    }

    fn origin(&mut self, lv: Lv, next: Lv) -> Result<Lv, DecodeError> {
        match self.origins.zigzag()? {
            0 => Ok(EDGE),
            back => {
                let origin = i64::from(lv).checked_sub(back).and_then(|lv| Lv::try_from(lv).ok());
                origin.filter(|&origin| origin < next).ok_or(MALFORMED)
            }
        }
    }

    /// That nothing is left.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        [&self.heads, &self.lengths, &self.numbers, &self.origins].into_iter().try_for_each(Reader::end)
    }
}

/// Numbers that are taken: the first one above the one after the last, so that they sort fast.
pub(super) type Taken = u64;

/// Refuses numbers that were taken twice.
pub(super) fn check_taken(mut taken: Vec<Taken>) -> Result<(), Malformed> {
    let last = taken.iter().map(|taken| *taken as Lv).max().unwrap_or(0);
    // A bit for each number, if that takes no more room than they do.
    if last as usize / 64 <= taken.len() {
        let mut seen = vec![0_u64; last as usize / 64 + 1];
        let mut twice = 0;
        for taken in taken {
            let (mut at, end) = ((taken >> 32) as Lv, taken as Lv);
            while at < end {
                let count = (64 - at % 64).min(end - at);
                let bits = (u64::MAX >> (64 - count)) << (at % 64);
                let word = &mut seen[at as usize / 64];
                twice |= *word & bits;
                *word |= bits;
                at += count;
            }
        }
        return if twice == 0 { Ok(()) } else { Err(Malformed) };
    }
    taken.sort_unstable();
    if taken.is_sorted_by(|before, next| before & u64::from(Lv::MAX) <= next >> 32) {
        Ok(())
    } else {
        Err(Malformed)
    }
}

/// Makes the nearest elements with lower numbers the origins of each run.
fn set_origins(pieces: &mut [Piece]) {
    // Those behind which none with a lower number came yet, so that their numbers rise: the first number, the one
    // after the last, and which run it is.
    let mut open: Vec<(Lv, Lv, usize)> = Vec::new();
    for at in 0..pieces.len() {
        let (lv, end) = (pieces[at].lv, pieces[at].end());
        while let Some((_, _, last)) = open.pop_if(|last| last.0 > lv) {
            pieces[last].right = lv;
        }
        pieces[at].left = open.last().map_or(EDGE, |last| last.1 - 1);
        open.push((lv, end, at));
    }
    // Nothing with a lower number stands right of these.
    for (_, _, last) in open {
        pieces[last].right = EDGE;
    }
}

/// For each run, whether it goes on with the run that was parted last, and whether it is parted itself.
fn brackets(pieces: &[Piece]) -> Vec<(bool, bool)> {
    let begins = in_order(pieces.len(), &|at| pieces[at].lv);
    let mut flags = vec![(false, false); pieces.len()];
    // Which run each would go on with.
    let mut from: Vec<Option<usize>> = vec![None; pieces.len()];
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        if let Some(begun) = from[at] {
            while let Some((other, rest)) = open.pop() {
                if other == begun {
                    break;
                }
                // It would go on behind where a bracket around it closes.
                from[rest] = None;
            }
            flags[begun].1 = true;
            flags[at].0 = true;
        }
        let found = begins.binary_search_by_key(&piece.end(), |begin| number(*begin)).ok();
        if let Some(rest) = found.map(|found| place(begins[found])).filter(|&rest| rest > at) {
            from[rest] = Some(at);
            open.push((at, rest));
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_taken_twice_are_found(
            runs in prop::collection::vec((0..400u32, 1..40u32), 0..24),
            far in prop::option::of(1_000_000..Lv::MAX),
        ) {
            let mut times = [0; 440];
            let mut taken: Vec<Taken> = Vec::new();
            for (lv, len) in runs {
                (lv..lv + len).for_each(|lv| times[lv as usize] += 1);
                taken.push(u64::from(lv) << 32 | u64::from(lv + len));
            }
            // With a number that is far away they are sorted.
            taken.extend(far.map(|far| u64::from(far - 1) << 32 | u64::from(far)));
            prop_assert_eq!(check_taken(taken).is_ok(), times.iter().all(|times| *times < 2));
        }
    }
}
