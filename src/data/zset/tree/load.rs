//! A tree made at once from members that come in order: full leaves first, then the inner nodes, a level at a time.
//!
//! It is the tree that adding the members one by one at the right end would make. Each node is made once and no way down is looked for.

use super::frame::order;
use super::inner::Inner;
use super::leaf::{Cell, Leaf};
use super::node::Node;
use super::shared::Shared;
use super::{Handle, Records, Shape, Tree};

/// The leaves so far, and the members of the next one.
#[derive(Debug)]
pub(in crate::data::zset) struct Loader {
    shape: Shape,
    len: usize,
    leaves: Vec<Node>,
    cells: Vec<Cell>,
}

impl Loader {
    pub(in crate::data::zset) fn new(shape: Shape) -> Self {
        Self { shape, len: 0, leaves: Vec::new(), cells: Vec::with_capacity(shape.leaf.into()) }
    }

    /// Adds a member that comes after all before it.
    #[inline]
    pub(in crate::data::zset) fn push(&mut self, score: f64, handle: Handle) {
        if self.cells.len() == usize::from(self.shape.leaf) {
            self.end_leaf();
        }
        self.cells.push((order(score), handle));
        self.len += 1;
    }

    /// The tree of all that was added.
    pub(in crate::data::zset) fn finish(mut self, records: Records<'_>) -> Tree {
        let mut tree = Tree::new(self.shape);
        if self.len == 0 {
            return tree;
        }
        self.end_leaf();
        let mut level = self.leaves;
        while level.len() > 1 {
            level = parents(level, records, self.shape);
        }
        let root = level.pop().expect("a member has a leaf");
        (tree.len, tree.ties) = (self.len, root.summary(records).ties);
        tree.root = root;
        tree
    }

    fn end_leaf(&mut self) {
        let leaf = Leaf::from_cells(&self.cells, 0);
        self.cells.clear();
        self.leaves.push(Node::Leaf(Shared::new(leaf)));
    }
}

/// The nodes above these, each as wide as may be but the last, which is on the edge and may have anything.
fn parents(nodes: Vec<Node>, records: Records<'_>, shape: Shape) -> Vec<Node> {
    let width = usize::from(shape.inner);
    let mut parents = Vec::with_capacity(nodes.len().div_ceil(width));
    let mut inner = Inner::default();
    for node in nodes {
        if inner.len() == width {
            parents.push(Node::Inner(Shared::new(std::mem::take(&mut inner))));
        }
        inner.put(inner.len(), node.summary(records), node);
    }
    parents.push(Node::Inner(Shared::new(inner)));
    parents
}
