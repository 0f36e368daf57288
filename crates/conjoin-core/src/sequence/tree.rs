//! A B-tree over the leaves (Bayer and McCreight, *Organization and Maintenance of Large Ordered Indices*,
//! 1972), counted: each node knows how much is visible under each of its children.
//!
//! Leaves and nodes stand in two vectors and know their parents, so that counts are kept, and positions
//! found, from below. Nothing is ever taken out: hidden elements stay.

#[cfg(test)]
mod check;

use std::cmp::Ordering;

use super::Lv;
use super::content::Width;
use super::leaf::Leaf;
use crate::size::make_room;

/// No leaf, no node.
pub(super) const NONE: u32 = u32::MAX;

/// The most children of a node.
const FAN: usize = if cfg!(test) { 4 } else { 16 };

#[derive(Debug, Clone)]
struct Node {
    parent: u32,
    slot: u32,
    /// Whether the children are leaves.
    lowest: bool,
    len: usize,
    /// All numbers below lie between these.
    low: Lv,
    high: Lv,
    children: [u32; FAN],
    widths: [Width; FAN],
}

impl Node {
    fn new(lowest: bool) -> Self {
        Self {
            parent: NONE,
            slot: 0,
            lowest,
            len: 0,
            low: Lv::MAX,
            high: 0,
            children: [NONE; FAN],
            widths: [Width::default(); FAN],
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    leaves: Vec<Leaf>,
    /// Empty while there is one leaf.
    nodes: Vec<Node>,
    root: u32,
    pub(super) total: Width,
    hot: Hot,
}

/// The leaf that grows or shrinks as somebody types, of which the nodes above it do not know yet: they are told once
/// something else is edited.
#[derive(Debug, Clone, Copy, Default)]
struct Hot {
    leaf: u32,
    /// How many characters more there are than they count; fewer, wrapped around.
    more: u32,
    /// All its numbers lie below this.
    high: Lv,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            leaves: vec![Leaf::new()],
            nodes: Vec::new(),
            root: NONE,
            total: Width::default(),
            hot: Hot::default(),
        }
    }

    pub(super) fn leaf(&self, leaf: u32) -> &Leaf {
        &self.leaves[leaf as usize]
    }

    pub(super) fn leaf_mut(&mut self, leaf: u32) -> &mut Leaf {
        &mut self.leaves[leaf as usize]
    }

    pub(super) fn next_leaf(&self, leaf: u32) -> Option<u32> {
        Some(self.leaf(leaf).next).filter(|&next| next != NONE)
    }

    /// Leaves in their order, from one on.
    pub(super) fn leaves_from(&self, leaf: u32) -> impl Iterator<Item = (u32, &Leaf)> {
        std::iter::successors(Some(leaf), |&leaf| self.next_leaf(leaf)).map(|leaf| (leaf, self.leaf(leaf)))
    }

    /// The leaf in which so much of some measure is passed, and how much of it within the leaf.
    pub(super) fn descend(&self, mut at: u32, measure: impl Fn(&Width) -> u32) -> (u32, u32) {
        let mut node = self.root;
        if node == NONE {
            return (0, at);
        }
        let Hot { leaf: hot, more, .. } = self.hot;
        if more != 0 {
            let start = measure(&self.counted_before(hot));
            if at >= start {
                let within = at - start;
                if within < measure(&self.leaf(hot).width) {
                    return (hot, within);
                }
                at = at.wrapping_sub(more);
            }
        }
        loop {
            let Node { lowest, len, children, widths, .. } = &self.nodes[node as usize];
            let mut slot = 0;
            for width in &widths[..len - 1] {
                let width = measure(width);
                if at < width {
                    break;
                }
                at -= width;
                slot += 1;
            }
            node = children[slot];
            if *lowest {
                return (node, at);
            }
        }
    }

    /// How much stands before a leaf.
    pub(super) fn before(&self, leaf: u32) -> Width {
        let mut before = self.counted_before(leaf);
        before.chars = before.chars.wrapping_add(self.not_counted_before(leaf));
        before
    }

    fn not_counted_before(&self, leaf: u32) -> u32 {
        let Hot { leaf: hot, more, .. } = self.hot;
        if more != 0 && self.order(hot, leaf).is_lt() { more } else { 0 }
    }

