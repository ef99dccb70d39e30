//! One runner, every form: small, large with nodes of four, large as it is used. Two oracles: [`Naive`], and a skip list that others wrote.

use super::naive::Naive;
use super::*;
use crate::base::rng::Rng;
use proptest::prelude::*;
use skiplist::OrderedSkipList;
use std::cmp::Ordering;
use std::collections::HashMap;

mod algebra;
mod bounds;
mod build;
mod clones;
mod edges;
mod forms;
mod random;
mod ranks;

/// `short` cases of a property; as many as the variable PROPTEST_CASES says, if it is there.
fn cases(short: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: short, ..config } }
}

/// Never leaves the small form.
const WIDE_LIMITS: Limits = Limits { entries: usize::MAX, value_bytes: usize::MAX };

/// Nodes so small that a thousand members make a tree of five levels.
const TINY: Shape = Shape { leaf: 4, inner: 4 };
/// Nodes of odd capacity, where halves are unequal.
const ODD: Shape = Shape { leaf: 7, inner: 5 };

/// The forms under test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Small,
    Large(Shape),
    /// Small first, then large as outside tests.
    Default,
}

const KINDS: [Kind; 5] = [Kind::Small, Kind::Large(TINY), Kind::Large(ODD), Kind::Large(Shape::WIDE), Kind::Default];

/// A pair of the skip list.
#[derive(Clone, Debug)]
struct Scored(f64, Vec<u8>);

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then_with(|| self.1.cmp(&other.1))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scored {}

/// A set and its twins, changed together.
struct Pair {
    set: ZSet,
    naive: Naive,
    list: OrderedSkipList<Scored>,
    limits: Limits,
}

impl Pair {
    fn new(kind: Kind) -> Self {
        let set = match kind {
            Kind::Large(shape) => ZSet { form: Either::large(Large::new(shape)) },
            Kind::Small | Kind::Default => ZSet::new(),
        };
        let limits = if kind == Kind::Small { WIDE_LIMITS } else { Limits::default() };
        Self { set, naive: Naive::default(), list: OrderedSkipList::new(), limits }
    }

    fn insert(&mut self, member: &[u8], score: f64) {
        if let Some(rank) = self.naive.find(member) {
            self.unlist(rank..rank + 1);
        }
        self.list.insert(Scored(score + 0.0, member.to_vec()));
        assert_eq!(self.set.insert(member, score, &self.limits), self.naive.insert(member, score));
    }

    fn remove(&mut self, member: &[u8]) {
        if let Some(rank) = self.naive.find(member) {
            self.unlist(rank..rank + 1);
        }
        assert_eq!(self.set.remove(member), self.naive.remove(member));
    }

    fn remove_all(&mut self, members: Vec<Vec<u8>>) {
        let removed = self.set.remove_all(members.iter().map(Vec::as_slice));
        assert_eq!(removed, members.iter().filter(|member| self.naive.remove(member).is_some()).count());
        self.relist();
    }

    fn remove_ranks(&mut self, ranks: Range<usize>) {
        let end = ranks.end.min(self.naive.0.len());
        let start = ranks.start.min(end);
        assert_eq!(self.set.remove_ranks(ranks), end - start);
        self.unlist(start..end);
        self.naive.0.drain(start..end);
    }

    fn pop_first(&mut self) {
        let popped = self.set.pop_first(|member, score| (score, member.to_vec()));
        let expected = if self.naive.0.is_empty() { None } else { Some(self.naive.0.remove(0)) };
        assert_eq!(popped, expected);
        assert_eq!(popped, self.list.pop_first().map(|pair| (pair.0, pair.1)));
    }

    fn pop_last(&mut self) {
        let popped = self.set.pop_last(|member, score| (score, member.to_vec()));
        assert_eq!(popped, self.naive.0.pop());
        assert_eq!(popped, self.list.pop_last().map(|pair| (pair.0, pair.1)));
    }

    /// Removes the pairs at `ranks` of the naive twin from the skip list.
    fn unlist(&mut self, ranks: Range<usize>) {
        for (score, member) in &self.naive.0[ranks] {
            let pair = Scored(*score, member.clone());
            assert_eq!(self.list.take_first(&pair), Some(pair), "both twins hold the pair");
        }
    }

    /// Makes the skip list anew from the naive twin.
    fn relist(&mut self) {
        self.list = OrderedSkipList::new();
        self.naive.0.iter().for_each(|(score, member)| self.list.insert(Scored(*score, member.clone())));
    }

    fn assert_ranks_by_score(&self, min: ScoreBound, max: ScoreBound) {
        let (found, expected) = (self.set.ranks_by_score(min, max), self.naive.ranks_by_score(min, max));
        assert_same_range(found, expected, &format!("{min:?}..{max:?}"));
    }

    fn assert_ranks_by_member(&self, min: MemberBound<'_>, max: MemberBound<'_>) {
        let (found, expected) = (self.set.ranks_by_member(&min, &max), self.naive.ranks_by_member(min, max));
        assert_same_range(found, expected, &format!("{min:?}..{max:?}"));
    }

    /// Everything that costs one walk: structure, content in both directions.
    fn assert_equal(&self) {
        if let Form::Large(large) = self.set.form.get() {
            large.check();
        }
        assert_eq!(self.set.len(), self.naive.0.len());
        assert_eq!(self.set.is_empty(), self.naive.0.is_empty());
        let expected = || self.naive.0.iter().map(|(score, member)| (member.as_slice(), score.to_bits()));
        let all = || self.set.iter(0..self.set.len()).map(|(member, score)| (member, score.to_bits()));
        assert!(all().eq(expected()), "members and scores in ascending order");
        assert!(all().rev().eq(expected().rev()), "members and scores in descending order");
        assert_eq!(all().len(), self.naive.0.len());
        assert!(
            all().eq(self.list.iter().map(|pair| (pair.1.as_slice(), pair.0.to_bits()))),
            "as the skip list has them"
        );
    }

    /// Every member's score and rank, and the whole scan in steps of `limit`.
    fn assert_members(&self, limit: usize) {
        for (rank, (score, member)) in self.naive.0.iter().enumerate() {
            assert_eq!(self.set.score(member), Some(*score));
            assert_eq!(self.set.rank(member), Some((rank, *score)));
            assert_eq!(self.list.rank(&Scored(*score, member.clone())), Some(rank));
        }
        let mut scanned: Vec<(f64, Vec<u8>)> = Vec::new();
        let mut next = Some(Position::START);
        while let Some(from) = next {
            next = self.set.scan(from, limit, |member, score| scanned.push((score, member.to_vec())));
        }
        scanned.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
        assert!(scanned == self.naive.0, "a scan visits every member once");
    }
}

/// Ranges are the same where they hold something; where one may be empty is nobody's business.
fn assert_same_range(found: Range<usize>, expected: Range<usize>, what: &str) {
    if expected.is_empty() {
        assert!(found.is_empty(), "{what}: {found:?} ought to be empty");
    } else {
        assert_eq!(found, expected, "{what}");
    }
}

/// A member that sorts neither as its number nor by length.
fn member(number: usize) -> Vec<u8> {
    let mut member = format!("{:x}", number.wrapping_mul(0x9E37_79B1) % 0xFFFF_FFFF).into_bytes();
    if number.is_multiple_of(7) {
        member.extend_from_slice(&[0, 0xFF, b'\r', b'\n']);
    }
    if number.is_multiple_of(31) {
        member.extend_from_slice(b"longer than what a record holds in itself");
    }
    member
}
