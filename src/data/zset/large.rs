//! The large form: a tree in (score, member) order beside an index from member to score.
//!
//! The index owns the records, the tree points to them. So a record comes into the index first and leaves it last, and between the two halves
//! of any change every record that the tree points to has its owner.
#![expect(unsafe_code, reason = "only who holds both index and tree can promise that what the tree points to is owned")]

use super::record::{Handle, Records, View};
use super::tree::{AHEAD, End, Entry, Shape, Tree, Walk};
use super::{Change, Member};
use crate::base::hash::hash;
use crate::data::table::{Position, Step, Table, next_few};
use smallvec::SmallVec;
use std::ops::Range;

/// For so many pops at a time the places in the index are loaded, and the records for as many after them.
const POPS_AHEAD: usize = 8;

/// Members in order and by name. A clone costs O(1) and shares everything until one of the two changes.
///
/// # Invariants
/// The records that the tree points to are those that the index owns.
#[derive(Clone, Debug)]
pub(super) struct Large {
    tree: Tree,
    index: Table<Member>,
}

impl Large {
    pub(super) fn new(shape: Shape) -> Self {
        Self { tree: Tree::new(shape), index: Table::new(0) }
    }

    /// A tree with the index that owns its records, and no others.
    pub(super) fn from_parts(tree: Tree, index: Table<Member>) -> Self {
        assert_eq!(tree.len(), index.len(), "index and tree hold the same members");
        Self { tree, index }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    /// How many distinct scores there are.
    pub(super) fn distinct(&self) -> usize {
        self.tree.distinct()
    }

    #[inline]
    fn records(&self) -> Records<'_> {
        // SAFETY: the tree's records are the index's, which is borrowed as long as they are read; only the tree's handles are read with it.
        unsafe { Records::owned() }
    }

    /// Begins to load what a look at a member of this hash needs.
    #[inline]
    pub(super) fn prefetch_member(&self, step: Step, hash: u64) {
        self.index.prefetch(step, hash);
    }

