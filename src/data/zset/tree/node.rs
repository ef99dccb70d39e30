//! What leaves and inner nodes have in common, the way to a leaf, and the effect of a change there.

use super::inner::Inner;
use super::leaf::Leaf;
use super::shared::Shared;
use super::{Entry, Shape, Summary};
use crate::base::prefetch::prefetch;
use crate::data::zset::record::{Handle, Records};
use std::ops::Range;

/// A node with everything under it. A clone is another share.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Members in order.
    Leaf(Shared<Leaf>),
    /// Children in order.
    Inner(Shared<Inner>),
}

/// What is needed all the way down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'r> {
    pub(super) records: Records<'r>,
    pub(super) shape: Shape,
}

/// The way from the root to a leaf: which child at each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path([u8; HEIGHT_MAX]);

/// A node that has neighbours has two children or more, so a tree of so many levels does not fit into memory.
const HEIGHT_MAX: usize = 40;

impl Path {
    pub(super) const ROOT: Self = Self([0; HEIGHT_MAX]);

    #[inline]
    pub(super) fn child(&self, level: usize) -> usize {
        usize::from(self.0[level])
    }

    #[inline]
    pub(super) fn set(&mut self, level: usize, child: usize) {
        self.0[level] = child as u8;
    }
}

/// On which edges of the tree a node lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) left: bool,
    pub(super) right: bool,
}

impl Edges {
    /// The root's.
    pub(super) const BOTH: Self = Self { left: true, right: true };

    /// Those of child `at` of `len`.
    #[inline]
    pub(super) fn of(self, at: usize, len: usize) -> Self {
        Self { left: self.left && at == 0, right: self.right && at + 1 == len }
    }

    pub(super) fn any(self) -> bool {
        self.left || self.right
    }
}

/// What a change has done to a node beside its count, as far as its parent keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Effect {
    /// By how much the number of members with the score of the one before grew.
    pub(super) ties: isize,
    /// The first member, if it is another now.
    pub(super) first: Option<(f64, Handle)>,
    /// The last score, if the last member is another now.
    pub(super) last: Option<f64>,
    /// Whether the node may be so sparse now that it ought to be filled up.
    pub(super) is_sparse: bool,
    /// Whether children were added, removed or dealt out anew somewhere, so that paths found before lead elsewhere.
    pub(super) is_dealt: bool,
}

impl Effect {
    pub(super) const NONE: Self = Self { ties: 0, first: None, last: None, is_sparse: false, is_dealt: false };

    /// Adds a member to a leaf that is not full.
    #[inline]
    pub(super) fn adding(records: Records<'_>, leaf: &mut Leaf, entry: &Entry<'_>) -> Self {
        let at = leaf.place(records, entry.score, entry.member);
        let is_tie = leaf.insert(records, at, entry);
        Self {
            ties: isize::from(is_tie),
            first: (at == 0).then_some((entry.score, entry.handle)),
            last: (at + 1 == leaf.len()).then_some(entry.score),
            ..Self::NONE
        }
    }

    /// Removes members from a leaf.
    #[inline]
    pub(super) fn removing(context: Context<'_>, leaf: &mut Leaf, range: Range<usize>) -> Self {
        let Context { records, shape } = context;
        let Range { start, end } = range;
        let is_last = end == leaf.len();
        let fewer = leaf.remove(records, start..end);
        let len = leaf.len();
        Self {
            ties: -(fewer as isize),
            first: (start == 0 && len > 0).then(|| (records.score(leaf.handle(0)), leaf.handle(0))),
            last: (is_last && len > 0).then(|| records.score(leaf.handle(len - 1))),
            is_sparse: len < shape.leaf_min(),
            is_dealt: false,
        }
    }
}

impl Node {
    pub(super) fn into_leaf(self) -> Option<Shared<Leaf>> {
        if let Self::Leaf(leaf) = self { Some(leaf) } else { None }
    }

    pub(super) fn into_inner(self) -> Option<Shared<Inner>> {
        if let Self::Inner(inner) = self { Some(inner) } else { None }
    }

