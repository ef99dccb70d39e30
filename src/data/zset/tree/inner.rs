//! An inner node: its children, and what lies under each.
//!
//! What a search compares, the first scores, what a rank adds up, the counts, and where the children are lie in arrays of their own: a change that
//! meets no ends and no equal scores touches nothing else.

use super::node::{Context, Edges, Effect, End, Node, Path};
use super::{Entry, Summary};
use crate::data::zset::record::{Handle, Records};
use smallvec::SmallVec;

/// The most children of an inner node.
pub(in crate::data::zset) const INNER_MAX: usize = 64;
/// The scores in a cache line.
const LINE: usize = 8;

/// Children in order. Place i of each array tells of child i.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// The first member's score.
    pub(super) firsts: SmallVec<[f64; INNER_MAX]>,
    /// How many members there are.
    pub(super) counts: SmallVec<[usize; INNER_MAX]>,
    pub(super) nodes: SmallVec<[Node; INNER_MAX]>,
    pub(super) details: SmallVec<[Detail; INNER_MAX]>,
}

/// What is rarely needed of a child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// The first member's record.
    pub(super) handle: Handle,
    /// The last member's score.
    pub(super) last: f64,
    /// How many members have the score of the one before.
    pub(super) ties: usize,
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        // The count of each child goes up, which is a wait for memory each: all are loaded at once.
        self.nodes.iter().for_each(Node::prefetch);
        Self {
            firsts: self.firsts.clone(),
            counts: self.counts.clone(),
            nodes: self.nodes.clone(),
            details: self.details.clone(),
        }
    }
}

