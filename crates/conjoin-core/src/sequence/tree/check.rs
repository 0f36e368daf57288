//! What holds of every tree.

use super::super::leaf::RUNS;
use super::{Content, NONE, Tree, Width};

impl<C: Content> Tree<C> {
    /// Makes sure that all counts and links are right.
    pub(in crate::sequence) fn check(&self) {
        let mut total = Width::default();
        let mut leaves = 0;
        for (id, leaf) in self.leaves_from(0) {
            assert_eq!(leaf.width.chars, leaf.runs.iter().map(|piece| piece.chars()).sum::<u32>());
            assert_eq!(leaf.width, C::width(leaf.content.whole(leaf.width)));
            assert_eq!(self.before(id), total, "what stands before each leaf adds up");
            assert_eq!(self.start_of(id), total.chars);
            assert!(leaf.runs.iter().all(|piece| leaf.low <= piece.lv && piece.end() <= leaf.high));
            assert!(leaf.runs.len() <= RUNS && (!leaf.runs.is_empty() || self.leaves.len() == 1));
            total += leaf.width;
            leaves += 1;
        }
        assert_eq!((total, leaves), (self.total, self.leaves.len()));
        for (id, node) in self.nodes.iter().enumerate() {
            let mut sum = Width::default();
            for slot in 0..node.len {
                let child = node.children[slot] as usize;
                let above = match node.lowest {
                    true => (self.leaves[child].parent, self.leaves[child].slot),
                    false => (self.nodes[child].parent, self.nodes[child].slot),
                };
                assert_eq!(above, (id as u32, slot as u32), "children know their parents");
                sum += node.widths[slot];
                let (low, high) = match node.lowest {
                    true => (self.leaves[child].low, self.leaves[child].high),
                    false => (self.nodes[child].low, self.nodes[child].high),
                };
                assert!(node.low <= low && high <= node.high, "nodes know what they hold");
            }
            match node.parent {
                NONE => assert_eq!((id as u32, sum), (self.root, total)),
                parent => assert_eq!(self.nodes[parent as usize].widths[node.slot as usize], sum),
            }
        }
    }
}