    /// The leaf at that end.
    #[inline]
    pub(super) fn outermost_leaf(&self, end: End) -> &Leaf {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf,
                Self::Inner(inner) => node = &inner.nodes[end.place(inner.len())],
            }
        }
    }

    /// Begins to load the count of its owners.
    #[inline]
    pub(super) fn prefetch(&self) {
        match self {
            Self::Leaf(leaf) => prefetch(&raw const **leaf),
            Self::Inner(inner) => prefetch(&raw const **inner),
        }
    }

    /// How many items the node itself holds: members of a leaf, children of an inner node.
    #[inline]
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(inner) => inner.len(),
        }
    }

    /// The most items a node of this kind may hold.
    #[inline]
    pub(super) fn width_max(&self, shape: Shape) -> usize {
        usize::from(match self {
            Self::Leaf(_) => shape.leaf,
            Self::Inner(_) => shape.inner,
        })
    }

    /// Below this many items, a node in the middle is filled up from its neighbours.
    #[inline]
    pub(super) fn width_min(&self, shape: Shape) -> usize {
        match self {
            Self::Leaf(_) => shape.leaf_min(),
            Self::Inner(_) => shape.inner_min(),
        }
    }

    #[inline]
    pub(super) fn is_full(&self, shape: Shape) -> bool {
        self.width() == self.width_max(shape)
    }

    /// How many levels lie below.
    pub(super) fn height(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner(inner) => 1 + inner.nodes[0].height(),
        }
    }

    pub(super) fn summary(&self, records: Records<'_>) -> Summary {
        match self {
            Self::Leaf(leaf) => leaf.summary(records),
            Self::Inner(inner) => inner.summary(),
        }
    }

    /// A node of this height with one member and nothing else.
    pub(super) fn with_one(height: usize, records: Records<'_>, entry: &Entry<'_>) -> Self {
        let mut leaf = Leaf::default();
        leaf.insert(records, 0, entry);
        let leaf = Self::Leaf(Shared::new(leaf));
        (0..height).fold(leaf, |below, _| Self::Inner(Shared::new(Inner::above(below, records))))
    }

    /// Whether a new member would lie before all or after all under this node, which is on that edge, and some node on the way there
    /// has room for it: then full nodes above that one need none.
    pub(super) fn takes_at_an_end(&self, context: Context<'_>, entry: &Entry<'_>) -> bool {
        match self.end_of(context.records, entry) {
            Some(end) => !self.is_full_to(end, context.shape),
            None => false,
        }
    }

    /// The end beyond which a new member would lie.
    pub(super) fn end_of(&self, records: Records<'_>, entry: &Entry<'_>) -> Option<End> {
        let key = |handle| (records.score(handle), records.bytes(handle));
        let new = (entry.score, entry.member);
        if key(self.outermost(End::Right)) < new {
            Some(End::Right)
        } else if new < key(self.outermost(End::Left)) {
            Some(End::Left)
        } else {
            None
        }
    }

    fn outermost(&self, end: End) -> Handle {
        let leaf = self.outermost_leaf(end);
        leaf.handle(end.place(leaf.len()))
    }

    /// Whether this node is full and so are all down to its leaf at that end.
    pub(super) fn is_full_to(&self, end: End, shape: Shape) -> bool {
        self.is_full(shape)
            && match self {
                Self::Leaf(_) => true,
                Self::Inner(inner) => inner.nodes[end.place(inner.len())].is_full_to(end, shape),
            }
    }

    /// The bytes allocated for the node and everything under it. O(nodes).
    pub(super) fn allocated_bytes(&self) -> usize {
        match self {
            Self::Leaf(_) => Shared::<Leaf>::BYTES,
            Self::Inner(inner) => {
                let below: usize = inner.nodes.iter().map(Node::allocated_bytes).sum();
                Shared::<Inner>::BYTES + below
            }
        }
    }
}

/// An end of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data::zset) enum End {
    Left,
    Right,
}

impl End {
    /// The place at this end of `len`.
    #[inline]
    pub(in crate::data::zset) fn place(self, len: usize) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => len - 1,
        }
    }
}