    fn counted_before(&self, leaf: u32) -> Width {
        let Leaf { mut parent, mut slot, .. } = *self.leaf(leaf);
        let mut before = Width::default();
        while parent != NONE {
            let node = &self.nodes[parent as usize];
            for &width in &node.widths[..slot as usize] {
                before += width;
            }
            (parent, slot) = (node.parent, node.slot);
        }
        before
    }

    /// How many visible elements stand before a leaf.
    pub(super) fn start_of(&self, leaf: u32) -> u32 {
        let Leaf { mut parent, mut slot, .. } = *self.leaf(leaf);
        let mut start = self.not_counted_before(leaf);
        while parent != NONE {
            let node = &self.nodes[parent as usize];
            let before = node.widths[..slot as usize].iter().map(|width| width.chars).sum();
            start = start.wrapping_add(before);
            (parent, slot) = (node.parent, node.slot);
        }
        start
    }

    /// Which of two leaves stands first.
    pub(super) fn order(&self, a: u32, b: u32) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let (mut a, mut b) =
            ((self.leaf(a).parent, self.leaf(a).slot), (self.leaf(b).parent, self.leaf(b).slot));
        // All leaves are equally deep.
        while a.0 != b.0 {
            let (above_a, above_b) = (&self.nodes[a.0 as usize], &self.nodes[b.0 as usize]);
            a = (above_a.parent, above_a.slot);
            b = (above_b.parent, above_b.slot);
        }
        a.1.cmp(&b.1)
    }

    /// Takes note of new elements in a leaf, visible or not, in it and in all above it.
    pub(super) fn grow(&mut self, leaf: u32, width: Width, lv: Lv, end: Lv) {
        self.settle();
        self.total += width;
        let leaf = &mut self.leaves[leaf as usize];
        leaf.width += width;
        leaf.reaches(lv, end);
        let (mut parent, mut slot) = (leaf.parent, leaf.slot);
        while parent != NONE {
            let node = &mut self.nodes[parent as usize];
            node.widths[slot as usize] += width;
            node.low = node.low.min(lv);
            node.high = node.high.max(end);
            (parent, slot) = (node.parent, node.slot);
        }
    }

    /// Takes note of characters in a leaf, which has counted them itself, that take a byte each and have higher
    /// numbers than all before. The nodes above it are told when something else is done.
    pub(super) fn typed(&mut self, leaf: u32, chars: u32, end: Lv) {
        if self.hot.leaf != leaf {
            self.settle();
            self.hot.leaf = leaf;
        }
        self.hot.more = self.hot.more.wrapping_add(chars);
        self.hot.high = end;
        self.total.chars += chars;
    }

    /// Tells the nodes above the leaf that changed last.
    pub(super) fn settle(&mut self) {
        let Hot { leaf, more, high } = std::mem::take(&mut self.hot);
        if more == 0 && high == 0 {
            return;
        }
        let (mut parent, mut slot) = (self.leaf(leaf).parent, self.leaf(leaf).slot);
        while parent != NONE {
            let node = &mut self.nodes[parent as usize];
            let chars = &mut node.widths[slot as usize].chars;
            *chars = chars.wrapping_add(more);
            node.high = node.high.max(high);
            (parent, slot) = (node.parent, node.slot);
        }
    }

    /// The next leaf that may hold what is sought, going by the numbers in it. Nodes are asked first, so that
    /// all below one are passed over at once.
    pub(super) fn next_with(&self, leaf: u32, may_hold: &impl Fn(Lv, Lv) -> bool) -> Option<u32> {
        let Leaf { mut parent, mut slot, .. } = *self.leaf(leaf);
        while parent != NONE {
            let node = &self.nodes[parent as usize];
            let behind = &node.children[slot as usize + 1..node.len];
            let found = behind.iter().find_map(|&child| self.first_with(child, node.lowest, may_hold));
            if found.is_some() {
                return found;
            }
            (parent, slot) = (node.parent, node.slot);
        }
        None
    }

    fn first_with(&self, child: u32, is_leaf: bool, may_hold: &impl Fn(Lv, Lv) -> bool) -> Option<u32> {
        if is_leaf {
            let Leaf { low, high, .. } = *self.leaf(child);
            return may_hold(low, high).then_some(child);
        }
        let node = &self.nodes[child as usize];
        if !may_hold(node.low, node.high) {
            return None;
        }
        node.children[..node.len].iter().find_map(|&child| self.first_with(child, node.lowest, may_hold))
    }

    /// The last leaf behind one of which something holds, where it holds of all up to some leaf and of none
    /// after that, and cannot be told of some. One leaf of each node is asked.
    pub(super) fn last_with(&self, leaf: u32, holds: &impl Fn(u32) -> Option<bool>) -> Option<u32> {
        let mut found = None;
        let Leaf { mut parent, mut slot, .. } = *self.leaf(leaf);
        let mut ended = false;
        while parent != NONE && !ended {
            let node = &self.nodes[parent as usize];
            (found, ended) = self.last_child_with(parent, slot as usize + 1, found, holds);
            (parent, slot) = (node.parent, node.slot);
        }
        let (mut child, mut is_leaf) = found?;
        while !is_leaf {
            let first = (self.nodes[child as usize].children[0], self.nodes[child as usize].lowest);
            (child, is_leaf) = self.last_child_with(child, 1, Some(first), holds).0?;
        }
        Some(child)
    }

    /// The last child of a node from a slot on of whose first leaf something holds, and whether it is a leaf; and
    /// whether it holds no more behind it.
    fn last_child_with(
        &self,
        node: u32,
        from: usize,
        mut found: Option<(u32, bool)>,
        holds: &impl Fn(u32) -> Option<bool>,
    ) -> (Option<(u32, bool)>, bool) {
        let Node { lowest, len, children, .. } = &self.nodes[node as usize];
        for &child in &children[from..*len] {
            let (mut first, mut is_leaf) = (child, *lowest);
            while !is_leaf {
                let node = &self.nodes[first as usize];
                (first, is_leaf) = (node.children[0], node.lowest);
            }
            match holds(first) {
                Some(true) => found = Some((child, *lowest)),
                Some(false) => return (found, true),
                None => {}
            }
        }
        (found, false)
    }

    /// Counts what was put into a leaf, in it and in all above it.
    pub(super) fn add(&mut self, leaf: u32, width: Width) {
        self.settle();
        self.total += width;
        let leaf = &mut self.leaves[leaf as usize];
        leaf.width += width;
        let at = (leaf.parent, leaf.slot);
        self.count(at, |counted| *counted += width);
    }

    /// Counts what was taken out of a leaf.
    pub(super) fn sub(&mut self, leaf: u32, width: Width) {
        if self.hot.leaf != leaf || width.more > 0 {
            self.settle();
            self.hot.leaf = leaf;
        }
        self.total -= width;
        let leaf = &mut self.leaves[leaf as usize];
        leaf.width -= width;
        let at = (leaf.parent, leaf.slot);
        if width.more == 0 {
            self.hot.more = self.hot.more.wrapping_sub(width.chars);
        } else {
            self.count(at, |counted| *counted -= width);
        }
    }

    fn count(&mut self, (mut parent, mut slot): (u32, u32), change: impl Fn(&mut Width)) {
        while parent != NONE {
            let node = &mut self.nodes[parent as usize];
            change(&mut node.widths[slot as usize]);
            (parent, slot) = (node.parent, node.slot);
        }
    }

    /// Puts a leaf behind another one, out of which its content came.
    pub(super) fn put_after(&mut self, leaf: u32, mut new: Leaf) -> u32 {
        self.settle();
        let id = self.leaves.len() as u32;
        let width = new.width;
        new.next = self.leaf(leaf).next;
        make_room(&mut self.leaves, 1);
        self.leaves.push(new);
        self.leaf_mut(leaf).next = id;
        if self.root == NONE {
            let mut widest = self.leaf(leaf).width;
            widest += width;
            self.root = self.raise(leaf, widest, true);
        }
        let at = (self.leaf(leaf).parent, self.leaf(leaf).slot);
        self.count(at, |counted| *counted -= width);
        self.put_child(at.0, at.1 as usize + 1, id, width);
        id
    }

    /// Puts a leaf at the end: for loading.
    pub(super) fn push(&mut self, new: Leaf) -> u32 {
        let width = new.width;
        let last = self.leaves.len() as u32 - 1;
        if last == 0 && self.leaf(0).runs.is_empty() {
            self.leaves[0] = new;
            self.total = width;
            return 0;
        }
        // As if it had been cut off the last one.
        self.add(last, width);
        self.leaf_mut(last).width -= width;
        self.put_after(last, new)
    }

    /// Gives back memory held for more leaves.
    pub(super) fn fit(&mut self) {
        self.leaves.shrink_to_fit();
        self.nodes.shrink_to_fit();
    }

    /// A node above one leaf or node.
    fn raise(&mut self, child: u32, width: Width, lowest: bool) -> u32 {
        let id = self.nodes.len() as u32;
        let mut node = Node::new(lowest);
        node.len = 1;
        node.children[0] = child;
        node.widths[0] = width;
        self.nodes.push(node);
        self.adopt(id, 0);
        id
    }

    fn put_child(&mut self, mut node: u32, mut slot: usize, child: u32, width: Width) {
        if self.nodes[node as usize].len == FAN {
            // What grows at its end leaves full nodes behind.
            let at = if slot == FAN { FAN } else { FAN / 2 };
            let new = self.split(node, at);
            if slot > at || at == FAN {
                (node, slot) = (new, slot - at);
            }
        }
        let into = &mut self.nodes[node as usize];
        into.children.copy_within(slot..into.len, slot + 1);
        into.widths.copy_within(slot..into.len, slot + 1);
        into.children[slot] = child;
        into.widths[slot] = width;
        into.len += 1;
        let above = (into.parent, into.slot);
        self.adopt(node, slot);
        self.count(above, |counted| *counted += width);
    }

    /// Moves the children of a node from a slot on to a new one behind it.
    fn split(&mut self, node: u32, at: usize) -> u32 {
        if node == self.root {
            let mut width = Width::default();
            for &part in &self.nodes[node as usize].widths {
                width += part;
            }
            self.root = self.raise(node, width, false);
        }
        let old = &mut self.nodes[node as usize];
        let mut new = Node::new(old.lowest);
        new.len = FAN - at;
        new.children[..FAN - at].copy_from_slice(&old.children[at..]);
        new.widths[..FAN - at].copy_from_slice(&old.widths[at..]);
        old.len = at;
        let above = (old.parent, old.slot);
        let mut moved = Width::default();
        for &width in &new.widths {
            moved += width;
        }
        let id = self.nodes.len() as u32;
        self.nodes.push(new);
        self.adopt(id, 0);
        self.narrow(node);
        self.count(above, |counted| *counted -= moved);
        self.put_child(above.0, above.1 as usize + 1, id, moved);
        id
    }

    /// Tells the children of a node from a slot on where they are, and the node what they hold.
    fn adopt(&mut self, node: u32, from: usize) {
        let Node { lowest, len, mut low, mut high, children, .. } = self.nodes[node as usize];
        for (slot, &child) in children[..len].iter().enumerate().skip(from) {
            let (parent, place, child_low, child_high) = if lowest {
                let leaf = &mut self.leaves[child as usize];
                (&mut leaf.parent, &mut leaf.slot, leaf.low, leaf.high)
            } else {
                let node = &mut self.nodes[child as usize];
                (&mut node.parent, &mut node.slot, node.low, node.high)
            };
            *parent = node;
            *place = slot as u32;
            low = low.min(child_low);
            high = high.max(child_high);
        }
        let mut above = node;
        // What a node holds now, those above it hold as well: new at the end of all, when loading.
        while above != NONE {
            let node = &mut self.nodes[above as usize];
            if node.low <= low && node.high >= high {
                break;
            }
            node.low = node.low.min(low);
            node.high = node.high.max(high);
            above = node.parent;
        }
    }

    /// Finds out anew what a node holds, of which something has gone.
    fn narrow(&mut self, node: u32) {
        let Node { lowest, len, children, .. } = self.nodes[node as usize];
        let bounds = children[..len].iter().map(|&child| match lowest {
            true => (self.leaf(child).low, self.leaf(child).high),
            false => (self.nodes[child as usize].low, self.nodes[child as usize].high),
        });
        let (low, high) = bounds.fold((Lv::MAX, 0), |(low, high), it| (low.min(it.0), high.max(it.1)));
        let node = &mut self.nodes[node as usize];
        (node.low, node.high) = (low, high);
    }
}