impl Inner {
    /// The parent of one child.
    pub(super) fn above(child: Node, records: Records<'_>) -> Self {
        let mut inner = Self::default();
        inner.put(0, child.summary(records), child);
        inner
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn summary(&self) -> Summary {
        let last = self.len() - 1;
        Summary {
            first: self.firsts[0],
            handle: self.details[0].handle,
            last: self.details[last].last,
            count: self.counts.iter().sum(),
            ties: self.ties_before(last) + self.details[last].ties,
        }
    }

    /// How many items child `at` itself holds: of a leaf this node knows it.
    #[inline]
    pub(super) fn width_of(&self, at: usize) -> usize {
        match &self.nodes[at] {
            Node::Leaf(_) => self.counts[at],
            Node::Inner(inner) => inner.len(),
        }
    }

    /// Puts a child at `at`; those from there on make room.
    pub(super) fn put(&mut self, at: usize, summary: Summary, node: Node) {
        let Summary { first, handle, last, count, ties } = summary;
        self.firsts.insert(at, first);
        self.counts.insert(at, count);
        self.nodes.insert(at, node);
        self.details.insert(at, Detail { handle, last, ties });
    }

    /// Takes child `at` out.
    pub(super) fn take(&mut self, at: usize) -> Node {
        self.firsts.remove(at);
        self.counts.remove(at);
        self.details.remove(at);
        self.nodes.remove(at)
    }

    /// The child under which the member is, or would be.
    #[inline]
    pub(super) fn child_of(&self, records: Records<'_>, entry: &Entry<'_>) -> usize {
        let low = self.firsts_below(entry.score);
        if self.firsts.get(low) != Some(&entry.score) {
            return low.saturating_sub(1);
        }
        let ties = self.firsts[low..].partition_point(|&first| first == entry.score);
        let is_up_to = |child: &Detail| child.handle == entry.handle || records.bytes(child.handle) <= entry.member;
        (low + self.details[low..low + ties].partition_point(is_up_to)).saturating_sub(1)
    }

    /// The child under which the last lower score is, or the last up to that score if `with_equal`.
    #[inline]
    pub(super) fn child_of_score(&self, score: f64, with_equal: bool) -> usize {
        let low = self.firsts_below(score);
        let ties = if with_equal { self.firsts[low..].partition_point(|&first| first == score) } else { 0 };
        (low + ties).saturating_sub(1)
    }

    /// The child under which the last member is that is `before`.
    pub(super) fn child_by(&self, before: impl Fn(Handle) -> bool) -> usize {
        self.details.partition_point(|child| before(child.handle)).saturating_sub(1)
    }

    /// The child that holds `rank` of the `len` that lie below, the rank under that child, and how many it has. Counts from the nearer end.
    #[inline]
    pub(super) fn child_at(&self, rank: usize, len: usize) -> (usize, usize, usize) {
        debug_assert!(rank < len, "a rank lies below the number of members");
        if rank <= len / 2 {
            let mut rank = rank;
            for (child, &count) in self.counts.iter().enumerate() {
                if rank < count {
                    return (child, rank, count);
                }
                rank -= count;
            }
        } else {
            let mut from_end = len - rank;
            for (child, &count) in self.counts.iter().enumerate().rev() {
                if from_end <= count {
                    return (child, count - from_end, count);
                }
                from_end -= count;
            }
        }
        unreachable!("a rank lies below the number of members");
    }

    /// How many members the children before `at` have.
    #[inline]
    pub(super) fn count_before(&self, at: usize) -> usize {
        self.counts[..at].iter().sum()
    }

    /// How many members of the children before `at`, and of the first of child `at`, have the score of the one before.
    pub(super) fn ties_before(&self, at: usize) -> usize {
        let inside: usize = self.details[..at].iter().map(|child| child.ties).sum();
        inside + (1..=at).filter(|&at| self.is_joined(at)).count()
    }

    /// How many children begin with a lower score.
    ///
    /// Compares the first score of each cache line, then those of one line: the lines of a binary search would be fetched one
    /// after the other, these are fetched at once.
    #[inline]
    fn firsts_below(&self, score: f64) -> usize {
        let lines = self.firsts.chunks(LINE).filter(|line| line[0] < score).count();
        let start = lines.saturating_sub(1) * LINE;
        start + self.firsts[start..].iter().take(LINE).filter(|&&first| first < score).count()
    }

    /// Whether child `at` begins with the score with which the one before ends.
    #[inline]
    fn is_joined(&self, at: usize) -> bool {
        0 < at && at < self.len() && self.details[at - 1].last == self.firsts[at]
    }

    /// On how many sides child `at` is joined to its neighbours.
    #[inline]
    fn joins(&self, at: usize) -> isize {
        isize::from(self.is_joined(at)) + isize::from(self.is_joined(at + 1))
    }

    /// Adds a member below where a leaf may be full. The node has room, or takes the member at an end.
    pub(super) fn insert(&mut self, context: Context<'_>, edges: Edges, entry: &Entry<'_>) -> Effect {
        let Context { records, shape } = context;
        let mut at = self.child_of(records, entry);
        let node = &self.nodes[at];
        if node.is_full(shape) {
            let below = edges.of(at, self.len());
            let end = if below.any() { node.end_of(records, entry) } else { None };
            match end {
                Some(End::Right) if below.right => {
                    if node.is_full_to(End::Right, shape) {
                        return self.put_one(at + 1, records, entry);
                    }
                }
                Some(End::Left) if below.left => {
                    if node.is_full_to(End::Left, shape) {
                        return self.put_one(0, records, entry);
                    }
                }
                _ => {
                    self.make_room(context, at);
                    at = self.child_of(records, entry);
                }
            }
        }
        self.counts[at] += 1;
        let below = edges.of(at, self.len());
        let effect = match &mut self.nodes[at] {
            Node::Leaf(leaf) => Effect::adding(records, leaf.make_mut(), entry),
            Node::Inner(inner) => inner.make_mut().insert(context, below, entry),
        };
        self.settle(context, edges, at, effect)
    }

    /// Adds a member that lies before all or after all under this node, in nodes of its own.
    fn put_one(&mut self, at: usize, records: Records<'_>, entry: &Entry<'_>) -> Effect {
        let node = Node::with_one(self.nodes[0].height(), records, entry);
        self.put(at, node.summary(records), node);
        let is_last = at + 1 == self.len();
        Effect {
            ties: self.joins(at),
            first: (at == 0).then_some((entry.score, entry.handle)),
            last: is_last.then_some(entry.score),
            ..Effect::NONE
        }
    }

    /// Takes note, on the whole path from here down, of what a change did to the leaf at its end, and says what it means for this node.
    pub(super) fn note(
        &mut self,
        context: Context<'_>,
        edges: Edges,
        path: &Path,
        level: usize,
        effect: Effect,
    ) -> Effect {
        let at = path.child(level);
        let below = edges.of(at, self.len());
        let effect = match &mut self.nodes[at] {
            Node::Leaf(_) => effect,
            Node::Inner(inner) => inner.make_mut().note(context, below, path, level + 1, effect),
        };
        self.settle(context, edges, at, effect)
    }

    /// Takes note of a change under child `at`, whose count is already right, and says what it means for this node. A child that lost its
    /// last member goes.
    fn settle(&mut self, context: Context<'_>, edges: Edges, at: usize, effect: Effect) -> Effect {
        let is_last = at + 1 == self.len();
        let is_gone = self.counts[at] == 0;
        // Another first member matters to the neighbour before, another last one to the one after.
        let mut joins = 0;
        if is_gone || effect.first.is_some() {
            joins -= isize::from(self.is_joined(at));
        }
        if is_gone || effect.last.is_some() {
            joins -= isize::from(self.is_joined(at + 1));
        }
        let child = &mut self.details[at];
        child.ties = child.ties.strict_add_signed(effect.ties);
        if let Some((score, handle)) = effect.first {
            child.handle = handle;
            self.firsts[at] = score;
            joins += isize::from(self.is_joined(at));
        }
        if let Some(score) = effect.last {
            self.details[at].last = score;
            joins += isize::from(self.is_joined(at + 1));
        }
        if is_gone {
            self.take(at);
            joins += isize::from(self.is_joined(at));
        }
        let is_dealt = !is_gone && effect.is_sparse && !edges.of(at, self.len()).any() && self.refill(context, at);
        let some = self.len() > 0;
        let first = some && at == 0 && (is_gone || effect.first.is_some());
        let last = some && is_last && (is_gone || effect.last.is_some());
        Effect {
            ties: effect.ties + joins,
            first: first.then(|| (self.firsts[0], self.details[0].handle)),
            last: last.then(|| self.details[self.len() - 1].last),
            // A parent looks at this node's width where it may have lost a child.
            is_sparse: is_gone || is_dealt,
            is_dealt: effect.is_dealt || is_gone || is_dealt,
        }
    }
}
