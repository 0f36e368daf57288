//! What holds of every tree.

use super::super::load::FILLED;
use super::{NONE, Tree, Width};

impl Tree {
    /// Makes sure that all counts and links are right.
    pub(in crate::sequence) fn check(&self) {
        let mut total = Width::default();
        let mut leaves = 0;
        for (id, leaf) in self.leaves_from(0) {
            assert_eq!(leaf.width.chars, leaf.runs.iter().map(|piece| piece.chars()).sum::<u32>());
            assert_eq!(leaf.width, leaf.content.whole(leaf.width).width());
            assert_eq!(self.before(id), total, "what stands before each leaf adds up");
            assert_eq!(self.start_of(id), total.chars);
            assert!(leaf.runs.iter().all(|piece| leaf.low <= piece.lv && piece.end() <= leaf.high));
            assert!(leaf.runs.len() <= FILLED && (!leaf.runs.is_empty() || self.leaves.len() == 1));
            total += leaf.width;
            leaves += 1;
        }
        assert_eq!((total, leaves), (self.total, self.leaves.len()));
        let mut settled = self.clone();
        settled.settle();
        settled.check_nodes();
    }

    fn check_nodes(&self) {
        for (id, node) in self.nodes.iter().enumerate() {
            let mut sum = Width::default();
            for slot in 0..node.len {
                let child = node.children[slot] as usize;
                let (above, width, low, high) = match node.lowest {
                    true => {
                        let leaf = &self.leaves[child];
                        ((leaf.parent, leaf.slot), Some(leaf.width), leaf.low, leaf.high)
                    }
                    false => {
                        let node = &self.nodes[child];
                        ((node.parent, node.slot), None, node.low, node.high)
                    }
                };
                assert_eq!(above, (id as u32, slot as u32), "children know their parents");
                assert_eq!(width.unwrap_or(node.widths[slot]), node.widths[slot], "leaves are counted");
                sum += node.widths[slot];
                assert!(node.low <= low && high <= node.high, "nodes know what they hold");
            }
            match node.parent {
                NONE => assert_eq!((id as u32, sum), (self.root, self.total)),
                parent => assert_eq!(self.nodes[parent as usize].widths[node.slot as usize], sum),
            }
        }
    }
}
