//! A counted B+tree of members in (score, member) order, whose clone costs nothing.
//!
//! Leaves hold the members; an inner node holds its children and what lies under each: the first member, the last score, how
//! many members, and how many of them are *ties*, which have the score of the one before. What is no tie is a distinct score, so a rank, plain
//! or among distinct scores, is a sum on the way down.
//!
//! Nodes are shared by clones: a change copies the path to it where others have it too ([`shared`]), and is made in place where not.
//! Nodes point to records and own none (see `record.rs`), so whatever compares members is lent the right to read them.
//!
//! A change finds its way first, reading ([`Path`]), then goes down again, counting; that is all, unless it met the end of a leaf or an equal
//! score, or left the leaf too sparse: then its effect is noted on the way up. Only a member that finds its leaf full goes down by a longer
//! way, which makes room.
//!
//! Invariants: counts are true; the first member and the last score of a child are those that are there, not ones that were. No node
//! is empty but a leaf that is the root. A node is at least three eighths full, unless it is the root, or an only child, or on
//! one of the tree's edges: those may have anything, so that what is loaded in order fills its leaves and what is taken from an end
//! moves nothing between leaves. A full node shares with a neighbour before it is split, and two are split into
//! three, so random insertion leaves nodes about four fifths full.

mod deal;
mod frame;
mod inner;
mod leaf;
mod load;
mod node;
mod pop;
mod query;
mod shared;
mod walk;

#[cfg(test)]
mod check;

pub(super) use inner::INNER_MAX;
pub(super) use leaf::{AHEAD, LEAF_MAX};
pub(super) use load::Loader;
pub(super) use node::End;
pub(super) use walk::Walk;

use super::record::{Handle, Records};
use inner::Inner;
use leaf::Leaf;
use node::{Context, Edges, Effect, Node, Path};
use shared::Shared;
use std::ops::Range;

/// How much a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The most members of a leaf; at least 4.
    pub(super) leaf: u16,
    /// The most children of an inner node; at least 4.
    pub(super) inner: u16,
}

impl Shape {
    /// The shape outside tests: as much as there is room for.
    pub(super) const WIDE: Self = Self { leaf: LEAF_MAX as u16, inner: INNER_MAX as u16 };

    /// Below this many members, a leaf in the middle is filled up from its neighbours.
    #[inline]
    fn leaf_min(self) -> usize {
        usize::from(self.leaf) * 3 / 8
    }

    /// The same for the children of an inner node.
    fn inner_min(self) -> usize {
        (usize::from(self.inner) * 3 / 8).max(2)
    }
}

/// A member beside its score and the handle of its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'k> {
    pub(super) score: f64,
    pub(super) member: &'k [u8],
    pub(super) handle: Handle,
}

/// What a parent knows of a node.
#[derive(Clone, Copy, Debug)]
struct Summary {
    /// The first member's score.
    first: f64,
    /// The first member's record.
    handle: Handle,
    /// The last member's score.
    last: f64,
    /// How many members lie under it.
    count: usize,
    /// How many of them have the score of the one before.
    ties: usize,
}

/// Members in order, counted.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
    ties: usize,
    shape: Shape,
}

