//! Which leaf an element stands in: stretches of numbers, each up to the next, in sorted blocks.
//!
//! A stretch says where its numbers stand if they are here at all, so that elements added to the leaf of
//! those before them need no entry: most never do.

use super::Lv;

/// The most entries of a block.
const BLOCK: usize = if cfg!(test) { 4 } else { 64 };

#[derive(Debug, Clone, Copy)]
struct Entry {
    lv: Lv,
    leaf: u32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// The first number of each block.
    firsts: Vec<Lv>,
    blocks: Vec<Vec<Entry>>,
    /// What comes at the end, by far the most asked for.
    last: Option<Entry>,
    /// Beyond all numbers that are here.
    end: Lv,
}

impl Index {
    /// The only leaf that can hold an element.
    pub(super) fn leaf_of(&self, lv: Lv) -> u32 {
        match self.last {
            Some(last) if lv >= last.lv => last.leaf,
            Some(_) => self.entry_of(lv).map_or(0, |(block, at)| self.blocks[block][at].leaf),
            // What is not listed stands in the first leaf.
            None => 0,
        }
    }

    /// The last entry that starts at a number or before.
    fn entry_of(&self, lv: Lv) -> Option<(usize, usize)> {
        let block = self.firsts.partition_point(|&first| first <= lv).checked_sub(1)?;
        let at = self.blocks[block].partition_point(|entry| entry.lv <= lv) - 1;
        Some((block, at))
    }

    /// From now on these elements stand in this leaf.
    #[inline]
    pub(super) fn assign(&mut self, lv: Lv, end: Lv, leaf: u32) {
        if lv < self.end {
            return self.reassign(lv, end, leaf);
        }
        self.end = end;
        if self.last.map_or(0, |last| last.leaf) != leaf {
            self.push(Entry { lv, leaf });
        }
    }

    fn reassign(&mut self, lv: Lv, end: Lv, leaf: u32) {
        self.end = self.end.max(end);
        let mut at = self.entry_of(lv);
        let before = at.map_or(0, |at| self.entry(at).leaf);
        let mut after = before;
        while let Some(next) = self.next_of(at).filter(|&next| self.entry(next).lv < end) {
            after = self.entry(next).leaf;
            self.remove(next);
        }
        if before != leaf {
            at = Some(match at {
                Some((block, place)) if self.blocks[block][place].lv == lv => {
                    self.blocks[block][place].leaf = leaf;
                    (block, place)
                }
                _ => self.put_after(at, Entry { lv, leaf }),
            });
        }
        // Those behind them stay where they are.
        let listed = self.next_of(at).is_some_and(|next| self.entry(next).lv == end);
        if !listed && end < self.end && after != leaf {
            self.put_after(at, Entry { lv: end, leaf: after });
        }
        self.last = self.blocks.last().and_then(|block| block.last()).copied();
    }

    fn entry(&self, (block, at): (usize, usize)) -> Entry {
        self.blocks[block][at]
    }

    /// The entry after one, or the first.
    fn next_of(&self, at: Option<(usize, usize)>) -> Option<(usize, usize)> {
        let (block, at) = at.map_or((0, 0), |(block, at)| (block, at + 1));
        if at < self.blocks.get(block)?.len() {
            return Some((block, at));
        }
        (block + 1 < self.blocks.len()).then_some((block + 1, 0))
    }

    /// Adds an entry behind all others.
    fn push(&mut self, entry: Entry) {
        self.last = Some(entry);
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(entry),
            _ => {
                self.firsts.push(entry.lv);
                self.blocks.push(vec![entry]);
            }
        }
    }

    /// Puts in an entry after another one, or as the first. Tells where it stands.
    fn put_after(&mut self, at: Option<(usize, usize)>, entry: Entry) -> (usize, usize) {
        let Some((mut block, mut at)) = at else {
            match self.blocks.first_mut() {
                Some(_) => self.put(0, 0, entry),
                None => self.push(entry),
            }
            self.firsts[0] = entry.lv;
            return (0, 0);
        };
        at += 1;
        if self.blocks[block].len() == BLOCK && at > BLOCK / 2 {
            self.split(block);
            (block, at) = (block + 1, at - BLOCK / 2);
        }
        self.put(block, at, entry);
        (block, at)
    }

    /// Puts in an entry in the lower half of a block, or where there is room.
    fn put(&mut self, block: usize, at: usize, entry: Entry) {
        if self.blocks[block].len() == BLOCK {
            self.split(block);
        }
        self.blocks[block].insert(at, entry);
    }

    fn split(&mut self, block: usize) {
        let entries = &mut self.blocks[block];
        let upper = entries.split_off(BLOCK / 2);
        entries.shrink_to_fit();
        self.firsts.insert(block + 1, upper[0].lv);
        self.blocks.insert(block + 1, upper);
    }

    fn remove(&mut self, (block, at): (usize, usize)) {
        let entries = &mut self.blocks[block];
        entries.remove(at);
        match entries.first() {
            Some(first) => self.firsts[block] = first.lv,
            None => {
                self.blocks.remove(block);
                self.firsts.remove(block);
            }
        }
    }
}
