//! An inner node: its children, and what lies under each.
//!
//! What a search compares, the first scores, and what a rank adds up, the counts, lie in arrays of their own.

use super::node::{Aim, Context, Edges, Effect, End, Node};
use super::{Entry, Summary};
use crate::data::zset::record::{Handle, Records};
use crate::data::zset::tree::leaf::Leaf;
use smallvec::SmallVec;

/// The most children of an inner node.
pub(in crate::data::zset) const INNER_MAX: usize = 64;
/// The scores in a cache line.
const LINE: usize = 8;

/// Children in order. `firsts[i]`, `counts[i]` and `children[i]` tell of child i.
#[derive(Clone, Debug, Default)]
pub(super) struct Inner {
    /// The first member's score.
    pub(super) firsts: SmallVec<[f64; INNER_MAX]>,
    /// How many members there are.
    pub(super) counts: SmallVec<[usize; INNER_MAX]>,
    pub(super) children: SmallVec<[Child; INNER_MAX]>,
}

/// What is rarely needed of a child, and the child.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) node: Node,
    /// The first member's record.
    pub(super) handle: Handle,
    /// The last member's score.
    pub(super) last: f64,
    /// How many distinct scores there are.
    pub(super) distinct: usize,
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
        self.firsts.len()
    }

    #[inline]
    pub(super) fn child(&self, at: usize) -> &Node {
        &self.children[at].node
    }

    pub(super) fn summary(&self) -> Summary {
        let last = self.len() - 1;
        Summary {
            first: self.firsts[0],
            handle: self.children[0].handle,
            last: self.children[last].last,
            count: self.counts.iter().sum(),
            distinct: self.distinct_before(last) + self.children[last].distinct,
        }
    }

    /// Puts a child at `at`; those from there on make room.
    pub(super) fn put(&mut self, at: usize, summary: Summary, node: Node) {
        let Summary { first, handle, last, count, distinct } = summary;
        self.firsts.insert(at, first);
        self.counts.insert(at, count);
        self.children.insert(at, Child { node, handle, last, distinct });
    }

    /// Takes child `at` out.
    pub(super) fn take(&mut self, at: usize) -> Node {
        self.firsts.remove(at);
        self.counts.remove(at);
        self.children.remove(at).node
    }

    /// The child under which the member is, or would be.
    #[inline]
    pub(super) fn child_of(&self, records: Records<'_>, entry: &Entry<'_>) -> usize {
        let low = self.firsts_below(entry.score);
        let ties = self.firsts[low..].iter().take_while(|&&first| first == entry.score).count();
        let not_above = |child: &Child| child.handle == entry.handle || records.bytes(child.handle) <= entry.member;
        (low + self.children[low..low + ties].partition_point(not_above)).saturating_sub(1)
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
        self.children.partition_point(|child| before(child.handle)).saturating_sub(1)
    }

    /// The child that holds `rank`, and the rank under that child.
    #[inline]
    pub(super) fn child_at(&self, mut rank: usize) -> (usize, usize) {
        for (child, &count) in self.counts.iter().enumerate() {
            if rank < count {
                return (child, rank);
            }
            rank -= count;
        }
        unreachable!("a rank lies below the number of members");
    }

    /// How many members the children before `at` have.
    #[inline]
    pub(super) fn count_before(&self, at: usize) -> usize {
        self.counts[..at].iter().sum()
    }

    /// How many distinct scores the children before `at` have that are not the first of child `at`.
    pub(super) fn distinct_before(&self, at: usize) -> usize {
        let all: usize = self.children[..at].iter().map(|child| child.distinct).sum();
        all - (1..=at).filter(|&at| self.is_joined(at)).count()
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
        0 < at && at < self.len() && self.children[at - 1].last == self.firsts[at]
    }

    /// On how many sides child `at` is joined to its neighbours.
    #[inline]
    fn joins(&self, at: usize) -> isize {
        isize::from(self.is_joined(at)) + isize::from(self.is_joined(at + 1))
    }

    /// Adds a member below. The node has room, or takes the member at an end.
    pub(super) fn insert(&mut self, context: Context<'_>, edges: Edges, entry: &Entry<'_>) -> Effect {
        let Context { records, shape } = context;
        let mut at = self.child_of(records, entry);
        let node = self.child(at);
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
        let below = edges.of(at, self.len());
        let effect = self.children[at].node.insert(context, below, entry);
        self.settle(context, edges, at, effect)
    }

    /// Adds a member that lies before all or after all under this node, in nodes of its own.
    fn put_one(&mut self, at: usize, records: Records<'_>, entry: &Entry<'_>) -> Effect {
        let node = Node::with_one(self.child(0).height(), records, entry);
        self.put(at, node.summary(records), node);
        let is_last = at + 1 == self.len();
        Effect {
            count: 1,
            distinct: 1 - self.joins(at),
            first: (at == 0).then_some((entry.score, entry.handle)),
            last: is_last.then_some(entry.score),
        }
    }

    /// Goes down to the leaf that `aim` names, lets `change` change it at that place, and repairs.
    pub(super) fn edit<F>(&mut self, context: Context<'_>, edges: Edges, aim: Aim<'_>, change: F) -> Effect
    where
        F: FnOnce(&mut Leaf, usize) -> Effect,
    {
        let (at, aim) = match aim {
            Aim::Entry(entry) => (self.child_of(context.records, entry), aim),
            Aim::Rank(rank) => {
                let (at, rest) = self.child_at(rank);
                (at, Aim::Rank(rest))
            }
        };
        let below = edges.of(at, self.len());
        let effect = self.children[at].node.edit(context, below, aim, change);
        self.settle(context, edges, at, effect)
    }

    /// Takes note of a change under child `at`, and says what it means for this node. A child that lost its last member goes.
    #[inline]
    fn settle(&mut self, context: Context<'_>, edges: Edges, at: usize, effect: Effect) -> Effect {
        if let Effect { count, distinct: 0, first: None, last: None } = effect
            && count >= 0
        {
            self.counts[at] = self.counts[at].strict_add_signed(count);
            return effect;
        }
        let joins = self.joins(at);
        let is_last = at + 1 == self.len();
        self.counts[at] = self.counts[at].strict_add_signed(effect.count);
        let child = &mut self.children[at];
        child.distinct = child.distinct.strict_add_signed(effect.distinct);
        if let Some((score, handle)) = effect.first {
            self.firsts[at] = score;
            child.handle = handle;
        }
        if let Some(score) = effect.last {
            child.last = score;
        }
        let is_gone = self.counts[at] == 0;
        let joins_now = if is_gone {
            self.take(at);
            isize::from(self.is_joined(at))
        } else {
            self.joins(at)
        };
        let ends_here = (at == 0 && (is_gone || effect.first.is_some()), is_last && (is_gone || effect.last.is_some()));
        let below = edges.of(at, self.len());
        if effect.count < 0 && !is_gone && !below.any() {
            self.refill(context, at);
        }
        Effect {
            count: effect.count,
            distinct: effect.distinct - (joins_now - joins),
            first: (ends_here.0 && self.len() > 0).then(|| (self.firsts[0], self.children[0].handle)),
            last: (ends_here.1 && self.len() > 0).then(|| self.children[self.len() - 1].last),
        }
    }
}