impl Tree {
    pub(super) fn new(shape: Shape) -> Self {
        assert!(shape.leaf >= 4 && shape.inner >= 4, "two full nodes become three that are not");
        assert!(usize::from(shape.leaf) <= LEAF_MAX && usize::from(shape.inner) <= INNER_MAX, "a node has room");
        Self { root: empty_root(), len: 0, ties: 0, shape }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many distinct scores there are.
    pub(super) fn distinct(&self) -> usize {
        self.len - self.ties
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Adds a member that is not there yet. O(log n).
    pub(super) fn insert(&mut self, records: Records<'_>, entry: &Entry<'_>) {
        let (path, leaf) = self.locate(|inner| inner.child_of(records, entry));
        if leaf.len() < usize::from(self.shape.leaf) {
            self.insert_at(records, &path, entry);
        } else {
            self.insert_making_room(records, entry);
        }
    }

    /// Removes a member that is there. O(log n).
    pub(super) fn remove(&mut self, records: Records<'_>, entry: &Entry<'_>) {
        let (path, _) = self.locate(|inner| inner.child_of(records, entry));
        self.remove_at(records, &path, entry);
    }

    /// Gives a member that is there another score. Between leaving its old place and taking the new one, `renew` changes the
    /// record and says where it is now. O(log n).
    #[inline]
    pub(super) fn set_score(
        &mut self,
        records: Records<'_>,
        old: &Entry<'_>,
        score: f64,
        renew: impl FnOnce() -> Handle,
    ) {
        // Both ways at once: a load that the one waits for does not keep the other waiting.
        let new = Entry { score, ..*old };
        let (mut nodes, mut from, mut to, mut level) = ([&self.root, &self.root], Path::ROOT, Path::ROOT, 0);
        while let [Node::Inner(a), Node::Inner(b)] = nodes {
            let children = [a.child_of(records, old), b.child_of(records, &new)];
            from.set(level, children[0]);
            to.set(level, children[1]);
            nodes = [&a.nodes[children[0]], &b.nodes[children[1]]];
            level += 1;
        }
        let [Node::Leaf(a), Node::Leaf(b)] = nodes else { unreachable!("all leaves lie at one depth") };
        a.prefetch();
        b.prefetch();
        let has_room = b.len() < usize::from(self.shape.leaf);
        if from == to {
            return self.set_score_within(records, &from, old, score, renew);
        }
        let effect = self.remove_at(records, &from, old);
        let new = Entry { handle: renew(), ..new };
        if has_room && !effect.is_dealt {
            self.insert_at(records, &to, &new);
        } else {
            self.insert(records, &new);
        }
    }

    /// The same for a member whose new place is in the leaf of the old one.
    fn set_score_within(
        &mut self,
        records: Records<'_>,
        path: &Path,
        old: &Entry<'_>,
        score: f64,
        renew: impl FnOnce() -> Handle,
    ) {
        let context = self.context(records);
        let leaf = self.leaf_mut(path, 0);
        let at = leaf.find(old.score, old.handle);
        let removed = Effect::removing(context, leaf, at..at + 1);
        let added = Effect::adding(records, leaf, &Entry { score, handle: renew(), ..*old });
        self.note(
            records,
            path,
            Effect {
                ties: removed.ties + added.ties,
                first: added.first.or(removed.first),
                last: added.last.or(removed.last),
                ..Effect::NONE
            },
        );
    }

    /// Removes the members at `ranks`, which all exist, and hands each to `sink`. O(log n) per leaf touched.
    pub(super) fn remove_ranks(&mut self, records: Records<'_>, ranks: Range<usize>, mut sink: impl FnMut(Handle)) {
        assert!(ranks.end <= self.len, "the ranks to remove exist");
        let (context, mut left) = (self.context(records), ranks.len());
        while left > 0 {
            let (mut rank, mut len) = (ranks.start, self.len);
            let (path, leaf) = self.locate(|inner| {
                let child;
                (child, rank, len) = inner.child_at(rank, len);
                child
            });
            let some = rank..leaf.len().min(rank + left);
            left -= some.len();
            self.len -= some.len();
            let leaf = self.leaf_mut(&path, -(some.len() as isize));
            leaf.handles()[some.clone()].iter().for_each(|&handle| sink(handle));
            let effect = Effect::removing(context, leaf, some);
            self.note(records, &path, effect);
        }
    }

    /// The bytes allocated for the nodes, those that others share among them. O(nodes).
    pub(super) fn allocated_bytes(&self) -> usize {
        self.root.allocated_bytes()
    }

    /// Recounts every node and panics where one is not as the module's head says.
    #[cfg(test)]
    pub(super) fn check(&self, records: Records<'_>) {
        check::check(self, records);
    }

    fn context<'r>(&self, records: Records<'r>) -> Context<'r> {
        Context { records, shape: self.shape }
    }