    #[inline]
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.index.find(hash(member), member).map(View::score)
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let item = self.index.find(hash(member), member)?;
        let (score, handle) = (item.score(), item.handle());
        Some((self.tree.rank(self.records(), &Entry { score, member, handle }), score))
    }

    /// How many members have a lower score, or that score itself if `with_equal`.
    pub(super) fn count_below(&self, score: f64, with_equal: bool) -> usize {
        self.tree.count_below(self.records(), score, with_equal)
    }

    /// How many distinct scores are lower, or up to that score itself if `with_equal`.
    pub(super) fn distinct_below(&self, score: f64, with_equal: bool) -> usize {
        self.tree.distinct_below(self.records(), score, with_equal)
    }

    /// See [`Tree::partition_members`].
    pub(super) fn partition_members(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.tree.partition_members(self.records(), before)
    }

    /// The members at `ranks`, which all exist.
    pub(super) fn walk(&self, ranks: Range<usize>) -> Walk<'_> {
        self.tree.walk(self.records(), ranks)
    }

    /// Sets the score of `member`, adding it if it is new.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Change {
        self.update(member, |_| Some(score))
    }

    /// Sets the score of `member` to what `decide` makes of the one it has.
    pub(super) fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Change {
        let hash = hash(member);
        // SAFETY: what the tree points to stays owned by the index until the end: the item that changes leaves the tree before it
        // gets its score, when its old record may lose its owner, and comes back as what the index then owns.
        let records = unsafe { Records::owned() };
        if let Some(mut item) = self.index.find_mut(hash, member) {
            return match decide(Some(item.score())) {
                Some(score) if score != item.score() => {
                    let old = Entry { score: item.score(), member, handle: item.handle() };
                    self.tree.set_score(records, &old, score, || {
                        item.set_score(score);
                        item.handle()
                    });
                    Change::Updated
                }
                _ => Change::Unchanged,
            };
        }
        let Some(score) = decide(None) else { return Change::Unchanged };
        let item = Member::new(member, score);
        let handle = item.handle();
        self.index.insert_new(hash, item);
        self.tree.insert(records, &Entry { score, member, handle });
        Change::Added
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.remove_hashed(hash(member), member)
    }

    fn remove_hashed(&mut self, hash: u64, member: &[u8]) -> Option<f64> {
        let item = self.index.find(hash, member)?;
        let (score, handle) = (item.score(), item.handle());
        // SAFETY: the index owns all that the tree points to until it gives this record up, below.
        let records = unsafe { Records::owned() };
        self.tree.remove(records, &Entry { score, member, handle });
        self.index.remove_at(hash, |place| handle.is_at(place)).expect("what was found is there");
        Some(score)
    }

    /// Removes these members and returns how many there were.
    pub(super) fn remove_all<'k>(&mut self, members: impl Iterator<Item = &'k [u8]>) -> usize {
        let (mut members, mut removed) = (members.map(|member| (hash(member), member)), 0);
        loop {
            let few = next_few(&mut members);
            if few.is_empty() {
                return removed;
            }
            self.index.prefetch_few(&few);
            for (hash, _) in &few {
                self.index.probe_items(*hash, |item| self.tree.prefetch_leaf(item.score()));
            }
            removed += few.iter().filter(|(hash, member)| self.remove_hashed(*hash, member).is_some()).count();
        }
    }

    /// Removes the members at `ranks`, which all exist.
    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        if ranks.len() == self.len() {
            *self = Self::new(self.tree.shape());
            return;
        }
        self.take_ranks(ranks);
    }

    /// Removes and returns the member at an end of the set, which is not empty.
    #[inline]
    pub(super) fn pop(&mut self, end: End) -> Member {
        // SAFETY: the index gives the record up after the tree has forgotten it.
        let records = unsafe { Records::owned() };
        let handle = self.tree.pop(records, end);
        let item = self.index.remove_at(hash(records.bytes(handle)), |place| handle.is_at(place));
        if self.len().is_multiple_of(POPS_AHEAD) {
            self.prefetch_neighbours(end);
        }
        item.expect("every member of the tree is in the index")
    }

    /// Begins to load what the next pops at this end will need, for several of them at a time: who pops one member mostly pops others after it. What they need lies on a page
    /// of its own each, and the processor finds several pages in the time of one.
    fn prefetch_neighbours(&self, end: End) {
        self.tree.near(end, POPS_AHEAD + 1..2 * POPS_AHEAD + 1).for_each(Handle::prefetch);
        // Their records were loaded this many pops ago.
        self.tree.near(end, 1..POPS_AHEAD + 1).for_each(|near| {
            self.index.prefetch(Step::Segment, hash(self.records().bytes(near)));
        });
    }

    /// Removes the members at `ranks`, which are not all.
    fn take_ranks(&mut self, ranks: Range<usize>) {
        // SAFETY: the index gives records up only after the tree has forgotten all of them.
        let records = unsafe { Records::owned() };
        let mut handles = SmallVec::<[Handle; 16]>::with_capacity(ranks.len());
        self.tree.remove_ranks(records, ranks, |handle| handles.push(handle));
        for (at, &handle) in handles.iter().enumerate() {
            if let Some(later) = handles.get(at + AHEAD) {
                later.prefetch();
            }
            let item = self.index.remove_at(hash(records.bytes(handle)), |place| handle.is_at(place));
            drop(item.expect("every member of the tree is in the index"));
        }
    }

    pub(super) fn scan<'a>(
        &'a self,
        from: Position,
        limit: usize,
        mut visit: impl FnMut(&'a [u8], f64),
    ) -> Option<Position> {
        self.index.scan(from, limit, |item| visit(item.bytes(), item.score()))
    }

    /// The bytes allocated for tree, index and members, if these are like the first `samples` of them.
    pub(super) fn estimated_bytes(&self, samples: usize) -> usize {
        let members = crate::data::sampled(self.index.iter().map(View::allocated_bytes), self.len(), samples);
        self.tree.allocated_bytes() + self.index.allocated_bytes() + members
    }

    /// Recounts the tree and compares it with the index.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check(self.records());
        assert_eq!(self.index.iter().count(), self.tree.len(), "index and tree hold equally many members");
        for (member, score) in self.walk(0..self.len()) {
            assert_eq!(self.score(member), Some(score), "index and tree agree on every score");
        }
    }
}
