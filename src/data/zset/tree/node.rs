//! The nodes: insertion with splits, and removal with borrowing and merging.
//!
//! Both go down once and repair on the way back: a node that overflows hands its upper half to its parent; a child that
//! falls below half takes members from a neighbour or is merged with it.

use super::run::Run;
use super::{Member, Shape};

/// A node with everything under it.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Members in order.
    Leaf(Run),
    /// Children in order.
    Inner(Box<Inner>),
}

/// A node above others.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    /// One fewer than there are children: `separators[i]` lies between children i and i + 1.
    pub(super) separators: Run,
    /// How many members lie under each child.
    pub(super) counts: Vec<usize>,
    /// The children, all leaves or all inner nodes of one height.
    pub(super) children: Vec<Node>,
}

/// Which member a removal is after.
#[derive(Clone, Copy, Debug)]
pub(super) enum Aim<'a> {
    /// The one with this score and these bytes.
    Member(f64, &'a [u8]),
    /// The one at this rank under the node.
    Rank(usize),
}

impl Node {
    /// How many items the node itself holds: members of a leaf, children of an inner node.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Leaf(run) => run.len(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    /// The most items a node of this kind may hold.
    pub(super) fn width_max(&self, shape: Shape) -> usize {
        usize::from(match self {
            Self::Leaf(_) => shape.leaf,
            Self::Inner(_) => shape.inner,
        })
    }

    /// The bytes allocated for the node and everything under it, beside itself.
    pub(super) fn allocated_bytes(&self) -> usize {
        match self {
            Self::Leaf(run) => run.allocated_bytes(),
            Self::Inner(inner) => {
                let below: usize = inner.children.iter().map(Node::allocated_bytes).sum();
                size_of_val(&**inner)
                    + inner.separators.allocated_bytes()
                    + inner.counts.capacity() * size_of::<usize>()
                    + inner.children.capacity() * size_of::<Node>()
                    + below
            }
        }
    }

    /// How many members lie under the node.
    fn count(&self) -> usize {
        match self {
            Self::Leaf(run) => run.len(),
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    /// Adds `member` below. If the node overflows, returns its upper half and the separator before it.
    pub(super) fn insert(&mut self, shape: Shape, member: Member) -> Option<(Member, Node)> {
        match self {
            Self::Leaf(run) => {
                let at = run.place(&member, member.score());
                run.insert(at, member);
            }
            Self::Inner(inner) => {
                let child = inner.separators.place_after(&member, member.score());
                inner.counts[child] += 1;
                if let Some((separator, right)) = inner.children[child].insert(shape, member) {
                    inner.put_after(child, separator, right);
                }
            }
        }
        if self.width() > self.width_max(shape) { Some(self.split()) } else { None }
    }

    /// Goes down to the leaf that `aim` names, lets `change` remove members there from that place on, and repairs.
    /// `change` returns how many it removed, and so does this.
    pub(super) fn edit<F>(&mut self, shape: Shape, aim: Aim<'_>, change: F) -> usize
    where
        F: FnOnce(&mut Run, usize) -> usize,
    {
        match self {
            Self::Leaf(run) => {
                let at = match aim {
                    Aim::Member(score, member) => run.place(member, score),
                    Aim::Rank(rank) => rank,
                };
                change(run, at)
            }
            Self::Inner(inner) => {
                let (child, aim) = match aim {
                    Aim::Member(score, member) => (inner.separators.place_after(member, score), aim),
                    Aim::Rank(rank) => {
                        let (child, rest) = inner.child_at(rank);
                        (child, Aim::Rank(rest))
                    }
                };
                let removed = inner.children[child].edit(shape, aim, change);
                if removed > 0 {
                    inner.counts[child] -= removed;
                    inner.refill(shape, child);
                }
                removed
            }
        }
    }

    /// Makes this node, a root, the left child of a new root, with `right` beside it.
    pub(super) fn put_above(&mut self, separator: Member, right: Node) {
        let left = std::mem::replace(self, Self::Leaf(Run::default()));
        let mut separators = Run::default();
        separators.insert(0, separator);
        let counts = vec![left.count(), right.count()];
        *self = Self::Inner(Box::new(Inner { separators, counts, children: vec![left, right] }));
    }

    /// Gives way to an only child, if this is a root that has come to that.
    pub(super) fn shed(&mut self) {
        while let Self::Inner(inner) = self {
            if inner.children.len() > 1 {
                return;
            }
            *self = inner.children.pop().expect("an inner node has a child");
        }
    }

    /// Cuts off the upper half; also returns the separator that belongs between.
    fn split(&mut self) -> (Member, Node) {
        let middle = self.width() / 2;
        match self {
            Self::Leaf(run) => {
                let right = run.split_off(middle);
                (right.member(0).clone(), Self::Leaf(right))
            }
            Self::Inner(inner) => {
                let separators = inner.separators.split_off(middle);
                let counts = inner.counts.split_off(middle);
                let children = inner.children.split_off(middle);
                let separator = inner.separators.remove(middle - 1);
                (separator, Self::Inner(Box::new(Inner { separators, counts, children })))
            }
        }
    }

    /// Takes over everything of `right`, the next node of the same height.
    fn absorb(&mut self, separator: Member, right: Node) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.append(right),
            (Self::Inner(left), Self::Inner(mut right)) => {
                left.separators.insert(left.separators.len(), separator);
                left.separators.append(right.separators);
                left.counts.append(&mut right.counts);
                left.children.append(&mut right.children);
            }
            _ => unreachable!("neighbours have one height"),
        }
    }
}

impl Inner {
    /// The child that holds `rank`, and the rank under that child.
    pub(super) fn child_at(&self, mut rank: usize) -> (usize, usize) {
        for (child, &count) in self.counts.iter().enumerate() {
            if rank < count {
                return (child, rank);
            }
            rank -= count;
        }
        unreachable!("a rank lies below the number of members");
    }

    /// Puts `right` after `child`, out of which it was cut.
    fn put_after(&mut self, child: usize, separator: Member, right: Node) {
        let count = right.count();
        self.counts[child] -= count;
        self.counts.insert(child + 1, count);
        self.separators.insert(child, separator);
        self.children.insert(child + 1, right);
    }

    /// Brings `child` back to half full if it fell below, at the cost of a neighbour: the two become one, or, if that
    /// would be too wide, share evenly.
    fn refill(&mut self, shape: Shape, child: usize) {
        let width_max = self.children[child].width_max(shape);
        if self.children[child].width() >= width_max / 2 || self.children.len() == 1 {
            return;
        }
        let left = if child + 1 < self.children.len() { child } else { child - 1 };
        if let [Node::Leaf(low), Node::Leaf(high)] = &mut self.children[left..left + 2]
            && low.len() + high.len() > width_max
        {
            low.share(high);
            self.separators.replace(left, high.member(0).clone());
            (self.counts[left], self.counts[left + 1]) = (low.len(), high.len());
            return;
        }
        let right = self.children.remove(left + 1);
        let count = self.counts.remove(left + 1);
        let separator = self.separators.remove(left);
        self.counts[left] += count;
        self.children[left].absorb(separator, right);
        if self.children[left].width() > width_max {
            let (separator, right) = self.children[left].split();
            self.put_after(left, separator, right);
        }
    }
}