    /// Goes down by `child`, which chooses, to a leaf.
    #[inline]
    fn locate(&self, mut child: impl FnMut(&Inner) -> usize) -> (Path, &Leaf) {
        let (mut node, mut path, mut level) = (&self.root, Path::ROOT, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return (path, leaf),
                Node::Inner(inner) => {
                    let child = child(inner);
                    path.set(level, child);
                    level += 1;
                    node = &inner.nodes[child];
                }
            }
        }
    }

    /// The leaf at the end of a path, to be changed, where `more` members come: all counts on the way say so already.
    #[inline]
    fn leaf_mut(&mut self, path: &Path, more: isize) -> &mut Leaf {
        let (mut node, mut level) = (&mut self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.make_mut(),
                Node::Inner(inner) => {
                    let (inner, child) = (inner.make_mut(), path.child(level));
                    inner.counts[child] = inner.counts[child].strict_add_signed(more);
                    level += 1;
                    node = &mut inner.nodes[child];
                }
            }
        }
    }

    #[inline]
    fn insert_at(&mut self, records: Records<'_>, path: &Path, entry: &Entry<'_>) {
        self.len += 1;
        let leaf = self.leaf_mut(path, 1);
        leaf.refine(records);
        let effect = Effect::adding(records, leaf, entry);
        self.note(records, path, effect);
    }

    #[inline]
    fn remove_at(&mut self, records: Records<'_>, path: &Path, entry: &Entry<'_>) -> Effect {
        self.len -= 1;
        let context = self.context(records);
        let leaf = self.leaf_mut(path, -1);
        let at = leaf.find(entry.score, entry.handle);
        let effect = Effect::removing(context, leaf, at..at + 1);
        self.note(records, path, effect)
    }

    #[cold]
    #[inline(never)]
    fn insert_making_room(&mut self, records: Records<'_>, entry: &Entry<'_>) {
        let context = self.context(records);
        if self.root.is_full(self.shape) && !self.root.takes_at_an_end(context, entry) {
            let old = std::mem::replace(&mut self.root, empty_root());
            self.root = Node::Inner(Shared::new(Inner::above(old, records)));
        }
        let effect = match &mut self.root {
            Node::Leaf(_) => unreachable!("a leaf that is full has a parent now"),
            Node::Inner(inner) => inner.make_mut().insert(context, Edges::BOTH, entry),
        };
        self.len += 1;
        self.ties = self.ties.strict_add_signed(effect.ties);
    }

    /// Takes note of what a change did to the leaf at the end of a path, and says what came of it.
    #[inline]
    fn note(&mut self, records: Records<'_>, path: &Path, effect: Effect) -> Effect {
        if effect == Effect::NONE { effect } else { self.note_some(records, path, effect) }
    }

    #[inline(never)]
    fn note_some(&mut self, records: Records<'_>, path: &Path, effect: Effect) -> Effect {
        let context = self.context(records);
        let effect = match &mut self.root {
            Node::Leaf(_) => effect,
            Node::Inner(inner) => inner.make_mut().note(context, Edges::BOTH, path, 0, effect),
        };
        self.ties = self.ties.strict_add_signed(effect.ties);
        let mut is_shed = false;
        // An inner root with one child gives way to it, one without to an empty leaf.
        while let Node::Inner(inner) = &self.root
            && inner.len() < 2
        {
            is_shed = true;
            self.root = inner.nodes.first().cloned().unwrap_or_else(empty_root);
        }
        Effect { is_dealt: effect.is_dealt || is_shed, ..effect }
    }
}

fn empty_root() -> Node {
    Node::Leaf(Shared::new(Leaf::default()))
}
