//! Sequences as the tree of Fugue, with maximal non-interleaving.
//!
//! After Weidner and Kleppmann, *The Art of the Fugue: Minimizing Interleaving in Collaborative Text
//! Editing*, 2023: each element is a left or a right child of another, and the sequence is the tree in
//! depth-first order. What hangs where is decided once, by the author, from what it had seen; siblings
//! on the right stand by where their right origins stand, the furthest first. This is another
//! formulation than the engine's, which scans lists of origins.

use std::collections::BTreeMap;

use conjoin_core::OpId;

/// Where an element hangs, as its author decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hook {
    /// `None` is the root, the start of the sequence.
    parent: Option<OpId>,
    right: bool,
    /// What stood right of a right child for its author; `None` is the end.
    next: Option<OpId>,
}

#[derive(Debug, Default)]
struct Node {
    left: Vec<usize>,
    right: Vec<usize>,
}

/// The elements that somebody has seen, hidden ones included.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The root first, then the elements in the order in which they came.
    nodes: Vec<Node>,
    elements: Vec<(OpId, Hook)>,
    numbers: BTreeMap<OpId, usize>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()], elements: Vec::new(), numbers: BTreeMap::new() }
    }

    /// The elements in their order.
    pub(crate) fn elements(&self) -> Vec<OpId> {
        let mut order = Vec::with_capacity(self.elements.len());
        // Without recursion: typing on makes the tree as deep as the text is long.
        let mut rest = vec![(0, false)];
        while let Some((node, is_left_done)) = rest.pop() {
            if is_left_done {
                order.extend((node > 0).then(|| self.elements[node - 1].0));
                rest.extend(self.nodes[node].right.iter().rev().map(|&child| (child, false)));
            } else {
                rest.push((node, true));
                rest.extend(self.nodes[node].left.iter().rev().map(|&child| (child, false)));
            }
        }
        order
    }

    fn node(&self, element: Option<OpId>) -> usize {
        element.map_or(0, |id| self.numbers[&id])
    }

    /// The hook for an element that is made directly right of `left` by somebody who has seen this tree.
    pub(crate) fn hook_after(&self, left: Option<OpId>) -> Hook {
        let order = self.elements();
        let at = left.map_or(0, |left| {
            1 + order.iter().position(|own| *own == left).expect("it is inserted after what is there")
        });
        let next = order.get(at).copied();
        if self.nodes[self.node(left)].right.is_empty() {
            Hook { parent: left, right: true, next }
        } else {
            Hook { parent: next, right: false, next: None }
        }
    }

    /// Takes in an element, after those that its author had seen.
    pub(crate) fn insert(&mut self, id: OpId, hook: Hook) {
        let parent = self.node(hook.parent);
        let siblings = if hook.right { &self.nodes[parent].right } else { &self.nodes[parent].left };
        let order = if siblings.is_empty() { Vec::new() } else { self.elements() };
        let place = |next: Option<OpId>| {
            next.map_or(usize::MAX, |next| {
                order.iter().position(|own| *own == next).expect("its author had seen it")
            })
        };
        let stands_before = |&sibling: &usize| {
            let (other, other_hook) = &self.elements[sibling - 1];
            let further = place(other_hook.next).cmp(&place(hook.next)).reverse();
            further.then(other.replica.cmp(&id.replica)).is_lt()
        };
        let at = siblings.iter().take_while(|sibling| stands_before(sibling)).count();
        self.nodes.push(Node::default());
        self.elements.push((id, hook));
        self.numbers.insert(id, self.elements.len());
        let node = &mut self.nodes[parent];
        let siblings = if hook.right { &mut node.right } else { &mut node.left };
        siblings.insert(at, self.elements.len());
    }
}
